//! Locks of tables that other sessions hold: short tries, pauses in which everybody goes on, and who is in the way.

use std::time::{Duration, Instant};

use schemaward::report::{ErrorClass, Event, LockBlocker, Reason};

use crate::bed::{Bed, Ended};

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

/// Holds a lock on the table `t` in a transaction of another session, while something else is done.
fn while_locked<T>(bed: &Bed<'_>, lock: &str, seconds: &str, work: impl FnOnce() -> T) -> T {
    let sleep = format!("pg_sleep({seconds})");
    std::thread::scope(|scope| {
        let holding = scope.spawn(|| bed.psql(&format!("begin; {lock}; select {sleep} as held")));
        crate::wait_until("the table is locked", || bed.executing(&sleep));
        let done = work();
        holding.join().unwrap();
        done
    })
}

#[test]
fn a_lock_that_is_given_free_lets_the_file_through_in_the_same_run() {
    let bed = Bed::with(&[("001_a.sql", "create table u ();\nalter table t add column b int;")]);
    bed.psql("create table t (a int)");
    // Who holds the lock is asked from half of a try on: on a machine that does other work too, that takes its time.
    let ended =
        while_locked(&bed, "lock table t in access share mode", "3", || bed.run_with(&["--lock-timeout", "500ms"]));
    assert_eq!(ended.applied(), 1);
    let tries = failed_tries(&ended);
    assert!(tries.len() >= 2, "{tries:?}");
    for (n, (statement, count, pause, blocker)) in (1..).zip(&tries) {
        assert_eq!((*statement, *count, *pause), (Some(2), n, 500 << (n - 1)));
        let blocker = blocker.as_ref().expect("who holds the lock");
        assert!(blocker.pid > 0 && blocker.age_ms.is_some_and(|age| age >= 0), "{blocker:?}");
        assert_eq!(blocker.user.as_deref(), Some("postgres"));
        assert!(blocker.query.as_ref().unwrap().contains("lock table t in access share mode"), "{blocker:?}");
    }
    assert_eq!(bed.psql("select success, statements_done from schemaward.schema_migrations"), "t|2", "one row, no try");
}

#[test]
fn queries_behind_a_waiting_statement_wait_no_longer_than_one_try() {
    let bed = Bed::with(&[("001_a.sql", "alter table t add column b int")]);
    bed.psql("create table t (a int)");
    let (ended, longest) = while_locked(&bed, "lock table t in access share mode", "4", || {
        let running = bed.start_with("run", &["--lock-timeout", "400ms"]);
        let mut longest = Duration::ZERO;
        while bed.executing("pg_sleep(4)") {
            let began = Instant::now();
            bed.psql("select count(*) from t");
            longest = longest.max(began.elapsed());
        }
        (running.end(), longest)
    });
    assert_eq!(ended.applied(), 1);
    assert!(!failed_tries(&ended).is_empty());
    // The whole of it would be 4 s; a try is 0.4 s, and a machine that has much to do takes its time.
    assert!(longest < Duration::from_secs(2), "a reader waited for {longest:?}");
}

#[test]
fn the_tries_end_with_the_run_s_deadline_and_the_failure_names_who_was_in_the_way() {
    let bed = Bed::with(&[("001_a.sql", "create table u (); lock table t")]);
    bed.psql("create table t ()");
    let flags = ["--lock-timeout", "400ms", "--deadline", "2200ms"];
    let ended = while_locked(&bed, "lock table t", "3", || bed.run_with(&flags));
    let failure = ended.failure();
    assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::Transient, Some("55P03")));
    assert_eq!(failure.reason, Reason::LockTimedOut);
    assert!(failure.message.contains("2 tries") && failure.message.contains("lock table t"), "{}", failure.message);
    assert!(!bed.has("u"));
    assert_eq!(
        bed.psql("select count(*) from schemaward.schema_migrations"),
        "1",
        "a row for the file, not for each try"
    );
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn without_a_deadline_the_tries_end_as_waiting_for_another_run_does() {
    let bed = Bed::with(&[("001_a.sql", "lock table t")]);
    bed.psql("create table t ()");
    let ended = while_locked(&bed, "lock table t", "2.5", || {
        let flags = ["--lock-timeout", "100ms", "--lock-wait", "1s"];
        bed.run_with(&flags)
    });
    assert_eq!(ended.failure().reason, Reason::LockTimedOut);
    assert_eq!(failed_tries(&ended).len(), 1);
}

#[test]
fn a_run_can_be_told_to_stop_between_two_tries() {
    let bed = Bed::with(&[("001_a.sql", "lock table t")]);
    bed.psql("create table t ()");
    let ended = while_locked(&bed, "lock table t", "3.5", || {
        let running = bed.start_with("run", &["--lock-timeout", "100ms"]);
        crate::wait_until("it tries", || bed.executing("lock table t\n"));
        crate::wait_until("it pauses", || !bed.executing("lock table t\n"));
        running.terminate();
        running.end()
    });
    assert_eq!(ended.failure().reason, Reason::Cancelled);
}
