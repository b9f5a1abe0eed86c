//! A row of the ledger, as a run's summary and the resource's status have it.

use serde::{Deserialize, Serialize};

/// A row of the ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The migration's version.
    pub version: String,
    /// The migration's file.
    pub file: String,
    /// The first 16 hex digits of the SHA-256 of the file's bytes.
    pub checksum: String,
    /// When the attempt was recorded: RFC 3339, UTC.
    pub applied_at: String,
    /// How long it took, in milliseconds.
    pub execution_time_ms: i64,
    /// Whether it was committed.
    pub success: bool,
    /// What was done, as the ledger writes it, such as `rollback`; absent of a migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether a rollback has undone it since; absent where not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
}
