//! Reads what a decision depends on, and nothing else. Never writes, never reads a Secret.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job as KubeJob;
use k8s_openapi::api::coordination::v1::Lease as LeaseRecord;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{ListParams, LogParams, PartialObjectMeta};
use kube::{Api, Client, Resource as _, ResourceExt};
use serde::de::DeserializeOwned;

use super::answers::{AnswerError, Answers, Extent};
use super::complaints::Complaints;
use super::gather::{self, Memo, Read};
use super::job::CONTAINER;
use super::lease::Leases;
use super::observe_error::{ObserveError, THE_RESOURCE, reading};
use super::observed::{Children, Ended, Frozen, Job, JobState, Observed, Resource};
use super::pod;
use super::refusal::words;
use super::room::{Room, Rooms};
use super::seen::{Seen, plain};
use super::source::Source;
use super::{decide, names, progress};
use crate::api::SchemaMigration;

/// How many lines of a run's log are read: enough for the newest progress.
const LOG_LINES: i64 = 40;
/// How many objects of ours one page of a list may have: a resource has one or two of each kind.
const PAGE: u32 = 50;
/// How long the words stay that say why a run does not start: some change with every try, and each write costs.
const WORDS_HOLD: Duration = Duration::from_mins(3);
/// How old a Job is, in seconds, before it is asked why its pod does not start.
const FIRST_QUESTION: i64 = 2;

/// What a pass goes by beside what it reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The source as it was when it was last read.
    pub memo: Option<&'a Memo>,
    /// How many runs wait for their pods in the namespace.
    pub crowd: usize,
    /// Why the run's pod does not start, where the watch has reported it.
    pub said: Option<&'a str>,
}

/// Reads one resource's world.
pub struct Observer<'a> {
    /// For all but Leases.
    pub client: &'a Client,
    pub leases: &'a Leases,
    pub rooms: &'a Rooms,
    pub complaints: &'a Complaints,
    /// The image that a run would be given now.
    pub runner_image: &'a str,
}

impl Observer<'_> {
    /// Reads a resource and what belongs to it; none if the resource does not exist.
    ///
    /// The resource is read again, not taken from the watch, which may lag behind our own last write.
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
        let mut room = Room::default();
        let path = SchemaMigration::url_path(&(), Some(namespace));
        let found = self.answers().get::<SchemaMigration>(&path, (name, Extent::Whole), (&mut room, 0)).await;
        let Some(mut object) = found.map_err(reading(THE_RESOURCE))? else { return Ok(None) };
        let inline = object.spec.source.inline.take();
        let held = inline.iter().flat_map(|inline| &inline.files).map(|(name, text)| name.len() + text.len()).sum();
        room.shrink(held);
        let (version, finalizers) = (object.resource_version(), object.finalizers().to_vec());
        let resource = plain(object);
        let mut seen =
            Belongings { lease_name: names::database_lease(&resource.spec.database), ..Belongings::default() };
        if resource.has_finalizer {
            seen = self.children(&resource, hints, (&mut room, held)).await?;
        }
        // A run that has started continues, whatever its source has become; one that waits may be withdrawn for it.
        let has_begun = seen
            .children
            .jobs
            .iter()
            .any(|job| matches!(job.state, JobState::Running { .. }) && !is_recorded(&resource, job));
        let Read { source, memo, room } = if has_begun || resource.deleting || resource.spec.suspend {
            Read { source: Source::NotRead, memo: hints.memo.cloned(), room: None }
        } else {
            gather::source(self.answers(), &resource, inline, hints.memo, room).await?
        };
        let mut room = room.unwrap_or_default();
        if !resource.has_finalizer && !decide::is_at_rest(&resource, &source, now) {
            let held = source.bytes();
            seen = self.children(&resource, hints, (&mut room, held)).await?;
        }
        let Belongings { children, lease, lease_name, subject } = seen;
        let observed = Observed { resource, source, children, runner_image: self.runner_image.to_owned() };
        Ok(Some(Seen {
            observed,
            version,
            finalizers,
            memo,
            subject,
            reworded: None,
            lease,
            room: Some(room),
            lease_name,
        }))
    }

    /// Looks again at a run in progress, as far as the watches do not report it: at the newest lines of its log, or at
    /// what keeps it from starting. Everything else is unchanged, or a watch would have reported it.
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

    /// What was made for a resource, and the Lease that goes with it.
    async fn children(
        &self,
        resource: &Resource,
        hints: Hints<'_>,
        (room, held): (&mut Room, usize),
    ) -> Result<Belongings, ObserveError> {
        let uid = resource.uid.as_str();
        // Jobs before pods: a pod that appears in between belongs to a Job that is already listed. Foreign objects with
        // our labels may be as numerous as the namespace's owner likes, so they are skipped page by page.
        let jobs = self.labelled(resource, Extent::Whole, (&mut *room, held), |job: KubeJob| {
            pod::is_controlled_by(job.owner_references(), uid).then_some(job)
        });
        let jobs = jobs.await.map_err(reading("Jobs"))?;
        let uids: Vec<String> = jobs.iter().filter_map(ResourceExt::uid).collect();
        let left = resource.status.run.as_ref().and_then(|run| run.job_uid.as_deref());
        let counts = |pod: &Pod| {
            uids.iter().any(|uid| pod::is_controlled_by(pod.owner_references(), uid))
                || left.is_some_and(|uid| pod::is_left_of(pod, uid))
        };
        let pods = self.labelled(resource, Extent::Whole, (&mut *room, held), |pod: Pod| counts(&pod).then_some(pod));
        let pods = pods.await.map_err(reading("pods"))?;
        let maps = self.labelled(resource, Extent::Metadata, (room, held), |map: PartialObjectMeta<ConfigMap>| {
            pod::is_controlled_by(map.owner_references(), uid).then(|| frozen_of(&map))
        });
        let frozen = maps.await.map_err(reading("frozen ConfigMaps"))?;
        let (mut seen, mut subject) = (Vec::new(), None);
        for job in &jobs {
            seen.push(self.job(resource, job, &pods, (hints, &mut subject)).await);
        }
        let stray_pods = stray_pods(resource, &seen, &pods);
        let database = seen.iter().find(|job| has_database(resource, job)).and_then(|job| job.database.as_ref());
        let name = names::database_lease(database.unwrap_or(&resource.spec.database));
        let record = self.leases.get(&resource.namespace, &name).await?;
        let lease = self.leases.look(&resource.namespace, &name, record.as_ref(), &resource.name);
        let children = Children { jobs: seen, stray_pods, frozen, lease };
        Ok(Belongings { children, lease: record, lease_name: name, subject })
    }

    /// The objects that have the labels of what is created for a resource.
    async fn labelled<K, U>(
        &self,
        resource: &Resource,
        extent: Extent,
        room: (&mut Room, usize),
        keep: impl FnMut(K) -> Option<U>,
    ) -> Result<Vec<U>, AnswerError>
    where
        K: kube::Resource<DynamicType = ()> + DeserializeOwned,
    {
        let selection = ListParams::default().labels(&names::selector(&resource.name)).limit(PAGE);
        let path = K::url_path(&(), Some(&resource.namespace));
        self.answers().list(&path, (selection, extent, usize::MAX), room, keep).await
    }

    /// Asks with room for the answers.
    pub fn answers(&self) -> Answers<'_> {
        Answers { client: self.client, rooms: self.rooms }
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
        let ended = |end| {
            let disruption = pod::disruption(&end, &own);
            JobState::Ended(Ended { runner: pod::runner_end(&own), disruption, job: end })
        };
        let state = if let Some(end) = pod::job_end(job) {
            ended(end)
        } else if pod::is_suspended(job) {
            JobState::Suspended
        } else if let Some(end) = newest.and_then(pod::early_end) {
            ended(end)
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
        let (origin, database, image) = (pod::origin(job), pod::database(job), pod::image(job, newest));
        Job { name: job.name_any(), uid, origin, database, image, deleting, state }
    }

    /// The newest events of a run. If the log cannot be read, that does not matter: it only shows progress.
    async fn events(&self, namespace: &str, pod: &str) -> Vec<crate::report::Event> {
        let api: Api<Pod> = self.api(namespace);
        let parameters =
            LogParams { container: Some(CONTAINER.to_owned()), tail_lines: Some(LOG_LINES), ..LogParams::default() };
        match api.logs(pod, &parameters).await {
            Ok(log) => progress::events(&log),
            Err(error) => {
                tracing::debug!(error = words(&error), "the run's log cannot be read");
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

/// Pods of the run's Job that are still running although that Job is gone. Others with our labels are not ours.
fn stray_pods(resource: &Resource, jobs: &[Job], pods: &[Pod]) -> Vec<String> {
    let Some(uid) = resource.status.run.as_ref().and_then(|run| run.job_uid.as_deref()) else { return Vec::new() };
    if jobs.iter().any(|job| job.uid == uid) {
        return Vec::new();
    }
    pods.iter().filter(|pod| pod::may_run(pod) && pod::is_left_of(pod, uid)).map(ResourceExt::name_any).collect()
}

/// Whether the relevant Lease is that of a Job's database: the Job is running, or its end is not recorded yet.
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

fn frozen_of(map: &PartialObjectMeta<ConfigMap>) -> Frozen {
    Frozen {
        name: map.name_any(),
        uid: map.uid().unwrap_or_default(),
        source_hash: map.annotations().get(names::SOURCE_HASH_ANNOTATION).cloned().unwrap_or_default(),
    }
}
