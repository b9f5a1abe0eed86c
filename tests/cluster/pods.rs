//! A run whose pod is taken away by the cluster, or that waits with an image of yesterday.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{EvictParams, PostParams};
use schemaward::api::{SchemaMigration, condition};
use serde_json::json;

use crate::support::admission::{self, Mutation};
use crate::support::kstatus::message;
use crate::support::operator;
use crate::support::run::in_sandbox;
use crate::support::sandbox::{Sandbox, status};
use crate::support::source::{config_maps, inline, marking};
use crate::support::waiting;

const IMAGE: &str = "schemaward.dev/runner-image";
/// A place that nothing is pulled from, and a port that nobody listens on.
const NOWHERE: &str = "127.0.0.1:1/no/such:image";

#[test]
fn a_pod_that_is_evicted_in_the_middle_is_followed_by_an_attempt_that_does_not_count() {
    in_sandbox("evicted", async |sandbox| {
        let _events = operator::undisturbed().await;
        sandbox.config_map("set", &marking(4, 3, 15)).await;
        // Not one attempt may fail.
        let strict = json!({"retry": {"limit": 0, "initialDelay": "1s", "maxDelay": "2s"}});
        sandbox.apply_with("app", config_maps(&["set"]), strict).await;
        let pod = sandbox.wait_running("app", "pg_sleep").await;
        sandbox.api::<Pod>().evict(&pod.name_any(), &EvictParams::default()).await.expect("evicting the pod");

        let event = sandbox.wait_event("app", "Retrying").await;
        let said = event.message.unwrap_or_default();
        for words in ["the cluster took its pod away (", "does not count against spec.retry.limit. Attempt 2 of 2 "] {
            assert!(said.contains(words), "{said}");
        }
        let resource = sandbox.wait_ready("app").await;
        let run = status(&resource).run.expect("a run");
        assert_eq!((run.attempt, run.uncounted), (2, 1));
        assert_eq!(sandbox.database.ledger(true).await, ["001", "002", "003", "004"]);
        assert_eq!(sandbox.database.texts("select version from marks order by at").await, ["2", "3", "4"]);
    });
}

/// The Job of a resource that is there now.
async fn job(sandbox: &Sandbox, name: &str) -> Option<Job> {
    let mine = |job: &Job| job.labels().get("schemaward.dev/migration").map(String::as_str) == Some(name);
    sandbox.list::<Job>().await.into_iter().find(mine)
}

/// As an older operator has left it: the image that it asked for is another one than this operator's, and is gone.
#[test]
fn a_job_that_waits_for_an_older_image_is_created_again_until_it_has_the_operators() {
    in_sandbox("image", async |sandbox| {
        let patch = format!(
            "[JSONPatch{{op: 'replace', path: '/spec/template/spec/containers/0/image', value: '{NOWHERE}'}}, \
             JSONPatch{{op: 'replace', path: '/metadata/annotations/schemaward.dev~1runner-image', value: '{NOWHERE}'}}]"
        );
        let Some(policy) = Mutation::create(sandbox, "older", admission::jobs(), &patch).await else { return };
        wait_enforced(sandbox).await;
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        let renewed =
            |seen: &SchemaMigration| message(seen, condition::READY).contains(&format!("in place of {NOWHERE}"));
        sandbox.wait_for("app", "taken back for its image", renewed).await;
        policy.remove().await;
        // Nobody sets an annotation or changes the resource.
        let resource = sandbox.wait_ready("app").await;
        assert_eq!(status(&resource).run.map(|run| run.attempt), Some(1), "the same run, whose Job is another");
        let jobs = sandbox.jobs("app");
        assert!(jobs.len() > 1, "{}", waiting::yaml(&jobs));
        assert_eq!(jobs[0].annotations().get(IMAGE).map(String::as_str), Some(NOWHERE));
        let names: Vec<String> = jobs.iter().map(ResourceExt::name_any).collect();
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    });
}

#[test]
fn an_image_that_a_policy_has_put_in_is_reported_as_such_and_its_job_is_left_for_a_while() {
    in_sandbox("policy", async |sandbox| {
        let patch =
            format!("[JSONPatch{{op: 'replace', path: '/spec/template/spec/containers/0/image', value: '{NOWHERE}'}}]");
        let Some(policy) = Mutation::create(sandbox, "typo", admission::jobs(), &patch).await else { return };
        wait_enforced(sandbox).await;
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        let is_reported = |seen: &SchemaMigration| {
            let said = message(seen, condition::READY);
            said.contains("The image was put in by an admission policy in place of ") && said.contains(NOWHERE)
        };
        sandbox.wait_for("app", "waiting for the policy's image", is_reported).await;
        let before = job(sandbox, "app").await.and_then(|job| job.uid());
        policy.remove().await;
        assert_eq!(job(sandbox, "app").await.and_then(|job| job.uid()), before, "no loop of new Jobs");
        sandbox.patch("app", json!({"metadata": {"annotations": {"schemaward.dev/retry": "now"}}})).await;
        sandbox.wait_ready("app").await;
    });
}

/// Waits until the policy changes the Jobs that are created.
async fn wait_enforced(sandbox: &Sandbox) {
    let probe = json!({"metadata": {"name": "probe", "annotations": {IMAGE: "x"}}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "runner", "image": "x"}]}}}});
    let probe: Job = serde_json::from_value(probe).expect("a Job");
    waiting::until("the policy counts", async || {
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let made = sandbox.api::<Job>().create(&dry, &probe).await.ok()?;
        let image = made.spec?.template.spec?.containers.first()?.image.clone()?;
        (image == NOWHERE).then_some(())
    })
    .await;
}
