//! refinery: a row a migration, with a `SipHash` of name, version and SQL.
//! Source: refinery-core, `traits/mod.rs` and `runner.rs`.

use super::checksum::ForeignChecksum;
use super::foreign_table::select;
use super::history::{ForeignHistory, ForeignMigration};
use super::reader::Reader;
use super::signature::{Columns, Renamed};

pub(super) const READER: Reader = Reader {
    table: "refinery_schema_history",
    columns: Columns::Exactly(&["version", "name", "applied_on", "checksum"]),
    renamed: Renamed::Telling(&["applied_on", "checksum"]),
    is: |table, _, _| table.has_columns(&["version", "name", "applied_on", "checksum"]),
    query: |table, dialect| select(&["version", "name", "checksum"], table, "version", dialect),
    read: |rows| {
        let migration = |row: &Vec<Option<String>>| {
            let text = |column: usize| row.get(column).cloned().flatten();
            let version = text(0)?;
            let hash = text(2).and_then(|hash| hash.parse().ok());
            let checksum = hash
                .zip(version.parse().ok())
                .zip(text(1))
                .map(|((hash, version), name)| ForeignChecksum::SipHash { name, version, hash });
            Some(ForeignMigration::new(version, checksum))
        };
        Ok(ForeignHistory { up_to: None, each: rows.iter().filter_map(migration).collect() })
    },
};
