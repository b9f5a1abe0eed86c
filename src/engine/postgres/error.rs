//! From SQLSTATE to class and reason. Never from text: the server's language may be any.

use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

use crate::engine::examination::Outcome;
use crate::engine::session::SessionError;
use crate::engine::shared::driver_failure::driver_failure;
use crate::engine::shared::examination_steps::not_ok;
use crate::report::{ErrorClass, Failure, Reason};

/// Raised by the ledger's `assert_fence`.
pub(super) const FENCED: &str = "SW001";
/// Raised by the ledger's SQL where another tool's tables are in its place.
pub(super) const FOREIGN_LEDGER: &str = "SW002";
/// Raised by the ledger's `record_success` where the newest row is not that of the file before.
const OTHER_ROW: &str = "SW003";
/// Raised where another server process answers than the session's own.
pub(super) const OTHER_PROCESS: &str = "SW005";
/// Raised where constraints can be deferred and nothing has shown that before.
pub(super) const DEFERRABLE: &str = "SW006";
/// Source of these and all others: PostgreSQL, Appendix A, "PostgreSQL Error Codes".
pub(super) const UNDEFINED_TABLE: &str = "42P01";
pub(super) const UNDEFINED_COLUMN: &str = "42703";
pub(super) const UNDEFINED_SCHEMA: &str = "3F000";
pub(super) const UNDEFINED_FUNCTION: &str = "42883";
pub(super) const INSUFFICIENT_PRIVILEGE: &str = "42501";
pub(super) const QUERY_CANCELLED: &str = "57014";
pub(super) const DEADLOCK: &str = "40P01";
/// Raised after `lock_timeout`, and at once where a statement says NOWAIT.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";
const UNKNOWN_DATABASE: &str = "3D000";
const TOO_MANY_CONNECTIONS: &str = "53300";
const DISK_FULL: &str = "53100";
/// A routine that commits, where a transaction is open around its call.
const TERMINATES_TRANSACTION: &str = "2D000";
/// Raised by the check of [`super::message`] for an index that is left invalid.
pub(super) const INVALID_INDEX: &str = "SW006";
/// A statement that writes, on a standby or under `default_transaction_read_only`.
pub(super) const READ_ONLY: &str = "25006";
const FEATURE_NOT_SUPPORTED: &str = "0A000";
/// A session that was idle, or idle in a transaction, for longer than the server allows.
const IDLE_SESSION_TIMEOUT: &str = "57P05";
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "25P03";
/// A transaction that took longer than the server allows; the session ends with it.
const TRANSACTION_TIMEOUT: &str = "25P04";

/// What to do where the server takes no writes.
pub(super) const TO_THE_PRIMARY: &str = "connect to the primary server: a standby takes no writes";

/// How many lines of a function's call stack are shown.
const CONTEXT_LINES: usize = 3;

/// What a SQLSTATE means for the next step. `doing` distinguishes a login and the ledger from a file's statement.
fn class_of(code: &str, doing: Reason) -> ErrorClass {
    match code {
        "42P07" | "42701" | "42710" | "42P06" | "42723" => ErrorClass::AlreadyExists,
        // A refused login heals when a Secret is rotated, or the role or the database is made. A failover
        // leaves the old address at a read-only standby for a while.
        "40001" | DEADLOCK | LOCK_NOT_AVAILABLE | "57P01" | "57P02" | "57P03" | UNKNOWN_DATABASE | READ_ONLY => {
            ErrorClass::Transient
        }
        // Others may end, or somebody makes room.
        IDLE_SESSION_TIMEOUT | IDLE_IN_TRANSACTION_TIMEOUT | TOO_MANY_CONNECTIONS | DISK_FULL => ErrorClass::Transient,
        // A statement that takes more than the server has, or longer than the file has allowed itself, would do so again.
        _ if is_limit(code) && doing != Reason::StatementFailed => ErrorClass::Transient,
        _ if code.starts_with("28") || code.starts_with("08") => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

/// Memory, disk space, a limit that the server is configured with, the time of a transaction.
fn is_limit(code: &str) -> bool {
    code == TRANSACTION_TIMEOUT || code.starts_with("53")
}

/// Why, as one word: what the code itself says, or else what was being done.
fn reason_of(code: &str, doing: Reason) -> Reason {
    match code {
        FENCED => Reason::Fenced,
        FOREIGN_LEDGER | OTHER_ROW => Reason::LedgerUnusable,
        LOCK_NOT_AVAILABLE => Reason::LockTimedOut,
        UNKNOWN_DATABASE => Reason::AuthenticationFailed,
        "57P01"
        | "57P02"
        | "57P03"
        | READ_ONLY
        | IDLE_SESSION_TIMEOUT
        | IDLE_IN_TRANSACTION_TIMEOUT
        | TOO_MANY_CONNECTIONS => Reason::ConnectionFailed,
        _ if is_limit(code) && doing == Reason::AuthenticationFailed => Reason::ConnectionFailed,
        _ if code.starts_with("28") => Reason::AuthenticationFailed,
        _ if code.starts_with("08") => Reason::ConnectionFailed,
        _ => doing,
    }
}

/// What the driver says, in terms of the report. `doing` is the reason where the code gives none.
pub(super) fn failure_of(error: &sqlx::Error, doing: Reason) -> Failure {
    if let Some(server) = server_error(error) {
        let code = server.code();
        // What it means is the same; the code is shown as the server gave it.
        let meaning = if is_refused_by_standby(server) { READ_ONLY } else { code };
        let class = if code == FENCED { ErrorClass::Transient } else { class_of(meaning, doing) };
        let own_hint = (meaning == READ_ONLY).then(|| TO_THE_PRIMARY.to_owned());
        return Failure {
            hint: server.hint().map(str::to_owned).or(own_hint),
            ..Failure::new(reason_of(meaning, doing), server_message(server)).class(class).code(code.to_owned())
        };
    }
    driver_failure(error, doing, "may not be PostgreSQL")
}

/// Whether it is a standby's answer to a transaction that is to write. The code has many meanings. The function that raises it
/// here only checks settings of type boolean, and of those only `transaction_read_only` is refused with this code.
/// Source: `check_transaction_read_only` in PostgreSQL's variable.c, called by `call_bool_check_hook` in guc.c.
fn is_refused_by_standby(error: &PgDatabaseError) -> bool {
    error.code() == FEATURE_NOT_SUPPORTED && error.routine() == Some("call_bool_check_hook")
}

/// The same, with what it means for the session.
pub(super) fn session_error(error: &sqlx::Error, doing: Reason) -> SessionError {
    SessionError { failure: failure_of(error, doing), connection_lost: connection_lost(error) }
}

/// Whether the connection can no longer be used. Anything but an answer of the server leaves the protocol in an unknown
/// state, and a FATAL answer is the last one.
pub(super) fn connection_lost(error: &sqlx::Error) -> bool {
    use sqlx::postgres::PgSeverity;
    server_error(error).is_none_or(|e| matches!(e.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

/// Whether the server refuses to answer because row level security would leave rows out of the answer, as it does where
/// `row_security` is off. Its words may be of any language; its own function's name is not.
/// Source: `check_enable_rls` in PostgreSQL's rls.c.
pub(super) fn is_filtered(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|e| e.code() == INSUFFICIENT_PRIVILEGE && e.routine() == Some("check_enable_rls"))
}

/// What the server said, where the error is its answer.
pub(super) fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    match error {
        sqlx::Error::Database(e) => e.try_downcast_ref::<PgDatabaseError>(),
        _ => None,
    }
}

/// Where in the message the server points to, counted in characters from 0.
pub(super) fn position(error: &PgDatabaseError) -> Option<usize> {
    match error.position() {
        Some(PgErrorPosition::Original(position)) => position.checked_sub(1),
        Some(PgErrorPosition::Internal { .. }) | None => None,
    }
}

/// What to do about a statement's error beside what the server says. `sql`: the statement.
pub(super) fn advice(failure: &Failure, sql: &str) -> Option<&'static str> {
    match failure.code.as_deref()? {
        TERMINATES_TRANSACTION => Some(
            "a routine or block that commits cannot run in the file's transaction: put the line \
             `-- schemaward: no-transaction` first, or call it in a file of its own that has it",
        ),
        // The schema's name is the same in every language.
        INSUFFICIENT_PRIVILEGE if failure.message.contains("public") && creates(sql) => Some(
            "since PostgreSQL 15 only the owner of a database may create objects in its schema public; as an administrator: \
             GRANT CREATE ON SCHEMA public TO the user",
        ),
        _ => None,
    }
}

fn creates(sql: &str) -> bool {
    sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("create"))
}

/// Message, detail and, for an error inside a function, where that was.
fn server_message(error: &PgDatabaseError) -> String {
    let mut message = error.message().to_owned();
    if error.code() == INVALID_INDEX {
        return message;
    }
    if let Some(detail) = error.detail() {
        message.push_str(": ");
        message.push_str(detail);
    }
    if let Some(context) = error.r#where() {
        // Innermost first: the statement inside the function, then the function with its line.
        let calls: Vec<&str> = context.lines().take(CONTEXT_LINES).collect();
        message.push_str(" (in ");
        message.push_str(&calls.join(", in "));
        message.push(')');
    }
    message
}

/// A step of an examination that the server refuses.
pub(super) fn refused(error: &sqlx::Error) -> Outcome {
    let failure = failure_of(error, Reason::ConnectionFailed);
    not_ok(&failure.message, failure.hint.as_deref().unwrap_or("see the server's log"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{class_of, reason_of};
    use crate::report::{ErrorClass, Reason};

    #[rstest]
    #[case::connection_lost("08006", ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::too_many_connections("53300", ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::starting_up("57P03", ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::standby("25006", ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::deadlock("40P01", ErrorClass::Transient, Reason::StatementFailed)]
    #[case::serialization("40001", ErrorClass::Transient, Reason::StatementFailed)]
    #[case::lock_timeout("55P03", ErrorClass::Transient, Reason::LockTimedOut)]
    #[case::wrong_password("28P01", ErrorClass::Transient, Reason::AuthenticationFailed)]
    #[case::no_hba_entry("28000", ErrorClass::Transient, Reason::AuthenticationFailed)]
    #[case::no_such_database("3D000", ErrorClass::Transient, Reason::AuthenticationFailed)]
    #[case::duplicate_table("42P07", ErrorClass::AlreadyExists, Reason::StatementFailed)]
    #[case::disk_full("53100", ErrorClass::Transient, Reason::StatementFailed)]
    #[case::out_of_locks("53200", ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::temporary_files("53400", ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::syntax("42601", ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::privilege("42501", ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::unique("23505", ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::idle_session("57P05", ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::idle_in_transaction("25P03", ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::transaction_timeout("25P04", ErrorClass::Permanent, Reason::StatementFailed)]
    fn a_code_has_a_class_and_a_reason(#[case] code: &str, #[case] class: ErrorClass, #[case] reason: Reason) {
        assert_eq!(class_of(code, Reason::StatementFailed), class);
        assert_eq!(reason_of(code, Reason::StatementFailed), reason);
    }

    #[rstest]
    #[case::disk_full("53100", Reason::AuthenticationFailed, Reason::ConnectionFailed)]
    #[case::out_of_memory("53200", Reason::AuthenticationFailed, Reason::ConnectionFailed)]
    #[case::transaction_timeout("25P04", Reason::AuthenticationFailed, Reason::ConnectionFailed)]
    #[case::disk_full_for_the_ledger("53100", Reason::LedgerUnusable, Reason::LedgerUnusable)]
    fn what_the_server_is_short_of_may_heal_where_no_statement_asks_for_it(
        #[case] code: &str,
        #[case] doing: Reason,
        #[case] reason: Reason,
    ) {
        assert_eq!((class_of(code, doing), reason_of(code, doing)), (ErrorClass::Transient, reason));
    }
}
