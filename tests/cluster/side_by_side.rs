//! Two resources with the same database run one after the other, and none waits for one that cannot start.

use std::collections::BTreeSet;

use kube::ResourceExt;
use schemaward::api::{SchemaMigration, condition};
use serde_json::json;

use crate::support::kstatus::{Kstatus, find, kstatus, message};
use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, Sandbox, status};
use crate::support::source::{Files, config_maps, inline, marking};

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

#[test]
fn a_run_that_cannot_start_keeps_nobody_from_the_database() {
    in_sandbox("stuck", async |sandbox| {
        let job = json!({"job": {"nodeSelector": {"disk": "none-has-this"}}, "history": {"schema": "stuck"}});
        sandbox.apply_with("stuck", inline([("001_a.sql", "create table a (id int);")]), job).await;
        let is_waiting = |seen: &SchemaMigration| message(seen, condition::READY).contains("cannot be scheduled");
        sandbox.wait_for("stuck", "waiting for a node", is_waiting).await;
        sandbox.apply("fine", inline([("001_b.sql", "create table b (id int);")])).await;
        // It holds the Lease for 30 s at most, and the other is woken then.
        sandbox.wait_ready("fine").await;
        let stuck = sandbox.get("stuck").await;
        assert!(is_waiting(&stuck), "{}", message(&stuck, condition::READY));
        sandbox.patch("stuck", json!({"spec": {"job": {"nodeSelector": null}}})).await;
        sandbox.wait_ready("stuck").await;
        assert!(sandbox.database.has_table("a").await && sandbox.database.has_table("b").await);
    });
}

#[test]
fn two_resources_that_share_a_ledger_by_mistake_are_told_so_with_both_files_and_the_run() {
    in_sandbox("shared", async |sandbox| {
        sandbox.apply("team-a", inline([("001_a.sql", "create table a (id int);")])).await;
        let first = status(&sandbox.wait_ready("team-a").await).run.expect("a run").name;
        sandbox.secret("other", KEY, &sandbox.database.pod_url).await;
        let other = json!({"database": {"engine": "postgres", "urlSecretRef": {"name": "other", "key": KEY}}});
        let source = inline([("001_orders.sql", "create table orders (id int);")]);
        sandbox.apply_with("team-b", source, other).await;
        let resource = sandbox.wait_stalled("team-b", "MigrationEdited").await;
        let said = message(&resource, condition::READY);
        for words in ["001_orders.sql", "as 001_a.sql, which is another file", "spec.history.schema", &first] {
            assert!(said.contains(words), "{words:?} in {said}");
        }
        assert!(!said.contains("--accept"), "{said}");
        sandbox.patch("team-b", json!({"spec": {"history": {"schema": "team_b"}}})).await;
        sandbox.wait_ready("team-b").await;
        assert!(sandbox.database.has_table("orders").await);
    });
}

#[test]
fn a_wait_for_another_runs_lock_is_no_attempt_that_counts_and_takes_nothing_of_the_runs_time() {
    in_sandbox("waits", async |sandbox| {
        sandbox.apply("first", inline([("001_a.sql", "create table a (id int); select pg_sleep(35);")])).await;
        sandbox.wait_running("first", "pg_sleep").await;
        // By another Secret, so that only the lock in the database keeps them apart. Not one attempt may fail, and the
        // wait is longer than all the time that the run may take.
        sandbox.secret("other", KEY, &sandbox.database.pod_url).await;
        let strict = json!({
            "database": {"engine": "postgres", "urlSecretRef": {"name": "other", "key": KEY}},
            "activeDeadline": "20s", "retry": {"limit": 0, "initialDelay": "1s", "maxDelay": "2s"},
        });
        let set = inline([("001_a.sql", "create table a (id int); select pg_sleep(35);"), ("002_b.sql", "select 1;")]);
        sandbox.apply_with("second", set, strict).await;
        let is_waiting = |seen: &SchemaMigration| {
            let said = message(seen, condition::READY);
            said.contains("waited and ended: the lock in the database was held by") && said.contains("does not count")
        };
        let resource = sandbox.wait_for("second", "waiting for the lock", is_waiting).await;
        assert_eq!(kstatus(&resource), Kstatus::InProgress);
        assert_eq!(find(&resource, condition::READY).map(|(status, ..)| status), Some("Unknown"), "nothing has failed");
        let resource = sandbox.wait_ready("second").await;
        let run = status(&resource).run.expect("a run");
        assert_eq!(run.attempt, run.uncounted + 1, "{run:?}");
        assert_eq!(sandbox.database.ledger(true).await, ["001", "002"]);
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
