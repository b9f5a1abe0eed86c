//! Applies a file on SQLite: in one transaction with its row, or statement by statement with the statement journal.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Row as _};

use super::error::{failure_of, is_interrupted};
use super::journal::JournalRow;
use super::place::byte_of_error;
use super::session::{Sent, SqliteSession};
use crate::engine::session::{ApplyError, Attempt, Progress, SessionError, Undone};
use crate::engine::shared::journal_failure::session_gone;
use crate::engine::shared::journal_verdict::{Settlement, Verdict, settled, verdict};
use crate::plan::StatementState;
use crate::report::{ErrorClass, Reason};
use crate::sql::{Execution, Trace, TransactionMode, message_without_passwords};

impl SqliteSession {
    /// How long it took, as the ledger says, too.
    pub(super) async fn apply_file(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        self.database.cancelled.store(false, Ordering::Relaxed);
        let began = Instant::now();
        let mut statements_done = 0;
        let applied = match attempt.migration.mode {
            TransactionMode::PerFile => self.run_file(attempt, began, &mut statements_done, progress).await,
            TransactionMode::PerStatement => self.run_statements(attempt, began, &mut statements_done, progress).await,
        };
        if applied.is_err() {
            self.roll_back().await;
        }
        // What a file has set or attached goes with the connection.
        let leaves_traces =
            attempt.migration.mode == TransactionMode::PerStatement || may_leave_traces(&attempt.migration.sql);
        let reopened = if leaves_traces { self.reopen().await } else { Ok(()) };
        match applied.and_then(|duration| reopened.map(|()| duration)) {
            Ok(duration) => Ok(duration),
            Err(SessionError { mut failure, .. }) => {
                if failure.reason != Reason::Fenced {
                    failure.place.get_or_insert_with(|| attempt.migration.place());
                }
                Err(ApplyError::new(failure, statements_done, false))
            }
        }
    }

    async fn run_file(
        &mut self,
        attempt: Attempt<'_>,
        began: Instant,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, SessionError> {
        self.begin(attempt.fence).await?;
        let duration = self.run_and_record(attempt, began, done, progress).await?;
        self.commit().await?;
        Ok(duration)
    }

    /// Runs a file and writes its row, in the transaction that is open. How long it took.
    async fn run_and_record(
        &mut self,
        attempt: Attempt<'_>,
        began: Instant,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, SessionError> {
        for index in 0..attempt.migration.statements.len() {
            self.send_statement(attempt, index).await?;
            *done = index + 1;
            progress(Progress::StatementsDone(*done));
        }
        let ledger = self.database.ledger.clone();
        let duration = began.elapsed();
        let recorded = ledger.record(self.connection().await?, attempt, milliseconds(duration), None).await;
        recorded.map_err(|error| doing(&error, "recording the attempt"))?;
        Ok(duration)
    }

    async fn commit(&mut self) -> Result<(), SessionError> {
        match self.send("COMMIT").await {
            Err(Sent::Database(error)) => Err(doing(&error, "at COMMIT")),
            Err(Sent::Refused(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    /// [`crate::engine::Session::apply_together`].
    pub(super) async fn apply_in_one_transaction(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        self.database.cancelled.store(false, Ordering::Relaxed);
        let (mut index, mut statements_done) = (0, 0);
        let run = self.run_together(attempts, &mut index, &mut statements_done, progress).await;
        if run.is_err() {
            self.roll_back().await;
        }
        // What the last file has set goes with the connection.
        let leaves_traces = attempts.last().is_some_and(|last| may_leave_traces(&last.migration.sql));
        let reopened = if leaves_traces { self.reopen().await } else { Ok(()) };
        match run.and_then(|durations| reopened.map(|()| durations)) {
            Ok(durations) => {
                durations.into_iter().enumerate().for_each(|(index, took)| progress(index, Progress::Applied(took)));
                Ok(())
            }
            Err(SessionError { mut failure, .. }) => {
                if let Some(attempt) = attempts.get(index).filter(|_| failure.reason != Reason::Fenced) {
                    failure.place.get_or_insert_with(|| attempt.migration.place());
                }
                Err(Undone { index, error: ApplyError::new(failure, statements_done, false) })
            }
        }
    }

    /// Runs all files and commits. `index` is then the file that could not be applied, `done` its statements that have run.
    async fn run_together(
        &mut self,
        attempts: &[Attempt<'_>],
        index: &mut usize,
        done: &mut usize,
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<Vec<Duration>, SessionError> {
        let mut durations = Vec::with_capacity(attempts.len());
        for (at, &attempt) in attempts.iter().enumerate() {
            (*index, *done) = (at, 0);
            progress(at, Progress::Started(Duration::ZERO));
            if at == 0 {
                self.begin(attempt.fence).await?;
            }
            let began = Instant::now();
            durations.push(self.run_and_record(attempt, began, done, &mut |told| progress(at, told)).await?);
        }
        self.commit().await?;
        Ok(durations)
    }

    async fn run_statements(
        &mut self,
        attempt: Attempt<'_>,
        began: Instant,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, SessionError> {
        let ledger = self.database.ledger.clone();
        let rows = ledger.journal(self.connection().await?, attempt).await?;
        let finished =
            |index| rows.iter().any(|row| row.statement == index + 1 && row.state == StatementState::Finished);
        if let Some(bound) = attempt.migration.session_bound(finished, &[]) {
            let failure = session_gone(attempt, &bound.into());
            return Err(SessionError { failure, connection_lost: false });
        }
        let mut inserted_before = None;
        while *done < attempt.migration.statements.len() {
            let block = attempt.migration.block_of(*done);
            let mut due = Vec::new();
            for index in block.clone().unwrap_or(*done..*done + 1) {
                let row = rows.iter().find(|row| row.statement == index + 1);
                if !has_run(attempt, index, row)? {
                    due.push(index);
                    continue;
                }
                inserted_before = row.and_then(|row| row.last_insert_rowid).or(inserted_before);
                if matches!(attempt.migration.execution(index), Execution::Setting | Execution::SettingAlone) {
                    // It went with the connection that it was made in.
                    self.send_statement(attempt, index).await?;
                }
            }
            if let Some(rowid) = inserted_before.take_if(|_| !due.is_empty()) {
                ledger.set_last_insert_rowid(self.connection().await?, rowid).await.map_err(Sent::from)?;
            }
            match (&block, due.first()) {
                (_, None) => {}
                (None, Some(&index)) => self.execute(attempt, index).await?,
                (Some(_), Some(_)) => self.execute_in_transaction(attempt, &due).await?,
            }
            *done = block.map_or(*done + 1, |block| block.end);
            progress(Progress::StatementsDone(*done));
        }
        let duration = began.elapsed();
        let told = milliseconds(duration);
        self.write(attempt.fence, async |ledger, connection| ledger.record(connection, attempt, told, None).await)
            .await?;
        Ok(duration)
    }

    async fn execute(&mut self, attempt: Attempt<'_>, index: usize) -> Result<(), SessionError> {
        let trace = match attempt.migration.execution(index) {
            Execution::Alone(trace) => trace,
            Execution::SettingAlone => &Trace::Repeatable,
            Execution::Transaction | Execution::Setting | Execution::NamelessIndex => {
                return self.execute_in_transaction(attempt, &[index]).await;
            }
        };
        self.write(attempt.fence, async |ledger, connection| {
            ledger.begin_statement(connection, attempt, index, Some(trace)).await
        })
        .await?;
        let sent = self.send_statement(attempt, index).await;
        let failure = sent.as_ref().err().map(|error| &error.failure);
        let ended = self
            .write(attempt.fence, async |ledger, connection| {
                ledger.end_statement(connection, attempt, index, failure).await
            })
            .await;
        sent.and(ended)
    }

    /// Runs statements and writes their rows, all or nothing.
    async fn execute_in_transaction(&mut self, attempt: Attempt<'_>, due: &[usize]) -> Result<(), SessionError> {
        self.begin(attempt.fence).await?;
        for &index in due {
            self.send_statement(attempt, index).await?;
        }
        // After all of them: a ROLLBACK TO among them would take rows written before it along.
        let ledger = self.database.ledger.clone();
        for &index in due {
            let written = ledger.begin_statement(self.connection().await?, attempt, index, None).await;
            written.map_err(|error| doing(&error, "recording the statement"))?;
        }
        Ok(self.send("COMMIT").await?)
    }

    async fn send_statement(&mut self, attempt: Attempt<'_>, index: usize) -> Result<(), SessionError> {
        match self.send(attempt.migration.statement_sql(index)).await {
            Ok(()) => {
                if checks_foreign_keys(attempt.migration.statement_sql(index)) {
                    self.tell_violations(attempt, index).await;
                }
                Ok(())
            }
            Err(Sent::Refused(error)) => Err(error),
            Err(Sent::Database(error)) => {
                let sql = attempt.migration.statement_sql(index);
                let message = error.as_database_error().map(DatabaseError::message).unwrap_or_default();
                let inside = byte_of_error(self.connection().await?, sql, message).await;
                Err(placed(&error, attempt, index, inside))
            }
        }
    }
}

impl SqliteSession {
    /// Says what a `PRAGMA foreign_key_check` has found, as the shell shows it. It is not an error there, either.
    async fn tell_violations(&mut self, attempt: Attempt<'_>, index: usize) {
        let sql = attempt.migration.statement_sql(index).to_owned();
        let Ok(connection) = self.connection().await else { return };
        let Ok(rows) = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await else { return };
        let text = |column| rows.first()?.try_get_unchecked::<Option<String>, _>(column).ok().flatten();
        if let (Some(table), Some(parent)) = (text(0), text(2)) {
            let line = attempt.migration.place_of_statement(index).line.unwrap_or_default();
            let (file, count, row) = (&attempt.migration.file, rows.len(), text(1).unwrap_or_default());
            tracing::warn!(
                "{file}:{line}: PRAGMA foreign_key_check finds {count} broken references; the first is row {row} of {table}, to \
                 {parent}"
            );
        }
    }
}

fn checks_foreign_keys(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    lower.starts_with("pragma") && lower.contains("foreign_key_check")
}

/// Whether a statement has run before, according to the journal: there is no catalog to ask here.
fn has_run(attempt: Attempt<'_>, index: usize, row: Option<&JournalRow>) -> Result<bool, SessionError> {
    let Some(row) = row.map(JournalRow::journaled) else { return Ok(false) };
    let verdict = match verdict(attempt, index, Some(row)) {
        Verdict::Ask => settled(attempt, index, row, Settlement::Unknown),
        known => known,
    };
    match verdict {
        Verdict::HasRun => Ok(true),
        Verdict::Run | Verdict::Ask => Ok(false),
        Verdict::Refuse(failure) => Err(SessionError { failure, connection_lost: false }),
    }
}

/// An error with its place in the file. `inside`: its byte in the statement.
fn placed(error: &sqlx::Error, attempt: Attempt<'_>, index: usize, inside: Option<usize>) -> SessionError {
    let migration = attempt.migration;
    let mut failure = failure_of(error, Reason::StatementFailed);
    if is_interrupted(error) {
        failure.class = ErrorClass::Transient;
    }
    let start = migration.statements.get(index).map(|statement| statement.span.start);
    failure.message = message_without_passwords(&failure.message, &migration.sql);
    failure.place = Some(match (start, inside) {
        (Some(start), Some(inside)) => migration.place_of_byte(start + inside),
        _ => migration.place_of_statement(index),
    });
    SessionError { failure, connection_lost: false }
}

fn doing(error: &sqlx::Error, what: &str) -> SessionError {
    let mut failure = failure_of(error, Reason::StatementFailed);
    failure.message = format!("{what}: {}", failure.message);
    SessionError { failure, connection_lost: false }
}

/// Whether a file may have changed more than the database: settings, attached files, temporary tables. To say so once
/// too often costs an opening of the file.
fn may_leave_traces(sql: &str) -> bool {
    let text = sql.to_ascii_lowercase();
    ["pragma", "attach", "temp", "load_extension"].iter().any(|word| text.contains(word))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
