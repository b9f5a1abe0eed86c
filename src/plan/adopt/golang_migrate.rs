//! golang-migrate: one row, the version it is at.
//! Source: golang-migrate, `database/postgres` and `database/mysql`, `ensureVersionTable` and `SetVersion`.

use super::foreign_table::{is_true, select};
use super::history::ForeignHistory;
use super::problem::AdoptProblem;
use super::reader::Reader;
use super::signature::{Columns, Renamed};
use super::tool::Tool;

pub(super) const READER: Reader = Reader {
    table: "schema_migrations",
    columns: Columns::Exactly(&["version", "dirty"]),
    renamed: Renamed::Telling(&["dirty"]),
    is: |table, _, _| table.has_columns(&["version", "dirty"]),
    // It keeps one row: more than one is another's table, of which not all is read.
    query: |table, dialect| select(&["version", "dirty"], table, "version DESC LIMIT 2", dialect),
    read: |rows| {
        // No row: everything was undone.
        let Some(row) = rows.first() else { return Ok(ForeignHistory::default()) };
        let version = row.first().cloned().flatten().unwrap_or_default();
        if is_true(row.get(1).and_then(Option::as_ref)) {
            let advice = "bring the schema by hand to a version that is whole, and say so with migrate force VERSION";
            return Err(AdoptProblem::Dirty { tool: Tool::GolangMigrate, version, advice });
        }
        Ok(ForeignHistory { up_to: Some(version), each: Vec::new() })
    },
};
