//! What a person settles by hand.

use crate::bed::Bed;

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
    assert!(bed.said(&["repair"]).1.contains("001_a.sql"), "what is begun is listed");
    bed.file("001_a.sql", &broken.replace("a (x)", "b (x)"));
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("statement 1 of version 001 has run already"), "{said}");
    bed.file("001_a.sql", &broken.replace("nowhere", "a"));
    bed.migrate();
    assert_eq!(bed.query("SELECT x FROM a"), "1");
    assert_eq!(bed.versions(), "001 migration 0\n001 migration 1");
}
