//! What a condition says: what happened, what is waited for, what to do next, in a sentence. Of a long one the account
//! is cut, never what to do next.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::image::{Renewal, is_about_image};
use crate::api::{DatabaseSpec, RetrySpec, RunStatus, SchemaMigrationStatus, SecretKeyReference};
use crate::operator::observed::{Ended, Job, JobEnd, RunnerEnd, RunnerImage};
use crate::operator::refusal::Refusal;
use crate::operator::source::Refusal as SourceRefusal;
use crate::operator::status::moment;
use crate::operator::text::{MESSAGE_LIMIT, shorten};
use crate::report::{Event, Failure};

/// `spec.suspend`.
pub(super) const SUSPENDED: &str = "Nothing is started while spec.suspend is true; set it to false to go on.";

/// How to ask for another attempt, for the end of a sentence.
pub(super) const ASK_AGAIN: &str = "set the annotation schemaward.dev/retry to a new value to try again";
/// The same where it is said what for.
const SET_RETRY: &str = "set the annotation schemaward.dev/retry to a new value";

pub(super) fn started(run: &str, attempt: i32) -> String {
    format!("Run {run} (attempt {attempt}) is being started; waiting for its pod.")
}

/// A Job that was created, without complaints so far.
pub(super) fn starting(status: &SchemaMigrationStatus) -> String {
    status.run.as_ref().map_or_else(String::new, |run| started(&run.name, run.attempt))
}

/// A Job of this resource that the operator did not make.
pub(super) fn strange_job(job: &Job) -> String {
    format!(
        "Job {:?} has the labels of this resource, but is not the Job of its run: Schemaward did not create it, so \
         its result is ignored. What is due follows automatically when that Job has ended; delete it if it is not \
         needed.",
        job.name
    )
}

/// A Job of this resource for a task that a newer version has started.
pub(super) fn unknown_job(job: &Job) -> String {
    format!(
        "Job {:?} was started for a task that this version of Schemaward does not know, so nothing that it reports is \
         believed. What is due follows automatically when that Job has ended; delete the Job if it is not needed.",
        job.name
    )
}

/// A Job that was suspended by somebody.
pub(super) fn job_suspended(job: &Job) -> String {
    format!(
        "Run {run} waits: its Job is suspended, by a person or by a queue such as Kueue that has not admitted it \
         yet. It continues automatically when spec.suspend of Job {run:?} is false again.",
        run = job.name
    )
}

pub(super) fn waiting_for_database(holder: &str, database: &DatabaseSpec) -> String {
    let secret = &database.url_secret_ref;
    format!(
        "Waiting for SchemaMigration {holder:?}, which has a run for the same database (Secret {:?}, key {:?}); this \
         one continues automatically when that run has ended, or if its pod has not started after 30 s.",
        secret.name, secret.key
    )
}

pub(super) fn stray_pods(pods: &[String]) -> String {
    format!(
        "Waiting for {} to end, which may still run SQL though its Job is gone; a run starts automatically after \
         it. Delete the pod to have it roll back now.",
        listed("pod", pods)
    )
}

pub(super) fn waiting(job: &Job, complaint: &str, secret: &SecretKeyReference) -> String {
    let run = &job.name;
    // The kubelet's words for the volume that `job::url_volume` mounts.
    if complaint.contains("volume \"url\"") {
        return told(
            &format!("Run {run} is waiting for {}: {complaint}", named(secret)),
            "Create it, or correct spec.database.urlSecretRef; the pod starts automatically.",
        );
    }
    let RunnerImage { asked, given } = &job.image;
    let next = if !is_about_image(complaint) {
        "Its pod starts automatically once that is fixed.".to_owned()
    } else if asked == given {
        "Its pod starts automatically once that image can be pulled; given another runnerImage, the operator creates \
         the Job again with it."
            .to_owned()
    } else {
        format!(
            "The image was put in by an admission policy in place of {asked}. The Job is created again every five \
             minutes; to have it done at once, {SET_RETRY}."
        )
    };
    told(&format!("Run {run} is waiting: {complaint}"), &next)
}

/// A Job that is created again for its image.
pub(super) fn renewed(job: &Job, why: Renewal, now: &str) -> String {
    let (run, RunnerImage { asked, given }) = (&job.name, &job.image);
    let why = match why {
        Renewal::NewImage => format!("the operator now uses the image {now} in place of {asked}"),
        Renewal::PolicysImage => format!(
            "its image {given}, which an admission policy has put in place of {asked}, cannot be pulled, and that \
             policy may have been corrected"
        ),
    };
    format!("Run {run} had not started, and its Job is created again: {why}.")
}

pub(super) fn stopping(job: &Job) -> String {
    format!("Run {} is being stopped because its Job was deleted; waiting for its pod to end.", job.name)
}

pub(super) fn taken_back(run: &str, suspended: bool) -> String {
    let why = if suspended {
        "spec.suspend is true"
    } else {
        "the spec now asks for something else: a new run follows \
            automatically"
    };
    format!("Run {run} had not started and is withdrawn, because {why}.")
}

pub(super) fn running(job: &Job, events: &[Event], status: &SchemaMigrationStatus) -> String {
    let run = &job.name;
    let speaking = events.iter().rev().find(|event| !matches!(event, Event::Warning { .. }));
    match (speaking, status.run.as_ref().and_then(|run| run.progress.as_ref())) {
        (Some(Event::WaitingForLock { holder }), _) => format!(
            "Run {run} is waiting for the lock in the database, which {holder} holds; it continues automatically \
             when that ends."
        ),
        (_, Some(at)) => format!(
            "Run {run} is applying version {}: {} of {} statements have run; waiting for its end.",
            at.version, at.statement, at.statements
        ),
        _ => format!("Run {run} is reading the database's ledger; waiting for its end."),
    }
}

pub(super) fn spec_changed(said: &str, suspended: bool) -> String {
    let next = if suspended { "nothing follows while spec.suspend is true" } else { "a new run follows automatically" };
    told(said, &format!("The spec has changed since it started: {next}."))
}

/// `next`: what follows.
pub(super) fn changed_since(said: &str, next: &str) -> String {
    told(said, &format!("The spec or the source has changed since it started: {next}."))
}

pub(super) fn source_not_found(config_maps: &[String], namespace: &str) -> String {
    format!(
        "Waiting for {} in namespace {namespace:?}, which spec.source.configMaps names; create it, or correct the \
         name: a run starts automatically.",
        listed("ConfigMap", config_maps)
    )
}

pub(super) fn invalid_source(refusal: &SourceRefusal) -> String {
    told(
        &format!("The source cannot be run: {}", refusal.message),
        "Nothing was changed in the database; correct the source and a run starts automatically.",
    )
}

pub(super) fn refused(refusal: &Refusal, deleting: bool) -> String {
    let what = if deleting { "the deletion" } else { "the run" };
    told(
        &format!("The cluster refused what {what} needs: {}: {}", refusal.what, refusal.said),
        &format!("It is retried automatically, with pauses that grow to a minute; {}.", refusal.advice),
    )
}

pub(super) fn terminating(jobs: &[&Job], stray_pods: &[String]) -> String {
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    if names.is_empty() {
        return format!(
            "Deleted; waiting for {} to end, whose Job is gone. Delete the pod to have it roll back now. What was \
             applied before stays in the database.",
            listed("pod", stray_pods)
        );
    }
    format!(
        "Deleted; waiting for {} to stop, which rolls its migration back. What was applied before stays in the \
         database.",
        listed("Job", &names)
    )
}

/// A run that was going on when its time was over.
pub(super) const LATE: &str = "it did not end within spec.activeDeadline and was stopped";

/// A run whose Job ended by its deadline and that was not seen running: `known` never to have started, or not.
pub(super) fn never_started(known: bool, why: Option<&str>) -> String {
    let why = why.map(|why| format!(": {}", why.trim_end_matches('.'))).unwrap_or_default();
    if known {
        return format!(
            "its pod did not start within spec.activeDeadline and three minutes more{why}; nothing was changed in the \
             database"
        );
    }
    "its Job did not end within spec.activeDeadline and three minutes more, and its pod is gone, which may have \
     started; the next run reads from the ledger what was applied"
        .to_owned()
}

/// A run whose runner did not say how it ended, or said what is not `true`.
pub(super) fn unexplained(is_untrue: bool, ended: &Ended) -> String {
    match &ended.runner {
        RunnerEnd::Exited { code, .. } if is_untrue => format!(
            "its runner said that it succeeded, but ended with exit code {code}, so its word is not taken; the next run \
             reads in the ledger what was applied"
        ),
        RunnerEnd::Exited { how, .. } => {
            let others = match &ended.job {
                JobEnd::Open { others } if !others.is_empty() => {
                    format!(", while {} of its pod went on", listed("container", others))
                }
                _ => String::new(),
            };
            format!("its runner ended without saying how: {}{others}", how.trim_end_matches('.'))
        }
        RunnerEnd::Lost { how } => format!("its pod ended without saying how: {}", how.trim_end_matches('.')),
        RunnerEnd::NeverStarted { why } => {
            let why = why.as_deref().map(|why| format!(": {}", why.trim_end_matches('.'))).unwrap_or_default();
            format!("its pod ended before the runner had started{why}; nothing was changed in the database")
        }
        RunnerEnd::Unknown => "its pod is gone: it was deleted or evicted, or its node failed".to_owned(),
    }
}

/// A run whose pod the cluster took away, in the cluster's words, and what its runner said.
pub(super) fn evicted(words: &str, said: Option<&str>) -> String {
    let said = said.map(|said| format!("; its runner said: {}", said.trim_end_matches('.'))).unwrap_or_default();
    format!("the cluster took its pod away ({}){said}", words.trim_end_matches('.'))
}

/// What helps against such an end of a pod.
pub(super) fn hint(ended: &Ended) -> Option<&'static str> {
    let RunnerEnd::Exited { how, .. } = &ended.runner else { return None };
    how.starts_with("OOMKilled").then_some("give the run's pod more memory: spec.job.resources.limits.memory")
}

/// A failure about the database's URL, with the Secret that it came from. The runner knows only the file in its pod.
pub(super) fn with_secret(message: &str, secret: &SecretKeyReference) -> String {
    const FILE: &str = "the file /run/schemaward/url";
    if message.contains(FILE) {
        return message.replace(FILE, &named(secret));
    }
    format!("{} (the URL is that of {})", message.trim_end_matches('.'), named(secret))
}

/// What helps where a pod found other files than its run was started for.
pub(super) fn frozen_source(names: &[String]) -> String {
    format!("delete {}, which hold the run's copy of the source: it is made again", listed("ConfigMap", names))
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

pub(super) fn warned(run: &RunStatus) -> String {
    format!("Run {} warned: {}", run.name, run.warnings.join(" | "))
}

/// What went wrong, or was waited for, without a full stop.
pub(super) fn failed(run: &RunStatus, failure: &Failure, is_wait: bool) -> String {
    let what = if is_wait { "waited and ended" } else { "failed" };
    let mut text = format!("Run {} (attempt {}) {what}", run.name, run.attempt);
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

/// The attempt that follows a failed one.
pub(super) struct NextAttempt {
    pub number: i32,
    /// How many before it do not count against the limit, and whether the last one does.
    pub uncounted: i32,
    pub counted: bool,
    pub at: Timestamp,
}

pub(super) fn retrying(what: &str, failure: &Failure, next: &NextAttempt, retry: &RetrySpec) -> String {
    let attempts = i64::from(retry.limit) + 1 + i64::from(next.uncounted);
    let hint = failure.hint.as_deref().map(|hint| sentence(&capitalised(hint)) + " ").unwrap_or_default();
    let uncounted = if next.counted { "" } else { "That does not count against spec.retry.limit. " };
    let next = format!(
        "{hint}{uncounted}Attempt {} of {attempts} starts automatically at {}; to start it now, give the annotation \
         schemaward.dev/retry a new value.",
        next.number,
        moment(next.at)
    );
    told(what, &next)
}

/// An account of what happened and what to do next, together no longer than a message may be.
pub(super) fn told(what: &str, next: &str) -> String {
    let room = MESSAGE_LIMIT.saturating_sub(next.len() + 2);
    format!("{} {next}", sentence(&shorten(what.trim_end(), room)))
}

fn named(secret: &SecretKeyReference) -> String {
    format!("Secret {:?} with the key {:?}", secret.name, secret.key)
}

/// With a full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// A hint, which may be written to follow a semicolon, as it is written at the start of a sentence.
pub(super) fn capitalised(text: &str) -> String {
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
