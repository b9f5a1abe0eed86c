//! What a run's end means, and how little of its runner's word is believed.

use std::time::Duration;

use super::scenes::{failure, held, invalid, next_generation, other_content, running};
use crate::operator::decide::world::{World, source_of};
use crate::operator::decision::{Notice, NoticeKind, Requeue};
use crate::operator::observed::{Ended, JobEnd, JobState, RunnerEnd};
use crate::report::ErrorClass::Transient;
use crate::report::{Event, Failure, Outcome, Reason};

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
    assert!(message.contains("Attempt 2 of 3 starts automatically at"), "{message}");
}

/// A preview environment creates its user and database at the same time as the resource: they are there soon.
#[test]
fn a_refused_login_is_tried_again_soon_and_then_slower() {
    let mut world = World::fresh().with(|seen| seen.resource.spec.retry.limit = 4).pass();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        world = world.ends(Transient, Reason::AuthenticationFailed).pass();
        let Requeue::After(pause) = world.last.as_ref().unwrap().requeue else { panic!() };
        pauses.push(pause.as_secs());
        world = world.later(pause.as_secs()).pass();
    }
    // initialDelay is 10 s here and maxDelay a minute; a fifth may be left out.
    for (pause, longest) in pauses.iter().zip([10, 20, 40, 60]) {
        assert!((longest * 4 / 5..=longest).contains(pause), "{pauses:?}");
    }
    let last = world.ends(Transient, Reason::AuthenticationFailed).pass();
    assert_eq!(last.standing(), "Stalled RetryLimitReached");
}

/// Evictions and waits leave all attempts that the limit allows to what fails.
#[test]
fn what_does_not_count_leaves_the_limit_as_it_is() {
    let mut world = World::started();
    for round in 0..5 {
        world = match round % 2 {
            0 => world.ends(Transient, Reason::Cancelled).disrupted().pass(),
            _ => world.ends(Transient, Reason::LockHeld).pass(),
        };
        let run = world.status().run.clone().unwrap();
        assert_eq!((run.attempt, run.uncounted), (round + 1, round + 1));
        let message = &world.status().conditions[0].message;
        let next = format!(" That does not count against spec.retry.limit. Attempt {} of {} ", round + 2, round + 4);
        assert!(message.contains(&next), "{message}");
        world = world.later(60).pass();
    }
    let run = world.status().run.clone().unwrap();
    assert_eq!((run.attempt, run.uncounted), (6, 5), "the next attempt knows");
    let origin = world.observed.children.jobs.last().unwrap().origin.clone().unwrap();
    assert_eq!(origin.uncounted, 5, "and its Job does, should the status be lost");
    // The limit is 2: three that count.
    for _ in 0..2 {
        world = world.ends(Transient, Reason::ConnectionFailed).pass();
        assert_eq!(world.standing(), "Reconciling ConnectionFailed");
        world = world.later(60).pass();
    }
    let world = world.ends(Transient, Reason::ConnectionFailed).pass();
    assert_eq!(world.standing(), "Stalled RetryLimitReached");
    // What is asked for next begins from nothing.
    let next = next_generation(world).pass();
    assert_eq!(next.status().run.as_ref().map(|run| (run.attempt, run.uncounted)), Some((1, 0)));
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

#[test]
fn a_run_took_as_long_as_since_it_was_started() {
    let took = |world: World| {
        let notices = world.pass().last.unwrap().notices;
        let took = |notice: &Notice| match notice.kind {
            NoticeKind::Succeeded { took, .. } | NoticeKind::Failed { took, .. } => Some(took),
            _ => None,
        };
        notices.iter().find_map(took).unwrap()
    };
    assert_eq!(took(World::started().later(90).ends_well()), Duration::from_secs(90));
    assert_eq!(took(World::started().later(7).ends(Transient, Reason::ConnectionFailed)), Duration::from_secs(7));
    let forgotten = World::started().later(7).ends_well().with(|seen| {
        seen.resource.status.run.as_mut().unwrap().started_at = None;
    });
    assert_eq!(took(forgotten), Duration::ZERO);
}

/// How many files a run had is known of its own source alone.
#[test]
fn the_files_of_another_content_do_not_bound_what_a_run_applied() {
    let ends = |world: World| {
        let words = world.summary(Outcome::Succeeded { applied: 7, ahead: Vec::new() }, "002");
        world.ends_saying(JobEnd::Complete, 0, &words).pass().status().conditions[0].message.clone()
    };
    let own = ends(World::started());
    assert!(own.contains("applied 2 migrations"), "{own}");
    let of_before = ends(other_content(running(World::started()).pass()));
    assert!(of_before.contains("applied 7 migrations"), "{of_before}");
}

#[test]
fn a_success_counts_for_its_own_run_alone() {
    let world = World::started();
    let words = world.summary(Outcome::Succeeded { applied: 2, ahead: Vec::new() }, "002");
    let later = world.ends(Transient, Reason::ConnectionFailed).pass().later(10).pass();
    assert_eq!(later.ends_saying(JobEnd::Complete, 0, &words).pass().standing(), "Reconciling PodLost");
}

#[test]
fn what_a_run_warns_of_is_in_its_status_and_in_one_event() {
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

#[test]
fn an_invalid_source_is_the_last_error_with_its_file() {
    let world = invalid(World::failed(Transient, Reason::ConnectionFailed)).pass();
    let error = world.status().last_error.clone().unwrap();
    assert_eq!((error.class.as_str(), error.reason.as_str()), ("permanent", "InvalidSource"));
    assert!(error.message.contains("01_b.sql"), "{}", error.message);
    assert_eq!((error.file.as_deref(), error.line), (Some("01_b.sql"), None));
    assert_eq!(error.retry_at, None, "of the run before");
    let unreadable = World::fresh().with(|seen| {
        seen.source = source_of(&[("001_a.sql", "select 1;"), ("002_b.sql", "select 1;\nselect 'x")]);
    });
    let error = unreadable.pass().status().last_error.clone().unwrap();
    assert_eq!((error.file.as_deref(), error.line), (Some("002_b.sql"), Some(2)));
}

#[test]
fn what_is_known_of_another_content_is_gone_before_its_first_run() {
    let failed = World::failed(Transient, Reason::ConnectionFailed);
    let failed = failed.with(|seen| seen.resource.status.warnings = vec!["of the content before".into()]);
    assert!(failed.status().run.is_some() && failed.status().pending.is_some());
    let waits = held(other_content(failed)).pass();
    assert_eq!(waits.standing(), "Reconciling WaitingForDatabase");
    let status = waits.status();
    assert_eq!((&status.run, &status.last_error, &status.pending), (&None, &None, &None));
    assert!(status.warnings.is_empty());
}
