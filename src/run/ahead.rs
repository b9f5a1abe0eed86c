//! A database whose first session is opened before anyone asks for it, while the migrations are still being read: most
//! of a run that finds nothing to do is waiting for the server and reading files.
//!
//! What it opens is only read from until the run has its goal; a run without one closes it unused.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use crate::engine::Check;
use crate::engine::Stop;
use crate::engine::{Database, SessionError, SessionId};
use crate::report::LockBlocker;
use crate::sql::Dialect;

/// A database with its first session, or with what kept it from being opened.
#[derive(Debug)]
pub struct Ahead<'d, D: Database> {
    database: &'d D,
    first: RefCell<Option<Result<D::Session, SessionError>>>,
}

impl<'d, D: Database> Ahead<'d, D> {
    /// Connects, unless told to stop before it succeeds: whoever asks for a session then connects anew.
    pub async fn connect(database: &'d D, stop: &Stop) -> Self {
        let first = tokio::select! {
            connected = database.connect() => Some(connected),
            _ = stop.requested() => None,
        };
        Self { database, first: RefCell::new(first) }
    }

    /// Whether there is a session, and so a ledger to read.
    pub fn is_connected(&self) -> bool {
        matches!(*self.first.borrow(), Some(Ok(_)))
    }
}

impl<D: Database> Database for Ahead<'_, D> {
    type Session = D::Session;

    async fn connect(&self) -> Result<D::Session, SessionError> {
        let first = self.first.take();
        match first {
            Some(connected) => connected,
            None => self.database.connect().await,
        }
    }

    fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    fn address(&self) -> String {
        self.database.address()
    }

    fn history_schema(&self) -> &str {
        self.database.history_schema()
    }

    async fn examine(&self) -> Vec<Check> {
        self.database.examine().await
    }

    async fn watch_lock_waits(&self, session: SessionId, seen: &mut Option<LockBlocker>) -> Infallible {
        self.database.watch_lock_waits(session, seen).await
    }

    fn lock_timeout(&self) -> Duration {
        self.database.lock_timeout()
    }

    fn tries_statements_again(&self) -> bool {
        self.database.tries_statements_again()
    }

    async fn cancel(&self, session: SessionId) -> Result<(), SessionError> {
        self.database.cancel(session).await
    }
}
