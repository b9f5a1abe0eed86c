//! The end of a run: what the pod said of it, what that means, and whether another attempt follows.

use std::time::Duration;

use jiff::Timestamp;

use super::pass::Pass;
use super::want::{Blocked, want};
use super::{advice, clean, message};
use crate::api::{RunStatus, SchemaMigrationStatus};
use crate::operator::backoff;
use crate::operator::decision::{Decision, Notice, NoticeKind, Requeue};
use crate::operator::names::RunKey;
use crate::operator::observed::{Ended, Job, JobEnd, RunnerEnd};
use crate::operator::source::Source;
use crate::operator::standing::Standing;
use crate::operator::status;
use crate::operator::task::Task;
use crate::operator::why::Why;
use crate::report::{ErrorClass, Failure, Outcome, Reason, Summary};

/// What follows from a failure.
enum Next {
    /// Another attempt at a time.
    Retry(Timestamp),
    /// Nothing, until a person changes something; and why.
    Stall(Why),
    /// The goal of the run is no longer wanted: a new run follows at once.
    Renew,
}

/// Puts the outcome of an ended run into the status, then cleans up.
pub(super) fn record(pass: &Pass<'_>, run: &RunStatus, (job, ended): (&Job, &Ended)) -> Decision {
    let mut status = pass.resource.status.clone();
    let files = files(pass, job);
    let said = said(run, ended);
    if let Said::Summary(summary) = &said {
        status::take_summary(&mut status, summary, files);
    }
    if let Some(run) = &mut status.run {
        run.job_uid = Some(job.uid.clone());
        run.finished_at = Some(status::moment(pass.now));
        (run.progress, run.waiting) = (None, None);
        if let Said::Summary(summary) = &said {
            run.warnings = status::warnings(summary);
        }
    }
    let outcome = match said {
        Said::Summary(summary) => Some(summary.outcome),
        Said::Nothing | Said::Untrue => None,
    };
    let warned = warned(&status);
    let mut decision = match outcome {
        Some(Outcome::Succeeded { applied, ahead }) => {
            let ahead: Vec<String> = ahead.iter().map(|version| status::word_of(version)).collect();
            succeed(pass, run, status, applied.clamp(0, files), &ahead)
        }
        Some(Outcome::Failed { applied, failure }) => {
            let why = Why::from(failure.reason);
            let failure = explained(pass, job, status::bounded(failure));
            let failed = Failed { applied: applied.clamp(0, files), failure, why, counts: true };
            fail(pass, run, status, &weighed(failed, ended, true))
        }
        None => fail(pass, run, status, &weighed(unexplained(run, ended), ended, false)),
    };
    decision.notices.extend(warned);
    decision
}

/// The event that says what a run has warned of.
fn warned(status: &SchemaMigrationStatus) -> Option<Notice> {
    let run = status.run.as_ref().filter(|run| !run.warnings.is_empty())?;
    let message = message::warned(run);
    Some(Notice { run: Some(run.name.clone()), kind: NoticeKind::Warned, message })
}

/// What a runner said at its end, and whether that can be.
enum Said {
    /// A summary of this very run, which its end does not contradict.
    Summary(Box<Summary>),
    /// A success that the exit code contradicts.
    Untrue,
    /// Nothing, or nothing of this run.
    Nothing,
}

/// Reads the termination message. A success is believed only where the container has succeeded, too.
fn said(run: &RunStatus, ended: &Ended) -> Said {
    let RunnerEnd::Exited { code, message: Some(message), .. } = &ended.runner else { return Said::Nothing };
    let summary = serde_json::from_str::<Summary>(message.trim()).ok().filter(|summary| summary.run == run.name);
    match summary {
        None => Said::Nothing,
        Some(summary) if *code != 0 && matches!(summary.outcome, Outcome::Succeeded { .. }) => Said::Untrue,
        Some(summary) => Said::Summary(Box::new(summary)),
    }
}

/// How many files the run's source has: no more can be applied or pending.
fn files(pass: &Pass<'_>, job: &Job) -> i64 {
    let hash = job.origin.as_ref().map(|origin| origin.source_hash.as_str());
    match pass.source {
        Source::Valid(source) if hash == Some(source.hash.as_str()) => {
            i64::try_from(source.count).unwrap_or(status::FILES_LIMIT)
        }
        _ => status::FILES_LIMIT,
    }
}

/// A failed run.
struct Failed {
    applied: i64,
    failure: Failure,
    /// The failure's reason, or the operator's own where the pod said nothing.
    why: Why,
    /// Whether it counts against `spec.retry.limit`.
    counts: bool,
}

impl Failed {
    /// Whether the run only waited for another one: nothing has gone wrong.
    fn is_wait(&self) -> bool {
        !self.counts && self.why == Why::LockHeld
    }
}

/// A failure for what it was: neither a pod that the cluster took away nor a wait for another run counts. `is_told`:
/// whether the failure is the runner's own word.
fn weighed(failed: Failed, ended: &Ended, is_told: bool) -> Failed {
    let Failed { failure, why, .. } = &failed;
    match &ended.disruption {
        Some(words) if failure.class.is_retried() && *why != Why::DeadlineExceeded => {
            let said = is_told.then_some(failure.message.as_str());
            let failure = Failure { message: message::evicted(words, said), hint: None, ..failure.clone() };
            Failed { failure, why: Why::Evicted, counts: false, ..failed }
        }
        _ if *why == Why::LockHeld && failure.class == ErrorClass::Transient => Failed { counts: false, ..failed },
        _ => failed,
    }
}

/// What is known of a run whose runner did not say how it ended.
fn unexplained(run: &RunStatus, ended: &Ended) -> Failed {
    let late = matches!(&ended.job, JobEnd::Failed { reason: Some(reason) } if reason == "DeadlineExceeded");
    let has_begun = run.pod.is_some()
        || run.plan_hash.is_some()
        || matches!(ended.runner, RunnerEnd::Exited { .. } | RunnerEnd::Lost { .. });
    let never_began = matches!(ended.runner, RunnerEnd::NeverStarted { .. }) || run.waiting.is_some();
    let (class, cause, message) = match (late, has_begun) {
        (true, true) => (ErrorClass::Permanent, Reason::DeadlineExceeded, message::LATE.to_owned()),
        (true, false) => {
            let why = match &ended.runner {
                RunnerEnd::NeverStarted { why: Some(why) } => Some(why.as_str()),
                _ => run.waiting.as_deref(),
            };
            (ErrorClass::Transient, Reason::DeadlineExceeded, message::never_started(never_began, why))
        }
        (false, _) => (
            ErrorClass::Transient,
            Reason::ConnectionFailed,
            message::unexplained(matches!(said(run, ended), Said::Untrue), ended),
        ),
    };
    let why = if late { Why::DeadlineExceeded } else { Why::PodLost };
    let hint = message::hint(ended).map(str::to_owned);
    let failure = Failure { hint, ..Failure::new(cause, message).class(class) };
    Failed { applied: 0, failure, why, counts: true }
}

/// A failure with what only the operator knows: where the URL came from, and what the mounted source was made of.
fn explained(pass: &Pass<'_>, job: &Job, failure: Failure) -> Failure {
    let database = job.database.as_ref().unwrap_or(&pass.resource.spec.database);
    match failure.reason {
        Reason::InvalidSettings | Reason::AuthenticationFailed | Reason::ConnectionFailed => {
            Failure { message: message::with_secret(&failure.message, &database.url_secret_ref), ..failure }
        }
        Reason::SourceChanged => {
            let hash = job.origin.as_ref().map_or("", |origin| origin.source_hash.as_str());
            let frozen = pass.children.frozen.iter().filter(|map| map.source_hash == hash);
            let names: Vec<String> = frozen.map(|map| map.name.clone()).collect();
            Failure { hint: Some(message::frozen_source(&names)), ..failure }
        }
        _ => failure,
    }
}

fn succeed(
    pass: &Pass<'_>,
    run: &RunStatus,
    status: SchemaMigrationStatus,
    applied: i64,
    ahead: &[String],
) -> Decision {
    let mut status = status;
    status.last_error = None;
    let kind = NoticeKind::Succeeded { applied, took: took(run, pass.now) };
    let message = message::succeeded(run, &status, applied, ahead);
    let notice = Notice { run: Some(run.name.clone()), kind, message: message.clone() };
    let requeue = if is_current(pass, run) {
        pass.stand(&mut status, &Standing::Ready, Why::Verified, &message);
        Requeue::OnChange
    } else {
        pass.stand(&mut status, &Standing::Reconciling, Why::Changed, &message::changed_since(&message, follows(pass)));
        Requeue::After(Duration::ZERO)
    };
    Decision { effects: clean::effects(pass, &status), status, requeue, notices: vec![notice] }
}

fn fail(pass: &Pass<'_>, run: &RunStatus, status: SchemaMigrationStatus, failed: &Failed) -> Decision {
    let mut status = status;
    let &Failed { applied, ref failure, why, counts } = failed;
    let next = next(pass, run, failed);
    let retry_at = if let Next::Retry(at) = next { Some(at) } else { None };
    status.last_error = Some(status::last_error(failure, why, retry_at));
    let uncounted = run.uncounted.max(0).saturating_add(i32::from(!counts));
    if let Some(run) = &mut status.run {
        run.uncounted = uncounted;
    }
    let what = message::failed(run, failure, failed.is_wait());
    let mut notices = Vec::new();
    let mut tell =
        |kind, message: &str| notices.push(Notice { run: Some(run.name.clone()), kind, message: message.to_owned() });
    if !failed.is_wait() {
        tell(NoticeKind::Failed { why, applied, took: took(run, pass.now) }, &what);
    }
    let requeue = match next {
        Next::Retry(at) => {
            let attempt =
                message::NextAttempt { number: run.attempt.saturating_add(1), uncounted, counted: counts, at };
            let message = message::retrying(&what, failure, &attempt, &pass.resource.spec.retry);
            let (standing, kind) = if failed.is_wait() {
                (Standing::Reconciling, NoticeKind::WaitingForDatabase)
            } else {
                (Standing::Recovering, NoticeKind::Retrying)
            };
            pass.stand(&mut status, &standing, why, &message);
            tell(kind, &message);
            pass.at(at)
        }
        Next::Stall(stalled) => {
            let message = advice::stalled(&what, failure, stalled, run.attempt);
            pass.stand(&mut status, &Standing::Stalled, stalled, &message);
            tell(NoticeKind::Stalled { why: stalled }, &message);
            Requeue::OnChange
        }
        Next::Renew => {
            pass.stand(
                &mut status,
                &Standing::Reconciling,
                Why::Changed,
                &message::changed_since(&what, follows(pass)),
            );
            Requeue::After(Duration::ZERO)
        }
    };
    Decision { effects: clean::effects(pass, &status), status, requeue, notices }
}

fn next(pass: &Pass<'_>, run: &RunStatus, failed: &Failed) -> Next {
    if !is_current(pass, run) {
        return Next::Renew;
    }
    let retry = &pass.resource.spec.retry;
    if !failed.failure.class.is_retried() {
        return Next::Stall(failed.why);
    }
    if failed.counts && run.attempt.saturating_sub(run.uncounted.max(0)) > retry.limit {
        return Next::Stall(Why::RetryLimitReached);
    }
    // A refused login, too: a preview environment creates its user and database at the same time as its resource.
    let pause = backoff::pause(retry, run.attempt, &run.name);
    // Rounded up: the status keeps whole seconds, and an attempt is not to come before its time.
    let seconds = i64::try_from(pause.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    let at = pass.now.as_second().saturating_add(seconds);
    Next::Retry(Timestamp::from_second(at).unwrap_or(Timestamp::MAX))
}

/// What follows where the run looked at something else than what is asked for now.
fn follows(pass: &Pass<'_>) -> &'static str {
    match want(pass.resource, pass.source) {
        Ok(_) | Err(Blocked::Unread) => "a new run follows at once",
        Err(Blocked::Suspended) => "nothing follows while spec.suspend is true",
        Err(Blocked::Missing(_) | Blocked::Refused(_)) => "a new run follows when its source is there and valid",
    }
}

/// Whether the run looked at what the resource asks for now.
fn is_current(pass: &Pass<'_>, run: &RunStatus) -> bool {
    let is_for = |key: RunKey| key.attempt_of(&run.name).is_some();
    Task::of(run).is_some_and(|task| want(pass.resource, pass.source).is_ok_and(|want| is_for(want.key(task))))
}

fn took(run: &RunStatus, now: Timestamp) -> Duration {
    let started: Option<Timestamp> = run.started_at.as_deref().and_then(|at| at.parse().ok());
    started.and_then(|at| Duration::try_from(now.duration_since(at)).ok()).unwrap_or_default()
}
