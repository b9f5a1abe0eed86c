//! A run's first session, opened before the run asks for it, while the migrations are still being read: most of a run that
//! finds nothing to do is waiting for the server and reading files.
//!
//! What it opens is only read from until the run has its goal; a run without one closes it unused.

use crate::engine::Stop;
use crate::engine::{Database, SessionError};

/// A session, or what kept it from being opened; nothing if none was requested, or the run was to stop first.
#[derive(Debug)]
pub struct Ahead<D: Database>(Option<Result<D::Session, SessionError>>);

impl<D: Database> Ahead<D> {
    /// Connects, unless the run is to stop before that succeeds.
    pub async fn connect(database: &D, stop: &Stop) -> Self {
        Self(tokio::select! {
            connected = database.connect() => Some(connected),
            _ = stop.requested() => None,
        })
    }

    /// Whether there is a session, and so a ledger to read.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.0, Some(Ok(_)))
    }

    /// What was opened, once; then and where there is nothing, a session that is opened now.
    pub(super) async fn session(&mut self, database: &D) -> Result<D::Session, SessionError> {
        match self.0.take() {
            Some(connected) => connected,
            None => database.connect().await,
        }
    }
}

impl<D: Database> Default for Ahead<D> {
    fn default() -> Self {
        Self(None)
    }
}
