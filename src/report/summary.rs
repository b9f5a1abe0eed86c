//! What a run says at its end.

use serde::{Deserialize, Serialize};

use super::Failure;

/// What a pod's termination message can hold, in bytes.
/// Source: Kubernetes, "Customizing the termination message": 4096 bytes.
pub const SUMMARY_LIMIT: usize = 4096;

/// A row of the ledger: one attempt of one migration.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedMigration {
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
}

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The ledger is at the target version.
    Succeeded {
        /// How many migrations this run applied; 0 where nothing was pending.
        applied: i64,
        /// Applied versions that the source no longer has, newer than all it has.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ahead: Vec<String>,
    },
    /// Something stopped it. What was committed before stays.
    Failed {
        /// How many migrations this run applied before.
        applied: i64,
        /// What and where.
        failure: Failure,
    },
}

/// The whole outcome of a run, small enough for a termination message.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The run's name.
    pub run: String,
    /// SHA-256 of the plan, in hex; absent where the run did not get as far as a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The ledger's version after the run; absent where no migration is applied or the ledger could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<String>,
    /// The version the run was to reach, `latest` resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// Versions still to be applied, in order; empty after success.
    pub pending: Pending,
    /// The ledger's newest rows, newest first. Trimmed, oldest away first, until the summary fits.
    #[serde(default)]
    pub history: Vec<AppliedMigration>,
}

/// What is still to be applied.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// How many migrations.
    pub count: i64,
    /// The first one's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last one's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}
