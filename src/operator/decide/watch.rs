//! Follows a running Job, and waits for what blocks it. A run that has started is never stopped half-way.

use std::time::Duration;

use super::pass::{LONGEST_RUNNING_PAUSE, LONGEST_WAITING_PAUSE, Pass, RENEW_AFTER, WATCH_PAUSE};
use super::want::want;
use super::{clean, image, message};
use crate::api::{RunStatus, SchemaMigrationStatus};
use crate::operator::decision::{Decision, Effect, Notice, NoticeKind, Requeue};
use crate::operator::names::RunKey;
use crate::operator::observed::{Job, JobState, Lease};
use crate::operator::source::Source;
use crate::operator::standing::Standing;
use crate::operator::status;
use crate::operator::task::Task;
use crate::operator::why::Why;

/// How long a run that does not start keeps the database's Lease. Then others may use the database; should it start
/// beside one of them, the lock in the database lets one after the other in.
const LEASE_GRACE: Duration = Duration::from_secs(30);

/// Follows a Job, whatever it was started for. One whose runner has not started is withdrawn when something else is asked
/// for, or when it would have another image now: it may be waiting for what was just corrected.
pub(super) fn follow(pass: &Pass<'_>, job: &Job) -> Decision {
    let waits = job.is_waiting() && !job.deleting;
    if waits && is_superseded(pass, job) {
        return take_back(pass, job, &message::taken_back(&job.name, pass.resource.spec.suspend));
    }
    if let Some(why) = image::renewal(pass, job).filter(|_| waits) {
        return take_back(pass, job, &message::renewed(job, why, pass.image));
    }
    let mut status = pass.resource.status.clone();
    if status.run.is_none() {
        adopt(&mut status, job);
    }
    let complains = status.run.as_mut().is_some_and(|run| {
        run.job_uid = Some(job.uid.clone());
        keep(run, job)
    });
    let (why, said) = says(pass, job, &mut status);
    let run = status.run.as_ref().filter(|_| complains).map(|run| run.name.clone());
    let notices = run
        .map(|run| Notice { run: Some(run), kind: NoticeKind::Waiting, message: said.clone() })
        .into_iter()
        .collect();
    let changed = job.origin.as_ref().is_some_and(|origin| origin.generation != pass.resource.generation);
    let said = if changed { message::spec_changed(&said, pass.resource.spec.suspend) } else { said };
    pass.stand(&mut status, &Standing::Reconciling, why, &said);
    let effects = effects(pass, job, waits);
    Decision { status, effects, requeue: Requeue::Following(pause(pass, job)), notices }
}

/// Waits for something that may run SQL for this resource and is not its run.
pub(super) fn wait_for(pass: &Pass<'_>, message: &str) -> Decision {
    let mut status = pass.resource.status.clone();
    pass.stand(&mut status, &Standing::Reconciling, Why::Starting, message);
    Decision { status, ..pass.unchanged(Requeue::Following(LONGEST_WAITING_PAUSE)) }
}

/// The state of a Job, in a reason and a sentence. The progress that its log shows goes into the status.
fn says(pass: &Pass<'_>, job: &Job, status: &mut SchemaMigrationStatus) -> (Why, String) {
    match &job.state {
        _ if job.deleting => (Why::Stopping, message::stopping(job)),
        JobState::Running { events, .. } => {
            status::take_events(status, events);
            (Why::Running, message::running(job, events, status))
        }
        JobState::Waiting { reason: Some(complaint) } => {
            let secret = &pass.resource.spec.database.url_secret_ref;
            (Why::Starting, message::waiting(job, complaint, secret))
        }
        JobState::Waiting { reason: None } => (Why::Starting, message::starting(status)),
        JobState::Suspended => (Why::Starting, message::job_suspended(job)),
        JobState::Ended(_) => (Why::Stopping, message::stopping(job)),
    }
}

/// What a running Job needs: the finalizer, the Lease while it runs, its source while it waits.
fn effects(pass: &Pass<'_>, job: &Job, waits: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !pass.resource.has_finalizer {
        effects.push(Effect::AddFinalizer);
    }
    match pass.children.lease {
        Lease::Mine { .. } if waits && pass.age(job) >= LEASE_GRACE => effects.push(Effect::ReleaseLease),
        // One that is on its way out needs it no more, one that does not start needs it not yet.
        Lease::Free if !job.deleting && !waits => effects.push(Effect::TakeLease),
        Lease::Mine { unrenewed } if !waits && unrenewed >= RENEW_AFTER => effects.push(Effect::RenewLease),
        // Held by another though our Job runs: the lock and the fence in the database decide.
        Lease::Free | Lease::Mine { .. } | Lease::Held { .. } => {}
    }
    // Its pod cannot start without the frozen source, which anybody may have deleted.
    if waits && is_source_gone(pass, job) {
        effects.push(Effect::FreezeSource);
    }
    effects
}

/// Deletes a Job whose runner has not started. What is due then, the next pass finds: another run, or the same again.
fn take_back(pass: &Pass<'_>, job: &Job, message: &str) -> Decision {
    let mut status = pass.resource.status.clone();
    pass.stand(&mut status, &Standing::Reconciling, Why::Stopping, message);
    let notice = Notice { run: Some(job.name.clone()), kind: NoticeKind::Stopping, message: message.to_owned() };
    let mut effects = vec![clean::delete(job)];
    // The next run takes another Lease, and nobody would come back for this one.
    if job.database.as_ref().is_some_and(|database| *database != pass.resource.spec.database) {
        effects.extend(clean::release(pass));
    }
    Decision { status, effects, requeue: Requeue::After(WATCH_PAUSE), notices: vec![notice] }
}

/// When a Job is looked at again. The watches report its end and its pod's start.
fn pause(pass: &Pass<'_>, job: &Job) -> Duration {
    let (share, longest) = match job.state {
        JobState::Running { .. } => (10, LONGEST_RUNNING_PAUSE),
        JobState::Waiting { .. } | JobState::Suspended | JobState::Ended(_) => (2, LONGEST_WAITING_PAUSE),
    };
    (pass.age(job) / share).clamp(WATCH_PAUSE, longest)
}

/// Whether a Job was made for something else than what is asked for now.
fn is_superseded(pass: &Pass<'_>, job: &Job) -> bool {
    let task = job.origin.as_ref().and_then(|origin| origin.task).unwrap_or(Task::Apply);
    let is_other = |key: RunKey| key.attempt_of(&job.name).is_none();
    pass.resource.spec.suspend || want(pass.resource, pass.source).is_ok_and(|want| is_other(want.key(task)))
}

/// Whether a part of the frozen source that a Job mounts is missing and can be made again.
fn is_source_gone(pass: &Pass<'_>, job: &Job) -> bool {
    let Source::Valid(source) = pass.source else { return false };
    job.origin.as_ref().is_some_and(|origin| origin.source_hash == source.hash.as_str())
        && !pass.is_frozen(&pass.frozen_names(source))
}

/// Keeps what the pod says about itself, since the pod may be gone when the run ends. Returns whether this is its first
/// complaint.
fn keep(run: &mut RunStatus, job: &Job) -> bool {
    match &job.state {
        JobState::Running { pod, .. } => (run.pod, run.waiting) = (Some(pod.clone()), None),
        JobState::Waiting { reason } if run.pod.is_none() && !job.deleting => {
            let is_first = reason.is_some() && run.waiting.is_none();
            run.waiting = reason.as_deref().map(status::complaint);
            return is_first;
        }
        JobState::Waiting { .. } | JobState::Suspended | JobState::Ended(_) => {}
    }
    false
}

/// Fills in a status that does not know of a running Job, from the Job itself.
fn adopt(status: &mut SchemaMigrationStatus, job: &Job) {
    let origin = job.origin.as_ref();
    status.run = Some(RunStatus {
        name: job.name.clone(),
        task: origin.and_then(|origin| origin.task).map(|task| task.as_str().to_owned()),
        attempt: origin.map_or(1, |origin| origin.attempt.max(1)),
        uncounted: origin.map_or(0, |origin| origin.uncounted.max(0)),
        retry_token: origin.and_then(|origin| origin.retry_token.clone()),
        started_at: origin.map(|origin| status::moment(origin.created_at)),
        ..RunStatus::default()
    });
    status.source_hash = origin.map(|origin| origin.source_hash.clone());
}
