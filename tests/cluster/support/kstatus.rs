//! kstatus: how `kubectl wait`, Helm and Flux read a resource's conditions.
//! Source: sigs.k8s.io/cli-utils/pkg/kstatus, README "The Ready, Reconciling and Stalled conditions".

use schemaward::api::{SchemaMigration, condition};

/// How a tool that follows kstatus sees a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kstatus {
    Terminating,
    InProgress,
    Failed,
    Current,
}

pub fn kstatus(resource: &SchemaMigration) -> Kstatus {
    let observed = resource.status.as_ref().and_then(|status| status.observed_generation);
    let stale = observed.is_some() && observed != resource.metadata.generation;
    if resource.metadata.deletion_timestamp.is_some() {
        Kstatus::Terminating
    } else if stale || is_true(resource, condition::RECONCILING) {
        Kstatus::InProgress
    } else if is_true(resource, condition::STALLED) {
        Kstatus::Failed
    } else {
        match find(resource, condition::READY) {
            // A resource without conditions counts as finished: hence the CRD's default of -1 above.
            Some(("True", _, _)) | None => Kstatus::Current,
            Some(_) => Kstatus::InProgress,
        }
    }
}

/// A condition's status, reason and message.
pub fn find<'a>(resource: &'a SchemaMigration, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = &resource.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((&found.status, &found.reason, &found.message))
}

pub fn is_true(resource: &SchemaMigration, kind: &str) -> bool {
    find(resource, kind).is_some_and(|(status, _, _)| status == "True")
}

pub fn message(resource: &SchemaMigration, kind: &str) -> String {
    find(resource, kind).map(|(_, _, message)| message.to_owned()).unwrap_or_default()
}

pub fn reason(resource: &SchemaMigration, kind: &str) -> String {
    find(resource, kind).map(|(_, reason, _)| reason.to_owned()).unwrap_or_default()
}
