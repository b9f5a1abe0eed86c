//! MySQL 8 and later, and MariaDB 10.6 and later.
//!
//! All DDL commits implicitly here, so every file is applied statement by statement, with a journal.

mod address;
mod answers;
mod definition;
mod error;
mod examination;
mod identical;
mod journal;
mod journaled;
mod kept;
mod ledger;
mod literal;
mod lock_waits;
mod mark;
mod pace;
mod parameters;
mod place;
mod progress;
mod reading;
mod reset;
mod resuming;
mod rows;
mod script;
mod server;
mod session;
mod taking_over;
mod tls;

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection};

pub use address::MysqlAddress;
pub use session::MysqlSession;

use super::examination::Check;
use super::session::DatabaseSettings;
use super::session::{Database, SessionError, SessionId};
use super::shared::connecting::{CONNECT_TIMEOUT, in_time, not_connected};
use super::shared::liveness::{Heard, until_lost};
use crate::policy::AlreadyExists;
use crate::report::{Failure, Reason, StatementProgress};
use crate::sql::Dialect;

/// A MySQL or MariaDB database, and how a run's sessions on it are set up.
#[derive(Clone, Debug)]
pub struct Mysql {
    address: MysqlAddress,
    prefix: String,
    lock_timeout: Duration,
    already_exists: AlreadyExists,
    /// Of the session that applies files.
    heard: Heard,
}

impl Mysql {
    /// The history's schema is a prefix of its tables' names here, where a schema is a database.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where it cannot be one.
    pub fn new(address: MysqlAddress, settings: DatabaseSettings<'_>) -> Result<Self, Failure> {
        let prefix = settings.history_schema;
        // The longest name that begins with it has 27 characters more; a name may have 64.
        let usable = (1..=32).contains(&prefix.len())
            && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'-'));
        if !usable {
            return Err(Failure::new(
                Reason::InvalidSettings,
                format!("{prefix:?} cannot be the prefix of the history's table names"),
            )
            .hint("use 1 to 32 letters of ASCII, digits, and the signs _ $ -"));
        }
        Ok(Self {
            address,
            prefix: prefix.to_owned(),
            lock_timeout: settings.lock_timeout,
            already_exists: settings.already_exists,
            heard: Heard::default(),
        })
    }

    async fn open(&self) -> Result<MySqlConnection, SessionError> {
        self.address.tls.check_files().map_err(|failure| self.not_connected(failure))?;
        let connected = in_time(Box::pin(self.address.connect()), CONNECT_TIMEOUT, error::failure_of).await;
        connected.map_err(|failure| self.not_connected(failure))
    }

    fn not_connected(&self, failure: Failure) -> SessionError {
        not_connected(&self.address, self.address.user(), failure)
    }
}

impl Database for Mysql {
    type Session = MysqlSession;

    async fn connect(&self) -> Result<MysqlSession, SessionError> {
        MysqlSession::start(self.open().await?, self).await
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    fn dialect(&self) -> Dialect {
        self.address.dialect
    }

    fn history_schema(&self) -> &str {
        &self.prefix
    }

    async fn examine(&self) -> Vec<Check> {
        self.examine_steps().await
    }

    async fn watch(&self, session: SessionId, seen: &mut dyn FnMut(StatementProgress)) -> Failure {
        until_lost(async || self.watch_session(session, seen).await).await
    }

    fn lock_timeout(&self) -> Duration {
        // As the server counts it.
        Duration::from_secs(server::whole_seconds(self.lock_timeout))
    }

    fn tries_statements_again(&self) -> bool {
        // All that waits for a lock is committed separately here, and most of it waits before it has done anything.
        true
    }

    fn stops_within(&self) -> Duration {
        // Short statements end before that. A KILL QUERY that arrives between two statements of a message ends its loop with
        // the promise of more results, which never come: the client would wait for ever. Source: MariaDB, dispatch_command in
        // sql/sql_parse.cc (`while (!thd->killed && …found_semicolon…)`); seen in one of 120 runs on 10.11.
        pace::LONG + Duration::from_millis(100)
    }

    async fn cancel(&self, session: SessionId) -> Result<(), SessionError> {
        let mut connection = self.open().await?;
        let sql = format!("KILL QUERY {}", session.0);
        let cancelled = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        cancelled.map_err(|error| error::session_error(&error, Reason::ConnectionFailed))?;
        let _ = connection.close().await;
        Ok(())
    }
}
