//! What needs no second look, and when the next look is.

use std::time::Duration;

use rstest::rstest;

use super::scenes::{held, invalid, missing, other_content, running, suspended};
use crate::operator::decide::is_at_rest;
use crate::operator::decide::world::World;
use crate::operator::decision::{Effect, Requeue};
use crate::report::ErrorClass::{Permanent, Transient};
use crate::report::Reason;

#[rstest]
#[case::ready(World::ready())]
#[case::stalled(World::failed(Permanent, Reason::StatementFailed))]
#[case::invalid(invalid(World::fresh()).pass())]
#[case::missing(missing(World::fresh()).pass())]
#[case::suspended(suspended(World::fresh()).pass())]
#[case::retrying(World::failed(Transient, Reason::ConnectionFailed))]
fn a_resource_at_rest_needs_no_second_look_and_no_write(#[case] world: World) {
    assert!(is_at_rest(&world.observed.resource, &world.observed.source, world.now));
    let before = world.observed.clone();
    assert_eq!(world.pass().observed, before);
}

#[rstest]
#[case::new(World::fresh())]
#[case::started(World::started())]
#[case::due(World::failed(Transient, Reason::ConnectionFailed).later(10))]
#[case::changed(other_content(World::ready()))]
fn a_resource_that_needs_a_run_is_not_at_rest(#[case] world: World) {
    assert!(!is_at_rest(&world.observed.resource, &world.observed.source, world.now));
}

/// Ends each Job that comes up, badly this many times and then well, until nothing is left to do. `death` is

#[rstest]
#[case::at_first(World::started(), 0, 2)]
#[case::soon(World::started(), 12, 6)]
#[case::later(World::started(), 60, 30)]
#[case::for_long(World::started(), 3600, 60)]
#[case::a_run_that_has_just_started(running(World::started()), 5, 2)]
#[case::a_run_that_continues(running(World::started()), 60, 6)]
#[case::a_long_run(running(World::started()), 3600, 10)]
fn pauses_grow_with_what_is_waited_for(#[case] world: World, #[case] age: u64, #[case] pause: u64) {
    let world = world.later(age).pass();
    assert_eq!(world.last.unwrap().requeue, Requeue::Following(Duration::from_secs(pause)));
}

#[test]
fn a_database_in_use_is_waited_for_without_asking_again() {
    let world = held(World::fresh()).pass();
    assert_eq!(world.last.unwrap().requeue, Requeue::OnLease);
}

#[test]
fn a_run_that_does_not_start_lets_others_use_the_database_and_takes_its_lease_when_it_starts() {
    let waits = World::started().later(29);
    let before = waits.observed.clone();
    let waits = waits.pass();
    assert_eq!(waits.writes(&before), [""; 0]);
    let waits = waits.later(1);
    let before = waits.observed.clone();
    let waits = waits.pass();
    assert_eq!(waits.writes(&before), ["ReleaseLease"]);
    let before = waits.observed.clone();
    let waits = waits.later(60).pass();
    assert_eq!(waits.writes(&before), [""; 0], "it needs no Lease while it waits");
    let starts = running(waits);
    let before = starts.observed.clone();
    assert_eq!(starts.pass().writes(&before), ["Status", "TakeLease"]);
}

#[test]
fn a_retry_is_due_in_the_very_second_that_the_status_names() {
    let mut world = World::failed(Transient, Reason::ConnectionFailed);
    world.now = world.status().last_error.as_ref().unwrap().retry_at.as_ref().unwrap().parse().unwrap();
    assert!(!is_at_rest(&world.observed.resource, &world.observed.source, world.now));
    assert_eq!(world.pass().notices(), ["Started"]);
}

#[test]
fn a_job_that_is_being_deleted_already_is_not_deleted_again() {
    let second = World::failed(Transient, Reason::ConnectionFailed).later(10).pass().ends_well();
    let old = second.observed.children.jobs[0].name.clone();
    for (deleting, deletions) in [(false, 1), (true, 0)] {
        let world = second.clone().with(|seen| seen.children.jobs[0].deleting = deleting).pass();
        let effects = &world.last.as_ref().unwrap().effects;
        let found = effects.iter().filter(|effect| matches!(effect, Effect::DeleteJob { name, .. } if *name == old));
        assert_eq!(found.count(), deletions, "{effects:?}");
    }
}
