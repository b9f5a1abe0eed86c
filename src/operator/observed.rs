//! What a pass has seen: plain data, nothing that could ask for more.

use std::time::Duration;

use jiff::Timestamp;

use super::source::Source;
use crate::api::{SchemaMigrationSpec, SchemaMigrationStatus};
use crate::report::Event;

/// All that a decision depends on, apart from the time.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The resource.
    pub resource: Resource,
    /// Its source.
    pub source: Source,
    /// What the operator made for it. Empty where the resource carries no finalizer and nothing is to be
    /// started: then there is nothing, or nothing that matters.
    pub children: Children,
}

/// A `SchemaMigration` as the API server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
    /// The number of its spec's state.
    pub generation: i64,
    /// Whether somebody has deleted it.
    pub deleting: bool,
    /// Whether our finalizer is on it: a run may be going, or is not cleaned up after yet.
    pub has_finalizer: bool,
    /// The value of the retry annotation.
    pub retry_token: Option<String>,
    /// What is asked for.
    pub spec: SchemaMigrationSpec,
    /// What was last answered.
    pub status: SchemaMigrationStatus,
}

/// What the operator made for a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Children {
    /// Its Jobs.
    pub jobs: Vec<Job>,
    /// Pods that may still run SQL though their Job is gone, by name.
    pub stray_pods: Vec<String>,
    /// Its frozen ConfigMaps.
    pub frozen: Vec<Frozen>,
    /// The Lease of its database.
    pub lease: Lease,
}

/// A Job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name, which is the run's.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// What its annotations say of the run; absent where they are not readable.
    pub origin: Option<Origin>,
    /// Whether it is being deleted. It stays until its pods are gone.
    pub deleting: bool,
    /// Whether it goes on.
    pub state: JobState,
}

/// What a run was started for, as its Job's annotations keep it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The resource's generation.
    pub generation: i64,
    /// SHA-256 of the source.
    pub source_hash: String,
    /// The attempt's number.
    pub attempt: i32,
    /// The retry annotation's value.
    pub retry_token: Option<String>,
    /// When the Job was made.
    pub created_at: Timestamp,
}

/// How a Job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// Its pod does not run yet.
    Waiting {
        /// What for, as the kubelet, the scheduler or the Job controller says it; absent where nobody complains.
        reason: Option<String>,
    },
    /// Its pod runs.
    Running {
        /// The newest events of the run, oldest first.
        events: Vec<Event>,
    },
    /// It has ended.
    Ended(Ended),
}

/// An ended Job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    /// The pod's termination message, unread.
    pub message: Option<String>,
    /// The reason of the Job's condition Failed, such as `DeadlineExceeded`.
    pub failure: Option<String>,
    /// What is known of the pod's end where it left no message, such as `OOMKilled`, in words.
    pub pod: Option<String>,
}

/// A frozen ConfigMap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frozen {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// SHA-256 of the source it is a part of.
    pub source_hash: String,
}

/// The Lease of a database, as one resource sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Lease {
    /// Nobody holds it, or its holder has not renewed it for its whole duration while we looked on.
    #[default]
    Free,
    /// This resource holds it.
    Mine {
        /// Since when this process has seen it unrenewed.
        unrenewed: Duration,
    },
    /// Another resource holds it.
    Held {
        /// That resource's name.
        holder: String,
    },
}

impl Job {
    /// Whether its pod may still run SQL.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.state, JobState::Ended(_))
    }
}
