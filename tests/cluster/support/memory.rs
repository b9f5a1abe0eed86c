//! The memory of the operator's process, if the test bed runs it on this machine.

use std::fs;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};

use super::environment::{OPERATOR_LABELS, OPERATOR_NAMESPACE};
use super::waiting;

/// The process, found by its arguments and its bed's cgroup.
async fn process() -> PathBuf {
    let slot = std::env::var("BED_SLOT").unwrap_or_else(|_| "0".to_owned());
    let bed = format!("schemaward-bed-{slot}/");
    waiting::until("the operator's process is found", async || {
        let all = fs::read_dir("/proc").expect("/proc").filter_map(|entry| Some(entry.ok()?.path()));
        let mut found = all.filter(|process| {
            let read = |file: &str| fs::read(process.join(file)).unwrap_or_default();
            read("cmdline").starts_with(b"/schemaward\0operator\0")
                && String::from_utf8_lossy(&read("cgroup")).contains(&bed)
        });
        found.next()
    })
    .await
}

/// Resets the peak. Returns the current memory in MiB.
pub async fn begin() -> u64 {
    let process = process().await;
    fs::write(process.join("clear_refs"), "5").expect("setting the peak back");
    figure(&process, "VmRSS:")
}

/// The peak since then, in MiB.
pub async fn peak() -> u64 {
    figure(&process().await, "VmHWM:")
}

fn figure(process: &std::path::Path, name: &str) -> u64 {
    let status = fs::read_to_string(process.join("status")).expect("the operator's status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a figure");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes.div_ceil(1024)
}

/// How often its containers were restarted.
pub async fn restarts(client: &Client) -> i32 {
    let api: Api<Pod> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let pods = api.list(&ListParams::default().labels(OPERATOR_LABELS)).await.expect("the operator's pods").items;
    let statuses = pods.into_iter().filter_map(|pod| pod.status?.container_statuses);
    statuses.flatten().map(|container| container.restart_count).sum()
}
