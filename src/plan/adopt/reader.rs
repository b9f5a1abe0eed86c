//! How a tool keeps its history: what each tool's file fills in.

use super::foreign_table::{ForeignTable, Row};
use super::history::Read;
use super::signature::{Columns, Renamed};
use crate::sql::Dialect;

/// How a tool keeps its history.
pub(super) struct Reader {
    pub(super) table: &'static str,
    /// Its columns, where it has another name.
    pub(super) columns: Columns,
    /// Under which other names it is known, too.
    pub(super) renamed: Renamed,
    /// Whether a table with its name is the tool's, given all tables that were found. If a person has named the tool,
    /// that overrides what other tables suggest.
    pub(super) is: fn(&ForeignTable, &[ForeignTable], Asked) -> bool,
    /// Asks for the table's rows.
    pub(super) query: fn(&ForeignTable, Dialect) -> String,
    pub(super) read: fn(&[Row]) -> Read,
}

/// Whether a person has said whose a table is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    Yes,
    No,
}
