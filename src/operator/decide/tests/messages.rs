//! What conditions say to people.

use rstest::rstest;

use super::scenes::{
    beside_a_sidecar, complained, deleted, failure, held, invalid, missing, next_generation, of_an_unknown_task,
    running, stopping, suspended, third_attempt, with_strange_job, with_stray_pod, without_job,
};
use crate::operator::decide::world::World;
use crate::operator::observed::{JobEnd, JobState, RunnerEnd};
use crate::report::ErrorClass::{AlreadyExists, Permanent, Transient};
use crate::report::{ErrorClass, Event, Failure, Outcome, Place, Reason};

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
#[case::ended_by_its_deadline_though_nothing_was_seen_of_it(
    World::started().ends_without("DeadlineExceeded", RunnerEnd::Exited { code: 143, message: None, how: "Error, exit code 143".into() }),
    "it did not end within spec.activeDeadline and was stopped. Raise spec.activeDeadline"
)]
#[case::out_of_memory(
    World::started().ends_without("BackoffLimitExceeded", RunnerEnd::Exited { code: 137, message: None, how: "OOMKilled, exit code 137".into() }),
    "ended without saying how: OOMKilled, exit code 137. Give the run's pod more memory: spec.job.resources.limits.memory. Attempt 2 of 3"
)]
#[case::without_a_word_beside_a_sidecar(
    World::started().ends_saying(beside_a_sidecar(&["istio-proxy"]), 2, ""),
    "its runner ended without saying how: Error, exit code 2, while container \"istio-proxy\" of its pod went on. Attempt 2"
)]
#[case::without_a_word_and_alone(
    World::started().ends_saying(beside_a_sidecar(&[]), 2, ""),
    "its runner ended without saying how: Error, exit code 2. Attempt 2"
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
#[case::of_a_source_that_is_gone(
    missing(running(World::started()).pass()).ends_well(),
    "The spec or the source has changed since it started: a new run follows when its source is there and valid."
)]
#[case::a_queue(World::started().job(JobState::Suspended), "its Job is suspended, by a person or by a queue such as Kueue")]
#[case::an_image(
    complained(World::started(), "ErrImagePull: x"),
    "ErrImagePull: x. Its pod starts automatically once that image can be pulled; given another runnerImage, the \
     operator creates the Job again with it."
)]
#[case::an_image_that_a_policy_has_put_in(
    complained(World::started(), "ErrImagePull: mirror/runner:1").with(|seen| {
        seen.children.jobs[0].image.given = "mirror/runner:1".into();
    }),
    "The image was put in by an admission policy in place of runner:1. The Job is created again every five minutes; to \
     have it done at once, set the annotation schemaward.dev/retry to a new value."
)]
#[case::an_image_that_a_policy_has_put_in_for_long(
    complained(World::started(), "ErrImagePull: mirror/runner:1").later(300).with(|seen| {
        seen.children.jobs[0].image.given = "mirror/runner:1".into();
    }),
    "its Job is created again: its image mirror/runner:1, which an admission policy has put in place of runner:1, \
     cannot be pulled, and that policy may have been corrected."
)]
#[case::an_eviction(
    World::started().ends_unexplained("PodFailurePolicy").disrupted(),
    "(attempt 1) failed: the cluster took its pod away (EvictionByEvictionAPI: Eviction API: evicting). That does not \
     count against spec.retry.limit. Attempt 2 of 4 starts automatically at "
)]
#[case::an_eviction_that_the_runner_noticed(
    World::started().ends_failing(failure(Reason::Cancelled, "the run was asked to stop.").class(Transient)).disrupted(),
    "(EvictionByEvictionAPI: Eviction API: evicting); its runner said: the run was asked to stop. That does not count"
)]
#[case::a_lock_that_another_run_has(
    World::started().ends_failing(
        failure(Reason::LockHeld, "the lock in the database was held by x for longer than 600 s")
            .class(Transient)
            .hint("wait for that run to end, or end its connection")
    ),
    "(attempt 1) waited and ended: the lock in the database was held by x for longer than 600 s. Wait for that run to \
     end, or end its connection. That does not count against spec.retry.limit. Attempt 2 of 4 starts automatically at "
)]
fn a_message_says_what_happened_and_what_helps(#[case] world: World, #[case] says: &str) {
    let after = world.pass();
    let message = after.status().conditions[0].message.clone();
    assert!(message.contains(says), "{message}");
    assert!(message.ends_with('.') && !message.contains("..") && message.matches("Run shop-").count() < 2, "{message}");
}

/// A run whose pod has reported these events.
fn reporting(events: Vec<Event>) -> World {
    World::started().job(JobState::Running { pod: "shop-1-abcde".into(), events })
}

fn done(statement: i64) -> Event {
    Event::StatementFinished { version: "002".into(), statement, statements: 2 }
}

fn waiting_for_a_lock() -> Event {
    Event::WaitingForLock { holder: "deploy (process 7)".into() }
}

/// Each sentence in full; RUN is the run's name.
#[rstest]
#[case::a_namesake_of_the_runs_job(
    with_strange_job(World::started(), None),
    "Job \"RUN\" has the labels of this resource, but is not the Job of its run: Schemaward did not create it, so its \
     result is ignored. What is due follows automatically when that Job has ended; delete it if it is not needed."
)]
#[case::a_job_for_a_task_of_a_newer_version(
    of_an_unknown_task(World::started(), false),
    "Job \"RUN\" was started for a task that this version of Schemaward does not know, so nothing that it reports is \
     believed. What is due follows automatically when that Job has ended; delete the Job if it is not needed."
)]
#[case::a_stray_pod(
    with_stray_pod(World::fresh()),
    "Waiting for pod \"shop-x-1-abcde\" to end, which may still run SQL though its Job is gone; a run starts \
     automatically after it. Delete the pod to have it roll back now."
)]
#[case::a_deleted_job(
    stopping(World::started()),
    "Run RUN is being stopped because its Job was deleted; waiting for its pod to end."
)]
#[case::withdrawn_for_a_new_spec(
    next_generation(World::started()),
    "Run RUN had not started and is withdrawn, because the spec now asks for something else: a new run follows \
     automatically."
)]
#[case::withdrawn_for_suspend(
    suspended(World::started()),
    "Run RUN had not started and is withdrawn, because spec.suspend is true."
)]
#[case::before_its_first_word(reporting(Vec::new()), "Run RUN is reading the database's ledger; waiting for its end.")]
#[case::statements_have_run(
    reporting(vec![done(1)]),
    "Run RUN is applying version 002: 1 of 2 statements have run; waiting for its end."
)]
#[case::the_lock_is_waited_for_whatever_is_warned_of(
    reporting(vec![waiting_for_a_lock(), Event::Warning { message: "w".into() }]),
    "Run RUN is waiting for the lock in the database, which deploy (process 7) holds; it continues automatically when \
     that ends."
)]
#[case::the_lock_was_waited_for(
    reporting(vec![waiting_for_a_lock(), done(1)]),
    "Run RUN is applying version 002: 1 of 2 statements have run; waiting for its end."
)]
#[case::a_new_spec_while_it_runs(
    next_generation(running(World::started())),
    "Run RUN is applying version 002: 1 of 2 statements have run; waiting for its end. The spec has changed since it \
     started: a new run follows automatically."
)]
#[case::suspended_while_it_runs(
    suspended(running(World::started())),
    "Run RUN is applying version 002: 1 of 2 statements have run; waiting for its end. The spec has changed since it \
     started: nothing follows while spec.suspend is true."
)]
#[case::success_for_an_old_spec(
    next_generation(World::started().ends_well()),
    "The database is at version 002, verified by run RUN, which applied 2 migrations; nothing is pending. The spec or \
     the source has changed since it started: a new run follows at once."
)]
#[case::a_database_in_use(
    held(World::fresh()),
    "Waiting for SchemaMigration \"blog\", which has a run for the same database (Secret \"shop-db\", key \"url\"); this \
     one continues automatically when that run has ended, or if its pod has not started after 30 s."
)]
#[case::a_missing_config_map(
    missing(World::fresh()),
    "Waiting for ConfigMap \"shop-migrations\" in namespace \"shops\", which spec.source.configMaps names; create it, or \
     correct the name: a run starts automatically."
)]
#[case::a_suspended_resource(
    suspended(World::fresh()),
    "Nothing is started while spec.suspend is true; set it to false to go on."
)]
#[case::a_deletion_that_stops_a_run(
    deleted(running(World::started())),
    "Deleted; waiting for Job \"RUN\" to stop, which rolls its migration back. What was applied before stays in the \
     database."
)]
#[case::a_deletion_that_waits_for_a_pod(
    deleted(with_stray_pod(without_job(World::started()))),
    "Deleted; waiting for pod \"shop-x-1-abcde\" to end, whose Job is gone. Delete the pod to have it roll back now. What \
     was applied before stays in the database."
)]
#[case::a_volume_without_its_secret(
    complained(World::started(), "MountVolume.SetUp failed for volume \"url\": secret \"shop-db\" not found"),
    "Run RUN is waiting for Secret \"shop-db\" with the key \"url\": MountVolume.SetUp failed for volume \"url\": secret \
     \"shop-db\" not found. Create it, or correct spec.database.urlSecretRef; the pod starts automatically."
)]
#[case::a_pod_that_is_not_scheduled(
    complained(World::started(), "no node"),
    "Run RUN is waiting: no node. Its pod starts automatically once that is fixed."
)]
fn a_message_in_full(#[case] world: World, #[case] expected: &str) {
    let name = world.observed.children.jobs.first().map(|job| job.name.clone());
    let after = world.pass();
    let run = name.or_else(|| after.status().run.as_ref().map(|run| run.name.clone())).unwrap_or_default();
    assert_eq!(after.status().conditions[0].message, expected.replace("RUN", &run));
}

#[rstest]
#[case::nothing(0, &[], "verified by run RUN; nothing was pending.")]
#[case::one(1, &[], "verified by run RUN, which applied 1 migration; nothing is pending.")]
#[case::many(2, &[], "verified by run RUN, which applied 2 migrations; nothing is pending.")]
#[case::ahead(0, &["003", "004"], "; nothing was pending. The database is ahead of its source by versions \"003\" and \
    \"004\", which the source no longer has; nothing is undone.")]
#[case::far_ahead(
    0,
    &["1", "2", "3", "4", "5", "6", "7"],
    "by versions \"1\", \"2\", \"3\", \"4\", \"5\" and 2 more, which the source no longer has; nothing is undone."
)]
fn a_success_says_what_it_did(#[case] applied: i64, #[case] ahead: &[&str], #[case] end: &str) {
    let started = World::started();
    let run = started.observed.children.jobs[0].name.clone();
    let ahead = ahead.iter().map(|&version| version.to_owned()).collect();
    let message = started.summary(Outcome::Succeeded { applied, ahead }, "002");
    let after = started.ends_saying(JobEnd::Complete, 0, &message).pass();
    let said = &after.status().conditions[0].message;
    assert!(said.ends_with(&end.replace("RUN", &run)), "{said}");
}

/// What the runner says helps, or else what its reason implies.
#[rstest]
#[case(
    Reason::StatementFailed,
    Permanent,
    None,
    "Correct the migration, and a run starts automatically; or fix the database and AGAIN."
)]
#[case(
    Reason::StatementFailed,
    AlreadyExists,
    None,
    "The object already exists: remove the statement, and a run starts automatically; or drop the object and AGAIN."
)]
#[case(
    Reason::TargetUnreachable,
    Permanent,
    None,
    "Once the spec or the source is corrected, a run starts automatically; after schemaward repair, schemaward rollback or another change in the database AGAIN."
)]
#[case(
    Reason::DeadlineExceeded,
    Permanent,
    None,
    "Raise spec.activeDeadline, or divide the migration, and a run starts automatically; or fix what slowed it down and AGAIN."
)]
#[case(
    Reason::InvalidSettings,
    Permanent,
    None,
    "Correct the Secret or the spec; after a change of the Secret alone AGAIN."
)]
#[case(Reason::LedgerUnusable, Permanent, None, "Put the cause right, then AGAIN.")]
#[case(Reason::LedgerUnusable, Permanent, Some("ask the owner"), "Ask the owner. Then AGAIN.")]
#[case(Reason::NeedsReview, Permanent, Some("look"), "Look. Then AGAIN.")]
#[case(Reason::ForeignHistory, Permanent, Some("adopt it"), "Adopt it. Then AGAIN.")]
#[case(
    Reason::InvalidSettings,
    Permanent,
    Some("write it"),
    "Write it. Correct the Secret or the spec; after a change of the Secret alone AGAIN."
)]
#[case(
    Reason::StatementFailed,
    Permanent,
    Some("drop it."),
    "Drop it. Correct the migration, and a run starts automatically; or fix the database and AGAIN."
)]
#[case(
    Reason::MigrationEdited,
    Permanent,
    Some("put it back"),
    "Put it back. Once the spec or the source is corrected, a run starts automatically; after schemaward repair, \
     schemaward rollback or another change in the database AGAIN."
)]
fn a_stalled_run_says_what_to_do_next(
    #[case] reason: Reason,
    #[case] class: ErrorClass,
    #[case] hint: Option<&str>,
    #[case] next: &str,
) {
    let failure = Failure { class, hint: hint.map(str::to_owned), ..failure(reason, "it went wrong") };
    let message = World::started().ends_failing(failure).pass().status().conditions[0].message.clone();
    let next = next.replace("AGAIN", "set the annotation schemaward.dev/retry to a new value to try again");
    assert!(message.contains("it went wrong") && message.ends_with(&format!(". {next}")), "{message}");
}

#[rstest]
#[case(Some("42601"), "failed in 002_b.sql, line 3, column 7, statement 2 (SQLSTATE 42601): no table")]
#[case(Some("1064"), "failed in 002_b.sql, line 3, column 7, statement 2 (error 1064): no table")]
#[case(None, "failed in 002_b.sql, line 3, column 7, statement 2: no table")]
fn a_failure_says_where_it_is_and_whose_code_it_has(#[case] code: Option<&str>, #[case] says: &str) {
    let place = Place {
        version: "002".into(),
        file: "002_b.sql".into(),
        line: Some(3),
        column: Some(7),
        statement: Some(2),
        excerpt: None,
    };
    let failure =
        Failure { code: code.map(str::to_owned), place: Some(place), ..failure(Reason::StatementFailed, "no table.") };
    let message = World::started().ends_failing(failure).pass().status().conditions[0].message.clone();
    assert!(message.contains(&format!("{says}. Correct the migration")), "{message}");
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
        assert!(message.ends_with(end), "{message}");
        assert!((1010..=1024).contains(&message.len()), "as much of the error as there is room for: {}", message.len());
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
