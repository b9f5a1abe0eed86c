//! Which steps cannot share one transaction with others. Pure.

use super::problem::PlanProblem;
use super::step::Step;
use crate::report::Place;
use crate::sql::{TransactionMode, outlasts_file};

/// What keeps the steps from being one transaction, of each file the first.
pub(super) fn not_one_transaction(steps: &[Step<'_>]) -> Vec<PlanProblem> {
    let Some(dialect) = steps.first().map(|step| step.migration.dialect) else { return Vec::new() };
    if dialect.ddl_commits() {
        return vec![PlanProblem::NoTransactionOverFiles { engine: dialect.engine() }];
    }
    let last = steps.len().saturating_sub(1);
    steps.iter().enumerate().filter_map(|(index, step)| stands_alone(step, index == last)).collect()
}

/// Why a step cannot share a transaction; None where it can.
fn stands_alone(step: &Step<'_>, is_last: bool) -> Option<PlanProblem> {
    let migration = step.migration.as_ref();
    let problem = |place: Place, why: &str| {
        let why = why.to_owned();
        Some(PlanProblem::StandsAlone { place: Box::new(place), why })
    };
    if migration.mode == TransactionMode::PerStatement {
        return problem(migration.place(), "each of its statements is committed separately");
    }
    if is_last {
        return None;
    }
    let outlasting = |index: usize| Some((index, outlasts_file(migration.statement_sql(index), migration.dialect)?));
    let (index, what) = (0..migration.statements.len()).find_map(outlasting)?;
    problem(migration.place_of_statement(index), &format!("{what} would reach into the next file"))
}
