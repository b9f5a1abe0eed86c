//! What a running Job is given, and what is kept of it.

use std::time::Duration;

use super::scenes::{complained, forgotten, next_generation, retry, running, stopping, with_image, without_job};
use crate::operator::decide::world::World;
use crate::operator::decision::{Effect, Requeue};
use crate::operator::observed::Lease;
use crate::operator::source::Source;
use crate::report::ErrorClass::{Permanent, Transient};
use crate::report::Reason;

fn effects(world: World) -> Vec<Effect> {
    world.pass_until(0).last.unwrap().effects
}

#[test]
fn a_run_that_is_being_stopped_takes_no_lease_and_one_that_runs_does() {
    let free = |world: World| world.with(|seen| seen.children.lease = Lease::Free);
    assert_eq!(effects(free(running(World::started()))), [Effect::TakeLease]);
    assert_eq!(effects(free(stopping(running(World::started())))), []);
}

#[test]
fn the_source_of_a_run_that_has_started_is_not_frozen_again() {
    let gone = |world: World| world.with(|seen| seen.children.frozen.clear());
    assert_eq!(effects(gone(World::started())), [Effect::FreezeSource]);
    assert_eq!(effects(gone(running(World::started()))), []);
}

#[test]
fn a_source_of_which_one_part_is_frozen_is_not_frozen_yet() {
    let world = next_generation(World::ready()).with(|seen| {
        let Source::Valid(source) = &mut seen.source else { panic!("no source") };
        source.parts = 2;
    });
    assert_eq!(world.observed.children.frozen.len(), 1);
    assert!(effects(world).contains(&Effect::FreezeSource));
}

#[test]
fn a_run_that_is_found_again_keeps_the_number_of_its_attempt() {
    let second = World::failed(Transient, Reason::ConnectionFailed).later(10).pass();
    let found = forgotten(running(second)).pass();
    assert_eq!(found.status().run.as_ref().map(|run| run.attempt), Some(2));
}

#[test]
fn a_run_that_is_found_again_keeps_what_did_not_count() {
    let evicted = World::started().ends(Transient, Reason::Cancelled).disrupted().pass();
    let found = forgotten(running(evicted.later(10).pass())).pass();
    assert_eq!(found.status().run.as_ref().map(|run| (run.attempt, run.uncounted)), Some((2, 1)));
}

/// The Job of an older runnerImage is deleted, and the same run goes on with the new one.
#[test]
fn a_run_is_made_again_under_its_name_with_the_operators_new_image() {
    let waits = complained(World::started(), "ErrImagePull: no such image").pass();
    let renewed = with_image(waits, "runner:2").pass();
    let name = renewed.status().run.clone().unwrap().name;
    let message = format!(
        "Run {name} had not started, and its Job is created again: the operator now uses the image runner:2 in place of \
         runner:1."
    );
    assert_eq!(renewed.status().conditions[0].message, message);
    let again = without_job(renewed).pass();
    let job = &again.observed.children.jobs[0];
    assert_eq!((job.name.as_str(), job.image.asked.as_str()), (name.as_str(), "runner:2"));
    assert_eq!(again.status().run.as_ref().map(|run| run.attempt), Some(1));
    assert_eq!(again.ends_well().settle().standing(), "Ready Verified");
}

#[test]
fn what_a_run_was_doing_is_gone_from_the_status_when_it_has_ended() {
    let going = running(World::started()).pass();
    assert!(going.status().run.as_ref().unwrap().progress.is_some());
    let waiting = complained(World::started(), "ErrImagePull: no such image").pass();
    assert!(waiting.status().run.as_ref().unwrap().waiting.is_some());
    for ended in [going.ends_well().pass(), waiting.ends_unexplained("DeadlineExceeded").pass()] {
        let run = ended.status().run.clone().unwrap();
        assert_eq!((run.progress, run.waiting), (None, None));
    }
}

#[test]
fn a_run_says_what_it_is_for_which_attempt_it_is_and_where_it_leads() {
    let started = World::started();
    let run = started.status().run.clone().unwrap();
    assert_eq!((run.task.as_deref(), run.attempt, run.retry_token), (Some("Apply"), 1, None));
    assert_eq!(run.started_at.as_deref(), Some("2027-01-15T08:00:00Z"));
    assert_eq!(started.status().target_version.as_deref(), Some("002"), "latest");
    let to_a_version = World::fresh().with(|seen| {
        seen.resource.spec.target_version.0 = "001".into();
    });
    assert_eq!(to_a_version.pass().status().target_version.as_deref(), Some("001"));
}

/// A run whose Job is missing takes the Lease with it, and renews it when that is due.
#[test]
fn the_lease_of_a_run_that_is_continued_is_renewed_when_it_is_due() {
    let of_age = |seconds: u64| {
        let world = without_job(World::started());
        effects(world.with(|seen| seen.children.lease = Lease::Mine { unrenewed: Duration::from_secs(seconds) }))
    };
    assert!(!of_age(9).contains(&Effect::RenewLease));
    assert!(of_age(10).contains(&Effect::RenewLease));
}

#[test]
fn a_job_that_waits_is_looked_at_after_half_its_age_and_one_of_unknown_age_after_a_minute() {
    let pause = |world: World| match world.pass().last.unwrap().requeue {
        Requeue::After(pause) | Requeue::Following(pause) => pause.as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!(pause(World::started().later(1)), 2);
    assert_eq!(pause(World::started().later(40)), 20);
    assert_eq!(pause(World::started().later(4000)), 60);
    assert_eq!(pause(World::started().with(|seen| seen.children.jobs[0].origin = None)), 60);
}

#[test]
fn a_complaint_is_kept_of_a_job_that_has_not_started_and_is_wanted_alone() {
    let complaint = |world: World| {
        complained(world, "ErrImagePull").pass().status().run.as_ref().and_then(|run| run.waiting.clone())
    };
    assert_eq!(complaint(World::started()).as_deref(), Some("ErrImagePull"));
    assert_eq!(complaint(running(World::started()).pass()), None, "its pod was there");
    assert_eq!(complaint(stopping(World::started())), None, "nobody waits for it");
}

#[test]
fn a_run_that_is_found_again_is_as_its_job_says() {
    // What is asked for again has a run of its own, whose Job has the token.
    let asked = retry(World::failed(Permanent, Reason::StatementFailed), Some("again")).pass();
    let before = asked.status().run.clone().unwrap();
    assert!(before.retry_token.is_some());
    let found = forgotten(asked).later(30).pass().status().run.clone().unwrap();
    assert_eq!((found.task.as_deref(), found.retry_token), (Some("Apply"), before.retry_token));
    assert_eq!(found.started_at.as_deref(), Some("2027-01-15T08:00:00Z"), "the Job's, not the time it was found at");
}
