//! Tools that are known by their table alone: their histories stop a first run, but cannot be taken over. A name that
//! others may use, too, counts only with the tool's own columns.
//!
//! Source of each line: what the tool itself executes to make its table; `tests/histories` has those texts.

use super::foreign_table::{ForeignTable, as_text, quote};
use crate::migration::Dialect;

/// A tool that is known by its table.
#[derive(Debug, Eq, PartialEq)]
pub struct KnownTool {
    /// As its makers write it.
    pub name: &'static str,
    /// Its table's name as the tool writes it; servers change its case.
    pub(super) table: &'static str,
    columns: Columns,
    /// What tells a version.
    version: &'static [&'static str],
    /// What the newest has most of.
    order: &'static [&'static str],
}

/// By which columns a table is known, in any order and case.
#[derive(Debug, Eq, PartialEq)]
enum Columns {
    /// These and no others: the table's name alone says little.
    Exactly(&'static [&'static str]),
    /// These among others: the tool has added some in later versions.
    Among(&'static [&'static str]),
}
use Columns::{Among, Exactly};

/// What stands in a table in which nothing is applied yet.
const NOTHING: [&str; 2] = ["0", "m000000_000000_base"];

const fn tool(
    name: &'static str,
    table: &'static str,
    columns: Columns,
    version: &'static [&'static str],
    order: &'static [&'static str],
) -> KnownTool {
    KnownTool { name, table, columns, version, order }
}

#[rustfmt::skip]
pub(super) static ALL: &[KnownTool] = &[
    tool("Liquibase", "DATABASECHANGELOG", Among(&["id", "author", "filename", "dateexecuted", "md5sum"]), &["id"], &["dateexecuted"]),
    tool("Prisma", "_prisma_migrations", Among(&["id", "checksum", "finished_at", "migration_name", "started_at", "applied_steps_count"]), &["migration_name"], &["started_at"]),
    tool("Django", "django_migrations", Among(&["id", "app", "name", "applied"]), &["app", "name"], &["id"]),
    tool("Alembic", "alembic_version", Exactly(&["version_num"]), &["version_num"], &["version_num"]),
    tool("sql-migrate", "gorp_migrations", Among(&["id", "applied_at"]), &["id"], &["id"]),
    tool("node-pg-migrate", "pgmigrations", Among(&["id", "name", "run_on"]), &["name"], &["id"]),
    tool("Knex", "knex_migrations", Among(&["id", "name", "batch", "migration_time"]), &["name"], &["id"]),
    tool("MyBatis Migrations", "CHANGELOG", Exactly(&["id", "applied_at", "description"]), &["id"], &["id"]),
    tool("Evolve", "changelog", Among(&["version", "description", "name", "checksum", "installed_by", "installed_on", "success"]), &["version"], &["installed_on"]),
    tool("Sequelize", "SequelizeMeta", Among(&["name"]), &["name"], &["name"]),
    tool("TypeORM", "migrations", Exactly(&["id", "timestamp", "name"]), &["name"], &["timestamp"]),
    tool("Laravel", "migrations", Among(&["migration", "batch"]), &["migration"], &["batch", "migration"]),
    tool("CodeIgniter", "migrations", Among(&["version", "class", "namespace", "batch"]), &["version"], &["batch", "version"]),
    tool("db-migrate", "migrations", Exactly(&["id", "name", "run_on"]), &["name"], &["id"]),
    tool("postgres-migrations", "migrations", Exactly(&["id", "name", "hash", "executed_at"]), &["name"], &["id"]),
    tool("Graphile Migrate", "migrations", Exactly(&["hash", "previous_hash", "filename", "date"]), &["filename"], &["date"]),
    tool("pgroll", "migrations", Among(&["schema", "name", "migration", "parent", "done"]), &["name"], &["created_at"]),
    tool("gormigrate", "migrations", Exactly(&["id"]), &["id"], &["id"]),
    tool("rambler", "migrations", Exactly(&["migration"]), &["migration"], &["migration"]),
    tool("Entity Framework Core", "__EFMigrationsHistory", Among(&["MigrationId", "ProductVersion"]), &["MigrationId"], &["MigrationId"]),
    tool("Doctrine", "doctrine_migration_versions", Among(&["version", "executed_at"]), &["version"], &["version"]),
    tool("Doctrine", "migration_versions", Exactly(&["version", "executed_at"]), &["version"], &["version"]),
    tool("Phinx", "phinxlog", Among(&["version", "start_time", "end_time"]), &["version"], &["version"]),
    tool("Ecto", "schema_migrations", Exactly(&["version", "inserted_at"]), &["version"], &["version"]),
    tool("Supabase", "schema_migrations", Among(&["version", "statements", "name"]), &["version"], &["version"]),
    tool("Sequel", "schema_migrations", Exactly(&["filename"]), &["filename"], &["filename"]),
    tool("Sequel", "schema_info", Exactly(&["version"]), &["version"], &["version"]),
    tool("Drizzle", "__drizzle_migrations", Among(&["id", "hash", "created_at"]), &["created_at"], &["created_at"]),
    tool("yoyo", "_yoyo_migration", Among(&["migration_hash", "migration_id", "applied_at_utc"]), &["migration_id"], &["applied_at_utc"]),
    tool("MikroORM", "mikro_orm_migrations", Among(&["id", "name", "executed_at"]), &["name"], &["id"]),
    tool("Kysely", "kysely_migration", Among(&["name", "timestamp"]), &["name"], &["name"]),
    tool("SeaORM", "seaql_migrations", Among(&["version", "applied_at"]), &["version"], &["version"]),
    tool("Adonis Lucid", "adonis_schema", Among(&["id", "name", "batch", "migration_time"]), &["name"], &["id"]),
    tool("Aerich", "aerich", Among(&["id", "version", "app"]), &["version"], &["id"]),
    tool("Bun", "bun_migrations", Among(&["id", "name", "group_id", "migrated_at"]), &["name"], &["id"]),
    tool("Pop", "schema_migration", Exactly(&["version"]), &["version"], &["version"]),
    tool("tern", "schema_version", Exactly(&["version"]), &["version"], &["version"]),
    tool("Flyway before 5", "schema_version", Among(&["installed_rank", "version", "script", "checksum", "success"]), &["version"], &["installed_rank"]),
    tool("Play evolutions", "play_evolutions", Among(&["id", "hash", "applied_at", "apply_script"]), &["id"], &["id"]),
    tool("DbUp", "schemaversions", Among(&["scriptname", "applied"]), &["scriptname"], &["applied"]),
    tool("FluentMigrator", "VersionInfo", Exactly(&["Version", "AppliedOn", "Description"]), &["Version"], &["Version"]),
    tool("Yii", "migration", Exactly(&["version", "apply_time"]), &["version"], &["apply_time", "version"]),
    tool("Sqitch", "changes", Among(&["change_id", "change", "project", "committed_at", "planner_email"]), &["project", "change"], &["committed_at"]),
];

/// The tool that a table is kept by.
pub(super) fn keeper(table: &ForeignTable) -> Option<&'static KnownTool> {
    ALL.iter().find(|tool| tool.keeps(table))
}

impl KnownTool {
    fn keeps(&self, table: &ForeignTable) -> bool {
        let has = |name: &&str| column(table, name).is_some();
        self.table.eq_ignore_ascii_case(&table.name)
            && match self.columns {
                Exactly(columns) => columns.len() == table.columns.len() && columns.iter().all(has),
                Among(columns) => columns.iter().all(has),
            }
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

/// A column as the table has its name.
fn column<'t>(table: &'t ForeignTable, name: &str) -> Option<&'t str> {
    table.columns.iter().map(String::as_str).find(|column| column.eq_ignore_ascii_case(name))
}
