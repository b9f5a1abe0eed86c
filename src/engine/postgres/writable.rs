//! Whether a server takes writes: asked before the run's lock is taken, and by an examination. A standby does not; and
//! `default_transaction_read_only` is how an administrator, or a provider whose disk is full, stops writes.

use sqlx::postgres::PgRow;

use super::error::{READ_ONLY, TO_THE_PRIMARY};
use super::rows::value;
use crate::engine::examination::Outcome;
use crate::engine::session::SessionError;
use crate::engine::shared::examination_steps::not_ok;
use crate::report::{Failure, Reason};

/// Two expressions, which [`NoWrites::read`] understands.
pub(super) const QUESTION: &str = "pg_catalog.pg_is_in_recovery(), \
     CASE WHEN pg_catalog.current_setting('default_transaction_read_only') = 'on' THEN (SELECT s.source \
     FROM pg_catalog.pg_show_all_settings() s WHERE s.name = 'default_transaction_read_only') END";

/// Why a server takes no writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum NoWrites {
    Standby,
    /// Its transactions are read-only unless they say otherwise; where that is set, in PostgreSQL's words.
    ByDefault(String),
}

impl NoWrites {
    /// From the answer to [`QUESTION`], whose first column is this one. None where the server takes writes.
    pub(super) fn read(row: Option<&PgRow>, first: usize) -> Result<Option<Self>, SessionError> {
        let is_standby: bool = value(row, first)?;
        let source: Option<String> = value(row, first + 1)?;
        Ok(if is_standby { Some(Self::Standby) } else { source.map(Self::ByDefault) })
    }

    /// The failure of a run that is to write. Transient: a failover ends, and an administrator gives a database free again.
    pub(super) fn failure(&self) -> SessionError {
        let (message, hint) = self.told();
        let failure = Failure::new(Reason::ConnectionFailed, message).code(READ_ONLY).hint(hint);
        SessionError { failure, connection_lost: false }
    }

    /// The same, as a step of an examination.
    pub(super) fn outcome(&self) -> Outcome {
        let (message, hint) = self.told();
        not_ok(&message, &hint)
    }

    fn told(&self) -> (String, String) {
        match self {
            Self::Standby => ("the server is a standby, which takes no writes".to_owned(), TO_THE_PRIMARY.to_owned()),
            Self::ByDefault(source) => {
                let (of, reset) = set_where(source);
                (
                    format!("writing is switched off: default_transaction_read_only is on {of}"),
                    format!(
                        "{reset}; or, where the run is to write all the same, add \
                         ?options=-c%20default_transaction_read_only%3Doff to the URL"
                    ),
                )
            }
        }
    }
}

/// Where a setting comes from, and how it is removed. Source: PostgreSQL, `pg_settings`, column `source`.
fn set_where(source: &str) -> (&'static str, &'static str) {
    match source {
        "database" => ("for the database", "as its owner: ALTER DATABASE … RESET default_transaction_read_only"),
        "user" => ("for the user", "as an administrator: ALTER ROLE … RESET default_transaction_read_only"),
        "database user" => (
            "for the user in this database",
            "as an administrator: ALTER ROLE … IN DATABASE … RESET default_transaction_read_only",
        ),
        "client" => ("by the URL's options, or by PGOPTIONS", "take it out of them"),
        _ => ("in the server's configuration", "as an administrator: ALTER SYSTEM RESET default_transaction_read_only"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::NoWrites;
    use crate::report::{ErrorClass, Reason};

    #[rstest]
    #[case::standby(NoWrites::Standby, "is a standby", "connect to the primary")]
    #[case::database(NoWrites::ByDefault("database".to_owned()), "is on for the database", "ALTER DATABASE")]
    #[case::role(NoWrites::ByDefault("user".to_owned()), "is on for the user", "ALTER ROLE … RESET")]
    #[case::both(NoWrites::ByDefault("database user".to_owned()), "in this database", "IN DATABASE")]
    #[case::url(NoWrites::ByDefault("client".to_owned()), "by the URL's options", "take it out")]
    #[case::server(NoWrites::ByDefault("configuration file".to_owned()), "server's configuration", "ALTER SYSTEM")]
    fn what_stops_writes_is_named_with_the_way_out(#[case] why: NoWrites, #[case] message: &str, #[case] hint: &str) {
        let failure = why.failure().failure;
        assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed));
        assert!(failure.message.contains(message), "{}", failure.message);
        let hinted = failure.hint.unwrap_or_default();
        assert!(hinted.contains(hint), "{hinted}");
        let is_default = matches!(why, NoWrites::ByDefault(_));
        assert_eq!(hinted.contains("?options=-c%20default_transaction_read_only%3Doff"), is_default, "{hinted}");
    }
}
