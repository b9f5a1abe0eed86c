//! From the server's rows to what they say. Pure.

use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::ledger::LEDGER_VERSION;
use crate::engine::reading::RecordedAttempt;
use crate::engine::session::{LedgerView, SessionError, StoredRollback};
use crate::migration::{Checksum, Version};
use crate::plan::{AppliedRow, BegunStatement, Kind, LedgerState, RepeatableRow, StatementState};
use crate::report::{AppliedMigration, ErrorClass, Failure, Reason};

/// A column of a row that must be there. All values come as texts and are read as what is asked for, whichever of its
/// types the server calls them.
pub(super) fn value<'r, T>(row: Option<&'r MySqlRow>, index: usize) -> Result<T, SessionError>
where
    T: sqlx::Decode<'r, sqlx::MySql>,
{
    let row = row.ok_or_else(|| unexpected("the server answered with fewer rows than were asked for"))?;
    row.try_get_unchecked(index).map_err(|error| unexpected(&error.to_string()))
}

/// The ledger's version and what it holds, from the results of [`super::ledger::Ledger::read`].
pub(super) fn ledger_view(results: &[Vec<MySqlRow>]) -> Result<(Option<i32>, LedgerView), SessionError> {
    let [version, applied, history, begun, repeatables] = results else {
        return Err(unexpected("the ledger's answer has another form than was asked for"));
    };
    let version: Option<i32> = value(version.first(), 0)?;
    if let Some(newer) = version.filter(|version| *version > LEDGER_VERSION) {
        return Err(newer_ledger(newer));
    }
    let applied = applied.iter().map(applied_row).collect::<Result<Vec<_>, _>>()?;
    let begun = begun.iter().map(begun_statement).collect::<Result<Vec<_>, _>>()?;
    let repeatables = repeatables.iter().map(repeatable_row).collect::<Result<Vec<_>, _>>()?;
    let state = LedgerState::new(applied).with_begun(begun).with_repeatables(repeatables);
    Ok((version, LedgerView { state, history: history_rows(history)? }))
}

fn applied_row(row: &MySqlRow) -> Result<AppliedRow, SessionError> {
    Ok(AppliedRow {
        version: version(row, 0)?,
        file: value(Some(row), 1)?,
        checksum: Checksum::stored(value::<String>(Some(row), 2)?),
        token_checksum: Checksum::stored(value::<String>(Some(row), 3)?),
        kind: kind(row, 4)?,
        id: value(Some(row), 5)?,
    })
}

fn version(row: &MySqlRow, column: usize) -> Result<Version, SessionError> {
    let version: String = value(Some(row), column)?;
    version.parse().map_err(|_| unexpected("the ledger holds a version that is none"))
}

fn kind(row: &MySqlRow, column: usize) -> Result<Kind, SessionError> {
    let word: String = value(Some(row), column)?;
    Kind::from_word(&word).ok_or_else(|| unexpected("the ledger holds a kind that is not known"))
}

fn repeatable_row(row: &MySqlRow) -> Result<RepeatableRow, SessionError> {
    Ok(RepeatableRow {
        file: value(Some(row), 0)?,
        checksum: Checksum::stored(value::<String>(Some(row), 1)?),
        token_checksum: Checksum::stored(value::<String>(Some(row), 2)?),
    })
}

pub(super) fn stored_rollback(row: &MySqlRow) -> Result<StoredRollback, SessionError> {
    Ok(StoredRollback {
        version: version(row, 0)?,
        file: value(Some(row), 1)?,
        description: value(Some(row), 2)?,
        sql: value(Some(row), 3)?,
    })
}

fn begun_statement(row: &MySqlRow) -> Result<BegunStatement, SessionError> {
    let number: i32 = value(Some(row), 1)?;
    let kind = kind(row, 4)?;
    Ok(BegunStatement {
        kind,
        version: (kind != Kind::Repeatable).then(|| version(row, 0)).transpose()?,
        file: value(Some(row), 5)?,
        number: usize::try_from(number).unwrap_or_default(),
        checksum: Checksum::stored(value::<String>(Some(row), 2)?),
        state: statement_state(&value::<String>(Some(row), 3)?)?,
    })
}

pub(super) fn statement_state(text: &str) -> Result<StatementState, SessionError> {
    match text {
        "started" => Ok(StatementState::Started),
        "finished" => Ok(StatementState::Finished),
        "failed" => Ok(StatementState::Failed),
        _ => Err(unexpected("the journal holds a state that is none")),
    }
}

pub(super) fn history_rows(rows: &[MySqlRow]) -> Result<Vec<AppliedMigration>, SessionError> {
    rows.iter()
        .map(|row| {
            let checksum = Checksum::stored(value::<String>(Some(row), 2)?);
            Ok(AppliedMigration {
                version: value(Some(row), 0)?,
                file: value(Some(row), 1)?,
                checksum: checksum.short().to_owned(),
                applied_at: value(Some(row), 3)?,
                execution_time_ms: value(Some(row), 4)?,
                success: value(Some(row), 5)?,
                kind: value(Some(row), 6)?,
                undone: value(Some(row), 7)?,
            })
        })
        .collect()
}

pub(super) fn recorded_attempt(row: &MySqlRow) -> Result<RecordedAttempt, SessionError> {
    let row = Some(row);
    Ok(RecordedAttempt {
        version: value(row, 0)?,
        file: value(row, 1)?,
        checksum: Checksum::stored(value::<String>(row, 2)?).short().to_owned(),
        applied_at: value(row, 3)?,
        execution_time_ms: value(row, 4)?,
        success: value(row, 5)?,
        error_code: value(row, 6)?,
        error_message: value(row, 7)?,
        statements_done: value(row, 8)?,
        statements_total: value(row, 9)?,
        run: value(row, 10)?,
        applied_by: value(row, 11)?,
        tool_version: value(row, 12)?,
        kind: value(row, 13)?,
        undone: value(row, 14)?,
    })
}

pub(super) fn unexpected(what: &str) -> SessionError {
    let failure = Failure {
        class: ErrorClass::Permanent,
        reason: Reason::LedgerUnusable,
        code: None,
        message: what.to_owned(),
        hint: None,
        place: None,
    };
    SessionError { failure, connection_lost: false }
}

fn newer_ledger(version: i32) -> SessionError {
    let mut error = unexpected(&format!(
        "the ledger has version {version}, written by a newer Schemaward; this one knows versions up to {LEDGER_VERSION}"
    ));
    error.failure.hint = Some("use the newer Schemaward".to_owned());
    error
}
