//! Versions with several numbers, as Flyway has them: the parts that depend on the ledger's SQL.

use crate::sqlite::bed::Bed;

const FILES: &[(&str, &str)] = &[
    ("V4_100__e.sql", "CREATE TABLE e (n)"),
    ("U4_100__e.sql", "DROP TABLE e"),
    ("V4_99_1561608282__d.sql", "CREATE TABLE d (n)"),
    ("U4_99_1561608282__d.sql", "DROP TABLE d"),
    ("V2.7.1__c.sql", "CREATE TABLE c (n)"),
    ("U2.7.1__c.sql", "DROP TABLE c"),
    ("V2.7.0.1__b.sql", "CREATE TABLE b (n)"),
    ("V2_7_0__a.sql", "CREATE TABLE a (n)"),
];

#[test]
fn versions_of_several_numbers_are_applied_in_flyway_s_order_and_undone_in_reverse() {
    let bed = Bed::with(FILES);
    let current = || bed.query("SELECT version FROM schemaward_get_current_schema_version");
    assert_eq!(bed.said(&["migrate", "--target", "2.7.1.0"]).0, Some(0));
    assert_eq!(current(), "2.7.1");
    bed.migrate();
    let applied = bed.query("SELECT group_concat(version, ' ') FROM schemaward_schema_migrations");
    assert_eq!(applied, "2.7 2.7.0.1 2.7.1 4.99.1561608282 4.100");
    assert_eq!(current(), "4.100");
    let (code, said) = bed.said(&["status", "--check"]);
    assert!(code == Some(0) && said.contains("Version       4.100\n"), "{said}");
    assert_eq!(bed.said(&["rollback", "--to", "2.7.0.1", "--yes"]).0, Some(0));
    assert_eq!(current(), "2.7.0.1");
    assert!(bed.has("b") && !bed.has("c") && !bed.has("d") && !bed.has("e"));
    bed.migrate();
    assert_eq!(current(), "4.100");
}

#[test]
fn a_number_in_between_is_out_of_order_and_new_is_above_all() {
    let bed = Bed::with(FILES);
    bed.migrate();
    bed.file("V4_99_9__late.sql", "SELECT 1");
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("version 4.99.9 is not applied"), "{said}");
    bed.remove("V4_99_9__late.sql");
    assert!(bed.said(&["new", "add phone"]).1.ends_with("V4_101__add_phone.sql\n"));
    bed.file("V4_101__add_phone.sql", "SELECT 1");
    let (code, said) = bed.said(&["migrate", "--target", "4.98"]);
    assert!(code == Some(4) && said.contains("version 4.98 is lower than 4.100"), "{said}");
}

#[test]
fn flyway_s_history_of_such_versions_is_taken_over_and_the_next_file_is_applied() {
    let bed = Bed::with(FILES);
    bed.query(
        "CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), \
         description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT, \
         installed_by VARCHAR(100) NOT NULL, installed_on TEXT NOT NULL, execution_time INT NOT NULL, \
         success BOOLEAN NOT NULL); INSERT INTO flyway_schema_history VALUES \
         (1, '2.7.0', 'a', 'SQL', 'V2_7_0__a.sql', NULL, '', '', 1, 1), \
         (2, '2.7.0.1', 'b', 'SQL', 'V2.7.0.1__b.sql', NULL, '', '', 1, 1), \
         (3, '2.7.1', 'c', 'SQL', 'V2.7.1__c.sql', NULL, '', '', 1, 1), \
         (4, '4.99.1561608282', 'd', 'SQL', 'V4_99_1561608282__d.sql', NULL, '', '', 1, 1)",
    );
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(0) && said.contains("is at version 4.99.1561608282: 4 migrations recorded"), "{said}");
    bed.migrate();
    let rows = bed.query("SELECT group_concat(version || ' ' || kind) FROM schemaward_schema_migrations");
    assert_eq!(rows, "2.7 adopted,2.7.0.1 adopted,2.7.1 adopted,4.99.1561608282 adopted,4.100 migration");
}
