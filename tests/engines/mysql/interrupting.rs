//! Runs, connections and sessions that end in the middle: the next run continues exactly there.

use rstest::rstest;
use schemaward::report::{ErrorClass, Event, Reason};

use super::bed::{Bed, Engine};
use super::gate::{At, gate};
use crate::postgres::bed::Running;
use crate::postgres::interrupting::short_statements;

/// Most statements have a table of their own, so that a lock on it stops just that statement.
const BEFORE: &str = "create table log1 (n int); create table log2 (n int); create table a1 (id int);
create table a2 (b int); create table a3 (b int); create table a4 (id int); create table a5 (id int, c_old int);
create table old (id int); create table gone (id int);";

/// One statement of each kind: DDL that creates, changes or removes something, settings, rows.
const FILE: &str = "create table a (id int primary key);
set @seven = 7;
insert into log1 values (1);
alter table a1 add column b int;
create index a_b on a2 (b);
insert into a values (@seven);
alter table a3 add constraint a_check check (b > 0);
create view v as select id from a;
create procedure p() insert into log1 values (2);
create trigger t after insert on a4 for each row insert into log1 values (3);
rename table old to renamed;
drop table gone;
alter table a5 drop column c_old;
insert into log2 values (4);
";
const STATEMENTS: usize = 14;

fn prepared(engine: Engine) -> Option<Bed> {
    let bed = Bed::with(engine, &[("001_a.sql", BEFORE)])?;
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[("002_b.sql", FILE)]);
    Some(bed)
}

/// Each statement has run exactly once.
fn assert_all_done(bed: &Bed, what: &str) {
    assert_eq!(bed.applied(), ["001", "002"], "{what}");
    assert_eq!(
        bed.sql("select (select count(*) from log1), (select count(*) from log2), (select max(id) from a)"),
        "1|1|7",
        "{what}"
    );
    for table in ["renamed", "v"] {
        assert!(bed.has(table), "{what}: {table}");
    }
    for table in ["old", "gone"] {
        assert!(!bed.has(table), "{what}: {table}");
    }
    let parts = "select (select count(*) from information_schema.statistics where table_schema = database() and index_name = 'a_b'), \
                 (select count(*) from information_schema.table_constraints where table_schema = database() and constraint_name = 'a_check'), \
                 (select count(*) from information_schema.routines where routine_schema = database() and routine_name = 'p'), \
                 (select count(*) from information_schema.triggers where trigger_schema = database()), \
                 (select count(*) from information_schema.columns where table_schema = database() and table_name = 'a1'), \
                 (select count(*) from information_schema.columns where table_schema = database() and table_name = 'a5')";
    assert_eq!(bed.sql(parts), "1|1|1|1|2|1", "{what}");
    let rows = "select count(*), sum(state = 'finished' and migration_id is not null) from schemaward_statement_journal where version = '002'";
    assert_eq!(bed.sql(rows), format!("{STATEMENTS}|{STATEMENTS}"), "{what}");
}

fn kill(running: &mut Running) {
    running.child.kill().unwrap();
    running.child.wait().unwrap();
}

/// Breaks a run at each of its messages in turn; the next run must finish the job.
fn break_at_each_message(engine: Engine, at: At, how: impl Fn(&Bed, &mut Running)) {
    for number in 1.. {
        let Some(bed) = prepared(engine) else { return };
        let gate = gate(bed.host().to_owned(), number, at);
        let mut running = bed.start_by(&bed.url_by(&gate.address), "broken", &[]);
        let mut reached = false;
        crate::wait_until("the run comes to the message or to its end", || {
            reached = reached || gate.reached.try_recv().is_ok();
            reached || running.child.try_wait().unwrap().is_some()
        });
        if reached {
            how(&bed, &mut running);
        }
        gate.release();
        crate::wait_until("the run ends", || running.child.try_wait().unwrap().is_some());
        let what = format!("stopped {at:?} message {number}");
        let next = bed.run();
        assert!(next.applied() <= 1, "{what}");
        assert_all_done(&bed, &what);
        if !reached {
            assert!(number > 4, "{number} messages");
            return;
        }
    }
}

#[rstest]
fn a_runner_killed_at_any_message_is_resumed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(At::Before, At::After)] at: At,
) {
    break_at_each_message(engine, at, |_, running| kill(running));
}

#[rstest]
fn a_connection_cut_at_any_message_is_resumed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(At::Before, At::After)] at: At,
) {
    break_at_each_message(engine, at, |_, _| {});
}

/// The statements that can be made to wait, with the table to lock for each.
const WAITING: [(&str, &str); 9] = [
    ("insert into log1 values (1)", "log1"),
    ("alter table a1 add column", "a1"),
    ("create index a_b", "a2"),
    ("alter table a3 add constraint", "a3"),
    ("create trigger t", "a4"),
    ("rename table old", "old"),
    ("drop table gone", "gone"),
    ("alter table a5 drop column", "a5"),
    ("insert into log2 values (4)", "log2"),
];

/// Stops a run while one of its statements waits for a lock, breaks it there, and has the next run finish the job.
fn break_at_each_statement(engine: Engine, how: impl Fn(&Bed, &str, &mut Running)) {
    for (statement, table) in WAITING {
        let Some(bed) = prepared(engine) else { return };
        let mut holder = bed.client();
        holder.sql(&format!("lock tables {table} write"));
        let mut running = bed.start("broken", &["--lock-timeout", "50s"]);
        let mut connection = None;
        crate::wait_until(&format!("{statement} waits"), || {
            connection = bed.waiting(statement);
            connection.is_some()
        });
        let connection = connection.unwrap();
        how(&bed, &connection, &mut running);
        holder.sql("unlock tables");
        crate::wait_until("the run ends", || running.child.try_wait().unwrap().is_some());
        let next = bed.run();
        assert!(next.applied() <= 1, "{statement}");
        assert_all_done(&bed, statement);
    }
}

#[rstest]
fn a_connection_ended_at_any_statement_is_resumed(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    break_at_each_statement(engine, |bed, connection, _| {
        bed.sql(&format!("kill {connection}"));
    });
}

#[rstest]
fn a_runner_killed_at_any_statement_is_waited_for_and_resumed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    break_at_each_statement(engine, |_, _, running| kill(running));
}

#[rstest]
fn a_killed_runner_s_statement_runs_on_and_the_next_run_waits_for_it(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) =
        Bed::with(engine, &[("001_a.sql", "alter table t add column b int;\ninsert into t values (1, sleep(1));\n")])
    else {
        return;
    };
    bed.sql("create table t (a int)");
    let mut holder = bed.client();
    holder.sql("lock tables t write");
    let mut first = bed.start("first", &["--lock-timeout", "50s"]);
    crate::wait_until("the statement waits", || bed.waiting("alter table t").is_some());
    let connection = bed.waiting("alter table t").unwrap();
    kill(&mut first);
    let mut second = bed.start("second", &[]);
    second.until_it_waits();
    holder.sql("unlock tables");
    let second = second.end();
    assert!(second.applied() <= 1);
    let holders: Vec<&String> = second
        .events
        .iter()
        .filter_map(|e| if let Event::WaitingForLock { holder } = e { Some(holder) } else { None })
        .collect();
    assert_eq!(holders.len(), 1, "said once: {holders:?}");
    assert!(holders[0].contains(&format!("connection {connection}, schemaward first")), "{holders:?}");
    assert_eq!(bed.sql("select count(*), count(b) from t"), "1|1");
    assert_eq!(bed.applied(), ["001"]);
}

#[rstest]
fn sigterm_cancels_and_is_recorded(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    // SLEEP would not do: when cancelled, it returns 1.
    let sql = "create table a (id int);\ninsert into t values (1);\ncreate table b (id int);";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    bed.sql("create table t (id int)");
    let mut holder = bed.client();
    holder.sql("lock tables t write");
    let running = bed.start("slow", &["--lock-timeout", "50s"]);
    crate::wait_until("the statement waits", || bed.waiting("insert into t").is_some());
    running.terminate();
    // The lock is still held when it has ended.
    let ended = running.end();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::Cancelled), "{failure:?}");
    assert_eq!(failure.code.as_deref(), Some("1317"));
    assert_eq!(failure.place.as_ref().unwrap().statement, Some(2));
    assert!(bed.has("a") && !bed.has("b") && bed.waiting("insert into t").is_none());
    assert_eq!(bed.sql("select success, statements_done from schemaward_schema_migrations"), "0|1");
    assert_eq!(bed.sql("select released_at is not null from schemaward_migration_locks"), "1");
    holder.sql("unlock tables");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select count(*) from t"), "1");
}

#[rstest]
fn sigterm_ends_a_file_of_short_statements_between_two_of_them(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = short_statements("create table log (n int primary key);\n", 20_000);
    // The signal arrives in a different part of a message each time.
    for _ in 0..4 {
        let Some(bed) = Bed::with(engine, &[("001_a.sql", &sql)]) else { return };
        stops_between_two_short_statements(&bed);
    }
}

fn stops_between_two_short_statements(bed: &Bed) {
    let running = bed.start("stopped", &[]);
    crate::wait_until("the file is half applied", || bed.has("log") && bed.sql("select count(*) > 50 from log") == "1");
    running.terminate();
    let ended = running.end();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::Cancelled), "{failure:?}");
    let rows: i64 = bed.sql("select count(*) from log").parse().unwrap();
    assert!(rows < 20_000, "it has run to its end");
    assert_eq!(failure.place.as_ref().unwrap().statement, Some(rows + 2), "{failure:?}");
    let attempt = "select success, statements_done, statements_total from schemaward_schema_migrations";
    assert_eq!(bed.sql(attempt), format!("0|{}|20001", rows + 1));
}

#[test]
fn where_commit_is_interrupted_the_journal_says_what_is_committed() {
    // A server of its own, since what blocks commits blocks them on the whole server.
    let Some(server) = Engine::Mariadb.own_server("commit") else { return };
    let sql = "create table log (n int);\ninsert into log select sleep(2);\ninsert into log values (2);\n";
    let bed = Bed::on(Engine::Mariadb, &server, &[("001_a.sql", sql)]);
    let running = bed.start("stopped", &[]);
    crate::wait_until("it sleeps", || bed.sleeping());
    let mut backup = bed.client();
    for stage in ["start", "flush", "block_ddl", "block_commit"] {
        backup.sql(&format!("backup stage {stage}"));
    }
    // By its number, since recording the failure is a commit too.
    let waiting = || {
        bed.sql(
            "select query_id from information_schema.processlist where db = database() and info like '%COMMIT%' \
             and state like 'Waiting for%lock%' and id <> connection_id()",
        )
    };
    crate::wait_until("the commit waits", || !waiting().is_empty());
    let commit = waiting();
    running.terminate();
    crate::wait_until("the commit is interrupted", || waiting() != commit);
    backup.sql("backup stage end");
    let ended = running.end();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::Cancelled), "{failure:?}");
    assert!(failure.message.contains("at COMMIT: "), "{failure:?}");
    assert_eq!(bed.sql("select count(*) from log"), "0");
    assert_eq!(bed.sql("select success, statements_done from schemaward_schema_migrations"), "0|1");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select group_concat(n order by n) from log"), "0,2");
}

#[rstest]
fn nothing_runs_after_a_cancelled_statement_that_counts_as_finished(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    // MySQL's SLEEP returns 1 when cancelled, as if it had finished; MariaDB's fails.
    let slept = i64::from(engine == Engine::Mysql);
    let sql = "create table log (n int);\ninsert into log select sleep(60);\ninsert into log values (2);\n\
               create table b (n int);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    let running = bed.start("stopped", &[]);
    crate::wait_until("it sleeps", || bed.sleeping());
    running.terminate();
    let ended = running.end();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::Cancelled), "{failure:?}");
    assert_eq!(failure.place.as_ref().unwrap().statement, Some(2 + slept), "{failure:?}");
    assert_eq!(bed.sql("select count(*), coalesce(max(n), 1) from log"), format!("{slept}|1"));
    assert!(!bed.has("b"));
    let attempt = "select success, statements_done from schemaward_schema_migrations";
    assert_eq!(bed.sql(attempt), format!("0|{}", 1 + slept));
    let finished = "select count(*) from schemaward_statement_journal where state = 'finished'";
    assert_eq!(bed.sql(finished), (1 + slept).to_string());
}

#[rstest]
fn what_the_catalog_does_not_show_waits_for_a_person(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values("done", "not-done")] says: &str,
) {
    let sql = "create procedure p() begin insert into log values (1); do sleep(60); end;\ncall p();\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    bed.sql("create table log (n int)");
    let mut running = bed.start("killed", &[]);
    crate::wait_until("the procedure works", || bed.sql("select count(*) from log") == "1");
    let connection = bed.holder().unwrap();
    kill(&mut running);
    bed.sql(&format!("kill {connection}"));
    bed.sql("drop procedure p; create procedure p() insert into log values (2)");
    for _ in 0..2 {
        let ended = bed.run();
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::NeedsReview), "{failure:?}");
        assert!(failure.hint.as_ref().unwrap().contains("repair --version 001 --statement 2"), "{failure:?}");
    }
    let status = bed.command("status", &["--check"]);
    let said = String::from_utf8(status.stdout).unwrap();
    assert_eq!(status.status.code(), Some(4), "{said}");
    assert!(said.contains("half applied: 1 of them") && said.contains("repair --version 001 --statement 2"), "{said}");
    let repaired = bed.command("repair", &["--version", "1", "--statement", "2", "--as", says]);
    assert_eq!(repaired.status.code(), Some(0), "{repaired:?}");
    assert_eq!(bed.run().applied(), 1);
    let expected = if says == "done" { "1" } else { "1,2" };
    assert_eq!(bed.sql("select group_concat(n order by n) from log"), expected);
}

#[rstest]
fn status_shows_a_running_statement_and_one_whose_end_was_not_recorded(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = "create table log (n int);\ncreate index i on held (a);\ncall p();\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    bed.sql("create table held (a int); create procedure p() begin insert into log values (1); do sleep(60); end");
    let is_free = || {
        let shown = bed.command("status", &[]).stdout;
        String::from_utf8(shown).unwrap().contains("Lock          free")
    };
    let status = || {
        let text = bed.command("status", &["--check"]);
        let json = bed.command("status", &["--check", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(text.status.code(), Some(if json["problems"] == serde_json::json!([]) { 3 } else { 4 }), "{json}");
        (String::from_utf8(text.stdout).unwrap(), json["pending"][0]["openStatement"].clone())
    };
    let mut holder = bed.client();
    holder.sql("lock tables held write");
    let mut running = bed.start("killed", &["--lock-timeout", "50s"]);
    crate::wait_until("the index waits", || bed.waiting("create index i").is_some());
    let (text, open) = status();
    assert!(text.contains("; statement 2 is running)"), "{text}");
    assert_eq!(open, serde_json::json!({ "statement": 2, "settledBy": "run" }));
    let connection = bed.holder().unwrap();
    kill(&mut running);
    bed.sql(&format!("kill {connection}"));
    crate::wait_until("the lock is free", is_free);
    let (text, open) = status();
    assert!(
        text.contains("the end of statement 2 is not recorded: the next run finds out whether it has run"),
        "{text}"
    );
    assert_eq!(open, serde_json::json!({ "statement": 2, "settledBy": "run" }));
    holder.sql("unlock tables");

    let mut running = bed.start("killed", &[]);
    crate::wait_until("the procedure works", || bed.sql("select count(*) from log") == "1");
    let (text, open) = status();
    assert!(text.contains("; statement 3 is running)") && !text.contains("Problem"), "{text}");
    assert_eq!(open, serde_json::json!({ "statement": 3, "settledBy": "person" }));
    let connection = bed.holder().unwrap();
    kill(&mut running);
    bed.sql(&format!("kill {connection}"));
    crate::wait_until("the lock is free", is_free);
    let (text, open) = status();
    assert!(text.contains("; the end of statement 3 is not recorded)"), "{text}");
    assert!(text.contains("Problem") && text.contains("repair --version 001 --statement 3"), "{text}");
    assert_eq!(open, serde_json::json!({ "statement": 3, "settledBy": "person" }));
}
