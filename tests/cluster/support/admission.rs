//! Admission policies of one test, as an administrator would write them for its namespace.

use serde_json::{Value, json};

use super::sandbox::Sandbox;

const KINDS: [&str; 2] = ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];

/// A policy that changes what is created in the sandbox.
pub struct Mutation<'a> {
    sandbox: &'a Sandbox,
    name: String,
}

impl<'a> Mutation<'a> {
    /// Creates it. `patch` is CEL that gives a list of `JSONPatch`. None if the cluster has no such policies.
    pub async fn create(sandbox: &'a Sandbox, slug: &str, resource: Value, patch: &str) -> Option<Self> {
        let name = format!("{}-{slug}", sandbox.namespace);
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail", "reinvocationPolicy": "Never",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}},
                    "resourceRules": [resource],
                },
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name}, "spec": {"policyName": name},
        });
        for (kind, object) in KINDS.into_iter().zip([policy, binding]) {
            let request = axum::http::Request::post(format!("/apis/admissionregistration.k8s.io/v1/{kind}"));
            let request = request.header("content-type", "application/json").body(object.to_string().into_bytes());
            let answer: Result<Value, _> = sandbox.client.request(request.expect("a request")).await;
            if let Err(error) = answer {
                println!("SKIPPED: this cluster takes no {kind}: {error}");
                return None;
            }
        }
        Some(Self { sandbox, name })
    }

    pub async fn remove(&self) {
        for kind in KINDS {
            let path = format!("/apis/admissionregistration.k8s.io/v1/{kind}/{}", self.name);
            let request = axum::http::Request::delete(path).body(Vec::new()).expect("a request");
            let _: Result<Value, _> = self.sandbox.client.request(request).await;
        }
    }
}

/// The rule for Jobs as they are created.
pub fn jobs() -> Value {
    json!({"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]})
}

/// The rule for pods as they are created.
pub fn pods() -> Value {
    json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]})
}
