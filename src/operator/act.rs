//! Carries a decision out: the status first, then its effects in their order. Each write holds only if what
//! it was decided on is still so, or finds its work done already.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease as LeaseRecord;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, PartialObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Request;
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;
use serde_json::json;

use super::answers::briefly;
use super::decision::{Decision, Effect, RunOrder};
use super::job;
use super::lease::{Claim, DATABASE_LEASE_DURATION, LeaseError, Leases, Marks};
use super::observed::Resource;
use super::refusal::{self, Refusal, words};
use super::seen::{Left, Seen};
use super::source::{self, Source, ValidSource};
use super::{names, pod, status};
use crate::api::{FINALIZER, SchemaMigration, SchemaMigrationStatus};

/// Why a write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The resource was written after we read it: look again.
    #[error("the SchemaMigration was written by another in the meantime")]
    Outdated,
    /// Another resource was faster, or the Lease's state is unknown: look again.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The API server did not take an object.
    #[error("the cluster refused {}: {}", .0.what, .0.said)]
    Refused(Refusal),
    /// A call failed.
    #[error("{what} failed: {}", words(.source))]
    Write {
        /// What was to be done.
        what: &'static str,
        /// What the client says.
        #[source]
        source: Box<kube::Error>,
    },
    /// A status that is not valid JSON, which no input can cause.
    #[error("the status cannot be written as JSON: {0}")]
    Status(#[from] serde_json::Error),
}

impl ActError {
    /// What was asked of the cluster in vain.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Write { what, source } => Refusal::new((*what).to_owned(), source),
            Self::Lease(error) => error.refusal(),
            Self::Outdated | Self::Status(_) => Refusal::unanswered("a write".to_owned(), self.to_string()),
        }
    }
}

/// Who writes the status, as `managedFields` shows it.
const FIELD_MANAGER: &str = "schemaward";

/// Writes for one resource. Keeps its version, so that the next write holds only on top of this one.
pub struct Actor<'a> {
    client: &'a Client,
    leases: &'a Leases,
    image: &'a str,
    resource: &'a Resource,
    source: &'a Source,
    lease: Option<LeaseRecord>,
    lease_name: &'a str,
    version: Option<String>,
    versions: Vec<String>,
    finalizers: Vec<String>,
    written: SchemaMigrationStatus,
}

impl<'a> Actor<'a> {
    /// For what was just seen. `image` is the runner's.
    pub fn new(client: &'a Client, leases: &'a Leases, image: &'a str, seen: &'a Seen) -> Self {
        Self {
            client,
            leases,
            image,
            resource: &seen.observed.resource,
            source: &seen.observed.source,
            lease: seen.lease.clone(),
            lease_name: &seen.lease_name,
            version: seen.version.clone(),
            versions: Vec::new(),
            finalizers: seen.finalizers.clone(),
            written: seen.observed.resource.status.clone(),
        }
    }

    /// How all is now that was written.
    #[must_use]
    pub fn left(self) -> Left {
        let Self { version, versions, finalizers, written, lease, .. } = self;
        Left { version, versions, finalizers, status: written, lease }
    }

    /// Writes the status, where it changes. One that is found too large is written without what is dispensable.
    ///
    /// # Errors
    ///
    /// [`ActError`]: it was not written, and no effect may follow.
    pub async fn write_status(&mut self, status: &SchemaMigrationStatus) -> Result<bool, ActError> {
        match self.patch_status(status).await {
            Err(ActError::Write { source, .. }) if refusal::is_too_large(&source) => {
                self.patch_status(&status::slim(status)).await
            }
            done => done,
        }
    }

    async fn patch_status(&mut self, status: &SchemaMigrationStatus) -> Result<bool, ActError> {
        let place = (self.resource.name.as_str(), self.version.as_deref());
        let Some(version) = patch_status(&self.api(), place, &self.written, status).await? else { return Ok(false) };
        self.note_version(version);
        self.written = status.clone();
        Ok(true)
    }

    /// Carries the effects out.
    ///
    /// # Errors
    ///
    /// [`ActError`]: the effect that failed; those after it were not tried.
    pub async fn carry_out(&mut self, decision: &Decision) -> Result<(), ActError> {
        for effect in &decision.effects {
            tracing::debug!(?effect, "carrying out");
            let Err(error) = self.effect(effect).await else { continue };
            if let ActError::Refused(_) = &error {
                // Until it is accepted, others may use the database.
                if let Some(record) = self.lease.take() {
                    self.leases.remove(&record).await?;
                }
            }
            return Err(error);
        }
        Ok(())
    }

    async fn effect(&mut self, effect: &Effect) -> Result<(), ActError> {
        match effect {
            Effect::AddFinalizer => {
                let mut finalizers = self.finalizers.clone();
                finalizers.push(FINALIZER.to_owned());
                self.write_finalizers(finalizers).await
            }
            Effect::RemoveFinalizer => {
                let finalizers = self.finalizers.iter().filter(|name| *name != FINALIZER).cloned().collect();
                self.write_finalizers(finalizers).await
            }
            Effect::TakeLease => self.take_lease().await,
            Effect::RenewLease => {
                if let Some(record) = &self.lease {
                    self.lease = Some(self.leases.renew(record).await?);
                }
                Ok(())
            }
            Effect::ReleaseLease => match self.lease.take() {
                Some(record) => Ok(self.leases.remove(&record).await?),
                None => Ok(()),
            },
            Effect::FreezeSource => self.freeze().await,
            Effect::CreateJob(order) => Box::pin(self.create_job(order)).await,
            Effect::DeleteJob { name, uid } => {
                deleted(self.api::<Job>().delete(name, &DeleteParams::foreground().preconditions(only(uid))).await)
            }
            Effect::DeleteFrozen { name, uid } => {
                let parameters = DeleteParams::default().preconditions(only(uid));
                deleted(self.api::<ConfigMap>().delete(name, &parameters).await)
            }
        }
    }

    async fn write_finalizers(&mut self, finalizers: Vec<String>) -> Result<(), ActError> {
        let patch = json!({"metadata": {"resourceVersion": self.version, "finalizers": finalizers}});
        let api = self.api::<SchemaMigration>();
        let answer = api.patch_metadata(&self.resource.name, &parameters(), &Patch::Merge(&patch)).await;
        self.note_version(answer.map_err(writing("writing the finalizer"))?.resource_version());
        self.finalizers = finalizers;
        Ok(())
    }

    fn note_version(&mut self, version: Option<String>) {
        self.versions.extend(version.clone());
        self.version = version;
    }

    async fn take_lease(&mut self) -> Result<(), ActError> {
        let claim = Claim { holder: &self.resource.name, duration: DATABASE_LEASE_DURATION };
        let place = (self.resource.namespace.as_str(), self.lease_name);
        let marks = Marks { labels: names::labels(&self.resource.name), owner: Some(job::owner(self.resource)) };
        self.lease = Some(self.leases.take(place, self.lease.as_ref(), claim, marks).await?);
        Ok(())
    }

    async fn freeze(&self) -> Result<(), ActError> {
        let Source::Valid(ValidSource { hash, files: Some(files), .. }) = self.source else { return Ok(()) };
        let Resource { name, uid, .. } = self.resource;
        for (part, files) in source::parts(files).iter().enumerate() {
            match self.create_briefly(&job::frozen(self.resource, hash, part, files)).await {
                // Names follow from what they are for. The runner compares what it finds with the hash it is given.
                Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                answer => created::<ConfigMap, _>(&names::frozen_name(name, uid, hash, part), answer)?,
            }
        }
        Ok(())
    }

    /// Creates an object, of whose answer nothing is needed.
    async fn create_briefly<K>(&self, object: &K) -> kube::Result<()>
    where
        K: kube::Resource<DynamicType = ()> + Serialize,
    {
        let request = Request::new(K::url_path(&(), Some(&self.resource.namespace)));
        let data = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request = request.create(&PostParams::default(), data).map_err(kube::Error::BuildRequest)?;
        self.client.request_text(briefly(request)).await.map(drop)
    }

    /// Makes the Job and keeps its UID: from then on no namesake is taken for it.
    async fn create_job(&mut self, order: &RunOrder) -> Result<(), ActError> {
        let job = job::job(self.resource, order, self.image);
        let api = self.api::<Job>();
        let made = match api.create(&PostParams::default(), &job).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let there = api.get(&order.name).await.map_err(writing("reading the Job"))?;
                if !pod::is_controlled_by(there.owner_references(), &self.resource.uid) {
                    return Err(ActError::Refused(Refusal {
                        what: format!("Job {:?}", order.name),
                        said: "another Job of that name is there, which Schemaward did not make".to_owned(),
                        advice: "delete that Job",
                    }));
                }
                there
            }
            answer => created::<Job, _>(&order.name, answer)?,
        };
        let mut status = self.written.clone();
        if let Some(run) = status.run.as_mut().filter(|run| run.name == order.name) {
            run.job_uid = made.uid();
            self.write_status(&status).await?;
        }
        Ok(())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.resource.namespace)
    }
}

/// Writes the status over the one that was read, provided that nobody has written since. Returns the new version.
///
/// # Errors
///
/// [`ActError`]: it was not written.
pub async fn replace_status(
    api: &Api<SchemaMigration>,
    object: &SchemaMigration,
    status: &SchemaMigrationStatus,
) -> Result<Option<String>, ActError> {
    let (name, version) = (object.name_any(), object.resource_version());
    let before = object.status.clone().unwrap_or_default();
    for status in [status, &status::slim(status)] {
        match patch_status(api, (&name, version.as_deref()), &before, status).await {
            Err(ActError::Write { source, .. }) if refusal::is_too_large(&source) => {}
            done => return done.map(Option::flatten),
        }
    }
    Ok(None)
}

/// The object's new version; none where nothing is to be changed.
async fn patch_status(
    api: &Api<SchemaMigration>,
    (name, version): (&str, Option<&str>),
    before: &SchemaMigrationStatus,
    status: &SchemaMigrationStatus,
) -> Result<Option<Option<String>>, ActError> {
    let (from, to) = (serde_json::to_value(before)?, serde_json::to_value(status)?);
    let Some(change) = status::merge_patch(&from, &to) else { return Ok(None) };
    let patch = json!({"metadata": {"resourceVersion": version}, "status": change});
    let request = Request::new(api.resource_url());
    let request = request.patch_subresource("status", name, &parameters(), &Patch::Merge(&patch));
    let request = briefly(request.map_err(|error| writing("writing the status")(kube::Error::BuildRequest(error)))?);
    let answer = api.clone().into_client().request::<PartialObjectMeta<SchemaMigration>>(request).await;
    Ok(Some(answer.map_err(writing("writing the status"))?.resource_version()))
}

fn parameters() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

fn only(uid: &str) -> Preconditions {
    Preconditions { uid: Some(uid.to_owned()), resource_version: None }
}

fn writing(what: &'static str) -> impl FnOnce(kube::Error) -> ActError {
    move |source| match &source {
        // Gone counts as written by another, too: the next look finds nothing and ends.
        kube::Error::Api(status) if matches!(status.code, 404 | 409) => ActError::Outdated,
        _ => ActError::Write { what, source: Box::new(source) },
    }
}

fn created<K, T>(name: &str, answer: Result<T, kube::Error>) -> Result<T, ActError>
where
    K: kube::Resource<DynamicType = ()>,
{
    answer.map_err(|error| match &error {
        kube::Error::Api(_) => ActError::Refused(Refusal::new(format!("{} {name:?}", K::kind(&())), &error)),
        _ => ActError::Write { what: "creating an object", source: Box::new(error) },
    })
}

/// Gone already, or replaced by another object of this name: either way ours no longer exists.
fn deleted<T>(answer: Result<T, kube::Error>) -> Result<(), ActError> {
    match answer {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(source) => Err(ActError::Write { what: "deleting an object", source: Box::new(source) }),
        Ok(_) => Ok(()),
    }
}
