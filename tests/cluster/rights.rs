//! The operator's rights in a real cluster, compared with the list of what it needs. Asks the API server and not the
//! chart, so that rights from any other source are found too.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Config};

/// A verb on a resource of an API group, as `verb group/resource`.
type Rights = BTreeSet<String>;

fn needed() -> Rights {
    [
        ("schemaward.dev/schemamigrations", "get list watch patch"),
        ("schemaward.dev/schemamigrations/status", "patch"),
        ("schemaward.dev/schemamigrations/finalizers", "update"),
        ("/configmaps", "get list watch create delete"),
        ("batch/jobs", "get list watch create delete"),
        ("/pods", "get list watch"),
        ("/pods/log", "get"),
        ("coordination.k8s.io/leases", "get list watch create update delete"),
        ("/events", "list"),
        ("events.k8s.io/events", "create"),
    ]
    .into_iter()
    .flat_map(|(resource, verbs)| verbs.split(' ').map(move |verb| format!("{verb} {resource}")))
    .collect()
}

async fn rights(account: &str, namespace: &str) -> kube::Result<Rights> {
    let mut config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    config.auth_info.impersonate = Some(account.to_owned());
    let reviews: Api<SelfSubjectRulesReview> = Api::all(Client::try_from(config)?);
    let question = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_owned()) },
        ..SelfSubjectRulesReview::default()
    };
    let answer = reviews.create(&PostParams::default(), &question).await?;
    let mut rights = Rights::new();
    for rule in answer.status.unwrap_or_default().resource_rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                rights.extend(rule.verbs.iter().map(|verb| format!("{verb} {group}/{resource}")));
            }
        }
    }
    Ok(rights)
}

async fn operator() -> kube::Result<Option<(String, String)>> {
    let deployments: Api<Deployment> = Api::all(Client::try_default().await?);
    let found = deployments.list(&ListParams::default().labels("app.kubernetes.io/name=schemaward")).await?;
    Ok(found.items.into_iter().next().and_then(|deployment| {
        let namespace = deployment.metadata.namespace?;
        let account = deployment.spec?.template.spec?.service_account_name?;
        Some((format!("system:serviceaccount:{namespace}:{account}"), namespace))
    }))
}

#[tokio::test]
async fn the_operator_may_do_what_it_needs_and_nothing_else() {
    let (account, own_namespace) = operator().await.unwrap().unwrap();
    for namespace in ["default", "kube-system", &own_namespace] {
        // What everybody may do, such as asking for one's own rights, does not count.
        let everybody = rights("system:serviceaccount:default:nobody-of-this-name", namespace).await.unwrap();
        let has: Rights = rights(&account, namespace).await.unwrap().difference(&everybody).cloned().collect();
        let beyond: Vec<_> = has.difference(&needed()).cloned().collect();
        let missing: Vec<_> = needed().difference(&has).cloned().collect();
        assert!(beyond.is_empty(), "in {namespace} the operator may also: {beyond:?}");
        assert!(missing.is_empty(), "in {namespace} the operator may not: {missing:?}");
    }
}

#[tokio::test]
async fn the_operator_has_no_right_on_secrets_and_no_wildcard() {
    let (account, namespace) = operator().await.unwrap().unwrap();
    let has = rights(&account, &namespace).await.unwrap();
    assert!(!has.is_empty());
    let wrong: Vec<_> = has.iter().filter(|right| right.contains("secrets") || right.contains('*')).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
