//! What one look at a resource has found and what its writes have left, for the next look from memory. Reads and writes
//! nothing itself.

use std::time::Instant;

use k8s_openapi::api::coordination::v1::Lease as LeaseRecord;
use kube::ResourceExt as _;

use super::gather::Memo;
use super::names;
use super::observed::{Observed, Resource};
use super::room::Room;
use super::source::Source;
use crate::api::{FINALIZER, JobSpec, RETRY_ANNOTATION, SchemaMigration, SchemaMigrationStatus};

/// What was seen, with what a write needs to hold only if nothing has changed since.
pub struct Seen {
    /// The data that the decision is made from.
    pub observed: Observed,
    /// The resource's version as it was read.
    pub version: Option<String>,
    pub finalizers: Vec<String>,
    /// The source for a later pass.
    pub memo: Option<Memo>,
    /// The UID in events that say why a run does not start.
    pub subject: Option<String>,
    /// When these words last changed.
    pub reworded: Option<Instant>,
    /// The database's Lease as it was read.
    pub lease: Option<LeaseRecord>,
    /// Leave to hold the source, until all is written that was decided from it.
    pub room: Option<Room>,
    /// The name of that Lease.
    pub lease_name: String,
}

/// What a pass leaves.
#[derive(Debug)]
pub struct Left {
    pub version: Option<String>,
    /// All versions that were written.
    pub versions: Vec<String>,
    pub finalizers: Vec<String>,
    pub status: SchemaMigrationStatus,
    pub lease: Option<LeaseRecord>,
}

impl Seen {
    /// Takes over what a pass has written since.
    pub fn take_over(&mut self, left: Left) {
        let Left { version, finalizers, status, lease, versions: _ } = left;
        let resource = &mut self.observed.resource;
        resource.has_finalizer = finalizers.iter().any(|finalizer| finalizer == FINALIZER);
        resource.status = status;
        (self.version, self.finalizers, self.lease) = (version, finalizers, lease);
    }

    /// Keeps only what another look from memory and a decision about a run in progress need: it stays in memory as long
    /// as the run.
    pub fn keep_little(&mut self) {
        let Observed { resource, source, .. } = &mut self.observed;
        *source = Source::NotRead;
        resource.spec.job = JobSpec::default();
        resource.spec.source.config_maps = None;
        (self.memo, self.room) = (None, None);
    }
}

/// A resource as plain data.
pub fn plain(object: SchemaMigration) -> Resource {
    let answered = object.status.as_ref().and_then(|status| status.run.as_ref()?.retry_token.as_deref());
    let token = object.annotations().get(RETRY_ANNOTATION).map(|asked| names::token_beside(asked, answered));
    Resource {
        name: object.name_any(),
        namespace: object.namespace().unwrap_or_default(),
        uid: object.uid().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        has_finalizer: object.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
        retry_token: token,
        spec: object.spec,
        status: object.status.unwrap_or_default(),
    }
}
