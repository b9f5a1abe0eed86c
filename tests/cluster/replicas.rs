//! Several replicas of the operator: one leads, and when it dies another one continues its work. Runs alone, since it
//! changes the operator's Deployment.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Command;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use support::environment::{OPERATOR_LABELS, OPERATOR_NAMESPACE, repository_file};
use support::run::in_sandbox;
use support::sandbox::status;
use support::source::{config_maps, marking};
use support::{operator, waiting};

/// The Lease for the replicas' leader election.
const ELECTION: &str = "schemaward-operator";

/// Scales to two replicas while it exists, and back to one afterwards.
struct TwoReplicas;

impl TwoReplicas {
    fn start() -> Self {
        set_replicas(2);
        Self
    }
}

impl Drop for TwoReplicas {
    fn drop(&mut self) {
        set_replicas(1);
    }
}

fn set_replicas(count: u8) {
    let mut helm = Command::new("helm");
    helm.args(["upgrade", "schemaward"]).arg(repository_file("charts/schemaward"));
    helm.args(["--namespace", OPERATOR_NAMESPACE, "--reuse-values", "--wait", "--timeout", "2m"]);
    let output = helm.arg("--set").arg(format!("replicas={count}")).output().expect("helm, from .local/cluster.env");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || std::thread::panicking(), "{problem}");
}

#[test]
fn another_replica_leads_after_the_leader_was_killed_and_adopts_its_run() {
    in_sandbox("replicas", async |sandbox| {
        let _two = TwoReplicas::start();
        let first = leader(&sandbox.client, "").await;
        sandbox.config_map("set", &marking(3, 3, 20)).await;
        sandbox.apply("app", config_maps(&["set"])).await;
        sandbox.wait_running("app", "pg_sleep").await;
        let at_once = DeleteParams::default().grace_period(0);
        operator::pods(&sandbox.client).delete(&first, &at_once).await.expect("deleting the leader's pod");
        let second = leader(&sandbox.client, &first).await;
        println!("{first} led, then {second}");

        let resource = sandbox.wait_ready("app").await;
        assert_eq!(sandbox.jobs("app").len(), 1);
        assert_eq!(sandbox.pods("app").len(), 1);
        assert_eq!(status(&resource).run.map(|run| run.attempt), Some(1));
        assert_eq!(sandbox.database.texts("select version from marks order by at").await, ["2", "3"]);
    });
}

/// The pod that leads, once it is not `not` and all replicas are ready.
async fn leader(client: &Client, not: &str) -> String {
    let selection = watcher::Config::default().labels(OPERATOR_LABELS);
    let two = |pods: &[Pod]| pods.iter().filter(|pod| operator::is_ready(pod)).count() == 2;
    let pods = waiting::objects(operator::pods(client), selection, "two operator pods are ready", two).await;
    let names: Vec<String> = pods.iter().map(ResourceExt::name_any).collect();
    let holder = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
    let leases: Api<Lease> = Api::namespaced(client.clone(), OPERATOR_NAMESPACE);
    let taken = waiting::object(leases, ELECTION, "held by another replica", |lease| {
        lease.map(holder).is_some_and(|holder| holder != not && names.contains(&holder))
    })
    .await;
    holder(&taken.expect("seen by the condition"))
}
