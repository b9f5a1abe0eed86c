//! The ledger's attempts and the lock's holder, for people to look at. Takes no lock and writes nothing.

use super::ledger::{Ledger, instant};
use super::rows::holder_text;
use super::session::PostgresSession;
use crate::engine::RecordedAttempt;
use crate::engine::session::SessionError;
use crate::engine::shared::ledger_rows::{attempt, recorded_attempt, row};
use crate::report::Reason;

impl PostgresSession {
    /// Who holds the lock; None where it is free.
    pub(super) async fn read_lock_holder(&mut self) -> Result<Option<String>, SessionError> {
        let results = self.query(Ledger::holder(), Reason::LockHeld).await?;
        results.first().and_then(|rows| rows.first()).map(holder_text).transpose()
    }

    /// The newest attempts, or all of them, and the newest that failed.
    pub(super) async fn read_attempts(
        &mut self,
        limit: Option<u32>,
    ) -> Result<(Vec<RecordedAttempt>, Option<RecordedAttempt>), SessionError> {
        if self.has_no_ledger {
            return Ok((Vec::new(), None));
        }
        let limit = limit.map_or_else(|| "ALL".to_owned(), |rows| rows.to_string());
        let sql = |undone: &str| {
            let select = format!(
                "SELECT {}, {} FROM {}.schema_migrations",
                row::list(&[]),
                attempt::list(&[(attempt::applied_at, &instant("applied_at")), (attempt::undone, undone)]),
                self.ledger.quoted_schema()
            );
            format!("{select} ORDER BY id DESC LIMIT {limit};\n{select} WHERE NOT success ORDER BY id DESC LIMIT 1")
        };
        let (now, older) = (sql("undone_by IS NOT NULL"), sql("false"));
        let mut results = self.read_rows(&now).await;
        if results.as_ref().is_err_and(Self::ledger_is_older) {
            results = self.read_rows(&older).await;
        }
        let results = match results {
            Ok(results) => results,
            Err(error) if Self::ledger_is_missing(&error) => return Ok((Vec::new(), None)),
            Err(error) => return Err(self.explain_reading(&error)),
        };
        let mut results = results.iter();
        let mut rows = || results.next().map(Vec::as_slice).unwrap_or_default().iter().map(recorded_attempt);
        let attempts = rows().collect::<Result<_, _>>()?;
        let last_failure = rows().next().transpose()?;
        Ok((attempts, last_failure))
    }
}
