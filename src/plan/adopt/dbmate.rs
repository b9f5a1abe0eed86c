//! dbmate: the versions applied, in a table that looks as Rails' does.
//! Source: dbmate, `pkg/driver/*`, `CreateMigrationsTable`.

use super::rails;
use super::reader::{Asked, Reader};
use super::signature::{Columns, MIGRATIONS, Renamed};
use super::version_list::{versions, versions_query};

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
