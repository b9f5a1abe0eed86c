//! Existing databases, files out of order, and repeatable files.

use rstest::rstest;

use crate::sqlite::bed::Bed;

const A: (&str, &str) = ("001_a.sql", "CREATE TABLE a (x);\n");
const B: (&str, &str) = ("002_b.sql", "CREATE TABLE b (x);\n-- rollback:\n-- DROP TABLE b;\n");
const C: (&str, &str) = ("003_c.sql", "CREATE TABLE c (x);\n-- rollback:\n-- DROP TABLE c;\n");

#[test]
fn a_baseline_runs_nothing_and_what_is_newer_is_applied_and_undone_down_to_it() {
    let bed = Bed::with(&[A, B, C]);
    bed.query("CREATE TABLE a (x, made_by_hand); CREATE TABLE b (x, made_by_hand)");
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("schemaward baseline --version"), "{said}");
    let (code, said) = bed.said(&["baseline", "--version", "2", "--dry-run"]);
    assert!(code == Some(0) && said.starts_with("Would record 2 migrations up to version 002"), "{said}");
    assert_eq!(bed.versions(), "001 migration 0");
    assert_eq!(bed.said(&["baseline", "--version", "2"]).0, Some(0));
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 0\n001 baseline 1\n002 baseline 1\n003 migration 1");
    assert_eq!(bed.query("SELECT count(*) FROM pragma_table_info('a')"), "2", "the baseline's files did not run");
    let (code, said) = bed.said(&["baseline", "--version", "3"]);
    assert!(code == Some(4) && said.contains("ledger is not empty"), "{said}");
    let (code, said) = bed.said(&["rollback", "--to", "1", "--yes"]);
    assert!(code == Some(4) && said.contains("version 002 is the baseline") && bed.has("c"), "{said}");
    assert_eq!(bed.said(&["rollback", "--to", "2", "--yes"]).0, Some(0));
    assert!(!bed.has("c") && bed.has("b"));
}

#[test]
fn a_repeatable_file_runs_again_when_it_has_changed() {
    let view = |column: &str| format!("DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT x AS {column} FROM a;\n");
    let bed = Bed::with(&[("R__v.sql", &view("one")), A]);
    bed.migrate();
    bed.migrate();
    // A cosmetic change does not count.
    bed.file("R__v.sql", &format!("-- why\n{}", view("one")));
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1\nR repeatable 1");
    bed.file("R__v.sql", &view("two"));
    assert!(bed.said(&["status"]).1.contains("R__v.sql"));
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1\nR repeatable 1\nR repeatable 1");
    assert_eq!(bed.query("SELECT name FROM pragma_table_info('v')"), "two");
    assert_eq!(bed.query("SELECT version FROM schemaward_get_current_schema_version"), "001");
}

#[test]
fn a_file_out_of_order_is_refused_unless_it_is_asked_for() {
    let bed = Bed::with(&[("20260101_a.sql", A.1), ("20260301_c.sql", C.1)]);
    bed.migrate();
    bed.file("20260201_b.sql", B.1);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("20260201_b.sql") && said.contains("--out-of-order apply"), "{said}");
    assert!(!bed.has("b"));
    assert_eq!(bed.said(&["migrate", "--out-of-order", "apply"]).0, Some(0));
    assert_eq!(bed.versions(), "20260101 migration 1\n20260301 migration 1\n20260201 migration 1");
    assert_eq!(bed.query("SELECT version FROM schemaward_get_current_schema_version"), "20260301");
    bed.migrate();
    // The file that was applied last is rolled back first.
    let (code, said) = bed.said(&["rollback", "--to", "20260101", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.find("rollback of 20260201_b.sql") < said.find("rollback of 20260301_c.sql"), "{said}");
}

/// The first two tables as created here by goose 3.29 and dbmate 2.36, the others as in the tools' sources.
#[rstest]
#[case::goose(
    "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, \
     is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));\
     INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (3, 0)"
)]
#[case::dbmate(
    "CREATE TABLE IF NOT EXISTS \"schema_migrations\" (version varchar(128) primary key);\
     INSERT INTO schema_migrations VALUES ('001'), ('002')"
)]
#[case::golang_migrate(
    "CREATE TABLE schema_migrations (version uint64, dirty bool);\
     CREATE UNIQUE INDEX version_unique ON schema_migrations (version); INSERT INTO schema_migrations VALUES (2, 0)"
)]
#[case::rails(
    "CREATE TABLE \"schema_migrations\" (\"version\" varchar NOT NULL PRIMARY KEY);\
     CREATE TABLE \"ar_internal_metadata\" (\"key\" varchar NOT NULL PRIMARY KEY, \"value\" varchar, \
     \"created_at\" datetime(6) NOT NULL, \"updated_at\" datetime(6) NOT NULL);\
     INSERT INTO schema_migrations VALUES ('1'), ('2')"
)]
#[case::diesel(
    "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
     run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);\
     INSERT INTO __diesel_schema_migrations (version) VALUES ('001'), ('002')"
)]
#[case::sqlx(
    "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
     installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, \
     execution_time BIGINT NOT NULL);\
     INSERT INTO _sqlx_migrations VALUES (1, 'a', '2026-11-23 00:00:00', TRUE, x'{sha384:A}', 1), \
     (2, 'b', '2026-11-23 00:00:00', TRUE, x'{sha384:B}', 1)"
)]
#[case::refinery(
    "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), \
     checksum VARCHAR(255)); INSERT INTO refinery_schema_history VALUES (1, 'a', '', NULL), (2, 'b', '', NULL)"
)]
#[case::flyway(
    "CREATE TABLE \"flyway_schema_history\" (\"installed_rank\" INT NOT NULL PRIMARY KEY, \"version\" VARCHAR(50), \
     \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, \"script\" VARCHAR(1000) NOT NULL, \
     \"checksum\" INT, \"installed_by\" VARCHAR(100) NOT NULL, \"installed_on\" TEXT NOT NULL DEFAULT \
     (strftime('%Y-%m-%d %H:%M:%f', 'now')), \"execution_time\" INT NOT NULL, \"success\" BOOLEAN NOT NULL);\
     INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 302061556, '', '', 1, 1), \
     (2, '2', 'b', 'BASELINE', 'V2__b.sql', NULL, '', '', 1, 1)"
)]
#[case::atlas(
    "CREATE TABLE `atlas_schema_revisions` (`version` text NOT NULL, `description` text NOT NULL, `type` integer NOT NULL \
     DEFAULT (2), `applied` integer NOT NULL DEFAULT (0), `total` integer NOT NULL DEFAULT (0), `executed_at` datetime NOT \
     NULL, `execution_time` integer NOT NULL, `error` text NULL, `error_stmt` text NULL, `hash` text NOT NULL, \
     `partial_hashes` json NULL, `operator_version` text NOT NULL, PRIMARY KEY (`version`));\
     INSERT INTO atlas_schema_revisions VALUES ('001', 'a', 2, 1, 1, '', 1, '', '', 'h', 'null', 'x'), \
     ('002', 'b', 2, 1, 1, '', 1, '', '', 'h', 'null', 'x')"
)]
fn another_tool_s_history_is_taken_over(#[case] history: &str) {
    use sha2::{Digest, Sha384};
    let bed = Bed::with(&[A, B, C]);
    let history = history.replace("{sha384:A}", &format!("{:x}", Sha384::digest(A.1)));
    let history = history.replace("{sha384:B}", &format!("{:x}", Sha384::digest(B.1)));
    bed.query(&format!("{}{}{history}", A.1, B.1.split_once("--").unwrap().0));
    let (code, said) = bed.said(&["adopt", "--dry-run"]);
    assert!(code == Some(0) && said.starts_with("Would record 2 migrations"), "{said}");
    assert!(!bed.has("schemaward_schema_migrations"), "a dry run writes nothing");
    let (code, said) = bed.said(&["adopt"]);
    assert_eq!(code, Some(0), "{said}");
    bed.migrate();
    assert_eq!(bed.versions(), "001 adopted 1\n002 adopted 1\n003 migration 1");
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(4) && said.contains("ledger is not empty"), "{said}");
    // What another tool has applied can be rolled back with the folder's files.
    assert_eq!(bed.said(&["rollback", "--to", "1", "--yes"]).0, Some(0));
    assert!(!bed.has("b") && !bed.has("c") && bed.has("a"));
}

#[test]
fn a_history_that_has_failed_or_names_another_file_is_not_taken_over() {
    let bed = Bed::with(&[A, B, C]);
    bed.query(
        "CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (2, 1)",
    );
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(4) && said.contains("migrate force"), "{said}");
    bed.query("UPDATE schema_migrations SET version = 7, dirty = 0");
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(4) && said.contains("which the folder does not have"), "{said}");
    assert!(!bed.has("schemaward_schema_migrations"));
}
