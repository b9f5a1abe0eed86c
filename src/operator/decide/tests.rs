//! The scenarios, each by name: a world, and what one pass makes of it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use rstest::rstest;

use super::world::{World, source_of};
use super::{Told, is_at_rest, refused};
use crate::api::SchemaMigrationStatus;
use crate::operator::decision::Requeue;
use crate::operator::names::{self, RunKey};
use crate::operator::observed::{Ended, Job, JobEnd, JobState, Lease, RunnerEnd};
use crate::operator::refusal::Refusal;
use crate::operator::source::Source;
use crate::operator::task::Task;
use crate::report::ErrorClass::{AlreadyExists, Permanent, Transient, UnknownOutcome};
use crate::report::{Event, Failure, Outcome, Reason};

const LAUNCH: &str = "Status AddFinalizer TakeLease FreezeSource CreateJob";
const SETTLE: &str = "Status ReleaseLease RemoveFinalizer";

fn held(world: World) -> World {
    world.with(|seen| seen.children.lease = Lease::Held { holder: "blog".into() })
}

fn running(world: World) -> World {
    world.job(JobState::Running {
        pod: "shop-1-abcde".into(),
        events: vec![Event::StatementFinished { version: "002".into(), statement: 1, statements: 2 }],
    })
}

fn other_content(world: World) -> World {
    world.with(|seen| seen.source = source_of(&[("001_a.sql", "create table c ();")]))
}

fn next_generation(world: World) -> World {
    world.with(|seen| seen.resource.generation += 1)
}

fn retry(world: World, token: Option<&str>) -> World {
    world.with(|seen| {
        let answered = seen.resource.status.run.as_ref().and_then(|run| run.retry_token.as_deref());
        seen.resource.retry_token = token.map(|token| names::token_beside(token, answered));
    })
}

fn deleted(world: World) -> World {
    world.with(|seen| {
        seen.resource.deleting = true;
        seen.source = Source::NotRead;
    })
}

fn suspended(world: World) -> World {
    next_generation(world).with(|seen| seen.resource.spec.suspend = true)
}

fn missing(world: World) -> World {
    world.with(|seen| seen.source = Source::Missing(vec!["shop-migrations".into()]))
}

fn invalid(world: World) -> World {
    world.with(|seen| seen.source = source_of(&[("001_a.sql", "select 1;"), ("01_b.sql", "select 1;")]))
}

fn forgotten(world: World) -> World {
    world.with(|seen| seen.resource.status = SchemaMigrationStatus::default())
}

fn without_job(world: World) -> World {
    world.with(|seen| seen.children.jobs.clear())
}

fn without_frozen(world: World) -> World {
    world.pass().with(|seen| seen.children.frozen.clear())
}

fn stopping(world: World) -> World {
    world.with(|seen| seen.children.jobs.iter_mut().for_each(|job| job.deleting = true))
}

fn with_stray_pod(world: World) -> World {
    world.with(|seen| seen.children.stray_pods.push("shop-x-1-abcde".into()))
}

fn complained(world: World, complaint: &str) -> World {
    world.job(JobState::Waiting { reason: Some(complaint.into()) })
}

/// The runner has ended, and another container of its pod goes on.
fn beside_a_sidecar(others: &[&str]) -> JobEnd {
    JobEnd::Open { others: others.iter().map(|&name| name.to_owned()).collect() }
}

/// A Job of the resource that the operator did not make: a namesake of the run's, or another.
fn with_strange_job(world: World, name: Option<&str>) -> World {
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

fn moved(world: World) -> World {
    next_generation(world).with(|seen| seen.resource.spec.database.url_secret_ref.name = "other-db".into())
}

/// As the version before tasks has left it.
fn before_tasks(world: World) -> World {
    world.with(|seen| {
        if let Some(run) = &mut seen.resource.status.run {
            run.task = None;
        }
    })
}

/// As a newer version has left it, in the status or on the Job.
fn of_an_unknown_task(world: World, in_status: bool) -> World {
    world.with(|seen| {
        if in_status {
            seen.resource.status.run.as_mut().unwrap().task = Some("Plan of the future".into());
        } else {
            seen.children.jobs[0].origin.as_mut().unwrap().task = None;
        }
    })
}

fn third_attempt() -> World {
    let second = World::failed(Transient, Reason::ConnectionFailed).later(10).pass();
    second.ends(Transient, Reason::ConnectionFailed).pass().later(20).pass()
}

#[rstest]
// ---- a run begins
#[case::a_new_resource_starts_its_first_run(World::fresh(), "Reconciling Starting", LAUNCH, "Started")]
#[case::a_missing_config_map_is_waited_for(
    missing(World::fresh()),
    "Reconciling SourceNotFound",
    "Status",
    "SourceNotFound"
)]
#[case::a_missing_config_map_is_told_once(missing(World::fresh()).pass(), "Reconciling SourceNotFound", "", "")]
#[case::an_invalid_set_stalls(invalid(World::fresh()), "Stalled InvalidSource", "Status", "Stalled")]
#[case::a_suspended_resource_starts_nothing(suspended(World::fresh()), " Suspended", "Status", "")]
#[case::a_database_in_use_is_waited_for(held(World::fresh()), "Reconciling WaitingForDatabase", "Status", "")]
#[case::a_stray_pod_is_waited_for(with_stray_pod(World::fresh()), "Reconciling Starting", "Status", "")]
// ---- a run goes on
#[case::a_waiting_pod_is_looked_at_without_a_word(World::started().pass(), "Reconciling Starting", "", "")]
#[case::what_a_pod_waits_for_is_told(
    complained(World::started(), "ErrImagePull: no such image"),
    "Reconciling Starting",
    "Status",
    "Waiting"
)]
#[case::what_a_pod_waits_for_is_told_once(complained(complained(World::started(), "ErrImagePull: no such image").pass(), "ImagePullBackOff"), "Reconciling Starting", "Status", "")]
#[case::a_suspended_job_is_waited_for(World::started().job(JobState::Suspended), "Reconciling Starting", "Status", "")]
#[case::a_suspended_job_is_taken_back_for_a_new_spec(next_generation(World::started().job(JobState::Suspended)), "Reconciling Stopping", "Status DeleteJob", "Stopping")]
#[case::a_namesake_of_the_runs_job_is_not_believed(
    with_strange_job(World::started(), None),
    "Reconciling Starting",
    "Status",
    ""
)]
#[case::a_good_end_of_a_namesake_is_not_believed(with_strange_job(World::started(), None).ends_well(), "Reconciling Starting", "Status CreateJob", "")]
#[case::a_job_that_no_run_made_is_waited_for_and_not_watched(
    with_strange_job(World::ready(), Some("shop-x-1")),
    "Reconciling Starting",
    "Status",
    ""
)]
#[case::the_lease_of_the_runs_database_is_kept_when_the_spec_names_another(moved(running(World::started()).pass()).later(10), "Reconciling Running", "Status RenewLease", "")]
#[case::a_run_taken_back_for_another_database_gives_its_lease_back(
    moved(World::started()),
    "Reconciling Stopping",
    "Status DeleteJob ReleaseLease",
    "Stopping"
)]
#[case::a_running_pods_progress_is_shown(running(World::started()), "Reconciling Running", "Status", "")]
#[case::the_lease_is_renewed_in_time(running(World::started()).pass().later(10), "Reconciling Running", "RenewLease", "")]
#[case::a_change_of_content_does_not_stop_a_run(other_content(running(World::started()).pass()), "Reconciling Running", "", "")]
#[case::a_change_of_spec_does_not_stop_a_run(next_generation(running(World::started()).pass()), "Reconciling Running", "Status", "")]
#[case::suspending_does_not_stop_a_run(suspended(running(World::started()).pass()), "Reconciling Running", "Status", "")]
#[case::a_run_that_has_not_begun_is_taken_back_for_a_new_spec(
    next_generation(World::started()),
    "Reconciling Stopping",
    "Status DeleteJob",
    "Stopping"
)]
#[case::a_run_that_has_not_begun_is_taken_back_for_a_new_content(
    other_content(World::started()),
    "Reconciling Stopping",
    "Status DeleteJob",
    "Stopping"
)]
#[case::a_run_that_has_not_begun_is_taken_back_when_suspended(
    suspended(World::started()),
    "Reconciling Stopping",
    "Status DeleteJob",
    "Stopping"
)]
#[case::a_new_spec_is_run_when_the_old_job_is_gone(
    without_job(next_generation(World::started()).pass()),
    "Reconciling Starting",
    "Status CreateJob",
    "Started"
)]
#[case::a_deleted_frozen_source_is_made_again(
    without_frozen(World::started()),
    "Reconciling Starting",
    "FreezeSource",
    ""
)]
#[case::a_lost_status_is_filled_in_from_the_job(forgotten(World::started()), "Reconciling Starting", "Status", "")]
#[case::a_stopped_job_is_waited_for(stopping(World::started()), "Reconciling Stopping", "Status", "")]
#[case::a_deleted_job_is_made_again(without_job(World::started()), "Reconciling Starting", "Status CreateJob", "")]
#[case::a_deleted_jobs_pod_is_waited_for(
    with_stray_pod(without_job(World::started())),
    "Reconciling Starting",
    "Status",
    ""
)]
// ---- a run ends
#[case::success_makes_ready(World::started().ends_well(), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_recorded_though_a_sidecar_goes_on(World::started().ends_as(beside_a_sidecar(&["istio-proxy"]), 0), "Ready Verified", "Status ReleaseLease DeleteJob RemoveFinalizer", "Applied")]
#[case::success_is_recorded_before_its_job_has_ended(World::started().ends_as(beside_a_sidecar(&[]), 0), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_recorded_though_a_sidecar_failed(World::started().ends_as(JobEnd::Failed { reason: Some("BackoffLimitExceeded".into()) }, 0), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_recorded_though_a_sidecar_outlived_the_deadline(World::started().ends_as(JobEnd::Failed { reason: Some("DeadlineExceeded".into()) }, 0), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_not_believed_of_a_container_that_failed(World::started().ends_as(JobEnd::Failed { reason: Some("BackoffLimitExceeded".into()) }, 1), "Reconciling PodLost", SETTLE, "Failed Retrying")]
#[case::success_is_not_believed_of_a_container_that_failed_beside_a_sidecar(World::started().ends_as(beside_a_sidecar(&["log"]), 137), "Reconciling PodLost", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Retrying")]
#[case::a_run_that_ended_without_a_word_ends_though_a_sidecar_goes_on(World::started().ends_saying(beside_a_sidecar(&["log"]), 137, ""), "Reconciling PodLost", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Retrying")]
#[case::a_statement_that_fails_stalls(World::started().ends(Permanent, Reason::StatementFailed), "Stalled StatementFailed", SETTLE, "Failed Stalled")]
#[case::an_existing_object_stalls(World::started().ends(AlreadyExists, Reason::StatementFailed), "Stalled StatementFailed", SETTLE, "Failed Stalled")]
#[case::a_lost_connection_is_retried(World::started().ends(Transient, Reason::ConnectionFailed), "Reconciling ConnectionFailed", SETTLE, "Failed Retrying")]
#[case::an_unknown_outcome_is_retried(World::started().ends(UnknownOutcome, Reason::ConnectionFailed), "Reconciling ConnectionFailed", SETTLE, "Failed Retrying")]
#[case::a_refused_password_is_retried(World::started().ends(Transient, Reason::AuthenticationFailed), "Reconciling AuthenticationFailed", SETTLE, "Failed Retrying")]
#[case::a_lost_pod_is_retried(World::started().ends_unexplained("BackoffLimitExceeded"), "Reconciling PodLost", SETTLE, "Failed Retrying")]
#[case::a_complete_job_whose_pod_nobody_can_ask_any_more_is_verified_anew(World::started().job(JobState::Ended(Ended { job: JobEnd::Complete, runner: RunnerEnd::Unknown })), "Reconciling PodLost", SETTLE, "Failed Retrying")]
#[case::a_pod_that_never_started_in_time_is_retried(World::started().ends_unexplained("DeadlineExceeded"), "Reconciling DeadlineExceeded", SETTLE, "Failed Retrying")]
#[case::a_run_that_takes_too_long_stalls(running(World::started()).pass().ends_unexplained("DeadlineExceeded"), "Stalled DeadlineExceeded", SETTLE, "Failed Stalled")]
#[case::the_last_attempt_stalls(third_attempt().ends(Transient, Reason::ConnectionFailed), "Stalled RetryLimitReached", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Stalled")]
#[case::success_for_an_old_content_is_not_ready(other_content(World::started().ends_well()), "Reconciling Changed", SETTLE, "Applied")]
#[case::success_for_an_old_generation_is_not_ready(next_generation(World::started().ends_well()), "Reconciling Changed", SETTLE, "Applied")]
#[case::failure_for_an_old_content_does_not_stall(other_content(World::started().ends(Permanent, Reason::StatementFailed)), "Reconciling Changed", SETTLE, "Failed")]
// ---- after a run
#[case::a_verified_resource_is_left_alone(World::ready(), "Ready Verified", "", "")]
#[case::a_stalled_resource_is_left_alone(
    World::failed(Permanent, Reason::StatementFailed),
    "Stalled StatementFailed",
    "",
    ""
)]
#[case::an_invalid_set_is_told_once(invalid(World::ready()).pass(), "Stalled InvalidSource", "", "")]
#[case::a_retry_is_not_made_before_its_time(World::failed(Transient, Reason::ConnectionFailed).later(3), "Reconciling ConnectionFailed", "", "")]
#[case::a_retry_is_made_in_its_time(World::failed(Transient, Reason::ConnectionFailed).later(10), "Reconciling Starting", "Status AddFinalizer TakeLease CreateJob", "Started")]
#[case::a_new_content_alone_starts_a_run(other_content(World::ready()), "Reconciling Starting", LAUNCH, "Started")]
#[case::a_new_generation_starts_a_run(
    next_generation(World::ready()),
    "Reconciling Starting",
    "Status AddFinalizer TakeLease CreateJob",
    "Started"
)]
#[case::a_corrected_file_ends_a_stall(
    other_content(World::failed(Permanent, Reason::StatementFailed)),
    "Reconciling Starting",
    LAUNCH,
    "Started"
)]
#[case::the_retry_annotation_ends_a_stall(
    retry(World::failed(Permanent, Reason::StatementFailed), Some("1")),
    "Reconciling Starting",
    "Status AddFinalizer TakeLease CreateJob",
    "Started"
)]
#[case::an_answered_retry_annotation_asks_for_nothing(retry(retry(World::failed(Permanent, Reason::StatementFailed), Some("1")).pass().ends_well().pass(), Some("1")), "Ready Verified", "", "")]
#[case::a_removed_retry_annotation_asks_for_nothing(retry(retry(World::failed(Permanent, Reason::StatementFailed), Some("1")).pass().ends_well().pass(), None), "Ready Verified", "", "")]
#[case::a_content_put_back_after_an_invalid_one_is_verified_again(World::ready().with(|seen| seen.resource.status = invalid(World::ready()).pass().observed.resource.status), "Reconciling Starting", "Status AddFinalizer TakeLease CreateJob", "Started")]
#[case::a_lost_status_is_verified_anew(
    forgotten(World::ready()),
    "Reconciling Starting",
    "Status AddFinalizer TakeLease CreateJob",
    "Started"
)]
#[case::a_config_map_that_vanished_ends_ready(
    missing(World::ready()),
    "Reconciling SourceNotFound",
    "Status",
    "SourceNotFound"
)]
// ---- other versions
#[case::a_resource_that_the_version_before_verified_is_left_alone(
    before_tasks(World::ready()),
    "Ready Verified",
    "",
    ""
)]
#[case::a_run_that_the_version_before_started_ends_well(before_tasks(World::started()).ends_well(), "Ready Verified", SETTLE, "Applied")]
#[case::a_run_that_the_version_before_decided_is_started(
    before_tasks(without_job(World::started())),
    "Reconciling Starting",
    "Status CreateJob",
    ""
)]
#[case::a_retry_of_the_version_before_is_made_in_its_time(before_tasks(World::failed(Transient, Reason::ConnectionFailed)).later(10), "Reconciling Starting", "Status AddFinalizer TakeLease CreateJob", "Started")]
#[case::a_job_of_an_unknown_task_is_waited_for(
    of_an_unknown_task(running(World::started()), false),
    "Reconciling Starting",
    "Status",
    ""
)]
#[case::a_run_of_an_unknown_task_is_waited_for(
    of_an_unknown_task(running(World::started()), true),
    "Reconciling Starting",
    "Status",
    ""
)]
#[case::a_job_of_an_unknown_task_is_not_taken_over_where_the_status_is_lost(
    of_an_unknown_task(forgotten(running(World::started())), false),
    "Reconciling Starting",
    "Status",
    ""
)]
#[case::a_good_end_of_an_unknown_task_is_not_believed(of_an_unknown_task(World::started(), true).ends_well(), "Reconciling Starting", "Status CreateJob", "Started")]
// ---- deletion
#[case::deleting_an_idle_resource_does_nothing(deleted(World::ready()), "Ready Verified", "", "")]
#[case::deleting_stops_the_running_job_first(
    deleted(running(World::started())),
    "Reconciling Terminating",
    "Status DeleteJob",
    "Stopping"
)]
#[case::deleting_waits_for_the_job_to_stop(deleted(running(World::started())).pass(), "Reconciling Terminating", "", "")]
#[case::deleting_waits_for_a_stray_pod(
    with_stray_pod(deleted(without_job(World::started()))),
    "Reconciling Terminating",
    "Status",
    ""
)]
#[case::deleting_lets_go_when_the_job_has_stopped(
    deleted(without_job(World::started())),
    "Reconciling Starting",
    "ReleaseLease RemoveFinalizer",
    ""
)]
fn one_pass(#[case] world: World, #[case] standing: &str, #[case] writes: &str, #[case] notices: &str) {
    let before = world.observed.clone();
    let after = world.pass();
    assert_eq!(after.standing(), standing, "{:#?}", after.status().conditions);
    assert_eq!(after.writes(&before).join(" "), writes);
    assert_eq!(after.notices().join(" "), notices);
}

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

/// Ends each Job that comes up, badly so many times and then well, until nothing is left to do. `death` is
/// the number of a pass, and after how many of its writes the operator dies.
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
fn a_failure_is_in_the_status_with_its_place_and_the_time_of_the_retry() {
    let world = World::failed(Transient, Reason::ConnectionFailed);
    let error = world.status().last_error.clone().unwrap();
    assert_eq!((error.class.as_str(), error.reason.as_str()), ("transient", "ConnectionFailed"));
    assert_eq!((error.file.as_deref(), error.line, error.column), (Some("002_b.sql"), Some(3), Some(7)));
    let at: jiff::Timestamp = error.retry_at.unwrap().parse().unwrap();
    let pause = Duration::try_from(at.duration_since(world.now)).unwrap();
    assert!(pause >= Duration::from_secs(8) && pause <= Duration::from_secs(10), "{pause:?}");
    assert_eq!(world.status().current_version.as_deref(), Some("001"));
    let message = &world.status().conditions[0].message;
    assert!(message.contains("Attempt 2 of 3 starts by itself at"), "{message}");
}

#[test]
fn a_refused_password_is_retried_at_the_slowest_pace() {
    let world = World::failed(Transient, Reason::AuthenticationFailed);
    let Requeue::After(pause) = world.last.as_ref().unwrap().requeue else { panic!() };
    assert!(pause >= Duration::from_secs(48), "{pause:?}");
}

#[test]
fn a_summary_of_another_run_is_not_believed() {
    let mut world = World::started().ends_well();
    for job in &mut world.observed.children.jobs {
        let JobState::Ended(Ended { runner: RunnerEnd::Exited { message, .. }, .. }) = &mut job.state else { panic!() };
        *message = message.take().map(|message| message.replace(&job.name, "shop-other-1"));
    }
    assert_eq!(world.pass().standing(), "Reconciling PodLost");
}

#[test]
fn no_number_and_no_text_of_a_runner_is_believed_beyond_what_can_be() {
    let world = World::started();
    let run = world.status().run.clone().unwrap().name;
    let huge = format!(
        "{{\"run\":\"{run}\",\"outcome\":{{\"result\":\"succeeded\",\"applied\":{max}}},\"currentVersion\":\"99\\u001b[2J\",\
         \"pending\":{{\"count\":{max}}},\"history\":[{{\"version\":\"1\",\"file\":\"a\",\"checksum\":\"0\",\"appliedAt\":\"now\",\
         \"executionTimeMs\":{max},\"success\":true}}]}}",
        max = i64::MAX
    );
    let world = world.ends_saying(JobEnd::Complete, 0, &huge).pass();
    assert_eq!(world.standing(), "Ready Verified");
    let status = world.status();
    assert_eq!(status.pending.as_ref().unwrap().count, 2, "the source has two files");
    assert!(status.history[0].execution_time_ms < 400 * 24 * 3600 * 1000, "{:?}", status.history);
    let message = &status.conditions[0].message;
    assert!(message.contains("applied 2 migrations") && !message.contains('\u{1b}'), "{message}");
    let notices = format!("{:?}", world.last.as_ref().unwrap().notices);
    assert!(notices.contains("applied: 2,"), "{notices}");
}

#[test]
fn a_line_and_a_progress_that_cannot_be_are_not_shown() {
    let world = World::started().job(JobState::Running {
        pod: "p".into(),
        events: vec![Event::StatementFinished { version: "1".into(), statement: i64::MAX, statements: -7 }],
    });
    let progress = world.pass().status().run.clone().unwrap().progress.unwrap();
    assert_eq!((progress.statement, progress.statements), (0, 0));
    let place = crate::report::Place { line: Some(-3), column: Some(i64::MAX), ..Default::default() };
    let failure = Failure { place: Some(place), ..failure(Reason::StatementFailed, "no") };
    let world = World::started().ends_failing(failure).pass();
    let error = world.status().last_error.clone().unwrap();
    assert_eq!((error.line, error.column), (None, None));
    assert!(!world.status().conditions[0].message.contains("line"), "{}", world.status().conditions[0].message);
}

fn failure(reason: Reason, message: &str) -> Failure {
    Failure { class: Permanent, reason, code: None, message: message.into(), hint: None, place: None }
}

#[rstest]
#[case::never_started_as_last_seen(
    complained(World::started(), "no node takes its pod: 0/1 nodes").pass().ends_unexplained("DeadlineExceeded"),
    "its pod did not start within spec.activeDeadline and three minutes more: no node takes its pod: 0/1 nodes; nothing was changed"
)]
#[case::never_started_as_its_pod_says(
    World::started().ends_without("DeadlineExceeded", RunnerEnd::NeverStarted { why: Some("ErrImagePull".into()) }),
    "its pod did not start within spec.activeDeadline and three minutes more: ErrImagePull; nothing was changed"
)]
#[case::may_have_begun(World::started().ends_unexplained("DeadlineExceeded"), "its pod is gone, which may have begun; the next run reads in the ledger")]
#[case::at_work(
    running(World::started()).pass().ends_unexplained("DeadlineExceeded"),
    "it did not end within spec.activeDeadline and was stopped. Raise spec.activeDeadline, or divide the migration"
)]
#[case::at_work_before_its_first_word(
    World::started().job(JobState::Running { pod: "p".into(), events: Vec::new() }).pass().ends_unexplained("DeadlineExceeded"),
    "it did not end within spec.activeDeadline and was stopped. Raise spec.activeDeadline"
)]
#[case::an_init_container_failed(
    World::started().ends_without("BackoffLimitExceeded", RunnerEnd::NeverStarted { why: Some("init container \"istio-init\": Error, exit code 1".into()) }),
    "its pod ended before the runner had started: init container \"istio-init\": Error, exit code 1; nothing was changed"
)]
#[case::out_of_memory(
    World::started().ends_without("BackoffLimitExceeded", RunnerEnd::Exited { code: 137, message: None, how: "OOMKilled, exit code 137".into() }),
    "ended without saying how: OOMKilled, exit code 137. Give the run's pod more memory: spec.job.resources.limits.memory. Attempt 2 of 3"
)]
#[case::without_a_word_beside_a_sidecar(
    World::started().ends_saying(beside_a_sidecar(&["istio-proxy"]), 2, ""),
    "its runner ended without saying how: Error, exit code 2, while container \"istio-proxy\" of its pod went on. Attempt 2"
)]
#[case::an_untrue_success(
    World::started().ends_as(JobEnd::Failed { reason: None }, 3),
    "its runner said that it succeeded, but ended with exit code 3, so its word is not taken; the next run reads in the ledger"
)]
#[case::a_url_of_several_lines(
    World::started().ends_failing(failure(Reason::InvalidSettings, "the file /run/schemaward/url has 3 lines: it must hold one URL")),
    "Secret \"shop-db\" with the key \"url\" has 3 lines: it must hold one URL."
)]
#[case::a_refused_password(
    World::started().ends(Transient, Reason::AuthenticationFailed),
    "(the URL is that of Secret \"shop-db\" with the key \"url\")"
)]
#[case::another_content_in_the_frozen_source(
    World::started().ends_failing(failure(Reason::SourceChanged, "the mounted source has the SHA-256 1, not 2")),
    "Delete ConfigMap \"shop-"
)]
#[case::an_edited_file(
    World::started().ends_failing(failure(Reason::MigrationEdited, "001_a.sql was changed; accept it: schemaward repair --accept 001")),
    "Once the spec or the source is corrected, a run starts by itself; after schemaward repair, schemaward rollback or another change in the \
     database set the annotation schemaward.dev/retry to a new value to try again."
)]
#[case::under_suspend(
    suspended(running(World::started()).pass()).ends_well(),
    "nothing follows while spec.suspend is true."
)]
#[case::a_queue(World::started().job(JobState::Suspended), "its Job is suspended, by a person or by a queue such as Kueue")]
#[case::an_image(
    complained(World::started(), "ErrImagePull: x"),
    "set the annotation schemaward.dev/retry to a new value to have the Job made anew."
)]
fn a_message_says_what_happened_and_what_helps(#[case] world: World, #[case] says: &str) {
    let after = world.pass();
    let message = after.status().conditions[0].message.clone();
    assert!(message.contains(says), "{message}");
    assert!(message.ends_with('.') && !message.contains("..") && message.matches("Run shop-").count() < 2, "{message}");
}

#[test]
fn of_a_long_error_the_end_is_cut_and_never_what_to_do_next() {
    let long = "very long text ".repeat(3000);
    let stalled = World::started().ends_failing(failure(Reason::StatementFailed, &long)).pass();
    let retried =
        World::started().ends_failing(Failure { class: Transient, ..failure(Reason::ConnectionFailed, &long) });
    let last = third_attempt().ends_failing(Failure { class: Transient, ..failure(Reason::ConnectionFailed, &long) });
    let hinted = Failure { hint: Some(long.clone()), ..failure(Reason::NeedsReview, &long) };
    for (world, end) in [
        (stalled, "put the database right and set the annotation schemaward.dev/retry to a new value to try again."),
        (retried.pass(), "give the annotation schemaward.dev/retry a new value."),
        (last.pass(), "set the annotation schemaward.dev/retry to a new value to try again."),
        (
            World::started().ends_failing(hinted).pass(),
            "set the annotation schemaward.dev/retry to a new value to try again.",
        ),
        (complained(World::started(), &long).pass(), "Its pod starts by itself once that is put right."),
    ] {
        let message = &world.status().conditions[0].message;
        assert!(message.ends_with(end) && message.len() <= 1024, "{} bytes: {message}", message.len());
        let notes: Vec<usize> =
            world.last.as_ref().unwrap().notices.iter().map(|notice| notice.message.len()).collect();
        assert!(!notes.is_empty());
        assert!(world.last.as_ref().unwrap().notices.last().unwrap().message.ends_with(end), "{notes:?}");
    }
}

#[test]
fn a_success_counts_for_its_own_run_alone() {
    let world = World::started();
    let words = world.summary(Outcome::Succeeded { applied: 2, ahead: Vec::new() }, "002");
    let later = world.ends(Transient, Reason::ConnectionFailed).pass().later(10).pass();
    assert_eq!(later.ends_saying(JobEnd::Complete, 0, &words).pass().standing(), "Reconciling PodLost");
}

#[test]
fn what_a_run_warns_of_stands_in_its_status_and_in_one_event() {
    let world = running(World::started());
    let outcome = Outcome::Succeeded { applied: 2, ahead: Vec::new() };
    let words = world.summary_with(outcome, "002", &["001_a.sql: comments were changed", "a\u{7}\nb"]);
    let world = world.ends_saying(JobEnd::Complete, 0, &words).pass();
    assert_eq!(world.standing(), "Ready Verified");
    let run = world.observed.resource.status.run.clone().expect("a run");
    assert_eq!(run.warnings, ["001_a.sql: comments were changed", "a  b"]);
    let notices = world.last.clone().expect("a decision").notices;
    let told: Vec<_> = notices.iter().filter(|notice| notice.kind.reason() == "Warned").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].message, format!("Run {} warned: 001_a.sql: comments were changed | a  b", run.name));
    assert!(told[0].kind.is_warning());
    assert_eq!(world.status().warnings, run.warnings);
    // The next run begins without them.
    let world = next_generation(world).pass();
    assert!(world.observed.resource.status.run.is_some_and(|run| run.warnings.is_empty()));
}

#[test]
fn what_was_found_in_the_files_stays_while_they_are_tried_again_and_goes_with_them() {
    let ends = |world: World, warnings: &[&str]| {
        let failure = Failure { class: Transient, ..failure(Reason::ConnectionFailed, "no") };
        let words = world.summary_with(Outcome::Failed { applied: 0, failure }, "001", warnings);
        world.ends_saying(JobEnd::Failed { reason: None }, 1, &words).pass()
    };
    let failed = ends(World::started(), &["001_a.sql: empty"]);
    assert_eq!(failed.status().warnings, ["001_a.sql: empty"]);
    let others = other_content(failed.clone()).pass();
    assert_eq!((others.notices(), &*others.status().warnings), (vec!["Started"], &[][..]), "of other files");
    let again = failed.later(10).pass();
    assert_eq!(again.status().run.as_ref().map(|run| (run.attempt, run.warnings.len())), Some((2, 0)));
    assert_eq!(again.status().warnings, ["001_a.sql: empty"]);
    assert_eq!(again.ends_well().pass().status().warnings, [""; 0], "the last run found nothing");
}

fn a_refusal() -> Refusal {
    Refusal { what: "Lease \"x\"".into(), said: "exceeded quota: q".into(), advice: "correct the quota" }
}

/// What a world's resource says after so many failed passes.
fn told(world: &World, failures: u32) -> Told {
    refused(&world.observed.resource, &a_refusal(), failures, world.now)
}

#[rstest]
#[case::a_run_that_starts(World::fresh().pass_until(1))]
#[case::a_run_whose_job_is_refused(World::fresh().pass_until(4))]
#[case::a_run_at_work(running(World::started()).pass())]
#[case::a_resource_that_was_never_looked_at(World::fresh())]
#[case::a_new_generation(next_generation(World::ready()))]
#[case::a_deletion(deleted(World::ready()))]
#[case::a_wait_for_the_database(held(World::fresh()).pass())]
fn a_refusal_is_told_from_the_second_time_on_and_its_event_once(#[case] world: World) {
    assert_eq!(told(&world, 1), Told::default(), "one may be a hiccup");
    let first = told(&world, 2);
    let status = first.status.unwrap();
    let said = World { observed: world.observed.clone(), now: world.now, last: None }
        .with(|seen| seen.resource.status = status.clone());
    assert_eq!(said.standing(), "Reconciling RefusedByCluster");
    let message = &status.conditions[0].message;
    for part in ["Lease \"x\": exceeded quota: q.", "tried again by itself", "correct the quota."] {
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
    // Where the status itself could not be written, it is tried again, but there is no second event.
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
fn every_message_is_a_sentence_without_a_gap() {
    for world in vec![
        World::started(),
        running(World::started()).pass(),
        World::ready(),
        World::failed(Permanent, Reason::StatementFailed),
        third_attempt().ends(Transient, Reason::ConnectionFailed).pass(),
        invalid(World::fresh()).pass(),
        missing(World::fresh()).pass(),
        held(World::fresh()).pass(),
        deleted(running(World::started())).pass(),
    ] {
        let message = world.status().conditions[0].message.clone();
        assert!(message.ends_with('.') && !message.contains("..") && !message.contains("  "), "{message}");
    }
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
    // Whoever gives what the status shows as a new value asks for another run.
    assert_eq!(retry(ready, Some(&kept)).pass().notices(), ["Started"]);
}

#[rstest]
#[case::at_first(World::started(), 0, 2)]
#[case::soon(World::started(), 12, 6)]
#[case::later(World::started(), 60, 30)]
#[case::for_long(World::started(), 3600, 60)]
#[case::a_run_that_has_just_begun(running(World::started()), 5, 2)]
#[case::a_run_that_goes_on(running(World::started()), 60, 6)]
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
