//! Which migrations a baseline records: a person says that the database already has them.

use super::ledger_state::LedgerState;
use super::problem::PlanProblem;
use crate::migration::{Migration, MigrationFile, MigrationSet, Version};

/// The migrations up to a version of the set, in version order.
///
/// # Errors
///
/// Where the ledger says that Schemaward has run here, or the set does not have the version.
pub fn baseline<'a>(
    set: &'a MigrationSet,
    ledger: &LedgerState,
    version: &Version,
) -> Result<Vec<&'a Migration>, PlanProblem> {
    if let Some(current) = ledger.in_use() {
        return Err(PlanProblem::LedgerInUse { current: current.clone() });
    }
    if set.get(version).is_none() {
        return Err(PlanProblem::not_in_source(
            set.files().migrations().iter().map(MigrationFile::version),
            set.files().newest(),
            version,
        ));
    }
    Ok(set.migrations().filter(|migration| migration.version <= *version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Checksum, SourceFile};
    use crate::plan::{BegunStatement, Kind, LedgerRow, StatementState};
    use crate::sql::Dialect;

    fn set() -> MigrationSet {
        let files: Vec<SourceFile> =
            (1..4).map(|n| SourceFile { name: format!("00{n}_m.sql"), bytes: b"select 1".to_vec() }).collect();
        MigrationSet::read(files, Dialect::Postgres).unwrap()
    }

    #[test]
    fn all_up_to_a_version_that_the_folder_has() {
        let set = set();
        let found = baseline(&set, &LedgerState::default(), &"2".parse().unwrap()).unwrap();
        assert_eq!(found.iter().map(|m| m.file.as_str()).collect::<Vec<_>>(), ["001_m.sql", "002_m.sql"]);
        let problem = baseline(&set, &LedgerState::default(), &"4".parse().unwrap()).unwrap_err();
        assert!(problem.to_string().contains("not in the source"), "{problem}");
    }

    #[test]
    fn only_where_nothing_is_in_force_or_half_applied() {
        let version: Version = "1".parse().unwrap();
        let row = LedgerRow {
            version: version.clone(),
            file: "001_m.sql".to_owned(),
            checksum: Checksum::of(b"x"),
            token_checksum: Checksum::of(b"x"),
            kind: Kind::Migration,
            id: 1,
        };
        let begun = |state| {
            LedgerState::default().with_begun(vec![BegunStatement {
                kind: Kind::Migration,
                version: Some(version.clone()),
                file: "001_m.sql".to_owned(),
                number: 1,
                checksum: Checksum::of(b"x"),
                state,
                left_a_part: false,
            }])
        };
        for ledger in [LedgerState::new([row]), begun(StatementState::Finished), begun(StatementState::Started)] {
            let problem = baseline(&set(), &ledger, &version).unwrap_err();
            assert!(problem.to_string().contains("ledger is not empty"), "{problem}");
        }
        assert!(
            baseline(&set(), &begun(StatementState::Failed), &version).is_ok(),
            "what was refused has left nothing"
        );
    }
}
