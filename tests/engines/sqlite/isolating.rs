//! What a file does to its connection is gone when the next one runs, and what it may rely on is there.

use crate::sqlite::bed::Bed;

#[test]
fn settings_and_temporary_tables_do_not_leak_into_the_next_file() {
    let bed = Bed::with(&[
        ("001_a.sql", "-- schemaward: no-transaction\nPRAGMA foreign_keys = ON;\nCREATE TEMP TABLE t (x);"),
        (
            "002_b.sql",
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p);\nINSERT INTO c VALUES (7);\n\
             CREATE TABLE found AS SELECT count(*) AS n FROM sqlite_temp_master;",
        ),
    ]);
    bed.migrate();
    assert_eq!(bed.query("SELECT n FROM found"), "0");
}

/// Connection state that the next file must not find.
const STATE: &str = "(SELECT group_concat(name) FROM pragma_database_list) || '|' || (SELECT count(*) FROM \
                     sqlite_temp_master) || '|' || (SELECT foreign_keys FROM pragma_foreign_keys) || '|' || \
                     (SELECT recursive_triggers FROM pragma_recursive_triggers) || '|' || (SELECT defer_foreign_keys \
                     FROM pragma_defer_foreign_keys) || '|' || (SELECT ignore_check_constraints FROM \
                     pragma_ignore_check_constraints) || '|' || ('a' LIKE 'A') || '|' || (SELECT temp_store FROM \
                     pragma_temp_store) || '|' || (SELECT writable_schema FROM pragma_writable_schema)";

#[test]
fn whatever_way_a_file_changes_its_connection_the_next_one_does_not_see_it() {
    let leaks = [
        "PRAGMA recursive_triggers = ON; PRAGMA case_sensitive_like = ON; PRAGMA defer_foreign_keys = ON;",
        "PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON;",
        "PRAGMA foreign_keys = ON;",
        "-- schemaward: no-transaction\nPRAGMA temp_store = 2; PRAGMA foreign_keys = ON; SELECT 1;",
        "-- schemaward: no-transaction\nATTACH 'other.db' AS o; CREATE TABLE o.t (x); INSERT INTO o.t VALUES (1);",
        "CREATE TEMP TABLE leftover (x); CREATE TEMP VIEW v AS SELECT 1;",
        "CREATE /* one of the connection's */ TEMPORARY TABLE leftover (x);",
        "-- schemaward: no-transaction\nINSERT INTO seen VALUES (-1, '');",
        "SAVEPOINT s; INSERT INTO seen VALUES (-2, '');",
    ];
    let bed = Bed::with(&[("000_seen.sql", "CREATE TABLE seen (n, state);")]);
    bed.file("001_state.sql", &format!("INSERT INTO seen SELECT 0, {STATE};"));
    for (n, leak) in (1..).zip(leaks) {
        bed.file(&format!("{:03}_leak.sql", 2 * n), leak);
        bed.file(&format!("{:03}_state.sql", 2 * n + 1), &format!("INSERT INTO seen SELECT {n}, {STATE};"));
    }
    bed.migrate();
    let clean = bed.query("SELECT state FROM seen WHERE n = 0");
    assert!(clean.starts_with("main") && clean.contains("|0|0|0|0|1|0|0"), "{clean}");
    assert_eq!(bed.query(&format!("SELECT n, state FROM seen WHERE n >= 0 AND state <> '{clean}'")), "");
    assert_eq!(bed.query("SELECT count(*) FROM seen WHERE n >= 0"), (leaks.len() + 1).to_string());
    assert!(bed.folder().join("other.db").exists(), "what is attached is made, as in the shell");
}

#[test]
fn a_file_that_shadows_the_ledger_is_recorded() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "CREATE TEMP TABLE schemaward_schema_migrations (x);\nCREATE TEMP TABLE schemaward_migration_locks (x);",
    )]);
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1");
}

#[test]
fn what_was_inserted_last_is_the_file_s_own_row_and_stays_so_after_an_interruption() {
    let bed = Bed::with(&[
        ("001_t.sql", "CREATE TABLE p (id INTEGER PRIMARY KEY, n);\nCREATE TABLE c (p, n);"),
        (
            "002_rows.sql",
            "-- schemaward: no-transaction\nINSERT INTO p VALUES (40, 'a');\nINSERT INTO c VALUES (last_insert_rowid(), 1);\n\
             INSERT INTO p VALUES (50, 'b');\nSELECT * FROM nowhere;\n\
             INSERT INTO c VALUES (last_insert_rowid(), 2);\n",
        ),
    ]);
    assert_eq!(bed.said(&["migrate"]).0, Some(1));
    bed.file(
        "002_rows.sql",
        "-- schemaward: no-transaction\nINSERT INTO p VALUES (40, 'a');\nINSERT INTO c VALUES (last_insert_rowid(), 1);\n\
         INSERT INTO p VALUES (50, 'b');\nINSERT INTO c VALUES (last_insert_rowid(), 2);\n",
    );
    bed.migrate();
    assert_eq!(bed.query("SELECT p, n FROM c"), "40|1\n50|2");
}
