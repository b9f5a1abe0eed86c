//! Many resources that wait in one namespace do not disturb others. A sample of `make campaign-noise`
//! (docs/campaigns.md). Runs alone, since it measures how long a run takes.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod sources;
mod support;

use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use schemaward::api::{SchemaMigration, condition};
use serde_json::{Value, json};

use support::environment::{OPERATOR_USER, keep, unique};
use support::kstatus::message;
use support::run::in_sandbox;
use support::sandbox::{KEY, Sandbox};
use support::source::inline;
use support::waiting;

const CROWD: usize = 120;
/// How long it may take until all of them wait: each of them creates a Job.
const GATHERING: Duration = Duration::from_mins(5);

/// A namespace whose quota allows no pods, so that every run in it waits.
struct Crowd {
    client: Client,
    namespace: String,
}

impl Crowd {
    async fn gather(client: &Client) -> Self {
        let crowd = Self { client: client.clone(), namespace: format!("t-crowd-{}", unique()) };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": crowd.namespace}});
        let namespace: Namespace = serde_json::from_value(namespace).expect("a namespace");
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await.expect("making a namespace");
        let quota = json!({"metadata": {"name": "no-pods"}, "spec": {"hard": {"pods": "0"}}});
        let quota: ResourceQuota = serde_json::from_value(quota).expect("a quota");
        let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), &crowd.namespace);
        quotas.create(&PostParams::default(), &quota).await.expect("making a quota");
        let making = futures::stream::iter(0..CROWD).map(|number| crowd.join(number)).buffer_unordered(8);
        making.collect::<Vec<()>>().await;
        crowd
    }

    fn api(&self) -> Api<SchemaMigration> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn join(&self, number: usize) {
        let object = json!({
            "apiVersion": "schemaward.dev/v1alpha1", "kind": "SchemaMigration",
            "metadata": {"name": format!("n{number}")},
            "spec": {
                "database": {"engine": "postgres", "urlSecretRef": {"name": format!("none-{number}"), "key": KEY}},
                "source": inline([("001_a.sql", "select 1;")]),
            },
        });
        let object: SchemaMigration = serde_json::from_value(object).expect("a resource");
        self.api().create(&PostParams::default(), &object).await.expect("making a resource");
    }

    /// Waits until the status of each says what it waits for.
    async fn wait_until_reported(&self) {
        let reported = |all: &[SchemaMigration]| {
            all.len() == CROWD && all.iter().all(|one| message(one, condition::READY).contains("exceeded quota"))
        };
        let all = kube::runtime::watcher::Config::default();
        waiting::objects_within(GATHERING, self.api(), all, "all report the quota", reported).await;
    }

    /// Waits until each has released the Lease of its database, as a run does that does not start.
    async fn wait_settled(&self) {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        let all = kube::runtime::watcher::Config::default();
        waiting::objects_within(GATHERING, leases, all, "no Lease is held", <[Lease]>::is_empty).await;
    }

    async fn leave(&self) {
        if !keep() {
            let namespaces: Api<Namespace> = Api::all(self.client.clone());
            let _ = namespaces.delete(&self.namespace, &DeleteParams::default()).await;
        }
    }
}

/// The time from apply to Ready, with a ledger of its own.
async fn time_of_a_run(sandbox: &Sandbox, name: &str) -> Duration {
    let start = Instant::now();
    let sql = format!("create table {name} (id int); select pg_sleep(3);");
    // If another ledger here had the same files, this one would be refused.
    let (file, history) = (format!("001_{name}.sql"), json!({"history": {"schema": format!("l_{name}")}}));
    sandbox.apply_with(name, inline([(&file, &sql)]), history).await;
    sandbox.wait_ready(name).await;
    start.elapsed()
}

/// How many requests the operator has made to a namespace and its objects, from an offset in the audit log.
fn requests(log: &Path, from: u64, namespace: &str) -> usize {
    let mut file = std::fs::File::open(log).expect("the audit log");
    file.seek(SeekFrom::Start(from)).expect("seeking");
    let place = format!("/namespaces/{namespace}");
    let of_operator = |line: String| {
        let Ok(entry) = serde_json::from_str::<Value>(&line) else { return false };
        entry["user"]["username"] == OPERATOR_USER
            && entry["requestURI"].as_str().is_some_and(|uri| uri.contains(&place))
    };
    BufReader::new(file).lines().map_while(Result::ok).filter(|line| of_operator(line.clone())).count()
}

#[test]
fn many_that_wait_in_one_namespace_hold_up_no_other_and_cost_next_to_nothing() {
    in_sandbox("noise", async |sandbox| {
        let alone = time_of_a_run(sandbox, "alone").await;
        let crowd = Crowd::gather(&sandbox.client).await;
        // While they start, and again while they wait.
        let beside = time_of_a_run(sandbox, "beside").await;
        crowd.wait_until_reported().await;
        let later = time_of_a_run(sandbox, "later").await;
        println!("a run alone {alone:?}, while {CROWD} are started {beside:?}, beside {CROWD} that wait {later:?}");
        // One second is allowed for the noise of other tests.
        let limit = alone * 2 + Duration::from_secs(1);
        assert!(beside <= limit && later <= limit, "at most {limit:?}");

        let start = Instant::now();
        let resource = crowd.api().get("n7").await.expect("one of the crowd");
        crowd.api().delete("n7", &DeleteParams::default()).await.expect("deleting");
        let uid = resource.metadata.uid;
        waiting::object(crowd.api(), "n7", "gone", |seen| seen.is_none_or(|seen| seen.metadata.uid != uid)).await;
        println!("a deletion beside them {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(5), "a deletion waits for what waits");

        if let Some(log) = &sandbox.environment.audit_log {
            crowd.wait_settled().await;
            let window = Duration::from_secs(20);
            let from = std::fs::metadata(log).expect("the audit log").len();
            tokio::time::sleep(window).await;
            let count = requests(log, from, &crowd.namespace);
            println!("{count} requests in {window:?} for {CROWD} that wait");
            // One a second for each hundred.
            assert!(count <= CROWD * 20 / 100, "{count} requests in {window:?}");
        } else {
            println!("SKIPPED: AUDIT_LOG is not set, so requests cannot be counted");
        }
        crowd.leave().await;
    });
}
