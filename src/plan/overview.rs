//! Where a database stands against a migration set, also where there is no way forward.

use super::goal::PlanOptions;
use super::ledger_state::LedgerState;
use super::plan::{PlanWarning, plan, repeatables};
use super::problem::PlanProblem;
use super::step::Step;
use super::target::Target;
use crate::migration::{Migration, MigrationSet, Version};

/// Where a database stands against a migration set. Unlike a plan it is there in any case: what is in the way of a plan
/// stands in `problems`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Overview<'a> {
    /// The newest version applied; absent where none is.
    pub current: Option<Version>,
    /// The version asked for, `latest` resolved.
    pub target: Version,
    /// What is pending up to the target, in the order in which it would run.
    pub pending: Vec<Step<'a>>,
    /// Applied versions newer than all of the source.
    pub ahead: Vec<Version>,
    /// What a person should know and what stops nothing.
    pub warnings: Vec<PlanWarning>,
    /// What is in the way.
    pub problems: Vec<PlanProblem>,
}

impl<'a> Overview<'a> {
    /// Compares a set with a ledger.
    #[must_use]
    pub fn new(set: &'a MigrationSet, ledger: &LedgerState, options: &PlanOptions) -> Self {
        let current = ledger.current().cloned();
        match plan(set, ledger, options) {
            Ok(plan) => Self {
                current,
                target: plan.to.unwrap_or_else(|| set.newest().clone()),
                pending: plan.steps,
                ahead: plan.ahead,
                warnings: plan.warnings,
                problems: Vec::new(),
            },
            Err(problems) => {
                let target = match &options.target {
                    Target::Latest => set.newest().clone(),
                    Target::Version(version) => version.clone(),
                };
                let waits =
                    |migration: &&Migration| migration.version <= target && ledger.get(&migration.version).is_none();
                let pending = set.migrations().iter().filter(waits).map(Step::forward);
                let again = repeatables(set, ledger).filter(|_| target >= *set.newest());
                let pending = pending.chain(again).collect();
                let newer = ledger.applied().iter().filter(|row| row.version > *set.newest());
                let ahead = newer.map(|row| row.version.clone()).collect();
                Self { current, target, pending, ahead, warnings: Vec::new(), problems }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Dialect, SourceFile};
    use crate::plan::{AppliedRow, Kind};

    #[test]
    fn what_is_pending_is_told_even_where_something_is_in_the_way() {
        let file = |name: &str, sql: &str| SourceFile { name: name.into(), bytes: sql.into() };
        let set =
            MigrationSet::read(&[file("1_a.sql", "select 1"), file("2_b.sql", "select 2")], Dialect::Postgres).unwrap();
        let mut row = AppliedRow {
            version: "1".parse().unwrap(),
            file: "1_a.sql".into(),
            checksum: set.migrations()[0].checksum.clone(),
            token_checksum: set.migrations()[0].token_checksum.clone(),
            kind: Kind::Migration,
            id: 0,
        };
        let overview = |row: &AppliedRow| {
            let found = Overview::new(&set, &LedgerState::new([row.clone()]), &PlanOptions::to(Target::Latest));
            let pending: Vec<String> = found.pending.iter().map(|step| step.migration.file.clone()).collect();
            (pending, found.problems.len())
        };
        assert_eq!(overview(&row), (vec!["2_b.sql".to_owned()], 0));
        row.checksum = set.migrations()[1].checksum.clone();
        row.token_checksum = set.migrations()[1].token_checksum.clone();
        assert_eq!(overview(&row), (vec!["2_b.sql".to_owned()], 1));
    }
}
