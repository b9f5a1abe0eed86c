//! The ordered steps from a ledger's state to a target.

use sha2::{Digest, Sha256};

use super::ledger_state::{AppliedRow, LedgerState};
use super::problem::PlanProblem;
use super::target::Target;
use crate::migration::{Checksum, Migration, MigrationSet, Version};

/// The ordered steps from a ledger's state to a target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan<'a> {
    /// What is to be applied, oldest first; empty where the database is there already.
    pub steps: Vec<&'a Migration>,
    /// The newest version applied; absent where none is.
    pub from: Option<Version>,
    /// The version asked for, `latest` resolved to the source's last.
    pub to: Version,
    /// Applied versions newer than all of the source. Nothing is undone.
    pub ahead: Vec<Version>,
    /// What a person should know and what stops nothing.
    pub warnings: Vec<PlanWarning>,
}

/// What a person should know and what stops nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanWarning {
    /// Comments or white space of an applied file were changed.
    #[error(
        "{file}: comments or white space of version {version} were changed after it was applied; its SQL is the same"
    )]
    CosmeticEdit {
        /// The version.
        version: Version,
        /// The file as it is named now.
        file: String,
    },
    /// An applied file has another name now.
    #[error("{file}: version {version} was applied from a file named {applied_file}; its SQL is the same")]
    Renamed {
        /// The version.
        version: Version,
        /// The file as it is named now.
        file: String,
        /// The file's name when it was applied.
        applied_file: String,
    },
}

impl Plan<'_> {
    /// SHA-256 over the version it starts from, the version it leads to, and each step's version, file and checksum,
    /// each with its length.
    #[must_use]
    pub fn hash(&self) -> Checksum {
        let mut hash = Sha256::new();
        let mut feed = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        feed(self.from.as_ref().map_or("", Version::as_str));
        feed(self.to.as_str());
        for step in &self.steps {
            feed(step.version.as_str());
            feed(&step.file);
            feed(step.checksum.as_str());
        }
        Checksum::stored(format!("{:x}", hash.finalize()))
    }
}

/// Finds the steps from a ledger's state to a target.
///
/// # Errors
///
/// Every [`PlanProblem`] there is, by version, those of the target last.
pub fn plan<'a>(set: &'a MigrationSet, ledger: &LedgerState, target: &Target) -> Result<Plan<'a>, Vec<PlanProblem>> {
    let last = set.newest();
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let (ahead, known): (Vec<&AppliedRow>, _) = ledger.applied().iter().partition(|row| row.version > *last);
    for row in known {
        match set.get(&row.version) {
            None => problems.push(missing(row, last)),
            Some(migration) => match compare(row, migration) {
                Ok(found) => warnings.extend(found),
                Err(problem) => problems.push(problem),
            },
        }
    }
    let to = reachable(set, ledger, target, last).map_err(|problem| problems.push(problem));
    let pending = set.migrations().iter().filter(|migration| ledger.get(&migration.version).is_none());
    let (late, pending): (Vec<_>, Vec<_>) = pending.partition(|migration| ledger.current() > Some(&migration.version));
    problems.extend(late.into_iter().filter_map(|migration| out_of_order(migration, ledger)));
    match to {
        Ok(to) if problems.is_empty() => Ok(Plan {
            steps: pending.into_iter().filter(|migration| migration.version <= to).collect(),
            from: ledger.current().cloned(),
            to,
            ahead: ahead.into_iter().map(|row| row.version.clone()).collect(),
            warnings,
        }),
        _ => Err(problems),
    }
}

fn missing(row: &AppliedRow, last: &Version) -> PlanProblem {
    PlanProblem::Missing { version: row.version.clone(), file: row.file.clone(), last: last.clone() }
}

fn compare(row: &AppliedRow, migration: &Migration) -> Result<Option<PlanWarning>, PlanProblem> {
    let (version, file) = (migration.version.clone(), migration.file.clone());
    if row.checksum == migration.checksum {
        let renamed = row.file != migration.file;
        return Ok(renamed.then(|| PlanWarning::Renamed { version, file, applied_file: row.file.clone() }));
    }
    if row.token_checksum == migration.token_checksum {
        return Ok(Some(PlanWarning::CosmeticEdit { version, file }));
    }
    Err(PlanProblem::Edited { version, file, applied: row.checksum.clone(), found: migration.checksum.clone() })
}

fn out_of_order(migration: &Migration, ledger: &LedgerState) -> Option<PlanProblem> {
    let newer = ledger.applied().iter().find(|row| row.version > migration.version)?;
    Some(PlanProblem::OutOfOrder {
        version: migration.version.clone(),
        file: migration.file.clone(),
        newer_file: newer.file.clone(),
        current: ledger.current().unwrap_or(&newer.version).clone(),
    })
}

/// The target as a version, where a way forward leads there.
fn reachable(
    set: &MigrationSet,
    ledger: &LedgerState,
    target: &Target,
    last: &Version,
) -> Result<Version, PlanProblem> {
    let Target::Version(target) = target else {
        return Ok(last.clone());
    };
    match ledger.current() {
        Some(current) if target < current => {
            return Err(PlanProblem::TargetBelowCurrent { target: target.clone(), current: current.clone() });
        }
        // The database is there, whether or not the source still has the file.
        Some(current) if target == current => return Ok(current.clone()),
        _ => {}
    }
    match set.get(target) {
        Some(migration) => Ok(migration.version.clone()),
        None => Err(PlanProblem::TargetNotInSource {
            target: target.clone(),
            last: last.clone(),
            nearest: nearest(set, target).filter(|version| version != last),
        }),
    }
}

fn nearest(set: &MigrationSet, target: &Version) -> Option<Version> {
    let below = set.migrations().iter().rev().find(|migration| migration.version < *target);
    below.map(|migration| migration.version.clone())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::migration::SourceFile;
    use crate::report::Reason;

    fn set(files: &[(&str, &str)]) -> MigrationSet {
        let files: Vec<SourceFile> =
            files.iter().map(|(name, sql)| SourceFile { name: (*name).into(), bytes: (*sql).into() }).collect();
        MigrationSet::read(&files).unwrap()
    }

    /// A set `001_m.sql`, `002_m.sql` … whose files hold the given SQL.
    fn numbered(sql: &[&str]) -> MigrationSet {
        let names: Vec<String> = (1..=sql.len()).map(|n| format!("{n:03}_m.sql")).collect();
        set(&names.iter().map(String::as_str).zip(sql.iter().copied()).collect::<Vec<_>>())
    }

    /// The ledger after the given versions of the set were applied.
    fn applied(set: &MigrationSet, versions: &[&str]) -> LedgerState {
        LedgerState::new(set.migrations().iter().filter(|m| versions.contains(&m.version.as_str())).map(|m| {
            AppliedRow {
                version: m.version.clone(),
                file: m.file.clone(),
                checksum: m.checksum.clone(),
                token_checksum: m.token_checksum.clone(),
            }
        }))
    }

    fn outcome(set: &MigrationSet, ledger: &LedgerState, target: &str) -> Result<Vec<String>, Vec<Reason>> {
        match plan(set, ledger, &target.parse().unwrap()) {
            Ok(plan) => Ok(plan.steps.iter().map(|m| m.version.to_string()).collect()),
            Err(problems) => Err(problems.iter().map(PlanProblem::reason).collect()),
        }
    }

    #[rstest]
    #[case::empty_ledger_to_latest(&[], "latest", Ok(&["001", "002", "003"][..]))]
    #[case::empty_ledger_to_a_version(&[], "002", Ok(&["001", "002"][..]))]
    #[case::the_target_counts_as_a_number(&[], "2", Ok(&["001", "002"][..]))]
    #[case::some_applied(&["001"], "latest", Ok(&["002", "003"][..]))]
    #[case::all_applied(&["001", "002", "003"], "latest", Ok(&[][..]))]
    #[case::target_is_current(&["001", "002"], "002", Ok(&[][..]))]
    #[case::target_below_current(&["001", "002"], "001", Err(&[Reason::TargetUnreachable][..]))]
    #[case::target_above_the_source(&["001"], "004", Err(&[Reason::TargetUnreachable][..]))]
    #[case::pending_below_applied(&["001", "003"], "latest", Err(&[Reason::OutOfOrder][..]))]
    #[case::pending_below_applied_and_no_target(
        &["001", "003"], "009", Err(&[Reason::TargetUnreachable, Reason::OutOfOrder][..])
    )]
    fn steps_to_a_target(#[case] done: &[&str], #[case] target: &str, #[case] expected: Result<&[&str], &[Reason]>) {
        let set = numbered(&["select 1", "select 2", "select 3"]);
        let expected = expected.map(|v| v.iter().map(ToString::to_string).collect()).map_err(<[Reason]>::to_vec);
        assert_eq!(outcome(&set, &applied(&set, done), target), expected);
    }

    #[rstest]
    #[case::identical("create table t (a int)", Ok(0))]
    #[case::a_comment_more("-- why\ncreate table t (a int);", Ok(1))]
    #[case::case_and_space("CREATE TABLE t\r\n( a INT )", Ok(1))]
    #[case::another_type("create table t (a bigint)", Err(()))]
    fn an_applied_file_may_change_in_looks_only(#[case] now: &str, #[case] expected: Result<usize, ()>) {
        let before = numbered(&["create table t (a int)"]);
        let ledger = applied(&before, &["001"]);
        let now = numbered(&[now]);
        let found = plan(&now, &ledger, &Target::Latest).map(|plan| plan.warnings.len()).map_err(|_| ());
        assert_eq!(found, expected);
    }
}
