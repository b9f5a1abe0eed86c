//! The status is truthful: when a run's pod has a sidecar, when another pod pretends to be the run's, and when the
//! API server refuses what a run needs.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use schemaward::api::{SchemaMigration, condition};
use serde_json::{Value, json};

use crate::support::admission::{self, Mutation};
use crate::support::kstatus::{find, is_true, message};
use crate::support::operator;
use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, Sandbox, status};
use crate::support::source::inline;
use crate::support::waiting::{self, Object};

/// An image with a shell, if the test bed has one.
fn shell(test: &str) -> Option<String> {
    let image = std::env::var("BUSYBOX_IMAGE").ok();
    if image.is_none() {
        println!("SKIPPED: BUSYBOX_IMAGE is not set, so {test} cannot be tried");
    }
    image
}

/// A cluster-wide object for one test.
struct ClusterWide<K: Object> {
    api: Api<K>,
    name: String,
}

impl<K: Object + kube::Resource<Scope = k8s_openapi::ClusterResourceScope>> ClusterWide<K> {
    async fn new(sandbox: &Sandbox, object: Value) -> Self {
        let object: K = serde_json::from_value(object).expect("an object");
        let (api, name) = (Api::<K>::all(sandbox.client.clone()), object.name_any());
        api.create(&PostParams::default(), &object).await.expect("making it");
        Self { api, name }
    }

    async fn remove(&self) {
        let _ = self.api.delete(&self.name, &DeleteParams::default()).await;
    }
}

/// An admission policy for this sandbox, as an administrator would write it.
async fn deny(sandbox: &Sandbox, slug: &str, (group, resources): (&str, Value), expression: &str) -> Denial {
    deny_at(sandbox, slug, (group, resources), json!(["CREATE", "UPDATE"]), expression).await
}

/// The same, for updates only, where there is an old object to compare with.
async fn deny_update(sandbox: &Sandbox, slug: &str, place: (&str, Value), expression: &str) -> Denial {
    deny_at(sandbox, slug, place, json!(["UPDATE"]), expression).await
}

type Denial = (ClusterWide<ValidatingAdmissionPolicy>, ClusterWide<ValidatingAdmissionPolicyBinding>);

async fn deny_at(
    sandbox: &Sandbox,
    slug: &str,
    (group, resources): (&str, Value),
    operations: Value,
    expression: &str,
) -> Denial {
    let name = format!("{}-{slug}", sandbox.namespace);
    let space = json!({"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}});
    let rules = json!([{"apiGroups": [group], "apiVersions": ["*"], "operations": operations, "resources": resources}]);
    let policy = json!({"metadata": {"name": name}, "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": space, "resourceRules": rules},
        "validations": [{"expression": expression, "message": format!("not with us ({slug})")}]}});
    let binding = json!({"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}});
    (ClusterWide::new(sandbox, policy).await, ClusterWide::new(sandbox, binding).await)
}

/// Waits until the resource reports with these texts that the cluster refused something, and until the event says the
/// same.
async fn wait_refused(sandbox: &Sandbox, name: &str, words: &[&str]) {
    let _events = operator::undisturbed().await;
    let resource = sandbox
        .wait_for(name, "refused by the cluster", |seen| {
            find(seen, condition::READY).is_some_and(|(_, reason, _)| reason == "RefusedByCluster")
        })
        .await;
    let said = message(&resource, condition::READY);
    for word in words {
        assert!(said.contains(word), "{word:?} in {said}");
    }
    let event = sandbox.wait_event(name, "RefusedByCluster").await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert_eq!(event.message.as_deref(), Some(said.as_str()));
}

#[test]
fn a_run_ends_with_its_runner_though_a_sidecar_keeps_running() {
    let Some(image) = shell("a sidecar") else { return };
    in_sandbox("sidecar", async |sandbox| {
        // A policy adds it to the pod of every run, as a service mesh does.
        let patch = format!(
            "[JSONPatch{{op: 'add', path: '/spec/containers/-', value: Object.spec.containers{{\
             name: 'istio-proxy', image: '{image}', imagePullPolicy: 'IfNotPresent', command: ['sleep', '100000'], \
             securityContext: Object.spec.containers.securityContext{{allowPrivilegeEscalation: false, \
             capabilities: Object.spec.containers.securityContext.capabilities{{drop: ['ALL']}}}}}}}}]"
        );
        let Some(mesh) = Mutation::create(sandbox, "mesh", admission::pods(), &patch).await else { return };
        waiting::until("the policy works", async || {
            let probe: Pod = serde_json::from_value(probe(&image)).expect("a pod");
            let dry = PostParams { dry_run: true, ..PostParams::default() };
            let made = sandbox.api::<Pod>().create(&dry, &probe).await.ok()?;
            made.spec.is_some_and(|spec| spec.containers.len() == 2).then_some(())
        })
        .await;

        sandbox.apply("good", inline([("001_a.sql", "create table a (id int);")])).await;
        let resource = sandbox.wait_ready("good").await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("001"));
        let pods = sandbox.pods("good");
        assert!(pods.iter().any(|pod| pod.spec.as_ref().is_some_and(|spec| spec.containers.len() == 2)), "{pods:?}");
        // The Job is deleted, and with it the pod with the sidecar.
        let job = sandbox.jobs("good").remove(0);
        sandbox.wait_gone(&job).await;
        assert_eq!(sandbox.list::<Pod>().await.len(), 0);
        assert!(is_true(&sandbox.get("good").await, condition::READY), "and Ready stays");

        sandbox.secret("other", KEY, &sandbox.database.pod_url).await;
        let other = json!({"database": {"engine": "postgres", "urlSecretRef": {"name": "other", "key": KEY}}, "history": {"schema": "other"}});
        sandbox.apply_with("bad", inline([("001_b.sql", "select * from nowhere;")]), other).await;
        let resource = sandbox.wait_stalled("bad", "StatementFailed").await;
        assert_eq!(status(&resource).last_error.and_then(|error| error.code).as_deref(), Some("42P01"));

        mesh.remove().await;
    });
}

/// A pod that the namespace admits and that writes nothing.
fn probe(image: &str) -> Value {
    json!({"metadata": {"name": "probe"}, "spec": {
        "restartPolicy": "Never", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "runner", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "100000"],
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}})
}

#[test]
fn a_pod_that_only_bears_a_runs_labels_is_neither_believed_nor_waited_for() {
    let Some(image) = shell("a forged pod") else { return };
    in_sandbox("forged", async |sandbox| {
        let sql = "select pg_sleep(15); select * from nowhere;";
        sandbox.apply("app", inline([("001_a.sql", sql)])).await;
        sandbox.wait_running("app", "pg_sleep").await;
        let run = status(&sandbox.get("app").await).run.expect("a run");
        let words = json!({"run": run.name, "outcome": {"result": "succeeded", "applied": i64::MAX}, "ledgerRead": true,
            "currentVersion": "999999", "pending": {"count": 0}});
        let line = json!({"event": "statementFinished", "version": "123456", "statement": 3, "statements": 7});
        for (name, command) in [
            ("speaker", format!("echo '{words}' > /dev/termination-log")),
            ("writer", format!("echo '{line}'; sleep 100000")),
        ] {
            let mut pod = probe(&image);
            pod["metadata"] = json!({"name": name, "labels": {
                "app.kubernetes.io/managed-by": "schemaward", "schemaward.dev/migration": "app",
                "batch.kubernetes.io/job-name": run.name, "job-name": run.name}});
            pod["spec"]["containers"][0]["command"] = json!(["sh", "-c", command]);
            let pod: Pod = serde_json::from_value(pod).expect("a pod");
            sandbox.api::<Pod>().create(&PostParams::default(), &pod).await.expect("making the pod");
        }
        let resource = sandbox.wait_stalled("app", "StatementFailed").await;
        let status = status(&resource);
        assert_ne!(status.current_version.as_deref(), Some("999999"));
        assert!(!message(&resource, condition::READY).contains("123456"), "{status:?}");
        let figures = operator::metrics(&sandbox.client).await;
        let applied = figures.lines().find_map(|line| line.strip_prefix("schemaward_migrations_applied_total "));
        assert!(
            applied.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count < 1_000_000),
            "{applied:?}"
        );

        // The pod that is still running blocks neither the next run nor the deletion.
        let fixed = inline([("001_a.sql", "create table a (id int);")]);
        sandbox.apply("app", fixed).await;
        let resource = sandbox.wait_ready("app").await;
        sandbox.api::<SchemaMigration>().delete("app", &DeleteParams::default()).await.expect("deleting");
        sandbox.wait_gone(&resource).await;
        let left: Vec<String> = sandbox.list::<Pod>().await.iter().map(ResourceExt::name_any).collect();
        assert!(left.contains(&"writer".to_owned()), "it was there all the time: {left:?}");
    });
}

#[test]
fn a_refused_lease_is_reported_and_recovers() {
    in_sandbox("quota", async |sandbox| {
        let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"count/leases.coordination.k8s.io": "0"}}});
        let quota: ResourceQuota = serde_json::from_value(quota).expect("a quota");
        sandbox.api::<ResourceQuota>().create(&PostParams::default(), &quota).await.expect("making the quota");
        waiting::until("the quota works", async || {
            let lease: Lease = serde_json::from_value(json!({"metadata": {"name": "probe"}})).expect("a Lease");
            let dry = PostParams { dry_run: true, ..PostParams::default() };
            sandbox.api::<Lease>().create(&dry, &lease).await.is_err().then_some(())
        })
        .await;
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        wait_refused(sandbox, "app", &["Lease \"schemaward-db-", "exceeded quota", "correct spec.job, the quota"])
            .await;
        assert_eq!(sandbox.jobs("app").len(), 0);
        sandbox.api::<ResourceQuota>().delete("q", &DeleteParams::default()).await.expect("deleting the quota");
        let resource = sandbox.wait_ready("app").await;
        assert!(!message(&resource, condition::READY).contains("refused"));
        let refusals = sandbox.event_reasons("app").await.into_iter().filter(|reason| reason == "RefusedByCluster");
        assert_eq!(refusals.count(), 1, "once");
    });
}

#[test]
fn a_refused_finalizer_is_reported_and_recovers_and_so_does_one_that_may_not_be_removed() {
    in_sandbox("finalizer", async |sandbox| {
        let place = || ("schemaward.dev", json!(["schemamigrations"]));
        let none_is_added = "!has(object.metadata.finalizers) || (has(oldObject.metadata.finalizers) && \
                             size(object.metadata.finalizers) <= size(oldObject.metadata.finalizers))";
        let (policy, binding) = deny_update(sandbox, "adding", place(), none_is_added).await;
        wait_finalizer_denied(sandbox).await;
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        wait_refused(sandbox, "app", &["writing the finalizer", "not with us (adding)"]).await;
        assert_eq!(sandbox.jobs("app").len(), 0, "nothing is run that nothing would keep from being deleted under it");
        binding.remove().await;
        policy.remove().await;
        let resource = sandbox.wait_ready("app").await;
        assert!(!message(&resource, condition::READY).contains("refused"));
        let refusals = sandbox.event_reasons("app").await.into_iter().filter(|reason| reason == "RefusedByCluster");
        assert_eq!(refusals.count(), 1, "once");

        // After a run its finalizer is removed. If that is refused, there is an event, and Ready stays.
        let none_is_taken = "!has(oldObject.metadata.finalizers) || (has(object.metadata.finalizers) && \
                             size(object.metadata.finalizers) >= size(oldObject.metadata.finalizers))";
        let ledger = json!({"history": {"schema": "late"}});
        sandbox.apply_with("late", inline([("001_b.sql", "select pg_sleep(15);")]), ledger).await;
        sandbox.wait_running("late", "pg_sleep").await;
        let (policy, binding) = deny_update(sandbox, "taking", place(), none_is_taken).await;
        let _events = operator::undisturbed().await;
        let event = sandbox.wait_event("late", "RefusedByCluster").await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert!(event.message.is_some_and(|said| said.contains("not with us (taking)")));
        let ended = |seen: &SchemaMigration| seen.metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        let resource = sandbox.get("late").await;
        assert!(is_true(&resource, condition::READY) && !ended(&resource));
        binding.remove().await;
        policy.remove().await;
        let resource = sandbox.wait_for("late", "let go", ended).await;
        assert!(is_true(&resource, condition::READY));
    });
}

/// Waits until the API server enforces the policy against new finalizers.
async fn wait_finalizer_denied(sandbox: &Sandbox) {
    let probe = inline([("001_a.sql", "select 1;")]);
    sandbox.apply_with("probe", probe, json!({"suspend": true})).await;
    waiting::until("the policy counts", async || {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/probe"]}}));
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        sandbox.api::<SchemaMigration>().patch("probe", &dry, &patch).await.is_err().then_some(())
    })
    .await;
}

#[test]
fn a_webhook_that_is_down_is_reported_and_recovers() {
    in_sandbox("webhook", async |sandbox| {
        let name = format!("{}.example.com", sandbox.namespace);
        let hook = json!({"metadata": {"name": name}, "webhooks": [{
            "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 2,
            "clientConfig": {"service": {"namespace": sandbox.namespace, "name": "gone", "path": "/"}},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}},
            "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}]}]});
        let hook = ClusterWide::<ValidatingWebhookConfiguration>::new(sandbox, hook).await;
        waiting::until("the webhook counts", async || {
            let mut pod = probe("none");
            pod["metadata"] = json!({});
            let job = json!({"metadata": {"name": "probe"}, "spec": {"template": pod}});
            let job: Job = serde_json::from_value(job).expect("a Job");
            let dry = PostParams { dry_run: true, ..PostParams::default() };
            sandbox.api::<Job>().create(&dry, &job).await.is_err().then_some(())
        })
        .await;
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        wait_refused(sandbox, "app", &["Job \"app-", "webhook", "gone"]).await;
        let held = sandbox.list::<Lease>().await;
        assert!(held.is_empty() || status(&sandbox.get("app").await).run.is_some(), "{held:?}");
        hook.remove().await;
        sandbox.wait_ready("app").await;
    });
}

#[test]
fn a_pod_that_a_policy_denies_is_reported_though_its_job_was_accepted() {
    in_sandbox("denied", async |sandbox| {
        let place = ("", json!(["pods"]));
        let (policy, binding) = deny(
            sandbox,
            "pods",
            place,
            "!has(object.metadata.labels) || !('schemaward.dev/migration' in object.metadata.labels)",
        )
        .await;
        waiting::until("the policy counts", async || {
            let mut pod = probe("none");
            pod["metadata"] = json!({"name": "probe", "labels": {"schemaward.dev/migration": "probe"}});
            let pod: Pod = serde_json::from_value(pod).expect("a pod");
            let dry = PostParams { dry_run: true, ..PostParams::default() };
            sandbox.api::<Pod>().create(&dry, &pod).await.is_err().then_some(())
        })
        .await;
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        let is_reported = |seen: &SchemaMigration| message(seen, condition::READY).contains("not with us (pods)");
        let resource = sandbox.wait_for("app", "refused by the policy", is_reported).await;
        assert!(
            status(&resource).run.and_then(|run| run.waiting).is_some_and(|why| why.contains("not with us (pods)"))
        );
        let event = sandbox.wait_event("app", "Waiting").await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        binding.remove().await;
        policy.remove().await;
        // The Job controller retries only after pauses longer than a test; a new Job starts at once.
        sandbox.patch("app", json!({"metadata": {"annotations": {"schemaward.dev/retry": "now"}}})).await;
        sandbox.wait_ready("app").await;
    });
}

#[test]
fn a_suspended_job_is_reported_as_such_and_continues_when_it_is_resumed() {
    in_sandbox("suspended", async |sandbox| {
        let sql = "create table b (id int); select pg_sleep(3); create table c (id int);";
        sandbox.apply("app", inline([("001_a.sql", sql)])).await;
        sandbox.wait_running("app", "pg_sleep").await;
        let run = status(&sandbox.get("app").await).run.expect("a run").name;
        let suspend = |on: bool| Patch::Merge(json!({"spec": {"suspend": on}}));
        let jobs = sandbox.api::<Job>();
        jobs.patch(&run, &PatchParams::default(), &suspend(true)).await.expect("suspending");
        let is_reported = |seen: &SchemaMigration| message(seen, condition::READY).contains("its Job is suspended");
        sandbox.wait_for("app", "reported as suspended", is_reported).await;
        jobs.patch(&run, &PatchParams::default(), &suspend(false)).await.expect("resuming");
        let resource = sandbox.wait_ready("app").await;
        assert_eq!(status(&resource).run.map(|run| run.name), Some(run), "by the same run");
    });
}

#[test]
fn the_lease_of_the_database_where_a_run_continues_is_kept_and_given_back() {
    in_sandbox("moved", async |sandbox| {
        sandbox.secret("other", KEY, &sandbox.database.pod_url).await;
        let sql = "create table b (id int); select pg_sleep(8); create table c (id int);";
        sandbox.apply("app", inline([("001_a.sql", sql)])).await;
        sandbox.wait_running("app", "pg_sleep").await;
        let before: Vec<String> = sandbox.list::<Lease>().await.iter().map(ResourceExt::name_any).collect();
        assert_eq!(before.len(), 1);
        sandbox.patch("app", json!({"spec": {"database": {"urlSecretRef": {"name": "other"}}}})).await;
        sandbox
            .wait_for("app", "reported as changed", |seen| {
                status(seen).observed_generation == seen.metadata.generation
                    && message(seen, condition::READY).contains("The spec has changed")
            })
            .await;
        let during: Vec<String> = sandbox.list::<Lease>().await.iter().map(ResourceExt::name_any).collect();
        assert_eq!(during, before, "the one of the database where the run continues, and no other");
        let resource = sandbox.wait_ready("app").await;
        assert_eq!(status(&resource).observed_generation, resource.metadata.generation);
        // Ready is written before the Lease is released.
        let all = watcher::Config::default();
        waiting::objects(sandbox.api::<Lease>(), all, "no Lease is left", <[Lease]>::is_empty).await;
        let owners = sandbox.leases().into_iter().flat_map(|lease| lease.owner_references().to_vec());
        assert!(owners.map(|owner| owner.name).all(|name| name == "app"));
    });
}

#[test]
fn what_a_run_warns_of_is_shown_in_its_status_and_one_event() {
    in_sandbox("warned", async |sandbox| {
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        let resource = sandbox.wait_ready("app").await;
        assert_eq!(status(&resource).run.map(|run| run.warnings), Some(Vec::new()));
        let edited = "-- a word of explanation\ncreate table a (id int);";
        sandbox.apply("app", inline([("001_a.sql", edited), ("002_b.sql", "")])).await;
        let is_reported = |seen: &SchemaMigration| {
            is_true(seen, condition::READY) && status(seen).current_version.as_deref() == Some("002")
        };
        let resource = sandbox.wait_for("app", "at version 002", is_reported).await;
        let run = status(&resource).run.expect("a run");
        assert_eq!(status(&resource).warnings, run.warnings);
        let [cosmetic, empty] = &run.warnings[..] else { panic!("{:?}", run.warnings) };
        assert!(cosmetic.contains("comments or white space of version 001 were changed"), "{cosmetic}");
        assert!(empty.contains("002_b.sql: the file is empty"), "{empty}");
        let _events = operator::undisturbed().await;
        let event = sandbox.wait_event("app", "Warned").await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        let said = event.message.unwrap_or_default();
        assert!(said.contains(&run.name) && said.contains(cosmetic) && said.contains(empty), "{said}");
        let reasons = sandbox.event_reasons("app").await;
        assert_eq!(reasons.iter().filter(|reason| *reason == "Warned").count(), 1, "{reasons:?}");
    });
}

#[test]
fn a_long_wait_for_the_database_is_reported_by_one_event() {
    in_sandbox("longwait", async |sandbox| {
        sandbox.apply("first", inline([("001_a.sql", "select pg_sleep(55);")])).await;
        sandbox.wait_running("first", "pg_sleep").await;
        let ledger = json!({"history": {"schema": "second"}});
        sandbox.apply_with("second", inline([("001_b.sql", "create table b (id int);")]), ledger).await;
        let waits = |seen: &SchemaMigration| {
            find(seen, condition::READY).is_some_and(|(_, reason, _)| reason == "WaitingForDatabase")
        };
        let resource = sandbox.wait_for("second", "waiting for the database", waits).await;
        let reasons = sandbox.event_reasons("second").await;
        assert!(!reasons.contains(&"WaitingForDatabase".to_owned()), "not at once: {reasons:?}");
        let _events = operator::undisturbed().await;
        let event = sandbox.wait_event("second", "WaitingForDatabase").await;
        assert_eq!(event.type_.as_deref(), Some("Normal"));
        assert_eq!(event.message.as_deref(), Some(message(&resource, condition::READY).as_str()));
        sandbox.wait_ready("second").await;
        let reasons = sandbox.event_reasons("second").await;
        assert_eq!(reasons.iter().filter(|reason| *reason == "WaitingForDatabase").count(), 1, "{reasons:?}");
    });
}
