//! An empty ledger beside another tool's history: nothing is run over it. Its tables are as the tools' sources make them.

use rstest::rstest;

use crate::bed::Bed;
use crate::histories;

const PLANS: &str = "CREATE TABLE IF NOT EXISTS plans (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
    INSERT INTO plans (name) VALUES ('free'), ('pro');\n";
const RENAMED: &str = "UPDATE plans SET name = name || ' plan';\n";
const FILES: &[(&str, &str)] = &[("000001_plans.up.sql", PLANS), ("000002_renamed.up.sql", RENAMED)];

/// Source: golang-migrate, `database/sqlite3/sqlite3.go`, `ensureVersionTable`.
const GOLANG_MIGRATE: &str = "CREATE TABLE schema_migrations (version uint64, dirty bool); \
    CREATE UNIQUE INDEX version_unique ON schema_migrations (version); INSERT INTO schema_migrations VALUES (2, false);";

fn migrated_by(table: &str) -> Bed {
    let bed = Bed::with(FILES);
    bed.query(&format!("{PLANS}{RENAMED}{table}"));
    bed
}

fn names(bed: &Bed) -> String {
    bed.query("SELECT group_concat(name) FROM (SELECT name FROM plans ORDER BY id)")
}

#[test]
fn migrate_stops_before_another_tool_s_history_and_leaves_everything_as_it_was() {
    let bed = migrated_by(GOLANG_MIGRATE);
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(names(&bed), "free plan,pro plan", "{said}");
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("golang-migrate") && said.contains("main.schema_migrations") && said.contains("version 2"),
        "{said}"
    );
    assert!(said.contains("schemaward adopt --from golang-migrate"), "{said}");
    assert!(said.contains("--ignore-foreign-history"), "{said}");
    assert!(!bed.has("schemaward_schema_migrations"), "no ledger is made");
    let output = bed.run(&["migrate", "--format", "json"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"reason\":\"ForeignHistory\""), "{output:?}");
    assert_eq!(bed.said(&["adopt"]).0, Some(0));
    bed.migrate();
    assert_eq!(names(&bed), "free plan,pro plan");
}

#[test]
fn every_tool_s_history_is_found_by_its_table() {
    for history in histories::ALL {
        let Some(sql) = history.on("sqlite") else { continue };
        let bed = migrated_by(sql);
        let (code, said) = bed.said(&["migrate"]);
        assert_eq!((code, names(&bed).as_str()), (Some(4), "free plan,pro plan"), "{}: {said}", history.tool);
        assert!(history.is_told(&said), "{}: {said}", history.tool);
        assert!(!bed.has("schemaward_schema_migrations"), "{}: no ledger is made", history.tool);
    }
}

#[test]
fn whoever_only_looks_is_told_too() {
    let bed = migrated_by(GOLANG_MIGRATE);
    for (arguments, expected) in [
        (&["status"][..], 0),
        (&["status", "--check"], 4),
        (&["plan"], 4),
        (&["migrate", "--dry-run"], 4),
        (&["verify"], 4),
        (&["doctor"], 1),
    ] {
        let (code, said) = bed.said(arguments);
        assert_eq!(code, Some(expected), "{arguments:?}: {said}");
        assert!(
            said.contains("golang-migrate has a history here: its table main.schema_migrations is at version 2"),
            "{said}"
        );
    }
    let (code, said) = bed.said(&["plan", "--ignore-foreign-history"]);
    assert!(code == Some(0) && said.contains("warning: golang-migrate has a history here"), "{said}");
    bed.said(&["adopt"]);
    for arguments in [&["status", "--check"][..], &["plan"], &["verify"], &["doctor"]] {
        let (code, said) = bed.said(arguments);
        assert!(code == Some(0) && !said.contains("golang-migrate"), "{arguments:?}: {said}");
    }
}

#[test]
fn who_means_it_says_so_once() {
    let bed = migrated_by(GOLANG_MIGRATE);
    let (code, said) = bed.said(&["migrate", "--ignore-foreign-history"]);
    assert!(code == Some(0) && said.contains("it is passed over"), "{said}");
    bed.file("000003_more.up.sql", "INSERT INTO plans (name) VALUES ('more');\n");
    bed.migrate();
    // What was undone was recorded, too.
    let bed = migrated_by(GOLANG_MIGRATE);
    bed.file("000001_plans.up.sql", &format!("{PLANS}-- rollback: SELECT 1;\n"));
    bed.file("000002_renamed.up.sql", &format!("{RENAMED}-- rollback: SELECT 1;\n"));
    assert_eq!(bed.said(&["migrate", "--ignore-foreign-history"]).0, Some(0));
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(0));
    bed.migrate();
}

#[test]
fn what_a_person_has_said_is_in_the_ledger_though_nothing_was_applied() {
    let bed = migrated_by(GOLANG_MIGRATE);
    bed.file("000001_plans.up.sql", "INSERT INTO nowhere VALUES (1);\n");
    assert_eq!(bed.said(&["migrate", "--ignore-foreign-history"]).0, Some(1));
    let said = bed.query("SELECT kind || ' ' || detail FROM schemaward_acknowledgements");
    assert!(said.starts_with("foreign-history golang-migrate has a history here") && !said.contains('\n'), "{said}");
    bed.file("000001_plans.up.sql", "INSERT INTO plans (name) VALUES ('more');\n");
    bed.migrate();
}

#[test]
fn a_refused_run_leaves_the_way_to_a_baseline_open() {
    let bed = migrated_by(histories::ALL.iter().find(|history| history.tool == "Knex").unwrap().on("sqlite").unwrap());
    assert_eq!(bed.said(&["migrate"]).0, Some(4));
    assert_eq!(bed.said(&["baseline", "--version", "2"]).0, Some(0));
    bed.migrate();
    assert_eq!(names(&bed), "free plan,pro plan");
}

#[test]
fn tables_that_nobody_has_a_history_of_are_a_note() {
    let bed = Bed::with(FILES);
    bed.query("CREATE TABLE customers (x)");
    for arguments in [&["status"][..], &["plan"], &["verify"], &["doctor"], &["migrate"]] {
        let (code, said) = bed.said(arguments);
        assert!(code == Some(0) && said.contains("it has the table main.customers"), "{arguments:?}: {said}");
        assert!(said.contains("schemaward baseline --version"), "{arguments:?}: {said}");
    }
    assert!(!bed.said(&["status"]).1.contains("customers"), "something is recorded now");
}

#[test]
fn a_history_in_which_the_first_run_failed_is_found_still() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);\nINSERT INTO nowhere VALUES (1);\n")]);
    assert_eq!(bed.said(&["migrate"]).0, Some(1));
    bed.query(GOLANG_MIGRATE);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("golang-migrate"), "{said}");
}

#[test]
fn adopt_from_diesel_takes_over_the_first_file_where_the_folder_has_one_of_version_zero() {
    let bed = Bed::with(&[
        ("00000000000000_initial.up.sql", "CREATE TABLE a (x);\n"),
        ("20240306170000_b.up.sql", "CREATE TABLE b (x);\n"),
    ]);
    // Source: diesel, `migration/mod.rs`, `setup_database`.
    bed.query(
        "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY \
         NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations (version) \
         VALUES ('00000000000000'), ('20240306170000')",
    );
    let (code, said) = bed.said(&["adopt", "--from", "diesel"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 migrations recorded") && !said.contains("has not applied"), "{said}");
    assert_eq!(bed.versions(), "00000000000000 adopted 1\n20240306170000 adopted 1");
    bed.migrate();
}

#[rstest]
#[case::empty("schema_migrations (version uint64, dirty bool)")]
#[case::of_the_user_s_own("migrations (id INTEGER PRIMARY KEY, note TEXT)")]
#[case::of_what_is_left_after_all_was_undone("alembic_version (version_num VARCHAR(32) NOT NULL)")]
fn a_table_that_is_no_history_stops_nothing(#[case] table: &str) {
    let bed = Bed::with(FILES);
    bed.query(&format!("CREATE TABLE {table}"));
    bed.migrate();
    assert_eq!(names(&bed), "free plan,pro plan");
}
