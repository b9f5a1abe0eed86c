//! The steps back from a ledger's state to a version, by the SQL that the ledger kept.

use super::goal::RollbackTarget;
use super::kind::Kind;
use super::ledger_row::LedgerRow;
use super::ledger_state::LedgerState;
use super::plan::Plan;
use super::problem::{NotUndoable, PlanProblem};
use super::step::Step;
use crate::migration::{Migration, ROLLBACK_OF, Version};
use crate::sql::Dialect;

/// What the ledger keeps of a migration in force, to undo it by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRollback {
    pub version: Version,
    /// Its file's name when it was applied.
    pub file: String,
    /// The file name's middle.
    pub description: String,
    /// What undoes it; None where it came without.
    pub sql: Option<String>,
}

impl StoredRollback {
    /// What errors, events and the ledger call its SQL.
    #[must_use]
    pub fn rollback_file(&self) -> String {
        format!("{ROLLBACK_OF}{}", self.file)
    }
}

/// What a rollback has to undo: what is newer than its target, last applied first. That is not always the newest version
/// first: one that was applied out of order may need what older ones have made.
#[must_use]
pub fn to_undo<'a>(ledger: &'a LedgerState, to: &RollbackTarget) -> Vec<&'a LedgerRow> {
    let mut rows: Vec<&LedgerRow> = ledger.applied().iter().filter(|row| is_newer(&row.version, to)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows
}

/// Where this many steps back lead, counted by version from the newest in force.
///
/// # Errors
///
/// [`PlanProblem::TooManySteps`] where fewer are in force.
pub fn steps_back(ledger: &LedgerState, steps: usize) -> Result<RollbackTarget, PlanProblem> {
    let in_force = ledger.applied();
    match in_force.len().checked_sub(steps) {
        None => Err(PlanProblem::TooManySteps { steps, in_force: in_force.len() }),
        Some(stay) => {
            let newest = stay.checked_sub(1).and_then(|last| in_force.get(last));
            Ok(newest.map_or(RollbackTarget::Empty, |row| RollbackTarget::Version(row.version.clone())))
        }
    }
}

fn is_newer(version: &Version, to: &RollbackTarget) -> bool {
    to.version().is_none_or(|to| version > to)
}

/// Finds the steps back. `stored`: what the ledger keeps of [`to_undo`], in any order.
///
/// # Errors
///
/// Every [`PlanProblem`] there is: nothing is undone where one version cannot be.
pub fn rollback_plan(
    ledger: &LedgerState,
    to: &RollbackTarget,
    stored: &[StoredRollback],
    dialect: Dialect,
) -> Result<Plan<'static>, Vec<PlanProblem>> {
    let mut problems: Vec<PlanProblem> = target_problem(ledger, to).into_iter().collect();
    problems.extend(begun_problem(ledger, to));
    let rows = to_undo(ledger, to);
    if let Some(row) = rows.iter().find(|row| row.kind == Kind::Baseline) {
        let newest = ledger.applied().iter().filter(|row| row.kind == Kind::Baseline).map(|row| &row.version).max();
        let baseline = newest.unwrap_or(&row.version).clone();
        let current = ledger.current().cloned();
        problems.push(PlanProblem::RollbackOfBaseline { target: to.clone(), baseline, current });
    }
    let mut steps = Vec::with_capacity(rows.len());
    let mut without = Vec::new();
    for row in rows.into_iter().filter(|row| row.kind != Kind::Baseline) {
        match stored.iter().find(|stored| stored.version == row.version) {
            Some(kept @ StoredRollback { version, description, sql: Some(sql), .. }) => {
                match Migration::of_rollback(version, &kept.rollback_file(), description, sql, dialect) {
                    Ok(rollback) => steps.push(Step::back(rollback)),
                    Err(found) => problems.extend(found.into_iter().map(PlanProblem::InvalidRollback)),
                }
            }
            _ => without.push(NotUndoable { version: row.version.clone(), file: row.file.clone() }),
        }
    }
    if let Some(last) = without.iter().map(|missing| missing.version.clone()).max() {
        without.sort_by(|a, b| a.version.cmp(&b.version));
        let current = ledger.current().cloned();
        problems.push(PlanProblem::NoRollback { versions: without, last, current });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Plan {
        steps,
        from: ledger.current().cloned(),
        // As the ledger writes it, however few zeros were given.
        to: to.version().map(|version| ledger.get(version).map_or(version, |row| &row.version).clone()),
        ahead: Vec::new(),
        warnings: Vec::new(),
    })
}

fn target_problem(ledger: &LedgerState, to: &RollbackTarget) -> Option<PlanProblem> {
    let target = to.version().filter(|version| ledger.get(version).is_none())?;
    let below = ledger.applied().iter().rev().find(|row| row.version < *target);
    Some(PlanProblem::RollbackTargetNotApplied {
        target: target.clone(),
        current: ledger.current().cloned(),
        nearest: below.map(|row| row.version.clone()),
    })
}

/// A file that is half applied, or half undone and to stay.
fn begun_problem(ledger: &LedgerState, to: &RollbackTarget) -> Option<PlanProblem> {
    ledger.half_done().find_map(|begun| {
        let version = begun.version.as_ref()?;
        let file = begun.file.clone();
        match begun.kind {
            Kind::Migration if is_newer(version, to) => {
                Some(PlanProblem::MigrationUnfinished { version: version.clone(), file })
            }
            Kind::Rollback if !is_newer(version, to) => {
                Some(PlanProblem::RollbackUnfinished { version: version.clone(), file })
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::migration::Checksum;
    use crate::plan::{BegunStatement, StatementState};

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// Applied in this order; a version that begins with `b` is a baseline.
    fn ledger(applied: &[&str]) -> LedgerState {
        let row = |(id, text): (usize, &&str)| {
            let digits = text.trim_start_matches('b');
            LedgerRow {
                version: version(digits),
                file: format!("{digits}_m.sql"),
                checksum: Checksum::of(b"x"),
                token_checksum: Checksum::of(b"x"),
                kind: if text.starts_with('b') { Kind::Baseline } else { Kind::Migration },
                id: i64::try_from(id).unwrap(),
            }
        };
        LedgerState::new(applied.iter().enumerate().map(row))
    }

    fn stored(versions: &[(&str, Option<&str>)]) -> Vec<StoredRollback> {
        let stored = |(digits, sql): &(&str, Option<&str>)| StoredRollback {
            version: version(digits),
            file: format!("{digits}_m.sql"),
            description: "m".to_owned(),
            sql: sql.map(str::to_owned),
        };
        versions.iter().map(stored).collect()
    }

    fn outcome(ledger: &LedgerState, to: &str, kept: &[(&str, Option<&str>)]) -> Result<Vec<String>, Vec<String>> {
        match rollback_plan(ledger, &to.parse().unwrap(), &stored(kept), Dialect::Postgres) {
            Ok(plan) => Ok(plan.steps.iter().map(|step| step.migration.version.to_string()).collect()),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    const ALL: &[(&str, Option<&str>)] =
        &[("1", Some("select 1")), ("2", Some("-- nothing")), ("3", Some("select 3; select 4")), ("4", Some(""))];

    #[rstest]
    #[case::to_a_version(&["1", "2", "3", "4"], "2", &["4", "3"])]
    #[case::it_counts_as_a_number(&["1", "2", "3", "4"], "002", &["4", "3"])]
    #[case::to_an_empty_ledger(&["1", "2"], "empty", &["2", "1"])]
    #[case::last_applied_first(&["1", "2", "4", "3"], "2", &["3", "4"])]
    #[case::what_came_out_of_order_and_is_older_stays(&["1", "3", "4", "2"], "3", &["4"])]
    #[case::where_it_is_already(&["1", "2"], "2", &[])]
    #[case::down_to_the_baseline(&["b1", "b2", "3"], "2", &["3"])]
    #[case::nothing_was_ever_applied(&[], "empty", &[])]
    fn steps_back(#[case] applied: &[&str], #[case] to: &str, #[case] expected: &[&str]) {
        assert_eq!(outcome(&ledger(applied), to, ALL), Ok(expected.iter().map(ToString::to_string).collect()));
    }

    #[rstest]
    #[case::not_applied(&["1", "2"], "3", "version 3 is not applied, so nothing can be rolled back to it; the newest version applied is 2: to go forward, use schemaward migrate")]
    #[case::undone_before(&["1", "3"], "2", "version 2 is not applied, so nothing can be rolled back to it; the nearest below it is 1")]
    #[case::below_all(&["2", "3"], "1", "version 1 is not applied, so nothing can be rolled back to it; to undo everything, say empty")]
    #[case::past_the_baseline(&["b1", "b2", "3"], "1", "version 2 is the baseline: it was there before Schemaward, which does not undo it; to go back as far as can be, roll back to 2")]
    #[case::everything_of_a_baseline(&["b1", "2"], "empty", "version 1 is the baseline: it was there before Schemaward, which does not undo it; to go back as far as can be, roll back to 1")]
    fn no_way_back(#[case] applied: &[&str], #[case] to: &str, #[case] expected: &str) {
        assert_eq!(outcome(&ledger(applied), to, ALL), Err(vec![expected.to_owned()]));
    }

    #[test]
    fn every_version_without_a_rollback_is_named_before_anything_runs() {
        let kept = [("1", None), ("2", None), ("3", Some("select 1")), ("4", None)];
        let told = outcome(&ledger(&["1", "2", "3", "4"]), "1", &kept).unwrap_err();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("2 (2_m.sql), 4 (4_m.sql)") && !told[0].contains("1_m.sql"), "{told:?}");
        assert!(told[0].ends_with("newest first"), "the newest has none, so there is no way back: {told:?}");
        let told = outcome(&ledger(&["1", "2", "3"]), "empty", &kept).unwrap_err();
        assert!(told[0].ends_with("roll back to 2"), "{told:?}");
    }

    #[rstest]
    #[case::one(&["1", "2", "3"], 1, Ok("2"))]
    #[case::by_version_and_not_by_when_it_was_applied(&["1", "3", "2"], 1, Ok("2"))]
    #[case::all(&["1", "2"], 2, Ok("empty"))]
    #[case::too_many(&["1", "2"], 3, Err("3 steps back cannot be taken: 2 migrations are in force; to undo everything, say --to empty"))]
    #[case::nothing_there(&[], 1, Err("1 step back cannot be taken: no migration is in force"))]
    fn n_steps_back(#[case] applied: &[&str], #[case] steps: usize, #[case] expected: Result<&str, &str>) {
        let to = super::steps_back(&ledger(applied), steps).map(|to| to.to_string());
        assert_eq!(to.map_err(|problem| problem.to_string()), expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn the_version_that_it_leads_to_is_written_as_in_the_ledger() {
        let (ledger, kept) = (ledger(&["001", "002"]), stored(&[("002", Some("select 1"))]));
        let plan = |to: &str| rollback_plan(&ledger, &to.parse().unwrap(), &kept, Dialect::Postgres).unwrap();
        assert_eq!(plan("1").to_text(), "001");
        assert_eq!(plan("1").hash(), plan("001").hash());
    }

    #[test]
    fn stored_sql_that_cannot_run_is_reported_with_its_place() {
        let told = outcome(&ledger(&["1"]), "empty", &[("1", Some("select 1;\n\\i other.sql\n"))]).unwrap_err();
        assert!(told[0].starts_with("rollback of 1_m.sql:2: "), "{told:?}");
    }

    #[rstest]
    #[case::half_applied(Kind::Migration, "5", "3", Some("version 5 is half applied"))]
    #[case::half_applied_and_to_stay(Kind::Migration, "2", "3", None)]
    #[case::half_undone(Kind::Rollback, "4", "3", None)]
    #[case::half_undone_and_to_stay(Kind::Rollback, "3", "3", Some("the rollback of version 3 is half done"))]
    fn what_is_half_done(#[case] kind: Kind, #[case] begun: &str, #[case] to: &str, #[case] problem: Option<&str>) {
        let of_state = |state| {
            let begun = BegunStatement {
                kind,
                version: Some(version(begun)),
                file: "x_m.sql".to_owned(),
                number: 1,
                checksum: Checksum::of_tokens("x", Dialect::Postgres),
                state,
                left_a_part: false,
            };
            outcome(&ledger(&["1", "3", "4"]).with_begun(vec![begun]), to, ALL).err().unwrap_or_default()
        };
        for state in [StatementState::Finished, StatementState::Started] {
            let told = of_state(state);
            assert_eq!(told.len(), usize::from(problem.is_some()), "{told:?}");
            assert!(problem.is_none_or(|problem| told[0].contains(problem)), "{told:?}");
        }
        assert_eq!(of_state(StatementState::Failed), Vec::<String>::new(), "what was refused has left nothing");
    }
}
