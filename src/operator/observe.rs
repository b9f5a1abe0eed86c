//! Reads what a decision depends on, and nothing else. Never writes, never reads a Secret.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job as KubeJob;
use k8s_openapi::api::coordination::v1::Lease as LeaseRecord;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, LogParams, PartialObjectMeta};
use kube::{Api, Client, ResourceExt};

use super::act::Left;
use super::complaints::Complaints;
use super::job::CONTAINER;
use super::lease::{LeaseError, Leases};
use super::observed::{Children, Ended, Frozen, Job, JobState, Observed, Resource};
use super::pod;
use super::refusal::Refusal;
use super::room::{Full, Room, Rooms};
use super::source::{Gathered, Source, SourceConfigMap, ValidSource};
use super::{decide, names, progress};
use crate::api::{Engine, FINALIZER, Gaps, InlineSource, JobSpec, RETRY_ANNOTATION, SchemaMigration};
use crate::migration::SourceFile;

/// How many lines of a run's log are read: enough for the newest progress.
const LOG_LINES: i64 = 40;

/// A source of so many bytes needs no room once it is read.
const NO_ROOM: usize = 64 * 1024;
/// How long the words stay which tell why a run does not start: some change with every try, and each write costs.
const WORDS_HOLD: Duration = Duration::from_mins(3);
/// How old a Job is, in seconds, before it is asked why its pod does not start.
const FIRST_QUESTION: i64 = 2;

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

/// What a pass goes by beside what it reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The source as it was when it was last read.
    pub memo: Option<&'a Memo>,
    /// How many runs wait for their pods in the namespace.
    pub crowd: usize,
    /// Why the run's pod does not start, where the watch has told it.
    pub said: Option<&'a str>,
}

/// A source that was read, without its files. It holds as long as the versions of its `ConfigMap`s are the same.
#[derive(Clone, Debug)]
pub struct Memo {
    asked: (Engine, Gaps, Vec<String>),
    versions: Vec<String>,
    source: ValidSource,
}

/// What was seen, with what a write needs to hold only if nothing has changed since.
pub struct Seen {
    /// The data that the decision is made from.
    pub observed: Observed,
    /// The resource's version as it was read.
    pub version: Option<String>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// The source for a later pass.
    pub memo: Option<Memo>,
    /// The UID that events bear which tell why a run does not start.
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

/// Reads one resource's world.
pub struct Observer<'a> {
    /// For all but Leases.
    pub client: &'a Client,
    /// For Leases.
    pub leases: &'a Leases,
    /// For sources.
    pub rooms: &'a Rooms,
    /// For events.
    pub complaints: &'a Complaints,
}

impl Observer<'_> {
    /// Reads a resource and what belongs to it; none where there is no such resource.
    ///
    /// The resource is read anew, not taken from the watch: that may lag behind our own last write.
    ///
    /// # Errors
    ///
    /// [`ObserveError`]: a call failed. Nothing has been decided then.
    pub async fn observe(
        &self,
        (namespace, name): (&str, &str),
        hints: Hints<'_>,
        now: Timestamp,
    ) -> Result<Option<Seen>, ObserveError> {
        let api: Api<SchemaMigration> = self.api(namespace);
        let Some(mut object) = api.get_opt(name).await.map_err(reading("the SchemaMigration"))? else {
            return Ok(None);
        };
        let inline = object.spec.source.inline.take();
        let (version, finalizers) = (object.resource_version(), object.finalizers().to_vec());
        let resource = plain(object);
        let mut seen =
            Belongings { lease_name: names::database_lease(&resource.spec.database), ..Belongings::default() };
        if resource.has_finalizer {
            seen = self.children(&resource, hints).await?;
        }
        // A run that has begun goes on, whatever its source has become; one that waits may be taken back for it.
        let has_begun = seen
            .children
            .jobs
            .iter()
            .any(|job| matches!(job.state, JobState::Running { .. }) && !is_recorded(&resource, job));
        let Read { source, memo, room } = if has_begun || resource.deleting || resource.spec.suspend {
            Read { source: Source::NotRead, memo: hints.memo.cloned(), room: None }
        } else {
            self.source(&resource, inline, hints.memo).await?
        };
        if !resource.has_finalizer && !decide::is_at_rest(&resource, &source, now) {
            seen = self.children(&resource, hints).await?;
        }
        let Belongings { children, lease, lease_name, subject } = seen;
        let observed = Observed { resource, source, children };
        Ok(Some(Seen { observed, version, finalizers, memo, subject, reworded: None, lease, room, lease_name }))
    }

    /// Looks again at what goes on, as far as the watches do not tell it: at the newest lines of a run's log, or at what
    /// keeps it from starting. All else is as it was, or a watch would have told.
    pub async fn refresh(&self, seen: &mut Seen, hints: Hints<'_>) {
        let Observed { resource, children, .. } = &mut seen.observed;
        for job in &mut children.jobs {
            match &mut job.state {
                JobState::Running { pod, events } => {
                    let newest = self.events(&resource.namespace, pod).await;
                    if !newest.is_empty() {
                        *events = newest;
                    }
                }
                JobState::Waiting { reason } => {
                    let heard = match (hints.said, &seen.subject) {
                        (Some(said), _) => Some(said.to_owned()),
                        (None, Some(uid)) => {
                            self.complaints.about(self.client, &resource.namespace, uid, hints.crowd).await
                        }
                        (None, None) => None,
                    };
                    let heard = heard.map(|words| pod::without_suffix(&words, &job.name));
                    let may_change = seen.reworded.is_none_or(|at| at.elapsed() >= WORDS_HOLD);
                    if heard.is_some() && heard != *reason && (reason.is_none() || may_change) {
                        *reason = heard;
                        seen.reworded = Some(Instant::now());
                    }
                }
                JobState::Suspended | JobState::Ended(_) => {}
            }
        }
        children.lease = self.leases.look(&resource.namespace, &seen.lease_name, seen.lease.as_ref(), &resource.name);
    }

    /// Reads the source, one `ConfigMap` after the other, and no further than its limits.
    async fn source(
        &self,
        resource: &Resource,
        inline: Option<InlineSource>,
        memo: Option<&Memo>,
    ) -> Result<Read, ObserveError> {
        let asked = asked(resource);
        if inline.is_none()
            && let Some(memo) = memo.filter(|memo| memo.asked == asked)
            && self.versions(resource).await? == memo.versions
        {
            return Ok(Read { source: Source::Valid(memo.source.clone()), memo: Some(memo.clone()), room: None });
        }
        let is_inline = inline.is_some();
        let mut versions = Vec::new();
        // An inline source is in memory with its resource already.
        let mut room = if is_inline { None } else { Some(self.rooms.enter().await?) };
        let api: Api<ConfigMap> = self.api(&resource.namespace);
        let mut gathered = Gathered::of_inline(inline);
        let references = resource.spec.source.config_maps.as_deref().unwrap_or_default();
        for reference in references {
            if gathered.is_full() {
                break;
            }
            let found = api.get_opt(&reference.name).await.map_err(reading("a ConfigMap of the source"))?;
            versions.push(found.as_ref().map(|map| version_of(&map.metadata)).unwrap_or_default());
            let map = SourceConfigMap { name: reference.name.clone(), files: found.map(files_of) };
            gathered.add(map, references.len());
            if let Some(room) = &mut room {
                self.rooms.grow(room, gathered.bytes())?;
            }
        }
        let (engine, gaps) = (resource.spec.database.engine, resource.spec.source.gaps);
        let room = room.filter(|_| gathered.bytes() > NO_ROOM);
        let source = tokio::task::spawn_blocking(move || gathered.verify(engine, gaps)).await?;
        let Source::Valid(valid) = &source else { return Ok(Read { source, memo: None, room: None }) };
        let memo = Memo { asked, versions, source: valid.without_files() };
        Ok(Read { memo: (!is_inline).then_some(memo), source, room })
    }

    /// The versions of a source's `ConfigMap`s.
    async fn versions(&self, resource: &Resource) -> Result<Vec<String>, ObserveError> {
        let api: Api<PartialObjectMeta<ConfigMap>> = self.api(&resource.namespace);
        let mut versions = Vec::new();
        for reference in resource.spec.source.config_maps.iter().flatten() {
            let found = api.get_opt(&reference.name).await.map_err(reading("a ConfigMap's version"))?;
            versions.push(found.map(|map| version_of(&map.metadata)).unwrap_or_default());
        }
        Ok(versions)
    }

    /// What was made for a resource, and the Lease that goes with it.
    async fn children(&self, resource: &Resource, hints: Hints<'_>) -> Result<Belongings, ObserveError> {
        let ours = ListParams::default().labels(&names::selector(&resource.name));
        let jobs: Api<KubeJob> = self.api(&resource.namespace);
        let pods: Api<Pod> = self.api(&resource.namespace);
        let maps: Api<PartialObjectMeta<ConfigMap>> = self.api(&resource.namespace);
        // Jobs before pods: a pod that appears in between belongs to a Job that is listed already.
        let jobs = jobs.list(&ours).await.map_err(reading("Jobs"))?.items;
        let pods = pods.list(&ours).await.map_err(reading("pods"))?.items;
        let maps = maps.list(&ours).await.map_err(reading("frozen ConfigMaps"))?.items;
        let uid = resource.uid.as_str();
        let (mut seen, mut subject) = (Vec::new(), None);
        for job in jobs.iter().filter(|job| pod::is_controlled_by(job.owner_references(), uid)) {
            seen.push(self.job(resource, job, &pods, (hints, &mut subject)).await);
        }
        let frozen = maps.iter().filter(|map| pod::is_controlled_by(map.owner_references(), uid)).map(frozen_of);
        let frozen = frozen.collect();
        let stray_pods = stray_pods(resource, &seen, &pods);
        let database = seen.iter().find(|job| has_database(resource, job)).and_then(|job| job.database.as_ref());
        let name = names::database_lease(database.unwrap_or(&resource.spec.database));
        let record = self.leases.get(&resource.namespace, &name).await?;
        let lease = self.leases.look(&resource.namespace, &name, record.as_ref(), &resource.name);
        let children = Children { jobs: seen, stray_pods, frozen, lease };
        Ok(Belongings { children, lease: record, lease_name: name, subject })
    }

    async fn job(
        &self,
        resource: &Resource,
        job: &KubeJob,
        pods: &[Pod],
        (hints, subject): (Hints<'_>, &mut Option<String>),
    ) -> Job {
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
            let name = pod.name_any();
            JobState::Running { events: self.events(&resource.namespace, &name).await, pod: name }
        } else {
            *subject = newest.map_or_else(|| job.uid(), ResourceExt::uid);
            let reason = match newest.and_then(pod::complaint) {
                Some(complaint) => Some(complaint),
                None => self.complaint(resource, job, subject.as_deref(), hints).await,
            };
            JobState::Waiting { reason }
        };
        let deleting = job.metadata.deletion_timestamp.is_some();
        Job { name: job.name_any(), uid, origin: pod::origin(job), database: pod::database(job), deleting, state }
    }

    /// The newest events of a run. A log that cannot be read is no reason to stop: it only shows progress.
    async fn events(&self, namespace: &str, pod: &str) -> Vec<crate::report::Event> {
        let api: Api<Pod> = self.api(namespace);
        let parameters =
            LogParams { container: Some(CONTAINER.to_owned()), tail_lines: Some(LOG_LINES), ..LogParams::default() };
        match api.logs(pod, &parameters).await {
            Ok(log) => progress::events(&log),
            Err(error) => {
                tracing::debug!(%error, "the run's log cannot be read");
                Vec::new()
            }
        }
    }

    /// Why a pod does not start, where its status does not say it: a volume that cannot be mounted and a pod that cannot
    /// be made leave no trace but an event. Not asked of a Job that is new, since most pods just start.
    async fn complaint(
        &self,
        resource: &Resource,
        job: &KubeJob,
        subject: Option<&str>,
        hints: Hints<'_>,
    ) -> Option<String> {
        let age = job.creation_timestamp().map(|made| Timestamp::now().duration_since(made.0).as_secs());
        if age.is_some_and(|age| age < FIRST_QUESTION) {
            return None;
        }
        let words = self.complaints.about(self.client, &resource.namespace, subject?, hints.crowd).await?;
        Some(pod::without_suffix(&words, &job.name_any()))
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

/// What belongs to a resource.
#[derive(Default)]
struct Belongings {
    children: Children,
    lease: Option<LeaseRecord>,
    lease_name: String,
    subject: Option<String>,
}

/// A source as it was read.
struct Read {
    source: Source,
    memo: Option<Memo>,
    room: Option<Room>,
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

    /// Keeps no more than [`Observer::refresh`] and a decision about what goes on need: for each run that goes on, this is
    /// in memory as long as it does.
    pub fn keep_little(&mut self) {
        let Observed { resource, source, .. } = &mut self.observed;
        *source = Source::NotRead;
        resource.spec.job = JobSpec::default();
        resource.spec.source.config_maps = None;
        (self.memo, self.room) = (None, None);
    }
}

/// What a source depends on beside the content of its `ConfigMap`s.
fn asked(resource: &Resource) -> (Engine, Gaps, Vec<String>) {
    let names = resource.spec.source.config_maps.iter().flatten().map(|reference| reference.name.clone());
    (resource.spec.database.engine, resource.spec.source.gaps, names.collect())
}

/// What changes with an object's content.
fn version_of(metadata: &ObjectMeta) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    format!("{} {}", text(&metadata.uid), text(&metadata.resource_version))
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
