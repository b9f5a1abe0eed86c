//! What a run's pod may do, and where a password must never be.

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::PostParams;
use serde_json::json;

use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, Sandbox, status};
use crate::support::source::inline;
use crate::support::{canary, operator};

#[test]
fn the_pod_keeps_to_the_restricted_standard_and_has_no_token() {
    in_sandbox("restricted", async |sandbox| {
        // The namespace enforces it: an ordinary pod is refused.
        let careless = json!({"metadata": {"name": "careless"}, "spec": {"containers": [{"name": "x", "image": "x"}]}});
        let careless: Pod = serde_json::from_value(careless).expect("a pod");
        let refused = sandbox.api::<Pod>().create(&PostParams::default(), &careless).await.unwrap_err().to_string();
        assert!(refused.contains("PodSecurity"), "{refused}");

        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        sandbox.wait_ready("app").await;
        let pods = sandbox.pods("app");
        let spec = pods[0].spec.as_ref().expect("a spec");
        assert_eq!(spec.automount_service_account_token, Some(false));
        assert_eq!(spec.containers.len(), 1);
        let container = &spec.containers[0];
        let mounts = container.volume_mounts.as_deref().unwrap_or_default();
        assert!(!mounts.iter().any(|mount| mount.mount_path.contains("serviceaccount")), "{mounts:?}");
        let environment = container.env.as_deref().unwrap_or_default();
        assert!(!environment.iter().any(|variable| variable.value_from.is_some()), "{environment:?}");
        assert!(container.env_from.as_deref().unwrap_or_default().is_empty());
        let security = container.security_context.as_ref().expect("a securityContext");
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert_eq!(security.read_only_root_filesystem, Some(true));
        assert_eq!(security.capabilities.as_ref().and_then(|c| c.drop.clone()), Some(vec!["ALL".to_owned()]));
        let pod = spec.security_context.as_ref().expect("a securityContext");
        assert_eq!(security.run_as_non_root.or(pod.run_as_non_root), Some(true));
        let profile = security.seccomp_profile.as_ref().or(pod.seccomp_profile.as_ref());
        assert_eq!(profile.map(|profile| profile.type_.as_str()), Some("RuntimeDefault"));
        assert!(container.resources.as_ref().is_some_and(|r| r.requests.is_some() && r.limits.is_some()));

        let events: Vec<Event> = sandbox.list().await;
        let about_it = |event: &&Event| event.message.as_deref().unwrap_or_default().contains("PodSecurity");
        assert_eq!(events.iter().filter(about_it).count(), 0, "{events:?}");
    });
}

#[test]
fn the_password_is_nowhere_after_a_success_and_after_failures() {
    in_sandbox("canary", async |sandbox| {
        let _logs = operator::undisturbed().await;
        let word = &sandbox.canary;
        assert_ne!(canary::find(&canary::secrets(sandbox).await, word), None, "the search finds it where it is");

        sandbox.apply("good", inline([("001_a.sql", "create table a (id int);")])).await;
        sandbox.wait_ready("good").await;
        verify_absent(sandbox, "a success").await;

        let url = &sandbox.database.pod_url;
        let failing = inline([("001_a.sql", "create table a (id int);"), ("002_b.sql", "select * from nowhere;")]);
        sandbox.apply("failing", failing).await;
        sandbox.wait_stalled("failing", "StatementFailed").await;
        verify_absent(sandbox, "a failing statement").await;

        let wrong = [
            ("wrong-password", url.replace("%40x", "%40y")),
            ("wrong-host", url.replace('@', "@no-such-host.")),
            ("wrong-port", url.replace(":5432", ":five")),
            ("wrong-scheme", url.replace("postgres://", "pg//")),
            // An unescaped @ ends the password early, so that the rest becomes the host.
            ("unescaped", url.replace("%40x", "/@x")),
        ];
        for (name, url) in wrong {
            assert_ne!(&url, &sandbox.database.pod_url, "{name}");
            sandbox.secret(name, KEY, &url).await;
            let database = json!({"database": {"engine": "postgres", "urlSecretRef": {"name": name, "key": KEY}}});
            sandbox.apply_with(name, inline([("001_a.sql", "create table a (id int);")]), database).await;
        }
        for (name, _) in
            [("wrong-password", ""), ("wrong-host", ""), ("wrong-port", ""), ("wrong-scheme", ""), ("unescaped", "")]
        {
            let resource = sandbox.wait_for(name, "failed", |seen| status(seen).last_error.is_some()).await;
            println!("{name}: {}", status(&resource).last_error.unwrap_or_default().message);
        }
        verify_absent(sandbox, "a wrong URL").await;
        let rejected = sandbox.get("wrong-password").await;
        assert_eq!(status(&rejected).last_error.expect("the error").reason, "AuthenticationFailed");
    });
}

async fn verify_absent(sandbox: &Sandbox, after: &str) {
    let places = canary::readable(sandbox).await;
    assert!(places.iter().filter(|(place, text)| place.starts_with("the log of") && !text.is_empty()).count() > 0);
    assert!(places.iter().any(|(place, text)| place == "the operator's log" && text.contains(&sandbox.namespace)));
    for (place, text) in places {
        let found = canary::find(&text, &sandbox.canary);
        assert_eq!(found, None, "after {after} the password is in {place}");
    }
}
