//! What a running Job is given, and what is kept of it.

use super::scenes::{complained, forgotten, next_generation, running, stopping};
use crate::operator::decide::world::World;
use crate::operator::decision::Effect;
use crate::operator::observed::Lease;
use crate::operator::source::Source;
use crate::report::ErrorClass::Transient;
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
