//! The protocol of a run, the same for every engine:
//! connect → read the ledger (nothing pending: stop here, no lock, no write) → lock → fence → plan
//! again → apply and record, file by file → unlock.
//! A rollback goes the same way, with other steps.
//!
//! Decides what happens next; how it happens on a server is the session's affair.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::ahead::Ahead;
use super::beside::Look;
use super::cancellation::CANCEL_WAIT;
use super::pauses::Pauses;
use super::run_failure::{Unresolved, another_plan, lock_held, unknown_outcome};
use crate::engine::Stop;
use crate::engine::shared::stopped::stopped;
use crate::engine::{Database, Fence, LockAttempt, Session, SessionError};
use crate::migration::{Version, no_migration};
use crate::plan::{Goal, Kind, LedgerState, Plan, Step, plan, plan_failure, read_otherwise, rollback_plan, to_undo};
use crate::report::{Event, Failure, HistoryEntry, Outcome, Pending, Reason, Summary};
use crate::source::parse_needed;

/// The first pause between two tries for the lock; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a lost server is looked for, to ask its ledger what became of a migration.
const RECONNECT_WAIT: Duration = Duration::from_secs(30);
/// How many attempts the summary tells of.
const HISTORY_ROWS: u32 = 20;

/// How a run is to go about its goal.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The run's name: it stands in the ledger, and the server shows it.
    pub run: String,
    /// How long to wait for another run's lock.
    pub lock_wait: Duration,
    /// How long a file's tries for its tables' locks may go on, all in all.
    pub lock_tries: Duration,
    /// Whether the summary is to tell of the newest attempts.
    pub tells_history: bool,
}

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
    let mut run =
        Run { database, ahead, goal, settings, stop, report, known: Known::default(), applied: 0, started: false };
    let outcome = run.execute().await;
    let summary = run.summary(outcome);
    if let Outcome::Failed { failure, .. } = &summary.outcome {
        report(Event::RunFailed { failure: failure.clone() });
    }
    report(Event::RunFinished { summary: summary.clone() });
    summary
}

/// The summary of a run that failed before it could connect.
#[must_use]
pub fn failed_before_start(run: &str, failure: Failure) -> Summary {
    Summary {
        run: run.to_owned(),
        plan_hash: None,
        outcome: Outcome::Failed { applied: 0, failure },
        ledger_read: false,
        current_version: None,
        target_version: None,
        pending: Pending::default(),
        history: Vec::new(),
        warnings: Vec::new(),
        rollback: false,
    }
}

pub(super) struct Run<'a, D: Database> {
    pub(super) database: &'a D,
    ahead: Ahead<D>,
    pub(super) goal: &'a Goal<'a>,
    pub(super) settings: &'a RunSettings,
    pub(super) stop: &'a Stop,
    pub(super) report: &'a mut dyn FnMut(Event),
    pub(super) known: Known,
    pub(super) applied: i64,
    pub(super) started: bool,
}

/// What the run has learnt so far, for its summary.
#[derive(Default)]
pub(super) struct Known {
    ledger_read: bool,
    plan_hash: Option<String>,
    pub(super) in_force: Vec<Version>,
    target: Option<String>,
    /// Steps, by their names.
    pending: VecDeque<String>,
    ahead: Vec<String>,
    pub(super) history: Vec<HistoryEntry>,
}

/// What came of a plan's steps.
pub(super) enum Steps<'a> {
    Done,
    Failed(Failure),
    Unresolved(Box<Unresolved<'a>>),
}

impl<'a, D: Database> Run<'a, D> {
    async fn execute(&mut self) -> Result<(), Failure> {
        let mut session = self.connect().await?;
        let ledger = self.in_tries(async || session.read_ledger().await).await?;
        self.known.history = self.unless_stopped(self.newest_attempts(&mut session)).await??;
        let first = self.plan(&mut session, &ledger).await?;
        for warning in &first.warnings {
            (self.report)(Event::Warning { message: warning.to_string() });
        }
        if first.steps.is_empty() {
            session.close().await;
            return Ok(());
        }
        let mut look = match self.look_beside(&mut session, &ledger).await {
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
            if let Some(lost) = unresolved.take() {
                self.resolve(&mut session, fence, &ledger, lost).await?;
            }
            let steps = match self.plan(&mut session, &ledger).await {
                Ok(plan) => self.apply(&mut session, fence, &plan).await,
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

    /// Waits for a step, but not longer than until the run is to stop.
    pub(super) async fn unless_stopped<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = step => Ok(done),
            reason = self.stop.requested() => Err(stopped(reason, None)),
        }
    }

    async fn connect(&mut self) -> Result<D::Session, Failure> {
        let mut ahead = std::mem::take(&mut self.ahead);
        Ok(self.unless_stopped(ahead.session(self.database)).await??)
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
            let is_retried = self.stop.reason().is_none() && error.class.is_retried();
            let Some(pause) = pauses.within(deadline - Instant::now()).filter(|_| is_retried) else {
                return Err(unknown_outcome(lost, &error));
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes the plan and notes what the summary needs of it.
    async fn plan(&mut self, session: &mut D::Session, ledger: &LedgerState) -> Result<Plan<'a>, Failure> {
        self.known.ledger_read = true;
        self.known.in_force = ledger.applied().iter().map(|row| row.version.clone()).collect();
        let plan = match self.goal {
            Goal::Migrate { set, options, .. } => {
                // What is wrong with them the plan tells.
                let _ = parse_needed(set, ledger);
                plan(set, ledger, options)
            }
            Goal::Rollback { to, .. } => {
                let versions: Vec<Version> = to_undo(ledger, to).into_iter().map(|row| row.version.clone()).collect();
                let stored = self.unless_stopped(session.stored_rollbacks(&versions)).await??;
                rollback_plan(ledger, to, &stored, self.database.dialect())
            }
        };
        let plan = plan.map_err(|problems| plan_failure(&problems).unwrap_or_else(no_migration))?;
        if let Some(failure) = read_otherwise(&plan.steps, session.server_dialect()) {
            return Err(failure);
        }
        if let Goal::Rollback { shown: Some(shown), .. } = self.goal
            && !self.started
            && !plan.steps.is_empty()
            && plan.hash() != *shown
        {
            return Err(another_plan());
        }
        if self.applied == 0 {
            // After a reconnection the rest of the plan is planned anew; the run's plan is the first.
            self.known.plan_hash = Some(plan.hash().to_string());
        }
        self.known.target = Some(plan.to_text());
        self.known.pending = plan.steps.iter().map(|step| step.name().to_owned()).collect();
        self.known.ahead = plan.ahead.iter().map(ToString::to_string).collect();
        Ok(plan)
    }

    /// Takes the lock and raises the fence; `look`: what is to be done then about other tools' histories.
    async fn take_over(&mut self, session: &mut D::Session, look: Look) -> Result<(Fence, LedgerState), Failure> {
        let deadline = Instant::now() + self.settings.lock_wait;
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut reported = None;
        while let LockAttempt::HeldBy(holder) = self.unless_stopped(session.try_lock()).await?? {
            let Some(pause) = pauses.within(deadline - Instant::now()) else {
                return Err(lock_held(&holder, self.settings.lock_wait));
            };
            // A holder that cannot be told has just given the lock back.
            if !holder.is_empty() && reported.as_ref() != Some(&holder) {
                (self.report)(Event::WaitingForLock { holder: holder.clone() });
                reported = Some(holder);
            }
            self.unless_stopped(tokio::time::sleep(pause)).await?;
        }
        if matches!(look, Look::Again) {
            self.look_beside_again(session).await?;
        }
        let run = self.settings.run.clone();
        let (fence, ledger) = self.in_tries(async || session.take_over(&run).await).await?;
        if let Look::Acknowledge(detail) = look {
            self.acknowledge(session, fence, &detail).await?;
        }
        Ok((fence, ledger))
    }

    /// Takes a step on the ledger, again and again while a transaction of somebody else's keeps it from ending, but no
    /// longer than the run's own lock is waited for. On SQLite any transaction that writes does.
    async fn in_tries<T>(&mut self, mut step: impl AsyncFnMut() -> Result<T, SessionError>) -> Result<T, Failure> {
        let deadline = Instant::now() + self.settings.lock_wait;
        let (mut pauses, mut is_reported) = (Pauses::new(FIRST_PAUSE, LONGEST_PAUSE), false);
        loop {
            let failure = match self.unless_stopped(step()).await? {
                Ok(done) => return Ok(done),
                Err(error) => error.failure,
            };
            let is_retried = failure.reason == Reason::LockTimedOut;
            let Some(pause) = pauses.within(deadline - Instant::now()).filter(|_| is_retried) else {
                return Err(failure);
            };
            if !is_reported {
                (self.report)(Event::Warning { message: format!("{}; trying again", failure.message) });
                is_reported = true;
            }
            self.unless_stopped(tokio::time::sleep(pause)).await?;
        }
    }

    /// Gives the lock back and ends the connection.
    async fn finish(&mut self, mut session: D::Session, fence: Fence, failure: Option<Failure>) -> Result<(), Failure> {
        self.release(&mut session, fence).await;
        session.close().await;
        failure.map_or(Ok(()), Err)
    }

    /// Gives the lock back and reads the history once more.
    pub(super) async fn release(&mut self, session: &mut D::Session, fence: Fence) {
        let released = match tokio::time::timeout(CANCEL_WAIT, session.release(fence)).await {
            Ok(released) => released.map_err(|error| error.to_string()),
            Err(_) => Err("the server does not answer".to_owned()),
        };
        if let Err(error) = released {
            return tracing::warn!(error, "the lock could not be given back; it ends with the connection");
        }
        match tokio::time::timeout(CANCEL_WAIT, self.newest_attempts(session)).await {
            Ok(Ok(history)) => self.known.history = history,
            Ok(Err(error)) => tracing::warn!(%error, "the newest attempts could not be read once more"),
            Err(_) => tracing::warn!("the newest attempts could not be read once more: the server does not answer"),
        }
    }

    /// What the summary tells of the newest attempts.
    async fn newest_attempts(&self, session: &mut D::Session) -> Result<Vec<HistoryEntry>, SessionError> {
        if !self.settings.tells_history {
            return Ok(Vec::new());
        }
        let (attempts, _) = session.attempts(Some(HISTORY_ROWS)).await?;
        Ok(attempts.iter().map(HistoryEntry::from).collect())
    }

    fn summary(&self, outcome: Result<(), Failure>) -> Summary {
        let known = &self.known;
        let applied = self.applied;
        let text = |version: &Version| version.to_string();
        Summary {
            run: self.settings.run.clone(),
            plan_hash: known.plan_hash.clone(),
            outcome: match outcome {
                Ok(()) => Outcome::Succeeded { applied, ahead: known.ahead.clone() },
                Err(failure) => Outcome::Failed { applied, failure },
            },
            ledger_read: known.ledger_read,
            current_version: known.in_force.last().map(text),
            target_version: known.target.clone(),
            pending: Pending {
                count: count(known.pending.len()),
                first: known.pending.front().cloned(),
                last: known.pending.back().cloned(),
            },
            history: known.history.clone(),
            warnings: Vec::new(),
            rollback: self.is_rollback(),
        }
    }

    pub(super) fn is_rollback(&self) -> bool {
        matches!(self.goal, Goal::Rollback { .. })
    }
}

impl Known {
    /// Notes that a step is committed.
    pub(super) fn has_run(&mut self, step: &Step<'_>) {
        let version = &step.migration.version;
        if self.pending.pop_front_if(|pending| pending == step.name()).is_none() {
            self.pending.retain(|pending| pending != step.name());
        }
        match (step.kind, self.in_force.binary_search(version)) {
            (Kind::Rollback, Ok(at)) => drop(self.in_force.remove(at)),
            (Kind::Migration, Err(at)) => self.in_force.insert(at, version.clone()),
            _ => {}
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        error.failure
    }
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
