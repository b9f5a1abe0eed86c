//! What a resource's state means for its three conditions, in the form kstatus reads. Pure.
//!
//! Source: kstatus (sigs.k8s.io/cli-utils). Ready is always there; Reconciling and Stalled are there, and
//! True, only while they hold, and never together.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::conditions::{Conditions, Owned, Value};
use super::why::Why;
use crate::api::SchemaMigrationStatus;

/// The state of a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// This generation and content are verified in the database.
    Ready,
    /// Something is in progress or waited for, and needs nobody's help.
    Reconciling,
    /// The same, after a failure: a person may want to look already.
    Recovering,
    /// Nothing happens until a person changes something.
    Stalled,
    /// Nothing is started, because that is what was asked for.
    Suspended,
}

/// Puts a standing's conditions into a status; those of other types stay.
///
/// `message` says what happened, what is waited for and what to do next.
pub fn write(
    status: &mut SchemaMigrationStatus,
    standing: &Standing,
    why: (Why, &str),
    (generation, now): (i64, Timestamp),
) {
    let (ready, beside) = match standing {
        Standing::Ready => (Value::True, None),
        Standing::Suspended => (Value::Unknown, None),
        Standing::Reconciling => (Value::Unknown, Some(Owned::Reconciling)),
        Standing::Recovering => (Value::False, Some(Owned::Reconciling)),
        Standing::Stalled => (Value::False, Some(Owned::Stalled)),
    };
    let mut conditions = Conditions::of(status, (generation, now));
    conditions.set(Owned::Ready, ready, why);
    for type_ in [Owned::Reconciling, Owned::Stalled] {
        if beside == Some(type_) {
            conditions.set(type_, Value::True, why);
        } else {
            conditions.clear(type_);
        }
    }
    status.observed_generation = Some(generation);
}

/// The condition that always exists, except on a resource that was never looked at.
#[must_use]
pub fn ready(status: &SchemaMigrationStatus) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == Owned::Ready.as_str())
}

/// Whether this is the reason that a status gives.
#[must_use]
pub fn is_for(status: &SchemaMigrationStatus, why: Why) -> bool {
    ready(status).is_some_and(|ready| ready.reason == why.as_str())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    use super::{Standing, Why, is_for, write};
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
            write(&mut status, &standing, (Why::Running, "A message."), (3, at(10)));
            let found: Vec<&str> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
            assert_eq!(found, types, "{standing:?}");
            assert_eq!(status.conditions[0].status, ready, "{standing:?}");
            assert!(status.conditions.iter().all(|c| c.observed_generation == Some(3)));
            assert_eq!(status.observed_generation, Some(3));
        }
    }

    #[test]
    fn a_conditions_time_changes_with_its_status_alone() {
        let mut status = SchemaMigrationStatus::default();
        write(&mut status, &Standing::Reconciling, (Why::Starting, "a"), (1, at(10)));
        write(&mut status, &Standing::Reconciling, (Why::Running, "b"), (2, at(20)));
        assert!(status.conditions.iter().all(|c| c.last_transition_time.0 == at(10) && c.reason == "Running"));
        write(&mut status, &Standing::Recovering, (Why::Running, "b"), (2, at(30)));
        let times: Vec<i64> = status.conditions.iter().map(|c| c.last_transition_time.0.as_second()).collect();
        assert_eq!(times, [30, 10]);
    }

    #[test]
    fn a_condition_that_another_controller_set_stays() {
        let mut status = SchemaMigrationStatus::default();
        write(&mut status, &Standing::Reconciling, (Why::Starting, "a"), (1, at(10)));
        let theirs = Condition { type_: "Approved".into(), reason: "Running".into(), ..status.conditions[0].clone() };
        status.conditions.push(theirs.clone());
        write(&mut status, &Standing::Ready, (Why::Verified, "c"), (2, at(20)));
        let types: Vec<&str> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, ["Ready", "Approved"]);
        assert_eq!(status.conditions[1], theirs);
        assert!(!is_for(&status, Why::Running), "its reason is not ours");
    }
}
