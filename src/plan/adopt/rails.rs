//! Rails: the versions applied; from version 5 on beside a table of metadata, which distinguishes it from dbmate.
//! Source: Active Record, `schema_migration.rb` and `internal_metadata.rb`.

use super::foreign_table::ForeignTable;
use super::reader::{Asked, Reader};
use super::signature::{Columns, MIGRATIONS, Renamed};
use super::version_list::{versions, versions_query};

/// The table that is Rails' alone.
pub(super) const METADATA: &str = "ar_internal_metadata";

pub(super) const READER: Reader = Reader {
    table: "schema_migrations",
    columns: Columns::Exactly(&["version"]),
    renamed: Renamed::Saying(MIGRATIONS),
    is: |table, all, asked| table.has_columns(&["version"]) && (asked == Asked::Yes || has_metadata(table, all)),
    query: versions_query,
    read: versions,
};

/// Whether the metadata lie beside a table. An application may give both tables a prefix.
pub(super) fn has_metadata(table: &ForeignTable, all: &[ForeignTable]) -> bool {
    all.iter().any(|other| other.name.ends_with(METADATA) && other.schema == table.schema)
}
