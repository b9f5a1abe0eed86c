//! Existing databases, files out of order, and repeatable files: what the ledger's SQL has to do on these servers. The
//! rules themselves are the plan's, and tested there.

use std::process::Output;

use rstest::rstest;

use super::bed::{Bed, Engine};

const A: (&str, &str) = ("001_a.sql", "create table a (id int);\n");
const B: (&str, &str) = ("002_b.sql", "create table b (id int);\n-- rollback:\n-- drop table b;\n");
const C: (&str, &str) = ("003_c.sql", "create table c (id int);\n");

/// Exit code and output.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn kinds(bed: &Bed) -> String {
    bed.sql("select version, kind from schemaward_schema_migrations order by id").replace('\n', " ")
}

#[rstest]
fn a_baseline_runs_nothing_and_what_is_newer_is_applied(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[A, B]) else { return };
    bed.sql("create table a (id int, made_by_hand int)");
    assert_eq!(said(&bed.command("baseline", &["--version", "001"])).0, Some(0));
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(kinds(&bed), "001|baseline 002|migration");
    assert_eq!(said(&bed.command("baseline", &["--version", "002"])).0, Some(4), "only before the first run");
    let (code, text) = said(&bed.command("rollback", &["--to", "empty", "--yes"]));
    assert_eq!(code, Some(4), "{text}");
    assert!(bed.has("b"), "refused before anything runs");
}

#[rstest]
fn a_file_that_the_server_refused_as_a_whole_is_in_nobodys_way(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[A, B]) else { return };
    bed.sql("create table a (id int, made_by_hand int)");
    assert_eq!(bed.run().failure().code.as_deref(), Some("1050"), "a is there");
    let (code, text) = said(&bed.command("baseline", &["--version", "001"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[("003_c.sql", "create table oops (;\n")]);
    assert!(bed.run().failure().message.contains("syntax"));
    std::fs::remove_file(bed.folder().join("003_c.sql")).unwrap();
    let (code, text) = said(&bed.command("rollback", &["--to", "001", "--yes"]));
    assert_eq!((code, bed.has("b")), (Some(0), false), "{text}");
}

#[rstest]
fn a_rollback_that_the_server_refused_as_a_whole_is_in_nobodys_way(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let wrong = ("002_b.sql", "create table b (id int);\n-- rollback:\n-- drop tabel b;\n");
    let Some(bed) = Bed::with(engine, &[A, wrong]) else { return };
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(said(&bed.command("rollback", &["--to", "001", "--yes"])).0, Some(1));
    bed.files(&[C]);
    assert_eq!(bed.run().applied(), 1);
    assert!(bed.has("b") && bed.has("c"));
}

/// MariaDB drops several tables one by one, MySQL all of them or none.
#[rstest]
#[case::mysql(Engine::Mysql, false)]
#[case::mariadb(Engine::Mariadb, true)]
fn a_rollback_that_the_server_refused_in_its_statement_is_half_done(#[case] engine: Engine, #[case] half_done: bool) {
    let b = "create table b (id int primary key);\ncreate table b2 (id int primary key);\n\
             -- rollback:\n-- drop table b, b2;\n";
    let Some(bed) = Bed::with(engine, &[A, ("002_b.sql", b)]) else { return };
    assert_eq!(bed.run().applied(), 2);
    bed.sql("create table needs_b2 (id int, foreign key (id) references b2 (id))");
    assert_eq!(said(&bed.command("rollback", &["--to", "001", "--yes"])).0, Some(1));
    assert_eq!((bed.has("b"), bed.has("b2")), (!half_done, true));
    bed.files(&[C]);
    let run = bed.run();
    if !half_done {
        assert_eq!(run.applied(), 1);
        return;
    }
    assert!(run.failure().message.contains("the rollback of version 002 is half done"));
    bed.sql("drop table needs_b2");
    bed.sql("drop table b2");
    let done = ["--version", "002", "--statement", "1", "--as", "done"];
    assert_eq!(said(&bed.command("repair", &done)).0, Some(0));
    let (code, text) = said(&bed.command("rollback", &["--to", "001", "--yes"]));
    assert_eq!(code, Some(0), "{text}");
}

#[rstest]
fn a_rollback_that_is_wrong_in_its_middle_is_finished_by_hand(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values("drop table nowhere", "insert into nowhere values (1)")] refused: &str,
) {
    let wrong = format!("create table b (id int);\n-- rollback:\n-- drop table b;\n-- {refused};\n");
    let Some(bed) = Bed::with(engine, &[A, ("002_b.sql", &wrong), C]) else { return };
    assert_eq!(bed.run_with(&["--target", "002"]).applied(), 2);
    assert_eq!(said(&bed.command("rollback", &["--to", "001", "--yes"])).0, Some(1));
    assert!(bed.run().failure().message.contains("the rollback of version 002 is half done"));
    let second = ["--version", "002", "--statement", "2", "--as"];
    assert_eq!(said(&bed.command("repair", &[&second[..], &["not-done"]].concat())).0, Some(2), "it is known to be so");
    let (code, text) = said(&bed.command("repair", &[&second[..], &["done"]].concat()));
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = said(&bed.command("rollback", &["--to", "001", "--yes"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(bed.sql("select count(*) from schemaward_schema_migrations where success and undone_by is null and version = '002' and kind = 'migration'"), "0");
}

#[rstest]
fn a_repeatable_file_runs_again_when_it_has_changed(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let view = |column: &str| format!("create or replace view v as select id as {column} from a;\n");
    let Some(bed) = Bed::with(engine, &[A, ("R__v.sql", &view("x"))]) else { return };
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.run().applied(), 0);
    bed.files(&[("R__v.sql", &view("y"))]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(kinds(&bed), "001|migration R|repeatable R|repeatable");
    let columns =
        "select column_name from information_schema.columns where table_schema = database() and table_name = 'v'";
    assert_eq!(bed.sql(columns), "y");
}

#[rstest]
fn a_file_out_of_order_is_refused_unless_it_is_asked_for(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[A, C]) else { return };
    assert_eq!(bed.run_with(&["--gaps", "allow"]).applied(), 2);
    bed.files(&[B]);
    let late = bed.run();
    assert!(late.failure().message.contains("002_b.sql"), "{:?}", late.failure());
    assert_eq!(bed.run_with(&["--out-of-order", "apply"]).applied(), 1);
    assert_eq!(kinds(&bed), "001|migration 003|migration 002|migration");
}

#[rstest]
fn an_accepted_edit_is_in_the_ledger_with_what_was_before(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[A]) else { return };
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[(A.0, "create table a (id int, b int);\n")]);
    assert_eq!(said(&bed.command("verify", &[])).0, Some(4));
    let (code, text) = said(&bed.command("repair", &["--accept", "001"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(said(&bed.command("verify", &[])).0, Some(0));
    let kept = "select count(*) from schemaward_accepted_edits where checksum_before <> checksum and accepted_by <> ''";
    assert_eq!(bed.sql(kept), "1");
}

#[rstest]
fn a_version_without_a_rollback_is_refused_before_anything_runs(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[A, B, ("003_c.sql", "create table c (id int);\n-- rollback: drop table c;\n")])
    else {
        return;
    };
    assert_eq!(bed.run().applied(), 3);
    for flags in [&["--to", "empty", "--yes"][..], &["--to", "empty", "--dry-run"]] {
        let (code, text) = said(&bed.command("rollback", flags));
        assert!(code == Some(4) && text.contains("no rollback was stored for 001 (001_a.sql)"), "{text}");
    }
    assert!(bed.has("b") && bed.has("c"), "nothing was undone");
    assert_eq!(said(&bed.command("rollback", &["--to", "1", "--yes"])).0, Some(0));
    assert!(bed.has("a") && !bed.has("b") && !bed.has("c"));
}

#[rstest]
fn a_version_that_was_undone_by_hand_is_recorded_as_that(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let wrong = ("002_b.sql", "create table b (id int);\n-- rollback:\n-- drop table b;\n-- drop table nowhere;\n");
    let Some(bed) = Bed::with(engine, &[A, wrong]) else { return };
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(said(&bed.command("rollback", &["--to", "001", "--yes"])).0, Some(1));
    let (code, text) = said(&bed.command("repair", &["--undone", "002"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(bed.sql("select count(*) from schemaward_statement_journal where open_version is not null"), "0");
    assert_eq!(bed.run().applied(), 1);
    assert!(bed.has("b"));
    assert_eq!(said(&bed.command("repair", &["--undone", "001"])).0, Some(2), "002 is in force");
}

/// Each block is one statement, whatever it contains.
#[rstest]
fn goose_s_down_block_is_what_is_undone_by(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let procedure = |body: &str| {
        format!(
            "-- +goose StatementBegin\nCREATE PROCEDURE p()\nBEGIN\n  {body};\n  SELECT 2;\nEND;\n-- +goose StatementEnd\n"
        )
    };
    let file = format!(
        "-- +goose Up\nCREATE TABLE a (n int);\nDROP PROCEDURE IF EXISTS p;\n{}INSERT INTO a VALUES (1);\n\
         -- +goose Down\nDROP PROCEDURE p;\n{}DROP TABLE a;\n",
        procedure("SELECT 'new'"),
        procedure("SELECT 'old'")
    );
    let Some(bed) = Bed::with(engine, &[("00001_a.sql", &file)]) else { return };
    let body = "select ifnull(max(regexp_replace(routine_definition, '[[:space:]]+', ' ')), '-') from \
                information_schema.routines where routine_schema = database() and routine_name = 'p'";
    assert_eq!(bed.run().applied(), 1);
    assert_eq!((bed.sql(body).as_str(), bed.has("a")), ("BEGIN SELECT 'new'; SELECT 2; END", true));
    std::fs::remove_file(bed.folder().join("00001_a.sql")).unwrap();
    let output = bed.command("rollback", &["--to", "empty", "--yes"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((bed.sql(body).as_str(), bed.has("a")), ("BEGIN SELECT 'old'; SELECT 2; END", false));
    bed.files(&[("00001_a.sql", &file)]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql(body), "BEGIN SELECT 'new'; SELECT 2; END");
}

/// A rollback is named by its file, since its version still counts as applied.
#[rstest]
fn a_rollback_that_is_given_up_is_named_by_its_file(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let file = "create table a (n int);\n-- rollback:\n-- rename table a to b;\n-- drop table nowhere;\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", file)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    let (code, said) = bed.said_to(&bed.url, &["rollback", "--to", "empty", "--yes"]);
    assert!(code == Some(1) && bed.has("b"), "half of it has run: {said}");
    let (code, said) = bed.said_to(&bed.url, &["repair", "--abandon", "1"]);
    assert!(code == Some(2) && said.contains("schemaward repair --abandon 'rollback of 001_a.sql'"), "{said}");
    bed.sql("rename table b to a");
    let (code, said) = bed.said_to(&bed.url, &["repair", "--abandon", "rollback of 001_a.sql"]);
    assert!(code == Some(0) && said.contains("the version stays applied"), "{said}");
    assert!(bed.said_to(&bed.url, &["repair"]).1.starts_with("No half-applied migrations"));
    assert_eq!(bed.run().applied(), 0);
}

#[rstest]
fn what_was_refused_is_not_listed_any_more_once_the_history_is_taken_over(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let file = "create table users (n int);\n";
    let Some(bed) = Bed::with(engine, &[("000001_users.up.sql", file)]) else { return };
    bed.sql(file);
    let (code, said) = bed.said_to(&bed.url, &["migrate"]);
    assert!(code == Some(1) && said.contains("already exists"), "{said}");
    let listed = bed.said_to(&bed.url, &["repair"]).1;
    assert!(listed.contains("000001_users.up.sql"), "{listed}");
    bed.sql("create table schema_migrations (version bigint not null primary key, dirty boolean not null)");
    bed.sql("insert into schema_migrations values (1, false)");
    assert_eq!(bed.said_to(&bed.url, &["adopt"]).0, Some(0));
    assert!(bed.said_to(&bed.url, &["repair"]).1.starts_with("No half-applied migrations"));
    let json = bed.said_to(&bed.url, &["repair", "--format", "json"]).1;
    assert!(json.contains("\"open\":[]") || json.contains("\"open\": []"), "{json}");
}
