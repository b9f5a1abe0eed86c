//! Lock and fence: at most one run is active, and one that was overtaken commits nothing.

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use schemaward::engine::{
    Address, ApplyError, ApplyOutcome, Attempt, Database, DatabaseSettings, LockAttempt, Postgres, Session, stop_signal,
};
use schemaward::migration::{MigrationSet, SourceFile};
use schemaward::plan::Kind;
use schemaward::policy::AlreadyExists;
use schemaward::report::{Event, Reason};
use schemaward::sql::Dialect;

use crate::postgres::bed::{Bed, Ended, Running};

/// Lets two runs continue once one of them has reported that it waits for the other, and waits for both to end.
pub(crate) fn end_when_one_waits(one: Running, two: Running, go_on: impl FnOnce()) -> (Ended, Ended) {
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        let ends = [one, two].map(|mut run| {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(event) = run.next() {
                    if matches!(event, Event::WaitingForLock { .. }) {
                        sender.send(()).unwrap();
                    }
                }
                run.end()
            })
        });
        receiver.recv_timeout(Duration::from_mins(1)).expect("one of them waits");
        go_on();
        let [one, two] = ends.map(|end| end.join().unwrap());
        (one, two)
    })
}

#[test]
fn of_two_runs_at_once_each_migration_is_applied_by_one() {
    let bed = Bed::new();
    bed.file("001_t.sql", b"select from gate; create table t1 ()");
    for n in 2..=20 {
        bed.file(&format!("{n:03}_t.sql"), format!("create table t{n} ()").as_bytes());
    }
    bed.psql("create table gate ()");
    let gate = bed.hold("lock table gate");
    let (one, two) = end_when_one_waits(
        bed.start_with("one", &["--lock-timeout", "1m"]),
        bed.start_with("two", &["--lock-timeout", "1m"]),
        || gate.let_go(),
    );
    assert_eq!(one.applied() + two.applied(), 20);
    assert!(one.applied() == 0 || two.applied() == 0, "one works, the other waits");
    let waiting = if one.applied() == 0 { &one } else { &two };
    let holders: Vec<&String> = waiting
        .events
        .iter()
        .filter_map(|e| if let Event::WaitingForLock { holder } = e { Some(holder) } else { None })
        .collect();
    assert_eq!(holders.len(), 1, "said once: {holders:?}");
    assert!(holders[0].starts_with("postgres (process ") && holders[0].contains("schemaward "), "{holders:?}");
    assert_eq!(bed.applied().len(), 20);
}

#[test]
fn a_lock_that_is_held_too_long_fails_the_run_and_names_the_holder() {
    let bed = Bed::with(&[("001_a.sql", "select pg_sleep(300)")]);
    let first = bed.start("first");
    crate::wait_until("the first run works", || bed.sleeping());
    let second = bed.start_with("second", &["--lock-wait", "300ms"]).end();
    assert_eq!(second.failure().reason, Reason::LockHeld);
    assert!(second.failure().message.contains("schemaward first"), "{}", second.failure().message);
    first.terminate();
    assert_eq!(first.end().failure().reason, Reason::Cancelled);
}

#[test]
fn two_runs_with_histories_in_two_schemas_do_not_run_at_once() {
    let bed = Bed::with(&[("001_a.sql", "select pg_sleep(300)")]);
    let first = bed.start("first");
    crate::wait_until("the first run works", || bed.sleeping());
    let second = bed.start_with("second", &["--history-schema", "other", "--lock-wait", "300ms"]).end();
    assert_eq!(second.failure().reason, Reason::LockHeld);
    first.terminate();
    first.end();
}

/// Takes the lock, has another raise the fence, and tries to apply the set's first migration, which must be refused.
fn apply_overtaken(bed: &Bed<'_>, set: &MigrationSet) {
    let address = Address::parse(&bed.url).unwrap();
    let settings = DatabaseSettings {
        run: "old",
        lock_timeout: Duration::from_secs(5),
        history_schema: "schemaward",
        already_exists: AlreadyExists::Fail,
    };
    let database = Postgres::new(address, settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut session = database.connect().await.unwrap();
        assert_eq!(session.try_lock().await.unwrap(), LockAttempt::Taken);
        let (fence, _) = session.take_over("old").await.unwrap();
        bed.psql("update schemaward.migration_locks set fence = fence + 1");
        let (migration, (_, stop)) = (set.migrations().next().unwrap(), stop_signal());
        let attempt = Attempt { migration, kind: Kind::Migration, run: "old", fence, stop: &stop };
        let applied = session.apply(attempt, &mut |_| {}).await;
        let Err(ApplyError { failure, outcome: ApplyOutcome::Refused, .. }) = applied else { panic!("{applied:?}") };
        assert_eq!(failure.reason, Reason::Fenced);
    });
}

#[test]
fn a_holder_whose_fence_was_raised_by_another_commits_nothing() {
    let bed = Bed::new();
    let file = SourceFile { name: "001_a.sql".to_owned(), bytes: b"create table a ()".to_vec() };
    let set = MigrationSet::read([file], Dialect::Postgres).unwrap();
    apply_overtaken(&bed, &set);
    assert!(!bed.has("a"));
    assert_eq!(bed.applied(), Vec::<String>::new());
}

/// Waits until a statement waits for the table `gate`.
fn wait_at_the_gate(bed: &Bed<'_>) {
    crate::wait_until("the statement waits", || {
        bed.psql("select count(*) from pg_locks where not granted and relation = 'gate'::regclass") == "1"
    });
}

#[test]
fn a_run_that_finds_what_another_has_created_reports_that_it_was_overtaken() {
    let bed = Bed::with(&[("001_a.sql", "select from gate; create table a ()")]);
    bed.psql("create table gate ()");
    let gate = bed.hold("lock table gate");
    let running = bed.start_with("overtaken", &["--lock-timeout", "1m"]);
    wait_at_the_gate(&bed);
    bed.psql("update schemaward.migration_locks set fence = fence + 1; create table a ()");
    gate.let_go();
    let ended = running.end();
    assert_eq!(ended.failure().reason, Reason::Fenced, "{:?}", ended.failure());
    assert!(ended.failure().message.contains("another run has taken over"), "{:?}", ended.failure());
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations"), "0");
}

fn signal(running: &Running, signal: &str) {
    assert!(Command::new("kill").args([signal, &running.child.id().to_string()]).status().unwrap().success());
}

/// The runner sleeps before its answer to the server's: the next statement, or the next message.
#[test]
fn a_runner_that_slept_while_another_took_over_commits_nothing_when_it_wakes() {
    let statements = "create table a (); insert into log values (1); select from gate; insert into log values (2); create index concurrently log_n on log (n)";
    for mode in ["-- schemaward: no-transaction\n", ""] {
        let sql = if mode.is_empty() { statements.rsplit_once(';').unwrap().0 } else { statements };
        let bed = Bed::with(&[("001_a.sql", &format!("{mode}{sql}")), ("002_b.sql", "insert into log values (3)")]);
        bed.psql("create table log (n int); create table gate ()");
        let gate = bed.hold("lock table gate");
        let mut sleeping = bed.start_with("sleeping", &["--lock-timeout", "1m"]);
        wait_at_the_gate(&bed);
        signal(&sleeping, "-STOP");
        // After a second it has another connection, which checks what is safely on the disk.
        let its = "select count(pg_terminate_backend(pid)) > 0 from pg_stat_activity where application_name = \
                   'schemaward sleeping' and datname = current_database()";
        assert_eq!(bed.psql(its), "t");
        gate.let_go();
        assert_eq!(bed.start("second").end().applied(), 2);
        let ledger = "select string_agg(to_jsonb(m)::text, ' ' order by id) from schemaward.schema_migrations m";
        let journal = "select string_agg(to_jsonb(j)::text, ' ' order by id) from schemaward.statement_journal j";
        let before = (bed.psql(ledger), bed.psql(journal));
        signal(&sleeping, "-CONT");
        crate::wait_until("the sleeper ends", || sleeping.child.try_wait().unwrap().is_some());
        let reported =
            sleeping.end().events.into_iter().filter(|event| matches!(event, Event::MigrationApplied { .. }));
        assert_eq!(reported.count(), 0, "what the other run has applied is the other's to tell");
        assert_eq!((bed.psql(ledger), bed.psql(journal)), before);
        assert_eq!(bed.psql("select string_agg(n::text, ',' order by n) from log"), "1,2,3");
        assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations where run = 'second'"), "2");
    }
}

#[test]
fn a_holder_that_was_overtaken_commits_nothing_and_starts_no_separate_statement() {
    for (sql, table) in [("create table a ()", "a"), ("call p()", "b")] {
        let bed = Bed::new();
        let bytes = format!("-- schemaward: no-transaction\n{sql}").into_bytes();
        let set = MigrationSet::read([SourceFile { name: "001_a.sql".to_owned(), bytes }], Dialect::Postgres).unwrap();
        bed.psql("create procedure p() language sql as 'create table b ()'");
        apply_overtaken(&bed, &set);
        assert!(!bed.has(table));
        assert_eq!(bed.psql("select count(*) from schemaward.statement_journal"), "0");
    }
}

#[test]
fn the_index_refuses_a_second_row_of_an_applied_version() {
    let bed = Bed::with(&[("007_a.sql", "select 1")]);
    assert_eq!(bed.run().applied(), 1);
    let twice = "do $$ begin insert into schemaward.schema_migrations (version, filename, description, kind, checksum, \
                 token_checksum, execution_time_ms, success, statements_done, statements_total, run, fence, tool_version) \
                 values ('7', 'f', '', 'migration', '', '', 0, true, 0, 0, '', 0, ''); \
                 exception when unique_violation then raise notice 'refused'; end $$";
    bed.psql(twice);
    assert_eq!(bed.applied(), ["007"]);
}
