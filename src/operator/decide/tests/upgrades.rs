//! What the version before tasks has left in a cluster is taken over. `before_tasks/` holds statuses and a Job as that
//! version (commit 57efb49) wrote them, for the resource of [`World::fresh`].

use k8s_openapi::api::batch::v1::Job as KubeJob;
use rstest::rstest;

use super::scenes::running;
use crate::api::SchemaMigrationStatus;
use crate::operator::decide::is_at_rest;
use crate::operator::decide::world::World;
use crate::operator::observed::{Frozen, Job, JobState, Lease};
use crate::operator::pod;

const READY: &str = include_str!("before_tasks/ready.json");
const STARTED: &str = include_str!("before_tasks/started.json");
const RUNNING: &str = include_str!("before_tasks/running.json");
const FAILED: &str = include_str!("before_tasks/failed.json");
const JOB: &str = include_str!("before_tasks/job.json");

/// The resource with that status; nothing is left of its run but what is kept for its log.
fn left(status: &str) -> World {
    let status: SchemaMigrationStatus = serde_json::from_str(status).unwrap();
    World::fresh().with(|seen| seen.resource.status = status)
}

/// The same while its run is in progress.
fn left_running(status: &str) -> World {
    let job: KubeJob = serde_json::from_str(JOB).unwrap();
    let (origin, database, image) = (pod::origin(&job), pod::database(&job), pod::image(&job, None));
    let source_hash = origin.as_ref().unwrap().source_hash.clone();
    let (name, uid) = (job.metadata.name.clone().unwrap(), job.metadata.uid.clone().unwrap());
    let mounted = job.spec.unwrap().template.spec.unwrap().volumes.unwrap()[1].projected.clone().unwrap();
    let frozen = mounted.sources.unwrap()[0].config_map.clone().unwrap().name;
    left(status).with(|seen| {
        // Its image is the one of the operator that takes it over.
        seen.runner_image.clone_from(&image.given);
        seen.resource.has_finalizer = true;
        seen.children.lease = Lease::Mine { unrenewed: std::time::Duration::ZERO };
        seen.children.frozen.push(Frozen { uid: "uid".into(), name: frozen, source_hash });
        let state = JobState::Waiting { reason: None };
        seen.children.jobs.push(Job { name, uid, origin, database, image, deleting: false, state });
    })
}

#[test]
fn a_resource_that_the_version_before_verified_stays_ready_and_no_job_starts() {
    let world = left(READY);
    assert!(is_at_rest(&world.observed.resource, &world.observed.source, world.now));
    let before = world.observed.clone();
    let after = world.pass();
    assert_eq!((after.standing().as_str(), after.writes(&before)), ("Ready Verified", vec![]));
}

#[test]
fn a_status_that_the_version_before_wrote_is_written_back_as_it_is() {
    for status in [READY, STARTED, RUNNING, FAILED] {
        let before: serde_json::Value = serde_json::from_str(status).unwrap();
        assert_eq!(serde_json::to_value(left(status).status()).unwrap(), before);
    }
}

#[rstest]
#[case::that_waits(left_running(STARTED))]
#[case::that_works(running(left_running(RUNNING)))]
#[case::of_which_the_status_is_lost(left_running("{}"))]
fn a_run_that_the_version_before_started_continues_and_ends_ready(#[case] world: World) {
    let job = world.observed.children.jobs[0].clone();
    let after = world.pass();
    let effects = &after.last.as_ref().unwrap().effects;
    assert!(effects.is_empty(), "{effects:?}");
    let ended = after.ends_well().settle();
    assert_eq!(ended.standing(), "Ready Verified");
    let jobs: Vec<&str> = ended.observed.children.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(jobs, [job.name], "no other was started");
}

#[test]
fn a_retry_that_the_version_before_decided_is_made_in_its_time() {
    let world = left(FAILED);
    assert!(is_at_rest(&world.observed.resource, &world.observed.source, world.now));
    let after = world.later(10).pass();
    assert_eq!(after.notices(), ["Started"]);
    assert_eq!(after.status().run.as_ref().map(|run| run.name.as_str()), Some("shop-9da8c28b-2"));
}
