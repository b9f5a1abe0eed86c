//! Locks on tables and rows held by other sessions: short tries, pauses during which others proceed, and the name of
//! the blocker.

use rstest::rstest;
use schemaward::report::{ErrorClass, Event, LockBlocker, Reason};

use super::bed::{Bed, Engine};
use crate::postgres::bed::Ended;

/// The failed tries of a run: statement, tries so far, blocker.
fn failed_tries(ended: &Ended) -> Vec<(Option<i64>, i64, Option<LockBlocker>)> {
    let failed = |event: &Event| match event {
        Event::LockTimedOut { statement, tries, blocker, .. } => Some((*statement, *tries, blocker.clone())),
        _ => None,
    };
    ended.events.iter().filter_map(failed).collect()
}

/// What waits, and what another session does to make it wait.
const TABLE: (&str, &str) = ("alter table t add column b int", "start transaction; select count(*) from t");
const ROW: (&str, &str) = ("update t set a = 3", "start transaction; update t set a = 2");

#[rstest]
fn a_lock_that_is_given_free_lets_only_the_statement_that_waited_run_again(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(TABLE, ROW)] (waits, held): (&str, &str),
) {
    let sql = format!("insert into log values (1);\n{waits};\ninsert into log values (2);\n");
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &sql)]) else { return };
    bed.sql("create table t (a int); insert into t values (1); create table log (n int)");
    let mut holder = bed.client();
    holder.sql(held);
    let mut running = bed.start("run", &["--lock-timeout", "2s"]);
    running.until_the_lock_s_holder_is_visible(1);
    assert_eq!(bed.sql("select group_concat(n) from log"), "1");
    holder.sql("commit");
    let ended = running.end();
    assert_eq!(ended.applied(), 1);
    let tries = failed_tries(&ended);
    assert!(!tries.is_empty(), "{}", ended.stdout);
    for (n, (statement, count, blocker)) in (1..).zip(&tries) {
        assert_eq!((*statement, *count), (Some(2), n));
        let Some(blocker) = blocker else { continue };
        assert!(blocker.pid > 0, "{blocker:?}");
        assert_eq!(blocker.user.as_deref(), Some("root"));
        assert!(blocker.age_ms.is_some_and(|age| age > 0), "{blocker:?}");
    }
    assert_eq!(bed.sql("select group_concat(n) from log"), "1,2");
    assert_eq!(bed.sql("select success, statements_done from schemaward_schema_migrations"), "1|3", "one row, no try");
}

#[rstest]
fn the_tries_end_with_the_run_s_deadline_and_the_failure_names_who_blocked_it(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table u (id int); alter table t add column b int")])
    else {
        return;
    };
    bed.sql("create table t (a int)");
    let mut holder = bed.client();
    holder.sql("start transaction; select count(*) from t");
    // Tries fail after 2, 6 and 12 s; the next one would start 8 s later.
    let ended = bed.run_with(&["--lock-timeout", "2s", "--deadline", "19500ms"]);
    let failure = ended.failure();
    assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::Transient, Some("1205")));
    assert_eq!(failure.reason, Reason::LockTimedOut);
    assert!(failure.message.contains("tries") && failure.message.contains("held by root"), "{}", failure.message);
    assert!(failure.hint.as_ref().unwrap().contains("KILL"), "{failure:?}");
    assert_eq!(failure.place.as_ref().unwrap().statement, Some(2));
    holder.sql("commit");
    assert_eq!(bed.run().applied(), 1);
}
