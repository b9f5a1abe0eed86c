//! What a run says while it goes on.

use serde::{Deserialize, Serialize};

use super::{Failure, Summary};

/// One step of a run. On stdout each is one line of JSON, told apart by its field `event`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The ledger was read and there is something to do.
    RunStarted {
        /// The run's name.
        run: String,
        /// SHA-256 of the plan, in hex.
        plan_hash: String,
        /// How many migrations are to be applied.
        steps: i64,
        /// The ledger's current version, where there is one.
        from: Option<String>,
        /// The version this run leads to.
        to: String,
    },
    /// Somebody else holds the lock in the database.
    WaitingForLock {
        /// Who: user, process, connected since when.
        holder: String,
    },
    /// A migration's first statement is about to run.
    MigrationStarted {
        /// Its version.
        version: String,
        /// Its file.
        file: String,
        /// How many statements the file has.
        statements: i64,
        /// Whether each statement is committed by itself; else the file is one transaction.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_transaction: bool,
    },
    /// A statement of the current migration has run. It is not yet committed where the file is one transaction.
    StatementFinished {
        /// The migration's version.
        version: String,
        /// The statement's number, from 1.
        statement: i64,
        /// How many statements the file has.
        statements: i64,
    },
    /// A migration and its row in the ledger are committed.
    MigrationApplied {
        /// Its version.
        version: String,
        /// Its file.
        file: String,
        /// From its first statement to its commit, in milliseconds.
        execution_time_ms: i64,
    },
    /// Something a person should know that stops nothing, such as a cosmetic edit of an applied file.
    Warning {
        /// In a sentence.
        message: String,
    },
    /// A migration, or the run as a whole, has failed.
    RunFailed {
        /// What and where.
        failure: Failure,
    },
    /// The run's last word; the termination message says the same.
    RunFinished {
        /// The whole outcome.
        summary: Summary,
    },
}
