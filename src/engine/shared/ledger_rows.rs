//! What the ledger's rows say, the same for every engine: each `SELECT` names its columns in the order that is read here.
//! Knows no SQL and no server.

use std::collections::BTreeMap;

use super::stored_trace::StoredTrace;
use crate::engine::{Acknowledged, RecordedAttempt};
use crate::engine::{SessionError, StoredRollback};
use crate::migration::{Checksum, Version};
use crate::plan::{AppliedRow, BegunStatement, Kind, LedgerState, RepeatableRow, StatementState};
use crate::report::{Failure, Reason};

/// A row of the ledger. Columns count from 0; one that is missing or is none of what is asked for is an error.
pub(crate) trait LedgerRow {
    fn text(&self, column: usize) -> Result<String, SessionError>;
    fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError>;
    fn number(&self, column: usize) -> Result<i64, SessionError>;
    fn flag(&self, column: usize) -> Result<bool, SessionError>;
}

fn version(row: &impl LedgerRow, column: usize) -> Result<Version, SessionError> {
    row.text(column)?.parse().map_err(|_| unusable("the ledger contains an invalid version"))
}

fn kind(row: &impl LedgerRow, column: usize) -> Result<Kind, SessionError> {
    Kind::from_word(&row.text(column)?).ok_or_else(|| unusable("the ledger holds a kind that is not known"))
}

fn checksum(row: &impl LedgerRow, column: usize) -> Result<Checksum, SessionError> {
    row.text(column).map(Checksum::stored)
}

fn count(row: &impl LedgerRow, column: usize) -> Result<i32, SessionError> {
    i32::try_from(row.number(column)?).map_err(|_| unusable("the ledger contains an invalid statement count"))
}

pub(crate) fn statement_state(text: &str) -> Result<StatementState, SessionError> {
    match text {
        "started" => Ok(StatementState::Started),
        "finished" => Ok(StatementState::Finished),
        "failed" => Ok(StatementState::Failed),
        _ => Err(unusable("the journal contains an invalid state")),
    }
}

/// What is in force, begun, and repeated.
#[cfg(feature = "sqlite")]
pub(crate) fn ledger_state<R: LedgerRow>(
    applied: &[R],
    begun: &[R],
    repeatables: &[R],
) -> Result<LedgerState, SessionError> {
    let applied = applied.iter().map(|row| applied_row(row, kind(row, 4)?)).collect::<Result<Vec<_>, _>>()?;
    let begun = begun.iter().map(begun_statement).collect::<Result<Vec<_>, _>>()?;
    let repeatables = repeatables.iter().map(repeatable_row).collect::<Result<Vec<_>, _>>()?;
    Ok(LedgerState::new(applied).with_begun(begun).with_repeatables(repeatables))
}

/// The same where one query answers with all rows that have succeeded and were not undone, in no order: version, file,
/// checksum, checksum of the tokens, kind, id. Behind what else is begun stands its id, too.
pub(crate) fn state_of_successes<R: LedgerRow>(succeeded: &[R], begun: &[R]) -> Result<LedgerState, SessionError> {
    let mut applied = Vec::with_capacity(succeeded.len());
    let mut repeatables: BTreeMap<String, (i64, RepeatableRow)> = BTreeMap::new();
    for row in succeeded {
        match kind(row, 4)? {
            kind @ (Kind::Migration | Kind::Baseline | Kind::Adopted) => applied.push(applied_row(row, kind)?),
            Kind::Repeatable => {
                let (id, file) = (row.number(5)?, row.text(1)?);
                let found = RepeatableRow { file, checksum: checksum(row, 2)?, token_checksum: checksum(row, 3)? };
                match repeatables.get(&found.file) {
                    Some((newer, _)) if *newer > id => {}
                    _ => drop(repeatables.insert(found.file.clone(), (id, found))),
                }
            }
            Kind::Rollback => {}
        }
    }
    applied.sort_by_key(|row| row.id);
    let read = |row| Ok((R::number(row, 6)?, begun_statement(row)?));
    let mut begun = begun.iter().map(read).collect::<Result<Vec<_>, SessionError>>()?;
    begun.sort_by_key(|(id, _)| *id);
    let begun = begun.into_iter().map(|(_, statement)| statement).collect();
    let repeatables = repeatables.into_values().map(|(_, row)| row).collect();
    Ok(LedgerState::new(applied).with_begun(begun).with_repeatables(repeatables))
}

/// Version, file, checksum, checksum of the tokens, kind, id.
fn applied_row(row: &impl LedgerRow, kind: Kind) -> Result<AppliedRow, SessionError> {
    Ok(AppliedRow {
        version: version(row, 0)?,
        file: row.text(1)?,
        checksum: checksum(row, 2)?,
        token_checksum: checksum(row, 3)?,
        kind,
        id: row.number(5)?,
    })
}

/// Version, number in the file, checksum, state, kind, file, id, trace, who settled it, the error's code.
fn begun_statement(row: &impl LedgerRow) -> Result<BegunStatement, SessionError> {
    let kind = kind(row, 4)?;
    let refused = row.text_or_null(8)?.as_deref() == Some("server") && row.text(3)? == "failed";
    Ok(BegunStatement {
        kind,
        version: (kind != Kind::Repeatable).then(|| version(row, 0)).transpose()?,
        file: row.text(5)?,
        number: usize::try_from(row.number(1)?).unwrap_or_default(),
        checksum: checksum(row, 2)?,
        state: statement_state(&row.text(3)?)?,
        left_a_part: refused
            && StoredTrace::read(&row.text(7)?).leaves_a_part(&row.text_or_null(9)?.unwrap_or_default()),
    })
}

/// File, checksum, checksum of the tokens.
#[cfg(feature = "sqlite")]
fn repeatable_row(row: &impl LedgerRow) -> Result<RepeatableRow, SessionError> {
    Ok(RepeatableRow { file: row.text(0)?, checksum: checksum(row, 1)?, token_checksum: checksum(row, 2)? })
}

/// Version, file, description, rollback SQL.
pub(crate) fn stored_rollback(row: &impl LedgerRow) -> Result<StoredRollback, SessionError> {
    Ok(StoredRollback {
        version: version(row, 0)?,
        file: row.text(1)?,
        description: row.text(2)?,
        sql: row.text_or_null(3)?,
    })
}

/// Version, detail, time, user, run.
pub(crate) fn acknowledged(row: &impl LedgerRow) -> Result<Acknowledged, SessionError> {
    let version = row.text_or_null(0)?.map(|version| version.parse());
    Ok(Acknowledged {
        version: version.transpose().map_err(|_| unusable("the ledger contains an invalid version"))?,
        detail: row.text(1)?,
        made_at: row.text(2)?,
        made_by: row.text(3)?,
        run: row.text(4)?,
    })
}

/// Version, file, checksum, time, milliseconds, success, error's code and message, statements done and of the file, run,
/// user, tool's version, kind, whether it is undone.
pub(crate) fn recorded_attempt(row: &impl LedgerRow) -> Result<RecordedAttempt, SessionError> {
    Ok(RecordedAttempt {
        version: row.text(0)?,
        file: row.text(1)?,
        checksum: checksum(row, 2)?.short().to_owned(),
        applied_at: row.text(3)?,
        execution_time_ms: row.number(4)?,
        success: row.flag(5)?,
        error_code: row.text_or_null(6)?,
        error_message: row.text_or_null(7)?,
        statements_done: count(row, 8)?,
        statements_total: count(row, 9)?,
        run: row.text(10)?,
        applied_by: row.text(11)?,
        tool_version: row.text(12)?,
        kind: row.text(13)?,
        undone: row.flag(14)?,
    })
}

/// A ledger, or an answer about it, that cannot be worked with.
pub(crate) fn unusable(what: &str) -> SessionError {
    let failure = Failure::new(Reason::LedgerUnusable, what.to_owned());
    SessionError { failure, connection_lost: false }
}

/// A ledger that asks for a newer program than this one, which makes the layout `known`.
pub(crate) fn newer_ledger(found: impl Into<i64>, known: impl Into<i64>) -> SessionError {
    let (found, known) = (found.into(), known.into());
    let mut error = unusable(&format!(
        "the ledger was changed by a newer Schemaward in such a way that this one may not write to it: it asks for one \
         of version {found} or later of the ledger, and this one is of version {known}"
    ));
    error.failure.hint =
        Some("use the newer Schemaward; docs/upgrading.md says which versions work together".to_owned());
    error
}
