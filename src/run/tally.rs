//! What a run has learnt and done so far, for its summary. Pure.

use std::collections::VecDeque;

use crate::migration::Version;
use crate::plan::{Kind, LedgerState, Plan, Step};
use crate::report::{Failure, HistoryEntry, Outcome, Pending, Summary};

/// What a run has learnt and done so far.
#[derive(Default)]
pub(super) struct Tally {
    ledger_read: bool,
    plan_hash: Option<String>,
    in_force: Vec<Version>,
    target: Option<String>,
    /// Steps, by their names.
    pending: VecDeque<String>,
    ahead: Vec<String>,
    pub(super) history: Vec<HistoryEntry>,
    applied: i64,
}

impl Tally {
    /// Notes what the ledger holds.
    pub(super) fn has_read(&mut self, ledger: &LedgerState) {
        self.ledger_read = true;
        self.in_force = ledger.applied().iter().map(|row| row.version.clone()).collect();
    }

    /// Notes what is planned.
    pub(super) fn has_planned(&mut self, plan: &Plan<'_>) {
        if self.applied == 0 {
            // After a reconnection the rest of the plan is planned again; the run's plan is the first.
            self.plan_hash = Some(plan.hash().to_string());
        }
        self.target = Some(plan.to_text());
        self.pending = plan.steps.iter().map(|step| step.name().to_owned()).collect();
        self.ahead = plan.ahead.iter().map(ToString::to_string).collect();
    }

    /// Notes that a step is committed.
    pub(super) fn has_run(&mut self, step: &Step<'_>) {
        self.applied += 1;
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

    /// Whether no version is applied.
    pub(super) fn nothing_is_in_force(&self) -> bool {
        self.in_force.is_empty()
    }

    /// The summary of a run that has ended like this.
    pub(super) fn summary(&self, run: &str, rollback: bool, ended: Result<(), Failure>) -> Summary {
        let applied = self.applied;
        Summary {
            run: run.to_owned(),
            plan_hash: self.plan_hash.clone(),
            outcome: match ended {
                Ok(()) => Outcome::Succeeded { applied, ahead: self.ahead.clone() },
                Err(failure) => Outcome::Failed { applied, failure },
            },
            ledger_read: self.ledger_read,
            current_version: self.in_force.last().map(ToString::to_string),
            target_version: self.target.clone(),
            pending: Pending {
                count: count(self.pending.len()),
                first: self.pending.front().cloned(),
                last: self.pending.back().cloned(),
            },
            history: self.history.clone(),
            warnings: Vec::new(),
            rollback,
        }
    }
}

/// The summary of a run that failed before it could connect.
#[must_use]
pub fn failed_before_start(run: &str, failure: Failure) -> Summary {
    Tally::default().summary(run, false, Err(failure))
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{MigrationSet, SourceFile};
    use crate::plan::{PlanOptions, Target, plan};
    use crate::report::Reason;
    use crate::sql::Dialect;

    fn tally() -> (Tally, MigrationSet) {
        let file = |name: &str| SourceFile { name: name.to_owned(), bytes: b"select 1".to_vec() };
        let files = ["1_a.sql", "2_b.sql", "R__v.sql"].map(file);
        (Tally::default(), MigrationSet::read(files, Dialect::Postgres).unwrap())
    }

    #[test]
    fn what_has_run_is_in_force_and_not_pending() {
        let (mut tally, set) = tally();
        let ledger = LedgerState::default();
        tally.has_read(&ledger);
        let plan = plan(set.files(), &ledger, &PlanOptions::to(Target::Latest)).unwrap();
        tally.has_planned(&plan);
        assert!(tally.nothing_is_in_force());
        let pending = |tally: &Tally| {
            let Pending { count, first, last } = tally.summary("r", false, Ok(())).pending;
            (count, first.unwrap_or_default(), last.unwrap_or_default())
        };
        assert_eq!(pending(&tally), (3, "1".to_owned(), "R__v.sql".to_owned()));
        tally.has_run(&plan.steps[0]);
        // Not in their order, as a lost connection may have it.
        tally.has_run(&plan.steps[2]);
        assert_eq!(pending(&tally), (1, "2".to_owned(), "2".to_owned()));
        let summary = tally.summary("r", false, Ok(()));
        assert_eq!(summary.outcome, Outcome::Succeeded { applied: 2, ahead: Vec::new() });
        assert_eq!((summary.current_version.as_deref(), summary.target_version.as_deref()), (Some("1"), Some("2")));
        let back = Step::back(set.get(&"1".parse().unwrap()).unwrap().clone());
        tally.has_run(&back);
        assert_eq!(tally.summary("r", true, Ok(())).current_version, None);
    }

    #[test]
    fn the_run_s_plan_is_the_one_before_anything_was_applied() {
        let (mut tally, set) = tally();
        let planned = |target| plan(set.files(), &LedgerState::default(), &PlanOptions::to(target)).unwrap();
        let (first, rest) = (planned(Target::Latest), planned(Target::Version("1".parse().unwrap())));
        tally.has_planned(&rest);
        tally.has_planned(&first);
        tally.has_run(&first.steps[0]);
        tally.has_planned(&rest);
        assert_eq!(tally.summary("r", false, Ok(())).plan_hash, Some(first.hash().to_string()));
    }

    #[test]
    fn a_run_that_could_not_connect_knows_nothing() {
        let summary = failed_before_start("r", Failure::new(Reason::ConnectionFailed, "no"));
        assert!(!summary.ledger_read && summary.plan_hash.is_none() && summary.target_version.is_none());
        assert!(matches!(summary.outcome, Outcome::Failed { applied: 0, .. }));
    }
}
