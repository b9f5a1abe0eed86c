//! A plan's steps on a database: in batches, again where a table's lock was not free, until a stop or an error.
//!
//! Decides what is handed to a session at once and what follows from its answer; never how it is done.

use std::time::{Duration, Instant};

use super::batch::batch_len;
use super::cancellation::{CANCEL_WAIT, NotEnded, cancelled};
use super::lock_ladder::LockLadder;
use super::run::{Run, Steps, count};
use super::run_failure::{Unresolved, not_told_of, of_another_engine, older_than_its_history, stopped_at_work};
use crate::engine::RecordedAttempt;
use crate::engine::StopReason;
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::engine::shared::stopped::stopped;
use crate::engine::{ApplyError, Attempt, Database, FailedAttempt, Fence, Progress, Session};
use crate::migration::Migration;
use crate::plan::{Kind, LedgerState, Plan, Step};
use crate::report::{Event, Failure, LockBlocker, Place, Reason};
use crate::sql::TransactionMode;

/// The tries of one migration whose tables' locks were not free.
struct Tries {
    began: Instant,
    ladder: LockLadder,
}

/// How a batch ended.
struct Ended {
    /// How many of its migrations are applied.
    applied: usize,
    /// When the one behind them began.
    began: Instant,
    /// What became of that one; nothing, where it was not begun.
    outcome: Result<(), ApplyError>,
    /// Who was seen last in the way of a lock.
    blocker: Option<LockBlocker>,
}

impl<'a, D: Database> Run<'a, D> {
    /// Applies a plan's steps, one behind the other, until one fails.
    pub(super) async fn apply(&mut self, session: &mut D::Session, fence: Fence, plan: &Plan<'a>) -> Steps<'a> {
        let rollback = self.is_rollback();
        if !self.started && !plan.steps.is_empty() {
            self.started = true;
            (self.report)(Event::RunStarted {
                run: self.settings.run.clone(),
                plan_hash: plan.hash().to_string(),
                steps: count(plan.steps.len()),
                from: plan.from.as_ref().map(ToString::to_string),
                to: plan.to_text(),
                rollback,
            });
        }
        let mut steps = plan.steps.as_slice();
        let mut tries: Option<Tries> = None;
        while !steps.is_empty() {
            if let Some(reason) = self.stop.reason() {
                return Steps::Failed(stopped(reason, None));
            }
            // What waits for a lock does so alone.
            let len = if tries.is_some() { 1 } else { batch_len(steps) };
            let batch = steps.get(..len).unwrap_or(steps);
            let ended = self.apply_batch(session, fence, batch, tries.is_none()).await;
            steps = steps.get(ended.applied..).unwrap_or_default();
            let unapplied = batch.get(ended.applied..).unwrap_or_default();
            if ended.applied > 0 {
                tries = None;
            }
            let (failure, statements_done) = match (ended.outcome, unapplied) {
                (Ok(()), [step, ..]) if ended.applied == 0 => {
                    // Never again what may have had an effect.
                    return Steps::Failed(not_told_of(&step.migration));
                }
                (Ok(()), _) => continue,
                (Err(ApplyError::OutcomeUnknown { failure, statements_done }), _) => {
                    let (steps, began) = (unapplied.to_vec(), ended.began);
                    return Steps::Unresolved(Box::new(Unresolved { steps, failure, statements_done, began }));
                }
                (Err(ApplyError::Refused { failure, statements_done }), _) => (failure, statements_done),
            };
            let Some(step) = unapplied.first() else { return Steps::Failed(failure) };
            let began = tries.as_ref().map_or(ended.began, |tries| tries.began);
            let failure = if failure.reason == Reason::LockTimedOut {
                let tries = tries.get_or_insert_with(|| self.first_try(began));
                match self.pause(tries, &step.migration, failure, ended.blocker).await {
                    Ok(()) => continue,
                    Err(failure) => failure,
                }
            } else if self.known.in_force.is_empty() {
                older_than_its_history(failure)
            } else {
                failure
            };
            let failure = of_another_engine(failure, &step.migration);
            let failed = FailedAttempt { failure: &failure, statements_done, duration: began.elapsed() };
            return Steps::Failed(match self.record(session, fence, step, failed).await {
                Ok(()) => failure,
                // Its file ran into what the other run has done.
                Err(overtaken) => overtaken,
            });
        }
        Steps::Done
    }

    fn first_try(&self, began: Instant) -> Tries {
        Tries { began, ladder: LockLadder::new(self.settings.lock_tries, self.database.lock_timeout()) }
    }

    /// Pauses after a try that did not get a table's lock. What is committed statement by statement gets one try,
    /// unless the database says otherwise: an index that is being built would be built anew each time. The failure, where there is no other try.
    async fn pause(
        &mut self,
        tries: &mut Tries,
        migration: &Migration,
        failure: Failure,
        blocker: Option<LockBlocker>,
    ) -> Result<(), Failure> {
        let elapsed = tries.began.elapsed();
        let again = migration.mode == TransactionMode::PerFile || self.database.tries_statements_again();
        let pause = tries.ladder.pause(elapsed).filter(|_| again);
        let statement = failure.place.as_ref().and_then(|place| place.statement);
        let failure = tries.ladder.told(elapsed, failure, blocker.as_ref());
        let Some(pause) = pause else { return Err(failure) };
        (self.report)(Event::LockTimedOut {
            version: migration.version.to_string(),
            file: migration.file.clone(),
            statement,
            tries: tries.ladder.tries,
            pause_ms: i64::try_from(pause.as_millis()).unwrap_or(i64::MAX),
            blocker,
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            // The time was spent on locks: that is what to look at, and it may heal.
            reason = self.stop.requested() => Err(match reason {
                StopReason::DeadlineExceeded => failure,
                StopReason::Cancelled => stopped(reason, Some(&failure)),
            }),
        }
    }

    /// Applies several migrations; a stop cancels the statement that runs and waits for the server to roll back.
    /// `announce`: their beginning has not been reported yet.
    async fn apply_batch(
        &mut self,
        session: &mut D::Session,
        fence: Fence,
        batch: &[Step<'a>],
        announce: bool,
    ) -> Ended {
        let (database, stop_signal, name, id) = (self.database, self.stop, self.settings.run.as_str(), session.id());
        let attempts: Vec<Attempt<'_>> = batch
            .iter()
            .map(|Step { kind, migration }| Attempt { migration, kind: *kind, run: name, fence, stop: stop_signal })
            .collect();
        let (mut applied, mut began, mut blocker) = (0, Instant::now(), None);
        let mut progress = |index: usize, progress| {
            let Some(step) = batch.get(index) else { return };
            match progress {
                Progress::Started(ago) => {
                    let now = Instant::now();
                    began = now.checked_sub(ago).unwrap_or(now);
                    if announce {
                        self.report_started(step);
                    }
                }
                Progress::StatementsDone(done) => (self.report)(Event::StatementFinished {
                    version: step.migration.version.to_string(),
                    statement: count(done),
                    statements: count(step.migration.statements.len()),
                }),
                Progress::StatementSkipped(index) => self.report_skipped(step, index),
                Progress::Applied(duration) => {
                    applied = index + 1;
                    self.note_applied(step, duration);
                }
            }
        };
        let outcome = {
            let mut applying = std::pin::pin!(session.apply_batch(&attempts, &mut progress));
            let reason = tokio::select! {
                biased;
                done = &mut applying => Ok(done),
                reason = stop_signal.requested() => Err(reason),
                never = database.watch_lock_waits(id, &mut blocker) => match never {},
            };
            match reason {
                Ok(done) => done,
                Err(reason) => stopped_outcome(reason, cancelled(database, id, applying).await),
            }
        };
        Ended { applied, began, outcome, blocker }
    }

    fn report_started(&mut self, step: &Step<'_>) {
        let migration = step.migration.as_ref();
        (self.report)(Event::MigrationStarted {
            kind: step.kind.word().to_owned(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            statements: count(migration.statements.len()),
            no_transaction: migration.mode == TransactionMode::PerStatement,
        });
    }

    fn report_skipped(&mut self, step: &Step<'_>, index: usize) {
        let Place { version, file, line, excerpt, .. } = step.migration.place_of_statement(index);
        (self.report)(Event::StatementSkipped { version, file, statement: count(index + 1), line, excerpt });
    }

    fn note_applied(&mut self, step: &Step<'_>, duration: Duration) {
        self.applied += 1;
        let migration = step.migration.as_ref();
        self.known.has_run(step);
        (self.report)(Event::MigrationApplied {
            kind: step.kind.word().to_owned(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            execution_time_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
        });
    }

    /// Records a failed attempt. That this fails too is logged only: the failure itself matters more.
    ///
    /// # Errors
    ///
    /// That another run has taken over.
    async fn record(
        &self,
        session: &mut D::Session,
        fence: Fence,
        step: &Step<'_>,
        failed: FailedAttempt<'_>,
    ) -> Result<(), Failure> {
        if failed.failure.reason == Reason::Fenced {
            return Ok(());
        }
        let migration = step.migration.as_ref();
        let attempt = Attempt { migration, kind: step.kind, run: &self.settings.run, fence, stop: self.stop };
        match tokio::time::timeout(CANCEL_WAIT, session.record_failure(attempt, failed)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.failure.reason == Reason::Fenced => {
                return Err(Failure { message: OVERTAKEN.to_owned(), ..error.failure });
            }
            Ok(Err(error)) => tracing::warn!(%error, "the failed attempt could not be recorded"),
            Err(_) => tracing::warn!("the failed attempt could not be recorded: the server does not answer"),
        }
        Ok(())
    }

    /// Lets the ledger say what became of a migration whose outcome was not told.
    pub(super) async fn resolve(
        &mut self,
        session: &mut D::Session,
        fence: Fence,
        ledger: &LedgerState,
        lost: Unresolved<'a>,
    ) -> Result<(), Failure> {
        let Unresolved { steps, mut failure, mut statements_done, began } = lost;
        let committed = steps.iter().take_while(|step| is_committed(step, ledger)).count();
        if committed > 0 {
            tracing::info!(files = committed, "the connection was lost, but what was being applied is committed");
        }
        // Another run may have done it meanwhile; then it is not this one's to tell of.
        let attempts =
            if committed > 0 { session.attempts(None).await.map_err(|error| error.failure)?.0 } else { vec![] };
        for step in steps.iter().take(committed) {
            let is_its = |attempt: &&RecordedAttempt| {
                attempt.success && attempt.run == self.settings.run && attempt.row.file == step.migration.file
            };
            if let Some(own) = attempts.iter().find(is_its) {
                self.note_applied(step, Duration::from_millis(own.execution_time_ms.try_into().unwrap_or(0)));
            }
        }
        let Some(step) = steps.get(committed) else { return Ok(()) };
        if failure.place.as_ref().is_none_or(|place| place.file != step.migration.file) {
            // The server was farther than its answers, or has lost what it had not yet written to its disk.
            (failure.place, statements_done) = (Some(step.migration.place()), 0);
        }
        let failed = FailedAttempt { failure: &failure, statements_done, duration: began.elapsed() };
        self.record(session, fence, step, failed).await?;
        self.release(session, fence).await;
        Err(failure)
    }
}

/// Whether the ledger says that a step is committed.
fn is_committed(step: &Step<'_>, ledger: &LedgerState) -> bool {
    let migration = step.migration.as_ref();
    match step.kind {
        Kind::Rollback => ledger.get(&migration.version).is_none(),
        Kind::Repeatable => ledger.repeatable(&migration.file).is_some_and(|row| row.checksum == migration.checksum),
        _ => ledger.get(&migration.version).is_some_and(|row| row.checksum == migration.checksum),
    }
}

fn is_stopped(error: &ApplyError) -> bool {
    let (ApplyError::Refused { failure, .. } | ApplyError::OutcomeUnknown { failure, .. }) = error;
    matches!(failure.reason, Reason::Cancelled | Reason::DeadlineExceeded)
}

/// What a batch that was cancelled has ended with.
fn stopped_outcome(reason: StopReason, ended: Result<Result<(), ApplyError>, NotEnded>) -> Result<(), ApplyError> {
    match ended {
        // What was begun was done before the cancellation reached it.
        Ok(Ok(())) => Ok(()),
        // It has stopped by itself, between two statements.
        Ok(Err(error @ ApplyError::Refused { .. })) if is_stopped(&error) => Err(error),
        Ok(Err(ApplyError::Refused { failure, statements_done })) => {
            Err(ApplyError::Refused { failure: stopped(reason, Some(&failure)), statements_done })
        }
        Ok(Err(ApplyError::OutcomeUnknown { failure, statements_done })) => {
            Err(ApplyError::OutcomeUnknown { failure: stopped(reason, Some(&failure)), statements_done })
        }
        Err(why) => Err(ApplyError::OutcomeUnknown { failure: stopped_at_work(reason, &why), statements_done: 0 }),
    }
}
