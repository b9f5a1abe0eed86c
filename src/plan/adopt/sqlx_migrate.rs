//! sqlx: a row a migration, with SHA-384 of its file.
//! Source: sqlx, `sqlx-postgres/src/migrate.rs` and `sqlx-mysql/src/migrate.rs`.

use super::checksum::ForeignChecksum;
use super::foreign_table::{is_true, select};
use super::history::{ForeignHistory, ForeignMigration};
use super::problem::AdoptProblem;
use super::reader::Reader;
use super::signature::{Columns, Renamed};
use super::tool::Tool;
use crate::sql::Dialect;

pub(super) const READER: Reader = Reader {
    table: "_sqlx_migrations",
    columns: Columns::Exactly(&["version", "description", "installed_on", "success", "checksum", "execution_time"]),
    renamed: Renamed::Telling(&["installed_on", "success", "execution_time"]),
    is: |table, _, _| {
        table.has_columns(&["version", "description", "installed_on", "success", "checksum", "execution_time"])
    },
    query: |table, dialect| {
        let hex = match dialect {
            Dialect::Postgres => "pg_catalog.encode(checksum, 'hex')",
            Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite => "LOWER(HEX(checksum))",
        };
        select(&["version", "success", hex], table, "version", dialect)
    },
    read: |rows| {
        let mut each = Vec::with_capacity(rows.len());
        for row in rows {
            let text = |column: usize| row.get(column).cloned().flatten();
            let version = text(0).unwrap_or_default();
            if !is_true(text(1).as_ref()) {
                let advice =
                    "bring the schema by hand to where the file begins or ends, and delete its row, or set success";
                return Err(AdoptProblem::Dirty { tool: Tool::Sqlx, version, advice });
            }
            each.push(ForeignMigration::new(version, text(2).map(ForeignChecksum::Sha384)));
        }
        Ok(ForeignHistory { up_to: None, each })
    },
};
