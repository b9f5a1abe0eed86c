//! What a database's ledger and its lock say at one moment, for people to look at. Data only.

use serde::Serialize;

use super::session::LedgerView;

/// What the ledger and the lock say.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What is applied.
    pub ledger: LedgerView,
    /// The newest attempts, newest first, as many as were asked for.
    pub attempts: Vec<RecordedAttempt>,
    /// The newest attempt that failed.
    pub last_failure: Option<RecordedAttempt>,
    /// Who holds the lock: user, process, program, connected since when. Empty where they cannot be told any more;
    /// None where the lock is free.
    pub lock_holder: Option<String>,
}

/// One attempt of one migration as the ledger has it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedAttempt {
    /// The migration's version as its file name writes it.
    pub version: String,
    /// The file's name.
    pub file: String,
    /// The first 16 hex digits of the SHA-256 of the file's bytes.
    pub checksum: String,
    /// When the attempt was recorded: RFC 3339, UTC, whole seconds.
    pub applied_at: String,
    /// How long it took, in milliseconds.
    pub execution_time_ms: i64,
    /// Whether it was committed.
    pub success: bool,
    /// SQLSTATE, where the server gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// How many of the file's statements had run.
    pub statements_done: i32,
    /// How many the file has.
    pub statements_total: i32,
    /// The run's name.
    pub run: String,
    /// The database's user.
    pub applied_by: String,
    /// Schemaward's version.
    pub tool_version: String,
}
