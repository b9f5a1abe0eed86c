//! Applies a file in its one transaction, but statement by statement, each in a savepoint: where an object is there
//! already, it can be held against what the statement would make, and the rest of the file goes on.
//!
//! Slower than [`super::message`], a round trip a statement, so a file is applied so only after that way has met an
//! object that is there.

use std::time::{Duration, Instant};

use super::error::{connection_lost, failure_of};
use super::journaled::placed;
use super::session::{AS_OURSELVES, BEGIN, PostgresSession};
use crate::engine::comparison::skip_or_fail;
use crate::engine::session::{ApplyError, Attempt, Progress, SessionError};
use crate::report::{ErrorClass, Reason};

const SAVEPOINT: &str = "schemaward_step";

impl PostgresSession {
    /// [`crate::engine::Session::apply`] for a file that has met an object that is there already.
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
        if connection_lost {
            return Err(ApplyError::OutcomeUnknown { failure, statements_done });
        }
        // Where this fails, so does recording the attempt, which tells.
        let _ = self.try_query(format!("ROLLBACK;{}", self.reset.sql)).await;
        Err(ApplyError::Refused { failure, statements_done })
    }

    async fn run_stepwise(
        &mut self,
        attempt: Attempt<'_>,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SessionError> {
        let begin = format!("{BEGIN};{}", self.ledger.guard(attempt.fence));
        self.step(begin).await?;
        for index in 0..attempt.migration.statements.len() {
            let sql = attempt.migration.statement_sql(index);
            // A savepoint of the file's own must not be taken away with ours.
            let prefix = if moves_savepoints(sql) { String::new() } else { format!("SAVEPOINT {SAVEPOINT};") };
            let suffix = if prefix.is_empty() { String::new() } else { format!("\n;RELEASE SAVEPOINT {SAVEPOINT}") };
            if let Err(error) = self.try_query(format!("{prefix}{sql}{suffix}")).await {
                let error = placed(&error, attempt, index, prefix.chars().count());
                if error.connection_lost || error.failure.class != ErrorClass::AlreadyExists || prefix.is_empty() {
                    return Err(error);
                }
                self.step(format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}")).await?;
                let comparison = self.compare(sql).await?;
                self.step(format!("RELEASE SAVEPOINT {SAVEPOINT}")).await?;
                skip_or_fail(error.failure, comparison)
                    .map_err(|failure| SessionError { failure, connection_lost: false })?;
                progress(Progress::StatementSkipped(index));
            }
            *done = index + 1;
            progress(Progress::StatementsDone(*done));
        }
        Ok(())
    }

    /// The file's row and COMMIT.
    async fn commit_stepwise(
        &mut self,
        attempt: Attempt<'_>,
        began: Instant,
        statements_done: usize,
    ) -> Result<Duration, ApplyError> {
        let record = self.ledger.record_success(attempt, None, &self.synchronous_commit);
        let committed = self.try_query(format!("{AS_OURSELVES};{record};COMMIT")).await;
        if let Err(error) = committed {
            let mut failure = failure_of(&error, Reason::StatementFailed);
            failure.message = format!("recording the attempt: {}", failure.message);
            failure.place = Some(attempt.migration.place());
            if connection_lost(&error) {
                return Err(ApplyError::OutcomeUnknown { failure, statements_done });
            }
            let _ = self.try_query(format!("ROLLBACK;{}", self.reset.sql)).await;
            return Err(ApplyError::Refused { failure, statements_done });
        }
        match self.try_query(self.reset.sql.clone()).await {
            Ok(_) => Ok(began.elapsed()),
            Err(error) => Err(ApplyError::OutcomeUnknown {
                failure: failure_of(&error, Reason::ConnectionFailed),
                statements_done,
            }),
        }
    }

    async fn step(&mut self, sql: String) -> Result<(), SessionError> {
        let sent = self.try_query(sql).await;
        sent.map(drop).map_err(|error| SessionError {
            failure: failure_of(&error, Reason::StatementFailed),
            connection_lost: connection_lost(&error),
        })
    }
}

fn moves_savepoints(sql: &str) -> bool {
    let first = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_lowercase();
    matches!(first.as_str(), "savepoint" | "release" | "rollback")
}
