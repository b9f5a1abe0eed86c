//! What each problem of a plan says, in full, and which file it is about.

use rstest::rstest;

use super::planning_tests::{applied, numbered, row};
use super::problem::{NotUndoable, PlanProblem, plan_failure};
use super::{Kind, LedgerState, PlanOptions, RollbackTarget, plan};
use crate::migration::Version;
use crate::report::Reason;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn half_applied(version_of: Version) -> PlanProblem {
    PlanProblem::MissingWhileBegun { version: version_of, file: "R__my view.sql".into() }
}

fn not_in_source(target: &str) -> PlanProblem {
    let versions = ["001", "003", "005"].map(version);
    PlanProblem::not_in_source(versions.iter(), &version("005"), &version(target))
}

fn not_applied(target: &str, current: Option<&str>, nearest: Option<&str>) -> PlanProblem {
    let (current, nearest) = (current.map(version), nearest.map(version));
    PlanProblem::RollbackTargetNotApplied { target: version(target), current, nearest }
}

fn no_rollback(current: Option<&str>) -> PlanProblem {
    let of = |number: &str| NotUndoable { version: version(number), file: format!("{number}_a.sql") };
    let current = current.map(version);
    PlanProblem::NoRollback { versions: vec![of("002"), of("003")], last: version("003"), current }
}

#[rstest]
#[case::begun_and_gone(
    half_applied(version("002")),
    "R__my view.sql: version 002 is half applied, each statement committed separately, but the file is missing in the \
     source; restore it: what has run must stay as it was, what has not run may change or go (schemaward repair lists \
     half-applied files); or undo by hand what has run, and record that: schemaward repair --abandon 'R__my view.sql'"
)]
#[case::begun_and_gone_without_a_version(
    half_applied(Version::of_repeatable()),
    "R__my view.sql: this file is half applied, each statement committed separately, but the file is missing in the \
     source; restore it: what has run must stay as it was, what has not run may change or go (schemaward repair lists \
     half-applied files); or undo by hand what has run, and record that: schemaward repair --abandon 'R__my view.sql'"
)]
#[case::a_target_between(
    not_in_source("004"),
    "the target version 004 is not in the source, which ends with 005 and has 003 below it; add it, or choose another \
     target"
)]
#[case::a_target_above_all(
    not_in_source("006"),
    "the target version 006 is not in the source, which ends with 005; add it, or choose another target"
)]
#[case::a_target_below_all(
    not_in_source("000"),
    "the target version 000 is not in the source, which ends with 005; add it, or choose another target"
)]
#[case::nothing_to_roll_back_to(
    not_applied("002", None, None),
    "version 002 is not applied, so nothing can be rolled back to it; nothing is applied at all"
)]
#[case::a_rollback_forwards(
    not_applied("009", Some("005"), Some("005")),
    "version 009 is not applied, so nothing can be rolled back to it; the newest version applied is 005: to go forward, \
     use schemaward migrate"
)]
#[case::a_rollback_between(
    not_applied("002", Some("005"), Some("001")),
    "version 002 is not applied, so nothing can be rolled back to it; the nearest below it is 001"
)]
#[case::a_rollback_below_all(
    not_applied("000", Some("005"), None),
    "version 000 is not applied, so nothing can be rolled back to it; to undo everything, say empty"
)]
#[case::no_rollback_and_newer_ones_with_one(
    no_rollback(Some("005")),
    "no rollback was stored for 002 (002_a.sql), 003 (003_a.sql): the files had none when they were applied; nothing was \
     undone: undo them by a new migration, or by hand and with schemaward repair --undone, newest first; to go back as \
     far as can be, roll back to 003"
)]
#[case::no_rollback_of_the_newest(
    no_rollback(Some("003")),
    "no rollback was stored for 002 (002_a.sql), 003 (003_a.sql): the files had none when they were applied; nothing was \
     undone: undo them by a new migration, or by hand and with schemaward repair --undone, newest first"
)]
#[case::a_baseline(
    PlanProblem::RollbackOfBaseline { target: RollbackTarget::Empty, baseline: version("002"), current: Some(version("004")) },
    "version 002 is the baseline: it was there before Schemaward, which does not undo it; to go back as far as can be, \
     roll back to 002"
)]
#[case::one_step_of_none(
    PlanProblem::TooManySteps { steps: 1, in_force: 0 },
    "1 step back cannot be taken: no migration is in force"
)]
#[case::two_steps_of_one(
    PlanProblem::TooManySteps { steps: 2, in_force: 1 },
    "2 steps back cannot be taken: 1 migration is in force; to undo everything, say --to empty"
)]
#[case::three_steps_of_two(
    PlanProblem::TooManySteps { steps: 3, in_force: 2 },
    "3 steps back cannot be taken: 2 migrations are in force; to undo everything, say --to empty"
)]
fn a_problem_in_full(#[case] problem: PlanProblem, #[case] expected: &str) {
    assert_eq!(problem.to_string(), expected);
}

#[test]
fn a_problem_of_a_file_names_it_with_its_version() {
    let failure = half_applied(version("002")).failure();
    let place = failure.place.unwrap();
    assert_eq!(
        (failure.reason, place.version.as_str(), place.file.as_str()),
        (Reason::MigrationMissing, "002", "R__my view.sql")
    );
    assert_eq!(not_in_source("004").failure().place, None);
}

#[test]
fn of_several_problems_the_first_is_told_in_full_and_the_others_are_counted() {
    assert_eq!(plan_failure(&[]), None);
    let [first, second, third] = [not_in_source("004"), no_rollback(None), half_applied(version("002"))];
    let alone = plan_failure(std::slice::from_ref(&first)).unwrap();
    assert_eq!((alone.message, alone.hint), (first.to_string(), None));
    let all = plan_failure(&[first.clone(), second.clone(), third]).unwrap();
    assert_eq!((all.message, all.hint), (first.to_string(), Some(format!("2 more, the next one: {second}"))));
}

/// The newest file is compared with its row like any other, and is not ahead of its source.
#[test]
fn the_newest_file_of_a_source_may_not_be_edited_either() {
    let before = numbered(&["select 1", "select 2"]);
    let ledger = applied(&before, &["001", "002"]);
    let same = plan(&before, &ledger, &PlanOptions::to(super::Target::Latest)).unwrap();
    assert_eq!((same.steps.len(), same.ahead.len()), (0, 0));
    let problems =
        plan(&numbered(&["select 1", "select 3"]), &ledger, &PlanOptions::to(super::Target::Latest)).unwrap_err();
    assert_eq!(problems.iter().map(PlanProblem::reason).collect::<Vec<_>>(), [Reason::MigrationEdited]);
    let ahead = LedgerState::new(before.migrations().iter().map(|file| row(file, Kind::Migration)));
    let one = numbered(&["select 1"]);
    let plan = plan(&one, &ahead, &PlanOptions::to(super::Target::Latest)).unwrap();
    assert_eq!(plan.ahead, [version("002")]);
}
