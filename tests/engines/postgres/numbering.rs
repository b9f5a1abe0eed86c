//! Versions with several numbers, as Flyway has them: the parts that depend on the ledger's SQL.

use schemaward::report::Reason;

use crate::postgres::bed::Bed;

const FILES: &[(&str, &str)] = &[
    ("V4_100__e.sql", "create table e (n int)"),
    ("U4_100__e.sql", "drop table e"),
    ("V4_99_1561608282__d.sql", "-- schemaward: no-transaction\ncreate table d (n int);\ncreate index on d (n)"),
    ("U4_99_1561608282__d.sql", "-- schemaward: no-transaction\ndrop index d_n_idx;\ndrop table d"),
    ("V2.7.1__c.sql", "create table c (n int)"),
    ("U2.7.1__c.sql", "drop table c"),
    ("V2.7.0.1__b.sql", "create table b (n int)"),
    ("V2_7_0__a.sql", "create table a (n int)"),
];

#[test]
fn versions_of_several_numbers_are_applied_in_flyway_s_order_and_undone_in_reverse() {
    let bed = Bed::with(FILES);
    let current = || bed.psql("select schemaward.get_current_schema_version()");
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

#[test]
fn a_file_with_a_number_in_between_is_out_of_order_and_one_that_is_half_applied_is_resumed() {
    let broken = "-- schemaward: no-transaction\ncreate table f (n int);\ncreate index concurrently f_n on f (nothing)";
    let bed = Bed::with(FILES);
    bed.run();
    bed.file("V4_99_9__late.sql", b"select 1");
    assert_eq!(bed.run().failure().reason, Reason::OutOfOrder);
    bed.remove("V4_99_9__late.sql");
    bed.file("V4_100_1__f.sql", broken.as_bytes());
    assert_eq!(bed.run().failure().code.as_deref(), Some("42703"));
    // The same version, written differently.
    bed.remove("V4_100_1__f.sql");
    bed.file("V4.100.01__f.sql", broken.replace("nothing", "n").as_bytes());
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select count(*) from schemaward.statement_journal where migration_id is null"), "0");
}

#[test]
fn the_ledger_takes_a_version_in_force_only_once_and_nothing_that_is_no_version() {
    let bed = Bed::with(FILES);
    bed.run();
    let told = |version: &str| {
        let insert = format!(
            "insert into schemaward.schema_migrations (version, filename, description, kind, checksum, token_checksum, \
             execution_time_ms, success, statements_done, statements_total, run, fence, tool_version) \
             values ('{version}', 'f', 'd', 'migration', 'c', 't', 0, true, 0, 0, 'r', 1, 'v')"
        );
        bed.server.psql_try(&bed.database, &insert).err().unwrap_or_default()
    };
    assert!(told("02.7.1").contains("schema_migrations_applied_once"));
    for wrong in ["", ".", "2.", ".2", "2..7", "2_7", "V2", &"1".repeat(33)] {
        assert!(told(wrong).contains("migration_version_has_parts"), "{wrong}");
    }
    assert_eq!(told("2.8"), "");
}

#[test]
fn flyway_s_history_of_such_versions_is_taken_over_and_the_next_file_is_applied() {
    let bed = Bed::with(FILES);
    bed.psql(
        "create table flyway_schema_history (installed_rank integer primary key, version varchar(50), description \
         varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum integer, \
         installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time integer not \
         null, success boolean not null); insert into flyway_schema_history values \
         (1, '2.7', 'before', 'BASELINE', '<< Flyway Baseline >>', null, 'p', now(), 0, true), \
         (2, '2.7.0.1', 'b', 'SQL', 'V2.7.0.1__b.sql', null, 'p', now(), 1, true), \
         (3, '2.7.1', 'c', 'SQL', 'V2.7.1__c.sql', null, 'p', now(), 1, true), \
         (4, '4.99.1561608282', 'd', 'SQL', 'V4_99_1561608282__d.sql', null, 'p', now(), 1, true)",
    );
    let output = bed.command("adopt", &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("is at version 4.99.1561608282: 4 migrations recorded"), "{said}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select schemaward.get_current_schema_version()"), "4.100");
}
