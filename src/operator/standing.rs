//! How a resource stands, and its three conditions in the form kstatus reads. Pure.
//!
//! Source: kstatus (sigs.k8s.io/cli-utils). Ready is always there; Reconciling and Stalled are there, and
//! True, only while they hold, and never together.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::{SchemaMigrationStatus, condition};

/// Reasons that are the operator's own. A failed run's reason is the runner's: [`crate::report::Reason`].
pub mod reason {
    /// The run has verified this generation and content in the database.
    pub const VERIFIED: &str = "Verified";
    /// A run goes on, its pod runs.
    pub const RUNNING: &str = "Running";
    /// A run is started, its pod does not run yet.
    pub const STARTING: &str = "Starting";
    /// A run's Job was deleted by somebody, and its pod rolls back.
    pub const STOPPING: &str = "Stopping";
    /// The API server refused something the run needs.
    pub const REFUSED: &str = "RefusedByCluster";
    /// A resource with the same database has a run.
    pub const WAITING_FOR_DATABASE: &str = "WaitingForDatabase";
    /// A ConfigMap of the source does not exist.
    pub const SOURCE_NOT_FOUND: &str = "SourceNotFound";
    /// The source cannot be run.
    pub const INVALID_SOURCE: &str = "InvalidSource";
    /// The spec or the source has changed while a run went on.
    pub const CHANGED: &str = "Changed";
    /// A pod ended without saying how.
    pub const POD_LOST: &str = "PodLost";
    /// As many attempts as the spec allows have failed.
    pub const RETRY_LIMIT_REACHED: &str = "RetryLimitReached";
    /// `spec.suspend` is true.
    pub const SUSPENDED: &str = "Suspended";
    /// The resource is deleted and waits for its Job.
    pub const TERMINATING: &str = "Terminating";
}

/// The longest message, in bytes: as much as an event's note can hold (Kubernetes API, `events.k8s.io/v1`), so that both
/// say the same to the end.
pub const MESSAGE_LIMIT: usize = 1024;

/// How a resource stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// This generation and content are verified in the database.
    Ready,
    /// Something goes on or is waited for that needs nobody.
    Reconciling,
    /// The same, after a failure: a person may want to look already.
    Recovering,
    /// Nothing goes on until a person changes something.
    Stalled,
    /// Nothing is started, because that is what was asked for.
    Suspended,
}

/// The types that are written here.
const OURS: [&str; 3] = [condition::READY, condition::RECONCILING, condition::STALLED];

/// Puts the conditions of a standing into a status; others that are there stay. A condition's time changes only with
/// its status.
///
/// `message` says what happened, what is waited for and what to do next.
pub fn write(
    status: &mut SchemaMigrationStatus,
    standing: &Standing,
    (reason, message): (&str, &str),
    (generation, now): (i64, Timestamp),
) {
    let ready = match standing {
        Standing::Ready => "True",
        Standing::Reconciling | Standing::Suspended => "Unknown",
        Standing::Recovering | Standing::Stalled => "False",
    };
    let mut wanted = vec![(condition::READY, ready)];
    match standing {
        Standing::Reconciling | Standing::Recovering => wanted.push((condition::RECONCILING, "True")),
        Standing::Stalled => wanted.push((condition::STALLED, "True")),
        Standing::Ready | Standing::Suspended => {}
    }
    let before = std::mem::take(&mut status.conditions);
    let since = |type_: &str, value: &str| {
        let same = before.iter().find(|c| c.type_ == type_ && c.status == value);
        same.map_or_else(|| Time(whole_second(now)), |c| c.last_transition_time.clone())
    };
    let others = before.iter().filter(|condition| !OURS.contains(&condition.type_.as_str())).cloned();
    status.conditions = wanted
        .into_iter()
        .map(|(type_, value)| Condition {
            last_transition_time: since(type_, value),
            message: shorten(message, MESSAGE_LIMIT),
            observed_generation: Some(generation),
            reason: reason.to_owned(),
            status: value.to_owned(),
            type_: type_.to_owned(),
        })
        .chain(others)
        .collect();
    status.observed_generation = Some(generation);
}

/// Whether a condition is True.
#[must_use]
pub fn is_true(status: &SchemaMigrationStatus, type_: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// Whether a status says why it stands as it does by this reason.
#[must_use]
pub fn is_for(status: &SchemaMigrationStatus, reason: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == condition::READY && condition.reason == reason)
}

/// A time as the API server keeps it.
#[must_use]
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A text of at most `limit` bytes, cut between characters.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit.saturating_sub('…'.len_utf8())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    use super::{Standing, is_for, is_true, shorten, write};
    use crate::api::SchemaMigrationStatus;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ready_is_always_there_and_the_other_two_never_together() {
        let mut status = SchemaMigrationStatus::default();
        for (standing, ready, types) in [
            (Standing::Reconciling, "Unknown", vec!["Ready", "Reconciling"]),
            (Standing::Recovering, "False", vec!["Ready", "Reconciling"]),
            (Standing::Stalled, "False", vec!["Ready", "Stalled"]),
            (Standing::Suspended, "Unknown", vec!["Ready"]),
            (Standing::Ready, "True", vec!["Ready"]),
        ] {
            write(&mut status, &standing, ("Reason", "A message."), (3, at(10)));
            let found: Vec<&str> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
            assert_eq!(found, types, "{standing:?}");
            assert_eq!(status.conditions[0].status, ready, "{standing:?}");
            assert!(status.conditions.iter().all(|c| c.observed_generation == Some(3)));
            assert_eq!(status.observed_generation, Some(3));
        }
        assert!(is_true(&status, "Ready"));
    }

    #[test]
    fn a_conditions_time_changes_with_its_status_alone() {
        let mut status = SchemaMigrationStatus::default();
        write(&mut status, &Standing::Reconciling, ("A", "a"), (1, at(10)));
        write(&mut status, &Standing::Reconciling, ("B", "b"), (2, at(20)));
        assert!(status.conditions.iter().all(|c| c.last_transition_time.0 == at(10) && c.reason == "B"));
        write(&mut status, &Standing::Recovering, ("B", "b"), (2, at(30)));
        let times: Vec<i64> = status.conditions.iter().map(|c| c.last_transition_time.0.as_second()).collect();
        assert_eq!(times, [30, 10]);
    }

    #[test]
    fn a_condition_that_another_controller_set_stays() {
        let mut status = SchemaMigrationStatus::default();
        write(&mut status, &Standing::Reconciling, ("A", "a"), (1, at(10)));
        let theirs = Condition { type_: "Approved".into(), reason: "B".into(), ..status.conditions[0].clone() };
        status.conditions.push(theirs.clone());
        write(&mut status, &Standing::Ready, ("C", "c"), (2, at(20)));
        let types: Vec<&str> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, ["Ready", "Approved"]);
        assert_eq!(status.conditions[1], theirs);
        assert!(!is_for(&status, "B"), "its reason is not ours");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("ääää", 7), "ää…");
        assert_eq!(shorten("", 0), "");
    }
}
