//! Lock and fence: at most one run is active, and one that was overtaken commits nothing.

use std::process::Command;
use std::time::Duration;

use rstest::rstest;
use schemaward::engine::{
    ApplyError, ApplyOutcome, Attempt, Database, DatabaseSettings, LockAttempt, Mysql, MysqlAddress, Session,
    stop_signal,
};
use schemaward::migration::{MigrationSet, SourceFile};
use schemaward::plan::Kind;
use schemaward::policy::AlreadyExists;
use schemaward::report::{Event, Outcome, Reason};
use schemaward::sql::Dialect;

use super::bed::{Bed, Engine};
use crate::postgres::bed::Running;
use crate::postgres::guarding::end_when_one_waits;

#[rstest]
fn of_two_runs_at_once_each_migration_is_applied_by_one(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.files(&[("001_t.sql", "insert into gate values (1); create table t1 (id int)")]);
    for n in 2..=12 {
        bed.files(&[(&format!("{n:03}_t.sql"), &format!("create table t{n} (id int)"))]);
    }
    bed.sql("create table gate (n int)");
    let mut gate = bed.client();
    gate.sql("lock tables gate write");
    let start = |run| bed.start(run, &["--lock-timeout", "50s"]);
    let (one, two) = end_when_one_waits(start("one"), start("two"), || drop(gate.sql("unlock tables")));
    assert_eq!(one.applied() + two.applied(), 12);
    assert!(one.applied() == 0 || two.applied() == 0, "one works, the other waits");
    let waiting = if one.applied() == 0 { &one } else { &two };
    let holders: Vec<&String> = waiting
        .events
        .iter()
        .filter_map(|e| if let Event::WaitingForLock { holder } = e { Some(holder) } else { None })
        .collect();
    assert!(!holders.is_empty(), "{}", waiting.stdout);
    assert!(holders.iter().all(|holder| holder.starts_with("root@") && holder.contains("(connection ")), "{holders:?}");
    assert_eq!(bed.applied().len(), 12);
}

#[rstest]
fn a_run_does_not_wait_longer_than_it_may_and_says_for_whom(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int); do sleep(300)")]) else { return };
    let first = bed.start("first", &[]);
    crate::wait_until("the first run works", || bed.sleeping());
    // With any prefix for the history, and in any spelling of the database's name if case does not matter.
    for flags in [&["--lock-wait", "300ms"][..], &["--lock-wait", "300ms", "--history-schema", "other"]] {
        let second = bed.start("second", flags).end();
        assert_eq!(second.failure().reason, Reason::LockHeld);
        assert!(second.failure().message.contains("root@"), "{}", second.failure().message);
    }
    first.terminate();
    first.end();
}

#[rstest]
fn runs_on_two_databases_of_a_server_do_not_wait_for_each_other(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "do sleep(300)")]) else { return };
    let other = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]).unwrap();
    let first = bed.start("first", &[]);
    crate::wait_until("the first run works", || bed.sleeping());
    assert_eq!(other.run_with(&["--lock-wait", "300ms"]).applied(), 1);
    first.terminate();
    first.end();
}

/// Takes the lock, has it overtaken, and tries to apply a file, which must be refused.
fn apply_overtaken(bed: &Bed, sql: &str, overtake: impl FnOnce(&Bed)) {
    let file = SourceFile { name: "001_a.sql".to_owned(), bytes: sql.as_bytes().to_vec() };
    let set = MigrationSet::read([file], Dialect::Mysql).unwrap();
    let settings = DatabaseSettings {
        run: "old",
        lock_timeout: Duration::from_secs(5),
        history_schema: "schemaward",
        already_exists: AlreadyExists::Fail,
    };
    let database = Mysql::new(MysqlAddress::parse(&bed.url).unwrap(), settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut session, fence) = runtime.block_on(async {
        let mut session = database.connect().await.unwrap();
        assert_eq!(session.try_lock().await.unwrap(), LockAttempt::Taken);
        let (fence, _) = session.take_over("old").await.unwrap();
        (session, fence)
    });
    overtake(bed);
    let (migration, (_, stop)) = (set.migrations().next().unwrap(), stop_signal());
    let attempt = Attempt { migration, kind: Kind::Migration, run: "old", fence, stop: &stop };
    let applied = runtime.block_on(session.apply(attempt, &mut |_| {}));
    let Err(ApplyError { failure, outcome: ApplyOutcome::Refused, .. }) = applied else { panic!("{applied:?}") };
    assert_eq!(failure.reason, Reason::Fenced, "{failure:?}");
    // Close it before its runtime is dropped.
    runtime.block_on(session.close());
}

#[rstest]
#[case::ddl("create table a (id int)")]
#[case::rows("insert into log values (1)")]
#[case::call("call p()")]
#[case::loose_mode("set sql_mode = ''; create table a (id int)")]
fn a_holder_whose_fence_was_raised_by_another_does_nothing(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] sql: &str,
) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.sql("create table log (n int); create procedure p() insert into log values (2)");
    apply_overtaken(&bed, sql, |bed| {
        bed.sql("update schemaward_migration_locks set fence = fence + 1");
    });
    assert!(!bed.has("a"));
    assert_eq!(bed.sql("select count(*) from log"), "0");
    assert_eq!(bed.sql("select count(*) from schemaward_statement_journal"), "0");
    assert_eq!(bed.applied(), Vec::<String>::new());
}

#[rstest]
fn a_fence_that_is_raised_during_a_statement_ends_the_file_after_it(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = "alter table t add column b int;\ncreate table later (id int);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    bed.sql("create table t (a int)");
    let mut holder = bed.client();
    holder.sql("lock tables t write");
    let running = bed.start("old", &["--lock-timeout", "50s"]);
    crate::wait_until("the statement waits", || bed.waiting("alter table t").is_some());
    bed.sql("update schemaward_migration_locks set fence = fence + 1");
    holder.sql("unlock tables");
    let ended = running.end();
    assert_eq!(ended.failure().reason, Reason::Fenced, "{:?}", ended.failure());
    assert!(!bed.has("later"));
    assert_eq!(bed.sql("select state from schemaward_statement_journal"), "started");
    assert_eq!(bed.run().applied(), 1, "the catalog shows that the statement has run");
    assert_eq!(bed.sql("select settled_by from schemaward_statement_journal order by statement"), "catalog\nserver");
}

fn signal(running: &Running, signal: &str) {
    let killed = Command::new("kill").args([signal, &running.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

/// Waits until an insert into `log` waits, and returns its connection.
fn waits_for_the_log(bed: &Bed) -> String {
    let mut connection = None;
    crate::wait_until("the row waits", || {
        connection = bed.waiting("insert into log values (1)");
        connection.is_some()
    });
    connection.unwrap()
}

#[rstest]
fn a_runner_that_slept_while_another_took_over_commits_nothing_when_it_wakes(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let files = [
        ("001_a.sql", "create table a (id int);\ninsert into log values (1);\n"),
        ("002_b.sql", "insert into log values (2);\n"),
    ];
    let Some(bed) = Bed::with(engine, &files) else { return };
    bed.sql("create table log (n int)");
    let mut holder = bed.client();
    holder.sql("lock tables log write");
    let first = bed.start("first", &["--lock-timeout", "50s"]);
    let connection = waits_for_the_log(&bed);
    signal(&first, "-STOP");
    bed.sql(&format!("kill {connection}"));
    holder.sql("unlock tables");
    let second = bed.run();
    assert_eq!(second.applied(), 2);
    let before = bed.sql("select count(*), max(id) from schemaward_schema_migrations");
    signal(&first, "-CONT");
    let first = first.end();
    // It finds that the other run has applied the file it was working on.
    assert!(matches!(first.summary.outcome, Outcome::Succeeded { .. } | Outcome::Failed { .. }));
    assert_eq!(bed.sql("select group_concat(n order by n) from log"), "1,2");
    assert_eq!(bed.sql("select count(*), max(id) from schemaward_schema_migrations"), before);
}

#[rstest]
fn a_runner_that_sleeps_with_its_connection_open_is_waited_for(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    // A second file, since with nothing left to do the second run would not take the lock.
    let files = [("001_a.sql", "insert into log values (1)"), ("002_b.sql", "insert into log values (2)")];
    let Some(bed) = Bed::with(engine, &files) else { return };
    bed.sql("create table log (n int)");
    let mut holder = bed.client();
    holder.sql("lock tables log write");
    let first = bed.start("first", &["--lock-timeout", "50s"]);
    waits_for_the_log(&bed);
    signal(&first, "-STOP");
    holder.sql("unlock tables");
    let second = bed.run_with(&["--lock-wait", "1500ms"]);
    assert_eq!(second.failure().reason, Reason::LockHeld);
    assert!(second.failure().message.contains("schemaward first"), "{}", second.failure().message);
    signal(&first, "-CONT");
    assert_eq!(first.end().applied(), 2);
    assert_eq!(bed.sql("select count(*) from log"), "2");
}

#[rstest]
fn an_earlier_holder_that_lost_only_the_lock_is_ended_before_the_next_continues(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[("002_b.sql", "create table b (id int)")]);
    // Like a session that has lost its lock but not its connection.
    let mut earlier = bed.client();
    earlier.sql("select get_lock('schemaward:session:earlier', 0)");
    bed.sql("update schemaward_migration_locks set session_lock = 'schemaward:session:earlier', released_at = null");
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    assert_eq!(bed.sql("select is_free_lock('schemaward:session:earlier')"), "1", "its connection was ended");
    std::mem::forget(earlier);
}

#[rstest]
fn the_index_refuses_a_second_row_of_a_version_in_force(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("007_a.sql", "do 1")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    bed.sql(
        "insert ignore into schemaward_schema_migrations (version, filename, description, kind, checksum, token_checksum, \
         applied_at, execution_time_ms, success, statements_done, statements_total, run, fence, tool_version, applied_by) \
         values ('7', 'f', '', 'migration', '', '', utc_timestamp(), 0, true, 0, 0, '', 0, '', '')",
    );
    assert_eq!(bed.applied(), ["007"]);
}
