//! What a run goes by from its beginning to its end, and what it says.

use std::time::Duration;

use super::tally::{Tally, count};
use crate::engine::shared::stopped::stopped;
use crate::engine::{Attempt, Database, Fence, Stop};
use crate::plan::{Goal, Plan, Step};
use crate::report::{Event, Failure, Place, StatementProgress};
use crate::sql::TransactionMode;

/// How a run is to go about its goal.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The run's name: it is in the ledger, and the server shows it.
    pub run: String,
    /// How long to wait for another run's lock.
    pub lock_wait: Duration,
    /// The total time for a file's tries for its tables' locks.
    pub lock_tries: Duration,
    /// Whether the summary is to contain the newest attempts.
    pub tells_history: bool,
}

/// What a run goes by, whom it reports to, and what it has learnt.
pub(super) struct Context<'a, D: Database> {
    pub(super) database: &'a D,
    pub(super) goal: &'a Goal<'a>,
    pub(super) settings: &'a RunSettings,
    pub(super) stop: &'a Stop,
    pub(super) report: &'a mut dyn FnMut(Event),
    pub(super) tally: Tally,
    /// Whether the first plan's beginning was reported.
    pub(super) started: bool,
}

impl<'a, D: Database> Context<'a, D> {
    /// What a session is asked to do of a step.
    pub(super) fn attempt<'s>(&self, step: &'s Step<'_>, fence: Fence) -> Attempt<'s>
    where
        'a: 's,
    {
        Attempt { migration: &step.migration, kind: step.kind, run: &self.settings.run, fence, stop: self.stop }
    }

    pub(super) fn is_rollback(&self) -> bool {
        matches!(self.goal, Goal::Rollback { .. })
    }

    /// Waits for a step, but not longer than until the run is to stop.
    pub(super) async fn unless_stopped<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = step => Ok(done),
            reason = self.stop.requested() => Err(stopped(reason, None)),
        }
    }

    /// Reports that a plan's steps begin, once in a run.
    pub(super) fn report_beginning(&mut self, plan: &Plan<'_>) {
        if self.started || plan.steps.is_empty() {
            return;
        }
        self.started = true;
        let rollback = self.is_rollback();
        (self.report)(Event::RunStarted {
            run: self.settings.run.clone(),
            plan_hash: plan.hash().to_string(),
            steps: count(plan.steps.len()),
            from: plan.from.as_ref().map(ToString::to_string),
            to: plan.to_text(),
            rollback,
        });
    }

    pub(super) fn report_started(&mut self, step: &Step<'_>) {
        let migration = step.migration.as_ref();
        (self.report)(Event::MigrationStarted {
            kind: step.kind.word().to_owned(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            statements: count(migration.statements.len()),
            no_transaction: migration.mode == TransactionMode::PerStatement,
        });
    }

    pub(super) fn report_statements(&mut self, step: &Step<'_>, done: usize) {
        (self.report)(Event::StatementFinished {
            version: step.migration.version.to_string(),
            statement: count(done),
            statements: count(step.migration.statements.len()),
        });
    }

    /// `done`: how many of the step's statements have run.
    pub(super) fn report_progress(&mut self, step: &Step<'_>, done: usize, progress: StatementProgress) {
        let migration = step.migration.as_ref();
        (self.report)(Event::StatementProgress {
            version: migration.version.to_string(),
            file: migration.file.clone(),
            statement: count((done + 1).min(migration.statements.len())),
            statements: count(migration.statements.len()),
            progress,
        });
    }

    pub(super) fn report_skipped(&mut self, step: &Step<'_>, index: usize) {
        let Place { version, file, line, excerpt, .. } = step.migration.place_of_statement(index);
        (self.report)(Event::StatementSkipped { version, file, statement: count(index + 1), line, excerpt });
    }

    /// Notes and reports that a step is committed.
    pub(super) fn note_applied(&mut self, step: &Step<'_>, duration: Duration) {
        let migration = step.migration.as_ref();
        self.tally.has_run(step);
        (self.report)(Event::MigrationApplied {
            kind: step.kind.word().to_owned(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            execution_time_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
        });
    }
}
