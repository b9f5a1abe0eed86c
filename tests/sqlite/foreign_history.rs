//! An empty ledger beside another tool's history: nothing is run over it. Its tables are as the tools' sources make them.

use rstest::rstest;

use crate::bed::Bed;

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
fn a_table_that_is_no_history_stops_nothing(#[case] table: &str) {
    let bed = Bed::with(FILES);
    bed.query(&format!("CREATE TABLE {table}"));
    bed.migrate();
    assert_eq!(names(&bed), "free plan,pro plan");
}
