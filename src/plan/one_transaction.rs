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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::not_one_transaction;
    use crate::migration::{MigrationSet, SourceFile};
    use crate::plan::{PlanProblem, Step};
    use crate::report::Reason;
    use crate::sql::Dialect;

    /// What is said of files with these texts, and of which line.
    fn problems(sqls: &[&str], dialect: Dialect) -> Vec<(Option<i64>, PlanProblem)> {
        let file = |(n, sql): (usize, &&str)| SourceFile { name: format!("{n:03}_a.sql"), bytes: (*sql).into() };
        let set = MigrationSet::read(sqls.iter().enumerate().map(file).collect::<Vec<_>>(), dialect).unwrap();
        let steps: Vec<Step<'_>> = set.migrations().map(Step::forward).collect();
        let line = |problem: &PlanProblem| problem.failure().place.and_then(|place| place.line);
        not_one_transaction(&steps).into_iter().map(|problem| (line(&problem), problem)).collect()
    }

    #[rstest]
    #[case(Dialect::Postgres, "set transaction isolation level serializable", Some("SET TRANSACTION"))]
    #[case(Dialect::Postgres, "set local transaction_read_only = on", Some("SET TRANSACTION"))]
    #[case(Dialect::Postgres, "SET SESSION transaction_deferrable = on", Some("SET TRANSACTION"))]
    #[case(Dialect::Postgres, "set constraints all deferred", Some("SET CONSTRAINTS ALL"))]
    #[case(Dialect::Postgres, "set constraints c deferred", None)]
    #[case(Dialect::Postgres, "set session characteristics as transaction read only", None)]
    #[case(Dialect::Postgres, "set search_path = transaction", None)]
    #[case(Dialect::Postgres, "reset all", None)]
    #[case(Dialect::Postgres, "create temporary table t (a int)", None)]
    #[case(Dialect::Sqlite, "PRAGMA recursive_triggers = ON", Some("a PRAGMA"))]
    #[case(Dialect::Sqlite, "PRAGMA main.user_version = 3", None)]
    #[case(Dialect::Sqlite, "PRAGMA foreign_keys = OFF", None)]
    #[case(Dialect::Sqlite, "CREATE TEMP TABLE t (a)", Some("a temporary object"))]
    #[case(Dialect::Sqlite, "CREATE TABLE t (a)", None)]
    fn what_would_reach_into_the_next_file_stands_alone_unless_it_is_the_last(
        #[case] dialect: Dialect,
        #[case] sql: &str,
        #[case] what: Option<&str>,
    ) {
        let text = format!("select 1;\n{sql};");
        let found = problems(&["select 0", &text, "select 2"], dialect);
        let expected = what.map(|what| (Some(2), format!("{what} would reach into the next file")));
        let said = found.first().map(|(line, problem)| {
            let PlanProblem::StandsAlone { place, why } = problem else { panic!("{problem}") };
            assert_eq!(place.file, "001_a.sql");
            (*line, why.clone())
        });
        assert_eq!((said, found.len()), (expected, usize::from(what.is_some())));
        assert_eq!(problems(&["select 0", &text], dialect), []);
    }

    #[test]
    fn statements_that_are_committed_separately_stand_alone_wherever_they_are() {
        for sqls in [&["vacuum", "select 1"][..], &["select 1", "vacuum"], &["vacuum"]] {
            let found = problems(sqls, Dialect::Postgres);
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].0, found[0].1.reason()), (None, Reason::InvalidSource));
            assert!(found[0].1.to_string().contains("committed separately"), "{}", found[0].1);
        }
    }

    #[test]
    fn where_ddl_commits_no_files_are_one_transaction() {
        for dialect in [Dialect::Mysql, Dialect::Mariadb] {
            let found = problems(&["select 1", "select 2"], dialect);
            assert_eq!(found, [(None, PlanProblem::NoTransactionOverFiles { engine: dialect.engine() })]);
            assert_eq!(found[0].1.reason(), Reason::InvalidSettings);
        }
        assert_eq!(not_one_transaction(&[]), []);
    }
}
