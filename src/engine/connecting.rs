//! Connecting to a server, the same for each: in time, or with a failure that says to where and as whom.

use std::fmt::Display;
use std::time::Duration;

use super::session::SessionError;
use crate::report::{ErrorClass, Failure, Reason};

/// How long a connection may take to come about.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for a connection, but not for ever. `failure_of` is the engine's reading of the driver's error.
pub(super) async fn in_time<C>(
    connecting: impl Future<Output = Result<C, sqlx::Error>>,
    failure_of: impl FnOnce(&sqlx::Error, Reason) -> Failure,
) -> Result<C, Failure> {
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(failure_of(&error, Reason::AuthenticationFailed)),
        Err(_) => Err(Failure {
            class: ErrorClass::Transient,
            reason: Reason::ConnectionFailed,
            code: None,
            message: format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
            hint: None,
            place: None,
        }),
    }
}

/// A failure to connect; never with the password.
pub(super) fn not_connected(address: impl Display, user: &str, mut failure: Failure) -> SessionError {
    failure.message = format!("cannot connect to {address} as {user}: {}", failure.message);
    SessionError { failure, connection_lost: true }
}
