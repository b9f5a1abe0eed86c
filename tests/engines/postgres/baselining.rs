//! Baselines: a database that is older than its history.

use std::process::Output;

use schemaward::report::ErrorClass;

use crate::postgres::bed::Bed;

const FILES: &[(&str, &str)] = &[
    ("001_a.sql", "create table a (n int);\n-- rollback: drop table a;"),
    ("002_b.sql", "create table b (n int);\n-- rollback: drop table b;"),
    ("003_c.sql", "create table c (n int);\n-- rollback: drop table c;"),
];

/// What the first two files create exists, created by someone unknown.
fn bed() -> Bed<'static> {
    let bed = Bed::with(FILES);
    bed.psql("create table a (n int); create table b (n int)");
    bed
}

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_baseline_runs_nothing_and_what_is_newer_is_applied_and_undone_down_to_it() {
    let bed = bed();
    let ended = bed.run();
    assert_eq!(ended.failure().class, ErrorClass::AlreadyExists);
    assert!(ended.failure().hint.as_ref().unwrap().contains("schemaward baseline --version"), "{:?}", ended.failure());

    let (code, out, err) = text(&bed.command("baseline", &["--version", "2", "--dry-run"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("Would record 2 migrations up to version 002"), "{out}");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations where success"), "0");

    let (code, out, err) = text(&bed.command("baseline", &["--version", "2", "--format", "json"]));
    assert_eq!(code, Some(0), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["version"], json["migrations"].as_array().unwrap().len()), (&"002".into(), 2));
    assert_eq!(
        bed.psql(
            "select version, kind, length(checksum), statements_done, statements_total, rollback_sql is null, fence > 0 \
             from schemaward.schema_migrations where success order by id"
        ),
        "001|baseline|64|0|1|t|t\n002|baseline|64|0|1|t|t"
    );
    assert!(!bed.has("c"));
    let ended = bed.run();
    assert_eq!((ended.applied(), ended.summary.current_version.as_deref()), (1, Some("003")));

    let (code, _, err) = text(&bed.command("rollback", &["--to", "1", "--yes"]));
    assert_eq!(code, Some(4));
    assert!(err.contains("version 002 is the baseline"), "{err}");
    assert_eq!(text(&bed.command("rollback", &["--to", "2", "--yes"])).0, Some(0));
    assert!(!bed.has("c") && bed.has("b"));
}

#[test]
fn an_edit_of_a_file_of_the_baseline_is_reported() {
    let bed = bed();
    assert_eq!(text(&bed.command("baseline", &["--version", "2"])).0, Some(0));
    bed.file("001_a.sql", b"create table a (n bigint)");
    let (code, _, err) = text(&bed.command("verify", &[]));
    assert_eq!(code, Some(4));
    assert!(err.contains("version 001 was changed"), "{err}");
}

#[test]
fn a_baseline_is_refused_where_the_ledger_is_in_use_or_the_folder_has_no_such_version() {
    let bed = Bed::with(FILES);
    let (code, _, err) = text(&bed.command("baseline", &["--version", "4"]));
    assert_eq!(code, Some(4));
    assert!(err.contains("4 is not in the source"), "{err}");
    assert!(!bed.has("schemaward.schema_migrations"), "nothing is written");
    assert_eq!(bed.run_with(&["--target", "1"]).applied(), 1);
    let (code, _, err) = text(&bed.command("baseline", &["--version", "2"]));
    assert_eq!(code, Some(4));
    assert!(err.contains("ledger is not empty"), "{err}");
    assert_eq!(bed.applied(), ["001"]);
}

#[test]
fn files_out_of_order_are_refused_unless_they_are_asked_for() {
    let bed = Bed::with(&[FILES[0], FILES[2], ("002_b.sql", "select 1")]);
    bed.psql("create table late (n int)");
    assert_eq!(bed.run().applied(), 3);
    // As in a folder of time stamps, which has no gaps.
    let bed = Bed::with(&[("20260101_a.sql", FILES[0].1), ("20260301_c.sql", FILES[2].1)]);
    assert_eq!(bed.run().applied(), 2);
    bed.file("20260201_b.sql", FILES[1].1.as_bytes());
    let ended = bed.run();
    assert!(ended.failure().message.contains("--out-of-order apply"), "{:?}", ended.failure());
    assert_eq!(text(&bed.command("status", &["--check"])).0, Some(4));
    assert_eq!(text(&bed.command("status", &["--check", "--out-of-order", "apply"])).0, Some(3));
    let ended = bed.run_with(&["--out-of-order", "apply"]);
    assert_eq!((ended.applied(), ended.summary.current_version.as_deref()), (1, Some("20260301")));
    assert_eq!(bed.run().applied(), 0, "what is applied is in order, whenever it was");
    // The file that was applied last is rolled back first.
    let (_, out, _) = text(&bed.command("rollback", &["--to", "20260101", "--yes"]));
    assert!(out.find("rollback of 20260201_b.sql") < out.find("rollback of 20260301_c.sql"), "{out}");
}
