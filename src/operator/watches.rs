//! The watches, and what is taken from each object that they bring: no more than the index keeps, so that the operator's
//! memory does not grow with what lies in resources and `ConfigMap`s.

use std::borrow::Cow;

use futures::future::ready;
use futures::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::conditions::Owned;
use super::index::{JobSign, LeaseSign, MapSign, News, PodSign, ResourceSign, sign_of_map};
use super::observed::JobEnd;
use super::queue::Key;
use super::{names, pod, refusal};
use crate::api::SchemaMigration;

/// How many objects one answer may hold where an API server does not stream what is there at the beginning of a watch: even
/// the metadata of one can have a megabyte and more, and an answer is in memory as a whole, more than once.
const PAGE: u32 = 8;

/// A message with the group of watches it came by.
pub type Signal = (usize, watcher::Result<News>);

/// Why a watch was interrupted, in a sentence.
#[must_use]
pub fn words(error: &watcher::Error) -> String {
    let (what, cause) = match error {
        watcher::Error::InitialListFailed(cause) => ("the list before the watch failed", cause),
        watcher::Error::WatchStartFailed(cause) => ("the watch could not be started", cause),
        watcher::Error::WatchFailed(cause) => ("the watch broke off", cause),
        other @ (watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion) => return other.to_string(),
    };
    format!("{what}: {}", refusal::words(cause))
}

/// All watches: over these namespaces, or over all.
pub fn all(client: &Client, namespaces: &[Option<&str>]) -> BoxStream<'static, Signal> {
    let groups = namespaces.iter().enumerate().flat_map(|(group, namespace)| {
        let (any, mine) = (watcher::Config::default(), watcher::Config::default().labels(names::MIGRATION_LABEL));
        let watches: [BoxStream<'static, watcher::Result<News>>; 5] = [
            watch::<Listed, _>(client, *namespace, any.clone(), |object| News::Resource(object.map(resource_sign))),
            watch::<Job, _>(client, *namespace, mine.clone(), |object| News::Job(object.map(job_sign))),
            watch::<Pod, _>(client, *namespace, mine.clone(), |object| News::Pod(object.map(pod_sign))),
            watch::<PartialObjectMeta<Lease>, _>(client, *namespace, mine, |object| {
                News::Lease(object.map(|lease| LeaseSign { version: lease.resource_version().unwrap_or_default() }))
            }),
            watch::<PartialObjectMeta<ConfigMap>, _>(client, *namespace, any, |object| {
                News::Map(object.map(|map| MapSign { resource: frozen_for(map) }))
            }),
        ];
        watches.map(|watch| watch.map(move |news| (group, news)).boxed())
    });
    select_all(groups.collect::<Vec<_>>()).boxed()
}

/// An event about an object, before it is known what is kept of it.
struct Told<K>(Event<K>);

impl<K: kube::ResourceExt> Told<K> {
    fn map<S>(self, sign: impl Fn(&K) -> S) -> Event<(Key, S)> {
        let pair = |object: &K| (Key::new(&object.namespace().unwrap_or_default(), &object.name_any()), sign(object));
        match &self.0 {
            Event::Apply(object) => Event::Apply(pair(object)),
            Event::InitApply(object) => Event::InitApply(pair(object)),
            Event::Delete(object) => Event::Delete(pair(object)),
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
        }
    }
}

fn watch<K, F>(
    client: &Client,
    namespace: Option<&str>,
    config: watcher::Config,
    news: F,
) -> BoxStream<'static, watcher::Result<News>>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    K: Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    F: Fn(Told<K>) -> News + Send + 'static,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    // One object after the other, where the API server can. Where it cannot, it says so at once, and lists are asked for.
    let streamed = watcher(api.clone(), config.clone().streaming_lists());
    let streamed = streamed.take_while(|event| ready(!is_refused(event)));
    let listed = watcher(api, config.page_size(PAGE));
    streamed.chain(listed).default_backoff().map(move |event| event.map(|event| news(Told(event)))).boxed()
}

/// Whether an API server does not know how to stream what is there (`WatchList`, a beta feature).
fn is_refused<K>(event: &watcher::Result<Event<K>>) -> bool {
    matches!(event, Err(watcher::Error::WatchStartFailed(kube::Error::Api(status))) if matches!(status.code, 400 | 422))
}

/// A resource, read no further than the index needs: its inline source is passed over, not taken into memory. What may
/// be anything in a resource that an older CRD let in is read as such, since one that cannot be read would end the watch
/// over all.
#[derive(Clone, Debug, Deserialize)]
struct Listed {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ListedSpec,
    #[serde(default)]
    status: ListedStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ListedSpec {
    #[serde(default)]
    source: ListedSource,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListedSource {
    config_maps: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ListedStatus {
    conditions: Value,
}

impl Resource for Listed {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        SchemaMigration::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        SchemaMigration::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        SchemaMigration::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        SchemaMigration::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

fn resource_sign(object: &Listed) -> ResourceSign {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let holds = |type_: &str| {
        let conditions = items(&object.status.conditions);
        conditions
            .iter()
            .any(|c| text(c, "type").as_deref() == Some(type_) && text(c, "status").as_deref() == Some("True"))
    };
    let namespace = object.namespace().unwrap_or_default();
    ResourceSign {
        version: object.resource_version().unwrap_or_default(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        config_maps: items(&object.spec.source.config_maps)
            .iter()
            .filter_map(|map| Some(sign_of_map(&namespace, &text(map, "name")?)))
            .collect(),
        label: names::migration_label(&object.name_any()),
        conditions: Owned::ALL.map(|owned| holds(owned.as_str())),
    }
}

/// The resource that owns an object.
fn owner(object: &impl kube::ResourceExt) -> Option<String> {
    let kind = SchemaMigration::kind(&());
    object.owner_references().iter().find(|owner| owner.kind == kind).map(|owner| owner.name.clone())
}

fn frozen_for(map: &PartialObjectMeta<ConfigMap>) -> Option<String> {
    map.labels().get(names::MIGRATION_LABEL)?;
    owner(map)
}

fn job_sign(job: &Job) -> JobSign {
    let ended = pod::job_end(job);
    let state = [
        matches!(ended, Some(JobEnd::Complete)),
        matches!(ended, Some(JobEnd::Failed { .. })),
        pod::is_suspended(job),
        job.metadata.deletion_timestamp.is_some(),
    ];
    JobSign { resource: owner(job).unwrap_or_default(), state }
}

fn pod_sign(pod: &Pod) -> PodSign {
    PodSign {
        label: pod.labels().get(names::MIGRATION_LABEL).cloned().unwrap_or_default(),
        state: [pod::has_started(pod), !pod::may_run(pod), pod.metadata.deletion_timestamp.is_some()],
        complaint: pod::complaint(pod),
    }
}

#[cfg(test)]
mod tests {
    use super::{Listed, resource_sign, sign_of_map};

    #[test]
    fn a_resource_is_listed_without_its_source_and_whatever_an_older_crd_let_in() {
        let read = |spec: serde_json::Value, status: serde_json::Value| {
            let metadata = serde_json::json!({"name": "shop", "namespace": "shops", "resourceVersion": "7"});
            let object = serde_json::json!({"metadata": metadata, "spec": spec, "status": status});
            let listed: Listed = serde_json::from_value(object).unwrap();
            resource_sign(&listed)
        };
        let maps = serde_json::json!({"source": {"configMaps": [{"name": "a"}, {"name": "b"}], "inline": {"files": {"1_a.sql": "x"}}}});
        let ready = serde_json::json!({"conditions": [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "False"}]});
        let sign = read(maps, ready);
        assert_eq!(
            (sign.config_maps, sign.conditions, sign.version.as_str()),
            ([sign_of_map("shops", "a"), sign_of_map("shops", "b")].into(), [true, false, false], "7")
        );
        let odd = read(
            serde_json::json!({"source": {"configMaps": "all"}, "database": 7}),
            serde_json::json!({"conditions": 3}),
        );
        assert_eq!((&*odd.config_maps, odd.label.as_str()), (&[][..], "shop"));
    }
}
