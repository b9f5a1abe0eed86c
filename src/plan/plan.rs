//! The ordered steps from a ledger's state to a target.

use sha2::{Digest, Sha256};

use super::files::{check_files_to_run, compare, with_rows};
use super::goal::{PlanOptions, RollbackTarget};
use super::half_applied::{edited_while_begun, missing_while_begun, rollback_unfinished};
use super::kind::Kind;
use super::ledger_row::LedgerRow;
use super::ledger_state::LedgerState;
use super::one_transaction::not_one_transaction;
use super::problem::PlanProblem;
use super::recounted::ByName;
use super::step::Step;
use super::target::Target;
use super::warning::PlanWarning;
use crate::migration::{Checksum, Migration, MigrationFile, MigrationFiles, Version};
use crate::policy::{OutOfOrder, TransactionScope};

/// The ordered steps from a ledger's state to a target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan<'a> {
    /// What is to be run, in this order; empty where the database is up to date.
    pub steps: Vec<Step<'a>>,
    /// The newest version applied; absent where none is.
    pub from: Option<Version>,
    /// The version asked for, `latest` resolved to the source's last; absent where everything is to be undone.
    pub to: Option<Version>,
    /// Applied versions newer than all of the source. Nothing is undone.
    pub ahead: Vec<Version>,
    /// What a person should know and what stops nothing.
    pub warnings: Vec<PlanWarning>,
}

impl Plan<'_> {
    /// SHA-256 over the version it starts from, the version it leads to, and each step's kind, version, file and checksum,
    /// each with its length.
    #[must_use]
    pub fn hash(&self) -> Checksum {
        let mut hash = Sha256::new();
        let mut feed = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        feed(self.from.as_ref().map_or("", Version::as_str));
        feed(&self.to_text());
        for Step { kind, migration } in &self.steps {
            feed(kind.word());
            feed(migration.version.as_str());
            feed(&migration.file);
            feed(migration.checksum.as_str());
        }
        Checksum::stored(format!("{:x}", hash.finalize()))
    }

    /// The version it leads to, or the word for none.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to.as_ref().map_or_else(|| RollbackTarget::EMPTY.to_owned(), ToString::to_string)
    }
}

/// Finds the steps from a ledger's state to a target.
///
/// # Errors
///
/// Every [`PlanProblem`] there is, by version, those of the target last. Where a file that has to be looked into is
/// invalid, only what is wrong with the files: the rest is not known.
pub fn plan<'a>(
    set: &'a MigrationFiles,
    ledger: &LedgerState,
    options: &PlanOptions,
) -> Result<Plan<'a>, Vec<PlanProblem>> {
    let last = set.newest();
    check_files_to_run(set, ledger)?;
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let (ahead, known): (Vec<&LedgerRow>, _) = ledger.applied().iter().partition(|row| row.version > *last);
    let by_name = ByName::new(set, ledger);
    let mut files = set.migrations().iter().peekable();
    for row in known {
        while files.next_if(|file| *file.version() < row.version).is_some() {}
        match files.next_if(|file| *file.version() == row.version) {
            None if by_name.is_shifted(row) => {}
            None => problems.push(PlanProblem::missing(row, last)),
            Some(file) => match compare(row, file, set, &by_name) {
                Ok(found) => warnings.extend(found),
                Err(problem) => problems.push(problem),
            },
        }
    }
    let to = reachable(set, ledger, &options.target, last).map_err(|problem| problems.push(problem));
    let is_pending = |(file, row): &(&MigrationFile, Option<&LedgerRow>)| row.is_none() && !by_name.was_applied(file);
    let pending = with_rows(set, ledger).filter(is_pending).filter_map(|(file, _)| file.parsed().ok());
    let (late, pending): (Vec<_>, Vec<_>) = pending.partition(|migration| {
        options.out_of_order == OutOfOrder::Reject && ledger.current() > Some(&migration.version)
    });
    let steps: Vec<Step<'a>> = pending.into_iter().map(Step::forward).chain(repeatables(set, ledger)).collect();
    problems.extend(steps.iter().filter_map(|step| edited_while_begun(step, ledger)));
    warnings.extend(PlanWarning::of(&steps));
    problems.extend(late.into_iter().filter_map(|migration| out_of_order(migration, ledger)));
    problems.extend(rollback_unfinished(ledger));
    problems.extend(missing_while_begun(set, ledger));
    let Ok(to) = to else { return Err(problems) };
    // A repeatable file is written for the newest schema: on the way there it may not find what it needs.
    let is_wanted = |step: &Step<'_>| match step.kind {
        Kind::Repeatable => to >= *last,
        _ => step.migration.version <= to,
    };
    let steps: Vec<Step<'a>> = steps.into_iter().filter(is_wanted).collect();
    if options.transaction == TransactionScope::All {
        problems.extend(not_one_transaction(&steps));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let ahead = ahead.into_iter().map(|row| row.version.clone()).collect();
    Ok(Plan { steps, from: ledger.current().cloned(), to: Some(to), ahead, warnings })
}

/// The repeatable files that have never run as they are now, by their tokens.
pub(super) fn repeatables<'a>(set: &'a MigrationFiles, ledger: &LedgerState) -> impl Iterator<Item = Step<'a>> {
    set.repeatables().iter().filter_map(|file| match ledger.repeatable(file.file()) {
        Some(row) if row.checksum == *file.checksum() => None,
        row => {
            let migration = file.parsed().ok()?;
            row.is_none_or(|row| row.token_checksum != migration.token_checksum).then(|| Step::again(migration))
        }
    })
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
    set: &MigrationFiles,
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
        Some(file) => Ok(file.version().clone()),
        None => Err(PlanProblem::not_in_source(set.migrations().iter().map(MigrationFile::version), last, target)),
    }
}
