//! Applies a file whose statements are committed separately, with a row in the statement journal for each, and resumes
//! an interrupted file at the statement where it stopped.
//!
//! A statement that may run in a transaction runs in one with its row: both or neither. One that may not runs alone,
//! between a row *started* and its end. If that end was not recorded, the catalog says whether it has run, or a person
//! has to. No other run works on the database meanwhile: this session holds the lock.

use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;

use super::answers::{phase_behind, tell_phase};
use super::error::{advice, connection_lost, failure_of, position, server_error};
use super::journal::{JournalRow, Kind, Object, object_of};
use super::message::{BEGIN as BEGIN_AS_SET, DEFERRED, check_of_indexes};
use super::own_transaction::{AS_OURSELVES, BEGIN};
use super::rows::value;
use super::session::PostgresSession;
use crate::engine::session::{ApplyError, Attempt, Progress, SessionError};
use crate::engine::shared::comparison::skip_or_fail;
use crate::engine::shared::journal_failure::{OVERTAKEN, session_gone};
use crate::engine::shared::journal_verdict::{Settlement, Verdict, settled, verdict};
use crate::engine::shared::stopped::stopped_before;
use crate::engine::shared::stored_trace::StoredTrace;
use crate::plan::StatementState;
use crate::policy::AlreadyExists;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::{Execution, Trace, message_without_passwords, routines_that_leave_settings};

/// Answers to what follows a statement in its transaction: the mark, [`DEFERRED`], those of [`AS_OURSELVES`], the
/// guard, the row, COMMIT.
pub(super) fn closing() -> usize {
    5 + AS_OURSELVES.split(';').count()
}

/// The outcome of a statement that was started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Executed {
    Run,
    /// What it makes already exists, with the same definition.
    PassedOver,
}

impl PostgresSession {
    /// [`crate::engine::Session::apply`] for such a file. How long it took is what the ledger says, too.
    pub(super) async fn apply_journaled(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        let began = Instant::now();
        let mut statements_done = 0;
        let error = match self.run_statements(attempt, began, &mut statements_done, progress).await {
            Ok(duration) => return Ok(duration),
            Err(error) => error,
        };
        let SessionError { mut failure, connection_lost } = error;
        if failure.reason == Reason::Fenced {
            OVERTAKEN.clone_into(&mut failure.message);
        } else if failure.place.is_none() {
            failure.place = Some(attempt.migration.place());
        }
        if !connection_lost {
            // Where this fails, so does recording the attempt, which says so.
            let _ = self.start_over("").await;
        }
        Err(ApplyError::new(failure, statements_done, connection_lost))
    }

    async fn run_statements(
        &mut self,
        attempt: Attempt<'_>,
        began: Instant,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, SessionError> {
        let migration = attempt.migration;
        let journal = self.read_rows(&self.ledger.journal(attempt)).await;
        let rows = journal.map_err(|error| self.explain(&error))?.pop().unwrap_or_default();
        let rows = rows.iter().map(JournalRow::read).collect::<Result<Vec<_>, _>>()?;
        let has_run =
            |index| rows.iter().any(|row| row.statement == index + 1 && row.state == StatementState::Finished);
        if let Some(bound) = migration.session_bound(has_run, &[]) {
            return Err(refused(session_gone(attempt, &bound.into())));
        }
        let newest = rows.iter().filter(|row| row.state == StatementState::Finished).max_by_key(|row| row.statement);
        if let Some(newest) = newest {
            let names: Vec<&str> = newest.temporary.iter().flat_map(|names| names.lines()).collect();
            if let Some(bound) = migration.temporary_before_the_rest(has_run, &names) {
                return Err(refused(session_gone(attempt, &bound.into())));
            }
            let routines = self.routines_that_set().await?;
            if let Some(bound) = migration.calls_before_the_rest(has_run, &routines) {
                return Err(refused(session_gone(attempt, &bound.into())));
            }
        }
        while *done < migration.statements.len() {
            if let Some(block) = migration.block_of(*done) {
                self.run_block(attempt, block.clone(), &rows, progress).await?;
                *done = block.end;
            } else {
                self.run_statement(attempt, *done, &rows, progress).await?;
                *done += 1;
            }
            progress(Progress::StatementsDone(*done));
        }
        let duration = began.elapsed();
        let record = self.ledger.record_journaled(attempt, duration.as_millis());
        self.write_guarded(attempt.fence, &record).await?;
        let reset = match self.ask(self.reset.sql.clone()).await {
            // A cancellation that came too late for the file.
            Err(error) if !error.connection_lost && attempt.stop.reason().is_some() => {
                self.ask(self.reset.sql.clone()).await.map(drop)
            }
            other => other.map(drop),
        };
        reset.map(|()| duration)
    }

    /// Runs a statement that is committed separately, unless it has run.
    async fn run_statement(
        &mut self,
        attempt: Attempt<'_>,
        index: usize,
        rows: &[JournalRow],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SessionError> {
        let row = rows.iter().find(|row| row.statement == index + 1);
        if row.is_none_or(|row| row.state != StatementState::Finished) {
            unless_stopped(attempt, index)?;
        }
        let has_run = self.has_run(attempt, index, row).await?;
        if !has_run && self.execute(attempt, index, progress).await? == Executed::PassedOver {
            progress(Progress::StatementSkipped(index));
        }
        Ok(())
    }

    /// Names of the routines that leave settings in their caller's session, or call one that does.
    async fn routines_that_set(&mut self) -> Result<Vec<String>, SessionError> {
        // A body in the standard's manner is not in the column.
        let body = "CASE p.prosrc WHEN '' THEN pg_catalog.pg_get_functiondef(p.oid) ELSE p.prosrc END";
        let sql = format!(
            "SELECT p.proname::pg_catalog.text, {body} FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n \
             ON n.oid OPERATOR(pg_catalog.=) p.pronamespace WHERE n.nspname OPERATOR(pg_catalog.!~) '^(pg_|information_schema$)' \
             AND p.prokind OPERATOR(pg_catalog.<>) 'a'"
        );
        let rows = self.ask(sql).await?;
        let rows = rows.iter().map(|row| Ok((value::<String>(Some(row), 0)?, value::<String>(Some(row), 1)?)));
        let routines = rows.collect::<Result<Vec<_>, SessionError>>()?;
        Ok(routines_that_leave_settings(&routines))
    }

    /// Whether a statement has run before, according to the journal or else the catalog. What an unfinished one has
    /// left is removed.
    pub(super) async fn has_run(
        &mut self,
        attempt: Attempt<'_>,
        index: usize,
        row: Option<&JournalRow>,
    ) -> Result<bool, SessionError> {
        let (verdict, leftovers) = match (verdict(attempt, index, row.map(JournalRow::journaled)), row) {
            (Verdict::Ask, Some(row)) => {
                let (found, leftovers) = self.look_up(row).await?;
                let verdict = settled(attempt, index, row.journaled(), found);
                if verdict == Verdict::HasRun {
                    tracing::info!(
                        statement = attempt.migration.place_of_statement(index).excerpt,
                        "its outcome was not recorded, but the catalog shows that it has run"
                    );
                    let end = self.ledger.end_statement(attempt, index, "catalog", None);
                    self.write_guarded(attempt.fence, &end).await?;
                    return Ok(true);
                }
                (verdict, leftovers)
            }
            (verdict, _) => (verdict, Vec::new()),
        };
        match verdict {
            Verdict::Refuse(failure) => return Err(refused(failure)),
            Verdict::HasRun => {
                if *attempt.migration.execution(index) == Execution::Setting {
                    // It went with the session that it was made in.
                    self.send_statement(attempt, index).await?;
                }
                return Ok(true);
            }
            Verdict::Run | Verdict::Ask => {}
        }
        for name in leftovers {
            tracing::warn!(index = name, "dropping the invalid index that an interrupted statement has left");
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
            let lifted = self.lift_lock_timeout(&Trace::DroppedIndex { name }).await?;
            self.ask(drop).await.map_err(|error| at(error, attempt, index))?;
            if lifted {
                self.put_lock_timeout_back().await?;
            }
        }
        Ok(false)
    }

    async fn look_up(&mut self, row: &JournalRow) -> Result<(Settlement, Vec<String>), SessionError> {
        let Some(question) = row.question() else { return Ok(row.settlement(&[])) };
        let found = self.ask(question).await?;
        let found = found.iter().map(|row| Ok((value(Some(row), 0)?, value(Some(row), 1)?, value(Some(row), 2)?)));
        Ok(row.settlement(&found.collect::<Result<Vec<_>, SessionError>>()?))
    }

    async fn execute(
        &mut self,
        attempt: Attempt<'_>,
        index: usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Executed, SessionError> {
        let Execution::Alone(trace) = attempt.migration.execution(index) else {
            return self.execute_in_transaction(attempt, index).await;
        };
        self.wait_outside(attempt, index, trace, progress).await?;
        // As many messages as it takes before the statement's row, which then has an end whatever becomes of it.
        let lifted = self.lift_lock_timeout(trace).await?;
        let object = self.object(trace).await.map_err(|error| at(error, attempt, index))?;
        let begin = self.ledger.begin_statement(attempt, index, Kind::Alone(trace, &object));
        self.write_guarded(attempt.fence, &begin).await?;
        let sent = self.send_alone(attempt, index, lifted).await;
        let sent = self.unless_met_invalid(sent, trace, &object).await;
        let sent = sent.map(|()| Executed::Run).map_err(|error| at(error, attempt, index));
        let failure = match &sent {
            Err(error) if error.connection_lost => return sent,
            Err(error) => Some(&error.failure),
            Ok(_) => None,
        };
        let skipped = match failure {
            Some(failure) => self.skipped(attempt, index, failure).await,
            None => None,
        };
        let (settled_by, failure) =
            if matches!(skipped, Some(Ok(_))) { ("catalog", None) } else { ("server", failure) };
        let end = self.ledger.end_statement(attempt, index, settled_by, failure);
        let ended = self.write_guarded(attempt.fence, &end).await;
        let sent = sent.map_err(|error| match leaves_index(trace, &error.failure) {
            Some(left) => with_invalid_index(error, left),
            None => error,
        });
        let executed = skipped.unwrap_or(sent)?;
        ended.map(|_| executed)
    }

    /// The object a statement is about, with names looked up in the session's own state.
    async fn object(&mut self, trace: &Trace) -> Result<Object, SessionError> {
        let Some(question) = object_of(trace) else { return Ok(Object::default()) };
        let rows = self.ask(question).await?;
        match rows.first() {
            Some(row) => Ok(Object { name: value(Some(row), 0)?, oid: value(Some(row), 1)? }),
            None => Ok(Object::default()),
        }
    }

    /// Sends a statement that has a row. `lifted`: it waits for locks without a limit, which holds for it alone.
    async fn send_alone(&mut self, attempt: Attempt<'_>, index: usize, lifted: bool) -> Result<(), SessionError> {
        // A cancellation that meets the row of its start leaves the statement alone.
        let sent = match unless_stopped(attempt, index) {
            Ok(()) => self.send_statement(attempt, index).await,
            Err(stopped) => Err(stopped),
        };
        if !lifted || sent.as_ref().is_err_and(|error| error.connection_lost) {
            return sent;
        }
        let back = self.put_lock_timeout_back().await;
        sent.and(back)
    }

    /// Sends a statement with nothing around it.
    pub(super) async fn send_statement(&mut self, attempt: Attempt<'_>, index: usize) -> Result<(), SessionError> {
        let sent = self.send(attempt.migration.statement_sql(index).to_owned()).await;
        sent.map_err(|(error, _)| placed(&error, attempt, index, 0))
    }

    /// Runs a statement and writes its row, both or neither.
    async fn execute_in_transaction(&mut self, attempt: Attempt<'_>, index: usize) -> Result<Executed, SessionError> {
        let prefix = format!("{BEGIN_AS_SET};");
        // The guard comes after the statement, which may need the role and the search path that the file has set, as
        // what it defers does; it holds for the whole transaction all the same. A line break: the statement may end in
        // a comment's line.
        let text = format!(
            "{prefix}{}\n;{}{};{DEFERRED};{AS_OURSELVES};{};{};COMMIT",
            attempt.migration.statement_sql(index),
            check_of_indexes(attempt.migration, index..index + 1),
            self.mark.behind(index),
            self.ledger.guard(attempt.fence),
            self.ledger.begin_statement(attempt, index, Kind::InTransaction)
        );
        let Err((error, behind)) = self.send(text).await else { return Ok(Executed::Run) };
        let mut error = placed(&error, attempt, index, prefix.chars().count());
        if let Some(answers) = behind {
            tell_phase(&mut error.failure, phase_behind(answers, closing()));
            return Err(error);
        }
        if error.connection_lost || error.failure.class != ErrorClass::AlreadyExists {
            return Err(error);
        }
        self.ask("ROLLBACK".to_owned()).await?;
        let skipped = self.skipped(attempt, index, &error.failure).await;
        let passed_over = skipped.unwrap_or(Err(error))?;
        let row = self.ledger.begin_statement(attempt, index, Kind::InTransaction);
        self.write_guarded(attempt.fence, &row).await.map(|_| passed_over)
    }

    /// Whether a statement that has met its object may be passed over, where that is asked for: None where not.
    pub(super) async fn skipped(
        &mut self,
        attempt: Attempt<'_>,
        index: usize,
        failure: &Failure,
    ) -> Option<Result<Executed, SessionError>> {
        if failure.class != ErrorClass::AlreadyExists || self.already_exists != AlreadyExists::SkipIfIdentical {
            return None;
        }
        if let Err(error) = self.ask(BEGIN.to_owned()).await {
            return Some(Err(error));
        }
        let compared = self.compare(attempt.migration.statement_sql(index)).await;
        let ended = self.ask("ROLLBACK".to_owned()).await;
        let skipped = compared
            .and_then(|comparison| ended.and_then(|_| skip_or_fail(failure.clone(), comparison).map_err(refused)));
        Some(skipped.map(|()| Executed::PassedOver))
    }

    /// A question, or a command of our own, with nothing around it.
    pub(super) async fn ask(&mut self, sql: String) -> Result<Vec<PgRow>, SessionError> {
        let results = self.try_query(sql).await;
        let results = results.map_err(|error| SessionError {
            failure: failure_of(&error, Reason::StatementFailed),
            connection_lost: connection_lost(&error),
        })?;
        Ok(results.into_iter().next().unwrap_or_default())
    }
}

/// An error with its place in the file. `before`: characters that were sent before the statement's first.
pub(super) fn placed(error: &sqlx::Error, attempt: Attempt<'_>, index: usize, before: usize) -> SessionError {
    let migration = attempt.migration;
    let mut failure = failure_of(error, Reason::StatementFailed);
    let sql = migration.statement_sql(index);
    let inside = server_error(error).and_then(position).and_then(|at| at.checked_sub(before));
    let byte = inside.and_then(|at| sql.char_indices().nth(at)).map(|(byte, _)| byte);
    let start = migration.statements.get(index).map(|statement| statement.span.start);
    failure.message = message_without_passwords(&failure.message, &migration.sql);
    if let Some(advice) = advice(&failure, sql) {
        failure = failure.also_hint(advice);
    }
    failure.place = Some(match (start, byte) {
        (Some(start), Some(byte)) => migration.place_of_byte(start + byte),
        _ => migration.place_of_statement(index),
    });
    SessionError { failure, connection_lost: connection_lost(error) }
}

/// Refuses to begin a statement once the run is to stop.
pub(super) fn unless_stopped(attempt: Attempt<'_>, index: usize) -> Result<(), SessionError> {
    attempt.stop.reason().map_or(Ok(()), |reason| Err(refused(stopped_before(reason, attempt.migration, index))))
}

/// An error with its statement as its place, where it has none.
pub(super) fn at(mut error: SessionError, attempt: Attempt<'_>, index: usize) -> SessionError {
    error.failure.place.get_or_insert_with(|| attempt.migration.place_of_statement(index));
    error
}

/// What a statement that failed may have left of an index.
fn leaves_index(trace: &Trace, failure: &Failure) -> Option<&'static str> {
    let left = match trace {
        Trace::CreatedIndex { .. } => {
            "the index is left half built (INVALID): no query uses it, but every write pays for it, until a run builds it \
             again with this statement, or you drop it"
        }
        Trace::DroppedIndex { .. } => {
            "the index may be left INVALID: no query uses it then, but every write pays for it, until a run drops it with \
             this statement, or you do"
        }
        Trace::ReindexedIndex { .. } | Trace::ReindexedTable { .. } => {
            "half-built copies (…_ccnew, …_ccold) may be left: every write pays for them, until a run drops them with this \
             statement, or you do"
        }
        Trace::DetachedPartition { .. } if failure.reason == Reason::LockTimedOut => {
            "the partition may be left pending, and then ALTER TABLE … DETACH PARTITION … FINALIZE completes it: run that by \
             hand, and say so with schemaward repair … --as done"
        }
        _ => return None,
    };
    let code = failure.code.as_deref()?;
    StoredTrace::of(trace).leaves_a_part(code).then_some(left)
}

fn with_invalid_index(error: SessionError, left: &str) -> SessionError {
    let mut failure = error.failure;
    if failure.hint.is_none() && failure.reason == Reason::LockTimedOut {
        failure = failure.hint("wait for that transaction to end, or end it with pg_terminate_backend");
    }
    SessionError { failure: failure.also_hint(left), ..error }
}

pub(super) fn refused(failure: Failure) -> SessionError {
    SessionError { failure, connection_lost: false }
}
