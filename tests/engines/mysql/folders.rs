//! Migrations with their own folders, as diesel and Prisma keep them, on MySQL and MariaDB.

use rstest::rstest;

use super::bed::{Bed, Engine};

const DIESEL: &[(&str, &str)] = &[
    ("2024-03-06-170000_users/up.sql", "create table users (x int)"),
    ("2024-03-13_170000_cascade/up.sql", "drop table users;\ncreate table users (x int, y int)"),
    ("2024-03-13_170000_cascade/down.sql", "alter table users drop column y"),
    ("2026-01-20-162913-0000_last/up.sql", "create table last (x int)"),
    ("2026-01-20-162913-0000_last/down.sql", "drop table last"),
];

#[rstest]
fn one_folder_of_diesel_s_serves_a_new_database_and_one_that_diesel_has_migrated(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, DIESEL) else { return };
    assert_eq!(bed.run().applied(), 3);
    assert_eq!(bed.applied(), ["20240306170000", "20240313000000", "20260120162913.1"]);
    assert!(bed.command("rollback", &["--to", "20240306170000", "--yes"]).status.success());
    assert!(!bed.has("last") && bed.has("users"));
    let adopted = Bed::with(engine, DIESEL).unwrap();
    adopted.sql(
        "create table __diesel_schema_migrations (version varchar(50) primary key not null, run_on timestamp not null \
         default current_timestamp); insert into __diesel_schema_migrations (version) values ('20240306170000'), \
         ('20240313'); create table users (x int, y int)",
    );
    assert!(adopted.command("adopt", &[]).status.success());
    assert_eq!(adopted.run().applied(), 1);
    assert_eq!(adopted.sql("select schemaward_get_current_schema_version()"), "20260120162913.1");
}

#[rstest]
fn a_history_of_prisma_s_is_taken_over_by_its_names(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let files = [
        ("20240528214728_b_01/migration.sql", "create table b1 (x int)"),
        ("20240528214728_b_02/migration.sql", "create table b2 (x int)"),
    ];
    let Some(bed) = Bed::with(engine, &files) else { return };
    bed.sql(
        "create table _prisma_migrations (id varchar(36) primary key not null, checksum varchar(64) not null, \
         finished_at datetime(3), migration_name varchar(255) not null, logs text, rolled_back_at datetime(3), \
         started_at datetime(3) not null default current_timestamp(3), applied_steps_count integer unsigned not null \
         default 0); insert into _prisma_migrations (id, checksum, finished_at, migration_name) values \
         ('1', sha2('create table b1 (x int)', 256), now(), '20240528214728_b_01'); create table b1 (x int)",
    );
    let output = bed.command("adopt", &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Checked: 1 of these files"), "{said}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.applied(), ["20240528214728", "20240528214728.1"]);
}
