//! Rollbacks, from the SQL in the ledger.

use crate::sqlite::bed::{Bed, text};

#[test]
fn a_rollback_comes_from_the_ledger_and_the_version_can_be_applied_again() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x);"),
        ("002_b.sql", "CREATE TABLE b (x);\n-- rollback:\n-- DROP TABLE b;"),
    ]);
    bed.migrate();
    bed.remove("002_b.sql");
    let output = bed.run(&["rollback", "--to", "001", "--yes"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'b'"), "0");
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1\n002 rollback 1");
    bed.file("002_b.sql", "CREATE TABLE b (x);");
    bed.migrate();
    assert_eq!(bed.query("SELECT version FROM schemaward_get_current_schema_version"), "002");
}

#[test]
fn versions_are_undone_in_reverse_order_and_both_attempts_are_kept() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (n);\n-- rollback:\n-- DROP TABLE a;\n"),
        ("002_b.sql", "INSERT INTO a VALUES (2);\n-- rollback:\n-- INSERT INTO a VALUES (-2);\n"),
        (
            "003_c.sql",
            "-- schemaward: no-transaction\nINSERT INTO a VALUES (3);\nVACUUM;\n-- rollback:\n\
             -- -- schemaward: no-transaction\n-- VACUUM;\n-- INSERT INTO a VALUES (-3);\n-- VACUUM;\n",
        ),
    ]);
    bed.migrate();
    let (code, said) = bed.said(&["rollback", "--to", "1", "--dry-run"]);
    assert!(code == Some(0) && said.contains("INSERT INTO a VALUES (-3);"), "{said}");
    assert_eq!(bed.said(&["rollback", "--to", "1", "--yes"]).0, Some(0));
    assert_eq!(bed.query("SELECT n FROM a ORDER BY rowid"), "2\n3\n-3\n-2");
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(0));
    assert_eq!(
        bed.query("SELECT version, kind, undone_at IS NOT NULL FROM schemaward_get_migration_history"),
        "001|migration|1\n002|migration|1\n003|migration|1\n003|rollback|0\n002|rollback|0\n001|rollback|0"
    );
    assert_eq!(bed.query("SELECT version FROM schemaward_get_current_schema_version"), "");
    bed.migrate();
    assert_eq!(bed.query("SELECT n FROM a"), "2\n3");
}

#[test]
fn a_version_without_a_rollback_is_refused_before_anything_runs() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x);\n-- rollback: DROP TABLE a;"),
        ("002_b.sql", "CREATE TABLE b (x);"),
        ("003_c.sql", "CREATE TABLE c (x);\n-- rollback: DROP TABLE c;"),
    ]);
    bed.migrate();
    let (code, said) = bed.said(&["rollback", "--to", "empty", "--yes"]);
    assert!(code == Some(4) && said.contains("no rollback was stored for 002 (002_b.sql)"), "{said}");
    assert!(bed.has("c"), "nothing was undone");
    assert_eq!(bed.said(&["rollback", "--to", "2", "--yes"]).0, Some(0));
    assert!(!bed.has("c"));
}

#[test]
fn a_rollback_that_fails_leaves_nothing_but_its_attempt_and_the_next_one_continues() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x UNIQUE);\n-- rollback: DROP TABLE a;"),
        ("002_b.sql", "SELECT 1;\n-- rollback:\n-- DELETE FROM a;\n-- INSERT INTO a SELECT x FROM other;"),
    ]);
    bed.migrate();
    bed.query("INSERT INTO a VALUES (7)");
    let (code, said) = bed.said(&["rollback", "--to", "1", "--yes"]);
    assert!(code == Some(1) && said.contains("rollback of 002_b.sql:2:1"), "{said}");
    assert_eq!(bed.query("SELECT x FROM a"), "7");
    assert!(bed.versions().ends_with("002 rollback 0"), "{}", bed.versions());
    bed.query("CREATE TABLE other (x)");
    assert_eq!(bed.said(&["rollback", "--to", "1", "--yes"]).0, Some(0));
    assert_eq!(bed.query("SELECT count(*) FROM a"), "0");
}

#[test]
fn a_rollback_that_is_wrong_in_its_middle_is_finished_by_hand() {
    let wrong =
        "CREATE TABLE b (x);\n-- rollback:\n-- -- schemaward: no-transaction\n-- DROP TABLE b;\n-- DROP TABLE wrong;";
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);"), ("002_b.sql", wrong)]);
    bed.migrate();
    assert_eq!(bed.said(&["rollback", "--to", "1", "--yes"]).0, Some(1));
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("the rollback of version 002 is half done"), "{said}");
    let second = ["repair", "--version", "2", "--statement", "2", "--as"];
    assert_eq!(bed.said(&[&second[..], &["not-done"]].concat()).0, Some(2), "it is known to be so");
    let (code, said) = bed.said(&[&second[..], &["done"]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bed.said(&["rollback", "--to", "1", "--yes"]).0, Some(0));
    assert!(bed.versions().ends_with("002 rollback 1"), "{}", bed.versions());
}

/// Stored SQL cannot be corrected, so it must not prevent the rollback of older versions.
#[test]
fn a_version_that_was_undone_by_hand_is_recorded_as_that() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x);\n-- rollback: DROP TABLE a;"),
        ("002_b.sql", "CREATE TABLE b (x);\n-- rollback: DROP TABLE wrong;"),
        ("003_c.sql", "CREATE TABLE c (x);\n-- rollback: DROP TABLE c;"),
    ]);
    let (code, said) = bed.said(&["repair", "--undone", "2"]);
    assert!(code == Some(2) && said.contains("version 2 is not applied"), "{said}");
    bed.migrate();
    let (code, said) = bed.said(&["repair", "--undone", "2"]);
    assert!(code == Some(2) && said.contains("version 003 was applied after version 002"), "{said}");
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(1));
    bed.query("DROP TABLE b");
    let (code, said) = bed.said(&["repair", "--undone", "2"]);
    assert!(code == Some(0) && said.contains("002_b.sql is recorded as rolled back"), "{said}");
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(0));
    assert!(!bed.has("a"));
    bed.migrate();
    assert!(bed.has("a") && bed.has("b") && bed.has("c"), "all are applied again");
}

#[test]
fn a_rollback_that_could_never_run_is_refused_with_its_file() {
    for sql in ["-- rollback:\n-- DROP TABLE a;\n-- .read undo.sql", "-- rollback: DELETE FROM a WHERE x = 'open"] {
        let bed = Bed::with(&[("001_a.sql", &format!("CREATE TABLE a (x);\n{sql}\n"))]);
        for command in ["plan", "migrate"] {
            let (code, said) = bed.said(&[command]);
            assert!(code == Some(4) && said.contains(" --> migrations/001_a.sql:"), "{said}");
        }
        assert!(!bed.database().exists());
    }
    let bed = Bed::with(&[("001_a.up.sql", "CREATE TABLE a (x);"), ("001_a.down.sql", "DROP TABLE a;\n/* why")]);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains(" --> migrations/001_a.down.sql:2:1"), "{said}");
}

/// Whatever happens to the version later.
#[test]
fn a_failure_that_was_settled_stays_settled() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABEL a (x);\n-- rollback: DROP TABLE b;")]);
    let last_failure = || {
        let (_, said) = bed.said(&["status"]);
        said.lines().find(|line| line.starts_with("Last failure")).unwrap_or_default().to_owned()
    };
    assert_eq!(bed.said(&["migrate"]).0, Some(1));
    assert!(last_failure().ends_with("syntax error"), "{}", last_failure());
    bed.file("001_a.sql", "CREATE TABLE a (x);\n-- rollback: DROP TABLE b;");
    bed.migrate();
    assert!(last_failure().ends_with("; applied since"), "{}", last_failure());
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(1));
    assert!(last_failure().ends_with("no such table: b"), "{}", last_failure());
    bed.query("CREATE TABLE b (x)");
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(0));
    bed.query("DROP TABLE a");
    bed.migrate();
    assert!(last_failure().ends_with("; rolled back since"), "{}", last_failure());

    bed.file("R__v.sql", "CREATE VIEW v AS SELECT * FORM a;");
    assert_eq!(bed.said(&["migrate"]).0, Some(1));
    assert!(last_failure().contains("R__v.sql") && !last_failure().contains("since"), "{}", last_failure());
    bed.file("R__v.sql", "CREATE VIEW v AS SELECT * FROM a;");
    bed.migrate();
    assert!(last_failure().ends_with("; applied since"), "{}", last_failure());
}
