//! What a condition says: what happened, what is waited for, what to do next, in a sentence.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::api::{DatabaseSpec, RetrySpec, RunStatus, SchemaMigrationStatus, SecretKeyReference};
use crate::operator::observed::Job;
use crate::operator::source::Refusal;
use crate::operator::standing::reason;
use crate::operator::status::moment;
use crate::report::{ErrorClass, Event, Failure, Reason};

/// `spec.suspend`.
pub(super) const SUSPENDED: &str = "Nothing is started while spec.suspend is true; set it to false to go on.";

/// How to ask for another attempt, for the end of a sentence.
const ASK_AGAIN: &str = "set the annotation schemaward.dev/retry to a new value to try again";

pub(super) fn started(run: &str, attempt: i32) -> String {
    format!("Run {run} (attempt {attempt}) is being started; waiting for its pod.")
}

pub(super) fn waiting_for_database(holder: &str, database: &DatabaseSpec) -> String {
    let secret = &database.url_secret_ref;
    format!(
        "Waiting for SchemaMigration {holder:?}, which migrates the same database (Secret {:?}, key {:?}); \
         this one goes on by itself when that run has ended.",
        secret.name, secret.key
    )
}

pub(super) fn stray_pods(pods: &[String]) -> String {
    format!(
        "Waiting for {} to end, which may still run SQL though its Job is gone; a run starts by itself after it. \
         Delete the pod to have it roll back now.",
        listed("pod", pods)
    )
}

pub(super) fn waiting(job: &Job, complaint: Option<&str>, secret: &SecretKeyReference) -> String {
    let run = &job.name;
    match complaint {
        None => format!("Run {run} is waiting for its pod to start."),
        // The kubelet's words for the volume that `job::url_volume` mounts.
        Some(complaint) if complaint.contains("volume \"url\"") => format!(
            "Run {run} is waiting for Secret {:?} with the key {:?}: {}. Create it, or correct \
             spec.database.urlSecretRef; the pod starts by itself.",
            secret.name,
            secret.key,
            complaint.trim_end_matches('.')
        ),
        Some(complaint) => format!(
            "Run {run} is waiting: {}. Its pod starts by itself once that is put right.",
            complaint.trim_end_matches('.')
        ),
    }
}

pub(super) fn stopping(job: &Job) -> String {
    format!("Run {} is being stopped because its Job was deleted; waiting for its pod to end.", job.name)
}

pub(super) fn taken_back(run: &str, suspended: bool) -> String {
    let why =
        if suspended { "spec.suspend is true" } else { "something else is asked for now: a new run follows by itself" };
    format!("Run {run} had not begun and is taken back, because {why}.")
}

pub(super) fn running(job: &Job, events: &[Event], status: &SchemaMigrationStatus) -> String {
    let run = &job.name;
    let speaking = events.iter().rev().find(|event| !matches!(event, Event::Warning { .. }));
    match (speaking, status.run.as_ref().and_then(|run| run.progress.as_ref())) {
        (Some(Event::WaitingForLock { holder }), _) => format!(
            "Run {run} is waiting for the lock in the database, which {holder} holds; it goes on by itself when \
             that ends."
        ),
        (_, Some(at)) => format!(
            "Run {run} is applying version {}: {} of {} statements have run; waiting for its end.",
            at.version, at.statement, at.statements
        ),
        _ => format!("Run {run} is reading the database's ledger; waiting for its end."),
    }
}

pub(super) fn spec_changed(said: &str, suspended: bool) -> String {
    let next = if suspended { "nothing follows while spec.suspend is true" } else { "a new run follows by itself" };
    format!("{said} The spec has changed since it started: {next}.")
}

pub(super) fn changed_since(said: &str) -> String {
    format!("{} The spec or the source has changed since it started: a new run follows at once.", sentence(said))
}

pub(super) fn source_not_found(config_maps: &[String], namespace: &str) -> String {
    format!(
        "Waiting for {} in namespace {namespace:?}, which spec.source.configMaps names; create it, or correct the \
         name: a run starts by itself.",
        listed("ConfigMap", config_maps)
    )
}

pub(super) fn invalid_source(refusal: &Refusal) -> String {
    format!(
        "The source cannot be run: {} Nothing was changed in the database; correct the source and a run starts by \
         itself.",
        sentence(&refusal.message)
    )
}

pub(super) fn refused(refusal: &str) -> String {
    format!(
        "The cluster refused what the run needs: {} It is tried again by itself; correct spec.job, the quota or the \
         policy that the message names.",
        sentence(refusal)
    )
}

pub(super) fn terminating(jobs: &[&Job], stray_pods: &[String]) -> String {
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let what = if names.is_empty() { listed("pod", stray_pods) } else { listed("Job", &names) };
    format!(
        "Deleted; waiting for {what} to stop, which rolls its migration back. What was applied before stays in the \
         database."
    )
}

pub(super) fn unexplained(run: &str, late: bool, pod: Option<&str>) -> String {
    if late {
        return format!("Run {run} did not end within spec.activeDeadline and was stopped");
    }
    match pod {
        Some(end) => format!("The pod of run {run} ended without saying how: {}", end.trim_end_matches('.')),
        None => format!("The pod of run {run} is gone: it was deleted or evicted, or its node failed"),
    }
}

pub(super) fn succeeded(run: &RunStatus, status: &SchemaMigrationStatus, applied: i64, ahead: &[String]) -> String {
    let mut text = match &status.current_version {
        Some(version) => format!("The database is at version {version}, verified by run {}", run.name),
        None => format!("The database has no migration applied, verified by run {}", run.name),
    };
    let done = match applied {
        0 => "; nothing was pending.".to_owned(),
        1 => ", which applied 1 migration; nothing is pending.".to_owned(),
        many => format!(", which applied {many} migrations; nothing is pending."),
    };
    text.push_str(&done);
    if !ahead.is_empty() {
        let _ = write!(
            text,
            " The database is ahead of its source by {}, which the source no longer has; nothing is undone.",
            listed("version", ahead)
        );
    }
    text
}

/// What went wrong, without a full stop.
pub(super) fn failed(run: &RunStatus, failure: &Failure) -> String {
    let mut text = format!("Run {} (attempt {}) failed", run.name, run.attempt);
    if let Some(place) = &failure.place {
        let _ = write!(text, " in {}", place.file);
        let numbers = [("line", place.line), ("column", place.column), ("statement", place.statement)];
        for (name, number) in numbers.iter().filter_map(|(name, number)| number.map(|number| (name, number))) {
            let _ = write!(text, ", {name} {number}");
        }
    }
    if let Some(code) = &failure.code {
        // Five characters are SQLSTATE; what MySQL and MariaDB number is their own.
        let name = if code.len() == 5 { "SQLSTATE" } else { "error" };
        let _ = write!(text, " ({name} {code})");
    }
    let _ = write!(text, ": {}", failure.message_without_place().trim_end_matches('.'));
    text
}

pub(super) fn retrying(what: &str, attempt: i32, retry: &RetrySpec, at: Timestamp) -> String {
    let attempts = i64::from(retry.limit) + 1;
    format!(
        "{} Attempt {} of {attempts} starts by itself at {}; to have it now, give the annotation \
         schemaward.dev/retry a new value.",
        sentence(what),
        attempt.saturating_add(1),
        moment(at)
    )
}

pub(super) fn stalled(what: &str, failure: &Failure, stalled: &str, attempt: i32) -> String {
    if stalled == reason::RETRY_LIMIT_REACHED {
        return format!(
            "{} This was attempt {attempt}, the last one that spec.retry.limit allows; put the cause right, then {ASK_AGAIN}.",
            sentence(what)
        );
    }
    match &failure.hint {
        // What is to be put right is not in the resource or its source: the operator does not see it happen.
        Some(hint) if is_outside(failure.reason) => {
            format!("{} {} Then {ASK_AGAIN}.", sentence(what), sentence(&capitalised(hint)))
        }
        Some(hint) => format!("{} {} Or {ASK_AGAIN}.", sentence(what), sentence(&capitalised(hint))),
        None => format!("{} {}", sentence(what), next_step(failure)),
    }
}

/// Whether what causes such a failure lies in the database or a Secret.
fn is_outside(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NeedsReview
            | Reason::InvalidSettings
            | Reason::LedgerUnusable
            | Reason::AuthenticationFailed
            | Reason::ConnectionFailed
    )
}

/// What to do next, where the runner did not say more.
fn next_step(failure: &Failure) -> String {
    let corrected = "a run starts by itself";
    match (failure.reason, failure.class) {
        (_, ErrorClass::AlreadyExists) => {
            format!("The object is there already: drop it or take the statement out, and {corrected}; or {ASK_AGAIN}.")
        }
        (Reason::StatementFailed, _) => {
            format!("Correct the migration, and {corrected}; or put the database right and {ASK_AGAIN}.")
        }
        // Their messages say themselves what is to be corrected.
        (
            Reason::MigrationEdited
            | Reason::MigrationMissing
            | Reason::OutOfOrder
            | Reason::TargetUnreachable
            | Reason::InvalidSource,
            _,
        ) => format!("Once that is corrected, {corrected}."),
        (Reason::DeadlineExceeded, _) => {
            format!("Raise spec.activeDeadline, or divide the migration, and {corrected}.")
        }
        (Reason::InvalidSettings, _) => {
            format!("Correct the Secret or the spec; after a change of the Secret alone {ASK_AGAIN}.")
        }
        _ => format!("Put the cause right, then {ASK_AGAIN}."),
    }
}

/// With a full stop at its end.
fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// A hint, which may be written to follow a semicolon, as it stands at the start of a sentence.
fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first: String = rest.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    first + rest.as_str()
}

/// `ConfigMap "a"`, `ConfigMaps "a" and "b"`.
fn listed(noun: &str, names: &[String]) -> String {
    const SHOWN: usize = 5;
    let quoted: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let more = names.len().saturating_sub(SHOWN);
    match (quoted.as_slice(), more) {
        ([], _) => format!("no {noun}"),
        ([one], 0) => format!("{noun} {one}"),
        ([first @ .., last], 0) => format!("{noun}s {} and {last}", first.join(", ")),
        (all, more) => format!("{noun}s {} and {more} more", all.join(", ")),
    }
}
