//! Flyway: a row each time something was done, with CRC-32 of the file.
//! Source: Flyway, `flyway-core`, `createMetaDataTable.sql` and `CoreMigrationType`.

use super::checksum::ForeignChecksum;
use super::foreign_table::{is_true, select, type_column};
use super::history::{ForeignHistory, ForeignMigration};
use super::problem::AdoptProblem;
use super::reader::Reader;
use super::signature::{Columns, Renamed};
use super::tool::Tool;

pub(super) const READER: Reader = Reader {
    table: "flyway_schema_history",
    columns: Columns::Among(&["installed_rank", "version", "type", "script", "checksum", "success"]),
    renamed: Renamed::Telling(&["installed_rank", "script"]),
    is: |table, _, _| {
        ["installed_rank", "version", "type", "script", "checksum", "success"]
            .iter()
            .all(|name| table.columns.iter().any(|c| c == name))
    },
    query: |table, dialect| {
        select(&["version", type_column(dialect), "script", "checksum", "success"], table, "installed_rank", dialect)
    },
    read: |rows| {
        let mut history = ForeignHistory::default();
        for row in rows {
            let text = |column: usize| row.get(column).cloned().flatten();
            let (version, kind) = (text(0), text(1).unwrap_or_default());
            if !is_true(text(4).as_ref()) {
                let version = version.or_else(|| text(2)).unwrap_or_default();
                let advice = "clean up what it has left, and say so with flyway repair";
                return Err(AdoptProblem::Dirty { tool: Tool::Flyway, version, advice });
            }
            // Without a version: a repeatable file, which runs once more, or the schema that Flyway made.
            let Some(version) = version else { continue };
            history.each.retain(|known| known.version != version);
            // Until version 3 a baseline was an INIT.
            if kind.ends_with("BASELINE") || kind == "INIT" {
                history.up_to = Some(version);
            } else if kind != "DELETE" && !kind.starts_with("UNDO") {
                let checksum = text(3).and_then(|crc| crc.parse().ok()).map(ForeignChecksum::Crc32);
                history.each.push(ForeignMigration::new(version, checksum));
            }
        }
        Ok(history)
    },
};

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::READER;

    fn rows(rows: &[(&str, &str)]) -> Vec<Vec<Option<String>>> {
        let row = |(version, kind): &(&str, &str)| {
            let version = (!version.is_empty()).then(|| (*version).to_owned());
            vec![
                version,
                Some((*kind).to_owned()),
                Some("x.sql".to_owned()),
                Some("-1".to_owned()),
                Some("true".to_owned()),
            ]
        };
        rows.iter().map(row).collect()
    }

    #[rstest]
    #[case::undone(&[("1", "SQL"), ("2", "SQL"), ("2", "UNDO_SQL")], None, &["1"])]
    #[case::undone_and_applied_again(&[("1", "SQL"), ("1", "UNDO_SQL"), ("1", "SQL")], None, &["1"])]
    #[case::deleted(&[("1", "SQL"), ("2", "SQL"), ("1", "DELETE")], None, &["2"])]
    #[case::baseline(&[("2", "BASELINE"), ("3", "SQL")], Some("2"), &["3"])]
    #[case::baseline_before_version_3(&[("2", "INIT"), ("3", "SQL")], Some("2"), &["3"])]
    #[case::without_a_version(&[("", "SCHEMA"), ("1", "SQL"), ("", "SQL")], None, &["1"])]
    fn what_rows_mean(#[case] given: &[(&str, &str)], #[case] up_to: Option<&str>, #[case] each: &[&str]) {
        let history = (READER.read)(&rows(given)).unwrap();
        assert_eq!(history.up_to.as_deref(), up_to);
        assert_eq!(history.each.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), each);
    }
}
