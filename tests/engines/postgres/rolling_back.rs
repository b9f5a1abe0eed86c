//! Rollbacks: in reverse order, by the SQL that the ledger kept, whatever has happened to the files.

use std::process::{Child, Command, Output, Stdio};

use rstest::rstest;

use crate::postgres::bed::Bed;
use crate::postgres::gate::{At, Gate};

const FILES: &[(&str, &str)] = &[
    ("001_a.sql", "create table a (n int);\n-- rollback:\n-- drop table a;\n"),
    (
        "002_b.sql",
        "create table b (n int); insert into a values (2);\n-- rollback:\n-- drop table b;\n-- delete from a;\n",
    ),
    ("003_c.sql", "create table c (n int references a);\n-- rollback: drop table c;\n"),
];

/// `a` has a key, so that `c` can refer to it and must be dropped first.
fn bed() -> Bed<'static> {
    let bed = Bed::with(FILES);
    bed.file("001_a.sql", b"create table a (n int primary key);\n-- rollback:\n-- drop table a;\n");
    assert_eq!(bed.run().applied(), 3);
    bed
}

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn rows(bed: &Bed<'_>) -> String {
    bed.psql(
        "select string_agg(concat_ws(' ', kind, version, case when success then 'ok' else 'failed' end, \
         case when undone_at is not null then 'undone' end), ',' order by applied_at) \
         from schemaward.get_migration_history()",
    )
}

fn current(bed: &Bed<'_>) -> String {
    bed.psql("select schemaward.get_current_schema_version()")
}

#[test]
fn versions_are_undone_in_reverse_order_though_their_files_are_gone_and_can_be_applied_again() {
    let bed = bed();
    for (name, _) in FILES {
        bed.remove(name);
    }
    let (code, out, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("Rolling back 2 migrations, from version 003 to version 001:"), "{out}");
    assert!(out.contains("The schema is at version 001; 2 migrations rolled back."), "{out}");
    assert!(out.find("rollback of 003_c.sql") < out.find("rollback of 002_b.sql"), "{out}");
    assert!(bed.has("a") && !bed.has("b") && !bed.has("c"));
    assert_eq!(bed.psql("select count(*) from a"), "0");
    assert_eq!(current(&bed), "001");
    assert_eq!(
        rows(&bed),
        "migration 001 ok,migration 002 ok undone,migration 003 ok undone,rollback 003 ok,rollback 002 ok"
    );
    let (code, out, _) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!((code, out.trim()), (Some(0), "The schema is at version 001; nothing is to be rolled back."));

    bed.files(&FILES[1..]);
    bed.file("001_a.sql", b"create table a (n int primary key);\n-- rollback:\n-- drop table a;\n");
    let ended = bed.run();
    assert_eq!((ended.applied(), ended.summary.current_version.as_deref()), (2, Some("003")));
    assert_eq!(bed.psql("select count(*) from a"), "1");

    let (code, out, err) = text(&bed.command("rollback", &["--to", "empty", "--yes"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("No migration is applied; 3 migrations rolled back."), "{out}");
    assert!(!bed.has("a"));
    assert_eq!(current(&bed), "");
    assert_eq!(bed.run().applied(), 3);
}

#[test]
fn a_version_without_a_rollback_is_refused_before_anything_runs() {
    let bed = bed();
    bed.files(&[("004_d.sql", "create table d ()"), ("005_e.sql", "create table e ();\n-- rollback: drop table e;")]);
    assert_eq!(bed.run().applied(), 2);
    for flags in [&["--to", "001", "--yes"][..], &["--to", "001", "--dry-run"]] {
        let (code, out, err) = text(&bed.command("rollback", flags));
        assert_eq!(code, Some(4), "{out}{err}");
        assert!(err.contains("no rollback was stored for 004 (004_d.sql)"), "{err}");
        assert!(err.contains("new migration") && err.contains("newest first"), "{err}");
    }
    assert!(bed.has("e") && bed.has("c"));
    assert_eq!(text(&bed.command("rollback", &["--to", "004", "--yes"])).0, Some(0));
    assert!(!bed.has("e") && bed.has("d"));
}

#[test]
fn a_dry_run_shows_the_stored_sql_and_does_nothing() {
    let bed = bed();
    let before = rows(&bed);
    let (code, out, err) = text(&bed.command("rollback", &["--to", "001", "--dry-run"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("2 rollbacks for") && out.contains("from version 003 to version 001"), "{out}");
    assert!(out.contains("rollback of 002_b.sql") && out.contains("    drop table b;\n    delete from a;"), "{out}");
    let (_, json, _) = text(&bed.command("rollback", &["--to", "001", "--dry-run", "--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["steps"][0]["sql"], "drop table c;\n");
    assert_eq!((&json["steps"][1]["version"], &json["toVersion"]), (&"002".into(), &"001".into()));
    assert_eq!(rows(&bed), before);
}

#[test]
fn a_rollback_that_fails_is_recorded_with_its_line_and_the_next_one_continues() {
    let bed = bed();
    bed.psql("create view v as select * from b");
    let (code, out, err) = text(&bed.command("rollback", &["--to", "001", "--yes"]));
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("error[2BP01]") && err.contains("--> rollback of 002_b.sql:1:1\n"), "{err}");
    assert!(err.contains("1 | drop table b;"), "{err}");
    assert!(out.contains("Failed. The schema is at version 002; 1 migration rolled back by this run, 1 left"), "{out}");
    assert!(bed.has("b") && !bed.has("c"));
    assert!(rows(&bed).ends_with("migration 003 ok undone,rollback 003 ok,rollback 002 failed"), "{}", rows(&bed));
    let resolved = |what: &str| {
        let (_, out, _) = text(&bed.command("status", &["--format", "json"]));
        assert!(out.contains(what), "{out}");
    };
    resolved("\"resolved\": false");
    bed.psql("drop view v");
    assert_eq!(text(&bed.command("rollback", &["--to", "001", "--yes"])).0, Some(0));
    assert!(!bed.has("b"));
    resolved("\"resolvedBy\": \"rollback\"");
}

#[test]
fn nothing_to_undo_is_recorded_as_such() {
    let bed = Bed::with(&[
        ("001_a.sql", "select 1;\n-- rollback:\n"),
        ("002_b.sql", "select 2;\n-- rollback:\n-- -- nothing to do\n"),
    ]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(text(&bed.command("rollback", &["--to", "empty", "--yes"])).0, Some(0));
    assert!(rows(&bed).ends_with("rollback 002 ok,rollback 001 ok"), "{}", rows(&bed));
}

#[test]
fn a_down_file_is_what_is_stored_and_its_comments_are_comments() {
    let bed = Bed::with(&[("001_a.up.sql", "create table a ()"), ("001_a.down.sql", "-- Rollback:\ndrop table a;\n")]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(text(&bed.command("rollback", &["--to", "empty", "--yes"])).0, Some(0));
    assert!(!bed.has("a"));
}

#[test]
fn a_lower_target_of_migrate_is_refused_with_the_command_that_goes_back() {
    let bed = bed();
    let (code, _, err) = text(&bed.migrate(&["--target", "001"]));
    assert_eq!(code, Some(4));
    assert!(err.contains("schemaward rollback --to 001"), "{err}");
}

/// A transaction, then statements committed separately. Each inserts a row into `log`, so that running one twice shows.
fn two_to_undo() -> Bed<'static> {
    let bed = Bed::with(&[
        ("001_a.sql", "create table log (n int); create table t (id int);"),
        (
            "002_b.sql",
            "-- schemaward: no-transaction\ncreate index concurrently t_id on t (id);\n-- rollback:\n\
             -- -- schemaward: no-transaction\n-- insert into log values (21);\n-- drop index concurrently t_id;\n\
             -- insert into log values (22);\n",
        ),
        ("003_c.sql", "create table c ();\n-- rollback:\n-- drop table c;\n-- insert into log values (3);\n"),
    ]);
    assert_eq!(bed.run().applied(), 3);
    bed
}

fn assert_two_undone(bed: &Bed<'_>, what: &str) {
    assert_eq!(bed.psql("select string_agg(n::text, ',' order by n) from log"), "3,21,22", "{what}");
    assert!(!bed.has("c") && !bed.has("t_id"), "{what}");
    assert_eq!(current(bed), "001", "{what}");
    let undone =
        "select string_agg(version, ',' order by id) from schemaward.schema_migrations where undone_by is not null";
    assert_eq!(bed.psql(undone), "002,003", "{what}");
    let open = "select count(*) from schemaward.statement_journal where migration_id is null or state <> 'finished'";
    assert_eq!(bed.psql(open), "0", "{what}");
}

#[test]
fn a_rollback_without_a_transaction_is_journaled() {
    let bed = two_to_undo();
    let (code, out, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert_two_undone(&bed, "");
    assert_eq!(bed.psql("select count(*) from schemaward.statement_journal where kind = 'rollback'"), "3");
}

#[test]
fn a_rollback_that_the_server_refused_as_a_whole_is_in_nobodys_way() {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int);\n-- rollback:\n-- drop table a;\n")]);
    bed.file("002_b.sql", b"create table b (n int);\n-- rollback:\n-- drop index concurrently wrong;\n");
    assert_eq!(bed.run().applied(), 2);
    let (code, out, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!(code, Some(1), "{out}{err}");
    bed.file("003_c.sql", b"create table c (n int);\n");
    assert_eq!(bed.run().applied(), 1);
    assert!(bed.has("b") && bed.has("c"));
}

#[rstest]
#[case::alone("drop index concurrently wrong")]
#[case::in_a_transaction("drop table wrong")]
fn a_rollback_that_is_wrong_in_its_middle_is_finished_by_hand(#[case] refused: &str) {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int);\n-- rollback:\n-- drop table a;\n")]);
    let wrong = format!(
        "create table b (n int);\ncreate index b_n on b (n);\n-- rollback:\n-- -- schemaward: no-transaction\n\
         -- drop index concurrently b_n;\n-- {refused};\n"
    );
    bed.file("002_b.sql", wrong.as_bytes());
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(text(&bed.command("rollback", &["--to", "1", "--yes"])).0, Some(1));
    bed.file("003_c.sql", b"create table c (n int);\n");
    let (_, _, err) = text(&bed.migrate(&[]));
    assert!(err.contains("the rollback of version 002 is half done"), "{err}");
    assert!(err.contains("\n --> rollback of 002_b.sql\n"), "{err}");
    let second = ["--version", "002", "--statement", "2", "--as"];
    assert_eq!(text(&bed.command("repair", &[&second[..], &["not-done"]].concat())).0, Some(2), "it is known to be so");
    let (code, out, err) = text(&bed.command("repair", &[&second[..], &["done"]].concat()));
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(current(&bed), "001");
}

#[test]
fn a_file_that_the_server_refused_as_a_whole_keeps_no_rollback_from_running() {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int);\n-- rollback:\n-- drop table a;\n")]);
    bed.file("002_b.sql", b"create index concurrently i on nowhere (n);\n");
    assert!(bed.run().failure().message.contains("nowhere"));
    let (code, out, err) = text(&bed.command("rollback", &["--to", "empty", "--yes"]));
    assert_eq!((code, bed.has("a")), (Some(0), false), "{out}{err}");
}

fn start(url: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
    command.args(["rollback", "--to", "1", "--yes", "--format", "json"]).env("DATABASE_URL", url);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ends a rollback at each of its messages in turn. The next one must finish the job, and `migrate` must refuse to
/// continue from the middle.
fn break_at_each_message(at: At, how: impl Fn(&Bed<'_>, &mut Child)) {
    for number in 1.. {
        let bed = two_to_undo();
        let gate = Gate::start(bed.server.host(), number, at);
        let url = format!("postgres://postgres@{}/{}?sslmode=disable", gate.address, bed.database);
        let mut running = start(&url);
        let mut reached = false;
        crate::wait_until("the rollback comes to the message or to its end", || {
            reached = reached || gate.reached.try_recv().is_ok();
            reached || running.try_wait().unwrap().is_some()
        });
        if reached {
            how(&bed, &mut running);
        }
        gate.release();
        crate::wait_until("the rollback ends", || running.try_wait().unwrap().is_some());
        let what = format!("stopped {at:?} message {number}");
        let started = "select count(*) from schemaward.statement_journal where migration_id is null";
        if bed.psql(started) != "0" {
            let ended = bed.run();
            assert!(ended.failure().message.contains("the rollback of version 002 is half done"), "{what}: {ended:?}");
        }
        let (code, out, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
        assert_eq!(code, Some(0), "{what}: {out}{err}");
        assert_two_undone(&bed, &what);
        if !reached {
            assert!(number > 10, "{number} messages");
            return;
        }
    }
}

#[test]
fn a_rollback_killed_before_any_message_is_resumed() {
    break_at_each_message(At::Before, |_, running| {
        running.kill().unwrap();
        running.wait().unwrap();
    });
}

#[test]
fn a_rollback_whose_connection_is_ended_after_any_message_continues() {
    break_at_each_message(At::After, |bed, _| {
        bed.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'schemaward rollback%' and datname = current_database()");
    });
}

/// An index whose drop was interrupted is no longer valid.
#[test]
fn a_rollback_that_the_server_cut_off_in_its_statement_is_half_done() {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int);\n-- rollback:\n-- drop table a;\n")]);
    bed.file("002_i.sql", b"create index a_n on a (n);\n-- rollback:\n-- drop index concurrently a_n;\n");
    assert_eq!(bed.run().applied(), 2);
    let held = bed.hold("select from a");
    let (code, out, err) =
        text(&bed.command("rollback", &["--to", "1", "--yes", "--lock-timeout", "100ms", "--deadline", "5s"]));
    assert_eq!((code, invalid_indexes(&bed).as_str()), (Some(1), "1"), "{out}{err}");
    bed.file("003_c.sql", b"create table c (n int);\n");
    assert!(bed.run().failure().message.contains("the rollback of version 002 is half done"));
    held.let_go();
    // A person decides: the index is as it was, and the rollback is no longer wanted.
    bed.psql("reindex index a_n");
    let (code, out, err) = text(&bed.command("repair", &["--version", "002", "--statement", "1", "--as", "not-done"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(bed.run().applied(), 1);
    let (code, out, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!((code, bed.has("a_n"), bed.has("c")), (Some(4), true, true), "003 has no rollback: {out}{err}");
}

#[test]
fn a_file_whose_index_is_left_invalid_is_half_applied() {
    let bed = Bed::with(&[("001_a.sql", "create table a as select 1 n from generate_series(1, 2);\n")]);
    bed.file("002_i.sql", b"create unique index concurrently a_n on a (n);\n");
    let failure = bed.run().failure().clone();
    assert!(failure.hint.is_some_and(|hint| hint.contains("INVALID")) && invalid_indexes(&bed) == "1");
    bed.remove("002_i.sql");
    assert!(bed.run().failure().message.contains("002_i.sql"), "the index would stay for good");
    let (_, listed, _) = text(&bed.command("repair", &[]));
    assert!(listed.contains("--version 002 --statement 1 --as not-done"), "{listed}");
    bed.psql("drop index a_n");
    let (code, out, err) = text(&bed.command("repair", &["--version", "002", "--statement", "1", "--as", "not-done"]));
    assert_eq!(code, Some(0), "{out}{err}");
    bed.file("002_c.sql", b"create table c (n int);\n");
    assert_eq!(bed.run().applied(), 1);
}

/// This settles its half-done rollback, too.
#[test]
fn a_version_that_was_undone_by_hand_is_recorded_as_that() {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int);\n-- rollback: drop table a;\n")]);
    bed.file(
        "002_b.sql",
        b"create table b (n int);\ncreate index b_n on b (n);\n-- rollback:\n-- drop index concurrently b_n;\n\
        -- drop index concurrently wrong;\n",
    );
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(text(&bed.command("rollback", &["--to", "1", "--yes"])).0, Some(1));
    bed.psql("drop table b");
    let (code, out, err) = text(&bed.command("repair", &["--undone", "2"]));
    assert_eq!((code, current(&bed).as_str()), (Some(0), "001"), "{out}{err}");
    assert_eq!(bed.psql("select count(*) from schemaward.statement_journal where migration_id is null"), "0");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(text(&bed.command("repair", &["--undone", "1"])).0, Some(2), "002 is in force");
}

/// A statement that was refused on its own is settled by the file, which is now one transaction.
#[test]
fn a_refused_file_that_was_corrected_into_one_transaction_is_in_nobodys_way() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "create table a as select 1 n from generate_series(1, 2);\n-- rollback: drop table a;\n",
    )]);
    bed.file("002_i.sql", b"create unique index concurrently a_n on a (n);\n");
    assert_eq!(bed.run().failure().code.as_deref(), Some("23505"));
    bed.file("002_i.sql", b"drop index a_n; create index a_n on a (n);\n-- rollback: drop index a_n;\n");
    bed.file("R__r.sql", b"create unique index concurrently a_r on a (n);\n");
    assert_eq!(bed.run().failure().code.as_deref(), Some("23505"));
    bed.file("R__r.sql", b"drop index a_r;\n");
    bed.run();
    bed.remove("R__r.sql");
    assert_eq!(bed.run().applied(), 0, "the repeatable file is applied, and may go");
    for to in ["1", "empty"] {
        let (code, out, err) = text(&bed.command("rollback", &["--to", to, "--yes"]));
        assert_eq!(code, Some(0), "{out}{err}");
    }
    assert!(!bed.has("a"));
    assert_eq!(bed.psql("select count(*) from schemaward.statement_journal where migration_id is null"), "0");
}

fn invalid_indexes(bed: &Bed<'_>) -> String {
    bed.psql("select count(*) from pg_index where not indisvalid")
}

/// Each block is one statement, whatever it contains. A file without a transaction is rolled back without one, too.
#[rstest]
#[case::in_one_transaction("", "", "create trigger t before insert on a for each row execute function f();")]
#[case::each_committed_separately(
    "-- +goose NO TRANSACTION\n",
    "drop index concurrently i;\n",
    "create index concurrently i on a (n);"
)]
fn goose_s_down_block_is_what_is_undone_by(#[case] how: &str, #[case] first: &str, #[case] last: &str) {
    let file = format!(
        "{how}-- +goose Up\ncreate table a (n int);\n-- +goose StatementBegin\ncreate function f() returns trigger language \
         plpgsql as $$ begin new.n := 7; return new; end; $$;\n-- +goose StatementEnd\n{last}\n\
         -- +goose Down\n{first}-- +goose StatementBegin\ndo $$ begin drop table a; drop function f(); end; $$;\n\
         -- +goose StatementEnd\n-- +goose StatementBegin\ncreate table gone (n int); -- kept: one; statement\n-- +goose StatementEnd\n"
    );
    let bed = Bed::with(&[("00001_a.sql", &file)]);
    assert_eq!(bed.run().applied(), 1);
    assert!(bed.has("a") && !bed.has("gone"), "nothing of Down runs forward");
    bed.remove("00001_a.sql");
    let (code, out, err) = text(&bed.command("rollback", &["--to", "empty", "--yes"]));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(!bed.has("a") && bed.has("gone"), "{out}");
    assert_eq!(bed.psql("select count(*) from pg_proc where proname = 'f'"), "0");
    bed.psql("drop table gone");
    bed.file("00001_a.sql", file.as_bytes());
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn a_rollback_that_is_given_up_is_named_by_its_file() {
    let down = "-- schemaward: no-transaction\nalter table a rename to b;\ndrop table nowhere;\n";
    let bed = Bed::with(&[("001_a.sql", "create table a ()"), ("001_a.down.sql", down)]);
    assert_eq!(bed.run().applied(), 1);
    let back = ["--to", "empty", "--yes"];
    let (code, out, err) = text(&bed.command("rollback", &back));
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(bed.has("b"), "half of it has run: {err}");
    let (code, out, _) = text(&bed.command("repair", &[]));
    assert!(code == Some(0) && out.contains("rollback of 001_a.sql"), "{out}");
    // Naming the version is not enough: the version itself is applied.
    let (code, _, err) = text(&bed.command("repair", &["--abandon", "001"]));
    assert!(code == Some(2) && err.contains("schemaward repair --abandon 'rollback of 001_a.sql'"), "{err}");
    bed.psql("alter table b rename to a");
    let (code, out, err) = text(&bed.command("repair", &["--abandon", "rollback of 001_a.sql"]));
    assert!(code == Some(0) && out.contains("the version stays applied"), "{out}{err}");
    assert!(text(&bed.command("repair", &[])).1.starts_with("No half-applied migrations"));
    assert_eq!((bed.run().applied(), current(&bed).as_str()), (0, "001"));
    assert_eq!(text(&bed.command("repair", &["--undone", "001"])).0, Some(0));
}
