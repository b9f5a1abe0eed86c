//! The ledger's rows on SQLite, read into data.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::ledger::query;
use crate::engine::reading::RecordedAttempt;
use crate::engine::session::SessionError;
use crate::migration::{Checksum, Version};
use crate::plan::{AppliedRow, BegunStatement, Kind, RepeatableRow, StatementState};
use crate::report::{AppliedMigration, ErrorClass, Failure, Reason};

/// Why the ledger could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Read {
    /// SQLite's answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// It holds something that Schemaward does not write.
    #[error("the ledger holds a {0} that is none")]
    Content(&'static str),
}

impl From<Read> for SessionError {
    fn from(error: Read) -> Self {
        match error {
            Read::Database(error) => super::error::session_error(&error, Reason::LedgerUnusable),
            Read::Content(_) => unusable(error.to_string()),
        }
    }
}

/// A ledger that cannot be worked with.
pub(super) fn unusable(message: String) -> SessionError {
    let failure = Failure {
        class: ErrorClass::Permanent,
        reason: Reason::LedgerUnusable,
        code: None,
        message,
        hint: None,
        place: None,
    };
    SessionError { failure, connection_lost: false }
}

pub(super) async fn rows(connection: &mut SqliteConnection, sql: String) -> Result<Vec<SqliteRow>, sqlx::Error> {
    query(sql).fetch_all(connection).await
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn read_version(text: &str) -> Result<Version, Read> {
    text.parse().map_err(|_| Read::Content("version"))
}

pub(super) fn statement_state(text: &str) -> Result<StatementState, Read> {
    match text {
        "started" => Ok(StatementState::Started),
        "finished" => Ok(StatementState::Finished),
        "failed" => Ok(StatementState::Failed),
        _ => Err(Read::Content("state")),
    }
}

fn kind(text: &str) -> Result<Kind, Read> {
    Kind::from_word(text).ok_or(Read::Content("kind"))
}

pub(super) fn applied_row(row: &SqliteRow) -> Result<AppliedRow, Read> {
    Ok(AppliedRow {
        version: read_version(row.try_get(0)?)?,
        file: row.try_get(1)?,
        checksum: Checksum::stored(row.try_get::<String, _>(2)?),
        token_checksum: Checksum::stored(row.try_get::<String, _>(3)?),
        kind: kind(row.try_get(4)?)?,
        id: row.try_get(5)?,
    })
}

pub(super) fn begun_statement(row: &SqliteRow) -> Result<BegunStatement, Read> {
    let kind = kind(row.try_get(4)?)?;
    Ok(BegunStatement {
        kind,
        version: if kind == Kind::Repeatable { None } else { Some(read_version(row.try_get(0)?)?) },
        file: row.try_get(5)?,
        number: usize::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
        checksum: Checksum::stored(row.try_get::<String, _>(2)?),
        state: statement_state(row.try_get(3)?)?,
    })
}

pub(super) fn repeatable_row(row: &SqliteRow) -> Result<RepeatableRow, Read> {
    Ok(RepeatableRow {
        file: row.try_get(0)?,
        checksum: Checksum::stored(row.try_get::<String, _>(1)?),
        token_checksum: Checksum::stored(row.try_get::<String, _>(2)?),
    })
}

pub(super) fn applied_migration(row: &SqliteRow) -> Result<AppliedMigration, sqlx::Error> {
    Ok(AppliedMigration {
        version: row.try_get(0)?,
        file: row.try_get(1)?,
        checksum: Checksum::stored(row.try_get::<String, _>(2)?).short().to_owned(),
        applied_at: row.try_get(3)?,
        execution_time_ms: row.try_get(4)?,
        success: row.try_get(5)?,
        kind: row.try_get(6)?,
        undone: row.try_get(7)?,
    })
}

pub(super) fn recorded_attempt(row: &SqliteRow) -> Result<RecordedAttempt, sqlx::Error> {
    Ok(RecordedAttempt {
        version: row.try_get(0)?,
        file: row.try_get(1)?,
        checksum: Checksum::stored(row.try_get::<String, _>(2)?).short().to_owned(),
        applied_at: row.try_get(3)?,
        execution_time_ms: row.try_get(4)?,
        success: row.try_get(5)?,
        kind: row.try_get(6)?,
        undone: row.try_get(7)?,
        error_code: row.try_get(8)?,
        error_message: row.try_get(9)?,
        statements_done: row.try_get(10)?,
        statements_total: row.try_get(11)?,
        run: row.try_get(12)?,
        applied_by: row.try_get(13)?,
        tool_version: row.try_get(14)?,
    })
}
