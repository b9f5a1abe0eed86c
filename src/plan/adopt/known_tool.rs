//! Tools that are known by their table alone: their histories stop a first run, but cannot be taken over. A name that
//! others may use, too, counts only with the tool's own columns; under another name, see `signature`.
//!
//! Source of each line: what the tool itself executes to make its table; `tests/engines/histories.rs` has those texts.

use super::foreign_table::{ForeignTable, as_text, quote};
use super::signature::Columns::{Among, Exactly};
use super::signature::Renamed::{Never, Saying, Telling};
use super::signature::{By, Columns, MIGRATIONS, Renamed, column};
use crate::sql::Dialect;

/// A tool that is known by its table.
#[derive(Debug, Eq, PartialEq)]
pub struct KnownTool {
    /// As its makers write it.
    pub name: &'static str,
    /// Its table's name as the tool writes it; servers change its case. Empty where another line has it.
    pub(super) table: &'static str,
    columns: Columns,
    /// Under which other names it is known, too.
    pub(super) renamed: Renamed,
    /// The columns that hold a version.
    version: &'static [&'static str],
    /// What the newest has most of.
    order: &'static [&'static str],
}

/// What is in a table before anything was applied.
const NOTHING: [&str; 2] = ["0", "m000000_000000_base"];
/// A name for all tables that another line names.
const ELSEWHERE: &str = "";
/// What names of tables have that keep one number, the schema's.
const VERSIONS: &[&str] = &["schema_version", "schemaversion", "db_version", "dbversion", "database_version"];

const fn tool(
    name: &'static str,
    table: &'static str,
    columns: Columns,
    renamed: Renamed,
    version: &'static [&'static str],
    order: &'static [&'static str],
) -> KnownTool {
    KnownTool { name, table, columns, renamed, version, order }
}

#[rustfmt::skip]
pub(super) static ALL: &[KnownTool] = &[
    tool("Liquibase", "DATABASECHANGELOG", Among(&["id", "author", "filename", "dateexecuted", "md5sum"]), Telling(&["dateexecuted", "md5sum"]), &["id"], &["dateexecuted"]),
    tool("Django", "django_migrations", Among(&["id", "app", "name", "applied"]), Never, &["app", "name"], &["id"]),
    tool("Django", ELSEWHERE, Exactly(&["id", "app", "name", "applied"]), Saying(MIGRATIONS), &["app", "name"], &["id"]),
    tool("Alembic", "alembic_version", Exactly(&["version_num"]), Telling(&["version_num"]), &["version_num"], &["version_num"]),
    tool("sql-migrate", "gorp_migrations", Among(&["id", "applied_at"]), Never, &["id"], &["id"]),
    tool("sql-migrate", ELSEWHERE, Exactly(&["id", "applied_at"]), Saying(MIGRATIONS), &["id"], &["id"]),
    tool("node-pg-migrate", "pgmigrations", Among(&["id", "name", "run_on"]), Never, &["name"], &["id"]),
    tool("Knex", "knex_migrations", Among(&["id", "name", "batch", "migration_time"]), Telling(&["batch", "migration_time"]), &["name"], &["id"]),
    tool("Knex", ELSEWHERE, Among(&["name", "batch", "migration_time"]), Telling(&["batch", "migration_time"]), &["name"], &["batch", "name"]),
    tool("MyBatis Migrations", "CHANGELOG", Exactly(&["id", "applied_at", "description"]), Saying(&["migrat", "changelog", "change_log"]), &["id"], &["id"]),
    tool("Evolve", "changelog", Among(&["version", "description", "name", "checksum", "installed_by", "installed_on", "success"]), Telling(&["installed_by", "installed_on"]), &["version"], &["installed_on"]),
    tool("Sequelize", "SequelizeMeta", Among(&["name"]), Never, &["name"], &["name"]),
    tool("Sequelize", ELSEWHERE, Exactly(&["name"]), Saying(&["migrat", "sequelizemeta", "sequelize_meta"]), &["name"], &["name"]),
    tool("Sequelize", ELSEWHERE, Exactly(&["name", "createdat", "updatedat"]), Saying(&["migrat", "sequelizemeta", "sequelize_meta"]), &["name"], &["name"]),
    tool("TypeORM", "migrations", Exactly(&["id", "timestamp", "name"]), Saying(MIGRATIONS), &["name"], &["timestamp"]),
    tool("Laravel", "migrations", Among(&["migration", "batch"]), Never, &["migration"], &["batch", "migration"]),
    tool("Laravel", ELSEWHERE, Exactly(&["id", "migration", "batch"]), Telling(&["migration", "batch"]), &["migration"], &["batch", "migration"]),
    tool("Laravel", ELSEWHERE, Exactly(&["migration", "batch"]), Telling(&["migration", "batch"]), &["migration"], &["batch", "migration"]),
    tool("CodeIgniter", "migrations", Among(&["version", "class", "namespace", "batch"]), Saying(MIGRATIONS), &["version"], &["batch", "version"]),
    tool("db-migrate", "migrations", Exactly(&["id", "name", "run_on"]), Never, &["name"], &["id"]),
    tool("node-pg-migrate or db-migrate", ELSEWHERE, Exactly(&["id", "name", "run_on"]), Saying(MIGRATIONS), &["name"], &["id"]),
    tool("postgres-migrations", "migrations", Exactly(&["id", "name", "hash", "executed_at"]), Saying(MIGRATIONS), &["name"], &["id"]),
    tool("Graphile Migrate", "migrations", Exactly(&["hash", "previous_hash", "filename", "date"]), Telling(&["previous_hash", "filename"]), &["filename"], &["date"]),
    tool("pgroll", "migrations", Among(&["schema", "name", "migration", "parent", "done"]), Never, &["name"], &["created_at"]),
    tool("gormigrate", "migrations", Exactly(&["id"]), Saying(MIGRATIONS), &["id"], &["id"]),
    tool("rambler", "migrations", Exactly(&["migration"]), Saying(MIGRATIONS), &["migration"], &["migration"]),
    tool("Entity Framework Core", "__EFMigrationsHistory", Among(&["MigrationId", "ProductVersion"]), Telling(&["MigrationId", "ProductVersion"]), &["MigrationId"], &["MigrationId"]),
    tool("Doctrine", "doctrine_migration_versions", Among(&["version", "executed_at"]), Never, &["version"], &["version"]),
    tool("Doctrine", ELSEWHERE, Exactly(&["version", "executed_at", "execution_time"]), Telling(&["executed_at", "execution_time"]), &["version"], &["version"]),
    tool("Doctrine", "migration_versions", Exactly(&["version", "executed_at"]), Saying(MIGRATIONS), &["version"], &["version"]),
    tool("Phinx", "phinxlog", Among(&["version", "start_time", "end_time"]), Saying(&["migrat", "phinx"]), &["version"], &["version"]),
    tool("Phinx", ELSEWHERE, Among(&["version", "migration_name", "start_time", "end_time", "breakpoint"]), Telling(&["migration_name", "breakpoint"]), &["version"], &["version"]),
    tool("Ecto", "schema_migrations", Exactly(&["version", "inserted_at"]), Saying(MIGRATIONS), &["version"], &["version"]),
    tool("Supabase", "schema_migrations", Among(&["version", "statements", "name"]), Never, &["version"], &["version"]),
    tool("Sequel", "schema_migrations", Exactly(&["filename"]), Saying(MIGRATIONS), &["filename"], &["filename"]),
    tool("Sequel", "schema_info", Exactly(&["version"]), Saying(&["schema_info"]), &["version"], &["version"]),
    tool("Drizzle", "__drizzle_migrations", Among(&["id", "hash", "created_at"]), Saying(MIGRATIONS), &["created_at"], &["created_at"]),
    tool("yoyo", "_yoyo_migration", Among(&["migration_hash", "migration_id", "applied_at_utc"]), Telling(&["migration_hash", "applied_at_utc"]), &["migration_id"], &["applied_at_utc"]),
    tool("MikroORM", "mikro_orm_migrations", Among(&["id", "name", "executed_at"]), Never, &["name"], &["id"]),
    tool("MikroORM", ELSEWHERE, Exactly(&["id", "name", "executed_at"]), Saying(MIGRATIONS), &["name"], &["id"]),
    tool("Kysely", "kysely_migration", Among(&["name", "timestamp"]), Never, &["name"], &["name"]),
    tool("Kysely", ELSEWHERE, Exactly(&["name", "timestamp"]), Saying(MIGRATIONS), &["name"], &["name"]),
    tool("SeaORM", "seaql_migrations", Among(&["version", "applied_at"]), Never, &["version"], &["version"]),
    tool("SeaORM", ELSEWHERE, Exactly(&["version", "applied_at"]), Saying(MIGRATIONS), &["version"], &["version"]),
    tool("Adonis Lucid", "adonis_schema", Among(&["id", "name", "batch", "migration_time"]), Never, &["name"], &["id"]),
    tool("Aerich", "aerich", Among(&["id", "version", "app"]), Never, &["version"], &["id"]),
    tool("Bun", "bun_migrations", Among(&["id", "name", "group_id", "migrated_at"]), Telling(&["group_id", "migrated_at"]), &["name"], &["id"]),
    tool("Pop", "schema_migration", Exactly(&["version"]), Never, &["version"], &["version"]),
    tool("tern", "schema_version", Exactly(&["version"]), Saying(VERSIONS), &["version"], &["version"]),
    tool("Play evolutions", "play_evolutions", Among(&["id", "hash", "applied_at", "apply_script"]), Telling(&["apply_script", "revert_script"]), &["id"], &["id"]),
    tool("DbUp", "schemaversions", Among(&["scriptname", "applied"]), Saying(&["migrat", "schemaversion", "schema_version"]), &["scriptname"], &["applied"]),
    tool("FluentMigrator", "VersionInfo", Exactly(&["Version", "AppliedOn", "Description"]), Telling(&["AppliedOn"]), &["Version"], &["Version"]),
    tool("Yii", "migration", Exactly(&["version", "apply_time"]), Telling(&["apply_time"]), &["version"], &["apply_time", "version"]),
    tool("Sqitch", "changes", Among(&["change_id", "change", "project", "committed_at", "planner_email"]), Never, &["project", "change"], &["committed_at"]),
    tool("Ebean", "db_migration", Among(&["id", "mtype", "mstatus", "mversion", "mchecksum"]), Telling(&["mversion", "mchecksum"]), &["mversion"], &["id"]),
    tool("Entity Framework 6", "__MigrationHistory", Among(&["MigrationId", "ContextKey", "Model", "ProductVersion"]), Telling(&["MigrationId", "ProductVersion"]), &["MigrationId"], &["MigrationId"]),
    tool("Cloudflare D1", "d1_migrations", Exactly(&["id", "name", "applied_at"]), Saying(MIGRATIONS), &["name"], &["id"]),
    tool("Migratus", "schema_migrations", Exactly(&["id", "applied", "description"]), Saying(MIGRATIONS), &["id"], &["id"]),
    tool("go-pg migrations", "gopg_migrations", Exactly(&["id", "version", "created_at"]), Saying(MIGRATIONS), &["version"], &["id"]),
];

/// The tool that keeps a table, and what shows that: a name of its own counts before columns do.
pub(super) fn keeper(table: &ForeignTable) -> Option<(&'static KnownTool, By)> {
    let named = ALL.iter().find(|tool| tool.is_named(table)).map(|tool| (tool, By::Name));
    let renamed = |tool: &'static KnownTool| Some((tool, tool.renamed.tells(tool.columns, table)?));
    named.or_else(|| ALL.iter().find_map(renamed))
}

impl KnownTool {
    fn is_named(&self, table: &ForeignTable) -> bool {
        self.table.eq_ignore_ascii_case(&table.name) && self.columns.are_of(table)
    }

    /// Asks for the newest row.
    pub(super) fn query(&self, table: &ForeignTable, dialect: Dialect) -> String {
        let quoted = |name: &&str| quote(column(table, name).unwrap_or(name), dialect);
        let version: Vec<String> = self.version.iter().map(|name| as_text(&quoted(name), dialect)).collect();
        let order: Vec<String> = self.order.iter().map(|name| format!("{} DESC", quoted(name))).collect();
        let (version, order, table) = (version.join(", "), order.join(", "), table.quoted(dialect));
        format!("SELECT {version} FROM {table} ORDER BY {order} LIMIT 1")
    }

    /// The version in the newest row; None where nothing is applied.
    pub(super) fn newest(rows: &[Vec<Option<String>>]) -> Option<String> {
        let parts: Vec<String> = rows.first()?.iter().map(|part| part.clone().unwrap_or_default()).collect();
        Some(parts.join(".")).filter(|version| !NOTHING.contains(&version.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Some tables are a tool's by their names alone, since an application may have their columns.
    #[rstest]
    #[case("django_migrations", &["id", "app", "name", "applied"], Some(("Django", By::Name)))]
    #[case("Django_Migrations", &["ID", "APP", "NAME", "APPLIED"], Some(("Django", By::Name)))]
    #[case("app_migrations", &["id", "app", "name", "applied"], Some(("Django", By::Hint)))]
    #[case("installed", &["id", "app", "name", "applied"], None)]
    #[case("django_migrations", &["id", "species", "season"], None)]
    #[case("alembic_version", &["version_num"], Some(("Alembic", By::Name)))]
    #[case("applied", &["version_num"], Some(("Alembic", By::Columns)))]
    fn a_name_of_its_own_counts_before_columns_do(
        #[case] name: &str,
        #[case] columns: &[&str],
        #[case] expected: Option<(&str, By)>,
    ) {
        let columns = columns.iter().map(ToString::to_string).collect();
        let table = ForeignTable { schema: "public".to_owned(), name: name.to_owned(), columns };
        assert_eq!(keeper(&table).map(|(tool, by)| (tool.name, by)), expected);
    }
}
