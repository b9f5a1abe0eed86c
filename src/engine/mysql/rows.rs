//! The ledger's rows as MySQL and MariaDB send them. Pure.

use sqlx::Row;
use sqlx::mysql::MySqlRow;

use crate::engine::identity::{LedgerIdentity, Place};
use crate::engine::session::SessionError;
use crate::engine::shared::ledger_layout::check_writer;
use crate::engine::shared::ledger_rows::{self, DriverRow, unusable};
use crate::plan::LedgerState;

/// A column of a row that must be there. All values come as texts and are read as what is asked for, whichever of its
/// types the server calls them.
pub(super) fn value<'r, T>(row: Option<&'r MySqlRow>, index: usize) -> Result<T, SessionError>
where
    T: sqlx::Decode<'r, sqlx::MySql>,
{
    let row = row.ok_or_else(|| unusable("the server answered with fewer rows than were asked for"))?;
    row.try_get_unchecked(index).map_err(|error| unusable(&error.to_string()))
}

impl DriverRow for MySqlRow {
    fn text(&self, column: usize) -> Result<String, SessionError> {
        value(Some(self), column)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError> {
        value(Some(self), column)
    }

    fn number(&self, column: usize) -> Result<i64, SessionError> {
        value(Some(self), column)
    }

    fn flag(&self, column: usize) -> Result<bool, SessionError> {
        value(Some(self), column)
    }
}

/// The ledger's oldest writer and what it holds, from the results of [`super::ledger::Ledger::read`].
pub(super) fn ledger_state(results: &[Vec<MySqlRow>]) -> Result<(Option<i64>, LedgerState), SessionError> {
    let [version, succeeded, begun] = results else {
        return Err(unusable("the ledger's answer has another form than was asked for"));
    };
    let version: Option<i64> = value(version.first(), 0)?;
    check_writer(version)?;
    Ok((version, ledger_rows::ledger_state(succeeded, begun)?))
}

/// From the row of [`super::ledger::Ledger::identity`].
pub(super) fn identity(row: &MySqlRow) -> Result<LedgerIdentity, SessionError> {
    let place = |first| {
        Ok::<_, SessionError>(Place {
            server: row.text_or_null(first)?,
            database_number: None,
            database_name: row.text_or_null(first + 1)?,
        })
    };
    let noted: Option<i64> = value(Some(row), 5)?;
    Ok(LedgerIdentity {
        ledger_id: row.text_or_null(0)?,
        layout: row.number(1)?,
        oldest_writer: row.number(2)?,
        here: place(3)?,
        last_run: noted.map(|_| place(6)).transpose()?,
    })
}
