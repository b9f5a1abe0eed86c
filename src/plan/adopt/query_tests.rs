//! What a tool's table is asked, in full: the texts that are sent to the server.

use rstest::rstest;

use super::foreign_table::{as_text, literal, quote};
use super::{By, ForeignTable, Found, Sighting, Tool, other_ledgers, sightings};
use crate::sql::Dialect;

fn table(schema: &str, name: &str, columns: &[&str]) -> ForeignTable {
    let columns = columns.iter().map(ToString::to_string).collect();
    ForeignTable { schema: schema.to_owned(), name: name.to_owned(), columns }
}

#[rstest]
#[case(Dialect::Postgres, r#""a""b`c""#, r"'it''s \ one'", "(n)::pg_catalog.text")]
#[case(Dialect::Mysql, r#"`a"b``c`"#, r"'it''s \\ one'", "CAST(n AS CHAR)")]
#[case(Dialect::Mariadb, r#"`a"b``c`"#, r"'it''s \\ one'", "CAST(n AS CHAR)")]
#[case(Dialect::Sqlite, r#""a""b`c""#, r"'it''s \ one'", "CAST(n AS TEXT)")]
fn names_and_texts_are_quoted_as_the_engine_reads_them(
    #[case] dialect: Dialect,
    #[case] name: &str,
    #[case] text: &str,
    #[case] number_as_text: &str,
) {
    assert_eq!(quote("a\"b`c", dialect), name);
    assert_eq!(literal(r"it's \ one", dialect), text);
    assert_eq!(as_text("n", dialect), number_as_text);
}

#[rstest]
#[case(
    Dialect::Postgres,
    "SELECT (version_id)::pg_catalog.text, (is_applied)::pg_catalog.text FROM \"s\".\"t\" ORDER BY id"
)]
#[case(Dialect::Mysql, "SELECT CAST(version_id AS CHAR), CAST(is_applied AS CHAR) FROM `s`.`t` ORDER BY id")]
#[case(Dialect::Mariadb, "SELECT CAST(version_id AS CHAR), CAST(is_applied AS CHAR) FROM `s`.`t` ORDER BY id")]
#[case(Dialect::Sqlite, "SELECT CAST(version_id AS TEXT), CAST(is_applied AS TEXT) FROM \"s\".\"t\" ORDER BY id")]
fn goose_s_history_is_read_on_each_engine(#[case] dialect: Dialect, #[case] expected: &str) {
    let found = Found { tool: Tool::Goose, table: table("s", "t", &[]), by: By::Name };
    assert_eq!(found.query(dialect), expected);
    assert_eq!(Sighting::Adoptable(found).query(dialect), expected);
}

/// `type` is a word of the language, and sqlx keeps checksums as bytes.
#[rstest]
#[case(
    Tool::Atlas,
    Dialect::Mysql,
    "SELECT CAST(version AS CHAR), CAST(`type` AS CHAR), CAST(applied AS CHAR), CAST(total AS CHAR), \
     CAST(error AS CHAR) FROM `s`.`t` ORDER BY version"
)]
#[case(
    Tool::Atlas,
    Dialect::Sqlite,
    "SELECT CAST(version AS TEXT), CAST(\"type\" AS TEXT), CAST(applied AS TEXT), CAST(total AS TEXT), \
     CAST(error AS TEXT) FROM \"s\".\"t\" ORDER BY version"
)]
#[case(Tool::Dbmate, Dialect::Mysql, "SELECT CAST(version AS CHAR) FROM `s`.`t` ORDER BY version")]
#[case(Tool::Diesel, Dialect::Mysql, "SELECT CAST(version AS CHAR) FROM `s`.`t` ORDER BY version")]
#[case(
    Tool::Flyway,
    Dialect::Postgres,
    "SELECT (version)::pg_catalog.text, (\"type\")::pg_catalog.text, (script)::pg_catalog.text, \
     (checksum)::pg_catalog.text, (success)::pg_catalog.text FROM \"s\".\"t\" ORDER BY installed_rank"
)]
#[case(
    Tool::GolangMigrate,
    Dialect::Sqlite,
    "SELECT CAST(version AS TEXT), CAST(dirty AS TEXT) FROM \"s\".\"t\" ORDER BY version DESC LIMIT 2"
)]
#[case(Tool::Rails, Dialect::Sqlite, "SELECT CAST(version AS TEXT) FROM \"s\".\"t\" ORDER BY version")]
#[case(
    Tool::Refinery,
    Dialect::Mysql,
    "SELECT CAST(version AS CHAR), CAST(name AS CHAR), CAST(checksum AS CHAR) FROM `s`.`t` ORDER BY version"
)]
#[case(
    Tool::Sqlx,
    Dialect::Postgres,
    "SELECT (version)::pg_catalog.text, (success)::pg_catalog.text, \
     (pg_catalog.encode(checksum, 'hex'))::pg_catalog.text FROM \"s\".\"t\" ORDER BY version"
)]
#[case(
    Tool::Sqlx,
    Dialect::Mysql,
    "SELECT CAST(version AS CHAR), CAST(success AS CHAR), CAST(LOWER(HEX(checksum)) AS CHAR) FROM `s`.`t` \
     ORDER BY version"
)]
fn a_tool_s_history_is_read_in_its_order(#[case] tool: Tool, #[case] dialect: Dialect, #[case] expected: &str) {
    assert_eq!(Found { tool, table: table("s", "t", &[]), by: By::Name }.query(dialect), expected);
}

/// Columns are named as the table has them: servers change their case.
#[rstest]
#[case::as_the_tool_writes_them(
    "__EFMigrationsHistory",
    &["MigrationId", "ProductVersion"],
    Dialect::Postgres,
    "SELECT (\"MigrationId\")::pg_catalog.text FROM \"s\".\"__EFMigrationsHistory\" ORDER BY \"MigrationId\" DESC LIMIT 1"
)]
#[case::as_the_table_has_them(
    "databasechangelog",
    &["ID", "AUTHOR", "FILENAME", "DATEEXECUTED", "MD5SUM"],
    Dialect::Mysql,
    "SELECT CAST(`ID` AS CHAR) FROM `s`.`databasechangelog` ORDER BY `DATEEXECUTED` DESC LIMIT 1"
)]
#[case::of_two_columns(
    "django_migrations",
    &["id", "app", "name", "applied"],
    Dialect::Sqlite,
    "SELECT CAST(\"app\" AS TEXT), CAST(\"name\" AS TEXT) FROM \"s\".\"django_migrations\" ORDER BY \"id\" DESC LIMIT 1"
)]
#[case::by_two_columns(
    "migrations",
    &["id", "migration", "batch"],
    Dialect::Mariadb,
    "SELECT CAST(`migration` AS CHAR) FROM `s`.`migrations` ORDER BY `batch` DESC, `migration` DESC LIMIT 1"
)]
fn a_known_tool_is_asked_for_its_newest_row(
    #[case] name: &str,
    #[case] columns: &[&str],
    #[case] dialect: Dialect,
    #[case] expected: &str,
) {
    let [sighting] = &sightings(&[table("s", name, columns)])[..] else { panic!("{name} is one tool's") };
    assert_eq!(sighting.query(dialect), expected);
}

/// Of a ledger of Schemaward's: what is applied and not undone, and the files that are half applied.
#[rstest]
#[case(
    Dialect::Postgres,
    ("other", "schema_migrations"),
    "SELECT (version)::pg_catalog.text, (filename)::pg_catalog.text, (checksum)::pg_catalog.text \
     FROM \"other\".\"schema_migrations\" WHERE success AND undone_by IS NULL AND kind <> 'rollback' \
     UNION SELECT (version)::pg_catalog.text, (filename)::pg_catalog.text, ('')::pg_catalog.text \
     FROM \"other\".\"statement_journal\" WHERE migration_id IS NULL AND state <> 'failed'"
)]
#[case(
    Dialect::Mysql,
    ("shop", "other_schema_migrations"),
    "SELECT CAST(version AS CHAR), CAST(filename AS CHAR), CAST(checksum AS CHAR) \
     FROM `shop`.`other_schema_migrations` WHERE success AND undone_by IS NULL AND kind <> 'rollback' \
     UNION SELECT CAST(version AS CHAR), CAST(filename AS CHAR), CAST('' AS CHAR) \
     FROM `shop`.`other_statement_journal` WHERE migration_id IS NULL AND state <> 'failed'"
)]
#[case(
    Dialect::Sqlite,
    ("main", "other_schema_migrations"),
    "SELECT CAST(version AS TEXT), CAST(filename AS TEXT), CAST(checksum AS TEXT) \
     FROM \"main\".\"other_schema_migrations\" WHERE success AND undone_by IS NULL AND kind <> 'rollback' \
     UNION SELECT CAST(version AS TEXT), CAST(filename AS TEXT), CAST('' AS TEXT) \
     FROM \"main\".\"other_statement_journal\" WHERE migration_id IS NULL AND state <> 'failed'"
)]
fn another_ledger_is_asked_for_what_is_in_force_and_half_applied(
    #[case] dialect: Dialect,
    #[case] (schema, name): (&str, &str),
    #[case] expected: &str,
) {
    let columns = ["version", "filename", "kind", "checksum", "token_checksum", "success", "undone_by", "fence"];
    let ledgers = other_ledgers(&[table(schema, name, &columns)], "schemaward", dialect);
    assert_eq!(ledgers.iter().map(|ledger| ledger.query(dialect)).collect::<Vec<_>>(), [expected]);
}
