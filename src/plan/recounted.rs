//! Files that share a version and are numbered by the order of their names (Prisma's): what shifts these numbers.

use std::collections::HashSet;

use super::ledger_row::LedgerRow;
use super::ledger_state::LedgerState;
use super::problem::PlanProblem;
use crate::migration::{MigrationFile, MigrationFiles, stem};

/// Why a file does not have the version under which it, or another one, was applied.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Recounted {
    /// This row's file was not applied; its name sorts before one that was.
    Added(PlanProblem),
    /// The file that was applied is missing.
    Removed,
    /// A problem of another file is the cause.
    Shifted,
}

/// The stems of the files that are numbered by name, and of those that were applied. Empty where no file is numbered so.
#[derive(Debug)]
pub(super) struct ByName<'a> {
    in_set: HashSet<&'a str>,
    applied: HashSet<String>,
}

impl<'a> ByName<'a> {
    pub(super) fn new(set: &'a MigrationFiles, ledger: &LedgerState) -> Self {
        let in_set: HashSet<&str> =
            set.migrations().iter().filter(|file| file.is_by_name()).map(MigrationFile::stem).collect();
        let applied = if in_set.is_empty() {
            HashSet::new()
        } else {
            ledger.applied().iter().filter_map(|row| stem(&row.file)).collect()
        };
        Self { in_set, applied }
    }

    /// Why the file that was found at a row's version is another one; None if it is the one that was applied, perhaps
    /// renamed.
    pub(super) fn recounted(&self, row: &LedgerRow, found: &MigrationFile) -> Option<Recounted> {
        let applied = stem(&row.file).filter(|stem| found.is_by_name() && stem != found.stem())?;
        match (self.in_set.contains(applied.as_str()), self.applied.contains(found.stem())) {
            (true, false) => Some(Recounted::Added(PlanProblem::CameBetween {
                version: found.version().clone(),
                file: found.file().to_owned(),
                applied_file: row.file.clone(),
            })),
            (false, true) => Some(Recounted::Removed),
            (true, true) => Some(Recounted::Shifted),
            (false, false) => None,
        }
    }

    /// Whether a file without a row of its version was applied under another one.
    pub(super) fn was_applied(&self, file: &MigrationFile) -> bool {
        file.is_by_name() && self.applied.contains(file.stem())
    }

    /// Whether the file of a row that has no version in the set any more is there under another one.
    pub(super) fn is_shifted(&self, row: &LedgerRow) -> bool {
        stem(&row.file).is_some_and(|stem| self.in_set.contains(stem.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::migration::{Checksum, MigrationFiles, SourceFile};
    use crate::plan::{Kind, LedgerRow, LedgerState, PlanOptions, PlanProblem, Target, plan};
    use crate::sql::Dialect;

    /// Folders that share a time, each with the same content, which a comparison of checksums would confuse.
    fn files(names: &[&str]) -> MigrationFiles {
        let file = |name: &&str| {
            let time = if *name == "later" { "20250101000000" } else { "20240528214728" };
            SourceFile { name: format!("{time}_{name}/migration.sql"), bytes: b"select 1".to_vec() }
        };
        MigrationFiles::sorted(names.iter().map(file).collect(), Dialect::Postgres).unwrap()
    }

    fn applied(names: &[&str]) -> LedgerState {
        let set = files(names);
        LedgerState::new((1..).zip(set.migrations()).map(|(id, file)| LedgerRow {
            id,
            kind: Kind::Migration,
            version: file.version().clone(),
            file: file.file().to_owned(),
            checksum: file.checksum().clone(),
            token_checksum: Checksum::of(b""),
        }))
    }

    #[rstest]
    #[case::behind(&["b", "c"], &["b", "c", "d"], &[])]
    #[case::in_front(&["b", "c"], &["a", "b", "c"], &["20240528214728_a/migration.sql: the folder has the same time as that of 20240528214728_b/migration.sql, "])]
    #[case::between(&["a", "c", "d"], &["a", "b", "c", "d"], &["20240528214728_b/migration.sql: the folder has the same time as that of 20240528214728_c/"])]
    #[case::removed(&["a", "b", "c"], &["a", "c"], &["20240528214728_b/migration.sql: version 20240528214728.1 is applied but missing "])]
    #[case::renamed(&["a", "c"], &["b", "c"], &[])]
    #[case::in_front_of_later(&["b", "c", "later"], &["a", "b", "c", "later"], &["20240528214728_a/migration.sql: the folder has the same time as that of 20240528214728_b/migration.sql, "])]
    #[case::removed_before_later(&["a", "b", "c", "later"], &["a", "c", "later"], &["20240528214728_b/migration.sql: version 20240528214728.1 is applied but missing "])]
    fn a_folder_that_shifts_the_numbers_of_others_is_refused(
        #[case] before: &[&str],
        #[case] now: &[&str],
        #[case] expected: &[&str],
    ) {
        let (set, ledger) = (files(now), applied(before));
        let problems = plan(&set, &ledger, &PlanOptions::to(Target::Latest)).err().unwrap_or_default();
        let said: Vec<String> = problems.iter().map(PlanProblem::to_string).collect();
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        assert!(said.iter().zip(expected).all(|(said, expected)| said.starts_with(expected)), "{said:#?}");
    }

    #[test]
    fn a_folder_that_has_become_a_config_map_s_key_is_the_same_migration() {
        let keys = ["a", "b"].map(|name| SourceFile {
            name: format!("20240528214728_{name}.migration.sql"),
            bytes: b"select 1".to_vec(),
        });
        let set = MigrationFiles::sorted(keys.to_vec(), Dialect::Postgres).unwrap();
        let ledger = applied(&["a", "b"]);
        let plan = plan(&set, &ledger, &PlanOptions::to(Target::Latest)).unwrap();
        assert_eq!((plan.steps.len(), plan.warnings.len()), (0, 2));
    }
}
