//! Where a database is, compared with a migration set, even where nothing can be applied.

use super::goal::PlanOptions;
use super::ledger_state::{LedgerState, StatementState};
use super::plan::{plan, repeatables};
use super::problem::PlanProblem;
use super::step::Step;
use super::target::Target;
use super::warning::PlanWarning;
use crate::migration::{MigrationFile, MigrationFiles, Version};
use crate::sql::Execution;

/// Where a database is, compared with a migration set. Unlike a plan it exists in any case: what blocks a plan is in
/// `problems`.
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
    /// What blocks a run.
    pub problems: Vec<PlanProblem>,
}

impl<'a> Overview<'a> {
    /// Compares a set with a ledger.
    #[must_use]
    pub fn new(set: &'a MigrationFiles, ledger: &LedgerState, options: &PlanOptions) -> Self {
        let current = ledger.current().cloned();
        let mut overview = match plan(set, ledger, options) {
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
                let waits = |file: &&MigrationFile| *file.version() <= target && ledger.get(file.version()).is_none();
                let waiting = set.migrations().iter().filter(waits);
                let pending = waiting.filter_map(|file| file.parsed().ok()).map(Step::forward);
                let again = repeatables(set, ledger).filter(|_| target >= *set.newest());
                let pending = pending.chain(again).collect();
                let newer = ledger.applied().iter().filter(|row| row.version > *set.newest());
                let ahead = newer.map(|row| row.version.clone()).collect();
                Self { current, target, pending, ahead, warnings: Vec::new(), problems }
            }
        };
        let unknown: Vec<PlanProblem> = overview.pending.iter().filter_map(|step| end_unknown(step, ledger)).collect();
        overview.problems.extend(unknown);
        overview
    }
}

/// A statement that was started and whose end is not recorded: it is running, or its run was interrupted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenStatement {
    /// Its number in the file, from 1.
    pub number: usize,
    /// Who can find out whether it has run.
    pub settled_by: SettledBy,
}

/// Who can find out whether a statement has run whose end is not recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SettledBy {
    /// The next run: it asks the catalog, or may run the statement again.
    Run,
    Person,
}

/// The statement of a step that was started and whose end is not recorded.
#[must_use]
pub fn open_statement(step: &Step<'_>, ledger: &LedgerState) -> Option<OpenStatement> {
    let migration = step.migration.as_ref();
    let number = ledger.begun_of(step).find(|begun| begun.state == StatementState::Started)?.number;
    let index = number.checked_sub(1).filter(|index| *index < migration.statements.len());
    let execution = index.map(|index| migration.execution(index));
    let is_unknown = matches!(execution, Some(Execution::Alone(trace)) if trace.tells_nothing());
    Some(OpenStatement { number, settled_by: if is_unknown { SettledBy::Person } else { SettledBy::Run } })
}

/// A statement of a step that no run will run again before a person has looked.
fn end_unknown(step: &Step<'_>, ledger: &LedgerState) -> Option<PlanProblem> {
    let open = open_statement(step, ledger).filter(|open| open.settled_by == SettledBy::Person)?;
    let (version, file) = (step.migration.version.clone(), step.migration.file.clone());
    Some(PlanProblem::EndUnknown { version, file, statement: open.number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::SourceFile;
    use crate::plan::{BegunStatement, Kind, LedgerRow};
    use crate::report::Reason;
    use crate::sql::Dialect;

    #[test]
    fn a_statement_that_only_a_person_can_judge_blocks_the_run() {
        let file = SourceFile { name: "1_a.sql".into(), bytes: "select 1; call p(); create table t (a int)".into() };
        let set = MigrationFiles::sorted(vec![file], Dialect::Mysql).unwrap();
        let problems = |number: usize, state| {
            let begun = BegunStatement {
                kind: Kind::Migration,
                version: Some("1".parse().unwrap()),
                file: "1_a.sql".to_owned(),
                number,
                checksum: set.migrations()[0].parsed().unwrap().statement_checksum(number - 1),
                state,
                left_a_part: false,
            };
            let ledger = LedgerState::default().with_begun(vec![begun]);
            Overview::new(&set, &ledger, &PlanOptions::to(Target::Latest)).problems
        };
        let told = problems(2, StatementState::Started);
        assert_eq!(told.iter().map(PlanProblem::reason).collect::<Vec<_>>(), [Reason::NeedsReview]);
        assert!(told[0].to_string().contains("repair --version 1 --statement 2"), "{}", told[0]);
        assert!(problems(2, StatementState::Finished).is_empty());
        assert!(problems(3, StatementState::Started).is_empty(), "the catalog tells of it");
    }

    #[test]
    fn what_is_pending_is_shown_even_where_something_blocks_a_run() {
        let file = |name: &str, sql: &str| SourceFile { name: name.into(), bytes: sql.into() };
        let files = vec![file("1_a.sql", "select 1"), file("2_b.sql", "select 2")];
        let set = MigrationFiles::sorted(files, Dialect::Postgres).unwrap();
        let migration = |at: usize| set.migrations()[at].parsed().unwrap();
        let mut row = LedgerRow {
            version: "1".parse().unwrap(),
            file: "1_a.sql".into(),
            checksum: migration(0).checksum.clone(),
            token_checksum: migration(0).token_checksum.clone(),
            kind: Kind::Migration,
            id: 0,
        };
        let overview = |row: &LedgerRow| {
            let found = Overview::new(&set, &LedgerState::new([row.clone()]), &PlanOptions::to(Target::Latest));
            let pending: Vec<String> = found.pending.iter().map(|step| step.migration.file.clone()).collect();
            (pending, found.problems.len())
        };
        assert_eq!(overview(&row), (vec!["2_b.sql".to_owned()], 0));
        row.checksum = migration(1).checksum.clone();
        row.token_checksum = migration(1).token_checksum.clone();
        assert_eq!(overview(&row), (vec!["2_b.sql".to_owned()], 1));
    }
}
