//! What is left to do after a run, or after the resource's deletion. Never touches the database.

use super::message;
use super::pass::{LONGEST_RUNNING_PAUSE, Pass};
use crate::api::SchemaMigrationStatus;
use crate::operator::decision::{Decision, Effect, Notice, NoticeKind, Requeue};
use crate::operator::observed::{Job, Lease};
use crate::operator::standing::Standing;
use crate::operator::why::Why;

/// Cleans up where all stays as it is.
pub(super) fn up(pass: &Pass<'_>, requeue: Requeue) -> Decision {
    Decision { effects: effects(pass, &pass.resource.status), ..pass.unchanged(requeue) }
}

/// Cleans up after a status that says why nothing continues.
pub(super) fn after(pass: &Pass<'_>, status: SchemaMigrationStatus, notices: Vec<Notice>) -> Decision {
    Decision { effects: effects(pass, &status), status, requeue: Requeue::OnChange, notices }
}

/// Gives the Lease back, removes what no run needs, and last of all lets go of the resource. The last Job stays where
/// it ends, so that its log can be read.
pub(super) fn effects(pass: &Pass<'_>, status: &SchemaMigrationStatus) -> Vec<Effect> {
    if !pass.resource.has_finalizer {
        return Vec::new();
    }
    let mut effects = Vec::new();
    effects.extend(release(pass));
    let last = status.run.as_ref().map(|run| run.name.as_str());
    // One whose runner has ended goes, too, where another container would keep its pod.
    let is_done = |job: &Job| Some(job.name.as_str()) != last || job.lingers();
    let old = pass.children.jobs.iter().filter(|job| is_done(job) && !job.deleting);
    effects.extend(old.map(delete));
    let unused = pass.children.frozen.iter().filter(|map| Some(&map.source_hash) != status.source_hash.as_ref());
    effects.extend(unused.map(|map| Effect::DeleteFrozen { name: map.name.clone(), uid: map.uid.clone() }));
    effects.push(Effect::RemoveFinalizer);
    effects
}

/// A deleted resource: deletes its Jobs, waits until they have stopped, and lets the resource go. A runner whose Job is
/// deleted rolls back.
pub(super) fn let_go(pass: &Pass<'_>) -> Decision {
    if !pass.resource.has_finalizer {
        return pass.unchanged(Requeue::OnChange);
    }
    let active: Vec<&Job> = pass.children.jobs.iter().filter(|job| job.is_active()).collect();
    if active.is_empty() && pass.children.stray_pods.is_empty() {
        let effects = release(pass).into_iter().chain([Effect::RemoveFinalizer]).collect();
        return Decision { effects, ..pass.unchanged(Requeue::OnChange) };
    }
    let mut status = pass.resource.status.clone();
    let message = message::terminating(&active, &pass.children.stray_pods);
    pass.stand(&mut status, &Standing::Reconciling, Why::Terminating, &message);
    let asked: Vec<&Job> = active.into_iter().filter(|job| !job.deleting).collect();
    let notice =
        |job: &&Job| Notice { run: Some(job.name.clone()), kind: NoticeKind::Stopping, message: message.clone() };
    let notices = asked.iter().map(notice).collect();
    let effects = asked.into_iter().map(delete).collect();
    Decision { status, effects, requeue: Requeue::Following(LONGEST_RUNNING_PAUSE), notices }
}

/// Gives the database's Lease back where it is ours.
pub(super) fn release(pass: &Pass<'_>) -> Option<Effect> {
    matches!(pass.children.lease, Lease::Mine { .. }).then_some(Effect::ReleaseLease)
}

/// Deletes this very Job.
pub(super) fn delete(job: &Job) -> Effect {
    Effect::DeleteJob { name: job.name.clone(), uid: job.uid.clone() }
}
