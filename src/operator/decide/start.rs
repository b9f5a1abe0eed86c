//! Starts a run: the status first, then all that the run needs, its Job last.

use super::message;
use super::pass::{Pass, RENEW_AFTER, WATCH_PAUSE};
use super::stages::{Attempt, Due};
use super::want::{Want, retry_token};
use crate::api::{RunStatus, SchemaMigrationStatus, TargetVersion};
use crate::operator::decision::{Decision, Effect, Notice, NoticeKind, Requeue, RunOrder};
use crate::operator::names::RunKey;
use crate::operator::observed::Lease;
use crate::operator::source::ValidSource;
use crate::operator::standing::Standing;
use crate::operator::status;
use crate::operator::why::Why;

/// Starts what is due, or waits for the database.
pub(super) fn decide(pass: &Pass<'_>, want: &Want<'_>, due: &Due<'_>) -> Decision {
    let (key, known) = (want.key(due.task), &pass.resource.status);
    match due.attempt {
        Attempt::First => {
            let fresh = SchemaMigrationStatus {
                run: None,
                last_error: None,
                pending: None,
                warnings: Vec::new(),
                ..known.clone()
            };
            start(pass, &key, want.source, ((next_attempt(pass, &key), 0), fresh))
        }
        Attempt::After(run) => {
            let number = (run.attempt.saturating_add(1), run.uncounted);
            start(pass, &key, want.source, (number, known.clone()))
        }
        Attempt::Same(run) => resume(pass, run, &key, want.source),
    }
}

/// 1, unless Jobs of this key are left though the status has forgotten them.
fn next_attempt(pass: &Pass<'_>, key: &RunKey) -> i32 {
    let known = pass.resource.status.run.iter().map(|run| run.name.as_str());
    let names = pass.children.jobs.iter().map(|job| job.name.as_str()).chain(known);
    names.filter_map(|name| key.attempt_of(name)).max().unwrap_or(0).saturating_add(1)
}

fn start(
    pass: &Pass<'_>,
    key: &RunKey,
    source: &ValidSource,
    ((attempt, uncounted), mut status): ((i32, i32), SchemaMigrationStatus),
) -> Decision {
    let asked = &pass.resource.spec.target_version.0;
    let target = if asked == TargetVersion::LATEST { &source.latest } else { asked };
    status.target_version = Some(target.clone());
    if let Lease::Held { holder } = &pass.children.lease {
        return wait_for_database(pass, holder, status);
    }
    let name = key.run_name(attempt);
    let message = message::started(&name, attempt);
    status.source_hash = Some(key.source_hash.as_str().to_owned());
    status.run = Some(RunStatus {
        name: name.clone(),
        task: Some(key.task.as_str().to_owned()),
        attempt,
        uncounted,
        retry_token: retry_token(pass.resource),
        started_at: Some(status::moment(pass.now)),
        ..RunStatus::default()
    });
    pass.stand(&mut status, &Standing::Reconciling, Why::Starting, &message);
    let notice = Notice { run: Some(name), kind: NoticeKind::Started, message };
    let effects = launch(pass, key, source, (attempt, uncounted));
    Decision { status, effects, requeue: Requeue::After(WATCH_PAUSE), notices: vec![notice] }
}

/// Continues a run whose Job is missing. The status keeps its message: it may say why the Job could not be created.
fn resume(pass: &Pass<'_>, run: &RunStatus, key: &RunKey, source: &ValidSource) -> Decision {
    let mut status = pass.resource.status.clone();
    if let Lease::Held { holder } = &pass.children.lease {
        return wait_for_database(pass, holder, status);
    }
    if let Some(run) = &mut status.run {
        // The next Job of this name is another one.
        (run.job_uid, run.pod) = (None, None);
    }
    let effects = launch(pass, key, source, (run.attempt, run.uncounted));
    Decision { status, effects, ..pass.unchanged(Requeue::After(WATCH_PAUSE)) }
}

fn wait_for_database(pass: &Pass<'_>, holder: &str, mut status: SchemaMigrationStatus) -> Decision {
    let message = message::waiting_for_database(holder, &pass.resource.spec.database);
    pass.stand(&mut status, &Standing::Reconciling, Why::WaitingForDatabase, &message);
    Decision { status, ..pass.unchanged(Requeue::OnLease) }
}

/// All that a run needs and is not there yet, and its Job.
fn launch(pass: &Pass<'_>, key: &RunKey, source: &ValidSource, (attempt, uncounted): (i32, i32)) -> Vec<Effect> {
    let frozen = pass.frozen_names(source);
    let mut effects = Vec::new();
    if !pass.resource.has_finalizer {
        effects.push(Effect::AddFinalizer);
    }
    match pass.children.lease {
        Lease::Mine { unrenewed } if unrenewed < RENEW_AFTER => {}
        Lease::Mine { .. } => effects.push(Effect::RenewLease),
        Lease::Free | Lease::Held { .. } => effects.push(Effect::TakeLease),
    }
    if !pass.is_frozen(&frozen) {
        effects.push(Effect::FreezeSource);
    }
    effects.push(Effect::CreateJob(RunOrder {
        task: key.task,
        name: key.run_name(attempt),
        attempt,
        uncounted,
        source_hash: source.hash.clone(),
        retry_token: retry_token(pass.resource),
        frozen,
    }));
    effects
}
