//! Statements of a file that would create or drop what a run keeps its record in, as a dump of a database that has a ledger
//! does. Found before anything runs: MySQL and MariaDB could not undo them. Pure.

use crate::migration::Migration;
use crate::plan::Step;
use crate::report::{Failure, Reason};
use crate::sql::{Ddl, Dialect, Modifier, Name, ObjectKind};

/// What the tables of every engine's ledger are called, after the schema or the prefix.
const TABLES: [&str; 9] = [
    "schema_migrations",
    "migration_locks",
    "statement_journal",
    "ledger",
    "schemaward_ledger",
    "ledger_identity",
    "accepted_edits",
    "acknowledgements",
    "runs",
];

/// The failure of the first such statement. `history`: the ledger's schema, or what its tables' names begin with.
/// `address`: the database's, which ends in its name.
pub(super) fn touched(steps: &[Step<'_>], history: &str, address: &str) -> Option<Failure> {
    let database = address.rsplit('/').next().unwrap_or_default();
    steps.iter().find_map(|step| {
        let migration = &step.migration;
        let is_it =
            |ddl: &Ddl| touches(ddl, migration.dialect, history) || drops_database(ddl, migration.dialect, database);
        let index = migration.statements.iter().position(|found| found.facts.ddl.as_deref().is_some_and(is_it))?;
        Some(failure(migration, index, history))
    })
}

fn failure(migration: &Migration, index: usize, history: &str) -> Failure {
    let (what, dump) = match migration.dialect {
        Dialect::Postgres => {
            (format!("in the schema {history}"), format!("pg_dump --exclude-schema={history} leaves it out of a dump"))
        }
        Dialect::Mysql | Dialect::Mariadb => (
            format!("in tables of this database whose names begin with {history}_"),
            "--ignore-table=DATABASE.TABLE, once for each of them, leaves them out of a dump".to_owned(),
        ),
        Dialect::Sqlite => (
            format!("in tables whose names begin with {history}_"),
            "remove the statements about them from the dump".to_owned(),
        ),
    };
    Failure::new(
        Reason::InvalidSource,
        format!("this statement is about the ledger, in which the run records what it does ({what}); nothing was run"),
    )
    .hint(format!("{dump}; a migration must not create or drop it"))
    .at(migration.place_of_statement(index))
}

fn touches(ddl: &Ddl, dialect: Dialect, history: &str) -> bool {
    match ddl {
        // It does nothing.
        Ddl::Create(create) if create.kind == ObjectKind::Schema && create.says(Modifier::IfNotExists) => false,
        // It may shadow the ledger, which is named in full.
        Ddl::Create(create) if create.says(Modifier::Temporary) => false,
        Ddl::Create(create) => create.name.iter().any(|name| is_of_ledger(name, create.kind, dialect, history)),
        Ddl::Drop(drop) => drop.names.iter().any(|name| is_of_ledger(name, drop.kind, dialect, history)),
        Ddl::Alter(_) | Ddl::Rename(_) => false,
    }
}

/// Elsewhere a database that is in use cannot be dropped.
fn drops_database(ddl: &Ddl, dialect: Dialect, database: &str) -> bool {
    let (Ddl::Drop(drop), Dialect::Mysql | Dialect::Mariadb) = (ddl, dialect) else { return false };
    let is_database = matches!(drop.kind, ObjectKind::Database | ObjectKind::Schema);
    is_database && drop.names.iter().any(|name| name.last().as_str() == database)
}

fn is_of_ledger(name: &Name, kind: ObjectKind, dialect: Dialect, history: &str) -> bool {
    let last = name.last().as_str();
    match dialect {
        Dialect::Postgres if kind == ObjectKind::Schema => last == history,
        Dialect::Postgres => {
            let in_schema = name.schema().is_some_and(|schema| schema.as_str() == history);
            in_schema && kind == ObjectKind::Table && TABLES.contains(&last)
        }
        Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite => {
            let table = last.strip_prefix(history).and_then(|rest| rest.strip_prefix('_'));
            kind == ObjectKind::Table && table.is_some_and(|table| TABLES.contains(&table))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::Facts;

    #[rstest]
    #[case(Dialect::Postgres, "create schema schemaward", true)]
    #[case(Dialect::Postgres, "drop schema \"schemaward\" cascade", true)]
    #[case(Dialect::Postgres, "create table schemaward.runs (a int)", true)]
    #[case(Dialect::Postgres, "create schema if not exists schemaward", false)]
    #[case(Dialect::Postgres, "create table schemaward.own (a int)", false)]
    #[case(Dialect::Postgres, "create table runs (a int)", false)]
    #[case(Dialect::Postgres, "create policy p on schemaward.runs", false)]
    #[case(Dialect::Postgres, "alter table schemaward.runs enable row level security", false)]
    #[case(Dialect::Mysql, "DROP TABLE IF EXISTS `schemaward_schema_migrations`", true)]
    #[case(Dialect::Mariadb, "create table shop.schemaward_runs (a int)", true)]
    #[case(Dialect::Mysql, "create table schemaward_colours (a int)", false)]
    #[case(Dialect::Mysql, "create table runs (a int)", false)]
    #[case(Dialect::Sqlite, "CREATE TABLE IF NOT EXISTS \"schemaward_ledger\" (version)", true)]
    #[case(Dialect::Sqlite, "drop index schemaward_runs", false)]
    #[case(Dialect::Sqlite, "CREATE TEMP TABLE schemaward_runs (x)", false)]
    fn what_is_about_the_ledger(#[case] dialect: Dialect, #[case] sql: &str, #[case] expected: bool) {
        let facts = Facts::of(sql, dialect);
        assert_eq!(facts.ddl.is_some_and(|ddl| touches(&ddl, dialect, "schemaward")), expected);
    }
}
