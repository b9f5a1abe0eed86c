//! Databases: sessions, locks, the ledger and the run. One folder per engine behind one trait.

mod abandoned;
mod acknowledgement;
mod ahead;
mod any;
mod batch;
mod beside;
mod cancellation;
mod comparison;
mod connecting;
mod cores;
mod driver_failure;
mod examination;
mod examination_steps;
mod folder;
mod identity;
mod journal_failure;
mod ledger_layout;
mod ledger_rows;
mod lock_ladder;
mod locked;
mod mysql;
mod postgres;
mod query_excerpt;
mod reading;
mod repair;
mod run;
mod run_failure;
mod session;
mod spoilt;
mod sqlite;
mod steps;
mod stop;
mod undone;
mod unrun;
mod url;

pub use abandoned::{Abandoned, abandon};
pub use acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
pub use ahead::Ahead;
pub use any::{AnyDatabase, AnySession, DatabaseSettings};
pub use examination::{Check, CheckName, Outcome as CheckOutcome};
pub use folder::{SourceFolder, read_all, read_folder, read_needed, take_checksums};
pub use identity::{LedgerIdentity, Place as LedgerPlace};
pub use mysql::{Mysql, MysqlAddress, MysqlSession};
pub use postgres::{Address, Postgres, PostgresSession};
pub use reading::{Back, Reading, RecordedAttempt, RollbackReading, read, stored_rollbacks};
pub use repair::{Accepted, accept, repair};
pub use run::{RunSettings, failed_before_start, run};
pub use session::{
    AlreadyExists, ApplyError, Attempt, ByHand, Database, FailedAttempt, Fence, LockAttempt, Progress, Session,
    SessionError, SessionId, StoredRollback, Unrun,
};
pub use spoilt::{spoilt, spoilt_objects};
pub use sqlite::{Sqlite, SqliteFile, SqliteSession};
pub use stop::{Stop, StopReason, StopSender, stop_signal};
pub use undone::record_undone;
pub use unrun::{foreign_history, ledger_state, record_unrun};
