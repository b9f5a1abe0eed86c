//! The ledger's rows as SQLite gives them.

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row, Sqlite};

use super::error::session_error;
use crate::engine::session::SessionError;
use crate::engine::shared::ledger_rows::DriverRow;
use crate::report::Reason;

pub(super) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

pub(super) fn query<'q>(sql: String) -> Query<'q> {
    sqlx::query(AssertSqlSafe(sql))
}

impl DriverRow for SqliteRow {
    fn text(&self, column: usize) -> Result<String, SessionError> {
        self.try_get(column).map_err(|error| unreadable(&error))
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError> {
        self.try_get(column).map_err(|error| unreadable(&error))
    }

    fn number(&self, column: usize) -> Result<i64, SessionError> {
        self.try_get(column).map_err(|error| unreadable(&error))
    }

    fn flag(&self, column: usize) -> Result<bool, SessionError> {
        self.try_get(column).map_err(|error| unreadable(&error))
    }
}

/// What keeps the ledger from being read.
pub(super) fn unreadable(error: &sqlx::Error) -> SessionError {
    session_error(error, Reason::LedgerUnusable)
}

pub(super) async fn rows(connection: &mut SqliteConnection, sql: String) -> Result<Vec<SqliteRow>, SessionError> {
    query(sql).fetch_all(connection).await.map_err(|error| unreadable(&error))
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
