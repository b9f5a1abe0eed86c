//! What a user asks for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, LocalObjectReference, ResourceRequirements, Toleration};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, rules};
use crate::policy::{AlreadyExists, Gaps, OutOfOrder};
use crate::sql::Dialect;

/// What is to be migrated, from where, how far and how.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "schemaward.dev",
    version = "v1alpha1",
    kind = "SchemaMigration",
    plural = "schemamigrations",
    shortname = "smig",
    category = "schemaward",
    namespaced,
    status = "super::SchemaMigrationStatus",
    derive = "PartialEq",
    doc = "Takes one database to a version of its schema, and reports its state.",
    printcolumn = r#"{"name": "Version", "type": "string", "jsonPath": ".status.currentVersion"}"#,
    printcolumn = r#"{"name": "Target", "type": "string", "jsonPath": ".status.targetVersion"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Pending", "type": "integer", "priority": 1, "jsonPath": ".status.pending.count"}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "priority": 1, "jsonPath": ".status.conditions[?(@.type=='Ready')].message"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct SchemaMigrationSpec {
    /// The database to migrate.
    pub database: DatabaseSpec,
    /// Where the migrations come from.
    pub source: SourceSpec,
    /// `latest`, or a version of the source to stop at.
    #[serde(default)]
    pub target_version: TargetVersion,
    /// How to treat a pending migration that is older than an applied one.
    #[serde(default)]
    pub out_of_order: OutOfOrder,
    /// How to treat a statement that would create what already exists.
    #[serde(default)]
    pub already_exists: AlreadyExists,
    /// How long one statement may wait for a table's lock.
    #[serde(default = "default_lock_timeout")]
    #[schemars(extend("x-kubernetes-validations" = rules::lock_timeout()))]
    pub lock_timeout: Duration,
    /// How long one run may take in all.
    #[serde(default = "default_active_deadline")]
    #[schemars(extend("x-kubernetes-validations" = rules::active_deadline()))]
    pub active_deadline: Duration,
    /// How a transient failure is tried again.
    #[serde(default)]
    pub retry: RetrySpec,
    /// Where the ledger lies.
    #[serde(default)]
    pub history: HistorySpec,
    /// How the run's pod is scheduled and what it may use.
    #[serde(default)]
    pub job: JobSpec,
    /// Starts nothing while true. A run that has started continues to its end.
    #[serde(default)]
    pub suspend: bool,
}

/// The database to migrate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// Which server it is.
    pub engine: Engine,
    /// The Secret's key that holds the database's URL, such as `postgres://user:password@host:5432/name`.
    /// Its scheme is the engine's name.
    pub url_secret_ref: SecretKeyReference,
}

/// A database server that Schemaward can migrate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL 13 or later.
    Postgres,
    /// MySQL 8 or later.
    Mysql,
    /// MariaDB 10.6 or later.
    Mariadb,
}

impl From<Engine> for Dialect {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self::Postgres,
            Engine::Mysql => Self::Mysql,
            Engine::Mariadb => Self::Mariadb,
        }
    }
}

impl Engine {
    /// As the resource and the command line write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }
}

/// A key of a Secret in the resource's namespace.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// The Secret's name.
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = rules::object_name()))]
    pub name: String,
    /// The key in it.
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = rules::secret_key()))]
    pub key: String,
}

/// Where the migrations come from: exactly one of `configMaps` and `inline`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::source()))]
pub struct SourceSpec {
    /// ConfigMaps of the resource's namespace, a file a key. Several are merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 100),
        extend(
            "x-kubernetes-list-type" = "map",
            "x-kubernetes-list-map-keys" = ["name"],
            "x-kubernetes-validations" = rules::config_maps()
        )
    )]
    pub config_maps: Option<Vec<ConfigMapReference>>,
    /// The files themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<InlineSource>,
    /// How to treat gaps in the numbering of files.
    #[serde(default)]
    pub gaps: Gaps,
    /// Any text that changes with the content, such as a checksum or a Git commit. A new value is a new
    /// generation of the resource, so whoever waits for Ready waits for this content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub revision: Option<String>,
}

/// A ConfigMap in the resource's namespace.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapReference {
    /// Its name.
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = rules::object_name()))]
    pub name: String,
}

/// Migrations inside the resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InlineSource {
    /// File names and their SQL.
    #[schemars(extend("maxProperties" = 1000, "x-kubernetes-validations" = rules::inline_files()))]
    pub files: BTreeMap<String, String>,
}

/// `latest`, or a version.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("maxLength" = 32, "x-kubernetes-validations" = rules::target_version()))]
pub struct TargetVersion(pub String);

impl TargetVersion {
    /// The newest version of the source.
    pub const LATEST: &str = "latest";
}

impl Default for TargetVersion {
    fn default() -> Self {
        Self(Self::LATEST.to_owned())
    }
}

/// How a transient failure is tried again: after `initialDelay`, then twice as long each time, up to `maxDelay`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = rules::retry()))]
pub struct RetrySpec {
    /// How many times after the first attempt.
    #[schemars(extend("x-kubernetes-validations" = rules::retry_limit()))]
    pub limit: i32,
    /// The pause before the first retry.
    #[schemars(extend("x-kubernetes-validations" = rules::delay()))]
    pub initial_delay: Duration,
    /// The longest pause.
    #[schemars(extend("x-kubernetes-validations" = rules::delay()))]
    pub max_delay: Duration,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self { limit: 8, initial_delay: Duration::new("5s"), max_delay: Duration::new("5m") }
    }
}

/// Where the ledger lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HistorySpec {
    /// The schema that holds the ledger's tables. It is made where it is missing.
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = rules::history_schema()))]
    pub schema: String,
    /// Runs every file although another tool has a history in the database and Schemaward's ledger is empty: where that
    /// history is another application's. Without it such a run ends with `ForeignHistory`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_foreign: bool,
}

impl Default for HistorySpec {
    fn default() -> Self {
        Self { schema: "schemaward".to_owned(), ignore_foreign: false }
    }
}

/// How the run's pod is scheduled and what it may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JobSpec {
    /// CPU and memory of the runner's container, in place of the operator's defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Labels a node must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints the pod tolerates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Where the pod prefers to run or must not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// The pod's ServiceAccount. Its token is never mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = rules::object_name()))]
    pub service_account_name: Option<String>,
    /// Secrets to pull the runner's image with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Further labels on the Job and its pod.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = rules::label_value(),
        "x-kubernetes-validations" = rules::job_metadata()
    ))]
    pub labels: BTreeMap<String, String>,
    /// Further annotations on the Job and its pod.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64, "x-kubernetes-validations" = rules::job_metadata()))]
    pub annotations: BTreeMap<String, String>,
    /// The pod's priority class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = rules::object_name()))]
    pub priority_class_name: Option<String>,
}

fn default_lock_timeout() -> Duration {
    Duration::new("5s")
}

fn default_active_deadline() -> Duration {
    Duration::new("4h")
}
