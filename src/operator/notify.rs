//! Reports what happened: as events in the cluster and as lines of the log. If a notice cannot be delivered, that is
//! not an error: the status says the same.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client, Resource as _};

use super::decision::Notice;
use super::names;
use super::observed::Resource;
use super::refusal::words;
use super::text::{MESSAGE_LIMIT, shorten};
use crate::api::SchemaMigration;

/// Who reports.
const REPORTER: &str = "schemaward.dev/operator";

/// Reports one notice. An event's name follows from what it says, so the same one is never there twice.
pub async fn tell(client: &Client, resource: &Resource, notice: &Notice, identity: &str) {
    let reason = notice.kind.reason();
    if notice.kind.is_warning() {
        tracing::warn!(reason, "{}", notice.message);
    } else {
        tracing::info!(reason, "{}", notice.message);
    }
    let api: Api<Event> = Api::namespaced(client.clone(), &resource.namespace);
    match api.create(&PostParams::default(), &event(resource, notice, identity, Timestamp::now())).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => tracing::warn!(error = words(&error), reason, "an event could not be written"),
    }
}

fn event(resource: &Resource, notice: &Notice, identity: &str, now: Timestamp) -> Event {
    let reason = notice.kind.reason();
    let run = notice.run.as_deref().unwrap_or_default();
    let digest = names::digest(&[&resource.uid, run, reason, &notice.message]);
    let stem: String = resource.name.chars().take(200).collect();
    Event {
        action: Some("Migrate".to_owned()),
        event_time: Some(MicroTime(now)),
        metadata: ObjectMeta {
            name: Some(format!("{}.{}", stem.trim_end_matches(['.', '-']), digest.get(..16).unwrap_or(&digest))),
            namespace: Some(resource.namespace.clone()),
            ..ObjectMeta::default()
        },
        note: Some(shorten(&notice.message, MESSAGE_LIMIT)),
        reason: Some(reason.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(SchemaMigration::api_version(&()).into_owned()),
            kind: Some(SchemaMigration::kind(&()).into_owned()),
            name: Some(resource.name.clone()),
            namespace: Some(resource.namespace.clone()),
            uid: Some(resource.uid.clone()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(shorten(identity, 128)),
        type_: Some(if notice.kind.is_warning() { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}
