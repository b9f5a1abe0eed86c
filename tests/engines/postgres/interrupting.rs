//! Runs that are asked to stop, and connections and servers that end in the middle of one.

use std::process::Command;
use std::sync::atomic::Ordering;

use schemaward::report::{ErrorClass, Event, Reason};

use crate::postgres::bed::{Bed, Ended};
use crate::postgres::proxy::{Cut, Proxy};
use crate::postgres::server::Server;

const SLOW: &str = "create table a ();\nselect pg_sleep(300);\ncreate table b ();";
const SLOW_BEHIND_A: &str = "create table b ();\nselect pg_sleep(300);";
const QUICK: &str = "create table a ();\nselect 1;\ncreate table b ();";

#[test]
fn sigterm_cancels_rolls_back_and_is_recorded() {
    let bed = Bed::with(&[("001_a.sql", SLOW)]);
    let running = bed.start("slow");
    crate::wait_until("the statement runs", || bed.sleeping());
    running.terminate();
    let ended = running.end();
    let failure = ended.failure();
    // It failed, so the statement's own end was not waited for.
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::Cancelled));
    assert_eq!(failure.code.as_deref(), Some("57014"));
    assert_eq!(failure.place.as_ref().unwrap().statement, Some(2));
    assert!(!bed.has("a") && !bed.sleeping());
    assert_eq!(
        bed.psql("select success, error_code, statements_done, statements_total from schemaward.schema_migrations"),
        "f|57014|1|3"
    );
    assert_eq!(bed.psql("select released_at is not null from schemaward.migration_locks"), "t");
}

/// No statement runs long enough to be hit by a cancellation.
pub(crate) fn short_statements(first: &str, how_many: u32) -> String {
    let inserts = (1..=how_many).map(|n| format!("insert into log values ({n});\n"));
    std::iter::once(first.to_owned()).chain(inserts).collect()
}

fn single_statements(how_many: u32) -> Bed<'static> {
    let first = "-- schemaward: no-transaction\ncreate table log (n int primary key);\n";
    Bed::with(&[("001_a.sql", &short_statements(first, how_many))])
}

/// The run was ended between two of these statements.
fn assert_ended_between_two(bed: &Bed<'_>, ended: &Ended, reason: Reason, how_many: u32) {
    let failure = ended.failure();
    assert_eq!(failure.reason, reason, "{failure:?}");
    let rows: i64 = bed.psql("select count(*) from log").parse().unwrap();
    assert!(rows < how_many.into(), "it has run to its end");
    // The first statement has created the table; the next one was not started.
    assert_eq!(failure.place.as_ref().unwrap().statement, Some(rows + 2), "{failure:?}");
    let attempt = "select success, statements_done, statements_total from schemaward.schema_migrations";
    assert_eq!(bed.psql(attempt), format!("f|{}|{}", rows + 1, how_many + 1));
    let status = String::from_utf8(bed.command("status", &[]).stdout).unwrap();
    assert!(status.contains("001_a.sql: ") && status.contains("the run"), "{status}");
}

#[test]
fn sigterm_ends_a_file_of_single_statements_between_two_of_them() {
    let bed = single_statements(20_000);
    // Its output is not read before the end, so that the pipe limits how far it runs meanwhile.
    let running = bed.start("stopped");
    crate::wait_until("the file has started", || bed.has("log") && bed.psql("select count(*) > 50 from log") == "t");
    running.terminate();
    assert_ended_between_two(&bed, &running.end(), Reason::Cancelled, 20_000);
}

#[test]
fn a_deadline_ends_a_file_of_single_statements_between_two_of_them() {
    // The file takes about a minute. If it has not even started at the deadline, the machine is slow and gets more
    // time.
    for deadline in ["5s", "20s", "80s"] {
        let bed = single_statements(60_000);
        let ended = bed.run_with(&["--deadline", deadline]);
        if bed.has("log") {
            assert_ended_between_two(&bed, &ended, Reason::DeadlineExceeded, 60_000);
            return;
        }
    }
    panic!("the file never started");
}

#[test]
fn a_statement_that_has_run_is_reported_while_the_next_one_is_running() {
    let bed = Bed::with(&[("001_a.sql", SLOW)]);
    let mut running = bed.start("watched");
    let done = running.until("of a statement", |event| match event {
        Event::StatementFinished { statement, statements, .. } => Some((statement, statements)),
        _ => None,
    });
    assert_eq!(done, (1, 3));
    crate::wait_until("the next statement runs", || bed.sleeping());
    running.terminate();
    assert_eq!(running.end().failure().reason, Reason::Cancelled);
}

#[test]
fn a_deadline_ends_a_run_the_same_way() {
    let bed = Bed::with(&[("001_a.sql", SLOW)]);
    let ended = bed.run_with(&["--deadline", "500ms"]);
    assert_eq!(ended.failure().reason, Reason::DeadlineExceeded);
    assert!(!bed.has("a"));
}

#[test]
fn a_run_that_waits_for_the_lock_can_be_stopped() {
    let bed = Bed::with(&[("001_a.sql", SLOW)]);
    let first = bed.start("first");
    crate::wait_until("the first run works", || bed.sleeping());
    let mut second = bed.start("second");
    second.until_it_waits();
    second.terminate();
    crate::wait_until("the second run ends", || second.child.try_wait().unwrap().is_some());
    assert_eq!(second.end().failure().reason, Reason::Cancelled);
    first.terminate();
    first.end();
}

#[test]
fn a_connection_that_is_ended_leaves_nothing_half_done_and_the_next_run_finishes() {
    let bed = Bed::with(&[("001_a.sql", SLOW)]);
    let running = bed.start("cut");
    crate::wait_until("the statement runs", || bed.sleeping());
    bed.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'schemaward cut' and datname = current_database()");
    let ended = running.end();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed));
    assert_eq!(failure.code.as_deref(), Some("57P01"));
    assert!(!bed.has("a"));
    assert_eq!(bed.psql("select success, error_code, fence from schemaward.schema_migrations"), "f|57P01|2");
    bed.file("001_a.sql", QUICK.as_bytes());
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn a_killed_runner_leaves_nothing_half_done_and_the_next_run_finishes() {
    let bed = Bed::with(&[("001_a.sql", SLOW)]);
    let mut running = bed.start("killed");
    crate::wait_until("the statement runs", || bed.sleeping());
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    bed.file("001_a.sql", QUICK.as_bytes());
    if !bed.server.notices_gone_clients() {
        bed.wait_for_the_end_of("killed");
    }
    // Otherwise the server notices within the interval of its check, and releases the lock.
    assert_eq!(bed.start("next").end().applied(), 1);
    assert_eq!(bed.applied(), ["001"]);
}

#[test]
fn a_server_that_dies_is_a_transient_failure_and_the_next_run_finishes() {
    let server = Server::start();
    let bed = Bed::on(&server);
    bed.files(&[("001_a.sql", "create table z ()"), ("002_b.sql", SLOW)]);
    let running = bed.start("crash");
    crate::wait_until("the statement runs", || bed.sleeping());
    server.crash();
    let running_again = std::thread::scope(|scope| {
        let ended = scope.spawn(|| running.end());
        // The runner reconnects to the server, and the ledger shows what happened to the file.
        let again = server.restart();
        let ended = ended.join().unwrap();
        let failure = ended.failure();
        assert_eq!(failure.class, ErrorClass::Transient, "{failure:?}");
        // Nobody can say whether the first file's commit had reached the disk; but the run must say what is true.
        let current = if bed.has("z") { Some("001") } else { None };
        assert_eq!(ended.summary.current_version.as_deref(), current);
        again
    });
    assert!(!bed.has("a"));
    bed.file("002_b.sql", QUICK.as_bytes());
    let left = if bed.has("z") { 1 } else { 2 };
    assert_eq!(bed.run().applied(), left);
    assert_eq!(bed.applied(), ["001", "002"]);
    drop(bed);
    drop(running_again);
}

#[test]
fn where_the_answer_to_commit_is_lost_the_ledger_decides_and_the_run_continues() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[("002_b.sql", "create table b ()"), ("003_c.sql", "create table c ()")]);
    let proxy = Proxy::start(bed.server.host(), Cut::AT_THE_FIRST_FILES_COMMIT, true);
    bed.url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, bed.database);
    let ended = bed.run();
    assert_eq!(ended.applied(), 2, "{}", ended.stdout);
    // After a second there is another connection, which checks what is safely on the disk.
    assert!(proxy.connections.load(Ordering::SeqCst) >= 2, "the first was cut");
    assert_eq!(bed.applied(), ["001", "002", "003"]);
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations"), "3");
    assert!(ended.events.iter().any(|e| matches!(e, Event::MigrationApplied { version, .. } if version == "002")));
}

#[test]
fn where_the_ledger_cannot_be_asked_the_outcome_is_unknown_and_the_next_run_knows_it() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    assert_eq!(bed.run().applied(), 1);
    bed.file("002_b.sql", b"create table b ()");
    let proxy = Proxy::start(bed.server.host(), Cut::AT_THE_FIRST_FILES_COMMIT, false);
    let direct = bed.url.clone();
    bed.url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, bed.database);
    let running = bed.start("run");
    crate::wait_until("the server is looked for again", || proxy.connections.load(Ordering::SeqCst) >= 2);
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.failure().class, ErrorClass::UnknownOutcome, "{:?}", ended.failure());
    bed.url = direct;
    let ended = bed.run();
    assert_eq!(ended.applied(), 0, "it was committed: nothing is run twice");
    assert_eq!(ended.summary.current_version.as_deref(), Some("002"));
}

#[test]
fn a_stopped_run_that_cannot_reach_the_server_says_that_it_does_not_know_what_was_applied() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()"), ("002_b.sql", SLOW_BEHIND_A)]);
    let proxy = Proxy::start(bed.server.host(), Cut::NEVER, false);
    bed.url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, bed.database);
    let running = bed.start_migrate(&[]);
    crate::wait_until("the statement runs", || bed.sleeping());
    assert!(Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    // The first file is committed, and the run could not learn of it.
    assert_eq!(bed.applied(), ["001"]);
    assert!(!out.contains("by this run"), "{out}");
    assert!(
        out.contains("how many of the 2 migrations from 001 to 002 were applied") && out.contains("schemaward status")
    );
    let expected = "error: the run was asked to stop, but the running statement could not be cancelled and had not ended \
                after 10 s: cannot connect to ";
    assert!(err.contains(expected), "{err}");
    assert!(err.contains("; which of 2 files were committed is not known\n"), "{err}");
    assert_eq!(err.matches("warning: ").count(), 1, "the same reason once: {err}");
}
