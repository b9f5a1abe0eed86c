//! diesel: the versions applied, as the digits of the folders' names.
//! Source: diesel, `migration/mod.rs`, `setup_database`, and `diesel_migrations`, which takes `-` out of `2024-01-01-000001`.

use super::foreign_table::select;
use super::history::ForeignHistory;
use super::reader::Reader;
use super::signature::{Columns, MIGRATIONS, Renamed};

/// What `diesel setup` makes of its own; an application's first migration may have the same.
const INITIAL_SETUP: &str = "00000000000000";

pub(super) const READER: Reader = Reader {
    table: "__diesel_schema_migrations",
    columns: Columns::Exactly(&["version", "run_on"]),
    renamed: Renamed::Saying(MIGRATIONS),
    is: |table, _, _| table.has_columns(&["version", "run_on"]),
    query: |table, dialect| select(&["version"], table, "version", dialect),
    read: |rows| {
        let mut history = ForeignHistory::versions(rows.iter().filter_map(|row| row.first().cloned().flatten()));
        history.each.iter_mut().for_each(|migration| migration.may_be_its_own = migration.version == INITIAL_SETUP);
        Ok(history)
    },
};
