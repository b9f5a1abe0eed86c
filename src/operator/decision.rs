//! What a pass is to do: plain data, handed from `decide` to `act`.

use std::time::Duration;

use super::task::Task;
use super::why::Why;
use crate::api::SchemaMigrationStatus;
use crate::migration::Checksum;

/// The result of one pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status as it should be. It is written first, and only where it differs.
    pub status: SchemaMigrationStatus,
    /// The writes, in order. Where one fails, those after it are left to a later pass.
    pub effects: Vec<Effect>,
    /// When to look again if nothing happens before.
    pub requeue: Requeue,
    /// What to report to people, once.
    pub notices: Vec<Notice>,
}

/// A write. Each can be repeated: done a second time, it finds its work done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Keep the resource until the run has stopped.
    AddFinalizer,
    /// Let the resource go.
    RemoveFinalizer,
    /// Take the database's Lease, if it is still as it was observed.
    TakeLease,
    /// Renew the database's Lease, if it is still ours.
    RenewLease,
    /// Give the database's Lease back, if it is still ours.
    ReleaseLease,
    /// Write the source into immutable ConfigMaps, those that are not there yet.
    FreezeSource,
    CreateJob(RunOrder),
    /// Delete a Job in the foreground: it stays until its pods are gone.
    DeleteJob {
        name: String,
        /// Its UID, so that no namesake is deleted.
        uid: String,
    },
    /// Delete a frozen ConfigMap.
    DeleteFrozen {
        name: String,
        uid: String,
    },
}

/// What a new Job needs to know, beside the resource itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunOrder {
    /// What the run is for.
    pub task: Task,
    /// The run's name, which is the Job's.
    pub name: String,
    pub attempt: i32,
    /// How many attempts before it do not count against the limit.
    pub uncounted: i32,
    /// SHA-256 of the source.
    pub source_hash: Checksum,
    /// The hash of the retry annotation's value that it answers.
    pub retry_token: Option<String>,
    /// The frozen ConfigMaps that hold the source.
    pub frozen: Vec<String>,
}

/// When to look again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Requeue {
    After(Duration),
    OnChange,
    /// A Job or a pod is in progress, and the watches report when it gets further. After this time its messages are
    /// read again.
    Following(Duration),
    /// Another resource holds the database's Lease, and the watches report when it is given back.
    OnLease,
}

/// Something that happened, reported once: as an event in the cluster, in the log and in the metrics.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// The run it is about.
    pub run: Option<String>,
    pub kind: NoticeKind,
    pub message: String,
}

/// The kinds of notices.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoticeKind {
    Started,
    /// A run has ended at its target.
    Succeeded {
        /// How many migrations it applied.
        applied: i64,
        /// From its start to its end.
        took: Duration,
    },
    /// A run has failed.
    Failed {
        why: Why,
        /// How many migrations it applied before.
        applied: i64,
        /// From its start to its end.
        took: Duration,
    },
    Retrying,
    /// Nothing happens until a person changes something.
    Stalled {
        why: Why,
    },
    /// A deleted resource's Job is asked to stop.
    Stopping,
    /// A run's pod does not start, and the cluster says why.
    Waiting,
    /// Another resource has had the database for a while.
    WaitingForDatabase,
    /// A run that has ended warned of something.
    Warned,
    /// A ConfigMap of the source does not exist.
    SourceNotFound,
    /// The API server refuses what a pass needs, again and again.
    Refused,
}

impl NoticeKind {
    /// The event's reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Started => "Started",
            Self::Succeeded { applied: 0, .. } => "Verified",
            Self::Succeeded { .. } => "Applied",
            Self::Failed { .. } => "Failed",
            Self::Retrying => "Retrying",
            Self::Stalled { .. } => "Stalled",
            Self::Stopping => "Stopping",
            Self::Waiting => "Waiting",
            Self::WaitingForDatabase => Why::WaitingForDatabase.as_str(),
            Self::Warned => "Warned",
            Self::SourceNotFound => Why::SourceNotFound.as_str(),
            Self::Refused => Why::RefusedByCluster.as_str(),
        }
    }

    /// Whether a person should look.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        match self {
            Self::Failed { .. }
            | Self::Stalled { .. }
            | Self::Waiting
            | Self::Warned
            | Self::SourceNotFound
            | Self::Refused => true,
            Self::Started | Self::Succeeded { .. } | Self::Retrying | Self::Stopping | Self::WaitingForDatabase => {
                false
            }
        }
    }
}
