//! The resource `SchemaMigration`: its types, its conditions, its CRD. Data only.

mod crd;
mod duration;
mod rules;
mod spec;
mod status;

pub use crd::{crd, crd_yaml};
pub use duration::Duration;
pub use spec::{
    ConfigMapReference, DatabaseSpec, Engine, HistorySpec, InlineSource, JobSpec, RetrySpec, SchemaMigration,
    SchemaMigrationSpec, SecretKeyReference, SourceSpec, TargetVersion,
};
pub use status::{LastError, PendingStatus, Progress, RunStatus, SchemaMigrationStatus, condition};

/// The API group.
pub const GROUP: &str = "schemaward.dev";

/// Any new value of this annotation asks for another attempt after a Stalled run.
pub const RETRY_ANNOTATION: &str = "schemaward.dev/retry";

/// Keeps a deleted resource until its running Job has stopped.
pub const FINALIZER: &str = "schemaward.dev/running-job";
