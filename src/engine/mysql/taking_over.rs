//! Under the lock: the ledger is made or upgraded where that is due, the fence raised, an earlier holder ended, and the
//! ledger read.

use std::time::Duration;

use super::error::{connection_lost, session_error};
use super::ledger::{Ledger, OLDEST_WRITER};
use super::rows::{ledger_state, value};
use super::session::{Answers, MysqlSession};
use crate::engine::session::{Fence, Session as _, SessionError};
use crate::engine::shared::ledger_layout::FoundLayout;
use crate::engine::shared::ledger_rows::unusable;
use crate::plan::LedgerState;
use crate::report::{ErrorClass, Reason};

/// How long an earlier holder's connection may take to end after it was killed.
const KILL_WAIT: Duration = Duration::from_secs(30);
/// The pause between two looks at it.
const KILL_PAUSE: Duration = Duration::from_millis(100);

impl MysqlSession {
    pub(super) async fn install_ledger(&mut self) -> Result<(), SessionError> {
        let installed = self.query(self.ledger.installed(), Reason::LedgerUnusable).await?;
        let names: Vec<String> =
            installed.rows.iter().flatten().map(|row| value(Some(row), 0)).collect::<Result<_, _>>()?;
        // Other tools own tables of the same names (Rails, dbmate, golang-migrate): never touched.
        let ledger = self.ledger.prefix().to_ascii_lowercase() + "_ledger";
        if !names.is_empty() && !names.iter().any(|name| name.to_ascii_lowercase() == ledger) {
            let mut error = unusable(&format!("the table {} is another tool's", names.join(" or ")));
            error.failure.hint = Some("choose another prefix for the history: --history-schema".to_owned());
            return Err(error);
        }
        let installed = self.try_query(self.ledger.installation()).await;
        installed.map_err(|error| self.explain(&error))?;
        for (what, statements) in self.ledger.conveniences() {
            for statement in statements {
                match self.try_query(statement).await {
                    Ok(_) => {}
                    Err(error) if connection_lost(&error) => {
                        return Err(session_error(&error, Reason::LedgerUnusable));
                    }
                    // They need rights that keeping a ledger does not, and nothing depends on them.
                    Err(error) => {
                        tracing::info!(%error, "{what} get_migration_history and get_current_schema_version are not made");
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Raises the fence and reads the ledger. None where the ledger is missing or older than this binary writes it.
    pub(super) async fn raise_fence(&mut self, run: &str) -> Result<Option<(Fence, LedgerState)>, SessionError> {
        // What was read before the lock was held is of no use any more.
        self.first_reading = None;
        let raise = self.ledger.raise_fence(run, &self.session_lock, &self.server.place());
        let sql = format!("{raise};\n{}", self.ledger.read());
        let answers = match self.try_query(sql).await {
            Ok(answers) => answers,
            Err(error) if Self::ledger_is_missing(&error) => return Ok(None),
            Err(error) => return Err(self.explain(&error)),
        };
        let (oldest_writer, mut ledger) = ledger_state(answers.rows.get(5..).unwrap_or_default())?;
        let layout = answers.row(4).map(|row| value(Some(row), 0)).transpose()?;
        if (FoundLayout { oldest_writer, layout }).is_due(OLDEST_WRITER) {
            return Ok(None);
        }
        let Some(raised) = answers.row(2) else {
            return Err(unusable("the lock was lost before the fence was raised"));
        };
        let fence = Fence(value(Some(raised), 0)?);
        let earlier: Option<(String, Option<i64>)> = answers
            .row(0)
            .map(|row| Ok::<_, SessionError>((value(Some(row), 0)?, value(Some(row), 1)?)))
            .transpose()?;
        if let Some((lock, Some(connection))) = earlier {
            self.end_earlier_holder(&lock, connection).await?;
            // It may have written until its end.
            ledger = self.read_ledger().await?;
        }
        self.may_resume = !ledger.all_begun().is_empty();
        if self.may_resume {
            match self.drop_left_scratch(fence).await {
                Err(error) if error.connection_lost => return Err(error),
                Err(error) => tracing::warn!(error = error.failure.message, "what was made to compare is left"),
                Ok(()) => {}
            }
        }
        Ok(Some((fence, ledger)))
    }

    /// Ends the connection of an earlier holder that lost the lock without ending, and waits until it is gone: a server
    /// continues to execute a statement even when nobody waits for it.
    async fn end_earlier_holder(&mut self, lock: &str, connection: i64) -> Result<(), SessionError> {
        tracing::warn!(connection, "ending the connection of an earlier run, which has lost the lock");
        let mut holder = Some(connection);
        let deadline = tokio::time::Instant::now() + KILL_WAIT;
        let mut killed = Ok(Answers::default());
        while let Some(connection) = holder {
            if tokio::time::Instant::now() > deadline {
                let mut error = match killed {
                    Err(error) => session_error(&error, Reason::LockHeld),
                    Ok(_) => unusable("it was killed, but is still there"),
                };
                error.failure.class = ErrorClass::Transient;
                error.failure.reason = Reason::LockHeld;
                error.failure.message = format!(
                    "the connection {connection} of an earlier run is still running: {}",
                    error.failure.message
                );
                error.failure.hint = Some(format!("end it as an administrator: KILL {connection}"));
                return Err(error);
            }
            // If it is gone already, that is fine.
            killed = self.try_query(format!("KILL {connection}")).await;
            tokio::time::sleep(KILL_PAUSE).await;
            let answers = self.query(Ledger::still_there(lock), Reason::LockHeld).await?;
            holder = value(answers.row(0), 0)?;
        }
        Ok(())
    }
}
