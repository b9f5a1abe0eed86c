//! Exit codes: what a script can rely on.

use std::process::ExitCode;

use crate::report::Reason;

/// Wrong usage, as clap has it too.
const USAGE: u8 = 2;
/// Something is pending, and `--check` asked.
const PENDING: u8 = 3;
/// Refused: nothing was changed, and a person has to decide.
const REFUSED: u8 = 4;

/// What `--help` says of them.
pub(super) const HELP: &str = "Exit codes:
  0  done, or nothing to do
  1  failed: a statement, the connection, the login, a table's lock; stopped,
     or out of time; doctor found something
  2  wrong usage: a flag, the database's URL, a folder that cannot be read
  3  something is pending (status --check)
  4  refused: an applied file was edited or is missing, a file is invalid or out of
     order, a statement needs review, a version has no rollback, another run
     holds the lock, another tool has a history in the database, a question was
     not answered with yes; nothing was changed, a person has to decide";

/// The code of a failure.
pub(super) fn code_of(reason: Reason) -> ExitCode {
    match reason {
        Reason::InvalidSettings => ExitCode::from(USAGE),
        Reason::ForeignHistory
        | Reason::InvalidSource
        | Reason::LockHeld
        | Reason::MigrationEdited
        | Reason::MigrationMissing
        | Reason::NeedsReview
        | Reason::OutOfOrder
        | Reason::SourceChanged
        | Reason::TargetUnreachable => refused(),
        Reason::AuthenticationFailed
        | Reason::Cancelled
        | Reason::ConnectionFailed
        | Reason::DeadlineExceeded
        | Reason::Fenced
        | Reason::LedgerUnusable
        | Reason::LockTimedOut
        | Reason::StatementFailed => ExitCode::FAILURE,
    }
}

/// Something is pending, and `--check` asked.
pub(super) fn pending() -> ExitCode {
    ExitCode::from(PENDING)
}

/// Nothing was changed, and a person has to decide.
pub(super) fn refused() -> ExitCode {
    ExitCode::from(REFUSED)
}
