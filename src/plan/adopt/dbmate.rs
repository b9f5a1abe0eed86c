//! dbmate: the versions applied, in a table that looks as Rails' does.
//! Source: dbmate, `pkg/driver/*`, `CreateMigrationsTable`.

use super::foreign_table::{ForeignTable, Row, select};
use super::history::{ForeignHistory, Read};
use super::rails;
use super::signature::{Columns, MIGRATIONS, Renamed};
use super::tool::{Asked, Reader};
use crate::sql::Dialect;

pub(super) const READER: Reader = Reader {
    table: "schema_migrations",
    columns: Columns::Exactly(&["version"]),
    renamed: Renamed::Saying(MIGRATIONS),
    is: |table, all, asked| {
        table.has_columns(&["version"]) && (asked == Asked::Yes || !rails::has_metadata(table, all))
    },
    query: versions_query,
    read: versions,
};

/// Asks for all versions.
pub(super) fn versions_query(table: &ForeignTable, dialect: Dialect) -> String {
    select(&["version"], table, "version", dialect)
}

/// A version a row.
#[expect(clippy::unnecessary_wraps, reason = "other tools' histories can be refused")]
pub(super) fn versions(rows: &[Row]) -> Read {
    Ok(ForeignHistory::versions(rows.iter().filter_map(|row| row.first().cloned().flatten())))
}
