//! The lock on the database file that a statement of `SQLite` holds.
//!
//! Source: `SQLite`'s pages "File Locking And Concurrency In SQLite Version 3", "Transaction" (BEGIN IMMEDIATE) and
//! "VACUUM".

use super::super::statement_lock::{FileLockMode, LockMode, Locked, Others, StatementLock};
use super::super::tokens::Parsed;
use super::transaction::demand;

/// The lock; None if the statement only changes the connection.
///
/// A file is applied between `BEGIN IMMEDIATE` and COMMIT, so each of its statements holds a writer's lock. At COMMIT,
/// and when the changes outgrow memory, it is raised to exclude readers, unless the database is in WAL mode.
pub(in super::super) fn file_lock(statement: Parsed<'_>) -> Option<StatementLock> {
    let (mode, reads) = match demand(statement) {
        None => (FileLockMode::Reserved, Others::MayWait),
        Some("VACUUM") => (FileLockMode::Exclusive, Others::Wait),
        Some(_) => return None,
    };
    StatementLock::of_one_mode(LockMode::File(mode), vec![Locked::DatabaseFile], reads, Others::Wait)
}
