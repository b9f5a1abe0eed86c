//! What a pass has seen: plain data, nothing that could ask for more.

use std::time::Duration;

use jiff::Timestamp;

use super::source::Source;
use super::task::Task;
use crate::api::{DatabaseSpec, SchemaMigrationSpec, SchemaMigrationStatus};
use crate::report::Event;

/// All that a decision depends on, apart from the time.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub resource: Resource,
    pub source: Source,
    /// What the operator made for it. Empty where the resource carries no finalizer and nothing is to be
    /// started: then there is nothing, or nothing that matters.
    pub children: Children,
    /// The image that a run would be given now.
    pub runner_image: String,
}

/// A `SchemaMigration` as the API server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    /// The number of its spec's state.
    pub generation: i64,
    /// Whether its deletion was requested.
    pub deleting: bool,
    /// Whether our finalizer is on it: a run may be going, or is not cleaned up after yet.
    pub has_finalizer: bool,
    /// What is kept of the retry annotation's value: its hash.
    pub retry_token: Option<String>,
    /// What is asked for.
    pub spec: SchemaMigrationSpec,
    /// What was last answered.
    pub status: SchemaMigrationStatus,
}

/// What the operator made for a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Children {
    pub jobs: Vec<Job>,
    /// Names of pods of the run's Job, and only of that, which may still run SQL although the Job is gone.
    pub stray_pods: Vec<String>,
    pub frozen: Vec<Frozen>,
    /// The Lease of the database where a run is in progress, which the spec may no longer name; otherwise of the
    /// spec's.
    pub lease: Lease,
}

/// A Job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name, which is the run's.
    pub name: String,
    pub uid: String,
    /// What its annotations say of the run; absent where they are not readable.
    pub origin: Option<Origin>,
    /// The database it works on, by what it mounts; absent where it mounts none.
    pub database: Option<DatabaseSpec>,
    /// The image that its runner has or will have.
    pub image: RunnerImage,
    /// Whether it is being deleted. It stays until its pods are gone.
    pub deleting: bool,
    /// Whether it is running.
    pub state: JobState,
}

/// The image of a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RunnerImage {
    /// The one that an operator asked for; empty where the Job does not say it.
    pub asked: String,
    /// The one that it got, of its pod where there is one. An admission policy may have changed it.
    pub given: String,
}

/// What a run was started for, as its Job's annotations keep it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// What the run is for; none where this version does not know the word.
    pub task: Option<Task>,
    pub generation: i64,
    /// SHA-256 of the source.
    pub source_hash: String,
    pub attempt: i32,
    /// How many attempts before it do not count against the limit.
    pub uncounted: i32,
    /// The retry annotation's value.
    pub retry_token: Option<String>,
    /// When the Job was made.
    pub created_at: Timestamp,
}

/// The state of a Job.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// Its pod does not run yet.
    Waiting {
        /// What it waits for, in the words of the kubelet, the scheduler or the Job controller; absent if there is no
        /// complaint.
        reason: Option<String>,
    },
    /// The Job itself was suspended, so it has no pod.
    Suspended,
    Running {
        pod: String,
        /// The newest events of the run, oldest first.
        events: Vec<Event>,
    },
    /// Its runner has ended for good, and with it all that the run does in the database.
    Ended(Ended),
}

/// The end of a run, as Kubernetes reports it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    pub job: JobEnd,
    /// The runner's, by the Job's own pod.
    pub runner: RunnerEnd,
    /// Why the cluster took the pod away, where it did: an eviction, a preemption, a node that was drained or failed.
    pub disruption: Option<String>,
}

/// How a Job ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JobEnd {
    Complete,
    Failed {
        /// The reason of its condition, such as `DeadlineExceeded`.
        reason: Option<String>,
    },
    /// It has not ended, though the runner has.
    Open {
        /// Names of the pod's containers that are still running, and that do not end just because the runner has ended.
        others: Vec<String>,
    },
}

/// What became of the container that executes the run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunnerEnd {
    /// Its pod is gone.
    Unknown,
    NeverStarted {
        /// Why, as the pod says it.
        why: Option<String>,
    },
    /// Its pod ended before it could.
    Lost { how: String },
    Exited {
        code: i32,
        /// Its termination message, unread.
        message: Option<String>,
        /// How, in words, such as `OOMKilled, exit code 137`.
        how: String,
    },
}

/// A frozen ConfigMap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frozen {
    pub name: String,
    pub uid: String,
    /// SHA-256 of the source it is a part of.
    pub source_hash: String,
}

/// The Lease of a database, as one resource sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Lease {
    /// Nobody holds it, or its holder has not renewed it for its whole duration while we watched.
    #[default]
    Free,
    /// This resource holds it.
    Mine {
        /// Since when this process has seen it unrenewed.
        unrenewed: Duration,
    },
    /// Another resource holds it.
    Held { holder: String },
}

impl Job {
    /// Whether its runner may still run SQL, now or later.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.state, JobState::Ended(_))
    }

    /// Whether its runner has not started. It may be withdrawn then.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, JobState::Waiting { .. } | JobState::Suspended)
    }

    /// Whether this version knows what it is for, or it does not say and counts as what all were for once.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| origin.task.is_some())
    }

    /// Whether other containers keep its pod, though its runner has ended.
    #[must_use]
    pub fn lingers(&self) -> bool {
        matches!(&self.state, JobState::Ended(Ended { job: JobEnd::Open { others }, .. }) if !others.is_empty())
    }
}
