//! Atlas: a row a file, with how many of its statements have run.
//! Source: atlas, `cmd/atlas/internal/migrate/ent/migrate/schema.go` and `sql/migrate/migrate.go`, `RevisionType`. Its
//! checksums are sums over all files before, too, and are not recomputed.

use super::foreign_table::{select, type_column};
use super::history::{ForeignHistory, ForeignMigration};
use super::problem::AdoptProblem;
use super::reader::Reader;
use super::signature::{Columns, Renamed};
use super::tool::Tool;

/// The bit of a row that says that everything up to it was there before.
const BASELINE: u32 = 1;
/// Rows of Atlas' own, such as `.atlas_cloud_identifier`.
const OWN: char = '.';

pub(super) const READER: Reader = Reader {
    table: "atlas_schema_revisions",
    columns: Columns::Among(&[
        "version",
        "type",
        "applied",
        "total",
        "executed_at",
        "execution_time",
        "error",
        "hash",
        "operator_version",
    ]),
    renamed: Renamed::Telling(&["executed_at", "operator_version"]),
    is: |table, _, _| {
        ["version", "type", "applied", "total", "error"].iter().all(|name| table.columns.iter().any(|c| c == name))
    },
    query: |table, dialect| {
        select(&["version", type_column(dialect), "applied", "total", "error"], table, "version", dialect)
    },
    read: |rows| {
        let mut history = ForeignHistory::default();
        for row in rows {
            let text = |column: usize| row.get(column).cloned().flatten();
            let Some(version) = text(0).filter(|version| !version.starts_with(OWN)) else { continue };
            let number = |column: usize| text(column).and_then(|number| number.parse::<u32>().ok());
            if number(2) < number(3) || text(4).is_some_and(|error| !error.is_empty()) {
                let advice = "finish it with atlas migrate apply, or say how far it is with atlas migrate set";
                return Err(AdoptProblem::Dirty { tool: Tool::Atlas, version, advice });
            }
            if number(1).unwrap_or_default() & BASELINE == BASELINE {
                history.up_to = Some(version);
            } else {
                history.each.push(ForeignMigration::new(version, None));
            }
        }
        Ok(history)
    },
};
