//! What a run reports while it is running.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Failure, Summary};

/// A session that holds a lock which a statement waits for.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockBlocker {
    /// The server's number for its process; 0 for a prepared transaction, which has none.
    pub pid: i64,
    /// Its user, where the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How long its transaction has been open, in milliseconds, where the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<i64>,
    /// What it executes, or executed last: the first line, cut to a length a status can hold, passwords starred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The name that its program gives itself, where the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// What it does, in the server's words, such as `idle in transaction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl fmt::Display for LockBlocker {
    /// `app (process 4711, application batch, idle in transaction, transaction open for 12 s): update orders set …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.user, self.pid) {
            (_, 0) => f.write_str("a prepared transaction")?,
            (Some(user), pid) => write!(f, "{user} (process {pid}")?,
            (None, pid) => write!(f, "an unknown user (process {pid}")?,
        }
        if self.pid != 0 {
            if let Some(application) = &self.application {
                write!(f, ", application {application}")?;
            }
            if let Some(state) = self.state.as_ref().filter(|state| *state != "active") {
                write!(f, ", {state}")?;
            }
            if let Some(age) = self.age_ms {
                write!(f, ", transaction open for {} s", age / 1000)?;
            }
            f.write_str(")")?;
        }
        self.query.as_ref().map_or(Ok(()), |query| write!(f, ": {query}"))
    }
}

/// What a statement that has been running for a while waits for, or how far it is. Everything may be absent.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementProgress {
    /// What it does, in the server's words, such as `building index: scanning table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// How much of that is done, from 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i64>,
    /// How long the rest of that would take at the pace so far, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<i64>,
    /// Whom it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<LockBlocker>,
}

impl fmt::Display for StatementProgress {
    /// `building index: scanning table: 43 %, about 90 s left; waiting for app (process 4711, …)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.percent.map(|percent| format!("{percent} %"));
        let left = self.remaining_ms.map(|left| format!("about {} s left", left / 1000));
        let far = [percent, left].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let phase = self.phase.as_deref().unwrap_or_default();
        let colon = if phase.is_empty() || far.is_empty() { "" } else { ": " };
        write!(f, "{phase}{colon}{far}")?;
        let Some(holder) = &self.waiting_for else { return Ok(()) };
        let semicolon = if phase.is_empty() && far.is_empty() { "" } else { "; " };
        write!(f, "{semicolon}waiting for {holder}")
    }
}

/// One step of a run. On stdout each is one line of JSON, identified by its field `event`.
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
        /// The version this run leads to; `empty` where everything is undone.
        to: String,
        /// Whether it is a rollback; absent where not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rollback: bool,
    },
    /// Another run holds the lock in the database.
    WaitingForLock {
        /// Who: user, process, connected since when.
        holder: String,
    },
    /// A migration's first statement is about to run. Earlier ones may not have been reported as applied yet.
    MigrationStarted {
        /// What is run, as the ledger writes it; absent of a migration.
        #[serde(default = "migration", skip_serializing_if = "is_migration")]
        kind: String,
        /// Its version.
        version: String,
        /// Its file.
        file: String,
        /// How many statements the file has.
        statements: i64,
        /// Whether each statement is committed separately; else the file is one transaction.
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
    /// A statement of the current migration was skipped, as requested: what it creates already exists, with the same
    /// definition. A [`Self::StatementFinished`] after it counts it. Reported again if the file is tried again.
    StatementSkipped {
        /// The migration's version.
        version: String,
        /// Its file.
        file: String,
        /// The statement's number, from 1.
        statement: i64,
        /// Its line in the file, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<i64>,
        /// Its first line, cut to a length a status can hold, passwords starred.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        excerpt: Option<String>,
    },
    /// A statement of the current migration has been running for a while, or waits before it begins. Again when that
    /// changes, and every few seconds.
    StatementProgress {
        /// The migration's version.
        version: String,
        /// Its file.
        file: String,
        /// The statement's number, from 1, as far as it is known.
        statement: i64,
        /// How many statements the file has.
        statements: i64,
        /// What it waits for, or how far it is: its fields are the event's own.
        #[serde(flatten)]
        progress: StatementProgress,
    },
    /// A statement of the current migration did not get a table's lock in time. The file is rolled back and tried again
    /// after a pause, during which nobody waits for it.
    LockTimedOut {
        /// The migration's version.
        version: String,
        /// Its file.
        file: String,
        /// The statement's number, from 1; absent where it was none of the file's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement: Option<i64>,
        /// How many tries have failed, this one included.
        tries: i64,
        /// How long until the next one, in milliseconds.
        pause_ms: i64,
        /// Who holds the lock; absent where that could not be seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocker: Option<LockBlocker>,
    },
    /// A migration, or the SQL that undoes one, and its row in the ledger are committed, and no crash of the server can
    /// lose them. In the order in which they were started.
    MigrationApplied {
        /// What is run, as the ledger writes it; absent of a migration.
        #[serde(default = "migration", skip_serializing_if = "is_migration")]
        kind: String,
        /// Its version.
        version: String,
        /// Its file.
        file: String,
        /// How long it took, in milliseconds: what the ledger says where the run measures it, and the run's own measure
        /// where the server does.
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

fn migration() -> String {
    "migration".to_owned()
}

fn is_migration(kind: &str) -> bool {
    kind == "migration"
}
