//! What is going on with a resource, before anything is asked of its spec: a deletion, a Job, a pod, an end that
//! is not recorded yet.

use super::message;
use super::pass::Pass;
use crate::api::RunStatus;
use crate::operator::observed::{Ended, Job, JobState};
use crate::operator::task::Task;

/// What is going on.
pub(super) enum Activity<'a> {
    /// The resource is being deleted.
    Deleted,
    /// The run's Job may run SQL.
    Going(&'a Job),
    /// Something else may run SQL for this resource. It is waited for, and never believed; the message says what it is.
    InTheWay(String),
    /// The run has ended, and its outcome is not in the status yet.
    Unrecorded {
        task: Task,
        run: &'a RunStatus,
        job: &'a Job,
        ended: &'a Ended,
    },
    Idle,
}

/// What is going on, as the resource, its Jobs and their pods show it.
pub(super) fn activity<'a>(pass: &Pass<'a>) -> Activity<'a> {
    if pass.resource.deleting {
        return Activity::Deleted;
    }
    if let Some(job) = active_job(pass) {
        return Activity::Going(job);
    }
    if let Some(job) = unknown_job(pass) {
        return Activity::InTheWay(message::unknown_job(job));
    }
    if let Some(job) = strange_job(pass) {
        return Activity::InTheWay(message::strange_job(job));
    }
    if !pass.children.stray_pods.is_empty() {
        return Activity::InTheWay(message::stray_pods(&pass.children.stray_pods));
    }
    unrecorded(pass).unwrap_or(Activity::Idle)
}

/// The Job that may run SQL for the run that the status names, or for any where it names none.
fn active_job<'a>(pass: &Pass<'a>) -> Option<&'a Job> {
    let run = pass.resource.status.run.as_ref();
    let is_ours = |job: &&Job| run.is_none_or(|run| run.finished_at.is_none() && is_of(job, run));
    pass.children.jobs.iter().filter(|job| job.is_active() && is_understood(pass, job)).find(is_ours)
}

/// A Job that may run SQL, for a task that a newer version knows.
fn unknown_job<'a>(pass: &Pass<'a>) -> Option<&'a Job> {
    pass.children.jobs.iter().find(|job| job.is_active() && !is_understood(pass, job))
}

/// A Job that may run SQL and does not belong to the run in the status. A run is in the status before its Job is
/// created, so this Job is somebody else's, whatever its labels say.
fn strange_job<'a>(pass: &Pass<'a>) -> Option<&'a Job> {
    let run = pass.resource.status.run.as_ref()?;
    pass.children.jobs.iter().find(|job| job.is_active() && !is_of(job, run))
}

fn unrecorded<'a>(pass: &Pass<'a>) -> Option<Activity<'a>> {
    let run = pass.resource.status.run.as_ref().filter(|run| run.finished_at.is_none())?;
    let job = pass.children.jobs.iter().find(|job| is_of(job, run) && is_understood(pass, job))?;
    let JobState::Ended(ended) = &job.state else { return None };
    Some(Activity::Unrecorded { task: Task::of(run)?, run, job, ended })
}

/// Whether it is known what a Job is for, by its own word and by that of its run.
fn is_understood(pass: &Pass<'_>, job: &Job) -> bool {
    let run = pass.resource.status.run.as_ref().filter(|run| is_of(job, run));
    job.is_understood() && run.is_none_or(|run| Task::of(run).is_some())
}

/// Whether a Job is the run's: its namesake, and the very one where that is known.
fn is_of(job: &Job, run: &RunStatus) -> bool {
    job.name == run.name && run.job_uid.as_ref().is_none_or(|uid| *uid == job.uid)
}
