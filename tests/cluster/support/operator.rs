//! The operator under test: its pods and their logs.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, LogParams};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use tokio::sync::{RwLock, RwLockReadGuard};

use super::environment::{OPERATOR_LABELS, OPERATOR_NAMESPACE};
use super::waiting;

/// Write-locked by a test that kills the operator. Read-locked by tests that need its complete logs, since those of a
/// deleted pod are gone, or its events, since one that it was about to write is lost.
static ALIVE: RwLock<()> = RwLock::const_new(());

/// While this is held, no other test kills the operator.
pub async fn undisturbed() -> RwLockReadGuard<'static, ()> {
    ALIVE.read().await
}

pub fn pods(client: &Client) -> Api<Pod> {
    Api::namespaced(client.clone(), OPERATOR_NAMESPACE)
}

/// Kills the operator's pods without a grace period and waits until others are ready. Returns the UIDs of those killed.
pub async fn kill(client: &Client) -> Vec<String> {
    let _alone = ALIVE.write().await;
    let api = pods(client);
    let labels = ListParams::default().labels(OPERATOR_LABELS);
    let old = api.list(&labels).await.expect("listing the operator's pods").items;
    assert!(!old.is_empty(), "there is no operator pod labelled {OPERATOR_LABELS} in {OPERATOR_NAMESPACE}");
    for pod in &old {
        // It may be gone already.
        let _ = api.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await;
    }
    let killed: Vec<String> = old.iter().filter_map(ResourceExt::uid).collect();
    let selection = watcher::Config::default().labels(OPERATOR_LABELS);
    waiting::objects(api, selection, "a new operator pod is ready", |pods| {
        let ready = |pod: &&Pod| pod.uid().is_some_and(|uid| !killed.contains(&uid)) && is_ready(pod);
        pods.iter().filter(ready).count() >= killed.len()
    })
    .await;
    killed
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

/// The logs of the operator's pods, including their earlier containers.
pub async fn logs(client: &Client) -> String {
    let api = pods(client);
    let mut all = String::new();
    let Ok(list) = api.list(&ListParams::default().labels(OPERATOR_LABELS)).await else { return all };
    for pod in list {
        for previous in [true, false] {
            let parameters = LogParams { previous, ..LogParams::default() };
            // A container that was never restarted has no earlier log.
            all += &api.logs(&pod.name_any(), &parameters).await.unwrap_or_default();
        }
    }
    all
}

pub async fn metrics(client: &Client) -> String {
    let list = pods(client).list(&ListParams::default().labels(OPERATOR_LABELS)).await.expect("listing");
    let pod = list.items.iter().find(|pod| is_ready(pod)).expect("a ready operator pod");
    let path = format!("/api/v1/namespaces/{OPERATOR_NAMESPACE}/pods/{}:9090/proxy/metrics", pod.name_any());
    let request = axum::http::Request::get(path).body(Vec::new()).expect("a request");
    client.request_text(request).await.expect("the operator's metrics")
}
