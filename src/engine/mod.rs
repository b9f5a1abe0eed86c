//! Databases: sessions, locks, the ledger and the run. One folder per engine behind one trait.

mod folder;
mod postgres;
mod progress;
mod run;
mod run_failure;
mod session;
mod stop;

pub use folder::read_folder;
pub use postgres::{Address, Postgres, PostgresSession};
pub use run::{RunSettings, failed_before_start, run};
pub use session::{
    ApplyError, Attempt, Database, FailedAttempt, Fence, HISTORY_ROWS, LedgerView, LockAttempt, Session, SessionError,
    SessionId,
};
pub use stop::{Stop, StopReason, StopSender, stop_signal};
