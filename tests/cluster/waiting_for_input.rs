//! References to objects that do not exist yet, suspension, and a status that was deleted.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use schemaward::api::{SchemaMigration, condition};
use serde_json::json;

use crate::support::kstatus::{Kstatus, is_true, kstatus, message};
use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, SECRET, status};
use crate::support::source::{config_maps, files, inline};

#[test]
fn a_config_map_that_is_missing_is_named_and_waited_for() {
    in_sandbox("source", async |sandbox| {
        sandbox.apply("app", config_maps(&["not-yet"])).await;
        let resource = sandbox
            .wait_for("app", "waiting for its source", |seen| message(seen, condition::READY).contains("not-yet"))
            .await;
        assert_ne!(kstatus(&resource), Kstatus::Current);
        assert_eq!(sandbox.jobs("app").len(), 0);
        let set = files([("001_a.sql", "create table a (id int);")]);
        sandbox.config_map("not-yet", &set).await;
        sandbox.wait_ready_with("app", &set).await;
        assert!(sandbox.database.has_table("a").await);
    });
}

#[test]
fn a_secret_that_is_missing_is_named_and_waited_for() {
    in_sandbox("secret", async |sandbox| {
        sandbox.api::<Secret>().delete(SECRET, &kube::api::DeleteParams::default()).await.expect("deleting the Secret");
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        let resource = sandbox
            .wait_for("app", "waiting for its Secret", |seen| {
                let message = message(seen, condition::READY);
                message.contains(&format!("Secret \"{SECRET}\" with the key \"{KEY}\""))
                    && message.contains("not found")
            })
            .await;
        assert_ne!(kstatus(&resource), Kstatus::Current);
        sandbox.secret(SECRET, KEY, &sandbox.database.pod_url).await;
        sandbox.wait_ready("app").await;
        assert!(sandbox.database.has_table("a").await);
    });
}

#[test]
fn a_run_that_cannot_start_is_withdrawn_when_the_spec_is_corrected() {
    in_sandbox("correct", async |sandbox| {
        let wrong = json!({"database": {"engine": "postgres", "urlSecretRef": {"name": "nosuch", "key": KEY}}});
        sandbox.apply_with("app", inline([("001_a.sql", "create table a (id int);")]), wrong).await;
        sandbox
            .wait_for("app", "waiting for the wrong Secret", |seen| {
                message(seen, condition::READY).contains("Secret \"nosuch\"")
            })
            .await;
        sandbox.patch("app", json!({"spec": {"database": {"urlSecretRef": {"name": SECRET}}}})).await;
        sandbox.wait_ready("app").await;
        assert!(sandbox.database.has_table("a").await);
        assert_eq!(sandbox.list::<Job>().await.len(), 1, "the Job that could not begin is gone");
    });
}

#[test]
fn nothing_starts_while_a_resource_is_suspended() {
    in_sandbox("suspend", async |sandbox| {
        let source = inline([("001_a.sql", "create table a (id int);")]);
        sandbox.apply_with("app", source.clone(), json!({"suspend": true})).await;
        let resource = sandbox
            .wait_for("app", "seen by the operator", |seen| {
                status(seen).observed_generation == seen.metadata.generation
            })
            .await;
        assert!(!is_true(&resource, condition::READY));
        assert!(message(&resource, condition::READY).to_lowercase().contains("suspend"));
        // Another resource runs to its end afterwards: the operator had enough time for the first one too.
        sandbox.secret("other", KEY, &sandbox.database.pod_url).await;
        let other = json!({"database": {"engine": "postgres", "urlSecretRef": {"name": "other", "key": KEY}}, "history": {"schema": "other"}});
        sandbox.apply_with("other", inline([("001_b.sql", "create table b (id int);")]), other).await;
        sandbox.wait_ready("other").await;
        assert_eq!(sandbox.jobs("app").len(), 0);
        assert!(!sandbox.database.has_table("a").await);

        sandbox.apply_with("app", source, json!({"suspend": false})).await;
        sandbox.wait_ready("app").await;
        assert!(sandbox.database.has_table("a").await);
    });
}

#[test]
fn a_deleted_status_comes_back_from_the_database() {
    in_sandbox("status", async |sandbox| {
        sandbox
            .apply(
                "app",
                inline([("001_a.sql", "create table a (id int);"), ("002_b.sql", "create table b (id int);")]),
            )
            .await;
        let before = status(&sandbox.wait_ready("app").await);
        let nothing = Patch::Merge(json!({"status": null}));
        sandbox
            .api::<SchemaMigration>()
            .patch_status("app", &PatchParams::default(), &nothing)
            .await
            .expect("patching");
        let resource = sandbox
            .wait_for("app", "Ready again", |seen| kstatus(seen) == Kstatus::Current && is_true(seen, condition::READY))
            .await;
        let after = status(&resource);
        assert_eq!(after.current_version, before.current_version);
        assert_eq!(after.history, before.history);
        assert_eq!(after.source_hash, before.source_hash);
        assert_eq!(sandbox.database.ledger(true).await, ["001", "002"], "nothing was applied again");
    });
}
