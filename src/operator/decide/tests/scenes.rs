//! Worlds that the tests begin with.

use crate::api::SchemaMigrationStatus;
use crate::operator::decide::world::{World, source_of};
use crate::operator::names;
use crate::operator::observed::{JobEnd, JobState, Lease};
use crate::operator::source::Source;
use crate::report::ErrorClass::{Permanent, Transient};
use crate::report::{Event, Failure, Reason};

pub(super) const LAUNCH: &str = "Status AddFinalizer TakeLease FreezeSource CreateJob";
pub(super) const SETTLE: &str = "Status ReleaseLease RemoveFinalizer";

pub(super) fn held(world: World) -> World {
    world.with(|seen| seen.children.lease = Lease::Held { holder: "blog".into() })
}

pub(super) fn running(world: World) -> World {
    world.job(JobState::Running {
        pod: "shop-1-abcde".into(),
        events: vec![Event::StatementFinished { version: "002".into(), statement: 1, statements: 2 }],
    })
}

pub(super) fn other_content(world: World) -> World {
    world.with(|seen| seen.source = source_of(&[("001_a.sql", "create table c ();")]))
}

pub(super) fn next_generation(world: World) -> World {
    world.with(|seen| seen.resource.generation += 1)
}

pub(super) fn retry(world: World, token: Option<&str>) -> World {
    world.with(|seen| {
        let answered = seen.resource.status.run.as_ref().and_then(|run| run.retry_token.as_deref());
        seen.resource.retry_token = token.map(|token| names::token_beside(token, answered));
    })
}

pub(super) fn deleted(world: World) -> World {
    world.with(|seen| {
        seen.resource.deleting = true;
        seen.source = Source::NotRead;
    })
}

pub(super) fn suspended(world: World) -> World {
    next_generation(world).with(|seen| seen.resource.spec.suspend = true)
}

pub(super) fn missing(world: World) -> World {
    world.with(|seen| seen.source = Source::Missing(vec!["shop-migrations".into()]))
}

pub(super) fn invalid(world: World) -> World {
    world.with(|seen| seen.source = source_of(&[("001_a.sql", "select 1;"), ("01_b.sql", "select 1;")]))
}

pub(super) fn forgotten(world: World) -> World {
    world.with(|seen| seen.resource.status = SchemaMigrationStatus::default())
}

pub(super) fn without_job(world: World) -> World {
    world.with(|seen| seen.children.jobs.clear())
}

pub(super) fn without_frozen(world: World) -> World {
    world.pass().with(|seen| seen.children.frozen.clear())
}

pub(super) fn stopping(world: World) -> World {
    world.with(|seen| seen.children.jobs.iter_mut().for_each(|job| job.deleting = true))
}

pub(super) fn with_stray_pod(world: World) -> World {
    world.with(|seen| seen.children.stray_pods.push("shop-x-1-abcde".into()))
}

/// The operator uses this image from now on.
pub(super) fn with_image(world: World, image: &str) -> World {
    world.with(|seen| seen.runner_image = image.into())
}

pub(super) fn complained(world: World, complaint: &str) -> World {
    world.job(JobState::Waiting { reason: Some(complaint.into()) })
}

/// The runner has ended, and another container of its pod is still running.
pub(super) fn beside_a_sidecar(others: &[&str]) -> JobEnd {
    JobEnd::Open { others: others.iter().map(|&name| name.to_owned()).collect() }
}

/// A Job of the resource that the operator did not make: a namesake of the run's, or another.
pub(super) fn with_strange_job(world: World, name: Option<&str>) -> World {
    world.with(|seen| {
        let mut job = seen.children.jobs[0].clone();
        job.uid = "uid of somebody else's".into();
        job.state = JobState::Waiting { reason: None };
        if let Some(name) = name {
            job.name = name.into();
        } else {
            seen.children.jobs.clear();
        }
        seen.children.jobs.push(job);
    })
}

pub(super) fn moved(world: World) -> World {
    next_generation(world).with(|seen| seen.resource.spec.database.url_secret_ref.name = "other-db".into())
}

/// As the version before tasks has left it.
pub(super) fn before_tasks(world: World) -> World {
    world.with(|seen| {
        if let Some(run) = &mut seen.resource.status.run {
            run.task = None;
        }
    })
}

/// As a newer version has left it, in the status or on the Job.
pub(super) fn of_an_unknown_task(world: World, in_status: bool) -> World {
    world.with(|seen| {
        if in_status {
            seen.resource.status.run.as_mut().unwrap().task = Some("Plan of the future".into());
        } else {
            seen.children.jobs[0].origin.as_mut().unwrap().task = None;
        }
    })
}

pub(super) fn third_attempt() -> World {
    let second = World::failed(Transient, Reason::ConnectionFailed).later(10).pass();
    second.ends(Transient, Reason::ConnectionFailed).pass().later(20).pass()
}

pub(super) fn failure(reason: Reason, message: &str) -> Failure {
    Failure { class: Permanent, reason, code: None, message: message.into(), hint: None, place: None }
}
