//! A test's part of the cluster: a namespace under *restricted* Pod Security, a database, a Secret with its URL, and
//! short ways to write resources and wait for them.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod, Secret};
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use schemaward::api::{SchemaMigration, SchemaMigrationStatus, condition};
use serde_json::{Value, json};

use super::database::Database;
use super::environment::{Environment, unique};
use super::kstatus::{Kstatus, find, is_true, kstatus};
use super::source::Files;
use super::waiting::{self, Object};
use super::witness::Witness;

/// The Secret that every sandbox starts with, and its key.
pub const SECRET: &str = "database";
pub const KEY: &str = "url";
const MANAGER: &str = "cluster-tests";

pub struct Sandbox {
    pub environment: Environment,
    pub client: Client,
    pub namespace: String,
    pub database: Database,
    /// A part of the database's password that occurs nowhere else by chance.
    pub canary: String,
    pub witness: Witness,
}

pub trait Namespaced: Object + kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> {}
impl<K: Object + kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>> Namespaced for K {}

impl Sandbox {
    pub async fn create(slug: &str) -> Self {
        let environment = Environment::read();
        let client = Client::try_default().await.expect("KUBECONFIG: make cluster-up, then . .local/cluster.env");
        let id = unique();
        let namespace = format!("t-{slug}-{id}");
        let canary = format!("canary{}{}", unique(), unique());
        // A URL must escape this character: code that takes the URL apart by hand gets it wrong.
        let password = format!("{canary}@x");
        let name = format!("t_{}_{id}", slug.replace('-', "_"));
        let database =
            Database::create(&environment.postgres_url, &environment.postgres_pod_url, &name, &password).await;
        create_namespace(&client, &namespace).await;
        let witness = Witness::start(&client, &namespace);
        let sandbox = Self { environment, client, namespace, database, canary, witness };
        sandbox.secret(SECRET, KEY, &sandbox.database.pod_url).await;
        sandbox
    }

    /// Deletes resources first, so that the operator sees an orderly end. The API server removes the rest.
    pub async fn remove(&self) {
        let resources: Api<SchemaMigration> = self.api();
        for resource in resources.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default() {
            let _ = resources.delete(&resource.name_any(), &DeleteParams::default()).await;
            // A broken operator must not keep the namespace forever.
            let gone = tokio::time::timeout(std::time::Duration::from_secs(20), self.wait_gone(&resource)).await;
            if gone.is_err() {
                let free = json!({"metadata": {"finalizers": null}});
                let _ = resources.patch(&resource.name_any(), &PatchParams::default(), &Patch::Merge(free)).await;
            }
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces.delete(&self.namespace, &DeleteParams::default()).await;
        self.database.remove().await;
    }

    pub fn api<K: Namespaced>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn list<K: Namespaced>(&self) -> Vec<K> {
        self.api::<K>().list(&ListParams::default()).await.expect("listing").items
    }

    async fn apply_object<K: Namespaced>(&self, name: &str, object: &Value) -> K {
        let parameters = PatchParams::apply(MANAGER).force();
        let applied = self.api::<K>().patch(name, &parameters, &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("applying {name}: {error}"))
    }

    /// Writes a Secret with a single key.
    pub async fn secret(&self, name: &str, key: &str, value: &str) {
        let object =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: value}});
        self.apply_object::<Secret>(name, &object).await;
    }

    /// Writes a ConfigMap with exactly these files.
    pub async fn config_map(&self, name: &str, files: &Files) {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files});
        self.apply_object::<ConfigMap>(name, &object).await;
    }

    /// Applies a resource for the sandbox's database, with delays short enough for a test.
    pub async fn apply(&self, name: &str, source: Value) -> SchemaMigration {
        self.apply_with(name, source, json!({})).await
    }

    /// The same, with fields of the spec added or replaced.
    pub async fn apply_with(&self, name: &str, source: Value, fields: Value) -> SchemaMigration {
        let mut spec = json!({
            "database": {"engine": "postgres", "urlSecretRef": {"name": SECRET, "key": KEY}},
            "source": source,
            "lockTimeout": "2s",
            "retry": {"limit": 30, "initialDelay": "1s", "maxDelay": "2s"},
        });
        for (field, value) in fields.as_object().expect("an object of spec fields") {
            spec[field] = value.clone();
        }
        let object = json!({
            "apiVersion": "schemaward.dev/v1alpha1", "kind": "SchemaMigration",
            "metadata": {"name": name}, "spec": spec,
        });
        self.apply_object(name, &object).await
    }

    pub async fn patch(&self, name: &str, change: Value) -> SchemaMigration {
        let patched = self.api::<SchemaMigration>().patch(name, &PatchParams::default(), &Patch::Merge(change)).await;
        patched.expect("patching the resource")
    }

    pub async fn get(&self, name: &str) -> SchemaMigration {
        self.api::<SchemaMigration>().get(name).await.expect("reading the resource")
    }

    /// Waits until an existing resource is as `condition` says.
    pub async fn wait_for(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&SchemaMigration) -> bool,
    ) -> SchemaMigration {
        let found = waiting::object(self.api(), name, what, |seen| seen.is_some_and(&condition)).await;
        found.expect("seen by the condition")
    }

    /// Waits until kstatus calls the resource Current, as `kubectl wait`, Helm and Flux do.
    pub async fn wait_ready(&self, name: &str) -> SchemaMigration {
        self.wait_for(name, "Ready", |seen| kstatus(seen) == Kstatus::Current && is_true(seen, condition::READY)).await
    }

    /// Waits until it is Ready with these files: after a change of a ConfigMap alone, the old Ready remains for a
    /// moment.
    pub async fn wait_ready_with(&self, name: &str, files: &Files) -> SchemaMigration {
        let hash = super::source::hash(files);
        self.wait_for(name, &format!("Ready with the source {hash}"), |seen| {
            kstatus(seen) == Kstatus::Current && status(seen).source_hash.as_deref() == Some(&hash)
        })
        .await
    }

    /// Waits until kstatus calls the resource Failed for this reason.
    pub async fn wait_stalled(&self, name: &str, reason: &str) -> SchemaMigration {
        self.wait_for(name, &format!("Stalled with {reason}"), |seen| {
            kstatus(seen) == Kstatus::Failed && find(seen, condition::STALLED).is_some_and(|(_, r, _)| r == reason)
        })
        .await
    }

    /// Waits until a failed attempt is to be retried.
    pub async fn wait_retrying(&self, name: &str) -> SchemaMigration {
        self.wait_for(name, "waiting for a retry", |seen| {
            kstatus(seen) == Kstatus::InProgress
                && status(seen).last_error.as_ref().is_some_and(|error| error.retry_at.is_some())
        })
        .await
    }

    /// Waits until this very object is gone.
    pub async fn wait_gone<K: Namespaced>(&self, object: &K) {
        let uid = object.uid();
        waiting::object(self.api::<K>(), &object.name_any(), "gone", |seen| seen.is_none_or(|seen| seen.uid() != uid))
            .await;
    }

    /// All Jobs ever created for a resource, oldest first.
    pub fn jobs(&self, name: &str) -> Vec<Job> {
        made_for(self.witness.jobs.objects(), name)
    }

    /// All pods that ever ran for a resource, each as last seen.
    pub fn pods(&self, name: &str) -> Vec<Pod> {
        made_for(self.witness.pods.objects(), name)
    }

    /// All ConfigMaps that ever held a resource's frozen source.
    pub fn frozen(&self, name: &str) -> Vec<ConfigMap> {
        made_for(self.witness.config_maps.objects(), name)
    }

    /// Everything that the operator created for a resource and that still exists: kinds and names.
    pub async fn left_of(&self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(made_for(self.list::<Job>().await, name).iter().map(|job| format!("Job {}", job.name_any())));
        all.extend(made_for(self.list::<Pod>().await, name).iter().map(|pod| format!("Pod {}", pod.name_any())));
        let maps = made_for(self.list::<ConfigMap>().await, name);
        all.extend(maps.iter().map(|map| format!("ConfigMap {}", map.name_any())));
        all
    }

    /// All Leases that ever existed, each as last held.
    pub fn leases(&self) -> Vec<Lease> {
        let mut leases = self.witness.leases.objects();
        leases.retain(|lease| lease.name_any().starts_with("schemaward-db-"));
        leases
    }

    pub async fn wait_event(&self, name: &str, reason: &str) -> Event {
        let fields = format!("involvedObject.name={name},reason={reason}");
        let selection = kube::runtime::watcher::Config::default().fields(&fields);
        let what = format!("an event {reason} about {name}");
        let found = waiting::objects(self.api::<Event>(), selection, &what, |events| !events.is_empty()).await;
        found.into_iter().next().expect("one at least")
    }

    /// The reasons of all events about a resource.
    pub async fn event_reasons(&self, name: &str) -> Vec<String> {
        let events: Vec<Event> = self.list().await;
        let about = |event: &Event| event.involved_object.name.as_deref() == Some(name);
        events.into_iter().filter(about).filter_map(|event| event.reason).collect()
    }

    /// Waits until the run's pod executes a statement that contains `fragment`, and the API server knows that the pod
    /// runs.
    pub async fn wait_running(&self, name: &str, fragment: &str) -> Pod {
        self.database.wait_for_statement(fragment).await;
        let mine = kube::runtime::watcher::Config::default().labels(&format!("schemaward.dev/migration={name}"));
        let running = |pod: &Pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running");
        let what = format!("the pod of {name} runs");
        let pods = waiting::objects(self.api::<Pod>(), mine, &what, |pods| pods.iter().any(running)).await;
        pods.into_iter().find(running).expect("seen by the condition")
    }
}

/// The objects created for a resource, by their label.
fn made_for<K: kube::Resource>(mut objects: Vec<K>, name: &str) -> Vec<K> {
    objects.retain(|object| object.labels().get("schemaward.dev/migration").map(String::as_str) == Some(name));
    objects
}

/// The resource's status; empty if it has none yet.
pub fn status(resource: &SchemaMigration) -> SchemaMigrationStatus {
    resource.status.clone().unwrap_or_default()
}

async fn create_namespace(client: &Client, name: &str) {
    let levels = ["enforce", "warn", "audit"]
        .map(|mode| (format!("pod-security.kubernetes.io/{mode}"), "restricted".to_owned()));
    let metadata =
        ObjectMeta { name: Some(name.to_owned()), labels: Some(BTreeMap::from(levels)), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await.expect("making the test's namespace");
}
