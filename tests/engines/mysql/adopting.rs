//! Other tools' histories, in tables as the tools' latest versions create them on these servers; `testbed/histories`
//! recreates them with the tools. Atlas' table follows its source: its command line is in no registry.

use std::process::Output;

use rstest::rstest;

use super::bed::{Bed, Engine};
use crate::postgres::adopting::{COUNTED, CUSTOMERS, ORDERS, STAMPED};

pub const FLYWAY: &str = "create table flyway_schema_history (installed_rank int not null, version varchar(50) default null, \
    description varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int default null, \
    installed_by varchar(100) not null, installed_on timestamp not null default current_timestamp, execution_time int not \
    null, success tinyint(1) not null, primary key (installed_rank), key flyway_schema_history_s_idx (success)); \
    insert into flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, \
    execution_time, success) values ";
const FLYWAY_TWO: &str = "(1, '1', 'customers', 'SQL', 'V1__customers.sql', -1761657159, 'root', 30, 1), \
    (2, '2', 'orders', 'SQL', 'V2__orders.sql', -1784115288, 'root', 11, 1)";
const SQLX: &str = "create table _sqlx_migrations (version bigint not null primary key, description text not null, \
    installed_on timestamp not null default current_timestamp, success tinyint(1) not null, checksum blob not null, \
    execution_time bigint not null); insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
    values (20240101000001, 'customers', 1, x'd8de52dd2d9fb3229a3d8be2d34b4db6411320108ad45adf7e9946c4acaa3b5fd0e6ac4a73a7915c\
    4aafe4ec44c41f7d', 1686009), (20240102000001, 'orders', 1, x'd590963ca08c8fe3f4ec761b37f70b84e4fc96c1307d5c7d17b7560d09e2\
    081d5253f8223e8d3fe1723839d003fa6a44', 1564488)";
const REFINERY: &str = "create table refinery_schema_history (version bigint not null, name varchar(255) default null, \
    applied_on varchar(255) default null, checksum varchar(255) default null, primary key (version)); \
    insert into refinery_schema_history values \
    (1, 'customers', '2026-11-22T21:45:17.906438826Z', '14432485652211289832'), \
    (2, 'orders', '2026-11-22T21:45:17.906449582Z', '7026385091609286917')";
const ATLAS: &str = "create table atlas_schema_revisions (version varchar(255) collate utf8mb4_bin not null, description \
    varchar(255) not null, type bigint unsigned not null default 2, applied bigint not null default 0, total bigint not null \
    default 0, executed_at timestamp not null default current_timestamp, execution_time bigint not null, error longtext, \
    error_stmt longtext, hash varchar(255) not null, partial_hashes json, operator_version varchar(255) not null, \
    primary key (version)) default charset utf8mb4; \
    insert into atlas_schema_revisions (version, description, applied, total, execution_time, error, hash, operator_version) \
    values ('.atlas_cloud_identifier', 'x', 0, 0, 0, null, '', 'Atlas'), ('1', 'customers', 1, 1, 1, '', 'h', 'Atlas'), \
    ('2', 'orders', 1, 1, 1, '', 'h', 'Atlas')";
const RAILS: &str = "create table schema_migrations (version varchar(255) not null, primary key (version)); \
    create table ar_internal_metadata (`key` varchar(255) not null, value varchar(255) default null, created_at datetime(6) \
    not null, updated_at datetime(6) not null, primary key (`key`)); \
    insert into ar_internal_metadata values ('environment', 'default_env', now(6), now(6)); \
    insert into schema_migrations values ('20240101000001'), ('20240102000001')";
const GOLANG_MIGRATE: &str = "create table schema_migrations (version bigint not null, dirty tinyint(1) not null, \
    primary key (version)); insert into schema_migrations values (20240102000001, 0)";

/// Exit code and output.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn migrated(engine: Engine, files: &[(&str, &str)], history: &str) -> Option<Bed> {
    let bed = Bed::with(engine, files)?;
    bed.sql(&format!("{CUSTOMERS}{ORDERS}{history}"));
    Some(bed)
}

/// A checksum of the tool's table, to see that it is not touched.
fn rows(bed: &Bed, history: &str) -> String {
    let table = history.split_whitespace().nth(2).unwrap();
    bed.sql(&format!("checksum table {table}"))
}

#[rstest]
#[case::golang_migrate(STAMPED, GOLANG_MIGRATE, "golang-migrate's table")]
#[case::dbmate(
    STAMPED,
    "create table schema_migrations (version varchar(128) not null, primary key (version)); \
     insert into schema_migrations values ('20240101000001'), ('20240102000001')",
    "dbmate's table"
)]
#[case::rails(STAMPED, RAILS, "Rails's table")]
#[case::goose(
    STAMPED,
    "create table goose_db_version (id bigint unsigned not null auto_increment, version_id bigint not null, is_applied \
     tinyint(1) not null, tstamp datetime default current_timestamp, primary key (id)); \
     insert into goose_db_version (version_id, is_applied) values (0, 1), (20240101000001, 1), (20240103000001, 1), \
     (20240102000001, 1), (20240103000001, 0)",
    "goose's table"
)]
#[case::diesel(
    STAMPED,
    "create table __diesel_schema_migrations (version varchar(50) not null, run_on timestamp not null default \
     current_timestamp, primary key (version)); \
     insert into __diesel_schema_migrations (version) values ('00000000000000'), ('20240101000001'), ('20240102000001')",
    "diesel's table"
)]
#[case::sqlx(STAMPED, SQLX, "Checked: 2 of these files are as sqlx applied them (SHA-384)")]
#[case::refinery(COUNTED, REFINERY, "Checked: 2 of these files are as refinery applied them (SipHash)")]
#[case::flyway(COUNTED, &format!("{FLYWAY}{FLYWAY_TWO}"), "Checked: 2 of these files are as Flyway applied them (CRC-32)")]
#[case::flyway_from_a_baseline(
    COUNTED,
    &format!("{FLYWAY}(1, '2', 'before_flyway', 'BASELINE', 'before_flyway', null, 'root', 0, 1)"),
    "Flyway's table"
)]
#[case::flyway_with_repeatables(
    COUNTED,
    &format!("{FLYWAY}{FLYWAY_TWO}, (3, null, 'names', 'SQL', 'R__names.sql', -658584133, 'root', 2, 1)"),
    "Checked: 2 of these files are as Flyway applied them (CRC-32)"
)]
#[case::atlas(COUNTED, ATLAS, "Atlas's table")]
fn another_tool_s_history_is_taken_over(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] files: &[(&str, &str)],
    #[case] history: &str,
    #[case] words: &str,
) {
    let Some(bed) = migrated(engine, files, history) else { return };
    let before = rows(&bed, history);
    let (code, text) = said(&bed.command("adopt", &["--dry-run"]));
    assert!(code == Some(0) && text.starts_with("Would record 2 migrations"), "{text}");
    assert!(!bed.has("schemaward_schema_migrations"), "a dry run writes nothing");
    let (code, text) = said(&bed.command("adopt", &[]));
    assert!(code == Some(0) && text.contains(words), "{text}");
    assert_eq!(bed.run().applied(), 1);
    let kinds = "select group_concat(kind order by id) from schemaward_schema_migrations";
    assert_eq!(bed.sql(kinds), "adopted,adopted,migration");
    assert_eq!(rows(&bed, history), before, "the tool's table is not touched");
    let (code, text) = said(&bed.command("adopt", &[]));
    assert!(code == Some(4) && text.contains("ledger is not empty"), "{text}");
}

#[rstest]
#[case::golang_migrate(STAMPED, GOLANG_MIGRATE, "update schema_migrations set dirty = 1", "20240102000001 has failed")]
#[case::sqlx(
    STAMPED,
    SQLX,
    "insert into _sqlx_migrations values (20240103000001, 'orders index', now(), 0, x'cfa9', -1)",
    "20240103000001 has failed"
)]
#[case::sqlx_applied_another_file(
    STAMPED,
    SQLX,
    "update _sqlx_migrations set checksum = x'd8de52' where version = 20240101000001",
    "SHA-384 checksums: 20240101000001_customers.up.sql"
)]
#[case::flyway(
    COUNTED,
    &format!("{FLYWAY}{FLYWAY_TWO}"),
    "insert into flyway_schema_history values (3, '3', 'orders index', 'SQL', 'V3__orders_index.sql', -1240599134, 'root', \
     now(), 81, 0)",
    "flyway repair"
)]
#[case::flyway_applied_another_file(
    COUNTED,
    &format!("{FLYWAY}{FLYWAY_TWO}"),
    "update flyway_schema_history set checksum = 7 where version = '2'",
    "CRC-32 checksums: V2__orders.sql"
)]
#[case::refinery_applied_another_file(
    COUNTED,
    REFINERY,
    "update refinery_schema_history set checksum = '7' where version = 2",
    "SipHash checksums: V2__orders.sql"
)]
#[case::atlas(
    COUNTED,
    ATLAS,
    "update atlas_schema_revisions set total = 2 where version = '2'",
    "2 has failed or is half"
)]
#[case::rails_has_more(
    STAMPED,
    RAILS,
    "insert into schema_migrations values ('20240109000001')",
    "Rails has applied 20240109000001, which the folder does not have"
)]
fn a_history_that_is_not_whole_or_not_the_folder_s_is_refused(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] files: &[(&str, &str)],
    #[case] history: &str,
    #[case] then: &str,
    #[case] why: &str,
) {
    let Some(bed) = migrated(engine, files, history) else { return };
    bed.sql(then);
    let (code, text) = said(&bed.command("adopt", &[]));
    assert!(code == Some(4) && text.contains(why), "{text}");
    assert!(!bed.has("schemaward_schema_migrations"), "nothing is written");
}

#[rstest]
fn what_flyway_says_was_deleted_or_has_several_numbers_is_understood(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let deleted = "(3, '2', 'orders', 'DELETE', 'V2__orders.sql', -1784115288, 'root', 0, 1)";
    let Some(bed) = migrated(engine, &COUNTED[..1], &format!("{FLYWAY}{FLYWAY_TWO}, {deleted}")) else { return };
    let (code, text) = said(&bed.command("adopt", &[]));
    assert!(code == Some(0) && text.contains("1 migration recorded") && text.contains("V1__customers.sql"), "{text}");

    let dotted = "(1, '1', 'customers', 'SQL', 'V1__customers.sql', -1761657159, 'root', 30, 1), \
                  (2, '1.1', 'orders', 'SQL', 'V1.1__orders.sql', -1784115288, 'root', 19, 1)";
    let files = [("V1__customers.sql", CUSTOMERS), ("V1.1__orders.sql", ORDERS)];
    let bed = migrated(engine, &files, &format!("{FLYWAY}{dotted}")).unwrap();
    let (code, text) = said(&bed.command("adopt", &[]));
    assert!(code == Some(0) && text.contains("2 migrations recorded") && text.contains("(CRC-32)"), "{text}");
}

#[rstest]
fn a_table_of_another_database_is_not_taken_for_this_one_s(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(other) = migrated(engine, STAMPED, GOLANG_MIGRATE) else { return };
    let bed = Bed::with(engine, STAMPED).unwrap();
    let (code, text) = said(&bed.command("adopt", &[]));
    assert!(code == Some(2) && text.contains("no table of a tool that is known"), "{text}");
    drop(other);
}
