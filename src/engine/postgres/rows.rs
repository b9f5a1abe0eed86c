//! The ledger's rows as PostgreSQL sends them.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::engine::identity::{LedgerIdentity, Place};
use crate::engine::session::SessionError;
use crate::engine::shared::ledger_layout::check_writer;
use crate::engine::shared::ledger_rows::{self, DriverRow, unusable};
use crate::plan::LedgerState;

/// A column of a row that must be there.
pub(super) fn value<'r, T>(row: Option<&'r PgRow>, index: usize) -> Result<T, SessionError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = row.ok_or_else(|| unusable("the server answered with fewer rows than were asked for"))?;
    row.try_get(index).map_err(|error| unusable(&error.to_string()))
}

impl DriverRow for PgRow {
    fn text(&self, column: usize) -> Result<String, SessionError> {
        // Whatever it is, the server sends a text.
        self.try_get_unchecked(column).map_err(|error| unusable(&error.to_string()))
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError> {
        value(Some(self), column)
    }

    fn number(&self, column: usize) -> Result<i64, SessionError> {
        // Whatever its width.
        self.try_get_unchecked(column).map_err(|error| unusable(&error.to_string()))
    }

    fn flag(&self, column: usize) -> Result<bool, SessionError> {
        value(Some(self), column)
    }
}

/// The ledger's oldest writer and what it holds, from the results of [`super::ledger::Ledger::read`].
pub(super) fn ledger_state(results: &[Vec<PgRow>]) -> Result<(Option<i64>, LedgerState), SessionError> {
    let [versions, succeeded, begun] = results else {
        return Err(unusable("the ledger's answer has another form than was asked for"));
    };
    let versions = versions.iter().map(|row| value(Some(row), 0)).collect::<Result<Vec<i32>, _>>()?;
    let version = versions.into_iter().max().map(i64::from);
    check_writer(version)?;
    Ok((version, ledger_rows::ledger_state(succeeded, begun)?))
}

/// From the row of [`super::ledger::Ledger::identity`].
pub(super) fn identity(row: &PgRow) -> Result<LedgerIdentity, SessionError> {
    let place = |first| {
        Ok::<_, SessionError>(Place {
            server: row.text_or_null(first)?,
            database_number: row.text_or_null(first + 1)?,
            database_name: row.text_or_null(first + 2)?,
        })
    };
    let noted: Option<i64> = value(Some(row), 6)?;
    Ok(LedgerIdentity {
        ledger_id: row.text_or_null(0)?,
        layout: row.number(1)?,
        oldest_writer: row.number(2)?,
        here: place(3)?,
        last_run: noted.map(|_| place(7)).transpose()?,
    })
}

/// `app (process 4711, schemaward shop-1, connected since 2026-11-22T18:00:00Z)`
pub(super) fn holder_text(row: &PgRow) -> Result<String, SessionError> {
    let user: Option<String> = value(Some(row), 0)?;
    let process: i32 = value(Some(row), 1)?;
    let program: Option<String> = value(Some(row), 2)?;
    let since: Option<String> = value(Some(row), 3)?;
    let mut text = format!("{} (process {process}", user.unwrap_or_else(|| "an unknown user".to_owned()));
    if let Some(program) = program.filter(|program| !program.is_empty()) {
        text.push_str(", ");
        text.push_str(&program);
    }
    if let Some(since) = since {
        text.push_str(", connected since ");
        text.push_str(&since);
    }
    text.push(')');
    Ok(text)
}
