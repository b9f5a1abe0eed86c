//! A plan's steps on a database: in batches, again where a table's lock was not free, until a stop or an error.
//!
//! Decides what is handed to a session at once and what follows from its answer; never how it is done.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::batch::batch_len;
use super::cancellation::{CANCEL_WAIT, NotEnded, cancelled};
use super::context::Context;
use super::following::Following;
use super::lock_ladder::LockLadder;
use super::own_record::touched;
use super::run_failure::{
    Unresolved, all_undone, not_reported, of_another_engine, older_than_its_history, stopped_while_running,
};
use crate::engine::RecordedAttempt;
use crate::engine::StopReason;
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::engine::shared::stopped::stopped;
use crate::engine::{ApplyError, ApplyOutcome, Attempt, Database, FailedAttempt, Fence, Session};
use crate::migration::Migration;
use crate::plan::{Kind, LedgerState, Plan, Step};
use crate::policy::TransactionScope;
use crate::report::{Event, Failure, LockBlocker, Reason};
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
    /// Of how many of those after them the beginning was reported.
    reported: usize,
    /// When the one after them began.
    began: Instant,
    /// What became of that one; nothing, where it was not started.
    outcome: Result<(), ApplyError>,
    /// Who was last seen holding a lock that a statement waited for.
    blocker: Option<LockBlocker>,
}

/// What came of a plan's steps.
pub(super) enum Steps<'a> {
    Done,
    Failed(Failure),
    Unresolved(Box<Unresolved<'a>>),
}

/// A run that holds the lock and applies a plan's steps.
pub(super) struct Applying<'r, 'a, D: Database> {
    pub(super) context: &'r mut Context<'a, D>,
    pub(super) session: &'r mut D::Session,
    pub(super) fence: Fence,
}

impl<'a, D: Database> Applying<'_, 'a, D> {
    /// Applies the steps, as the goal says: each in its own transaction, or all in one.
    pub(super) async fn apply(&mut self, plan: &Plan<'a>) -> Steps<'a> {
        if let Some(failure) =
            touched(&plan.steps, self.context.database.history_schema(), &self.context.database.address())
        {
            return Steps::Failed(failure);
        }
        self.context.report_beginning(plan);
        match self.context.goal.transaction() {
            TransactionScope::File => self.apply_each(plan).await,
            TransactionScope::All => self.apply_together(plan).await,
        }
    }

    /// Applies the steps, one after the other, until one fails.
    async fn apply_each(&mut self, plan: &Plan<'a>) -> Steps<'a> {
        let mut steps = plan.steps.as_slice();
        let mut tries: Option<Tries> = None;
        // Of the steps, those whose beginning was reported.
        let mut reported = 0;
        while !steps.is_empty() {
            if let Some(reason) = self.context.stop.reason() {
                return Steps::Failed(stopped(reason, None));
            }
            // What waits for a lock does so alone.
            let len = if tries.is_some() { 1 } else { batch_len(steps) };
            let batch = steps.get(..len).unwrap_or(steps);
            let ended = self.apply_batch(batch, TransactionScope::File, reported).await;
            reported = ended.reported;
            steps = steps.get(ended.applied..).unwrap_or_default();
            let unapplied = batch.get(ended.applied..).unwrap_or_default();
            if ended.applied > 0 {
                tries = None;
            }
            let (failure, statements_done) = match (ended.outcome, unapplied) {
                (Ok(()), [step, ..]) if ended.applied == 0 => {
                    // Never again what may have had an effect.
                    return Steps::Failed(not_reported(&step.migration));
                }
                (Ok(()), _) => continue,
                (Err(ApplyError { failure, statements_done, outcome: ApplyOutcome::Unknown }), _) => {
                    let (steps, began) = (unapplied.to_vec(), ended.began);
                    return Steps::Unresolved(Box::new(Unresolved { steps, failure, statements_done, began }));
                }
                (Err(ApplyError { failure, statements_done, outcome: ApplyOutcome::Refused }), _) => {
                    (failure, statements_done)
                }
            };
            let Some(step) = unapplied.first() else { return Steps::Failed(failure) };
            let began = tries.as_ref().map_or(ended.began, |tries| tries.began);
            let Err(failure) = self.pause(&mut tries, began, &step.migration, failure, ended.blocker).await else {
                continue;
            };
            return self.failed(step, failure, statements_done, began).await;
        }
        Steps::Done
    }

    /// Applies all steps in one transaction: all of them, or none.
    async fn apply_together(&mut self, plan: &Plan<'a>) -> Steps<'a> {
        let steps = plan.steps.as_slice();
        let mut tries: Option<Tries> = None;
        let mut reported = 0;
        loop {
            if let Some(reason) = self.context.stop.reason() {
                return Steps::Failed(stopped(reason, None));
            }
            let ended = self.apply_batch(steps, TransactionScope::All, reported).await;
            reported = ended.reported;
            let Err(error) = ended.outcome else { return Steps::Done };
            let ApplyError { failure, statements_done, outcome } = error;
            let began = tries.as_ref().map_or(ended.began, |tries| tries.began);
            if outcome == ApplyOutcome::Unknown {
                let steps = steps.to_vec();
                return Steps::Unresolved(Box::new(Unresolved { steps, failure, statements_done, began }));
            }
            let Some(step) = failing(steps, &failure) else { return Steps::Failed(failure) };
            let Err(failure) = self.pause(&mut tries, began, &step.migration, failure, ended.blocker).await else {
                continue;
            };
            return self.failed(step, all_undone(failure, steps.len()), statements_done, began).await;
        }
    }

    /// Records that a step failed.
    async fn failed(&mut self, step: &Step<'a>, failure: Failure, statements_done: usize, began: Instant) -> Steps<'a> {
        let may_be_older = failure.reason != Reason::LockTimedOut && self.context.tally.nothing_is_in_force();
        let failure = if may_be_older { older_than_its_history(failure) } else { failure };
        let failure = of_another_engine(failure, &step.migration);
        let failed = FailedAttempt { failure: &failure, statements_done, duration: began.elapsed() };
        Steps::Failed(match self.record(step, failed).await {
            Ok(()) => failure,
            // Its file ran into what the other run has done.
            Err(overtaken) => overtaken,
        })
    }

    /// Pauses after a try that did not get a table's lock. What is committed statement by statement gets one try,
    /// unless the database says otherwise: an index would be built from the start each time. Returns the failure if
    /// there is no other try. `began`: when the first one did.
    async fn pause(
        &mut self,
        tries: &mut Option<Tries>,
        began: Instant,
        migration: &Migration,
        failure: Failure,
        blocker: Option<LockBlocker>,
    ) -> Result<(), Failure> {
        if failure.reason != Reason::LockTimedOut {
            return Err(failure);
        }
        let Context { database, settings, .. } = &self.context;
        let tries = tries.get_or_insert_with(|| Tries {
            began,
            ladder: LockLadder::new(settings.lock_tries, database.lock_timeout()),
        });
        let elapsed = tries.began.elapsed();
        let again = migration.mode == TransactionMode::PerFile || self.context.database.tries_statements_again();
        let pause = tries.ladder.pause(elapsed).filter(|_| again);
        let statement = failure.place.as_ref().and_then(|place| place.statement);
        let failure = tries.ladder.told(elapsed, failure, blocker.as_ref());
        let Some(pause) = pause else { return Err(failure) };
        (self.context.report)(Event::LockTimedOut {
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
            reason = self.context.stop.requested() => Err(match reason {
                StopReason::DeadlineExceeded => failure,
                StopReason::Cancelled => stopped(reason, Some(&failure)),
            }),
        }
    }

    /// Applies several migrations; a stop cancels the statement that runs and waits for the server to roll back.
    /// `reported`: of how many the beginning has been reported.
    async fn apply_batch(&mut self, batch: &[Step<'a>], scope: TransactionScope, reported: usize) -> Ended {
        let (context, fence, id) = (&mut *self.context, self.fence, self.session.id());
        let (database, asked_to_stop) = (context.database, context.stop);
        let attempts: Vec<Attempt<'_>> = batch.iter().map(|step| context.attempt(step, fence)).collect();
        // Told by the session and seen from outside, never at the same moment.
        let following = RefCell::new(Following::new(context, batch, reported));
        let mut progress = |index, progress| following.borrow_mut().hear(index, progress);
        let mut seen = |progress| following.borrow_mut().see(progress);
        let outcome = {
            let session = &mut *self.session;
            let apply = async {
                match scope {
                    TransactionScope::File => session.apply_batch(&attempts, &mut progress).await,
                    TransactionScope::All => {
                        session.apply_together(&attempts, &mut progress).await.map_err(|undone| undone.error)
                    }
                }
            };
            let mut applying = std::pin::pin!(apply);
            let reason = tokio::select! {
                biased;
                done = &mut applying => Ok(done),
                reason = asked_to_stop.requested() => Err(reason),
                lost = database.watch(id, &mut seen) => {
                    // Nothing more will come over it; the ledger knows what was committed.
                    Ok(Err(ApplyError { failure: lost, statements_done: 0, outcome: ApplyOutcome::Unknown }))
                }
            };
            match reason {
                Ok(done) => done,
                Err(reason) => stopped_outcome(reason, cancelled(database, id, applying).await),
            }
        };
        let Following { applied, announced, began, blocker, .. } = following.into_inner();
        Ended { applied, reported: announced.saturating_sub(applied), began, outcome, blocker }
    }

    /// Records a failed attempt. That this fails too is logged only: the failure itself matters more.
    ///
    /// # Errors
    ///
    /// That another run has taken over.
    async fn record(&mut self, step: &Step<'_>, failed: FailedAttempt<'_>) -> Result<(), Failure> {
        if failed.failure.reason == Reason::Fenced {
            return Ok(());
        }
        let attempt = self.context.attempt(step, self.fence);
        match tokio::time::timeout(CANCEL_WAIT, self.session.record_failure(attempt, failed)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.failure.reason == Reason::Fenced => {
                return Err(Failure { message: OVERTAKEN.to_owned(), ..error.failure });
            }
            Ok(Err(error)) => tracing::warn!(%error, "the failed attempt could not be recorded"),
            Err(_) => tracing::warn!("the failed attempt could not be recorded: the server does not answer"),
        }
        Ok(())
    }

    /// Lets the ledger say what became of migrations whose outcome was not heard. The failure of the first that is not
    /// committed, once it is recorded.
    pub(super) async fn resolve(
        &mut self,
        ledger: &LedgerState,
        lost: Unresolved<'a>,
    ) -> Result<Option<Failure>, Failure> {
        let Unresolved { steps, mut failure, mut statements_done, began } = lost;
        let committed = steps.iter().take_while(|step| is_committed(step, ledger)).count();
        if committed > 0 {
            tracing::info!(files = committed, "the connection was lost, but what was being applied is committed");
        }
        // Another run may have done it meanwhile; then it is not this one's to report.
        let attempts =
            if committed > 0 { self.session.attempts(None).await.map_err(|error| error.failure)?.0 } else { vec![] };
        for step in steps.iter().take(committed) {
            let is_its = |attempt: &&RecordedAttempt| {
                attempt.success && attempt.run == self.context.settings.run && attempt.row.file == step.migration.file
            };
            if let Some(own) = attempts.iter().find(is_its) {
                self.context.note_applied(step, Duration::from_millis(own.execution_time_ms.try_into().unwrap_or(0)));
            }
        }
        let first = steps.get(committed);
        let step = match self.context.goal.transaction() {
            TransactionScope::File => first,
            TransactionScope::All => first.and(failing(&steps, &failure)),
        };
        let Some(step) = step else { return Ok(None) };
        if failure.place.as_ref().is_none_or(|place| place.file != step.migration.file) {
            // The server was farther than its answers, or has lost what it had not yet written to its disk.
            (failure.place, statements_done) = (Some(step.migration.place()), 0);
        }
        let failed = FailedAttempt { failure: &failure, statements_done, duration: began.elapsed() };
        self.record(step, failed).await?;
        Ok(Some(failure))
    }
}

/// The step that a failure is about: of one transaction, any may be.
fn failing<'s, 'a>(steps: &'s [Step<'a>], failure: &Failure) -> Option<&'s Step<'a>> {
    let file = failure.place.as_ref().map(|place| place.file.as_str());
    steps.iter().find(|step| Some(step.migration.file.as_str()) == file).or(steps.first())
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

/// What a batch that was cancelled has ended with.
fn stopped_outcome(reason: StopReason, ended: Result<Result<(), ApplyError>, NotEnded>) -> Result<(), ApplyError> {
    let error = match ended {
        // The statement had finished before the cancellation reached it.
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(why) => {
            let (failure, outcome) = (stopped_while_running(reason, &why), ApplyOutcome::Unknown);
            return Err(ApplyError { failure, statements_done: 0, outcome });
        }
    };
    let says_so = matches!(error.failure.reason, Reason::Cancelled | Reason::DeadlineExceeded);
    if error.outcome == ApplyOutcome::Refused && says_so {
        // It has stopped on its own, between two statements.
        return Err(error);
    }
    Err(ApplyError { failure: stopped(reason, Some(&error.failure)), ..error })
}
