//! Processes that die and resources that are deleted in the middle of a run.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::DeleteParams;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use schemaward::api::SchemaMigration;
use serde_json::json;

use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, Sandbox, status};
use crate::support::source::{Files, config_maps, files, marking};
use crate::support::{operator, waiting};

#[test]
fn a_run_whose_pod_is_deleted_by_force_is_finished_by_the_next_attempt() {
    in_sandbox("pod", async |sandbox| {
        sandbox.config_map("set", &marking(5, 3, 15)).await;
        sandbox.apply("app", config_maps(&["set"])).await;
        let pod = sandbox.wait_running("app", "pg_sleep").await;
        let at_once = DeleteParams::default().grace_period(0);
        sandbox.api::<Pod>().delete(&pod.name_any(), &at_once).await.expect("deleting the pod");
        verify_second_attempt(sandbox).await;
    });
}

#[test]
fn a_runner_that_is_killed_is_finished_by_the_next_attempt() {
    in_sandbox("runner", async |sandbox| {
        if !sandbox.environment.local {
            println!("SKIPPED: the runner's process can be reached on the test bed's own machine only");
            return;
        }
        sandbox.config_map("set", &marking(5, 3, 15)).await;
        sandbox.apply("app", config_maps(&["set"])).await;
        let pod = sandbox.wait_running("app", "pg_sleep").await;
        kill_runner(&pod);
        verify_second_attempt(sandbox).await;
    });
}

/// Ready on the second attempt, with each migration's mark written once.
async fn verify_second_attempt(sandbox: &Sandbox) {
    let resource = sandbox.wait_ready("app").await;
    let run = status(&resource).run.expect("a run");
    assert!(run.attempt >= 2, "the killed attempt was the first: {run:?}");
    assert_eq!(status(&resource).current_version.as_deref(), Some("005"));
    assert_eq!(sandbox.database.ledger(true).await, ["001", "002", "003", "004", "005"]);
    assert_eq!(sandbox.database.texts("select version from marks order by at").await, ["2", "3", "4", "5"]);
    let jobs = sandbox.jobs("app");
    assert_eq!(jobs.len(), usize::try_from(run.attempt).expect("positive"), "each attempt is a Job");
}

/// Kills the pod's `schemaward runner`, found by the pod's UID in the processes' cgroups.
fn kill_runner(pod: &Pod) {
    let uid = pod.uid().expect("a UID");
    let under = |text: &str| text.contains(&uid) || text.contains(&uid.replace('-', "_"));
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let read = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if under(&String::from_utf8_lossy(&read("cgroup"))) && command.contains(" runner ") {
            let pid = entry.file_name();
            let status = std::process::Command::new("kill").arg("-KILL").arg(&pid).status().expect("kill");
            assert!(status.success());
            killed += 1;
        }
    }
    assert_eq!(killed, 1, "one runner in pod {uid}");
}

#[test]
fn a_new_operator_adopts_the_run_that_the_killed_one_had_started() {
    in_sandbox("adopt", async |sandbox| {
        sandbox.config_map("set", &marking(4, 3, 20)).await;
        sandbox.apply("app", config_maps(&["set"])).await;
        sandbox.wait_running("app", "pg_sleep").await;
        let before = sandbox.jobs("app");
        operator::kill(&sandbox.client).await;
        let resource = sandbox.wait_ready("app").await;

        let after = sandbox.jobs("app");
        assert_eq!(before.len(), 1);
        assert_eq!(
            after.iter().map(ResourceExt::uid).collect::<Vec<_>>(),
            [before[0].uid()],
            "the same Job, and no other"
        );
        assert_eq!(sandbox.pods("app").len(), 1, "one pod in all");
        assert_eq!(status(&resource).run.map(|run| run.attempt), Some(1));
        assert_eq!(sandbox.database.ledger(false).await, [""; 0]);
        assert_eq!(sandbox.database.texts("select version from marks order by at").await, ["2", "3", "4"]);
    });
}

#[test]
fn an_operator_that_is_killed_again_and_again_takes_everything_to_ready_and_starts_nothing_twice() {
    in_sandbox("storm", async |sandbox| {
        let names = ["one", "two", "three"];
        for name in names {
            sandbox.secret(name, KEY, &sandbox.database.pod_url).await;
            sandbox.config_map(name, &marking_table(name)).await;
            let fields = json!({
                "database": {"engine": "postgres", "urlSecretRef": {"name": name, "key": KEY}},
                "history": {"schema": format!("ledger_{name}")},
            });
            sandbox.apply_with(name, config_maps(&[name]), fields).await;
            operator::kill(&sandbox.client).await;
        }
        for name in names {
            let resource = sandbox.wait_ready(name).await;
            assert_eq!(status(&resource).current_version.as_deref(), Some("002"), "{name}");
            assert_eq!(sandbox.jobs(name).len(), 1, "{name}: each run's Job has one name, whoever makes it");
            assert_eq!(sandbox.pods(name).len(), 1, "{name}");
            assert_eq!(sandbox.database.text(&format!("select count(*) from marks_{name}")).await, "1", "{name}");
            operator::kill(&sandbox.client).await;
        }
    });
}

fn marking_table(name: &str) -> Files {
    let (table, insert) =
        (format!("create table marks_{name} (id int);"), format!("insert into marks_{name} values (1);"));
    // If another ledger here had the same files, this one would be refused.
    let (first, second) = (format!("001_{name}.sql"), format!("002_{name}.sql"));
    files([(first.as_str(), table.as_str()), (second.as_str(), insert.as_str())])
}

#[test]
fn a_resource_deleted_in_the_middle_stays_until_its_run_has_stopped_and_leaves_nothing_half_done() {
    in_sandbox("delete", async |sandbox| {
        sandbox
            .config_map(
                "set",
                &files([
                    ("001_a.sql", "create table a (id int);"),
                    ("002_b.sql", "create table b (id int);\nselect pg_sleep(100);\ncreate table c (id int);"),
                ]),
            )
            .await;
        let resource = sandbox.apply("app", config_maps(&["set"])).await;
        sandbox.wait_running("app", "pg_sleep").await;
        let api: Api<SchemaMigration> = sandbox.api();
        api.delete("app", &DeleteParams::default()).await.expect("deleting the resource");
        sandbox.wait_gone(&resource).await;

        // Read right after the resource has gone, so that anything still running is seen.
        let running = |pod: &Pod| {
            let containers =
                pod.status.as_ref().and_then(|status| status.container_statuses.clone()).unwrap_or_default();
            containers.iter().any(|container| container.state.as_ref().is_some_and(|state| state.running.is_some()))
        };
        let pods = sandbox.pods("app");
        assert!(!pods.iter().any(running), "the pod still ran when the resource was gone: {}", waiting::yaml(&pods));
        assert_eq!(sandbox.database.sessions().await, [""; 0], "nobody works in the database any more");

        assert!(sandbox.database.has_table("a").await, "what was applied stays");
        assert!(!sandbox.database.has_table("b").await && !sandbox.database.has_table("c").await);
        assert_eq!(sandbox.database.ledger(true).await, ["001"], "the ledger stays");
        waiting::until("nothing is left of what the operator made", async || {
            sandbox.left_of("app").await.is_empty().then_some(())
        })
        .await;
        assert!(sandbox.api::<ConfigMap>().get_opt("set").await.expect("reading").is_some(), "the user's own stays");
        assert!(sandbox.api::<Secret>().get_opt("database").await.expect("reading").is_some());
    });
}

#[test]
fn a_resource_deleted_after_its_run_goes_at_once_and_the_database_stays() {
    in_sandbox("deleted", async |sandbox| {
        sandbox.config_map("set", &marking(2, 0, 0)).await;
        let resource = sandbox.apply("app", config_maps(&["set"])).await;
        sandbox.wait_ready("app").await;
        sandbox.api::<SchemaMigration>().delete("app", &DeleteParams::default()).await.expect("deleting");
        sandbox.wait_gone(&resource).await;
        let mine = watcher::Config::default().labels("schemaward.dev/migration=app");
        waiting::objects(sandbox.api::<Pod>(), mine.clone(), "the pods are gone", <[Pod]>::is_empty).await;
        waiting::objects(sandbox.api::<ConfigMap>(), mine, "the frozen source is gone", <[ConfigMap]>::is_empty).await;
        assert_eq!(sandbox.database.ledger(true).await, ["001", "002"]);
        assert_eq!(sandbox.database.texts("select version from marks").await, ["2"]);
    });
}
