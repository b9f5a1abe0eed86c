//! The ledger's attempts and the lock's holder, for people to look at. Takes no lock and writes nothing.

use super::error::{connection_lost, session_error};
use super::rows::value;
use super::session::{Answers, MysqlSession};
use crate::engine::RecordedAttempt;
use crate::engine::session::SessionError;
use crate::engine::shared::ledger_rows::recorded_attempt;
use crate::report::Reason;

impl MysqlSession {
    /// Who holds the lock; None where nobody does.
    pub(super) async fn read_lock_holder(&mut self) -> Result<Option<String>, SessionError> {
        let answers = self.query(self.ledger.holder(), Reason::LockHeld).await?;
        let Some(row) = answers.row(0) else { return Ok(None) };
        // The server may look twice, and the lock may be given back in between.
        let Some(connection) = value::<Option<i64>>(Some(row), 0)? else { return Ok(None) };
        let (user, host): (Option<String>, Option<String>) = (value(Some(row), 1)?, value(Some(row), 2)?);
        let said = match self.try_query(self.ledger.holder_run()).await {
            Ok(answers) => answers,
            Err(error) if connection_lost(&error) => return Err(session_error(&error, Reason::LockHeld)),
            // It has not made the ledger yet.
            Err(_) => Answers::default(),
        };
        let mut text = match (user, host) {
            (Some(user), Some(host)) => format!("{user}@{host} (connection {connection}"),
            (Some(user), None) => format!("{user} (connection {connection}"),
            // Whose they are only those see who have the right PROCESS.
            _ => format!("another user (connection {connection}"),
        };
        if let Some(said) = said.row(0)
            && value::<Option<i64>>(Some(said), 0)? == Some(connection)
        {
            let (run, since): (Option<String>, Option<String>) = (value(Some(said), 1)?, value(Some(said), 2)?);
            if let (Some(run), Some(since)) = (run, since) {
                text = format!("{text}, schemaward {run}, running since {since}");
            }
        }
        text.push(')');
        Ok(Some(text))
    }

    /// The newest attempts, or all of them, and the newest that failed.
    pub(super) async fn read_attempts(
        &mut self,
        limit: Option<u32>,
    ) -> Result<(Vec<RecordedAttempt>, Option<RecordedAttempt>), SessionError> {
        if self.has_no_ledger {
            return Ok((Vec::new(), None));
        }
        let answers = match self.try_query(self.ledger.attempts(limit)).await {
            Ok(answers) => answers,
            Err(error) if Self::ledger_is_missing(&error) => return Ok((Vec::new(), None)),
            Err(error) => return Err(self.explain(&error)),
        };
        let attempts = answers.rows.first().map(Vec::as_slice).unwrap_or_default();
        let attempts = attempts.iter().map(recorded_attempt).collect::<Result<_, _>>()?;
        Ok((attempts, answers.row(1).map(recorded_attempt).transpose()?))
    }
}
