//! Failures that the run itself finds, in the words of the report. Pure.

use std::time::{Duration, Instant};

use super::cancellation::{CANCEL_WAIT, NotEnded};
use crate::engine::StopReason;
use crate::engine::shared::stopped::stopped;
use crate::migration::Migration;
use crate::plan::Step;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::{Dialect, ForeignSign};

/// Steps whose outcome was not heard.
pub(super) struct Unresolved<'a> {
    /// In their order: the first N are committed, and the others are not.
    pub(super) steps: Vec<Step<'a>>,
    /// What was heard last.
    pub(super) failure: Failure,
    /// Of the migration that the failure's place names.
    pub(super) statements_done: usize,
    pub(super) began: Instant,
}

/// Adds that nothing of the files that were to be one transaction is applied.
pub(super) fn all_undone(failure: Failure, files: usize) -> Failure {
    failure.also_hint(format!("the run's {files} files were one transaction: none of them is applied"))
}

/// The failure of a run that was asked to stop while a statement was running, and did not hear what became of it.
pub(super) fn stopped_while_running(reason: StopReason, why: &NotEnded) -> Failure {
    let told = stopped(reason, None);
    let waited = CANCEL_WAIT.as_secs();
    let what = match why {
        NotEnded::Asked => format!("the statement it was cancelling had not ended after {waited} s"),
        NotEnded::NotAsked(why) => {
            format!("the running statement could not be cancelled and had not ended after {waited} s: {why}")
        }
    };
    Failure { message: format!("{}, but {what}", told.message), ..told }
}

/// Adds what it may mean that the objects of a ledger's first migration already exist.
pub(super) fn older_than_its_history(failure: Failure) -> Failure {
    if failure.class != ErrorClass::AlreadyExists {
        return failure;
    }
    let advice = "where the database is older than its history here, record what it has: schemaward baseline --version \
                  VERSION, or schemaward adopt where another tool has migrated it";
    failure.also_hint(advice)
}

/// Adds that the file looks like another engine's SQL, where the server does not understand it.
pub(super) fn of_another_engine(failure: Failure, migration: &Migration) -> Failure {
    if !is_syntax_error(&failure, migration.dialect) {
        return failure;
    }
    match ForeignSign::find(&migration.sql, migration.dialect) {
        Some(sign) => failure.also_hint(sign),
        None => failure,
    }
}

/// Whether the server does not understand the statement, whatever is in the database.
///
/// Source: `PostgreSQL`, appendix A; `MySQL`'s `ER_PARSE_ERROR`; `MariaDB`'s `ER_UNKNOWN_DATA_TYPE`, too. `SQLite` has one
/// code for most mistakes; only its text shows which, and that has one language.
fn is_syntax_error(failure: &Failure, dialect: Dialect) -> bool {
    let code = failure.code.as_deref().unwrap_or_default();
    match dialect {
        Dialect::Postgres => code == "42601",
        Dialect::Mysql | Dialect::Mariadb => matches!(code, "1064" | "4161"),
        Dialect::Sqlite => {
            failure.message.ends_with(": syntax error") || failure.message.starts_with("unrecognized token")
        }
    }
}

/// A batch has ended without an error, and nothing of it was reported as applied: this must never happen.
pub(super) fn not_reported(migration: &Migration) -> Failure {
    Failure::new(
        Reason::LedgerUnusable,
        format!("{} ended without an error, but was not reported as applied", migration.file),
    )
    .class(ErrorClass::UnknownOutcome)
    .hint("look whether its changes are there; the next run reads the ledger first")
    .at(migration.place())
}

/// The lock was not given free in time.
pub(super) fn lock_held(holder: &str, waited: Duration) -> Failure {
    let holder = if holder.is_empty() { "another run" } else { holder };
    Failure::new(
        Reason::LockHeld,
        format!("the lock in the database was held by {holder} for longer than {} s", waited.as_secs_f32()),
    )
    .hint("wait for that run to end, or end its connection")
}

/// What a rollback would undo is not what was shown.
pub(super) fn another_plan() -> Failure {
    Failure::new(
        Reason::NeedsReview,
        "the ledger has changed since it was read: what would be undone now is not what was shown; nothing was \
                  undone",
    )
    .hint("look again with schemaward rollback --dry-run, then confirm again")
}

/// The ledger could not be asked what became of a migration.
pub(super) fn unknown_outcome(lost: &Unresolved<'_>, error: &Failure) -> Failure {
    let what = match lost.steps.as_slice() {
        [step] => format!("whether {} was committed is not known", step.migration.file),
        steps => format!("which of {} files were committed is not known", steps.len()),
    };
    // A run that was asked to stop does not look for the server any more.
    let why = if matches!(error.reason, Reason::Cancelled | Reason::DeadlineExceeded) {
        String::new()
    } else {
        format!(", since the ledger could not be asked: {}", error.message)
    };
    Failure {
        class: ErrorClass::UnknownOutcome,
        message: format!("{}; {what}{why}", lost.failure.message),
        hint: Some("the next run reads the ledger first and goes on from there".to_owned()),
        ..lost.failure.clone()
    }
}
