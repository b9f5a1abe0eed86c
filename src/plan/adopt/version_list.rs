//! A table with a version a row and nothing more, as several tools keep it.

use super::foreign_table::{ForeignTable, Row, select};
use super::history::{ForeignHistory, Read};
use crate::sql::Dialect;

/// Asks for all versions.
pub(super) fn versions_query(table: &ForeignTable, dialect: Dialect) -> String {
    select(&["version"], table, "version", dialect)
}

/// A version a row.
#[expect(clippy::unnecessary_wraps, reason = "other tools' histories can be refused")]
pub(super) fn versions(rows: &[Row]) -> Read {
    Ok(ForeignHistory::versions(rows.iter().filter_map(|row| row.first().cloned().flatten())))
}
