//! Versions with several numbers, as Flyway has them: the parts that depend on the ledger's SQL.

use rstest::rstest;
use schemaward::report::Reason;

use super::adopting::FLYWAY;
use super::bed::{Bed, Engine};

const FILES: &[(&str, &str)] = &[
    ("V4_100__e.sql", "create table e (n int)"),
    ("U4_100__e.sql", "drop table e"),
    ("V4_99_1561608282__d.sql", "create table d (n int)"),
    ("U4_99_1561608282__d.sql", "drop table d"),
    ("V2.7.1__c.sql", "create table c (n int)"),
    ("U2.7.1__c.sql", "drop table c"),
    ("V2.7.0.1__b.sql", "create table b (n int)"),
    ("V2_7_0__a.sql", "create table a (n int)"),
];

/// Turns a ledger into what layout 6 created.
const AS_LAYOUT_6: &str = "
alter table schemaward_schema_migrations drop key schema_migrations_in_force_once, drop column version_in_force,
    modify column in_force decimal(32, 0) generated always as (
        case when success and undone_by is null and kind in ('migration', 'baseline', 'adopted')
        then cast(version as decimal(32, 0)) end) stored;
update schemaward_ledger_identity set layout = 6;";

#[rstest]
fn versions_of_several_numbers_are_applied_in_flyway_s_order_and_undone_in_reverse(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, FILES) else { return };
    let current = || {
        let by_view = bed.sql("select version from schemaward_get_current_schema_version");
        assert_eq!(by_view, bed.sql("select schemaward_get_current_schema_version()"));
        by_view
    };
    assert_eq!(bed.run_with(&["--target", "2.7.1.0"]).applied(), 3);
    assert_eq!(current(), "2.7.1");
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.applied(), ["2.7", "2.7.0.1", "2.7.1", "4.99.1561608282", "4.100"]);
    assert_eq!(current(), "4.100");
    assert_eq!(bed.run().applied(), 0);
    let output = bed.command("rollback", &["--to", "2.7.0.1", "--yes"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(current(), "2.7.0.1");
    assert!(bed.has("b") && !bed.has("c") && !bed.has("d") && !bed.has("e"));
    assert_eq!(bed.run().applied(), 3);
}

#[rstest]
fn a_file_with_a_number_in_between_is_out_of_order_and_one_that_is_half_applied_is_resumed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, FILES) else { return };
    bed.run();
    bed.files(&[("V4_99_9__late.sql", "select 1")]);
    assert_eq!(bed.run().failure().reason, Reason::OutOfOrder);
    std::fs::remove_file(bed.folder().join("V4_99_9__late.sql")).unwrap();
    bed.files(&[("V4_100_1__f.sql", "create table f (n int);\ninsert into f values (nothing)")]);
    assert_eq!(bed.run().failure().code.as_deref(), Some("1054"));
    // The same version, written differently.
    std::fs::remove_file(bed.folder().join("V4_100_1__f.sql")).unwrap();
    bed.files(&[("V4.100.01__f.sql", "create table f (n int);\ninsert into f values (1)")]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select count(*) from schemaward_statement_journal where migration_id is null"), "0");
    // Accepting an edit changes only this version's row.
    bed.files(&[("V2.7.0.1__b.sql", "create table b (n bigint)")]);
    assert!(bed.command("repair", &["--accept", "2.7.0.1"]).status.success());
    assert_eq!(bed.run().applied(), 0);
}

#[rstest]
fn flyway_s_history_of_such_versions_is_taken_over_and_the_next_file_is_applied(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, FILES) else { return };
    bed.sql(&format!(
        "{FLYWAY} (1, '2.7', 'a', 'SQL', 'V2_7_0__a.sql', null, 'root', 1, 1), \
         (2, '2.7.0.1', 'b', 'SQL', 'V2.7.0.1__b.sql', null, 'root', 1, 1), \
         (3, '2.7.1', 'c', 'SQL', 'V2.7.1__c.sql', null, 'root', 1, 1), \
         (4, '4.99.1561608282', 'd', 'SQL', 'V4_99_1561608282__d.sql', null, 'root', 1, 1)"
    ));
    let output = bed.command("adopt", &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("is at version 4.99.1561608282: 4 migrations recorded"), "{said}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select schemaward_get_current_schema_version()"), "4.100");
}

#[rstest]
fn a_ledger_of_the_sixth_layout_is_read_rolled_back_and_upgraded(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let files =
        [("2_a.sql", "create table a (n int)"), ("3_b.sql", "create table b (n int);\n-- rollback:\n-- drop table b;")];
    let Some(bed) = Bed::with(engine, &files) else { return };
    assert_eq!(bed.run().applied(), 2);
    bed.sql(AS_LAYOUT_6);
    assert!(bed.command("status", &["--check"]).status.success());
    assert!(bed.command("rollback", &["--to", "2", "--dry-run"]).status.success());
    assert!(bed.command("rollback", &["--to", "2", "--yes"]).status.success());
    assert_eq!(bed.sql("select layout from schemaward_ledger_identity"), "7");
    assert!(!bed.has("b"));
    bed.sql(AS_LAYOUT_6);
    // Rounded to a whole number, 2.1 would be the 2 that is already applied.
    bed.files(&[("V2.1__c.sql", "create table c (n int)")]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.sql("select version from schemaward_get_current_schema_version"), "3");
    let error = bed.client().try_sql(
        "insert into schemaward_schema_migrations (version, filename, description, kind, checksum, token_checksum, \
         applied_at, execution_time_ms, success, statements_done, statements_total, run, fence, tool_version, applied_by) \
         values ('02.1', 'f', 'd', 'migration', 'c', 't', now(), 0, true, 0, 0, 'r', 1, 'v', 'u')",
    );
    assert!(error.is_err_and(|error| error.contains("schema_migrations_in_force_once")));
}
