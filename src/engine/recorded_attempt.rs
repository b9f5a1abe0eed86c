//! One attempt of one migration as the ledger has it.

use serde::Serialize;

use crate::report::AppliedMigration;

/// One attempt of one migration as the ledger has it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedAttempt {
    /// The migration's version as its file name writes it; `R` of a repeatable file.
    pub version: String,
    /// What was attempted: `migration`, `repeatable`, `rollback`, `baseline` or `adopted`.
    pub kind: String,
    /// Whether a rollback has undone it since.
    pub undone: bool,
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
    pub run: String,
    pub applied_by: String,
    pub tool_version: String,
}

impl From<RecordedAttempt> for AppliedMigration {
    fn from(attempt: RecordedAttempt) -> Self {
        let RecordedAttempt { version, kind, undone, file, checksum, applied_at, execution_time_ms, success, .. } =
            attempt;
        Self { version, file, checksum, applied_at, execution_time_ms, success, kind, undone }
    }
}
