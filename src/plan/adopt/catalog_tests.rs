//! What the catalog is asked, in full, and how its answer is read.

use rstest::rstest;

use super::catalog::{
    any_table_query, columns_query, foreign_tables, histories_query, names_query, telling_query, wanted_query,
};
use super::{ForeignTable, Wanted};
use crate::sql::Dialect;

/// Of golang-migrate's table `dirty` is enough, Entity Framework's takes two columns.
const LISTS: &[&[&str]] = &[&["MigrationId", "ProductVersion"], &["dirty"]];

#[rstest]
#[case(
    Dialect::Postgres,
    "SELECT DISTINCT (c.relname)::pg_catalog.text FROM (SELECT a.attrelid FROM pg_catalog.pg_attribute a WHERE \
     a.attnum > 0 AND NOT a.attisdropped AND a.attname IN ('DIRTY', 'MIGRATIONID', 'MigrationId', 'PRODUCTVERSION', \
     'ProductVersion', 'dirty', 'migrationid', 'productversion') GROUP BY a.attrelid HAVING \
     SUM(CASE WHEN LOWER((a.attname)::pg_catalog.text) IN ('migrationid', 'productversion') THEN 1 ELSE 0 END) = 2 OR \
     SUM(CASE WHEN LOWER((a.attname)::pg_catalog.text) IN ('dirty') THEN 1 ELSE 0 END) = 1) k \
     JOIN pg_catalog.pg_class c ON c.oid = k.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE \
     c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$)' LIMIT 1000"
)]
#[case(
    Dialect::Mariadb,
    "SELECT CAST(k.table_name AS CHAR) FROM information_schema.columns k WHERE k.table_schema = DATABASE() AND \
     k.column_name IN ('DIRTY', 'MIGRATIONID', 'MigrationId', 'PRODUCTVERSION', 'ProductVersion', 'dirty', \
     'migrationid', 'productversion') GROUP BY k.table_name HAVING \
     SUM(CASE WHEN LOWER(CAST(k.column_name AS CHAR)) IN ('migrationid', 'productversion') THEN 1 ELSE 0 END) = 2 OR \
     SUM(CASE WHEN LOWER(CAST(k.column_name AS CHAR)) IN ('dirty') THEN 1 ELSE 0 END) = 1 LIMIT 1000"
)]
#[case(
    Dialect::Sqlite,
    "SELECT t.name FROM sqlite_master t, pragma_table_info(t.name) k WHERE t.type = 'table' AND k.name IN ('DIRTY', \
     'MIGRATIONID', 'MigrationId', 'PRODUCTVERSION', 'ProductVersion', 'dirty', 'migrationid', 'productversion') \
     GROUP BY t.name HAVING \
     SUM(CASE WHEN LOWER(CAST(k.name AS TEXT)) IN ('migrationid', 'productversion') THEN 1 ELSE 0 END) = 2 OR \
     SUM(CASE WHEN LOWER(CAST(k.name AS TEXT)) IN ('dirty') THEN 1 ELSE 0 END) = 1 LIMIT 1000"
)]
fn tables_are_found_by_their_columns(#[case] dialect: Dialect, #[case] expected: &str) {
    assert_eq!(names_query(LISTS, dialect), expected);
}

/// A tool's own name in each case, and a part of the names that people choose, which may have a quote in it.
#[rstest]
#[case(
    Dialect::Postgres,
    "SELECT (n.nspname)::pg_catalog.text, (c.relname)::pg_catalog.text, (a.attname)::pg_catalog.text \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped \
     AND n.nspname !~ '^(pg_|information_schema$)' AND (c.relname IN ('CHANGELOG', 'IT''S', 'changelog', 'it''s') \
     OR LOWER((c.relname)::pg_catalog.text) LIKE '%migrat%') ORDER BY n.nspname, c.relname, a.attnum"
)]
#[case(
    Dialect::Mysql,
    "SELECT CAST(table_schema AS CHAR), CAST(table_name AS CHAR), CAST(column_name AS CHAR) \
     FROM information_schema.columns WHERE table_schema IN (DATABASE(), 'atlas_schema_revisions') \
     AND (table_name IN ('CHANGELOG', 'IT''S', 'changelog', 'it''s') OR LOWER(CAST(table_name AS CHAR)) LIKE \
     '%migrat%') ORDER BY table_schema, table_name, ordinal_position"
)]
#[case(
    Dialect::Sqlite,
    "SELECT 'main', m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' \
     AND (m.name IN ('CHANGELOG', 'IT''S', 'changelog', 'it''s') OR LOWER(CAST(m.name AS TEXT)) LIKE '%migrat%') \
     ORDER BY m.name, p.cid"
)]
fn the_columns_of_tables_are_asked_for_by_the_tables_names(#[case] dialect: Dialect, #[case] expected: &str) {
    // A tool without a table name of its own asks for none.
    assert_eq!(columns_query(&["CHANGELOG", "", "it's"], &["migrat"], dialect), expected);
}

#[rstest]
fn what_is_asked_is_about_every_tool(
    #[values(Dialect::Postgres, Dialect::Mysql, Dialect::Mariadb, Dialect::Sqlite)] dialect: Dialect,
) {
    let telling = telling_query(dialect);
    for golang_migrate_and_ebean in ["IN ('dirty') THEN 1 ELSE 0 END) = 1", "IN ('mversion', 'mchecksum') THEN"] {
        assert_eq!(telling.matches(golang_migrate_and_ebean).count(), 1, "{telling}");
    }
    let histories = histories_query(&["our_versions"], dialect);
    for name in ["flyway_schema_history", "ar_internal_metadata", "DATABASECHANGELOG", "our_versions"] {
        assert!(histories.contains(&format!("'{name}', ")), "{name}: {histories}");
    }
    for part in ["changelog", "db_version", "migrat", "phinx"] {
        assert_eq!(histories.matches(&format!("LIKE '%{part}%'")).count(), 1, "{part}: {histories}");
    }
}

#[test]
fn a_table_that_a_person_names_is_asked_for_with_and_without_the_schema() {
    let wanted = Wanted { table: Some("Ops.Versions"), ..Wanted::default() };
    assert_eq!(
        wanted_query(wanted, Dialect::Sqlite),
        "SELECT 'main', m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND \
         (m.name IN ('AR_INTERNAL_METADATA', 'OPS.VERSIONS', 'Ops.Versions', 'VERSIONS', 'Versions', \
         'ar_internal_metadata', 'ops.versions', 'versions')) ORDER BY m.name, p.cid"
    );
}

/// The ledgers `app` and `größe`, whose tables are `app_…` and `größe_…` where there are no schemas: 4 and 6 characters.
#[rstest]
#[case(
    Dialect::Postgres,
    "SELECT (n.nspname)::pg_catalog.text, (c.relname)::pg_catalog.text FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') \
     AND n.nspname !~ '^(pg_|information_schema$)' AND n.nspname NOT IN ('app', 'größe', '') \
     AND c.relname NOT IN ('it''s', '') AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = \
     'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e') \
     ORDER BY n.nspname, c.relname LIMIT 1"
)]
#[case(
    Dialect::Mysql,
    "SELECT CAST(table_schema AS CHAR), CAST(table_name AS CHAR) FROM information_schema.tables \
     WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'  AND LEFT(table_name, 4) <> 'app_' \
     AND LEFT(table_name, 6) <> 'größe_' AND table_name NOT IN ('it''s', '') ORDER BY table_name LIMIT 1"
)]
#[case(
    Dialect::Sqlite,
    "SELECT 'main', name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'  \
     AND substr(name, 1, 4) <> 'app_' AND substr(name, 1, 6) <> 'größe_' AND name NOT IN ('it''s', '') \
     ORDER BY name LIMIT 1"
)]
fn any_other_table_is_none_of_the_ledgers_and_none_of_those_known(#[case] dialect: Dialect, #[case] expected: &str) {
    assert_eq!(any_table_query(&["app", "größe"], &["it's"], dialect), expected);
}

#[test]
fn the_answer_s_rows_are_columns_of_tables() {
    let row = |cells: [&str; 3]| cells.iter().map(|cell| Some((*cell).to_owned())).collect::<Vec<_>>();
    let mut rows = vec![
        row(["a", "goose_db_version", "id"]),
        row(["a", "goose_db_version", "version_id"]),
        row(["b", "goose_db_version", "id"]),
        row(["b", "schema_info", "version"]),
    ];
    rows.push(vec![Some("b".to_owned()), None, Some("version".to_owned())]);
    let table = |schema: &str, name: &str, columns: &[&str]| {
        let columns = columns.iter().map(ToString::to_string).collect();
        ForeignTable { schema: schema.to_owned(), name: name.to_owned(), columns }
    };
    assert_eq!(
        foreign_tables(&rows),
        [
            table("a", "goose_db_version", &["id", "version_id"]),
            table("b", "goose_db_version", &["id"]),
            table("b", "schema_info", &["version"]),
        ]
    );
}
