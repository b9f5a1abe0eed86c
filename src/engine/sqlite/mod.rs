//! SQLite 3, embedded: a file is the database, and there is no server.

mod address;
mod apply;
mod error;
mod examination;
mod journal;
mod ledger;
mod lock;
mod place;
mod rows;
mod session;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

pub use address::SqliteFile;
pub use session::SqliteSession;

use super::examination::Check;
use super::session::DatabaseSettings;
use super::session::{Database, SessionError, SessionId};
use crate::policy::AlreadyExists;
use crate::report::{Failure, Reason, StatementProgress};
use crate::sql::Dialect;
use ledger::Ledger;

/// After how many instructions of its virtual machine SQLite asks whether to continue: some tens of microseconds.
const INSTRUCTIONS_BETWEEN_QUESTIONS: i32 = 1000;

/// A SQLite database file, and how a run's sessions on it are set up.
#[derive(Clone, Debug)]
pub struct Sqlite {
    file: SqliteFile,
    ledger: Ledger,
    run: String,
    lock_timeout: Duration,
    /// Set to end the statement that is being executed.
    cancelled: Arc<AtomicBool>,
}

impl Sqlite {
    /// The database in a file. `user` is who runs this: the ledger shows it.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where the history's name cannot be the beginning of a table's.
    pub fn new(file: SqliteFile, settings: DatabaseSettings<'_>, user: &str) -> Result<Self, Failure> {
        if settings.already_exists == AlreadyExists::SkipIfIdentical {
            return Err(unusable(
                "objects that already exist cannot be compared on SQLite",
                "leave --already-exists at fail; CREATE … IF NOT EXISTS in the file itself is SQLite's own way",
            ));
        }
        let prefix = settings.history_schema;
        let usable = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if prefix.is_empty() || !prefix.chars().all(usable) || prefix.starts_with("sqlite_") {
            return Err(unusable(
                &format!("{prefix:?} cannot be the prefix of the history's table names"),
                "use letters, digits and _, not beginning with sqlite_",
            ));
        }
        Ok(Self {
            file,
            ledger: Ledger::new(prefix, user),
            run: settings.run.to_owned(),
            lock_timeout: settings.lock_timeout,
            cancelled: Arc::default(),
        })
    }

    fn path(&self) -> Result<PathBuf, SessionError> {
        self.file.resolved().map_err(|failure| SessionError { failure, connection_lost: true })
    }

    /// Opens the file, which is made where it is missing.
    async fn open(&self) -> Result<SqliteConnection, SessionError> {
        // Everything else is SQLite's own default, foreign keys off among it: a file is to do what it does in the shell.
        let options = SqliteConnectOptions::new()
            .filename(self.path()?)
            // Holds for what a file attaches, too.
            .create_if_missing(true)
            .foreign_keys(false)
            .busy_timeout(self.lock_timeout)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(|error| self.cannot_open(&error))?;
        let cancelled = Arc::clone(&self.cancelled);
        let mut handle = connection.lock_handle().await.map_err(|error| self.cannot_open(&error))?;
        handle.set_progress_handler(INSTRUCTIONS_BETWEEN_QUESTIONS, move || !cancelled.load(Ordering::Relaxed));
        drop(handle);
        Ok(connection)
    }

    fn cannot_open(&self, error: &sqlx::Error) -> SessionError {
        let mut failure = error::failure_of(error, Reason::ConnectionFailed);
        failure.message = format!("cannot open {}: {}", self.file, failure.message);
        SessionError { failure, connection_lost: true }
    }
}

fn unusable(message: &str, hint: &str) -> Failure {
    Failure::new(Reason::InvalidSettings, message.to_owned()).hint(hint.to_owned())
}

impl Database for Sqlite {
    type Session = SqliteSession;

    async fn connect(&self) -> Result<SqliteSession, SessionError> {
        SqliteSession::start(self.clone()).await
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn address(&self) -> String {
        self.file.to_string()
    }

    fn history_schema(&self) -> &str {
        self.ledger.prefix()
    }

    async fn examine(&self) -> Vec<Check> {
        self.examine_steps().await
    }

    /// SQLite does not show which process holds the lock.
    async fn watch(&self, _: SessionId, _: &mut dyn FnMut(StatementProgress)) -> Failure {
        std::future::pending().await
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    /// The journal has those before it, and the one that got no lock has done nothing.
    fn tries_statements_again(&self) -> bool {
        true
    }

    async fn cancel(&self, _: SessionId) -> Result<(), SessionError> {
        self.cancelled.store(true, Ordering::Relaxed);
        Ok(())
    }
}
