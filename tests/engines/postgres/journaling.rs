//! Files whose statements are each committed separately: which these are, and that an interrupted run resumes after the
//! last statement that ran.

use schemaward::report::{ErrorClass, Event, Reason};

use crate::postgres::bed::{Bed, Ended};
use crate::postgres::gate::{At, Gate};

const BEFORE: &str = "create table t (id int, v text); insert into t select g, g::text from generate_series(1, 50) g;
create type e as enum ('a'); create index t_old on t (v); create table log (n int);";

/// One statement of each kind: a setting, one in a transaction, three whose outcome the catalog or the server shows,
/// one that may run again; and two in a transaction of the file's own.
const EIGHT: &str = "-- schemaward: no-transaction
set lock_timeout = '3s';
insert into log values (1);
create index concurrently t_id on t (id);
begin;
insert into log values (2);
update log set n = n + 1 where n = 2;
commit;
alter type e add value 'b';
drop index concurrently t_old;
vacuum t;
";

fn journal(bed: &Bed<'_>) -> String {
    bed.psql("select string_agg(state || ' ' || settled_by, ',' order by statement) from schemaward.statement_journal")
}

fn valid(bed: &Bed<'_>, index: &str) -> bool {
    bed.psql(&format!("select indisvalid from pg_index where indexrelid = to_regclass('{index}')")) == "t"
}

/// Each of the eight statements has run exactly once.
fn assert_all_done(bed: &Bed<'_>, what: &str) {
    assert_eq!(bed.applied(), ["001", "002"], "{what}");
    assert_eq!(bed.psql("select string_agg(n::text, ',' order by n) from log"), "1,3", "{what}");
    assert!(valid(bed, "t_id") && !bed.has("t_old"), "{what}");
    assert_eq!(bed.psql("select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum"), "a,b", "{what}");
    assert_eq!(bed.psql("select count(*) from pg_index where not indisvalid"), "0", "{what}");
    let rows = "select count(*), count(*) filter (where state = 'finished' and migration_id is not null) from schemaward.statement_journal";
    assert_eq!(bed.psql(rows), "8|8", "{what}");
}

/// Breaks a run at each of its messages in turn; the next run must finish the job.
fn break_at_each_message(at: At, how: impl Fn(&Bed<'_>, &mut crate::postgres::bed::Running)) {
    for number in 1.. {
        let mut bed = Bed::with(&[("001_a.sql", BEFORE)]);
        assert_eq!(bed.run().applied(), 1);
        bed.file("002_b.sql", EIGHT.as_bytes());
        let direct = bed.url.clone();
        let gate = Gate::start(bed.server.host(), number, at);
        bed.url = format!("postgres://postgres@{}/{}?sslmode=disable", gate.address, bed.database);
        let mut running = bed.start("broken");
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
        bed.url = direct;
        let what = format!("stopped {at:?} message {number}");
        let next = bed.start("next").end();
        assert!(next.applied() <= 1, "{what}");
        assert_all_done(&bed, &what);
        if !reached {
            // All statements were covered: eight of them take more than a message each.
            assert!(number > 12, "{number} messages: {:?}", running.end());
            return;
        }
    }
}

fn kill(_: &Bed<'_>, running: &mut crate::postgres::bed::Running) {
    running.child.kill().unwrap();
    running.child.wait().unwrap();
}

fn terminate_backend(bed: &Bed<'_>, _: &mut crate::postgres::bed::Running) {
    bed.psql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'schemaward broken'");
}

#[test]
fn a_runner_killed_before_any_message_is_resumed() {
    break_at_each_message(At::Before, kill);
}

#[test]
fn a_runner_killed_after_any_message_is_resumed() {
    break_at_each_message(At::After, kill);
}

#[test]
fn a_connection_ended_before_any_message_is_resumed() {
    break_at_each_message(At::Before, terminate_backend);
}

#[test]
fn a_connection_ended_after_any_message_is_resumed() {
    break_at_each_message(At::After, terminate_backend);
}

#[test]
fn every_statement_that_wants_no_transaction_is_applied_without_one() {
    let bed = Bed::with(&[
        ("001_a.sql", BEFORE),
        (
            "002_index.sql",
            "set lock_timeout = '3s';\ncreate unique index concurrently t_id on t (id);\ndrop index concurrently t_old;\nreindex (verbose) table concurrently t;\nreindex index concurrently t_id;\nvacuum (analyze) t;\nvacuum;\n",
        ),
        (
            "003_system.sql",
            "alter system set log_min_duration_statement = '1h';\nalter system reset log_min_duration_statement;",
        ),
        (
            "004_procedure.sql",
            "-- schemaward: no-transaction\ncreate procedure p() language plpgsql as $$ begin insert into log values (2); commit; insert into log values (3); end $$;\ncall p();\ndo $$ begin insert into log values (4); commit; end $$;\nalter type e add value 'b';\ncreate table u (e e default 'b');\n",
        ),
    ]);
    let ended = bed.run();
    assert_eq!(ended.applied(), 4);
    assert!(valid(&bed, "t_id") && !bed.has("t_old"));
    assert_eq!(bed.psql("select string_agg(n::text, ',') from log"), "2,3,4");
    assert_eq!(bed.psql("select count(*) from schemaward.statement_journal where state <> 'finished'"), "0");
    assert_eq!(
        bed.psql("select statements_done, statements_total from schemaward.schema_migrations where version = '002'"),
        "7|7"
    );
    let modes: Vec<bool> = ended
        .events
        .iter()
        .filter_map(
            |e| if let Event::MigrationStarted { no_transaction, .. } = e { Some(*no_transaction) } else { None },
        )
        .collect();
    assert_eq!(modes, [false, true, true, true]);
    assert_eq!(bed.run().applied(), 0);
}

#[test]
fn what_a_file_sets_applies_to_its_statements_and_not_to_the_next_file() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "-- schemaward: no-transaction\nset role pg_monitor;\nset role none;\nset search_path = s;\nset session authorization default;\ncreate table t (id int);\nset role app_of_this_test;\ncreate table mine (id int);\ncreate index concurrently mine_id on mine (id);\n",
    )]);
    bed.psql("create schema s");
    bed.psql("do $$ begin create role app_of_this_test; exception when duplicate_object then null; end $$");
    bed.psql("grant all on schema s to app_of_this_test");
    bed.file("002_b.sql", b"create table public_one ();");
    assert_eq!(bed.run().applied(), 2);
    let owners = "select string_agg(relname || ' ' || nspname || ' ' || pg_get_userbyid(relowner), ',' order by relname) from pg_class c join pg_namespace n on n.oid = relnamespace where relname in ('t', 'mine', 'public_one', 'mine_id')";
    assert_eq!(
        bed.psql(owners),
        "mine s app_of_this_test,mine_id s app_of_this_test,public_one public postgres,t s postgres"
    );
}

#[test]
fn a_file_that_mixes_is_refused_with_its_line_before_anything_runs() {
    let bed = Bed::with(&[("001_a.sql", "create table t (id int);\ncreate index concurrently t_id on t (id);\n")]);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::InvalidSource));
    assert_eq!(failure.place.as_ref().unwrap().line, Some(2));
    assert!(failure.message.contains("-- schemaward: no-transaction"), "{}", failure.message);
    assert!(!bed.has("t"));
}

#[test]
fn a_half_applied_file_is_reported_by_all_and_missed_when_it_is_gone() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    bed.file("002_b.sql", b"-- schemaward: no-transaction\ncreate table b ();\nselect 1/0;\n");
    let text = |output: &std::process::Output| String::from_utf8([&*output.stdout, &*output.stderr].concat()).unwrap();
    let failed = bed.migrate(&[]);
    assert!(text(&failed).contains("002_b.sql is half applied: 1 of its 2 statements are committed"), "{failed:?}");
    let status = bed.command("status", &["--check"]);
    assert_eq!(status.status.code(), Some(3), "the next run may go on");
    assert!(text(&status).contains("002_b.sql  (2 statements; half applied: 1 of them committed)"), "{status:?}");
    bed.remove("002_b.sql");
    for (command, flags) in [("status", &["--check"][..]), ("plan", &[]), ("verify", &[]), ("migrate", &[])] {
        let output = bed.command(command, flags);
        assert_eq!(output.status.code(), Some(4), "{command}: {output:?}");
        assert!(text(&output).contains("version 002 is half applied"), "{command}: {output:?}");
    }
    bed.file("002_b.sql", b"-- schemaward: no-transaction\ncreate table b ();\n");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.command("status", &["--check"]).status.code(), Some(0));
}

#[test]
fn a_statement_that_fails_is_named_and_its_file_resumes_there_after_a_correction() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "-- schemaward: no-transaction\ncreate table t (id int);\ninsert into t values (1), (1);\n\n  insert into u values (1);\n",
    )]);
    let ended = bed.run();
    let place = ended.failure().place.clone().unwrap();
    assert_eq!(ended.failure().code.as_deref(), Some("42P01"));
    assert_eq!((place.line, place.column, place.statement), (Some(5), Some(15), Some(3)));
    assert_eq!(bed.psql("select success, statements_done from schemaward.schema_migrations"), "f|2");

    let planned = String::from_utf8(bed.command("plan", &[]).stdout).unwrap();
    assert!(planned.contains("001_a.sql  3 statements each committed separately, 2 of them already"), "{planned}");

    bed.file("001_a.sql", b"-- schemaward: no-transaction\ncreate table t (id bigint);\ninsert into t values (1), (1);\ninsert into t values (2);\n");
    let ended = bed.run();
    assert_eq!(ended.failure().reason, Reason::MigrationEdited, "{:?}", ended.failure());
    assert!(ended.failure().message.contains("statement 1"), "{}", ended.failure().message);

    bed.file("001_a.sql", b"-- schemaward: no-transaction\ncreate table t (id int); -- as it was\ninsert into t values (1), (1);\ninsert into t values (2);\n");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select count(*) from t"), "3");
}

#[test]
fn an_index_that_could_not_be_built_is_dropped_and_built_again() {
    let bed = Bed::with(&[
        ("001_a.sql", "create table t (id int); insert into t values (1), (1);"),
        ("002_b.sql", "create unique index concurrently t_id on t (id)"),
    ]);
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("23505"));
    assert!(ended.failure().hint.as_ref().is_some_and(|hint| hint.contains("INVALID")), "{:?}", ended.failure());
    assert!(!ended.stderr.contains("no transaction in progress"), "{}", ended.stderr);
    assert!(bed.has("t_id") && !valid(&bed, "t_id"));
    assert_eq!(journal(&bed), "failed server");
    bed.psql("delete from t");
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    assert!(valid(&bed, "t_id"));
    assert!(ended.stderr.contains("dropping the invalid index"), "{}", ended.stderr);
}

#[test]
fn an_index_half_built_when_the_runner_was_killed_is_dropped_and_built_again() {
    let bed = Bed::with(&[
        ("001_a.sql", "create table t (id int)"),
        ("002_b.sql", "create index concurrently t_id on t (id)"),
    ]);
    bed.psql("create table public.t (id int)");
    bed.file("001_a.sql", b"select 1");
    // The index waits for this transaction, half built.
    let held = bed.hold("insert into t values (1)");
    let mut running = bed.start_with("killed", &["--lock-timeout", "1m"]);
    crate::wait_until("the index is half built", || bed.has("t_id"));
    kill(&bed, &mut running);
    bed.wait_for_the_end_of("killed");
    held.let_go();
    assert!(!valid(&bed, "t_id"));
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    assert!(valid(&bed, "t_id"));
    assert!(ended.stderr.contains("dropping the invalid index"), "{}", ended.stderr);
}

#[test]
fn an_index_of_that_name_that_was_there_before_is_left_alone() {
    let bed = Bed::with(&[("001_a.sql", "create index concurrently t_id on t (id)")]);
    bed.psql("create table t (id int); create index t_id on t (id)");
    let before = bed.psql("select 't_id'::regclass::oid");
    assert_eq!(bed.run().failure().class, ErrorClass::AlreadyExists);
    assert_eq!(bed.run().failure().class, ErrorClass::AlreadyExists);
    assert_eq!(bed.psql("select 't_id'::regclass::oid"), before);
}

#[test]
fn a_held_lock_ends_a_try_and_the_next_try_continues() {
    let bed = Bed::with(&[("001_a.sql", "vacuum log;\nvacuum t")]);
    bed.psql("create table t (id int); create table log ()");
    let held = bed.hold("lock table t");
    let ended = bed.run_with(&["--lock-timeout", "500ms"]);
    assert_eq!((ended.failure().class, ended.failure().code.as_deref()), (ErrorClass::Transient, Some("55P03")));
    assert_eq!(ended.failure().place.as_ref().unwrap().statement, Some(2));
    held.let_go();
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(journal(&bed), "finished server,finished server");
}

#[test]
fn a_run_that_is_asked_to_stop_records_the_statement_it_cancelled() {
    let bed = Bed::with(&[("001_a.sql", "-- schemaward: no-transaction\ncreate table t ();\ncall p();")]);
    bed.psql("create procedure p() language sql as 'select pg_sleep(60)'");
    let running = bed.start("stopped");
    crate::wait_until("the statement runs", || bed.sleeping());
    running.terminate();
    assert_eq!(running.end().failure().reason, Reason::Cancelled);
    assert_eq!(journal(&bed), "finished server,failed server");
    bed.psql("create or replace procedure p() language sql as 'select 1'");
    assert_eq!(bed.run().applied(), 1);
}

/// A run that was killed while a procedure was running, with no way to know how far it got.
fn killed_in_a_procedure() -> Bed<'static> {
    let bed = Bed::with(&[("001_a.sql", "-- schemaward: no-transaction\ncreate table t ();\ncall p();\n")]);
    bed.psql("create table log (n int)");
    bed.psql("create procedure p() language plpgsql as 'begin insert into log values (1); commit; perform pg_sleep(60); end'");
    let mut running = bed.start("killed");
    crate::wait_until("the procedure works", || bed.psql("select count(*) from log") == "1");
    kill(&bed, &mut running);
    // Only in this database: another test uses the same run name at the same time.
    bed.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'schemaward killed' and datname = current_database()");
    bed.psql("create or replace procedure p() language sql as 'insert into log values (2)'");
    bed
}

fn assert_needs_review(ended: &Ended) {
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::NeedsReview));
    assert!(failure.message.contains("call p()") && failure.message.contains("killed"), "{}", failure.message);
    let hint = failure.hint.as_ref().unwrap();
    assert!(hint.contains("schemaward repair --version 001 --statement 2 --as done"), "{hint}");
}

#[test]
fn what_the_catalog_does_not_show_waits_for_a_person_who_says_that_it_has_run() {
    let bed = killed_in_a_procedure();
    assert_needs_review(&bed.run());
    assert_needs_review(&bed.run());
    assert_eq!(bed.migrate(&[]).status.code(), Some(4));
    let repaired = bed.command("repair", &["--version", "1", "--statement", "2", "--as", "done"]);
    assert_eq!(repaired.status.code(), Some(0), "{repaired:?}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select string_agg(n::text, ',') from log"), "1");
    assert_eq!(journal(&bed), "finished server,finished repair");
}

#[test]
fn what_a_person_says_has_not_run_is_run_again() {
    let bed = killed_in_a_procedure();
    assert_needs_review(&bed.run());
    for wrong in [["--version", "001", "--statement", "1"], ["--version", "002", "--statement", "2"]] {
        let refused = bed.command("repair", &[&wrong[..], &["--as", "done"]].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(
        bed.command("repair", &["--version", "001", "--statement", "2", "--as", "not-done"]).status.code(),
        Some(0)
    );
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select string_agg(n::text, ',') from log"), "1,2");
}

#[test]
fn what_was_inserted_last_is_the_file_s_own_row() {
    let bed = Bed::with(&[(
        "001_rows.sql",
        "-- schemaward: no-transaction\ncreate table p (id int generated always as identity (start with 40), n int);\n\
         create table c (p int);\ninsert into p (n) values (1);\ninsert into c values (lastval());\nvacuum c;\n\
         insert into c values (lastval());\n",
    )]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select p from c"), "40\n40");
}

/// A text that the server cannot parse opens no transaction, so there is none to roll back.
#[test]
fn an_error_of_syntax_is_all_that_is_said() {
    let bed = Bed::with(&[("001_a.sql", "-- schemaward: no-transaction\ncreate table a ();\ncreate tabel b ();\n")]);
    let output = bed.migrate(&[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("syntax error at or near \"tabel\"") && !said.contains("the server says"), "{said}");
}
