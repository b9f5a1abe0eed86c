//! Locks on tables held by other sessions: short tries, pauses during which others proceed, and the name of the
//! blocker.

use schemaward::report::{ErrorClass, Event, LockBlocker, Reason};

use crate::postgres::bed::{Bed, Ended};

/// The failed tries of a run: statement, tries so far, pause, blocker.
fn failed_tries(ended: &Ended) -> Vec<(Option<i64>, i64, i64, Option<LockBlocker>)> {
    let failed = |event: &Event| match event {
        Event::LockTimedOut { statement, tries, pause_ms, blocker, .. } => {
            Some((*statement, *tries, *pause_ms, blocker.clone()))
        }
        _ => None,
    };
    ended.events.iter().filter_map(failed).collect()
}

/// Whether a session waits for this lock on the table `t`.
fn waiting(bed: &Bed<'_>, mode: &str) -> bool {
    let waiting = "select count(*) from pg_locks where not granted and relation = 't'::regclass and mode =";
    bed.psql(&format!("{waiting} '{mode}'")) != "0"
}

#[test]
fn a_lock_that_is_given_free_lets_the_file_through_in_the_same_run() {
    let bed = Bed::with(&[("001_a.sql", "create table u ();\nalter table t add column b int;")]);
    bed.psql("create table t (a int)");
    let held = bed.hold("lock table t in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "1s"]);
    running.until_the_lock_s_holder_is_visible(2);
    held.let_go();
    let ended = running.end();
    assert_eq!(ended.applied(), 1);
    let tries = failed_tries(&ended);
    assert!(tries.len() >= 2, "{tries:?}");
    for (n, (statement, count, pause, blocker)) in (1..).zip(&tries) {
        assert_eq!((*statement, *count, *pause), (Some(2), n, 1000 << (n - 1)));
        let Some(blocker) = blocker else { continue };
        assert!(blocker.pid > 0 && blocker.age_ms.is_some_and(|age| age >= 0), "{blocker:?}");
        assert_eq!(blocker.user.as_deref(), Some("postgres"));
        assert!(blocker.query.as_ref().unwrap().contains("lock table t in access share mode"), "{blocker:?}");
    }
    assert_eq!(bed.psql("select success, statements_done from schemaward.schema_migrations"), "t|2", "one row, no try");
}

#[test]
fn queries_queued_after_a_waiting_statement_wait_no_longer_than_one_try() {
    let bed = Bed::with(&[("001_a.sql", "alter table t add column b int")]);
    bed.psql("create table t (a int)");
    let held = bed.hold("lock table t in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "3s"]);
    crate::wait_until("the statement waits", || waiting(&bed, "AccessExclusiveLock"));
    std::thread::scope(|scope| {
        // The holder keeps its lock until the reader is done. The reader waits for one try at most, until the pause.
        let reader = scope.spawn(|| bed.psql("set lock_timeout = '1min'; select count(*) from t"));
        crate::wait_until("a query queues after it", || reader.is_finished() || waiting(&bed, "AccessShareLock"));
        assert_eq!(reader.join().unwrap(), "0");
    });
    running.until("of a try", |event| matches!(event, Event::LockTimedOut { tries: 1, .. }).then_some(()));
    held.let_go();
    assert_eq!(running.end().applied(), 1);
}

#[test]
fn the_tries_end_with_the_run_s_deadline_and_the_failure_names_who_blocked_it() {
    let bed = Bed::with(&[("001_a.sql", "create table u (); lock table t")]);
    bed.psql("create table t ()");
    let held = bed.hold("lock table t");
    // Tries fail after 2, 6 and 12 s; the next one would start 8 s later.
    let ended = bed.run_with(&["--lock-timeout", "2s", "--deadline", "19500ms"]);
    let failure = ended.failure();
    assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::Transient, Some("55P03")));
    assert_eq!(failure.reason, Reason::LockTimedOut);
    assert!(
        failure.message.contains(" tries within ") && failure.message.contains("lock table t"),
        "{}",
        failure.message
    );
    let tries = failed_tries(&ended).len();
    assert!((1..=2).contains(&tries), "{tries} before the last");
    assert!(!bed.has("u"));
    assert_eq!(
        bed.psql("select count(*) from schemaward.schema_migrations"),
        "1",
        "a row for the file, not for each try"
    );
    held.let_go();
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn without_a_deadline_the_tries_end_as_waiting_for_another_run_does() {
    let bed = Bed::with(&[("001_a.sql", "lock table t")]);
    bed.psql("create table t ()");
    let _held = bed.hold("lock table t");
    // Tries fail after 0.1, 0.7, 1.8, 3.9 and 8 s; the next one would start 8 s later.
    let ended = bed.run_with(&["--lock-timeout", "100ms", "--lock-wait", "15s"]);
    assert_eq!(ended.failure().reason, Reason::LockTimedOut);
    let tries = failed_tries(&ended).len();
    assert!((1..=4).contains(&tries), "{tries} before the last");
}

#[test]
fn a_run_can_be_stopped_between_two_tries() {
    let bed = Bed::with(&[("001_a.sql", "lock table t")]);
    bed.psql("create table t ()");
    let _held = bed.hold("lock table t");
    let mut running = bed.start_with("run", &["--lock-timeout", "100ms"]);
    // The pause after it takes 4 s.
    running.until("of a try", |event| matches!(event, Event::LockTimedOut { tries: 4, .. }).then_some(()));
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.failure().reason, Reason::Cancelled);
}
