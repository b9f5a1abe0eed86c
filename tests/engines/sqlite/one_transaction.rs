//! `migrate --transaction all`: all pending files and their rows, or nothing of them.

use rstest::rstest;

use crate::sqlite::bed::Bed;

const ALL: &[&str] = &["migrate", "--transaction", "all"];

#[test]
fn all_files_are_one_transaction_with_their_rows() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x);"),
        ("002_b.sql", "INSERT INTO a VALUES (1);\nPRAGMA user_version = 7;"),
        ("003_c.sql", "CREATE TEMP TABLE last (x);"),
    ]);
    let (code, said) = bed.said(ALL);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1\n003 migration 1");
    assert_eq!(bed.query("SELECT x FROM a"), "1");
    assert_eq!(bed.query("PRAGMA user_version"), "7");
    assert_eq!(bed.said(ALL).0, Some(0));
}

#[rstest]
#[case::by_an_error("INSERT INTO nowhere VALUES (1);", Some("003_c.sql:1:1"))]
#[case::by_a_deferred_key("INSERT INTO child VALUES (1);", None)]
fn an_error_undoes_all_and_names_its_file(#[case] sql: &str, #[case] place: Option<&str>) {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x);"),
        ("002_b.sql", "CREATE TABLE child (x CHECK (x > 1));"),
        ("003_c.sql", sql),
        ("004_d.sql", "CREATE TABLE d (x);"),
    ]);
    let (code, said) = bed.said(ALL);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(place.unwrap_or("003_c.sql")), "{said}");
    assert!(said.contains("4 files were one transaction: none of them is applied"), "{said}");
    assert!(!bed.has("a"));
    assert_eq!(bed.versions(), "003 migration 0");
    bed.file("003_c.sql", "INSERT INTO child VALUES (2);");
    assert_eq!(bed.said(ALL).0, Some(0));
}

#[rstest]
#[case::not_a_transaction("VACUUM;", "each of its statements is committed separately")]
#[case::a_setting("PRAGMA recursive_triggers = ON;", "a PRAGMA would reach into the next file")]
#[case::something_temporary("CREATE TEMP TABLE x (a);", "a temporary object would reach into the next file")]
fn what_cannot_take_part_is_refused_before_anything_runs(#[case] sql: &str, #[case] why: &str) {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);"), ("002_b.sql", sql), ("003_c.sql", "SELECT 1;")]);
    let (code, said) = bed.said(ALL);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("002_b.sql") && said.contains(why), "{said}");
    assert!(!bed.has("a"));
    assert_eq!(bed.said(&["migrate"]).0, Some(0));
}
