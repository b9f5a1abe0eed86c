//! PostgreSQL 13 and later.

mod address;
mod answers;
mod batch;
mod block;
mod concurrently;
mod error;
mod examination;
mod explaining;
mod identical;
mod journal;
mod journaled;
mod ledger;
mod literal;
mod lock_waits;
mod mark;
mod message;
mod one_transaction;
mod opening;
mod own_transaction;
mod parameters;
mod pooler;
mod progress;
mod reading;
mod rows;
mod session;
mod settings;
mod stepwise;
mod taking_over;
mod tls;
mod writable;

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection};

pub use address::Address;
pub use session::PostgresSession;

use super::examination::Check;
use super::session::DatabaseSettings;
use super::session::{Database, SessionError, SessionId};
use super::shared::liveness::{Heard, until_lost};
use crate::policy::AlreadyExists;
use crate::report::{Failure, Reason, StatementProgress};
use crate::sql::Dialect;
use ledger::Ledger;
use settings::Settings;

/// A PostgreSQL database, and how a run's sessions on it are set up.
#[derive(Clone, Debug)]
pub struct Postgres {
    address: Address,
    ledger: Ledger,
    lock_timeout: Duration,
    settings: Settings,
    already_exists: AlreadyExists,
    /// Of the session that applies files.
    heard: Heard,
}

impl Postgres {
    /// The database at an address. The run's name is shown by the server as the program's.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where the schema's name cannot be one.
    pub fn new(mut address: Address, settings: DatabaseSettings<'_>) -> Result<Self, Failure> {
        let DatabaseSettings { run, lock_timeout, history_schema, already_exists } = settings;
        // 63 bytes: PostgreSQL cuts longer names silently. `$` would end the quoting of our functions' bodies.
        let usable = (1..=63).contains(&history_schema.len())
            && !history_schema.contains(['\0', '$'])
            && !history_schema.starts_with("pg_");
        if !usable {
            return Err(Failure::new(
                Reason::InvalidSettings,
                format!("{history_schema:?} cannot be the history's schema"),
            )
            .hint("use 1 to 63 bytes, without $ and not beginning with pg_"));
        }
        address.options = address.options.application_name(&format!("schemaward {run}"));
        let settings = Settings::new(lock_timeout, address.keepalive);
        let (ledger, heard) = (Ledger::new(history_schema), Heard::default());
        Ok(Self { address, ledger, lock_timeout, settings, already_exists, heard })
    }
}

impl Database for Postgres {
    type Session = PostgresSession;

    async fn connect(&self) -> Result<PostgresSession, SessionError> {
        PostgresSession::start(self.open_with_settings().await?, self).await
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    fn history_schema(&self) -> &str {
        self.ledger.schema()
    }

    async fn examine(&self) -> Vec<Check> {
        self.examine_steps().await
    }

    async fn watch(&self, session: SessionId, seen: &mut dyn FnMut(StatementProgress)) -> Failure {
        until_lost(async || self.watch_session(session, seen).await).await
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    async fn cancel(&self, session: SessionId) -> Result<(), SessionError> {
        let mut connection = self.open().await?;
        let sql = format!("SELECT pg_catalog.pg_cancel_backend({})", session.0);
        let cancelled = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        cancelled.map_err(|e| error::session_error(&e, Reason::ConnectionFailed))?;
        let _ = connection.close().await;
        Ok(())
    }
}
