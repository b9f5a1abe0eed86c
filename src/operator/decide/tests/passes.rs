//! The table of scenarios: a world, and what one pass makes of it.

use rstest::rstest;

use super::scenes::{
    LAUNCH, SETTLE, before_tasks, beside_a_sidecar, complained, deleted, forgotten, held, invalid, missing, moved,
    next_generation, of_an_unknown_task, other_content, retry, running, stopping, suspended, third_attempt, with_image,
    with_strange_job, with_stray_pod, without_frozen, without_job,
};
use crate::operator::decide::world::World;
use crate::operator::observed::{Ended, JobEnd, JobState, RunnerEnd};
use crate::report::ErrorClass::{AlreadyExists, Permanent, Transient, UnknownOutcome};
use crate::report::Reason;

#[rstest]
// ---- a run begins
#[case::a_new_resource_starts_its_first_run(World::fresh(), "Reconciling Starting", LAUNCH, "Started")]
#[case::a_missing_config_map_is_waited_for(
    missing(World::fresh()),
    "Reconciling SourceNotFound",
    "Status",
    "SourceNotFound"
)]
#[case::a_missing_config_map_is_reported_once(missing(World::fresh()).pass(), "Reconciling SourceNotFound", "", "")]
#[case::an_invalid_set_stalls(invalid(World::fresh()), "Stalled InvalidSource", "Status", "Stalled")]
#[case::a_suspended_resource_starts_nothing(suspended(World::fresh()), " Suspended", "Status", "")]
#[case::a_database_in_use_is_waited_for(held(World::fresh()), "Reconciling WaitingForDatabase", "Status", "")]
#[case::a_stray_pod_is_waited_for(with_stray_pod(World::fresh()), "Reconciling Starting", "Status", "")]
// ---- a run in progress
#[case::a_waiting_pod_is_looked_at_without_a_word(World::started().pass(), "Reconciling Starting", "", "")]
#[case::what_a_pod_waits_for_is_shown(
    complained(World::started(), "ErrImagePull: no such image"),
    "Reconciling Starting",
    "Status",
    "Waiting"
)]
#[case::what_a_pod_waits_for_is_reported_once(complained(complained(World::started(), "ErrImagePull: no such image").pass(), "ImagePullBackOff"), "Reconciling Starting", "Status", "")]
#[case::a_job_with_an_image_that_cannot_be_pulled_and_is_no_more_the_operators_is_created_again(
    with_image(complained(World::started(), "ErrImagePull: no such image"), "runner:2"),
    "Reconciling Stopping",
    "Status DeleteJob",
    "Stopping"
)]
#[case::a_job_with_another_image_may_still_start(
    with_image(World::started().later(29), "runner:2"),
    "Reconciling Starting",
    "",
    ""
)]
#[case::a_run_with_another_image_continues(
    with_image(running(World::started()).pass().later(9), "runner:2"),
    "Reconciling Running",
    "",
    ""
)]
#[case::a_job_with_another_image_that_is_being_deleted_is_waited_for(
    with_image(stopping(complained(World::started(), "ErrImagePull")), "runner:2"),
    "Reconciling Stopping",
    "Status",
    ""
)]
#[case::a_suspended_job_is_waited_for(World::started().job(JobState::Suspended), "Reconciling Starting", "Status", "")]
#[case::a_suspended_job_is_withdrawn_for_a_new_spec(next_generation(World::started().job(JobState::Suspended)), "Reconciling Stopping", "Status DeleteJob", "Stopping")]
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
#[case::a_run_withdrawn_for_another_database_releases_its_lease(
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
#[case::a_run_that_has_not_started_is_withdrawn_for_a_new_spec(
    next_generation(World::started()),
    "Reconciling Stopping",
    "Status DeleteJob",
    "Stopping"
)]
#[case::a_run_that_has_not_started_is_withdrawn_for_new_content(
    other_content(World::started()),
    "Reconciling Stopping",
    "Status DeleteJob",
    "Stopping"
)]
#[case::a_run_that_has_not_started_is_withdrawn_when_suspended(
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
#[case::success_is_recorded_though_a_sidecar_keeps_running(World::started().ends_as(beside_a_sidecar(&["istio-proxy"]), 0), "Ready Verified", "Status ReleaseLease DeleteJob RemoveFinalizer", "Applied")]
#[case::success_is_recorded_before_its_job_has_ended(World::started().ends_as(beside_a_sidecar(&[]), 0), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_recorded_though_a_sidecar_failed(World::started().ends_as(JobEnd::Failed { reason: Some("BackoffLimitExceeded".into()) }, 0), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_recorded_though_a_sidecar_outlived_the_deadline(World::started().ends_as(JobEnd::Failed { reason: Some("DeadlineExceeded".into()) }, 0), "Ready Verified", SETTLE, "Applied")]
#[case::success_is_not_believed_of_a_container_that_failed(World::started().ends_as(JobEnd::Failed { reason: Some("BackoffLimitExceeded".into()) }, 1), "Reconciling PodLost", SETTLE, "Failed Retrying")]
#[case::success_is_not_believed_of_a_container_that_failed_beside_a_sidecar(World::started().ends_as(beside_a_sidecar(&["log"]), 137), "Reconciling PodLost", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Retrying")]
#[case::a_run_that_ended_without_a_word_ends_though_a_sidecar_keeps_running(World::started().ends_saying(beside_a_sidecar(&["log"]), 137, ""), "Reconciling PodLost", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Retrying")]
#[case::a_statement_that_fails_stalls(World::started().ends(Permanent, Reason::StatementFailed), "Stalled StatementFailed", SETTLE, "Failed Stalled")]
#[case::an_existing_object_stalls(World::started().ends(AlreadyExists, Reason::StatementFailed), "Stalled StatementFailed", SETTLE, "Failed Stalled")]
#[case::a_lost_connection_is_retried(World::started().ends(Transient, Reason::ConnectionFailed), "Reconciling ConnectionFailed", SETTLE, "Failed Retrying")]
#[case::an_unknown_outcome_is_retried(World::started().ends(UnknownOutcome, Reason::ConnectionFailed), "Reconciling ConnectionFailed", SETTLE, "Failed Retrying")]
#[case::a_refused_password_is_retried(World::started().ends(Transient, Reason::AuthenticationFailed), "Reconciling AuthenticationFailed", SETTLE, "Failed Retrying")]
#[case::a_lost_pod_is_retried(World::started().ends_unexplained("BackoffLimitExceeded"), "Reconciling PodLost", SETTLE, "Failed Retrying")]
#[case::a_complete_job_whose_pod_is_gone_is_verified_again(World::started().job(JobState::Ended(Ended { job: JobEnd::Complete, runner: RunnerEnd::Unknown, disruption: None })), "Reconciling PodLost", SETTLE, "Failed Retrying")]
#[case::a_pod_that_never_started_in_time_is_retried(World::started().ends_unexplained("DeadlineExceeded"), "Reconciling DeadlineExceeded", SETTLE, "Failed Retrying")]
#[case::a_run_that_takes_too_long_stalls(running(World::started()).pass().ends_unexplained("DeadlineExceeded"), "Stalled DeadlineExceeded", SETTLE, "Failed Stalled")]
#[case::the_last_attempt_stalls(third_attempt().ends(Transient, Reason::ConnectionFailed), "Stalled RetryLimitReached", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Stalled")]
#[case::an_evicted_pod_is_retried(World::started().ends_unexplained("PodFailurePolicy").disrupted(), "Reconciling Evicted", SETTLE, "Failed Retrying")]
#[case::an_evicted_run_that_was_asked_to_stop_is_retried(World::started().ends(Transient, Reason::Cancelled).disrupted(), "Reconciling Evicted", SETTLE, "Failed Retrying")]
#[case::the_last_attempt_is_made_again_when_it_is_evicted(third_attempt().ends(Transient, Reason::Cancelled).disrupted(), "Reconciling Evicted", "Status ReleaseLease DeleteJob RemoveFinalizer", "Failed Retrying")]
#[case::a_success_is_one_though_its_pod_was_evicted_then(World::started().ends_well().disrupted(), "Ready Verified", SETTLE, "Applied")]
#[case::a_statement_that_failed_stalls_though_its_pod_was_evicted_then(World::started().ends(Permanent, Reason::StatementFailed).disrupted(), "Stalled StatementFailed", SETTLE, "Failed Stalled")]
#[case::a_run_that_took_too_long_stalls_though_its_pod_was_evicted_then(running(World::started()).pass().ends_unexplained("DeadlineExceeded").disrupted(), "Stalled DeadlineExceeded", SETTLE, "Failed Stalled")]
#[case::a_wait_for_another_run_is_no_failure(World::started().ends(Transient, Reason::LockHeld), "Reconciling LockHeld", SETTLE, "WaitingForDatabase")]
#[case::a_wait_for_another_run_in_the_last_attempt_is_no_failure(third_attempt().ends(Transient, Reason::LockHeld), "Reconciling LockHeld", "Status ReleaseLease DeleteJob RemoveFinalizer", "WaitingForDatabase")]
#[case::a_lock_that_may_not_be_asked_for_stalls(World::started().ends(Permanent, Reason::LockHeld), "Stalled LockHeld", SETTLE, "Failed Stalled")]
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
#[case::an_invalid_set_is_reported_once(invalid(World::ready()).pass(), "Stalled InvalidSource", "", "")]
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
#[case::a_lost_status_is_verified_again(
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
