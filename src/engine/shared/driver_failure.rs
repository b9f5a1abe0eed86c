//! What the driver says by itself, without an answer of the server's; the same for every server.

use std::io;

use crate::report::{ErrorClass, Failure, Reason};

/// The failure. `doing` is the reason where the error tells none; `servers` are those that should have answered, such
/// as "may not be PostgreSQL".
pub(crate) fn driver_failure(error: &sqlx::Error, doing: Reason, servers: &str) -> Failure {
    let message = match error {
        sqlx::Error::Io(io) => connection_message(io),
        sqlx::Error::Tls(tls) => format!("TLS with the server failed: {tls}"),
        sqlx::Error::Protocol(message) => {
            // The driver adds the place in its own source.
            let words = message.split(" (sqlx").next().unwrap_or(message);
            format!("the server's answer was not understood, it {servers}: {words}")
        }
        other => other.to_string(),
    };
    let transient = matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_));
    Failure::new(if transient { Reason::ConnectionFailed } else { doing }, message).class(if transient {
        ErrorClass::Transient
    } else {
        ErrorClass::Permanent
    })
}

/// An I/O error in words that name its meaning here.
fn connection_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            // The driver's own words are about its reading and its TLS library.
            "the connection to the server was lost".to_owned()
        }
        _ => format!("the server cannot be reached: {error}"),
    }
}
