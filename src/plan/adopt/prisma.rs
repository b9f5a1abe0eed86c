//! Prisma: a row each time a migration was tried, by the name of its folder, with SHA-256 of its file.
//! Source: Prisma, `schema-engine`, `create_migrations_table` and `migration_persistence.rs`.

use super::checksum::ForeignChecksum;
use super::foreign_table::{is_true, select};
use super::history::{ForeignHistory, ForeignMigration};
use super::problem::AdoptProblem;
use super::reader::Reader;
use super::signature::{Columns, Renamed};
use super::tool::Tool;

const COLUMNS: [&str; 6] = ["id", "checksum", "finished_at", "migration_name", "rolled_back_at", "applied_steps_count"];

pub(super) const READER: Reader = Reader {
    table: "_prisma_migrations",
    columns: Columns::Among(&COLUMNS),
    renamed: Renamed::Telling(&["migration_name", "applied_steps_count"]),
    is: |table, _, _| COLUMNS.iter().all(|name| table.columns.iter().any(|column| column == name)),
    query: |table, dialect| {
        let columns = ["migration_name", "checksum", "finished_at IS NOT NULL", "rolled_back_at IS NOT NULL"];
        select(&columns, table, "started_at, migration_name", dialect)
    },
    read: |rows| {
        let mut each = Vec::with_capacity(rows.len());
        for row in rows {
            let text = |column: usize| row.get(column).cloned().flatten();
            let (name, is) = (text(0).unwrap_or_default(), |column| is_true(row.get(column).and_then(Option::as_ref)));
            if is(3) {
                continue;
            }
            if !is(2) {
                let advice = "bring the schema by hand to where the file begins or ends, and record that with prisma \
                              migrate resolve --rolled-back or --applied";
                return Err(AdoptProblem::Dirty { tool: Tool::Prisma, version: name, advice });
            }
            each.push(ForeignMigration::new(name, text(1).map(ForeignChecksum::Sha256)));
        }
        Ok(ForeignHistory { up_to: None, each })
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::adopt::foreign_table::ForeignTable;
    use crate::plan::adopt::reader::Asked;

    fn row(name: &str, finished: bool, rolled_back: bool) -> Vec<Option<String>> {
        [name, "c", if finished { "1" } else { "0" }, if rolled_back { "true" } else { "false" }]
            .map(|text| Some(text.to_owned()))
            .to_vec()
    }

    #[test]
    fn its_table_has_all_its_columns_and_may_have_more() {
        let is = |columns: &[&str]| {
            let columns = columns.iter().map(|&column| column.to_owned()).collect();
            let table = ForeignTable { schema: "public".to_owned(), name: READER.table.to_owned(), columns };
            (READER.is)(&table, &[], Asked::No)
        };
        assert!(is(&COLUMNS) && is(&[COLUMNS.as_slice(), &["logs", "started_at"]].concat()));
        assert!(!is(&COLUMNS[1..]) && !is(&[]));
    }

    #[test]
    fn a_try_that_was_rolled_back_does_not_count_and_one_that_has_not_ended_is_refused() {
        let rows = [row("1_a", true, false), row("2_b", false, true), row("2_b", true, false)];
        let history = (READER.read)(&rows).unwrap();
        assert_eq!(history.each.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["1_a", "2_b"]);
        let problem = (READER.read)(&[row("1_a", true, false), row("3_c", false, false)]).unwrap_err();
        assert!(
            problem.to_string().contains("version 3_c has failed") && problem.to_string().contains("resolve"),
            "{problem}"
        );
    }
}
