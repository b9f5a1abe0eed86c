//! Files with transactions of their own, `BEGIN … COMMIT`.

use crate::sqlite::bed::Bed;

#[test]
fn a_dump_with_its_own_transaction_is_one_transaction() {
    let dump = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (n INT);\nINSERT INTO t VALUES(1);\n\
                INSERT INTO t VALUES(2);\nCOMMIT;\n";
    let bed = Bed::with(&[("001_dump.sql", &dump.replace("VALUES(2)", "VALUES(2, 3)"))]);
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("--> migrations/001_dump.sql:5:1"), "{said}");
    assert!(!bed.has("t"));
    bed.file("001_dump.sql", dump);
    bed.migrate();
    assert_eq!(bed.query("SELECT sum(n) FROM t"), "3");
}

/// As SQLite's page "ALTER TABLE" describes it in section 7, with foreign keys off and on around it.
#[test]
fn the_manual_s_way_to_rebuild_a_table_runs_as_it_is() {
    let rebuild = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE new_t (n INT NOT NULL);\n\
                   INSERT INTO new_t SELECT n FROM t;\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;\n\
                   PRAGMA foreign_key_check;\nCOMMIT;\nPRAGMA foreign_keys=ON;\n";
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (NULL);")]);
    bed.migrate();
    bed.file("002_rebuild.sql", rebuild);
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(code, Some(1), "{said}");
    // Nothing of the block stays.
    assert_eq!((bed.query("SELECT count(*) FROM t"), bed.has("new_t")), ("2".to_owned(), false));
    bed.query("DELETE FROM t WHERE n IS NULL");
    bed.migrate();
    assert_eq!(bed.query("SELECT sql FROM sqlite_master WHERE name = 't'"), "CREATE TABLE \"t\" (n INT NOT NULL)");
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 0\n002 migration 1");
}

#[test]
fn a_run_resumes_after_the_blocks_that_are_committed() {
    let file = "-- no-transaction\nBEGIN;\nCREATE TABLE t (id INTEGER PRIMARY KEY, n INT);\nINSERT INTO t (n) VALUES (7);\n\
                SAVEPOINT s;\nINSERT INTO t (n) VALUES (8);\nROLLBACK TO s;\nCOMMIT;\nCREATE TABLE u (n);\n\
                BEGIN IMMEDIATE;\nINSERT INTO t (n) VALUES (last_insert_rowid());\nINSERT INTO nowhere VALUES (1);\nEND;\nVACUUM;\n";
    let bed = Bed::with(&[("001_a.sql", file)]);
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("001_a.sql:12:1"), "{said}");
    assert_eq!(bed.query("SELECT group_concat(n) FROM t"), "7");
    let finished = "SELECT group_concat(statement) FROM schemaward_statement_journal WHERE state = 'finished'";
    assert_eq!(bed.query(finished), "1,2,3,4,5,6");
    bed.file("001_a.sql", &file.replace("INSERT INTO nowhere VALUES (1)", "UPDATE t SET n = n + 1"));
    bed.migrate();
    // What the rolled back INSERT made the connection's last row is what the client would see, too.
    assert_eq!(bed.query("SELECT group_concat(n) FROM t"), "8,3");
}
