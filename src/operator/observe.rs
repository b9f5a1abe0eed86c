//! Reads what a decision depends on, and nothing else. Never writes, never reads a Secret.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job as KubeJob;
use k8s_openapi::api::coordination::v1::Lease as LeaseRecord;
use k8s_openapi::api::core::v1::{ConfigMap, Event as KubeEvent, Pod};
use kube::api::{ListParams, LogParams, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};

use super::job::CONTAINER;
use super::lease::{LeaseError, Leases};
use super::observed::{Children, Ended, Frozen, Job, JobState, Observed, Resource};
use super::pod;
use super::refusal::Refusal;
use super::room::{Full, Room, Rooms};
use super::source::{Gathered, Source, SourceConfigMap};
use super::{decide, names, progress};
use crate::api::{FINALIZER, InlineSource, RETRY_ANNOTATION, SchemaMigration};
use crate::migration::SourceFile;

/// How many lines of a run's log are read: enough for the newest progress.
const LOG_LINES: i64 = 40;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A call to the API server.
    #[error("reading {what} failed: {source}")]
    Read {
        /// What was to be read.
        what: &'static str,
        /// What the client says.
        #[source]
        source: Box<kube::Error>,
    },
    /// The database's Lease.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// There is no room for a large source now.
    #[error(transparent)]
    Full(#[from] Full),
    /// Reading the migrations was broken off, which happens only where the operator ends.
    #[error("reading the migrations was broken off: {0}")]
    Verify(#[from] tokio::task::JoinError),
}

impl ObserveError {
    /// What was asked of the cluster in vain.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Read { what, source } => Refusal::new(format!("reading {what}"), source),
            Self::Lease(error) => error.refusal(),
            Self::Full(_) | Self::Verify(_) => Refusal::unanswered("reading the source".to_owned(), self.to_string()),
        }
    }
}

fn reading(what: &'static str) -> impl FnOnce(kube::Error) -> ObserveError {
    move |source| ObserveError::Read { what, source: Box::new(source) }
}

/// What was seen, with what a write needs to hold only if nothing has changed since.
pub struct Seen {
    /// The data that the decision is made from.
    pub observed: Observed,
    /// The resource as it was read.
    pub object: SchemaMigration,
    /// The database's Lease as it was read.
    pub lease: Option<LeaseRecord>,
    /// Leave to hold the source, until all is written that was decided from it.
    #[expect(dead_code, reason = "it is held, not read")]
    pub room: Option<Room>,
    /// The name of that Lease.
    pub lease_name: String,
}

/// Reads one resource's world.
pub struct Observer<'a> {
    /// For all but Leases.
    pub client: &'a Client,
    /// For Leases.
    pub leases: &'a Leases,
    /// For sources.
    pub rooms: &'a Rooms,
}

impl Observer<'_> {
    /// Reads a resource and what belongs to it; none where there is no such resource.
    ///
    /// The resource is read anew, not taken from the watch: that may lag behind our own last write.
    ///
    /// # Errors
    ///
    /// [`ObserveError`]: a call failed. Nothing has been decided then.
    pub async fn observe(&self, namespace: &str, name: &str, now: Timestamp) -> Result<Option<Seen>, ObserveError> {
        let api: Api<SchemaMigration> = self.api(namespace);
        let Some(mut object) = api.get_opt(name).await.map_err(reading("the SchemaMigration"))? else {
            return Ok(None);
        };
        object.metadata.managed_fields = None;
        let inline = object.spec.source.inline.take();
        let resource = plain(&object);
        let mut seen = (Children::default(), None, names::database_lease(&resource.spec.database));
        if resource.has_finalizer {
            seen = self.children(&resource).await?;
        }
        // A run that has begun goes on, whatever its source has become; one that waits may be taken back for it.
        let has_begun =
            seen.0.jobs.iter().any(|job| matches!(job.state, JobState::Running { .. }) && !is_recorded(&resource, job));
        let (source, room) = if has_begun || resource.deleting || resource.spec.suspend {
            (Source::NotRead, None)
        } else {
            self.source(&resource, inline).await?
        };
        if !resource.has_finalizer && !decide::is_at_rest(&resource, &source, now) {
            seen = self.children(&resource).await?;
        }
        let (children, lease, lease_name) = seen;
        Ok(Some(Seen { observed: Observed { resource, source, children }, object, lease, room, lease_name }))
    }

    /// Reads the source, one `ConfigMap` after the other, and no further than its limits.
    async fn source(
        &self,
        resource: &Resource,
        inline: Option<InlineSource>,
    ) -> Result<(Source, Option<Room>), ObserveError> {
        let mut room = self.rooms.enter().await?;
        let api: Api<ConfigMap> = self.api(&resource.namespace);
        let mut gathered = Gathered::of_inline(inline);
        let references = resource.spec.source.config_maps.as_deref().unwrap_or_default();
        for reference in references {
            if gathered.is_full() {
                break;
            }
            let found = api.get_opt(&reference.name).await.map_err(reading("a ConfigMap of the source"))?;
            let map = SourceConfigMap { name: reference.name.clone(), files: found.map(files_of) };
            gathered.add(map, references.len());
            self.rooms.grow(&mut room, gathered.bytes())?;
        }
        let (engine, gaps) = (resource.spec.database.engine, resource.spec.source.gaps);
        let source = tokio::task::spawn_blocking(move || gathered.verify(engine, gaps)).await?;
        let room = matches!(source, Source::Valid(_)).then_some(room);
        Ok((source, room))
    }

    /// What was made for a resource; the record and the name of the Lease that goes with it.
    async fn children(&self, resource: &Resource) -> Result<(Children, Option<LeaseRecord>, String), ObserveError> {
        let ours = ListParams::default().labels(&names::selector(&resource.name));
        let jobs: Api<KubeJob> = self.api(&resource.namespace);
        let pods: Api<Pod> = self.api(&resource.namespace);
        let maps: Api<PartialObjectMeta<ConfigMap>> = self.api(&resource.namespace);
        // Jobs before pods: a pod that appears in between belongs to a Job that is listed already.
        let jobs = jobs.list(&ours).await.map_err(reading("Jobs"))?.items;
        let pods = pods.list(&ours).await.map_err(reading("pods"))?.items;
        let maps = maps.list(&ours).await.map_err(reading("frozen ConfigMaps"))?.items;
        let uid = resource.uid.as_str();
        let mut seen = Vec::new();
        for job in jobs.iter().filter(|job| pod::is_controlled_by(job.owner_references(), uid)) {
            seen.push(self.job(resource, job, &pods).await);
        }
        let frozen = maps.iter().filter(|map| pod::is_controlled_by(map.owner_references(), uid)).map(frozen_of);
        let frozen = frozen.collect();
        let stray_pods = stray_pods(resource, &seen, &pods);
        let database = seen.iter().find(|job| has_database(resource, job)).and_then(|job| job.database.as_ref());
        let name = names::database_lease(database.unwrap_or(&resource.spec.database));
        let record = self.leases.get(&resource.namespace, &name).await?;
        let lease = self.leases.look(&resource.namespace, &name, record.as_ref(), &resource.name);
        Ok((Children { jobs: seen, stray_pods, frozen, lease }, record, name))
    }

    async fn job(&self, resource: &Resource, job: &KubeJob, pods: &[Pod]) -> Job {
        let uid = job.uid().unwrap_or_default();
        let mut own: Vec<&Pod> =
            pods.iter().filter(|pod| pod::is_controlled_by(pod.owner_references(), &uid)).collect();
        own.sort_by_key(|pod| pod.creation_timestamp());
        let newest = own.last().copied();
        let state = if let Some(end) = pod::job_end(job) {
            JobState::Ended(Ended { job: end, runner: pod::runner_end(&own) })
        } else if pod::is_suspended(job) {
            JobState::Suspended
        } else if let Some(end) = newest.and_then(pod::early_end) {
            JobState::Ended(Ended { job: end, runner: pod::runner_end(&own) })
        } else if let Some(pod) = newest.filter(|pod| pod::has_started(pod)) {
            JobState::Running { pod: pod.name_any(), events: self.events(resource, pod).await }
        } else {
            JobState::Waiting { reason: self.complaint(resource, job, newest).await }
        };
        let deleting = job.metadata.deletion_timestamp.is_some();
        Job { name: job.name_any(), uid, origin: pod::origin(job), database: pod::database(job), deleting, state }
    }

    /// The newest events of a run. A log that cannot be read is no reason to stop: it only shows progress.
    async fn events(&self, resource: &Resource, pod: &Pod) -> Vec<crate::report::Event> {
        let api: Api<Pod> = self.api(&resource.namespace);
        let parameters =
            LogParams { container: Some(CONTAINER.to_owned()), tail_lines: Some(LOG_LINES), ..LogParams::default() };
        match api.logs(&pod.name_any(), &parameters).await {
            Ok(log) => progress::events(&log),
            Err(error) => {
                tracing::debug!(%error, "the run's log cannot be read");
                Vec::new()
            }
        }
    }

    /// Why a pod does not start, in the words of whoever holds it up.
    async fn complaint(&self, resource: &Resource, job: &KubeJob, pod: Option<&Pod>) -> Option<String> {
        if let Some(complaint) = pod.and_then(pod::complaint) {
            return Some(complaint);
        }
        // A volume that cannot be mounted and a pod that cannot be made leave no trace but an event.
        let uid = pod.map_or_else(|| job.uid(), ResourceExt::uid)?;
        let api: Api<KubeEvent> = self.api(&resource.namespace);
        let warnings = ListParams::default().fields(&format!("involvedObject.uid={uid},type=Warning"));
        match api.list(&warnings).await {
            Ok(list) => {
                let complaints = list.items.into_iter().filter(pod::is_complaint);
                complaints.max_by_key(pod::event_time).and_then(|event| event.message)
            }
            Err(error) => {
                tracing::debug!(%error, "the pod's events cannot be read");
                None
            }
        }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// Pods of the run's Job that go on though that Job is gone. Others that bear our labels are not ours.
fn stray_pods(resource: &Resource, jobs: &[Job], pods: &[Pod]) -> Vec<String> {
    let Some(uid) = resource.status.run.as_ref().and_then(|run| run.job_uid.as_deref()) else { return Vec::new() };
    if jobs.iter().any(|job| job.uid == uid) {
        return Vec::new();
    }
    pods.iter().filter(|pod| pod::may_run(pod) && pod::is_left_of(pod, uid)).map(ResourceExt::name_any).collect()
}

/// Whether the Lease that counts is the one of a Job's database: it goes on, or its end is not recorded yet.
fn has_database(resource: &Resource, job: &Job) -> bool {
    let is_named = resource.status.run.as_ref().is_some_and(|run| run.name == job.name);
    !is_recorded(resource, job) && (job.is_active() || is_named)
}

/// Whether the outcome of a Job's run is in the status already. What is left of its pod matters no more.
fn is_recorded(resource: &Resource, job: &Job) -> bool {
    resource.status.run.as_ref().is_some_and(|run| run.name == job.name && run.finished_at.is_some())
}

/// A resource as plain data.
pub fn plain(object: &SchemaMigration) -> Resource {
    Resource {
        name: object.name_any(),
        namespace: object.namespace().unwrap_or_default(),
        uid: object.uid().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        has_finalizer: object.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
        retry_token: object.annotations().get(RETRY_ANNOTATION).cloned(),
        spec: object.spec.clone(),
        status: object.status.clone().unwrap_or_default(),
    }
}

fn files_of(map: ConfigMap) -> Vec<SourceFile> {
    let text = map.data.unwrap_or_default().into_iter().map(|(name, text)| (name, text.into_bytes()));
    let binary = map.binary_data.unwrap_or_default().into_iter().map(|(name, bytes)| (name, bytes.0));
    text.chain(binary).map(|(name, bytes)| SourceFile { name, bytes }).collect()
}

fn frozen_of(map: &PartialObjectMeta<ConfigMap>) -> Frozen {
    Frozen {
        name: map.name_any(),
        uid: map.uid().unwrap_or_default(),
        source_hash: map.annotations().get(names::SOURCE_HASH_ANNOTATION).cloned().unwrap_or_default(),
    }
}
