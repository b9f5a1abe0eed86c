//! The protocol of a run, the same for every engine:
//! connect → read the ledger (nothing pending: stop here, no lock, no write) → lock → fence → plan
//! again → apply and record, file by file → unlock.
//! A rollback goes the same way, with other steps.
//!
//! Decides what happens next; how it happens on a server is the session's affair.

use std::time::Duration;

use tokio::time::Instant;

use super::ahead::Ahead;
use super::applying::{Applying, Steps};
use super::beside::Look;
use super::cancellation::CANCEL_WAIT;
use super::context::{Context, RunSettings};
use super::pauses::Pauses;
use super::run_failure::{Unresolved, another_plan, lock_held, unknown_outcome};
use super::tally::Tally;
use crate::engine::Stop;
use crate::engine::{Database, Fence, LockAttempt, Session, SessionError};
use crate::migration::{Version, no_migration};
use crate::plan::{Goal, LedgerState, Plan, PlanProblem, plan, plan_failure, read_otherwise, rollback_plan, to_undo};
use crate::report::{Event, Failure, HistoryEntry, Outcome, Reason, Summary};
use crate::source::parse_needed;

/// The first pause between two tries for the lock; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a lost server is looked for, to ask its ledger what became of a migration.
const RECONNECT_WAIT: Duration = Duration::from_secs(30);
/// How many attempts the summary contains.
const HISTORY_ROWS: u32 = 20;

/// Executes a run, beginning with the session that was opened ahead. Events are reported as they happen; the last one,
/// like the answer, is the summary.
pub async fn run<D: Database>(
    database: &D,
    ahead: Ahead<D>,
    goal: &Goal<'_>,
    settings: &RunSettings,
    stop: &Stop,
    report: &mut dyn FnMut(Event),
) -> Summary {
    let tally = Tally::default();
    let context = Context { database, goal, settings, stop, report: &mut *report, tally, started: false };
    let mut run = Run { context, ahead };
    let ended = run.execute().await;
    let summary = run.context.tally.summary(&settings.run, run.context.is_rollback(), ended);
    if let Outcome::Failed { failure, .. } = &summary.outcome {
        report(Event::RunFailed { failure: failure.clone() });
    }
    report(Event::RunFinished { summary: summary.clone() });
    summary
}

/// The protocol of a run.
struct Run<'a, D: Database> {
    context: Context<'a, D>,
    ahead: Ahead<D>,
}

impl<'a, D: Database> Run<'a, D> {
    async fn execute(&mut self) -> Result<(), Failure> {
        let mut session = self.connect().await?;
        let ledger = self.in_tries(async || session.read_ledger().await).await?;
        self.context.tally.history = self.context.unless_stopped(self.newest_attempts(&mut session)).await??;
        let first = self.plan(&mut session, &ledger).await?;
        for warning in &first.warnings {
            (self.context.report)(Event::Warning { message: warning.to_string() });
        }
        if first.steps.is_empty() {
            session.close().await;
            return Ok(());
        }
        let mut look = match self.context.look_beside(&mut session, &ledger).await {
            Ok(look) => look,
            Err(failure) => {
                session.close().await;
                return Err(failure);
            }
        };
        let mut unresolved = None;
        loop {
            let taken = self.take_over(&mut session, std::mem::take(&mut look)).await;
            let (fence, ledger) = match (taken, &unresolved) {
                (Ok(taken), _) => taken,
                (Err(failure), None) => return Err(failure),
                (Err(failure), Some(lost)) => return Err(unknown_outcome(lost, &failure)),
            };
            if let Some(lost) = unresolved.take()
                && let Some(failure) = self.applying(&mut session, fence).resolve(&ledger, lost).await?
            {
                self.release(&mut session, fence).await;
                return Err(failure);
            }
            let steps = match self.plan(&mut session, &ledger).await {
                Ok(plan) => self.applying(&mut session, fence).apply(&plan).await,
                Err(failure) => Steps::Failed(failure),
            };
            match steps {
                Steps::Done => return self.finish(session, fence, None).await,
                Steps::Failed(failure) => return self.finish(session, fence, Some(failure)).await,
                Steps::Unresolved(lost) => {
                    // The old connection goes first: while the server believes in it, it holds the lock.
                    drop(session);
                    session = self.reconnect(&lost).await?;
                    unresolved = Some(*lost);
                }
            }
        }
    }

    fn applying<'r>(&'r mut self, session: &'r mut D::Session, fence: Fence) -> Applying<'r, 'a, D> {
        Applying { context: &mut self.context, session, fence }
    }

    async fn connect(&mut self) -> Result<D::Session, Failure> {
        let mut ahead = std::mem::take(&mut self.ahead);
        Ok(self.context.unless_stopped(ahead.session(self.context.database)).await??)
    }

    /// Looks for the server again, to ask what became of a migration.
    async fn reconnect(&mut self, lost: &Unresolved<'_>) -> Result<D::Session, Failure> {
        let deadline = Instant::now() + RECONNECT_WAIT;
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let error = match self.connect().await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let is_retried = self.context.stop.reason().is_none() && error.class.is_retried();
            let Some(pause) = pauses.within(deadline - Instant::now()).filter(|_| is_retried) else {
                return Err(unknown_outcome(lost, &error));
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes the plan and notes what the summary needs of it.
    async fn plan(&mut self, session: &mut D::Session, ledger: &LedgerState) -> Result<Plan<'a>, Failure> {
        self.context.tally.has_read(ledger);
        let plan = match self.context.goal {
            Goal::Migrate { set, options, .. } => {
                // The plan says what is wrong with them.
                let _ = parse_needed(set, ledger);
                plan(set, ledger, options)
            }
            Goal::Rollback { to, .. } => {
                let versions: Vec<Version> = to_undo(ledger, to).into_iter().map(|row| row.version.clone()).collect();
                let stored = self.context.unless_stopped(session.stored_rollbacks(&versions)).await??;
                rollback_plan(ledger, to, &stored, self.context.database.dialect())
            }
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(problems) => return Err(refused(session, &problems).await),
        };
        if let Some(failure) = read_otherwise(&plan.steps, session.server_dialect()) {
            return Err(failure);
        }
        if let Goal::Rollback { shown: Some(shown), .. } = self.context.goal
            && !self.context.started
            && !plan.steps.is_empty()
            && plan.hash() != *shown
        {
            return Err(another_plan());
        }
        self.context.tally.has_planned(&plan);
        Ok(plan)
    }

    /// Takes the lock and raises the fence; `look`: what is to be done then about other tools' histories.
    async fn take_over(&mut self, session: &mut D::Session, look: Look) -> Result<(Fence, LedgerState), Failure> {
        let deadline = Instant::now() + self.context.settings.lock_wait;
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut reported = None;
        while let LockAttempt::HeldBy(holder) = self.context.unless_stopped(session.try_lock()).await?? {
            let Some(pause) = pauses.within(deadline - Instant::now()) else {
                return Err(lock_held(&holder, self.context.settings.lock_wait));
            };
            // A holder that is not known has just given the lock back.
            if !holder.is_empty() && reported.as_ref() != Some(&holder) {
                (self.context.report)(Event::WaitingForLock { holder: holder.clone() });
                reported = Some(holder);
            }
            self.context.unless_stopped(tokio::time::sleep(pause)).await?;
        }
        if matches!(look, Look::Again) {
            self.context.look_beside_again(session).await?;
        }
        let run = self.context.settings.run.clone();
        let (fence, ledger) = self.in_tries(async || session.take_over(&run).await).await?;
        if let Look::Acknowledge(detail) = look {
            self.context.acknowledge(session, fence, &detail).await?;
        }
        Ok((fence, ledger))
    }

    /// Takes a step on the ledger, repeatedly while somebody else's transaction blocks it, but no longer than waiting
    /// for the run lock may take. On SQLite any transaction that writes blocks it.
    async fn in_tries<T>(&mut self, mut step: impl AsyncFnMut() -> Result<T, SessionError>) -> Result<T, Failure> {
        let deadline = Instant::now() + self.context.settings.lock_wait;
        let (mut pauses, mut is_reported) = (Pauses::new(FIRST_PAUSE, LONGEST_PAUSE), false);
        loop {
            let failure = match self.context.unless_stopped(step()).await? {
                Ok(done) => return Ok(done),
                Err(error) => error.failure,
            };
            let is_retried = failure.reason == Reason::LockTimedOut;
            let Some(pause) = pauses.within(deadline - Instant::now()).filter(|_| is_retried) else {
                return Err(failure);
            };
            if !is_reported {
                (self.context.report)(Event::Warning { message: format!("{}; trying again", failure.message) });
                is_reported = true;
            }
            self.context.unless_stopped(tokio::time::sleep(pause)).await?;
        }
    }

    /// Gives the lock back and ends the connection.
    async fn finish(&mut self, mut session: D::Session, fence: Fence, failure: Option<Failure>) -> Result<(), Failure> {
        self.release(&mut session, fence).await;
        session.close().await;
        failure.map_or(Ok(()), Err)
    }

    /// Gives the lock back and reads the history once more.
    async fn release(&mut self, session: &mut D::Session, fence: Fence) {
        let released = match tokio::time::timeout(CANCEL_WAIT, session.release(fence)).await {
            Ok(released) => released.map_err(|error| error.to_string()),
            Err(_) => Err("the server does not answer".to_owned()),
        };
        if let Err(error) = released {
            return tracing::warn!(error, "the lock could not be given back; it ends with the connection");
        }
        match tokio::time::timeout(CANCEL_WAIT, self.newest_attempts(session)).await {
            Ok(Ok(history)) => self.context.tally.history = history,
            Ok(Err(error)) => tracing::warn!(%error, "the newest attempts could not be read once more"),
            Err(_) => tracing::warn!("the newest attempts could not be read once more: the server does not answer"),
        }
    }

    /// What the summary contains of the newest attempts.
    async fn newest_attempts(&self, session: &mut D::Session) -> Result<Vec<HistoryEntry>, SessionError> {
        if !self.context.settings.tells_history {
            return Ok(Vec::new());
        }
        let (attempts, _) = session.attempts(Some(HISTORY_ROWS)).await?;
        Ok(attempts.iter().map(HistoryEntry::from).collect())
    }
}

/// The failure of a run that has no plan. Where another file has the version of an applied one, it says which run has
/// applied that: its name begins with the resource's.
async fn refused(session: &mut impl Session, problems: &[PlanProblem]) -> Failure {
    let failure = plan_failure(problems).unwrap_or_else(no_migration);
    let Some(PlanProblem::AnotherFile { applied_file, row: Some(row), .. }) = problems.first() else { return failure };
    // Without an answer, the rest is still true.
    let Ok((attempts, _)) = session.attempts(None).await else { return failure };
    match attempts.iter().find(|attempt| attempt.row.id == *row) {
        Some(applied) => failure.also_hint(format!(
            "{applied_file} was applied at {} by the run {:?} of {:?}",
            applied.applied_at, applied.run, applied.applied_by
        )),
        None => failure,
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        error.failure
    }
}
