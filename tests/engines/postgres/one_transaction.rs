//! `migrate --transaction all`: all pending files and their rows, or nothing of them.

use std::process::Output;

use rstest::rstest;

use crate::postgres::bed::Bed;
use crate::postgres::proxy::{Cut, Proxy};

const ALL: &[&str] = &["--transaction", "all"];

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Exit code, and what was said.
fn migrate(bed: &Bed<'_>) -> (Option<i32>, String) {
    let output = bed.migrate(ALL);
    (output.status.code(), said(&output))
}

/// Files and whether they succeeded, in the order of their rows.
fn rows(bed: &Bed<'_>) -> String {
    bed.psql("select string_agg(filename || ' ' || success, ', ' order by id) from schemaward.schema_migrations")
}

#[test]
fn all_files_are_one_transaction_with_their_rows() {
    let bed = Bed::with(&[
        ("001_a.sql", "create table a (id int primary key, by xid8 default pg_current_xact_id());"),
        ("002_b.sql", "insert into a values (1);\ninsert into a values (2);"),
        ("003_c.sql", "insert into a values (3);\n-- rollback: delete from a where id = 3;"),
        ("R__view.sql", "create or replace view v as select id from a;"),
    ]);
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bed.psql("select count(distinct by) from a"), "1");
    assert_eq!(bed.psql("select count(distinct xmin::text) from schemaward.schema_migrations"), "1");
    assert_eq!(bed.applied(), ["001", "002", "003", "R"]);
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations where execution_time_ms < 60000"), "4");
    // Nothing is pending, and the next file alone is as any other.
    assert_eq!(migrate(&bed).0, Some(0));
    bed.file("004_d.sql", b"create table d ();");
    assert_eq!(migrate(&bed).0, Some(0));
    assert_eq!(bed.applied().len(), 5);
    assert_eq!(bed.command("verify", &[]).status.code(), Some(0));
}

/// More files than a message has, so that the error meets each kind of message.
#[rstest]
#[case::in_the_first(1)]
#[case::in_a_later_message(77)]
#[case::in_the_last(120)]
fn an_error_undoes_all_and_names_its_file(#[case] wrong: usize) {
    let bed = Bed::new();
    for n in 1..=120 {
        let sql = if n == wrong { "select 1;\nselect 1/0;".to_owned() } else { format!("create table t{n} ();") };
        bed.file(&format!("{n:03}_t.sql"), sql.as_bytes());
    }
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("{wrong:03}_t.sql:2:1")), "{said}");
    assert!(said.contains("120 files were one transaction: none of them is applied"), "{said}");
    assert_eq!(bed.psql("select count(*) from pg_class where relname ~ '^t[0-9]+$'"), "0");
    assert_eq!(rows(&bed), format!("{wrong:03}_t.sql false"));
    assert_eq!(bed.psql("select statements_done from schemaward.schema_migrations"), "1");
    bed.file(&format!("{wrong:03}_t.sql"), b"create table mended ();");
    assert_eq!(migrate(&bed).0, Some(0));
    assert_eq!(bed.applied().len(), 120);
}

/// Text that the server does not understand is in no transaction that could be undone; where it gives no place, too.
#[rstest]
#[case::with_a_place("select 1;\ncreate tabel x ();", "60_t.sql:2:8")]
#[case::without_one(&format!("select {}1{};", "(".repeat(40_000), ")".repeat(40_000)), "60_t.sql")]
#[case::not_ended("select 1;\nselect (", "60_t.sql:2")]
fn what_is_not_understood_is_named(#[case] sql: &str, #[case] place: &str) {
    let bed = Bed::new();
    for n in 1..=70 {
        bed.file(&format!("{n:02}_t.sql"), format!("create table t{n} ();").as_bytes());
    }
    bed.file("60_t.sql", sql.as_bytes());
    let (code, said) = migrate(&bed);
    assert!(matches!(code, Some(1 | 4)), "{said}");
    assert!(said.contains(place), "{said}");
    assert!(!bed.has("t1"));
}

/// As between two transactions: what a file sets, prepares, opens or makes for its session is gone in the next one.
#[test]
fn nothing_leaks_from_a_file_into_the_next() {
    let bed = Bed::with(&[
        ("001_a.sql", "create schema s;"),
        (
            "002_set.sql",
            "set search_path = s; set local work_mem = '1MB'; set statement_timeout = '9s'; set role pg_read_all_settings;\n\
             reset role; set role pg_monitor; create temporary table x (a int); prepare p as select 1;\n\
             declare c cursor with hold for select 1; select set_config('my.own', 'x', false);",
        ),
        (
            "003_seen.sql",
            "create table seen as select current_setting('search_path') as path, current_setting('work_mem') as mem,\n\
             current_setting('statement_timeout') as timeout, current_user = session_user as ours,\n\
             to_regclass('x') is null as no_table, (select count(*) from pg_prepared_statements) as prepared,\n\
             (select count(*) from pg_cursors where name = 'c') as cursors, nullif(current_setting('my.own', true), '') as own;",
        ),
    ]);
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        bed.psql("select path, mem, timeout, ours, no_table, prepared, cursors, own is null from public.seen"),
        "\"$user\", public|4MB|0|t|t|0|0|t"
    );
}

/// What a file defers is checked at its end, under its role and search path, and each constraint is then as it was defined.
#[test]
fn what_a_file_defers_is_due_at_its_end_and_later_files_may_defer_again() {
    let bed = Bed::with(&[
        (
            "001_a.sql",
            "create table p (id int primary key);\n\
             create table c (p int references p deferrable initially deferred, q int);\n\
             alter table c add constraint now foreign key (q) references p deferrable initially immediate;\n\
             create table audit (who text, path text);\n\
             create function note() returns trigger language plpgsql as $$ begin\n\
               insert into public.audit values (current_user, current_setting('search_path')); return null; end $$;\n\
             create constraint trigger t after insert on p deferrable initially deferred for each row execute function note();\n\
             grant all on p, c, audit to pg_monitor;",
        ),
        // The child before its parent; then the table is altered, which pending events would forbid.
        (
            "002_b.sql",
            "insert into c values (1); set role pg_monitor; set search_path = 'public', 'x'; insert into public.p values (1);",
        ),
        ("003_c.sql", "alter table c add note text; alter table p add note text;"),
        ("004_d.sql", "insert into c values (2); insert into p values (2);"),
        ("005_e.sql", "set constraints now deferred; insert into c values (3, 3); insert into p values (3);"),
        ("006_f.sql", "create table late (p int constraint late_p references p deferrable initially deferred);"),
        ("007_g.sql", "insert into late values (4); insert into p values (4);"),
    ]);
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(0), "{said}");
    let seen = "select string_agg(who || ' ' || path, '; ' order by ctid) from audit where who = 'pg_monitor'";
    assert_eq!(bed.psql(seen), "pg_monitor public, x");
    assert_eq!(bed.psql("select count(*) from audit"), "4");
    // One that is immediate by its definition is so in a file after the one that has deferred it.
    bed.file("008_h.sql", b"set constraints now deferred; insert into c values (null, 8); insert into p values (8);");
    bed.file("009_i.sql", b"insert into c values (null, 9); insert into p values (9);");
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("009_i.sql:1:1") && said.contains("23503"), "{said}");
    // And what does not hold at a file's end is that file's error.
    bed.file("008_h.sql", b"insert into c values (8);");
    bed.file("009_i.sql", b"insert into p values (8);");
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("008_h.sql") && said.contains("at COMMIT"), "{said}");
}

/// Neither the database nor the text of any file before shows that something can be deferred.
#[rstest]
#[case::no_file_says_so("select 1;")]
#[case::a_later_file_says_so("create table d (p int references p deferrable);")]
fn what_is_deferred_by_a_constraint_that_nothing_has_shown_before_is_due_at_its_files_end(#[case] last: &str) {
    let bed = Bed::with(&[
        ("001_p.sql", "create table p (id int primary key); create table c (p int);"),
        (
            "002_f.sql",
            "do $$ begin execute concat('alter table c add foreign key (p) references p defer', 'rable initially defer', 'red'); end $$;",
        ),
        ("003_c.sql", "insert into c values (1);"),
        ("004_p.sql", "insert into p values (1);"),
        ("005_d.sql", last),
    ]);
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("003_c.sql") && said.contains("at COMMIT") && said.contains("23503"), "{said}");
    assert!(!bed.has("p"));
    bed.file("003_c.sql", b"insert into c values (2); insert into p values (2);");
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bed.applied(), ["001", "002", "003", "004", "005"]);
}

#[test]
fn a_file_that_drops_the_ledger_undoes_all() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();")]);
    assert_eq!(migrate(&bed).0, Some(0));
    bed.file("002_b.sql", b"create table b ();");
    // As a statement of its own it is refused before anything runs.
    bed.file("003_c.sql", b"do $$ begin execute 'drop schema schemaward cascade'; end $$;");
    bed.file("004_d.sql", b"create table d ();");
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("recording the attempt") && said.contains("none of them is applied"), "{said}");
    assert!(!bed.has("b") && !bed.has("d"));
    assert_eq!(rows(&bed), "001_a.sql true, 004_d.sql false");
}

#[test]
fn each_row_has_its_own_files_time() {
    let bed = Bed::with(&[
        ("001_a.sql", "set timezone = 'Asia/Kathmandu'; set datestyle = 'german'; select 1;"),
        ("002_b.sql", "select pg_sleep(0.4);"),
        ("003_c.sql", "select 1;"),
    ]);
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(0), "{said}");
    let slow = "select string_agg((execution_time_ms >= 400)::text, ' ' order by id) from schemaward.schema_migrations";
    assert_eq!(bed.psql(slow), "false true false");
    let instants = "select bool_and(now() - applied_at between '0' and '1min'), max(applied_at) - min(applied_at) >= '0.4s'\n\
        from schemaward.schema_migrations";
    assert_eq!(bed.psql(instants), "t|t");
}

#[rstest]
#[case::not_a_transaction("create index concurrently i on t (a);", "each of its statements is committed separately")]
#[case::its_own_mode(
    "set transaction isolation level serializable; select 1;",
    "SET TRANSACTION would reach into the next file"
)]
#[case::its_own_mode_by_name(
    "set local transaction_deferrable = on;",
    "SET TRANSACTION would reach into the next file"
)]
#[case::all_constraints(
    "set constraints all deferred; select 1;",
    "SET CONSTRAINTS ALL would reach into the next file"
)]
fn what_cannot_take_part_is_refused_before_anything_runs(#[case] sql: &str, #[case] why: &str) {
    let bed = Bed::with(&[("001_t.sql", "create table t (a int);"), ("002_x.sql", sql), ("003_z.sql", "select 1;")]);
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("002_x.sql") && said.contains(why) && said.contains("--target"), "{said}");
    assert!(!bed.has("t"));
    let planned = bed.command("plan", ALL);
    assert_eq!(planned.status.code(), Some(4), "{planned:?}");
    // Without the flag it runs.
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
}

#[test]
fn what_only_shows_while_it_runs_undoes_all_and_is_advised() {
    let bed = Bed::with(&[
        ("001_a.sql", "create type mood as enum ('sad');"),
        ("002_b.sql", "alter type mood add value 'glad';"),
        ("003_c.sql", "create table m (m mood default 'glad');"),
    ]);
    // A type that is new in the transaction may be used with all its values; one of before may not.
    assert_eq!(bed.migrate(&["--target", "001"]).status.code(), Some(0));
    let (code, said) = migrate(&bed);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("55P04") && said.contains("003_c.sql:1:32") && said.contains("without --transaction all"),
        "{said}"
    );
    assert_eq!(bed.psql("select count(*) from pg_enum where enumlabel = 'glad'"), "0");
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
}

#[test]
fn it_cannot_be_combined_with_skipping() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();")]);
    let output = bed.migrate(&["--transaction", "all", "--already-exists", "skip-if-identical"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("cannot be combined"), "{output:?}");
}

#[test]
fn a_plan_says_that_locks_are_held_to_the_end() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();"), ("002_b.sql", "alter table a add b int;")]);
    let planned = said(&bed.command("plan", ALL));
    assert!(
        planned.contains("All files are one transaction: each lock is held until the last file has run."),
        "{planned}"
    );
    let json = said(&bed.command("plan", &["--transaction", "all", "--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["transaction"], "all");
}

/// A lock that others hold for a while: all is undone, and tried again.
#[test]
fn a_lock_that_is_not_free_undoes_all_and_is_tried_again() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();"), ("002_b.sql", "alter table t add b int;")]);
    bed.psql("create table t (a int)");
    let held = bed.hold("lock table t");
    let mut flags = ALL.to_vec();
    flags.extend(["--lock-timeout", "300ms", "--format", "json"]);
    let running = bed.start_migrate(&flags);
    let failed =
        "select count(*) from pg_stat_activity where state = 'idle' and application_name like 'schemaward migrate%'";
    crate::wait_until("a try has ended", || bed.psql(failed) == "1" && !bed.has("a"));
    held.let_go();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(rows(&bed), "001_a.sql true, 002_b.sql true");
}

/// Whatever the connection hears last: all is applied once, or nothing.
#[test]
fn a_connection_that_breaks_at_any_answer_leaves_all_or_nothing() {
    for answer in 1.. {
        let bed = Bed::with(&[
            ("001_a.sql", "create table a ();"),
            ("002_b.sql", "create table b (x int);\ninsert into b values (1);"),
            ("003_c.sql", "create table c ();"),
        ]);
        let proxy = Proxy::start(bed.server.host(), Cut { answer, saying: "" }, true);
        let url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, bed.database);
        let (code, said) = bed.said_to(&url, &["migrate", "--transaction", "all"]);
        let there = [bed.has("a"), bed.has("b"), bed.has("c")];
        assert!(there.iter().all(|one| *one == there[0]), "{answer}: {there:?} {said}");
        let rows = if bed.has("schemaward.schema_migrations") { rows(&bed) } else { String::new() };
        if there[0] {
            assert_eq!(rows, "001_a.sql true, 002_b.sql true, 003_c.sql true", "{answer}: {said}");
            assert_eq!(code, Some(0), "{answer}: {said}");
        } else {
            assert_eq!(code, Some(1), "{answer}: {said}");
            assert!(!rows.contains("true"), "{answer}: {rows}");
        }
        assert_eq!(bed.migrate(ALL).status.code(), Some(0));
        assert_eq!(bed.applied(), ["001", "002", "003"], "{answer}");
        if !said.contains("connection") && proxy.connections.load(std::sync::atomic::Ordering::SeqCst) == 1 {
            // The answers have come to their end before the cut.
            assert!(answer > 20, "{answer}: {said}");
            return;
        }
    }
}
