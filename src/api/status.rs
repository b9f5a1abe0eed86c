//! What the operator answers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::HistoryEntry;

/// Condition types, by the meaning kstatus gives them.
pub mod condition {
    /// True once this generation and this content of the source are verified in the database.
    pub const READY: &str = "Ready";
    /// There, and True, only while the operator works or waits.
    pub const RECONCILING: &str = "Reconciling";
    /// Present, and True, only while nothing happens until a person changes something.
    pub const STALLED: &str = "Stalled";
}

/// What the operator found and did. A cache of the database's ledger: deleted, it comes back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaMigrationStatus {
    /// The generation the rest of the status speaks of; -1 until the operator has seen the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready always; Reconciling and Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The newest version applied, from the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<String>,
    /// The version asked for, `latest` resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// What is still to be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingStatus>,
    /// The current run, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStatus>,
    /// What the last run found in these files and warned of without stopping, 5 at most and each cut to 240 bytes. They
    /// stay while the same files are tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why the last attempt failed; absent after a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The ledger's newest rows, newest first, 20 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
    /// SHA-256 of the source the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_hash: Option<String>,
}

/// What is still to be applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingStatus {
    /// How many migrations.
    pub count: i64,
    /// The first one's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last one's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// One execution of a plan: one Job with one pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// The Job's name.
    pub name: String,
    /// What the run is for: `Apply`. Absent means the same: it was started before there were others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The Job's UID. A namesake with another one is not believed.
    #[serde(default, rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// The pod whose runner has started; absent while none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Why the pod does not start, in the cluster's words; absent if there is no complaint, and once it has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// 1 for the first try of this generation and content, one more for each retry.
    pub attempt: i32,
    /// How many of the attempts so far do not count against `spec.retry.limit`: the cluster took the pod away, or another
    /// run held the database's lock.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: i32,
    /// A hash of the value of the retry annotation that this run answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_token: Option<String>,
    /// SHA-256 of the plan, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// When the run was decided: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When its outcome was recorded here; absent while it is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// What it warned of when it ended, 5 at most; its pod's log has all. Nothing that stopped it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How far it is; absent when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The migration it works on.
    pub version: String,
    /// Statements of that file that have run.
    pub statement: i64,
    /// Statements of that file.
    pub statements: i64,
}

/// Why the last attempt failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// What it means for the next step: transient, permanent, alreadyExists or unknownOutcome.
    pub class: String,
    /// Why, as one word.
    pub reason: String,
    /// SQLSTATE or errno.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened.
    pub message: String,
    /// The migration's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The migration's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<i64>,
    /// The statement's number in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<i64>,
    /// When the next attempt starts: RFC 3339, UTC; absent where none will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
}
