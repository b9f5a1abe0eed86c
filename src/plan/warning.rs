//! What a person should know of a plan and what stops nothing.

use super::step::Step;
use crate::migration::Version;
use crate::sql::TransactionMode;

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
    /// A pending file has no content at all.
    #[error(
        "{file}: the file is empty; if its content was lost, put it back: it will be recorded as is, and must not \
         change afterwards"
    )]
    Empty { file: String },
    /// A pending file has nothing in it but what a new file has.
    #[error(
        "{file}: the file is as schemaward new wrote it, without a statement; write it before it is applied: it \
         will be recorded as is, and must not change afterwards"
    )]
    Unwritten { file: String },
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
        [empty, unwritten, left_out, temporary_table].into_iter().flat_map(|about| steps.iter().filter_map(about))
    }
}

/// As an upload that was cut off leaves one; what is left out of a file is blank, too.
fn empty(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    let is_empty = migration.sql.trim().is_empty() && migration.left_out.is_empty();
    is_empty.then(|| PlanWarning::Empty { file: migration.file.clone() })
}

fn unwritten(step: &Step<'_>) -> Option<PlanWarning> {
    step.migration.is_unwritten().then(|| PlanWarning::Unwritten { file: step.migration.file.clone() })
}

/// On the other engines it is the `BEGIN` and `COMMIT` around a whole file, which is a transaction without them.
fn left_out(step: &Step<'_>) -> Option<PlanWarning> {
    let migration = &step.migration;
    if !migration.dialect.grammar().warns_of_left_out() {
        return None;
    }
    let line = migration.left_out.first()?.position.line;
    Some(PlanWarning::LeftOut { file: migration.file.clone(), line, count: migration.left_out.len() })
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
