//! Errors of the driver itself, without an answer of the server; the same for every server.

use std::io;

use super::tls;
use crate::report::{ErrorClass, Failure, Reason};

/// The failure. `doing` is the reason where the error gives none; `servers` are those that should have answered, such
/// as "may not be PostgreSQL". The driver's own words are shown only where they are about the server or the network.
pub(crate) fn driver_failure(error: &sqlx::Error, doing: Reason, servers: &str) -> Failure {
    tracing::debug!(%error, "the driver's own words");
    if wants_secure_connection(error) {
        return Failure::new(
            Reason::InvalidSettings,
            "the server asks for the password over a secure connection, and this one has no TLS",
        )
        .hint("turn TLS on at the server, and leave ssl-mode in the URL at its default");
    }
    if let Some(words) = tls::words(error) {
        return tls::failure(&words, &told(&words));
    }
    let message = match error {
        sqlx::Error::Io(io) => connection_message(io),
        sqlx::Error::Protocol(message) => {
            format!("the server's answer was not understood, it {servers}{}", told(message))
        }
        sqlx::Error::Configuration(why) => format!("the connection's settings are invalid{}", told(&why.to_string())),
        sqlx::Error::Database(answer) => answer.message().to_owned(),
        sqlx::Error::RowNotFound
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_) => {
            "the server's answer has other rows, columns or types than were asked for".to_owned()
        }
        sqlx::Error::WorkerCrashed => "the connection to the database ended unexpectedly".to_owned(),
        _ => "the database driver failed; RUST_LOG=schemaward=debug shows its own words".to_owned(),
    };
    if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) {
        return Failure::new(Reason::ConnectionFailed, message);
    }
    Failure::new(doing, message).class(ErrorClass::Permanent)
}

/// `MySQL` takes a password that it does not have in its cache only over TLS, or encrypted with a key that this program
/// is built without.
///
/// Source: `MySQL`'s manual, "Caching SHA-2 Pluggable Authentication".
fn wants_secure_connection(error: &sqlx::Error) -> bool {
    error.to_string().contains("RSA auth backend disabled")
}

/// The driver's words as the rest of a sentence; empty where they are about the driver itself, such as how it is built.
fn told(words: &str) -> String {
    // It adds the place in its own source.
    let words = words.split(" (sqlx").next().unwrap_or(words).trim_end_matches('.');
    let lower = words.to_lowercase();
    let is_about_itself = ["sqlx", "feature", ".rs:", "rustls::"].iter().any(|word| lower.contains(word));
    if is_about_itself || words.is_empty() { String::new() } else { format!(": {words}") }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that can be made here, with words such as the driver has.
    fn errors() -> Vec<sqlx::Error> {
        let boxed = |words: &str| -> Box<dyn std::error::Error + Send + Sync> { words.into() };
        vec![
            sqlx::Error::Configuration(boxed(
                "RSA auth backend disabled; enable feature `mysql-rsa` (or `rsa` if using sqlx-mysql directly) or use TLS.",
            )),
            sqlx::Error::Configuration(boxed("SQLx was built without TLS support enabled")),
            sqlx::Error::InvalidArgument("sqlx: an argument".to_owned()),
            sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionRefused)),
            sqlx::Error::Io(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "expected to read 5 bytes (sqlx-core/src/io.rs:3)",
            )),
            sqlx::Error::Tls(boxed("TLS upgrade required but SQLx was built without TLS support enabled")),
            sqlx::Error::Tls(boxed("invalid peer certificate: UnknownIssuer")),
            sqlx::Error::Protocol("unexpected packet 0x15 (sqlx-mysql/src/connection.rs:30)".to_owned()),
            sqlx::Error::RowNotFound,
            sqlx::Error::TypeNotFound { type_name: "sqlx".to_owned() },
            sqlx::Error::ColumnIndexOutOfBounds { index: 3, len: 2 },
            sqlx::Error::ColumnNotFound("x".to_owned()),
            sqlx::Error::ColumnDecode {
                index: "0".to_owned(),
                source: boxed("mismatched types; sqlx::Type<Postgres>"),
            },
            sqlx::Error::Encode(boxed("sqlx::Encode")),
            sqlx::Error::Decode(boxed("sqlx::Decode")),
            sqlx::Error::AnyDriverError(boxed("sqlx::Any")),
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::WorkerCrashed,
            sqlx::Error::InvalidSavePointStatement,
            sqlx::Error::BeginFailed,
        ]
    }

    #[test]
    fn no_message_shows_a_cargo_feature_or_the_driver_s_internals() {
        for error in errors() {
            let failure = driver_failure(&error, Reason::StatementFailed, "may not be PostgreSQL");
            let shown = format!("{} {}", failure.message, failure.hint.unwrap_or_default()).to_lowercase();
            for internal in ["sqlx", "feature", "mysql-rsa", ".rs", "begin_with", "pool", "any driver", "worker"] {
                assert!(!shown.contains(internal), "{error:?}: {shown}");
            }
        }
    }

    #[test]
    fn what_the_driver_says_of_the_server_is_shown() {
        let message = |error: &sqlx::Error| driver_failure(error, Reason::StatementFailed, "may not be MySQL").message;
        let untrusted = sqlx::Error::Tls("invalid peer certificate: UnknownIssuer".into());
        assert!(message(&untrusted).starts_with("TLS with the server failed: the server's certificate is not signed"));
        // As the TLS library says it: in an I/O error.
        let alert = io::Error::new(io::ErrorKind::InvalidData, "received fatal alert: HandshakeFailure");
        assert_eq!(
            message(&sqlx::Error::Io(alert)),
            "TLS with the server failed: received fatal alert: HandshakeFailure"
        );
        let packet = sqlx::Error::Protocol("unexpected packet 0x15 (sqlx-mysql/src/connection.rs:30)".to_owned());
        assert_eq!(
            message(&packet),
            "the server's answer was not understood, it may not be MySQL: unexpected packet 0x15"
        );
    }
}
