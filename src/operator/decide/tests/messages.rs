//! What conditions say to people.

use rstest::rstest;

use super::scenes::{
    beside_a_sidecar, complained, deleted, failure, held, invalid, missing, running, suspended, third_attempt,
};
use crate::operator::decide::world::World;
use crate::operator::observed::{JobEnd, JobState, RunnerEnd};
use crate::report::ErrorClass::{Permanent, Transient};
use crate::report::{Failure, Reason};

#[rstest]
#[case::never_started_as_last_seen(
    complained(World::started(), "the pod cannot be scheduled: 0/1 nodes").pass().ends_unexplained("DeadlineExceeded"),
    "its pod did not start within spec.activeDeadline and three minutes more: the pod cannot be scheduled: 0/1 \
     nodes; nothing was changed"
)]
#[case::never_started_as_its_pod_says(
    World::started().ends_without("DeadlineExceeded", RunnerEnd::NeverStarted { why: Some("ErrImagePull".into()) }),
    "its pod did not start within spec.activeDeadline and three minutes more: ErrImagePull; nothing was changed"
)]
#[case::may_have_started(World::started().ends_unexplained("DeadlineExceeded"), "its pod is gone, which may have started; the next run reads from the ledger")]
#[case::in_progress(
    running(World::started()).pass().ends_unexplained("DeadlineExceeded"),
    "it did not end within spec.activeDeadline and was stopped. Raise spec.activeDeadline, or divide the migration"
)]
#[case::in_progress_before_its_first_word(
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
    "Once the spec or the source is corrected, a run starts automatically; after schemaward repair, schemaward \
     rollback or another change in the database set the annotation schemaward.dev/retry to a new value to try \
     again."
)]
#[case::under_suspend(
    suspended(running(World::started()).pass()).ends_well(),
    "nothing follows while spec.suspend is true."
)]
#[case::a_queue(World::started().job(JobState::Suspended), "its Job is suspended, by a person or by a queue such as Kueue")]
#[case::an_image(
    complained(World::started(), "ErrImagePull: x"),
    "set the annotation schemaward.dev/retry to a new value to have the Job created again."
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
        (stalled, "fix the database and set the annotation schemaward.dev/retry to a new value to try again."),
        (retried.pass(), "give the annotation schemaward.dev/retry a new value."),
        (last.pass(), "set the annotation schemaward.dev/retry to a new value to try again."),
        (
            World::started().ends_failing(hinted).pass(),
            "set the annotation schemaward.dev/retry to a new value to try again.",
        ),
        (complained(World::started(), &long).pass(), "Its pod starts automatically once that is fixed."),
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
