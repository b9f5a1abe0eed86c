//! Databases: the contract that a run relies on, the drivers that keep it, and what they share. The order of things in a
//! run is [`crate::run`]'s affair.

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

mod acknowledgement;
mod any;
mod examination;
mod fence;
mod identity;
mod mysql;
mod postgres;
mod recorded_attempt;
mod session;
pub(crate) mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stop;

pub use acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
pub use any::{AnyDatabase, AnySession};
pub use examination::{Check, CheckName, Outcome as CheckOutcome};
pub use identity::{LedgerIdentity, Place as LedgerPlace};
pub use mysql::{Mysql, MysqlAddress, MysqlSession};
pub use postgres::{Address, Postgres, PostgresSession};
pub use recorded_attempt::RecordedAttempt;
pub use session::{
    ApplyError, ApplyOutcome, Attempt, ByHand, Database, DatabaseSettings, FailedAttempt, Fence, LockAttempt, Progress,
    Session, SessionError, SessionId, StoredRollback, Undone, Unrun,
};
pub use shared::spoilt::{can_be_spoilt, spoilt, spoilt_objects};
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, SqliteFile, SqliteSession};
pub use stop::{Stop, StopReason, StopSender, stop_signal};
