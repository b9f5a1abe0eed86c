//! Valid and invalid resources against a real API server. All requests are dry runs: nothing is stored and no operator
//! sees them. docs/bad-input.md shows the same messages to users.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::{Client, Error};
use schemaward::api::SchemaMigration;
use serde_json::{Value, json};

/// A client for the cluster of KUBECONFIG, which `make test-cluster` sets.
async fn client() -> kube::Result<Client> {
    Client::try_default().await
}

/// The smallest valid resource.
fn least() -> Value {
    json!({
        "apiVersion": "schemaward.dev/v1alpha1",
        "kind": "SchemaMigration",
        "metadata": {"name": "resources-test"},
        "spec": {
            "database": {"engine": "postgres", "urlSecretRef": {"name": "shop-db", "key": "url"}},
            "source": {"configMaps": [{"name": "shop-migrations"}]}
        }
    })
}

/// The smallest resource with one part replaced; null removes it.
fn with(pointer: &str, value: Value) -> Value {
    let mut object = least();
    let patch = pointer.split('/').skip(1).collect::<Vec<_>>();
    let nested = patch.iter().rev().fold(value, |inner, key| json!({ (*key): inner }));
    merge(&mut object, nested);
    object
}

/// A JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(&key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }
}

/// Applies as `kubectl apply --server-side --dry-run=server --validate=strict` does.
async fn apply(client: &Client, object: &Value) -> kube::Result<DynamicObject> {
    let resource = kube::api::ApiResource::erase::<SchemaMigration>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    let parameters = PatchParams { dry_run: true, ..PatchParams::apply("resources-test").validation_strict() };
    api.patch("resources-test", &parameters, &Patch::Apply(object)).await
}

/// An inline source with this many files of this many characters.
fn inline_of(files: usize, characters: usize) -> Value {
    let files: serde_json::Map<String, Value> =
        (1..=files).map(|n| (format!("{n:03}_a.sql"), json!("-".repeat(characters)))).collect();
    json!({"configMaps": null, "inline": {"files": files}})
}

/// An input, the field that the API server names, and texts that its message must contain.
fn bad() -> Vec<(Value, &'static str, &'static str)> {
    let files = |name: &str| json!({"configMaps": null, "inline": {"files": {name: "select 1"}}});
    let many = |count: i32| (0..count).map(|n| json!({"name": format!("m{n}")})).collect::<Vec<_>>();
    vec![
        (with("/spec", json!({"database": null})), "spec.database", "Required value"),
        (with("/spec/database", json!({"urlSecretRef": null})), "spec.database.urlSecretRef", "Required value"),
        (
            with("/spec/database/engine", json!("oracle")),
            "spec.database.engine",
            r#"supported values: "postgres", "mysql", "mariadb""#,
        ),
        (
            with("/spec/database/urlSecretRef/name", json!("Shop_DB")),
            "spec.database.urlSecretRef.name",
            "lower-case letters",
        ),
        (with("/spec/database/urlSecretRef/name", json!("")), "spec.database.urlSecretRef.name", "lower-case letters"),
        (
            with("/spec/database/urlSecretRef/key", json!("the url")),
            "spec.database.urlSecretRef.key",
            "a key of the Secret",
        ),
        (with("/spec/database/urlSecretRef/key", json!("..")), "spec.database.urlSecretRef.key", "a key of the Secret"),
        (
            with("/spec/database/urlSecretRef/password", json!("x")),
            "spec.database.urlSecretRef.password",
            "field not declared",
        ),
        (with("/spec/source", json!({"configMaps": null})), "spec.source", "exactly one of configMaps and inline"),
        (with("/spec/source/inline", json!({"files": {"001_a.sql": "select 1"}})), "spec.source", "exactly one of"),
        (with("/spec/source/configMaps", json!([])), "spec.source.configMaps", "at least one ConfigMap"),
        (
            with("/spec/source/configMaps", json!([{"name": "Shop"}])),
            "spec.source.configMaps[0].name",
            "lower-case letters",
        ),
        (with("/spec/source/configMaps", json!(many(101))), "spec.source.configMaps", "at most 100 items"),
        (with("/spec/source", files("../001_a.sql")), "spec.source.inline.files", "a file name may hold"),
        (with("/spec/source", files("001 a.sql")), "spec.source.inline.files", "a file name may hold"),
        (with("/spec/source", inline_of(2, 256 * 1024 + 1)), "spec.source.inline.files", "more than 512 KiB in all"),
        (
            with("/spec/source", json!({"configMaps": null, "inline": {"files": {}}})),
            "spec.source.inline.files",
            "at least one file",
        ),
        (with("/spec/source", json!({"configMaps": null, "inline": {}})), "spec.source.inline.files", "Required value"),
        (with("/spec/targetVersion", json!("v7")), "spec.targetVersion", "give latest, or a version"),
        (with("/spec/targetVersion", json!("")), "spec.targetVersion", "give latest, or a version"),
        (with("/spec/targetVersion", json!(7)), "spec.targetVersion", "expected string"),
        (with("/spec/targetVersion", json!("1".repeat(33))), "spec.targetVersion", "may not be more than 32"),
        (with("/spec/lockTimeout", json!("0s")), "spec.lockTimeout", "must be greater than 0"),
        (with("/spec/lockTimeout", json!("five")), "spec.lockTimeout", "such as 5s or 1h30m"),
        (with("/spec/lockTimeout", json!("")), "spec.lockTimeout", "such as 5s or 1h30m"),
        (with("/spec/lockTimeout", json!("25h")), "spec.lockTimeout", "24h or less"),
        (with("/spec/activeDeadline", json!("500ms")), "spec.activeDeadline", "1s or more"),
        (with("/spec/activeDeadline", json!("1.5h")), "spec.activeDeadline", "such as 5s or 1h30m"),
        (with("/spec/activeDeadline", json!("30m1h")), "spec.activeDeadline", "largest first"),
        (with("/spec/activeDeadline", json!("721h")), "spec.activeDeadline", "720h or less"),
        (with("/spec/retry/limit", json!(-1)), "spec.retry.limit", "give 0"),
        (with("/spec/retry/initialDelay", json!("0s")), "spec.retry.initialDelay", "without a pause"),
        (with("/spec/retry/initialDelay", json!("6m")), "spec.retry", "initialDelay is longer than maxDelay"),
        (with("/spec/retry/maxDelay", json!("-1s")), "spec.retry.maxDelay", "such as 5s or 1h30m"),
        (with("/spec/history/schema", json!("pg_ledger")), "spec.history.schema", "are reserved by PostgreSQL"),
        (
            with("/spec/history/schema", json!("information_schema")),
            "spec.history.schema",
            "are reserved by PostgreSQL",
        ),
        (with("/spec/history/schema", json!("my-ledger")), "spec.history.schema", "a schema's name"),
        (with("/spec/history/schema", json!("x".repeat(64))), "spec.history.schema", "may not be more than 63"),
        (
            with("/spec/job/labels", json!({"schemaward.dev/migration": "x"})),
            "spec.job.labels",
            "set by Schemaward itself",
        ),
        (with("/spec/job/labels", json!({"team": "a b"})), "spec.job.labels[team]", "at most 63 letters"),
        (with("/spec/job/labels", json!({"a b": "x"})), "spec.job.labels", "a key is a name"),
        (with("/spec/job/annotations", json!({"/x": "y"})), "spec.job.annotations", "a key is a name"),
        (with("/spec/job/serviceAccountName", json!("No")), "spec.job.serviceAccountName", "lower-case letters"),
        (with("/spec/suspend", json!("yes")), "spec.suspend", "expected boolean"),
        (with("/spec/targetVersoin", json!("7")), "spec.targetVersoin", "field not declared"),
    ]
}

#[tokio::test]
async fn a_bad_resource_is_refused_with_the_field_and_what_to_do() {
    let client = client().await.unwrap();
    let mut wrong = Vec::new();
    for (object, field, says) in bad() {
        match apply(&client, &object).await {
            Err(Error::Api(status)) if status.message.contains(field) && status.message.contains(says) => {}
            Err(error) => wrong.push(format!("{field}, {says:?}: {error}")),
            Ok(_) => wrong.push(format!("{field}, {says:?}: accepted")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_duplicate_config_map_is_refused() {
    let client = client().await.unwrap();
    let object = with("/spec/source/configMaps", json!([{"name": "a"}, {"name": "a"}]));
    let error = apply(&client, &object).await.unwrap_err().to_string();
    assert!(error.contains("duplicate entries for key [name=\"a\"]"), "{error}");
}

#[tokio::test]
async fn a_good_resource_is_taken_and_completed() {
    let client = client().await.unwrap();
    let stored = apply(&client, &least()).await.unwrap();
    assert_eq!(
        stored.data,
        json!({
            "spec": {
                "database": {"engine": "postgres", "urlSecretRef": {"name": "shop-db", "key": "url"}},
                "source": {"configMaps": [{"name": "shop-migrations"}], "gaps": "Reject"},
                "targetVersion": "latest",
                "outOfOrder": "Reject",
                "alreadyExists": "Fail",
                "lockTimeout": "5s",
                "activeDeadline": "4h",
                "retry": {"limit": 8, "initialDelay": "5s", "maxDelay": "5m"},
                "history": {"schema": "schemaward"},
                "job": {},
                "suspend": false
            },
            "status": {"observedGeneration": -1}
        })
    );
}

#[tokio::test]
async fn the_limits_of_what_is_allowed_are_allowed() {
    let client = client().await.unwrap();
    let toleration = json!([{"key": "databases", "operator": "Exists", "effect": "NoSchedule"}]);
    for object in [
        with("/spec/targetVersion", json!("1".repeat(32))),
        with("/spec/targetVersion", json!("007")),
        with("/spec/targetVersion", json!("4.99.1561608282")),
        with("/spec/lockTimeout", json!("1ms")),
        with("/spec/lockTimeout", json!("24h")),
        with("/spec/activeDeadline", json!("1h30m15s250ms")),
        with("/spec/activeDeadline", json!("720h")),
        with("/spec/retry", json!({"limit": 0, "initialDelay": "5m", "maxDelay": "5m"})),
        with("/spec/history/schema", json!("_ledger_2")),
        with(
            "/spec/source",
            json!({"configMaps": null, "inline": {"files": {"V1__a.sql": "", "001_a.sql": "select 1"}}}),
        ),
        with("/spec/source", inline_of(2, 256 * 1024)),
        with("/spec/source", inline_of(1000, 500)),
        with("/spec/source", json!({"configMaps": [{"name": "a"}, {"name": "b.c-d"}], "revision": "git:abc"})),
        with("/spec/database/urlSecretRef", json!({"name": "a.b", "key": "DATABASE_URL"})),
        with("/spec/job/labels", json!({"example.com/team": "shop", "x": ""})),
        with("/spec/job/annotations", json!({"example.com/note": "any text: really, 100 %"})),
        with("/spec/job/tolerations", toleration),
        with("/spec/job/resources", json!({"limits": {"cpu": 1, "memory": "128Mi"}})),
        with("/spec/job/imagePullSecrets", json!([{"name": "registry"}])),
    ] {
        let applied = apply(&client, &object).await;
        assert!(applied.is_ok(), "{}: {}", object["spec"], applied.unwrap_err());
        let read: Result<SchemaMigration, _> = applied.unwrap().try_parse();
        assert!(read.is_ok(), "{}: {:?}", object["spec"], read.err());
    }
}
