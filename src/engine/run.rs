//! The protocol of a run, the same for every engine:
//! connect → read the ledger (nothing pending: stop here, no lock, no write) → lock → fence → plan
//! again → apply and record, file by file → unlock.
//! A rollback goes the same way, with other steps.
//!
//! Decides what happens next; how it happens on a server is the session's affair.

use std::time::{Duration, Instant};

use super::lock_ladder::LockLadder;
use super::run_failure::{Unresolved, lock_held, stopped, unknown_outcome};
use super::session::{
    ApplyError, Attempt, Database, FailedAttempt, Fence, LedgerView, LockAttempt, Session, SessionError, SessionId,
};
use super::stop::{Stop, StopReason};
use crate::migration::{Migration, TransactionMode, Version, no_migration};
use crate::plan::{Goal, Kind, LedgerState, Plan, Step, plan, plan_failure, rollback_plan, to_undo};
use crate::report::{AppliedMigration, Event, Failure, LockBlocker, Outcome, Pending, Reason, Summary};

/// The first pause between two tries for the lock; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a lost server is looked for, to ask its ledger what became of a migration.
const RECONNECT_WAIT: Duration = Duration::from_secs(30);
/// How long a cancelled statement may take to end. A pod is killed 30 s after its SIGTERM.
const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// How long a cancellation may take to show before it is repeated.
const CANCEL_AGAIN: Duration = Duration::from_secs(2);

/// How a run is to go about its goal.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The run's name: it stands in the ledger, and the server shows it.
    pub run: String,
    /// How long to wait for another run's lock.
    pub lock_wait: Duration,
    /// How long a file's tries for its tables' locks may go on, all in all.
    pub lock_tries: Duration,
}

/// Executes a run. Events are reported as they happen; the last one, like the answer, is the summary.
pub async fn run<D: Database>(
    database: &D,
    goal: &Goal<'_>,
    settings: &RunSettings,
    stop: &Stop,
    report: &mut dyn FnMut(Event),
) -> Summary {
    let mut run = Run { database, goal, settings, stop, report, known: Known::default(), applied: 0, started: false };
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
        rollback: false,
    }
}

struct Run<'a, D: Database> {
    database: &'a D,
    goal: &'a Goal<'a>,
    settings: &'a RunSettings,
    stop: &'a Stop,
    report: &'a mut dyn FnMut(Event),
    known: Known,
    applied: i64,
    started: bool,
}

/// What the run has learnt so far, for its summary.
#[derive(Default)]
struct Known {
    ledger_read: bool,
    plan_hash: Option<String>,
    /// In version order.
    in_force: Vec<Version>,
    target: Option<String>,
    pending: Vec<Version>,
    ahead: Vec<String>,
    history: Vec<AppliedMigration>,
}

/// What came of a plan's steps.
enum Steps<'a> {
    Done,
    Failed(Failure),
    Unresolved(Box<Unresolved<'a>>),
}

impl<'a, D: Database> Run<'a, D> {
    async fn execute(&mut self) -> Result<(), Failure> {
        let mut session = self.connect().await?;
        let view = self.unless_stopped(session.read_ledger()).await??;
        let first = self.plan(&mut session, &view).await?;
        for warning in &first.warnings {
            (self.report)(Event::Warning { message: warning.to_string() });
        }
        if first.steps.is_empty() {
            session.close().await;
            return Ok(());
        }
        let mut unresolved = None;
        loop {
            let (fence, view) = match (self.take_over(&mut session).await, &unresolved) {
                (Ok(taken), _) => taken,
                (Err(failure), None) => return Err(failure),
                (Err(failure), Some(lost)) => return Err(unknown_outcome(lost, &failure)),
            };
            if let Some(lost) = unresolved.take() {
                self.resolve(&mut session, fence, &view.state, lost).await?;
            }
            let steps = match self.plan(&mut session, &view).await {
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
    async fn unless_stopped<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = step => Ok(done),
            reason = self.stop.requested() => Err(stopped(reason, None)),
        }
    }

    async fn connect(&self) -> Result<D::Session, Failure> {
        Ok(self.unless_stopped(self.database.connect()).await??)
    }

    /// Looks for the server again, to ask what became of a migration.
    async fn reconnect(&self, lost: &Unresolved<'_>) -> Result<D::Session, Failure> {
        let deadline = tokio::time::Instant::now() + RECONNECT_WAIT;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.connect().await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let over = self.stop.reason().is_some() || tokio::time::Instant::now() + pause > deadline;
            if over || !error.class.is_retried() {
                return Err(unknown_outcome(lost, &error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Makes the plan and notes what the summary needs of it.
    async fn plan(&mut self, session: &mut D::Session, view: &LedgerView) -> Result<Plan<'a>, Failure> {
        self.known.ledger_read = true;
        self.known.history.clone_from(&view.history);
        self.known.in_force = view.state.applied().iter().map(|row| row.version.clone()).collect();
        let plan = match self.goal {
            Goal::Migrate { set, options } => plan(set, &view.state, options),
            Goal::Rollback(to) => {
                let versions: Vec<Version> =
                    to_undo(&view.state, to).into_iter().map(|row| row.version.clone()).collect();
                let stored = self.unless_stopped(session.stored_rollbacks(&versions)).await??;
                rollback_plan(&view.state, to, &stored, self.database.dialect())
            }
        };
        let plan = plan.map_err(|problems| plan_failure(&problems).unwrap_or_else(no_migration))?;
        if self.applied == 0 {
            // After a reconnection the rest of the plan is planned anew; the run's plan is the first.
            self.known.plan_hash = Some(plan.hash().to_string());
        }
        self.known.target = Some(plan.to_text());
        self.known.pending = plan.steps.iter().map(|step| step.migration.version.clone()).collect();
        self.known.ahead = plan.ahead.iter().map(ToString::to_string).collect();
        Ok(plan)
    }

    /// Takes the lock and raises the fence.
    async fn take_over(&mut self, session: &mut D::Session) -> Result<(Fence, LedgerView), Failure> {
        let deadline = tokio::time::Instant::now() + self.settings.lock_wait;
        let mut pause = FIRST_PAUSE;
        let mut reported = None;
        while let LockAttempt::HeldBy(holder) = self.unless_stopped(session.try_lock()).await?? {
            if tokio::time::Instant::now() + pause > deadline {
                return Err(lock_held(&holder, self.settings.lock_wait));
            }
            // A holder that cannot be told has just given the lock back.
            if !holder.is_empty() && reported.as_ref() != Some(&holder) {
                (self.report)(Event::WaitingForLock { holder: holder.clone() });
                reported = Some(holder);
            }
            self.unless_stopped(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(self.unless_stopped(session.take_over(&self.settings.run)).await??)
    }

    /// Applies a plan's steps, one after the other, until one fails.
    async fn apply(&mut self, session: &mut D::Session, fence: Fence, plan: &Plan<'a>) -> Steps<'a> {
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
        for step in &plan.steps {
            if let Some(reason) = self.stop.reason() {
                return Steps::Failed(stopped(reason, None));
            }
            let began = Instant::now();
            match self.apply_in_tries(session, fence, step).await {
                Ok(duration) => self.note_applied(step, duration),
                Err(ApplyError::Refused { failure, statements_done }) => {
                    let failed = FailedAttempt { failure: &failure, statements_done, duration: began.elapsed() };
                    self.record(session, fence, step, failed).await;
                    return Steps::Failed(failure);
                }
                Err(ApplyError::OutcomeUnknown { failure, statements_done }) => {
                    return Steps::Unresolved(Box::new(Unresolved {
                        step: step.clone(),
                        failure,
                        statements_done,
                        began,
                    }));
                }
            }
        }
        Steps::Done
    }

    /// Applies one migration, as often as it takes to get its tables' locks. What is committed statement by statement
    /// gets one try: an index that is being built would be built anew each time.
    async fn apply_in_tries(
        &mut self,
        session: &mut D::Session,
        fence: Fence,
        step: &Step<'_>,
    ) -> Result<Duration, ApplyError> {
        let migration = step.migration.as_ref();
        (self.report)(Event::MigrationStarted {
            kind: step.kind.word().to_owned(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            statements: count(migration.statements.len()),
            no_transaction: migration.mode == TransactionMode::PerStatement,
        });
        let began = Instant::now();
        let mut ladder = LockLadder::new(self.settings.lock_tries, self.database.lock_timeout());
        loop {
            let mut blocker = None;
            let (failure, statements_done) = match self.apply_one(session, fence, step, &mut blocker).await {
                Err(ApplyError::Refused { failure, statements_done }) if failure.reason == Reason::LockTimedOut => {
                    (failure, statements_done)
                }
                other => return other,
            };
            let pause = ladder.pause(began.elapsed()).filter(|_| migration.mode == TransactionMode::PerFile);
            let statement = failure.place.as_ref().and_then(|place| place.statement);
            let failure = ladder.told(began.elapsed(), failure, blocker.as_ref());
            let Some(pause) = pause else { return Err(ApplyError::Refused { failure, statements_done }) };
            (self.report)(Event::LockTimedOut {
                version: migration.version.to_string(),
                file: migration.file.clone(),
                statement,
                tries: ladder.tries,
                pause_ms: i64::try_from(pause.as_millis()).unwrap_or(i64::MAX),
                blocker,
            });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                reason = self.stop.requested() => {
                    // The time was spent on locks: that is what to look at, and it may heal.
                    let by_locks = reason == StopReason::DeadlineExceeded;
                    let failure = if by_locks { failure } else { stopped(reason, Some(&failure)) };
                    return Err(ApplyError::Refused { failure, statements_done });
                }
            }
        }
    }

    /// Applies one migration; a stop cancels its statement and waits for the server to roll back. `blocker` is who was
    /// seen last in the way of a lock.
    async fn apply_one(
        &mut self,
        session: &mut D::Session,
        fence: Fence,
        step: &Step<'_>,
        blocker: &mut Option<LockBlocker>,
    ) -> Result<Duration, ApplyError> {
        let migration = step.migration.as_ref();
        let id = session.id();
        let mut report_progress = |done| {
            (self.report)(Event::StatementFinished {
                version: migration.version.to_string(),
                statement: count(done),
                statements: count(migration.statements.len()),
            });
        };
        let attempt = Attempt { migration, kind: step.kind, run: &self.settings.run, fence };
        let mut applying = std::pin::pin!(session.apply(attempt, &mut report_progress));
        let reason = tokio::select! {
            biased;
            done = &mut applying => return done,
            reason = self.stop.requested() => reason,
            () = self.database.watch_lock_waits(id, blocker) => self.stop.requested().await,
        };
        match cancelled(self.database, id, applying).await {
            // It was done before the cancellation reached it.
            Some(Ok(duration)) => Ok(duration),
            Some(Err(ApplyError::Refused { failure, statements_done })) => {
                Err(ApplyError::Refused { failure: stopped(reason, Some(&failure)), statements_done })
            }
            Some(Err(ApplyError::OutcomeUnknown { failure, statements_done })) => {
                Err(ApplyError::OutcomeUnknown { failure: stopped(reason, Some(&failure)), statements_done })
            }
            None => {
                let failure = Failure { place: Some(migration.place()), ..stopped(reason, None) };
                Err(ApplyError::OutcomeUnknown { failure, statements_done: 0 })
            }
        }
    }

    fn note_applied(&mut self, step: &Step<'_>, duration: Duration) {
        self.applied += 1;
        let migration = step.migration.as_ref();
        self.known.has_run(step.kind, migration);
        (self.report)(Event::MigrationApplied {
            kind: step.kind.word().to_owned(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            execution_time_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
        });
    }

    /// Records a failed attempt. That this fails too is logged only: the failure itself matters more.
    async fn record(&self, session: &mut D::Session, fence: Fence, step: &Step<'_>, failed: FailedAttempt<'_>) {
        if failed.failure.reason == Reason::Fenced {
            return;
        }
        let migration = step.migration.as_ref();
        let attempt = Attempt { migration, kind: step.kind, run: &self.settings.run, fence };
        match tokio::time::timeout(CANCEL_WAIT, session.record_failure(attempt, failed)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the failed attempt could not be recorded"),
            Err(_) => tracing::warn!("the failed attempt could not be recorded: the server does not answer"),
        }
    }

    /// Lets the ledger say what became of a migration whose outcome was not told.
    async fn resolve(
        &mut self,
        session: &mut D::Session,
        fence: Fence,
        ledger: &LedgerState,
        lost: Unresolved<'a>,
    ) -> Result<(), Failure> {
        let Unresolved { step, failure, statements_done, began } = lost;
        if is_committed(&step, ledger) {
            tracing::info!(file = step.migration.file, "the connection was lost, but the file is committed");
            self.note_applied(&step, began.elapsed());
            return Ok(());
        }
        let failed = FailedAttempt { failure: &failure, statements_done, duration: began.elapsed() };
        self.record(session, fence, &step, failed).await;
        if let Ok(Ok(history)) = tokio::time::timeout(CANCEL_WAIT, session.release(fence)).await {
            self.known.history = history;
        }
        Err(failure)
    }

    /// Gives the lock back and reads the history once more.
    async fn finish(&mut self, mut session: D::Session, fence: Fence, failure: Option<Failure>) -> Result<(), Failure> {
        match tokio::time::timeout(CANCEL_WAIT, session.release(fence)).await {
            Ok(Ok(history)) => self.known.history = history,
            Ok(Err(error)) => tracing::warn!(%error, "the lock could not be given back; it ends with the connection"),
            Err(_) => tracing::warn!("the lock could not be given back; it ends with the connection"),
        }
        session.close().await;
        failure.map_or(Ok(()), Err)
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
                first: known.pending.first().map(text),
                last: known.pending.last().map(text),
            },
            history: known.history.clone(),
            rollback: self.is_rollback(),
        }
    }

    fn is_rollback(&self) -> bool {
        matches!(self.goal, Goal::Rollback(_))
    }
}

impl Known {
    /// Notes that a step is committed.
    fn has_run(&mut self, kind: Kind, migration: &Migration) {
        let version = &migration.version;
        self.pending.retain(|pending| pending != version);
        match (kind, self.in_force.binary_search(version)) {
            (Kind::Rollback, Ok(at)) => drop(self.in_force.remove(at)),
            (Kind::Migration, Err(at)) => self.in_force.insert(at, version.clone()),
            _ => {}
        }
    }
}

/// Whether the ledger says that a step is committed.
fn is_committed(step: &Step<'_>, ledger: &LedgerState) -> bool {
    let migration = step.migration.as_ref();
    match step.kind {
        Kind::Rollback => ledger.get(&migration.version).is_none(),
        _ => ledger.get(&migration.version).is_some_and(|row| row.checksum == migration.checksum),
    }
}

/// Ends what a session does and waits for it; None where it does not end in time. Asked more than once: what is done in
/// several messages may be between two of them, where there is nothing to cancel.
async fn cancelled<D: Database, T>(
    database: &D,
    session: SessionId,
    mut applying: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let deadline = tokio::time::Instant::now() + CANCEL_WAIT;
    while tokio::time::Instant::now() < deadline {
        cancel(database, session).await;
        if let Ok(done) = tokio::time::timeout(CANCEL_AGAIN, &mut applying).await {
            return Some(done);
        }
    }
    None
}

/// Asks the server to end a session's statement. Where that fails, the end of the connection does it.
async fn cancel<D: Database>(database: &D, session: SessionId) {
    match tokio::time::timeout(CANCEL_WAIT, database.cancel(session)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the statement could not be cancelled"),
        Err(_) => tracing::warn!("the server did not answer the request to cancel the statement"),
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        error.failure
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
