//! What a person settles by hand.

use crate::sqlite::bed::Bed;

#[test]
fn an_edit_is_accepted_with_a_trace_of_what_was_before() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    let before = bed.query("SELECT checksum FROM schemaward_schema_migrations");
    bed.file("001_a.sql", "CREATE TABLE a (x, y);");
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains(&before[..16]), "{said}");
    assert_eq!(bed.said(&["verify"]).0, Some(4));
    let (code, said) = bed.said(&["repair", "--accept", "1"]);
    assert!(code == Some(0) && said.starts_with("001_a.sql is accepted as it is now"), "{said}");
    assert_eq!(bed.said(&["verify"]).0, Some(0));
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1", "nothing was run");
    let kept = "SELECT e.checksum_before, e.checksum = m.checksum, e.accepted_by <> '' FROM schemaward_accepted_edits e \
                JOIN schemaward_schema_migrations m ON m.id = e.migration_id";
    assert_eq!(bed.query(kept), format!("{before}|1|1"));
    let (code, said) = bed.said(&["repair", "--accept", "1"]);
    assert!(code == Some(2) && said.contains("as it was applied"), "{said}");
}

/// Such as of another folder that was pointed at the same database.
#[test]
fn another_file_of_an_applied_version_is_named_with_the_run_that_applied_it_and_not_accepted() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    bed.remove("001_a.sql");
    bed.file("001_orders.sql", "CREATE TABLE orders (x);");
    for command in ["migrate", "plan", "verify"] {
        let (code, said) = bed.said(&[command]);
        assert_eq!(code, Some(4), "{command}: {said}");
        assert!(said.contains("version 001 is applied already, as 001_a.sql, which is another file"), "{said}");
        assert!(!said.contains("--accept"), "{command}: {said}");
    }
    let run = bed.query("SELECT run FROM schemaward_schema_migrations");
    let (_, said) = bed.said(&["migrate"]);
    assert!(said.contains("001_a.sql was applied at 20") && said.contains(&run), "{said}");
    let (code, said) = bed.said(&["repair", "--accept", "1"]);
    assert!(code == Some(2) && said.contains("001_orders.sql is another file"), "{said}");
    // Under its earlier name it is an edit, which may be accepted.
    bed.remove("001_orders.sql");
    bed.file("001_a.sql", "CREATE TABLE orders (x);");
    assert_eq!(bed.said(&["repair", "--accept", "1"]).0, Some(0));
}

#[test]
fn an_edit_that_leaves_no_valid_file_is_reported_as_an_edit_and_not_accepted() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);"), ("002_b.sql", "CREATE TABLE b (x);")]);
    bed.migrate();
    let ledger = "SELECT group_concat(checksum) FROM schemaward_schema_migrations";
    let before = bed.query(ledger);
    bed.file("001_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES ('open);\n");
    let what = "001_a.sql:2: a string that begins here never ends; close it with '";
    for command in ["migrate", "plan", "status", "verify"] {
        let (code, said) = bed.said(&[command]);
        assert_eq!(code, Some(if command == "status" { 0 } else { 4 }), "{command}: {said}");
        assert!(said.contains("version 001 was changed after it was applied"), "{command}: {said}");
        assert!(said.contains(&format!("schemaward repair --accept 001, once it is valid, which it is not: {what}")));
    }
    let (code, said) = bed.said(&["repair", "--accept", "1"]);
    assert!(code == Some(4) && said.contains("never ends") && said.contains("001_a.sql:2:"), "{said}");
    assert!(said.contains("001_a.sql has to be valid before it can be accepted; nothing was changed"), "{said}");
    assert_eq!(bed.query(ledger), before);

    // Problems of other files are reported, but do not prevent the acceptance.
    bed.file("002_b.sql", "CREATE TABLE b (x, y);");
    bed.file("003_c.sql", "SELECT 'open");
    let (code, said) = bed.said(&["verify"]);
    assert!(code == Some(4) && said.starts_with("2 applied migrations: 3 problems."), "{said}");
    assert!(said.contains("003_c.sql") && said.matches("was changed after it was applied").count() == 2, "{said}");
    assert_eq!(bed.said(&["repair", "--accept", "2"]).0, Some(0));
    assert_ne!(bed.query(ledger), before);
}

#[test]
fn a_cosmetic_edit_is_warned_of() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    bed.file("001_a.sql", "-- why\nCREATE TABLE a  ( x ) ;");
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(0) && said.contains("001_a.sql"), "{said}");
}

#[test]
fn a_statement_that_has_run_may_not_change_and_the_others_may() {
    let broken = "-- schemaward: no-transaction\nCREATE TABLE a (x);\nINSERT INTO nowhere VALUES (1);\n";
    let bed = Bed::with(&[("001_a.sql", broken)]);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(1) && said.contains("001_a.sql:3:"), "{said}");
    assert!(bed.said(&["repair"]).1.contains("001_a.sql"), "what is half applied is listed");
    bed.file("001_a.sql", &broken.replace("a (x)", "b (x)"));
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("statement 1 of version 001 has run already"), "{said}");
    bed.file("001_a.sql", &broken.replace("nowhere", "a"));
    bed.migrate();
    assert_eq!(bed.query("SELECT x FROM a"), "1");
    assert_eq!(bed.versions(), "001 migration 0\n001 migration 1");
}

const HALF: &str =
    "-- schemaward: no-transaction\nCREATE TABLE a (x);\nCREATE TABLE b (x);\nINSERT INTO nowhere VALUES (1);\n";

#[test]
fn a_half_applied_file_is_abandoned_once_it_is_undone_by_hand() {
    let bed = Bed::with(&[("001_a.sql", HALF)]);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(1) && said.contains("schemaward repair --abandon 001_a.sql"), "{said}");
    // Only the ledger is needed, not even the file.
    bed.remove("001_a.sql");
    bed.file("002_b.sql", "CREATE TABLE c (x);");
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("schemaward repair --abandon 001_a.sql"), "{said}");
    bed.query("DROP TABLE a");
    bed.query("DROP TABLE b");
    let (code, said) = bed.said(&["repair", "--abandon", "1"]);
    assert!(code == Some(0) && said.starts_with("001_a.sql is abandoned: 2 of its statements"), "{said}");
    assert!(bed.said(&["repair"]).1.starts_with("No half-applied migrations"));
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 0\n001 migration 0\n002 migration 1");
    let recorded = bed.query(
        "SELECT error_message, applied_by <> '', run LIKE 'repair-%' FROM schemaward_schema_migrations WHERE id = 2",
    );
    assert!(recorded.starts_with("abandoned by schemaward repair") && recorded.ends_with("|1|1"), "{recorded}");
    for (name, why) in
        [("1", "1 is not half applied"), ("2", "version 2 is applied"), ("R__x.sql", "R__x.sql is not half applied")]
    {
        let (code, said) = bed.said(&["repair", "--abandon", name]);
        assert!(code == Some(2) && said.contains(why), "{said}");
    }
    bed.file("001_a.sql", "CREATE TABLE a (x);");
    assert_eq!(bed.said(&["migrate"]).0, Some(4), "an older version than what is applied");
    assert_eq!(bed.said(&["migrate", "--out-of-order", "apply"]).0, Some(0));
}

#[test]
fn a_repeatable_file_is_abandoned_by_its_name() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE t (x);"), ("R__a.sql", HALF)]);
    assert_eq!(bed.said(&["migrate"]).0, Some(1));
    bed.query("DROP TABLE a");
    bed.query("DROP TABLE b");
    let (code, said) = bed.said(&["repair", "--abandon", "R__a.sql"]);
    assert!(code == Some(0) && said.contains("R__a.sql is abandoned"), "{said}");
    bed.file("R__a.sql", &HALF.replace("INSERT INTO nowhere VALUES (1)", "SELECT 1"));
    bed.migrate();
    assert!(bed.has("a") && bed.has("b"));
}

#[test]
fn a_temporary_table_that_is_still_needed_stops_the_run_and_is_warned_of() {
    let file = |middle: &str| {
        format!(
            "-- schemaward: no-transaction\nCREATE TEMP TABLE k AS SELECT 1 AS id;\n{middle};\nCREATE TABLE t AS SELECT id FROM k;\n"
        )
    };
    let bed = Bed::with(&[("001_a.sql", &file("SELECT * FROM nowhere"))]);
    let (_, said) = bed.said(&["plan"]);
    assert!(said.contains("001_a.sql:2: the temporary table k"), "{said}");
    assert_eq!(bed.said(&["migrate"]).0, Some(1));
    bed.file("001_a.sql", &file("SELECT 1"));
    let (code, said) = bed.said(&["migrate"]);
    assert!(
        code == Some(4) && said.contains("statement 1 (line 2)") && said.contains("statement 3 (line 4)"),
        "{said}"
    );
    assert!(said.contains("repair --abandon 001") && !bed.has("t"), "{said}");
}
