//! An empty ledger in a database with another tool's history: nothing is run. The tables are as in the tools' sources.

use rstest::rstest;

use crate::histories;
use crate::sqlite::bed::Bed;

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
fn migrate_stops_before_another_tool_s_history_and_changes_nothing() {
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
        assert!(history.is_reported(&said), "{}: {said}", history.tool);
        assert!(!bed.has("schemaward_schema_migrations"), "{}: no ledger is made", history.tool);
    }
}

#[test]
fn the_reading_commands_report_it_too() {
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
    assert!(code == Some(0) && said.contains("ignored because of --ignore-foreign-history"), "{said}");
    bed.file("000003_more.up.sql", "INSERT INTO plans (name) VALUES ('more');\n");
    bed.migrate();
    // Rollbacks were recorded, too.
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
fn a_table_that_is_not_a_history_stops_nothing(#[case] table: &str) {
    let bed = Bed::with(FILES);
    bed.query(&format!("CREATE TABLE {table}"));
    bed.migrate();
    assert_eq!(names(&bed), "free plan,pro plan");
}

#[test]
fn a_history_is_found_under_any_name() {
    for renamed in histories::renamed("sqlite") {
        let bed = migrated_by(&renamed.sql);
        let (code, text) = bed.said(&["migrate"]);
        let tool = renamed.history.tool;
        assert_eq!(code, Some(4), "{tool}: {text}");
        assert!(renamed.is_reported(&text), "{tool}: {text}");
        assert_eq!(names(&bed), "free plan,pro plan", "{tool}: {text}");
        assert!(!bed.has("schemaward_schema_migrations"), "{tool}: no ledger is made");
    }
}

#[test]
fn a_table_of_an_application_s_own_stops_nothing_though_a_tool_has_such_columns() {
    for renamed in histories::inconspicuous("sqlite") {
        // Rails' own second table would identify it.
        let sql = renamed.sql.replace("ar_internal_metadata", "app_settings");
        let bed = migrated_by(&sql);
        let (code, text) = bed.said(&["plan"]);
        assert_eq!(code, Some(0), "{}: {text}", renamed.history.tool);
    }
}

/// The third file is new; what the tool has applied is taken over from its table, whatever its name.
#[rstest]
#[case::golang_migrate(
    "golang-migrate",
    "CREATE TABLE app_state (version uint64, dirty bool); INSERT INTO app_state VALUES (2, 0)"
)]
#[case::goose(
    "goose",
    "CREATE TABLE app_state (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT \
     NULL, tstamp TIMESTAMP); INSERT INTO app_state (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1)"
)]
#[case::dbmate(
    "dbmate",
    "CREATE TABLE app_state (version varchar(128) primary key); INSERT INTO app_state VALUES ('1'), ('2')"
)]
#[case::rails(
    "rails",
    "CREATE TABLE app_state (version varchar(128) primary key); INSERT INTO app_state VALUES ('1'), ('2')"
)]
#[case::diesel(
    "diesel",
    "CREATE TABLE app_state (version VARCHAR(50), run_on TIMESTAMP); INSERT INTO app_state VALUES ('1', ''), ('2', '')"
)]
fn a_history_is_taken_over_from_a_table_of_any_name(#[case] tool: &str, #[case] table: &str) {
    let bed = migrated_by(table);
    bed.file("000003_more.up.sql", "INSERT INTO plans (name) VALUES ('more');\n");
    let (code, said) = bed.said(&["adopt", "--from", tool, "--table", "app_stat"]);
    assert!(code == Some(2) && said.contains("there is no table app_stat in this database"), "{said}");
    let other = if tool == "golang-migrate" { "flyway" } else { "golang-migrate" };
    let (code, said) = bed.said(&["adopt", "--from", other, "--table", "app_state"]);
    assert!(code == Some(2) && said.contains("the table main.app_state has the columns"), "{said}");
    assert!(!bed.has("schemaward_schema_migrations"));
    let (code, said) = bed.said(&["adopt", "--from", tool, "--table", "main.app_state"]);
    assert!(code == Some(0) && said.contains("2 migrations recorded"), "{said}");
    bed.migrate();
    assert_eq!(names(&bed), "free plan,pro plan,more");
}

#[test]
fn adopt_guesses_at_nothing() {
    let bed = migrated_by(
        "CREATE TABLE app_migrations (version varchar(128)); INSERT INTO app_migrations VALUES ('1'), ('2');",
    );
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(2) && said.contains("may be dbmate's") && said.contains("--from dbmate"), "{said}");
    assert_eq!(bed.said(&["adopt", "--from", "dbmate"]).0, Some(0));
    let bed = migrated_by(&format!(
        "{GOLANG_MIGRATE} CREATE TABLE app_state (version int, dirty int); INSERT INTO app_state VALUES (1, 0);"
    ));
    let (code, said) = bed.said(&["adopt"]);
    assert!(code == Some(2) && said.contains("--table"), "{said}");
    let (code, said) = bed.said(&["adopt", "--table", "app_state"]);
    assert!(code == Some(0) && said.contains("1 migration recorded"), "{said}");
}

#[test]
fn a_second_ledger_of_the_same_files_is_refused_and_one_of_other_files_is_reported() {
    let bed = Bed::with(FILES);
    bed.migrate();
    let elsewhere: &[&str] = &["--history-schema", "elsewhere"];
    for (command, expected) in [(&["migrate"][..], 4), (&["plan"], 4), (&["verify"], 4), (&["status", "--check"], 4)] {
        let (code, said) = bed.said(&[command, elsewhere].concat());
        assert_eq!((code, names(&bed).as_str()), (Some(expected), "free plan,pro plan"), "{command:?}: {said}");
        assert!(said.contains("its table main.schemaward_schema_migrations is at version 000002"), "{said}");
        assert!(command[0] == "status" || said.contains("--history-schema schemaward"), "{said}");
        assert!(!bed.has("elsewhere_schema_migrations"), "{command:?}: {said}");
    }
    assert!(bed.said(&[&["doctor"][..], elsewhere].concat()).1.contains("another ledger here"));
    // Rolled back, so that nothing is in force any more.
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);\n-- rollback: DROP TABLE a;\n")]);
    bed.migrate();
    assert_eq!(bed.said(&["rollback", "--to", "empty", "--yes"]).0, Some(0));
    assert_eq!(bed.said(&[&["migrate"][..], elsewhere].concat()).0, Some(0));
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);\n")]);
    bed.migrate();
    bed.remove("001_a.sql");
    bed.file("001_b.sql", "CREATE TABLE b (x);\n");
    let (code, said) = bed.said(&[&["migrate"][..], elsewhere].concat());
    assert!(code == Some(0) && said.contains("another ledger here") && bed.has("b"), "{said}");
    bed.file("002_c.sql", "CREATE TABLE c (x);\n");
    let (code, said) = bed.said(&[&["migrate"][..], elsewhere].concat());
    assert!(code == Some(0) && !said.contains("another ledger"), "{said}");
}
