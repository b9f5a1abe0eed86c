//! Several passes in a row: to the end of a run, through crashes, and from what others have left.

use super::scenes::{
    forgotten, invalid, missing, next_generation, other_content, retry, running, suspended, without_job,
};
use crate::operator::decide::world::World;
use crate::operator::decision::Requeue;
use crate::operator::names::RunKey;
use crate::operator::observed::{Job, Lease};
use crate::operator::source::Source;
use crate::operator::task::Task;
use crate::report::ErrorClass::Transient;
use crate::report::Reason;

fn journey(failures: usize, death: Option<(usize, usize)>) -> World {
    let mut world = World::fresh();
    let mut left = failures;
    for number in 0..60 {
        world = match death {
            Some((pass, writes)) if pass == number => world.pass_until(writes),
            _ => world.pass(),
        };
        let requeue = world.last.as_ref().unwrap().requeue;
        let alive = death.is_none_or(|(pass, _)| number > pass);
        if alive && requeue == Requeue::OnChange && world.last.as_ref().unwrap().effects.is_empty() {
            return world;
        }
        if let Requeue::After(pause) | Requeue::Following(pause) = requeue {
            world = world.later(pause.as_secs() + 1);
        }
        if world.observed.children.jobs.iter().any(Job::is_active) && number % 2 == 1 {
            world = if left == 0 { world.ends_well() } else { world.ends(Transient, Reason::ConnectionFailed) };
            left = left.saturating_sub(1);
        }
    }
    panic!("no end: {world:#?}")
}

#[test]
fn a_crash_after_any_write_ends_as_no_crash_does() {
    for failures in 0..2 {
        let calm = journey(failures, None);
        for (dies_in, writes) in (0..12).flat_map(|pass| (0..6).map(move |writes| (pass, writes))) {
            let crashed = journey(failures, Some((dies_in, writes)));
            let place = format!("after {writes} writes of pass {dies_in}, {failures} failures");
            assert_eq!(crashed.standing(), calm.standing(), "{place}");
            assert_eq!(crashed.observed.children.lease, Lease::Free, "{place}");
            assert!(!crashed.observed.resource.has_finalizer, "{place}");
            assert_eq!(crashed.observed.children.frozen, calm.observed.children.frozen, "{place}");
            let run = |world: &World| world.status().run.clone().unwrap().name;
            assert_eq!(run(&crashed), run(&calm), "{place}");
            let jobs = |world: &World| world.observed.children.jobs.iter().map(|j| j.name.clone()).collect::<Vec<_>>();
            assert_eq!(jobs(&crashed), jobs(&calm), "{place}");
        }
    }
}

#[test]
fn a_source_put_back_as_it_was_during_a_run_is_verified_and_ends_ready() {
    let original = World::started().observed.source;
    let changed = other_content(running(World::started()).pass()).ends_well().pass();
    assert_eq!(changed.standing(), "Reconciling Changed");
    let back = changed.with(|seen| seen.source = original).pass();
    assert_eq!(back.standing(), "Reconciling Starting");
    assert_eq!(back.ends_well().settle().standing(), "Ready Verified");
}

#[test]
fn the_status_speaks_of_a_generation_as_soon_as_it_is_seen() {
    let world = next_generation(World::ready()).pass();
    assert_eq!(world.status().observed_generation, Some(2));
    assert!(world.status().conditions.iter().all(|condition| condition.observed_generation == Some(2)));
    assert!(!world.status().conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
}

#[test]
fn new_content_during_a_run_is_run_after_it_and_ends_ready() {
    let mut world = other_content(running(World::started()).pass()).ends_well().pass();
    assert_eq!(world.standing(), "Reconciling Changed");
    world = world.pass();
    assert_eq!(world.standing(), "Reconciling Starting");
    world = world.ends_well().settle();
    assert_eq!(world.standing(), "Ready Verified");
    assert_eq!(world.observed.children.jobs.len(), 1);
    assert_eq!(world.observed.children.frozen.len(), 1);
}

#[test]
fn a_lost_status_and_a_kept_job_give_the_next_attempts_name() {
    let world = forgotten(World::ready()).pass();
    let run = world.status().run.clone().unwrap();
    assert_eq!(run.attempt, 2);
    assert!(run.name.ends_with("-2"), "{}", run.name);
}

#[test]
fn a_status_that_keeps_the_retry_annotation_itself_is_an_answer_to_it_and_a_new_one_is_kept_as_a_hash() {
    // As an older operator has left it.
    let answered = retry(World::ready(), Some("1")).with(|seen| {
        let Source::Valid(source) = &seen.source else { panic!("no source") };
        let run = seen.resource.status.run.as_mut().unwrap();
        run.name = RunKey::new(Task::Apply, ("shop", "uid-1"), 1, &source.hash, Some("1")).run_name(1);
        run.retry_token = Some("1".into());
    });
    for token in [Some("1"), None] {
        let world = retry(answered.clone(), token);
        let before = world.observed.clone();
        let after = world.pass();
        assert_eq!(after.writes(&before), [""; 0], "{token:?}");
    }
    let long = "x".repeat(250_000);
    let asked = retry(answered, Some(&long)).pass();
    assert_eq!(asked.notices(), ["Started"]);
    let kept = asked.status().run.as_ref().and_then(|run| run.retry_token.clone()).unwrap();
    assert!(kept.len() < 30 && kept.starts_with("sha256:"), "{kept}");
    let ready = asked.ends_well().pass();
    for token in [Some(long.as_str()), None] {
        let world = retry(ready.clone(), token);
        let before = world.observed.clone();
        assert_eq!(world.pass().writes(&before), [""; 0]);
    }
    // A new value of what the status shows asks for another run.
    assert_eq!(retry(ready, Some(&kept)).pass().notices(), ["Started"]);
}

#[test]
fn a_run_that_was_decided_and_never_made_is_forgotten_when_its_source_turns_out_invalid() {
    let decided = World::fresh().pass_until(1);
    assert!(decided.status().run.is_some());
    assert_eq!(invalid(decided).pass().status().run, None);
    assert!(invalid(World::ready()).pass().status().run.is_some(), "one that has ended is still to be seen");
}

#[test]
fn a_run_that_was_withdrawn_for_suspend_is_gone_from_the_status_and_no_attempt_is_announced() {
    let failed = World::failed(Transient, Reason::ConnectionFailed);
    assert!(failed.status().last_error.as_ref().unwrap().retry_at.is_some());
    let paused = suspended(failed.clone()).pass();
    let error = paused.status().last_error.clone().unwrap();
    assert_eq!((error.retry_at, error.reason.as_str()), (None, "ConnectionFailed"));
    assert!(paused.status().run.is_some(), "it has ended");
    let second = suspended(failed.later(10).pass()).pass();
    assert_eq!(second.standing(), "Reconciling Stopping");
    let withdrawn = without_job(second).pass();
    assert_eq!((withdrawn.standing().as_str(), &withdrawn.status().run), (" Suspended", &None));
    let resumed = next_generation(withdrawn).with(|seen| seen.resource.spec.suspend = false).pass();
    assert_eq!(resumed.ends_well().settle().standing(), "Ready Verified");
}

#[test]
fn a_source_that_was_missing_for_a_while_is_verified_again_though_it_is_the_same() {
    let world = World::ready();
    let source = world.observed.source.clone();
    let without = missing(world).pass();
    assert_eq!(without.status().source_hash, None);
    let back = without.with(|seen| seen.source = source).pass();
    assert_eq!(back.notices(), ["Started"]);
    assert_eq!(back.ends_well().settle().standing(), "Ready Verified");
}
