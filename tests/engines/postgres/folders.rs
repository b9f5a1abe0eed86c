//! Migrations with their own folders, as diesel and Prisma keep them, on PostgreSQL.

use crate::postgres::bed::Bed;

#[test]
fn diesel_s_metadata_let_a_file_run_statement_by_statement() {
    let bed = Bed::with(&[
        ("00000000000000_diesel_initial_setup/up.sql", "create function f() returns int language sql as 'select 1'"),
        ("2024-02-12-120203_t/up.sql", "create table t (a int)"),
        ("2024-02-12-120203_t/down.sql", "drop table t"),
        ("2024-03-05-120032_i/up.sql", "create index concurrently i on t (a);\ncreate table u (a int)"),
        ("2024-03-05-120032_i/metadata.toml", "run_in_transaction = false\n"),
        // Could not run in diesel either.
        ("2024-03-05-120032_i/down.sql", "drop table u;\ndrop index concurrently i"),
    ]);
    let ended = bed.run();
    assert_eq!(ended.applied(), 3);
    let warning = "2024-03-05-120032_i/down.sql:2: DROP INDEX CONCURRENTLY cannot run inside a transaction";
    assert!(ended.stdout.contains(warning), "{}", ended.stdout);
    assert_eq!(bed.applied(), ["00000000000000", "20240212120203", "20240305120032"]);
    assert_eq!(bed.psql("select count(*) from schemaward.statement_journal where version = '20240305120032'"), "2");
    assert_eq!(bed.run().applied(), 0);
}

#[test]
fn a_history_of_prisma_s_is_taken_over_by_its_names() {
    let bed = Bed::with(&[
        ("20240126184148_a copy/migration.sql", "create table a (x int)"),
        ("20240528214728_b_01/migration.sql", "create table b1 (x int)"),
        ("20240528214728_b_02/migration.sql", "create table b2 (x int)"),
    ]);
    bed.psql(
        "create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, \
         migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz not null \
         default now(), applied_steps_count integer not null default 0); create table a (x int); create table b1 (x int); \
         insert into _prisma_migrations values \
         ('1', encode(sha256('create table a (x int)'), 'hex'), now(), '20240126184148_a copy', null, null, now(), 1), \
         ('2', 'wrong', null, '20240528214728_b_01', 'it failed', now(), now(), 0), \
         ('3', encode(sha256('create table b1 (x int)'), 'hex'), now(), '20240528214728_b_01', null, null, now(), 1)",
    );
    let output = bed.command("adopt", &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("2 migrations recorded") && said.contains("Checked: 2 of these files"), "{said}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.applied(), ["20240126184148", "20240528214728", "20240528214728.1"]);
    // One that has not ended is Prisma's to settle.
    let other = Bed::with(&[("20240126184148_a/migration.sql", "create table a (x int)")]);
    other.psql(
        "create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, \
         migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz not null \
         default now(), applied_steps_count integer not null default 0); \
         insert into _prisma_migrations values ('1', 'x', null, '20240126184148_a', 'it failed', null, now(), 0)",
    );
    let output = other.command("adopt", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(4) && said.contains("prisma migrate resolve"), "{said}");
}
