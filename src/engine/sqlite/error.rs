//! From SQLite's result code to class and reason. Source: <https://sqlite.org/rescode.html>.

use sqlx::error::DatabaseError;

use crate::engine::session::SessionError;
use crate::report::{ErrorClass, Failure, Reason};

/// Of another process's transaction; the extended codes share its low byte.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const INTERRUPTED: i32 = 9;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// What the driver says, in terms of the report. `doing` is the reason where the code gives none.
pub(super) fn failure_of(error: &sqlx::Error, doing: Reason) -> Failure {
    let server = error.as_database_error();
    let code: Option<i32> = server.and_then(DatabaseError::code).and_then(|code| code.parse().ok());
    let message = server.map_or_else(|| error.to_string(), |error| error.message().to_owned());
    let (class, reason, message) = match code.map(|code| code & 0xff) {
        Some(BUSY | LOCKED) => (ErrorClass::Transient, Reason::LockTimedOut, format!("{message} by another process")),
        Some(READ_ONLY | CANNOT_OPEN | NOT_A_DATABASE) => (ErrorClass::Permanent, Reason::ConnectionFailed, message),
        // SQLite has one code for all of these; only its text shows which, and that has one language.
        Some(1) if message.ends_with(" already exists") || message.starts_with("duplicate column name") => {
            (ErrorClass::AlreadyExists, doing, message)
        }
        _ => (ErrorClass::Permanent, doing, message),
    };
    let hint = match code.map(|code| code & 0xff) {
        Some(READ_ONLY) => {
            Some("the run needs the right to write to the file, and to make files in its folder".to_owned())
        }
        Some(BUSY) => Some("wait until its transaction ends; SQLite does not say whose it is".to_owned()),
        _ => None,
    };
    Failure { code: code.map(|code| code.to_string()), hint, ..Failure::new(reason, message).class(class) }
}

/// The same, as a session's.
pub(super) fn session_error(error: &sqlx::Error, doing: Reason) -> SessionError {
    SessionError { failure: failure_of(error, doing), connection_lost: false }
}

/// Whether a statement was ended by [`crate::engine::Database::cancel`].
pub(super) fn is_interrupted(error: &sqlx::Error) -> bool {
    has_code(error, INTERRUPTED)
}

/// Whether the error says that a table does not exist. SQLite's code says no more than that a name was wrong.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    has_code(error, 1) && error.as_database_error().is_some_and(|error| error.message().starts_with("no such table"))
}

fn has_code(error: &sqlx::Error, expected: i32) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == expected)
}

/// What SQLite's message points to: the text of the token that makes no sense.
pub(super) fn near(message: &str) -> Option<&str> {
    let near = message.strip_prefix("near \"").and_then(|rest| rest.strip_suffix("\": syntax error"));
    near.or_else(|| message.strip_prefix("unrecognized token: \"").and_then(|rest| rest.strip_suffix('"')))
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_syntax_error_names_the_token() {
        assert_eq!(near("near \"tabel\": syntax error"), Some("tabel"));
        assert_eq!(near("near \"\": \": syntax error"), Some("\": "));
        assert_eq!(near("unrecognized token: \"#\""), Some("#"));
        assert_eq!(near("incomplete input"), None);
    }
}
