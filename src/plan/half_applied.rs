//! When a half-applied file blocks a plan.

use super::kind::Kind;
use super::ledger_state::{LedgerState, StatementState};
use super::problem::PlanProblem;
use super::step::Step;
use crate::migration::{MigrationFiles, are_alike};
use crate::sql::TransactionMode;

/// The first statement that has run and is not in the file any more, which may be another file altogether. One whose outcome is not known counts where the file
/// leaves no way to look it up.
pub(super) fn edited_while_begun(step: &Step<'_>, ledger: &LedgerState) -> Option<PlanProblem> {
    let migration = step.migration.as_ref();
    let per_file = migration.mode == TransactionMode::PerFile;
    let changed = ledger.begun_of(step).find(|begun| {
        let same = begun.number.checked_sub(1).is_some_and(|at| migration.statement_checksum(at) == begun.checksum);
        match begun.state {
            StatementState::Finished => per_file || !same,
            StatementState::Started => per_file || begun.number > migration.statements.len(),
            StatementState::Failed => false,
        }
    })?;
    let (version, file) = (migration.version.clone(), migration.file.clone());
    if step.kind == Kind::Migration && !are_alike(&changed.file, &file) {
        return Some(PlanProblem::AnotherFile { version, file, applied_file: changed.file.clone(), row: None });
    }
    Some(PlanProblem::EditedWhileBegun {
        version,
        file,
        statement: changed.number,
        has_run: changed.state == StatementState::Finished,
    })
}

/// The files that are half applied, and not in the source any more. What was only tried, and refused, has left nothing.
pub(super) fn missing_while_begun(set: &MigrationFiles, ledger: &LedgerState) -> Vec<PlanProblem> {
    let mut problems = Vec::new();
    for begun in ledger.half_done() {
        let is_there = match (&begun.version, begun.kind) {
            (Some(version), Kind::Migration) => set.get(version).is_some(),
            (None, Kind::Repeatable) => set.repeatables().iter().any(|file| file.file() == begun.file),
            _ => true,
        };
        let problem = PlanProblem::missing_while_begun(begun);
        if !is_there && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// A version that is half undone: whether it is there cannot be said.
pub(super) fn rollback_unfinished(ledger: &LedgerState) -> Option<PlanProblem> {
    let begun = ledger.half_done().find(|begun| begun.kind == Kind::Rollback)?;
    Some(PlanProblem::RollbackUnfinished { version: begun.version.clone()?, file: begun.file.clone() })
}
