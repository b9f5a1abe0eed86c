//! Watches a test's namespace. Checks every status of a resource for the invariants, and keeps every object that the
//! operator creates and the logs of its pods, even if they are gone by now.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::LogParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use schemaward::api::{SchemaMigration, condition};
use tokio::task::JoinHandle;

use super::kstatus::{find, is_true};
use super::sandbox::Namespaced;

pub struct Witness {
    resources: Seen<SchemaMigration>,
    pub jobs: Seen<Job>,
    pub pods: Seen<Pod>,
    pub config_maps: Seen<ConfigMap>,
    pub leases: Seen<Lease>,
    logs: Arc<Mutex<BTreeMap<String, String>>>,
    follower: JoinHandle<()>,
}

impl Witness {
    pub fn start(client: &Client, namespace: &str) -> Self {
        let api = Api::namespaced(client.clone(), namespace);
        let logs = Arc::default();
        let follower = tokio::spawn(follow_pods(api, Arc::clone(&logs)));
        Self {
            resources: Seen::watch(client, namespace),
            jobs: Seen::watch(client, namespace),
            pods: Seen::watch(client, namespace),
            config_maps: Seen::watch(client, namespace),
            leases: Seen::watch(client, namespace),
            logs,
            follower,
        }
    }

    /// The logs of the pods, by pod.
    pub fn pod_logs(&self) -> BTreeMap<String, String> {
        self.logs.lock().expect("unpoisoned").clone()
    }

    /// Ends the watch and checks everything seen for the invariants.
    pub fn verify(&self) {
        self.follower.abort();
        for state in self.resources.all() {
            if let Some(broken) = broken_invariant(&state) {
                panic!(
                    "{} went through a state in which {broken}:\n{}",
                    state.name_any(),
                    super::waiting::yaml(&state)
                );
            }
        }
    }
}

/// Every state of every object of a kind, oldest first.
pub struct Seen<K> {
    states: Arc<Mutex<Vec<K>>>,
    task: JoinHandle<()>,
}

impl<K: Namespaced> Seen<K> {
    fn watch(client: &Client, namespace: &str) -> Self {
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        let states = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::clone(&states);
        let task = tokio::spawn(async move {
            let mut events = pin!(watcher(api, watcher::Config::default()).default_backoff());
            loop {
                match events.try_next().await {
                    Ok(Some(Event::InitApply(state) | Event::Apply(state) | Event::Delete(state))) => {
                        store.lock().expect("no test panics here").push(state);
                    }
                    Ok(Some(Event::Init | Event::InitDone)) | Err(_) => {}
                    Ok(None) => return,
                }
            }
        });
        Self { states, task }
    }

    fn all(&self) -> Vec<K> {
        self.states.lock().expect("unpoisoned").clone()
    }

    /// The last state of each object that ever existed, in the order they were first seen.
    pub fn objects(&self) -> Vec<K> {
        let mut last: Vec<K> = Vec::new();
        for state in self.all() {
            match last.iter_mut().find(|known| known.uid() == state.uid()) {
                Some(known) => *known = state,
                None => last.push(state),
            }
        }
        last
    }
}

impl<K> Drop for Seen<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Follows each pod's log from the start of its container, since a pod may be deleted soon after its end.
async fn follow_pods(api: Api<Pod>, logs: Arc<Mutex<BTreeMap<String, String>>>) {
    let mut pods = pin!(watcher(api.clone(), watcher::Config::default()).default_backoff().touched_objects());
    let mut followed = std::collections::BTreeSet::new();
    while let Ok(pod) = pods.try_next().await {
        let Some(pod) = pod else { return };
        if has_started(&pod) && followed.insert(pod.uid()) {
            tokio::spawn(follow_log(api.clone(), pod.name_any(), Arc::clone(&logs)));
        }
    }
}

fn has_started(pod: &Pod) -> bool {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let state = containers.first().and_then(|container| container.state.as_ref());
    state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

async fn follow_log(api: Api<Pod>, name: String, logs: Arc<Mutex<BTreeMap<String, String>>>) {
    let parameters = LogParams { follow: true, ..LogParams::default() };
    let Ok(stream) = api.log_stream(&name, &parameters).await else { return };
    let mut lines = stream.lines();
    while let Ok(Some(line)) = lines.try_next().await {
        let mut logs = logs.lock().expect("no test panics here");
        let log = logs.entry(name.clone()).or_default();
        log.push_str(&line);
        log.push('\n');
    }
}

fn broken_invariant(state: &SchemaMigration) -> Option<&'static str> {
    let status = state.status.as_ref()?;
    if status.observed_generation == Some(-1) && status.conditions.is_empty() {
        return None;
    }
    let (reconciling, stalled) = (is_true(state, condition::RECONCILING), is_true(state, condition::STALLED));
    let only_while_true = |kind| find(state, kind).is_none_or(|(status, _, _)| status == "True");
    let ready = is_true(state, condition::READY);
    [
        (status.conditions.is_empty() || find(state, condition::READY).is_some(), "there is no Ready"),
        (!(reconciling && stalled), "Reconciling and Stalled are both there"),
        (only_while_true(condition::RECONCILING), "Reconciling is there and not True"),
        (only_while_true(condition::STALLED), "Stalled is there and not True"),
        (!(ready && (reconciling || stalled)), "Ready is True beside Reconciling or Stalled"),
        (!ready || status.last_error.is_none(), "Ready is True beside lastError"),
        (!stalled || status.last_error.is_some(), "Stalled is True without lastError"),
        (status.conditions.iter().all(|c| !c.message.trim().is_empty()), "a condition has no message"),
        (status.history.len() <= 20, "the history has more than 20 rows"),
    ]
    .into_iter()
    .find_map(|(holds, what)| (!holds).then_some(what))
}
