//! Which files of a set a plan has to look into, and what has become of those that are applied.

use super::ledger_row::LedgerRow;
use super::ledger_state::LedgerState;
use super::problem::PlanProblem;
use super::recounted::{ByName, Recounted};
use super::warning::PlanWarning;
use crate::migration::{Checksum, MigrationFile, MigrationFiles, Problem, are_alike, invalid_files};

/// The files that have to be looked into: those that are pending or have changed. What is applied and has not changed
/// needs no statements, not even valid ones: it is not run again, and cannot be fixed without being changed.
pub fn needed<'a>(set: &'a MigrationFiles, ledger: &'a LedgerState) -> impl Iterator<Item = &'a MigrationFile> {
    let changed = with_rows(set, ledger)
        .filter(|(file, row)| row.is_none_or(|row| row.checksum != *file.checksum()))
        .map(|(file, _)| file);
    let again =
        |file: &&MigrationFile| ledger.repeatable(file.file()).is_none_or(|row| row.checksum != *file.checksum());
    changed.chain(set.repeatables().iter().filter(again))
}

/// Each file with the row of its version. Both are in version order, so that none of thousands is searched for.
pub(super) fn with_rows<'a, 'l>(
    set: &'a MigrationFiles,
    ledger: &'l LedgerState,
) -> impl Iterator<Item = (&'a MigrationFile, Option<&'l LedgerRow>)> {
    let mut rows = ledger.applied().iter().peekable();
    set.migrations().iter().map(move |file| {
        while rows.next_if(|row| row.version < *file.version()).is_some() {}
        (file, rows.next_if(|row| row.version == *file.version()))
    })
}

/// Those of them that are going to run. An applied file that has changed is refused as edited, whatever is in it.
pub fn to_run<'a>(set: &'a MigrationFiles, ledger: &'a LedgerState) -> impl Iterator<Item = &'a MigrationFile> {
    needed(set, ledger).filter(|file| ledger.get(file.version()).is_none())
}

/// The applied files whose SQL has changed or in whose place another file is, whatever else blocks a run.
#[must_use]
pub fn edited(set: &MigrationFiles, ledger: &LedgerState) -> Vec<PlanProblem> {
    let edited =
        |problem: &PlanProblem| matches!(problem, PlanProblem::Edited { .. } | PlanProblem::AnotherFile { .. });
    let by_name = ByName::new(set, ledger);
    with_rows(set, ledger).filter_map(|(file, row)| compare(row?, file, set, &by_name).err()).filter(edited).collect()
}

pub(super) fn check_files_to_run(set: &MigrationFiles, ledger: &LedgerState) -> Result<(), Vec<PlanProblem>> {
    match invalid_files(to_run(set, ledger)) {
        problems if problems.is_empty() => Ok(()),
        problems => Err(problems.into_iter().map(PlanProblem::InvalidFile).collect()),
    }
}

/// What has been read; of the others the bytes are as they were.
pub(super) fn compare(
    row: &LedgerRow,
    found: &MigrationFile,
    set: &MigrationFiles,
    by_name: &ByName<'_>,
) -> Result<Option<PlanWarning>, PlanProblem> {
    match by_name.recounted(row, found) {
        Some(Recounted::Added(problem)) => return Err(problem),
        Some(Recounted::Removed) => return Err(PlanProblem::missing(row, set.newest())),
        // The problem of the file that was added or removed is reported.
        Some(Recounted::Shifted) => return Ok(None),
        None => {}
    }
    let (version, file) = (found.version().clone(), found.file().to_owned());
    if row.checksum == *found.checksum() {
        let renamed = row.file != file;
        return Ok(renamed.then(|| PlanWarning::Renamed { version, file, applied_file: row.file.clone() }));
    }
    let read = found.parsed();
    if read.is_ok_and(|migration| row.token_checksum == migration.token_checksum) {
        return Ok(Some(PlanWarning::CosmeticEdit { version, file }));
    }
    if !are_alike(&row.file, &file) {
        return Err(PlanProblem::AnotherFile { version, file, applied_file: row.file.clone(), row: Some(row.id) });
    }
    let invalid = read.err().and_then(<[Problem]>::first).cloned().map(Box::new);
    let line_ends = Checksum::of_other_line_ends(found.bytes()).contains(&row.checksum);
    let (applied, found) = (row.checksum.clone(), found.checksum().clone());
    Err(PlanProblem::Edited { version, file, applied, found, line_ends, invalid })
}
