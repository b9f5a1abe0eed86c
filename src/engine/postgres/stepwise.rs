//! Applies a file in its one transaction, but statement by statement, each in a savepoint: where an object already exists,
//! it can be compared with what the statement would create, and the rest of the file runs.
//!
//! A round trip for each statement makes it slower than [`super::message`], so it is used only after that has met an
//! object that exists.

use std::time::{Duration, Instant};

use super::answers::{phase_behind, tell_phase};
use super::error::{connection_lost, failure_of};
use super::identical::NOT_COMPARED;
use super::journaled::placed;
use super::message::BEGIN;
use super::session::PostgresSession;
use crate::engine::session::{ApplyError, Attempt, Progress, SessionError};
use crate::engine::shared::comparison::{Comparison, skip_or_fail};
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::report::{ErrorClass, Reason};
use crate::sql::Ddl;

const SAVEPOINT: &str = "schemaward_step";

impl PostgresSession {
    /// [`crate::engine::Session::apply`] for a file that has met an object that already exists.
    pub(super) async fn apply_stepwise(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        let began = Instant::now();
        let mut statements_done = 0;
        let run = self.run_stepwise(attempt, &mut statements_done, progress).await;
        let SessionError { mut failure, connection_lost } = match run {
            Ok(()) => return self.commit_stepwise(attempt, began, statements_done).await,
            Err(error) => error,
        };
        failure.place.get_or_insert_with(|| attempt.migration.place());
        if !connection_lost {
            // Where this fails, so does recording the attempt, which says so.
            let _ = self.start_over("").await;
        }
        Err(ApplyError::new(failure, statements_done, connection_lost))
    }

    async fn run_stepwise(
        &mut self,
        attempt: Attempt<'_>,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SessionError> {
        // The guard comes with the row: the file may set its transaction's mode first.
        self.step(BEGIN.to_owned()).await?;
        for (index, statement) in attempt.migration.statements.iter().enumerate() {
            let sql = statement.text(&attempt.migration.sql);
            // Only around what may meet an object: a savepoint of the file's own must not be taken away with ours, and
            // what is for a transaction's beginning has no place in one.
            let (prefix, suffix) = if matches!(statement.facts.ddl.as_deref(), Some(Ddl::Create(_) | Ddl::Alter(_))) {
                (format!("SAVEPOINT {SAVEPOINT};"), format!("\n;RELEASE SAVEPOINT {SAVEPOINT}"))
            } else {
                (String::new(), String::new())
            };
            if let Err((error, _)) = self.send(format!("{prefix}{sql}{suffix}")).await {
                let error = placed(&error, attempt, index, prefix.chars().count());
                if error.connection_lost || error.failure.class != ErrorClass::AlreadyExists {
                    return Err(error);
                }
                let refused = |failure| SessionError { failure, connection_lost: false };
                if prefix.is_empty() {
                    let impossible = Comparison::Impossible(NOT_COMPARED.to_owned());
                    return skip_or_fail(error.failure, impossible).map_err(refused);
                }
                self.step(format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}")).await?;
                let comparison = self.compare(sql).await?;
                self.step(format!("RELEASE SAVEPOINT {SAVEPOINT}")).await?;
                skip_or_fail(error.failure, comparison).map_err(refused)?;
                progress(Progress::StatementSkipped(index));
            }
            *done = index + 1;
            progress(Progress::StatementsDone(*done));
        }
        Ok(())
    }

    /// What the file has deferred, the session's reset, the file's row and COMMIT, as [`super::message`] has them.
    async fn commit_stepwise(
        &mut self,
        attempt: Attempt<'_>,
        began: Instant,
        statements_done: usize,
    ) -> Result<Duration, ApplyError> {
        let record = self.ledger.record_success(attempt, None, &self.synchronous_commit);
        let closing = self.reset.closing(&self.mark.behind(0), &record, "");
        let Err((error, behind)) = self.send(closing.sql).await else { return Ok(began.elapsed()) };
        let mut failure = failure_of(&error, Reason::StatementFailed);
        if failure.reason == Reason::Fenced {
            OVERTAKEN.clone_into(&mut failure.message);
        } else {
            tell_phase(&mut failure, phase_behind(behind.unwrap_or(0), closing.answers));
            failure.place = Some(attempt.migration.place());
        }
        if !connection_lost(&error) {
            let _ = self.start_over("").await;
        }
        Err(ApplyError::new(failure, statements_done, connection_lost(&error)))
    }

    async fn step(&mut self, sql: String) -> Result<(), SessionError> {
        let sent = self.try_query(sql).await;
        sent.map(drop).map_err(|error| SessionError {
            failure: failure_of(&error, Reason::StatementFailed),
            connection_lost: connection_lost(&error),
        })
    }
}
