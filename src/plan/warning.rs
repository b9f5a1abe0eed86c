//! What a person should know of a plan and what stops nothing.

use super::step::Step;
use crate::migration::{Problem, Version};
use crate::sql::{Dialect, TransactionMode};

/// What a person should know and what stops nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanWarning {
    /// Statements of a file for `MySQL` or `MariaDB` are not sent.
    #[error(
        "{file}:{line}: {count} of the file's statements begin or end a transaction or lock tables, this one first; \
         they are left out: each statement is committed separately"
    )]
    LeftOut {
        file: String,
        /// Where the first one is.
        line: usize,
        /// How many there are.
        count: usize,
    },
    /// A file has transactions of its own.
    #[error(
        "{file}:{line}: the file's own BEGIN and COMMIT are followed, here first: what stands between them is one \
         transaction, every other statement is committed separately, and an interrupted run resumes after what is \
         committed"
    )]
    OwnTransactions {
        file: String,
        /// Where the first one is.
        line: usize,
    },
    /// A pending file has no content at all.
    #[error(
        "{file}: the file is empty; if its content was lost, put it back: it will be recorded as is, and must not \
         change afterwards"
    )]
    Empty { file: String },
    /// A file whose statements are committed separately uses a temporary table in several of them.
    #[error(
        "{file}:{line}: {what}, made here, is used by later statements, and each statement of this file is \
         committed separately: a run that is interrupted between them cannot be resumed, and ends with \
         NeedsReview; a table that is dropped at the end can be"
    )]
    TemporaryTable {
        file: String,
        /// Where it is made.
        line: usize,
        /// Its name, with what it is.
        what: String,
    },
    /// A setting that ends with its transaction, in a file whose statements have one each.
    #[error(
        "{file}:{line}: SET LOCAL ends with its transaction, and each statement of this file has its own: it has no \
         effect; write SET, which ends with the file"
    )]
    LocalSetting {
        file: String,
        /// Where the first one is.
        line: usize,
    },
    /// Pending migrations have empty down files.
    #[error(
        "{file}{} empty; {}; if there is nothing to undo, say so in a comment in the file", and_more(*.more),
        if *.is_stored { "a rollback would change nothing, and record the version as undone" }
        else { "the migration is applied without a rollback" }
    )]
    EmptyDownFile {
        /// The first one.
        file: String,
        /// How many others there are.
        more: usize,
        /// Whether the empty text is stored as a rollback.
        is_stored: bool,
    },
    /// A pending migration has a down file that cannot be used.
    #[error("{0}; as long as that is so, the migration is applied without a rollback")]
    UnusableDownFile(Problem),
    /// Comments or white space of an applied file were changed.
    #[error(
        "{file}: comments or white space of version {version} were changed after it was applied; its SQL is the same"
    )]
    CosmeticEdit {
        version: Version,
        /// The file as it is named now.
        file: String,
    },
    /// An applied file has another name now.
    #[error("{file}: version {version} was applied from a file named {applied_file}; its SQL is the same")]
    Renamed {
        version: Version,
        /// The file as it is named now.
        file: String,
        /// The file's name when it was applied.
        applied_file: String,
    },
}

impl PlanWarning {
    /// What there is to say of a plan's steps, kind by kind.
    pub(super) fn of(steps: &[Step<'_>]) -> impl Iterator<Item = Self> {
        let each = [empty, left_out, own_transactions, temporary_table, local_setting, unusable_down_file];
        each.into_iter().flat_map(|about| steps.iter().filter_map(about)).chain(empty_down_files(steps))
    }
}

/// As an upload that was cut off leaves one; what is left out of a file is blank, too.
fn empty(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    let is_empty = migration.sql.trim().is_empty() && migration.left_out.is_empty();
    is_empty.then(|| PlanWarning::Empty { file: migration.file.clone() })
}

/// On the other engines these are the file's own `BEGIN` and `COMMIT`; see [`own_transactions`].
fn left_out(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    if !migration.dialect.grammar().warns_of_left_out() {
        return None;
    }
    let line = migration.left_out.first()?.position.line;
    Some(PlanWarning::LeftOut { file: migration.file.clone(), line, count: migration.left_out.len() })
}

fn own_transactions(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    let first = migration.left_out.first().filter(|_| !migration.blocks.is_empty())?;
    Some(PlanWarning::OwnTransactions { file: migration.file.clone(), line: first.position.line })
}

fn unusable_down_file(step: &Step<'_>) -> Option<PlanWarning> {
    let problem = step.migration.down_file.as_ref()?.problem.as_deref()?;
    Some(PlanWarning::UnusableDownFile(problem.clone()))
}

/// One warning for all: some projects have an empty file beside most migrations.
fn empty_down_files(steps: &[Step<'_>]) -> Option<PlanWarning> {
    let mut empty = steps.iter().filter(|step| step.migration.down_file.as_ref().is_some_and(|file| file.is_empty));
    let first = &empty.next()?.migration;
    let (file, more) = (first.down_file.as_ref()?.name.clone(), empty.count());
    Some(PlanWarning::EmptyDownFile { file, more, is_stored: first.rollback_sql.is_some() })
}

fn and_more(more: usize) -> String {
    match more {
        0 => " is".to_owned(),
        1 => " and 1 other down file are".to_owned(),
        many => format!(" and {many} other down files are"),
    }
}

/// A run that is interrupted while it is in use cannot be resumed.
fn temporary_table(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    if migration.mode == TransactionMode::PerFile {
        return None;
    }
    let bound = migration.temporary_table_over_statements()?;
    let line = migration.statements.get(bound.made_by)?.span.position.line;
    Some(PlanWarning::TemporaryTable { file: migration.file.clone(), line, what: bound.what })
}

/// psql warns of it, too; on the other engines LOCAL means the session, or nothing.
fn local_setting(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    match (migration.dialect, migration.mode) {
        (Dialect::Postgres, TransactionMode::PerStatement) => {}
        (Dialect::Postgres | Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite, _) => return None,
    }
    let is_local = |sql: &str| {
        let mut words = sql.split_whitespace();
        ["set", "local"].iter().all(|word| words.next().is_some_and(|found| found.eq_ignore_ascii_case(word)))
    };
    let is_alone = |index: usize| !migration.blocks.iter().any(|block| block.contains(&index));
    let mut alone = migration.statements.iter().enumerate().filter(|(index, _)| is_alone(*index));
    let (_, first) = alone.find(|(_, statement)| is_local(statement.text(&migration.sql)))?;
    Some(PlanWarning::LocalSetting { file: migration.file.clone(), line: first.span.position.line })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::{LedgerState, PlanOptions, PlanWarning, Target, plan};
    use crate::migration::{MigrationFiles, SourceFile};
    use crate::sql::Dialect;

    fn warnings(sql: &str, dialect: Dialect) -> Vec<PlanWarning> {
        let file = SourceFile { name: "001_a.sql".into(), bytes: sql.into() };
        let set = MigrationFiles::sorted(vec![file], dialect).unwrap();
        plan(&set, &LedgerState::default(), &PlanOptions::to(Target::Latest)).unwrap().warnings
    }

    #[rstest]
    #[case::alone(Dialect::Postgres, "set lock_timeout = 0;\nSET LOCAL work_mem = '1MB';\nvacuum", true)]
    #[case::in_one_transaction(Dialect::Postgres, "set local work_mem = '1MB'; select 1", false)]
    #[case::in_a_transaction_of_its_own(
        Dialect::Postgres,
        "begin;\nset local work_mem = '1MB'; select 1; commit; vacuum",
        false
    )]
    #[case::of_the_session(Dialect::Mysql, "set local sql_mode = ''", false)]
    fn a_setting_that_ends_with_its_own_transaction_is_a_warning(
        #[case] dialect: Dialect,
        #[case] sql: &str,
        #[case] expected: bool,
    ) {
        let line = PlanWarning::LocalSetting { file: "001_a.sql".into(), line: 2 };
        assert_eq!(warnings(sql, dialect).contains(&line), expected);
    }

    /// MySQL commits each statement separately, PostgreSQL a whole file.
    #[rstest]
    #[case::used_later(
        Dialect::Mysql,
        "create table t (a int);\ncreate temporary table u as select 1;\ninsert into t select * from u",
        &["001_a.sql:2: the temporary table u, made here, is used by later statements, and each statement of this file is \
           committed separately: a run that is interrupted between them cannot be resumed, and ends with NeedsReview; a \
           table that is dropped at the end can be"]
    )]
    #[case::not_used_later(Dialect::Mysql, "create temporary table u as select 1;\nselect 1", &[])]
    #[case::in_one_transaction(
        Dialect::Postgres,
        "create table t (a int);\ncreate temporary table u as select 1;\ninsert into t select * from u",
        &[]
    )]
    fn a_temporary_table_is_a_warning_where_a_run_could_be_interrupted_while_it_is_used(
        #[case] dialect: Dialect,
        #[case] sql: &str,
        #[case] expected: &[&str],
    ) {
        let told: Vec<String> = warnings(sql, dialect).iter().map(ToString::to_string).collect();
        assert_eq!(told, expected);
    }
}
