//! Prints what helps to understand a failed test.

use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::ListParams;
use schemaward::api::SchemaMigration;

use super::operator;
use super::sandbox::{Namespaced, Sandbox};
use super::waiting::yaml;

const LOG_LINES: usize = 60;

/// The resources, events, Jobs and pod logs of the test's namespace, and the operator's last log lines about it.
pub async fn print(sandbox: &Sandbox) {
    println!("======== {} (database {})", sandbox.namespace, sandbox.database.name);
    for resource in list::<SchemaMigration>(sandbox).await {
        println!("-------- {}\n{}", resource.name_any(), yaml(&resource));
    }
    println!("-------- events");
    for event in list::<Event>(sandbox).await {
        let text = |value: Option<String>| value.unwrap_or_default();
        let who = text(event.involved_object.kind) + "/" + &text(event.involved_object.name);
        println!("{} {} {who}: {}", text(event.type_), text(event.reason), text(event.message));
    }
    for job in sandbox.witness.jobs.objects() {
        println!("-------- Job {}\n{}", job.name_any(), yaml(&job.status));
    }
    for pod in sandbox.witness.pods.objects() {
        println!("-------- pod {}\n{}", pod.name_any(), yaml(&pod.status.and_then(|status| status.container_statuses)));
    }
    for (pod, log) in sandbox.witness.pod_logs() {
        println!("-------- log of {pod}\n{log}");
    }
    let log = operator::logs(&sandbox.client).await;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&sandbox.namespace)).collect();
    println!("-------- the operator's last lines about {}", sandbox.namespace);
    println!("{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"));
}

async fn list<K: Namespaced>(sandbox: &Sandbox) -> Vec<K> {
    let list = sandbox.api::<K>().list(&ListParams::default()).await;
    list.map(|list| list.items).unwrap_or_default()
}
