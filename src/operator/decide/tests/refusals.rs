//! What a resource says of passes that fail.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use rstest::rstest;

use super::scenes::{deleted, held, next_generation, running, suspended};
use crate::operator::decide::world::World;
use crate::operator::decide::{Told, refused};
use crate::operator::refusal::Refusal;
use crate::report::ErrorClass::{Permanent, Transient};
use crate::report::Reason;

fn a_refusal() -> Refusal {
    Refusal { what: "Lease \"x\"".into(), said: "exceeded quota: q".into(), advice: "correct the quota" }
}

/// What a world's resource says after this many failed passes.
fn told(world: &World, failures: u32) -> Told {
    refused(&world.observed.resource, &a_refusal(), failures, world.now)
}

#[rstest]
#[case::a_run_that_starts(World::fresh().pass_until(1))]
#[case::a_run_whose_job_is_refused(World::fresh().pass_until(4))]
#[case::a_run_in_progress(running(World::started()).pass())]
#[case::a_resource_that_was_never_looked_at(World::fresh())]
#[case::a_new_generation(next_generation(World::ready()))]
#[case::a_deletion(deleted(World::ready()))]
#[case::a_wait_for_the_database(held(World::fresh()).pass())]
fn a_refusal_is_reported_from_the_second_time_on_and_its_event_once(#[case] world: World) {
    assert_eq!(told(&world, 1), Told::default(), "one may be a hiccup");
    let first = told(&world, 2);
    let status = first.status.unwrap();
    let said = World { observed: world.observed.clone(), now: world.now, last: None }
        .with(|seen| seen.resource.status = status.clone());
    assert_eq!(said.standing(), "Reconciling RefusedByCluster");
    let message = &status.conditions[0].message;
    for part in ["Lease \"x\": exceeded quota: q.", "retried automatically", "correct the quota."] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(status.observed_generation, Some(world.observed.resource.generation));
    let notice = first.notice.unwrap();
    assert!(notice.kind.is_warning() && notice.kind.reason() == "RefusedByCluster" && notice.message == *message);
    assert_eq!(told(&said, 3), Told::default(), "said already");
    let by_another = said.clone().with(|seen| {
        let conditions = &mut seen.resource.status.conditions;
        let theirs = conditions[0].clone();
        for condition in conditions.iter_mut() {
            condition.message = "Something else.".into();
        }
        conditions.push(Condition { type_: "Approved".into(), ..theirs });
    });
    assert!(told(&by_another, 3).status.is_some(), "what another controller says is not said by us");
    // If the status itself could not be written, that is retried, but there is no second event.
    assert!(told(&world, 3).notice.is_none() && told(&world, 3).status.is_some());
}

#[rstest]
#[case::ready(World::ready())]
#[case::stalled(World::failed(Permanent, Reason::StatementFailed))]
#[case::retrying(World::failed(Transient, Reason::ConnectionFailed))]
#[case::suspended(suspended(World::fresh()).pass())]
fn a_refusal_takes_no_outcome_away_but_is_an_event(#[case] world: World) {
    let told = told(&world, 2);
    assert_eq!(told.status, None);
    assert!(told.notice.is_some());
}

#[rstest]
#[case::of_the_job(World::fresh().pass_until(4), "Reconciling Starting")]
#[case::of_the_finalizer(World::fresh().pass_until(1), "Reconciling Starting")]
#[case::of_reading_while_a_run_works(running(World::started()).pass(), "Reconciling Running")]
#[case::of_reading_before_the_first_look(World::fresh(), "Reconciling Starting")]
#[case::of_reading_a_new_spec(next_generation(World::ready()), "Reconciling Starting")]
fn a_refusal_is_gone_when_it_works_again(#[case] world: World, #[case] standing: &str) {
    let status = told(&world, 2).status.unwrap();
    let after = world.with(|seen| seen.resource.status = status).pass().pass();
    assert_eq!(after.standing(), standing);
}
