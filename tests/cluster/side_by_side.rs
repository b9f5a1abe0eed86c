//! Two resources with the same database run one after the other.

use std::collections::BTreeSet;

use kube::ResourceExt;
use serde_json::json;

use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, Sandbox, status};
use crate::support::source::{Files, config_maps, marking};

#[test]
fn two_resources_with_one_secret_run_one_after_the_other() {
    in_sandbox("lease", async |sandbox| {
        let set = marking(3, 3, 3);
        sandbox.config_map("set", &set).await;
        sandbox.apply("one", config_maps(&["set"])).await;
        sandbox.apply("two", config_maps(&["set"])).await;
        verify_both_ready(sandbox, &set).await;
        let mut runs = Vec::new();
        for name in ["one", "two"] {
            runs.push(time_of_run(sandbox, name));
        }
        runs.sort();
        assert!(runs[0].1 <= runs[1].0, "the pods' containers ran at the same time: {runs:?}");
        let names: BTreeSet<String> = sandbox.leases().iter().map(ResourceExt::name_any).collect();
        assert_eq!(names.len(), 1, "one database, one Lease");
    });
}

#[test]
fn two_resources_that_reach_one_database_by_different_secrets_are_kept_apart_by_the_lock_in_the_database() {
    in_sandbox("lock", async |sandbox| {
        let set = marking(3, 3, 20);
        sandbox.config_map("set", &set).await;
        sandbox.secret("other", KEY, &sandbox.database.pod_url).await;
        sandbox.apply("one", config_maps(&["set"])).await;
        let other = json!({"database": {"engine": "postgres", "urlSecretRef": {"name": "other", "key": KEY}}});
        sandbox.apply_with("two", config_maps(&["set"]), other).await;
        verify_both_ready(sandbox, &set).await;
        let names: BTreeSet<String> = sandbox.leases().iter().map(ResourceExt::name_any).collect();
        assert_eq!(names.len(), 2, "the Secrets differ, so no Lease could keep them apart");
        // Without this the test would prove nothing: the runs must overlap.
        let (one, two) = (time_of_run(sandbox, "one"), time_of_run(sandbox, "two"));
        assert!(one.0 < two.1 && two.0 < one.1, "the pods did not even run at the same time: {one:?} {two:?}");
    });
}

/// Both are Ready, and nothing was done twice.
async fn verify_both_ready(sandbox: &Sandbox, set: &Files) {
    for name in ["one", "two"] {
        let resource = sandbox.wait_ready_with(name, set).await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("003"), "{name}");
    }
    assert_eq!(sandbox.database.ledger(true).await, ["001", "002", "003"]);
    assert_eq!(sandbox.database.ledger(false).await, [""; 0], "neither got in the other's way");
    assert_eq!(sandbox.database.texts("select version from marks order by at").await, ["2", "3"]);
}

/// When the container of the resource's only pod started and ended, in whole seconds.
fn time_of_run(sandbox: &Sandbox, name: &str) -> (String, String) {
    let pods = sandbox.pods(name);
    assert_eq!(pods.len(), 1, "one run each: {:?}", pods.iter().map(ResourceExt::name_any).collect::<Vec<_>>());
    let statuses = pods[0].status.clone().and_then(|status| status.container_statuses).expect("a container");
    let ended = statuses[0].state.clone().and_then(|state| state.terminated).expect("it has ended");
    let text = |time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.expect("a time").0.to_string();
    (text(ended.started_at), text(ended.finished_at))
}
