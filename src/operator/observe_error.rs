//! Why something of the cluster could not be read. Decides nothing about it.

use super::answers::AnswerError;
use super::lease::LeaseError;
use super::refusal::{Refusal, words};
use super::room::Full;

/// What [`ObserveError::Read`] says of the resource itself.
pub const THE_RESOURCE: &str = "the SchemaMigration";

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A call to the API server.
    #[error("reading {what} failed: {}", words(.source))]
    Read {
        /// What was to be read.
        what: &'static str,
        /// What the client says.
        #[source]
        source: Box<kube::Error>,
    },
    /// The database's Lease.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// There is no room for a large source now.
    #[error(transparent)]
    Full(#[from] Full),
    /// Reading the migrations was broken off, which happens only where the operator ends.
    #[error("reading the migrations was broken off: {0}")]
    Verify(#[from] tokio::task::JoinError),
}

impl ObserveError {
    /// What was asked of the cluster in vain.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Read { what, source } => Refusal::new(format!("reading {what}"), source),
            Self::Lease(error) => error.refusal(),
            Self::Full(_) | Self::Verify(_) => Refusal::unanswered("reading the source".to_owned(), self.to_string()),
        }
    }
}

/// Says what was to be read.
pub fn reading(what: &'static str) -> impl FnOnce(AnswerError) -> ObserveError {
    move |error| match error {
        AnswerError::Full(full) => ObserveError::Full(full),
        AnswerError::Call(source) => ObserveError::Read { what, source },
    }
}
