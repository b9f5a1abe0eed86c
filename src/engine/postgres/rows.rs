//! The ledger's rows as PostgreSQL sends them.

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::session::{unexpected, value};
use crate::engine::ledger_rows::LedgerRow;
use crate::engine::session::SessionError;

impl LedgerRow for PgRow {
    fn text(&self, column: usize) -> Result<String, SessionError> {
        value(Some(self), column)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError> {
        value(Some(self), column)
    }

    fn number(&self, column: usize) -> Result<i64, SessionError> {
        // Whatever its width.
        self.try_get_unchecked(column).map_err(|error| unexpected(&error.to_string()))
    }

    fn flag(&self, column: usize) -> Result<bool, SessionError> {
        value(Some(self), column)
    }
}
