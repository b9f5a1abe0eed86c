//! goose: a row each time a version was applied; before 3.0 also one each time it was undone.
//! Source: goose, `internal/dialects` and `database/store.go`: of the rows of a version the newest counts.

use super::foreign_table::{is_true, select};
use super::history::ForeignHistory;
use super::reader::Reader;
use super::signature::{Columns, Renamed};

pub(super) const READER: Reader = Reader {
    table: "goose_db_version",
    columns: Columns::Exactly(&["id", "version_id", "is_applied", "tstamp"]),
    renamed: Renamed::Telling(&["version_id", "is_applied", "tstamp"]),
    is: |table, _, _| table.has_columns(&["id", "version_id", "is_applied", "tstamp"]),
    query: |table, dialect| select(&["version_id", "is_applied"], table, "id", dialect),
    read: |rows| {
        let mut applied: Vec<String> = Vec::new();
        for row in rows {
            let Some(Some(version)) = row.first() else { continue };
            applied.retain(|known| known != version);
            // Version 0 only says that the table was made.
            if is_true(row.get(1).and_then(Option::as_ref)) && version != "0" {
                applied.push(version.clone());
            }
        }
        Ok(ForeignHistory::versions(applied))
    },
};
