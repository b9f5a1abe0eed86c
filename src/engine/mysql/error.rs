//! From errno to class and reason. Never from text: the server's language may be any.

use sqlx::mysql::MySqlDatabaseError;

use crate::engine::session::SessionError;
use crate::engine::shared::driver_failure::driver_failure;
use crate::report::{ErrorClass, Failure, Reason};

/// Source of these and all others: MySQL, "Server Error Message Reference"; MariaDB, "MariaDB Error Code Reference".
pub(super) const NO_SUCH_TABLE: u16 = 1146;
pub(super) const ACCESS_DENIED_TO_DATABASE: u16 = 1044;
pub(super) const ACCESS_DENIED_TO_TABLE: u16 = 1142;
/// MySQL says this of all columns, too, where SELECT is granted on the table and UPDATE on its database.
pub(super) const ACCESS_DENIED_TO_COLUMN: u16 = 1143;
/// By KILL QUERY, and by KILL before the connection ends.
pub(super) const QUERY_INTERRUPTED: u16 = 1317;
const ACCESS_DENIED: u16 = 1045;
const UNKNOWN_DATABASE: u16 = 1049;
/// A row's lock, or a table's.
const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// MySQL: where a statement says NOWAIT.
const LOCK_NOWAIT: u16 = 3572;

/// What an errno means for the next step; `doing` distinguishes a login from a statement.
pub(super) fn class_of(number: u16, doing: Reason) -> ErrorClass {
    match number {
        1007 | 1050 | 1060 | 1061 | 1304 | 1826 => ErrorClass::AlreadyExists,
        // Locks; a deadlock; too much at once; time limits of the server's own.
        // 1684: MariaDB's CREATE TRIGGER meets running DDL of another database.
        LOCK_WAIT_TIMEOUT | LOCK_NOWAIT | 1213 | 1203 | 1226 | 1684 | 1969 | 3024 => ErrorClass::Transient,
        _ if is_connection(number) => ErrorClass::Transient,
        // A refused login heals when a Secret is rotated, or the user or the database is made.
        _ if doing == Reason::AuthenticationFailed && is_login(number) => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

/// Why, as one word: what the code itself says, or else what was being done.
fn reason_of(number: u16, doing: Reason) -> Reason {
    match number {
        LOCK_WAIT_TIMEOUT | LOCK_NOWAIT => Reason::LockTimedOut,
        _ if is_connection(number) => Reason::ConnectionFailed,
        // Something else about a login, such as a setting of the connection that the server refuses.
        _ if doing == Reason::AuthenticationFailed && !is_login(number) => Reason::ConnectionFailed,
        _ => doing,
    }
}

/// Too many connections, shutting down, killed, cut off, or a read-only replica, as after a failover.
fn is_connection(number: u16) -> bool {
    matches!(
        number,
        1040 | 1053 | 1152 | 1158..=1161 | 1184 | 1290 | 1836 | 1927 | 2002 | 2003 | 2006 | 2013 | 3169 | 4031
    )
}

/// User, password, host, database, an account that is locked or whose password is over.
fn is_login(number: u16) -> bool {
    matches!(
        number,
        ACCESS_DENIED_TO_DATABASE
            | ACCESS_DENIED
            | UNKNOWN_DATABASE
            | 1130
            | 1251
            | 1698
            | 1820
            | 1862
            | 3118
            | 3159
            | 4151
    )
}

/// What to do about a statement's error beside what the server says.
pub(super) fn advice(code: Option<&str>, sql: &str) -> Option<&'static str> {
    match code? {
        "1419" => Some(
            "with the binary log on, only an administrator may create routines and triggers, unless a setting trusts \
             them: SET GLOBAL log_bin_trust_function_creators = 1",
        ),
        "1227" if sql.to_ascii_lowercase().contains("definer") => Some(
            "remove DEFINER = … from the statement, as of a dump: what it creates then belongs to the user of the URL; or let an \
             administrator grant what the message names",
        ),
        _ => None,
    }
}

/// What the driver says, in terms of the report. `doing` is the reason where the code gives none.
pub(super) fn failure_of(error: &sqlx::Error, doing: Reason) -> Failure {
    if let Some(server) = server_error(error) {
        let number = server.number();
        return Failure::new(reason_of(number, doing), server.message().to_owned())
            .class(class_of(number, doing))
            .code(number.to_string());
    }
    driver_failure(error, doing, "may be neither MySQL nor MariaDB")
}

/// The same, with what it means for the session.
pub(super) fn session_error(error: &sqlx::Error, doing: Reason) -> SessionError {
    SessionError { failure: failure_of(error, doing), connection_lost: connection_lost(error) }
}

/// Whether the connection can no longer be used. Anything but an answer of the server leaves the protocol in an unknown
/// state, and some answers are the server's last. A killed connection may only show [`QUERY_INTERRUPTED`], and the kill
/// with the next message.
pub(super) fn connection_lost(error: &sqlx::Error) -> bool {
    // Not 1290, 1836 and 1040: those refuse a statement, or a login.
    server_error(error).is_none_or(|error| {
        matches!(error.number(), 1053 | 1152 | 1153 | 1156..=1161 | 1184 | 1927 | 2006 | 2013 | 3169 | 4031)
    })
}

/// What the server said, where the error is its answer.
pub(super) fn server_error(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    match error {
        sqlx::Error::Database(error) => error.try_downcast_ref::<MySqlDatabaseError>(),
        _ => None,
    }
}

/// Whether the server's answer has this errno.
pub(super) fn is_number(error: &sqlx::Error, number: u16) -> bool {
    server_error(error).is_some_and(|error| error.number() == number)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{advice, class_of, reason_of};
    use crate::report::{ErrorClass, Reason};

    #[rstest]
    #[case::lock_timeout(1205, ErrorClass::Transient, Reason::LockTimedOut)]
    #[case::deadlock(1213, ErrorClass::Transient, Reason::StatementFailed)]
    #[case::definition_being_changed(1684, ErrorClass::Transient, Reason::StatementFailed)]
    #[case::too_many_connections(1040, ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::shutting_down(1053, ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::killed_on_mariadb(1927, ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::read_only(1290, ErrorClass::Transient, Reason::ConnectionFailed)]
    #[case::execution_time(3024, ErrorClass::Transient, Reason::StatementFailed)]
    #[case::duplicate_table(1050, ErrorClass::AlreadyExists, Reason::StatementFailed)]
    #[case::duplicate_column(1060, ErrorClass::AlreadyExists, Reason::StatementFailed)]
    #[case::duplicate_foreign_key(1826, ErrorClass::AlreadyExists, Reason::StatementFailed)]
    #[case::missing_table(1146, ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::privilege(1142, ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::another_database(1044, ErrorClass::Permanent, Reason::StatementFailed)]
    #[case::syntax(1064, ErrorClass::Permanent, Reason::StatementFailed)]
    fn a_number_has_a_class_and_a_reason(#[case] number: u16, #[case] class: ErrorClass, #[case] reason: Reason) {
        assert_eq!(class_of(number, Reason::StatementFailed), class);
        assert_eq!(reason_of(number, Reason::StatementFailed), reason);
    }

    #[test]
    fn a_right_that_a_routine_needs_has_advice() {
        assert!(advice(Some("1419"), "create trigger t").is_some_and(|told| told.contains("log_bin_trust")));
        assert!(advice(Some("1227"), "CREATE DEFINER=`a`@`b` VIEW v").is_some_and(|told| told.contains("DEFINER")));
        assert_eq!(
            (advice(Some("1227"), "kill 1"), advice(Some("1146"), "definer"), advice(None, "definer")),
            (None, None, None)
        );
    }

    #[rstest]
    #[case::wrong_password(1045)]
    #[case::no_such_database(1049)]
    #[case::not_this_database(1044)]
    fn a_refused_login_may_heal(#[case] number: u16) {
        let doing = Reason::AuthenticationFailed;
        assert_eq!((class_of(number, doing), reason_of(number, doing)), (ErrorClass::Transient, doing));
    }
}
