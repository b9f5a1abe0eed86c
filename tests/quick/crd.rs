//! The generated CustomResourceDefinition: the repository's files are what `schemaward crd` prints.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use schemaward::api;
use serde_json::Value;

/// A CRD must fit into etcd and into the annotation of `kubectl apply` (256 KiB).
const LARGEST: usize = 64 * 1024;

fn repository_file(path: &str) -> std::io::Result<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
}

fn schema() -> Value {
    let crd = serde_json::to_value(api::crd()).unwrap_or_default();
    crd.pointer("/spec/versions/0/schema/openAPIV3Schema").cloned().unwrap_or_default()
}

#[test]
fn the_stored_files_are_what_the_command_prints() {
    let printed = Command::cargo_bin("schemaward").unwrap().arg("crd").assert().success().get_output().stdout.clone();
    let printed = String::from_utf8(printed).unwrap();
    for path in ["crds/schemaward.dev_schemamigrations.yaml", "charts/schemaward/files/crd.yaml"] {
        assert!(repository_file(path).unwrap() == printed, "{path} is stale: run `make crds`");
    }
}

#[test]
fn the_crd_is_small() {
    let bytes = api::crd_yaml().unwrap().len();
    assert!(bytes < LARGEST, "{bytes} bytes");
}

#[test]
fn a_new_object_is_marked_as_not_seen_yet() {
    assert_eq!(schema().pointer("/properties/status/default").unwrap(), &serde_json::json!({"observedGeneration": -1}));
}

#[test]
fn people_see_version_target_readiness_reason_and_age() {
    let crd = api::crd();
    let version = crd.spec.versions.first().unwrap();
    let columns = version.additional_printer_columns.iter().flatten();
    let columns: Vec<(&str, i32)> = columns.map(|c| (c.name.as_str(), c.priority.unwrap_or(0))).collect();
    // The last two with `-o wide` alone.
    let expected =
        [("Version", 0), ("Target", 0), ("Ready", 0), ("Reason", 0), ("Age", 0), ("Pending", 1), ("Message", 1)];
    assert_eq!(columns, expected);
    assert_eq!(crd.spec.names.categories.as_deref(), Some(["schemaward".to_owned()].as_slice()));
    assert_eq!(crd.spec.names.short_names.as_deref(), Some(["smig".to_owned()].as_slice()));
}

/// Kubernetes has only int32 and int64, and accepts null for "not given" only in nullable fields.
#[test]
fn no_field_has_an_unsigned_format_or_may_be_null() {
    fn walk(path: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(format)) = map.get("format") {
                    assert!(!format.starts_with("uint"), "{path}: {format}");
                }
                assert!(map.get("nullable") != Some(&Value::Bool(true)), "{path} is nullable");
                map.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(path, item)),
            _ => {}
        }
    }
    walk("", &schema());
}

#[test]
fn every_rule_says_what_to_do() {
    fn walk(path: &str, value: &Value) {
        if let Some(Value::Array(rules)) = value.get("x-kubernetes-validations") {
            for rule in rules {
                assert!(rule.get("message").and_then(Value::as_str).is_some_and(|m| m.len() > 10), "{path}: {rule}");
            }
        }
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value)),
            Value::Array(items) => items.iter().for_each(|item| walk(path, item)),
            _ => {}
        }
    }
    walk("", &schema());
}

/// The API server stores a number as a number where Kubernetes accepts both a number and a text.
#[test]
fn a_resource_as_the_api_server_stores_it_can_be_read() {
    let stored = serde_json::json!({
        "apiVersion": "schemaward.dev/v1alpha1", "kind": "SchemaMigration", "metadata": {"name": "shop"},
        "spec": {
            "database": {"engine": "postgres", "urlSecretRef": {"name": "shop-db", "key": "url"}},
            "source": {"configMaps": [{"name": "shop-migrations"}]},
            "job": {"resources": {"limits": {"cpu": 1, "memory": "64Mi"}}}
        },
        "status": {"observedGeneration": -1}
    });
    let read: api::SchemaMigration = serde_json::from_value(stored).unwrap();
    assert_eq!(read.spec.target_version, api::TargetVersion::default());
    assert_eq!(read.spec.lock_timeout.parse().unwrap().as_secs(), 5);
    assert_eq!(read.spec.job.resources.unwrap().limits.unwrap()["cpu"].0, "1");
    assert_eq!(read.status.unwrap().observed_generation, Some(-1));
}

#[test]
fn every_message_is_in_the_documentation() {
    fn walk(found: &mut Vec<String>, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::Array(rules)) = map.get("x-kubernetes-validations") {
                    found.extend(rules.iter().filter_map(|rule| rule.get("message")?.as_str()).map(str::to_owned));
                }
                map.values().for_each(|value| walk(found, value));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(found, item)),
            _ => {}
        }
    }
    let page = repository_file("docs/bad-input.md").unwrap();
    let mut messages = Vec::new();
    walk(&mut messages, &schema());
    assert!(messages.len() > 20, "the schema has rules");
    messages.retain(|message| !page.contains(&format!("| {message} |")));
    assert!(messages.is_empty(), "not in docs/bad-input.md: {messages:#?}");
}
