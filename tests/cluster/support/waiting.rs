//! Waiting for the cluster: by watches where possible, by polling otherwise. Always with a time limit, and with the
//! last state in the message.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kube::runtime::watcher::{self, Event, watch_object, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

/// Long enough for a run on a busy machine, where a pod alone takes a few seconds to start.
pub const PATIENCE: Duration = Duration::from_secs(90);

pub trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static {}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + 'static> Object for K {}

/// Waits until the object (`None` while it does not exist) satisfies `condition`; panics after [`PATIENCE`].
pub async fn object<K: Object>(
    api: Api<K>,
    name: &str,
    what: &str,
    condition: impl Fn(Option<&K>) -> bool,
) -> Option<K> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = None;
    let mut seen = pin!(watch_object(api, name));
    loop {
        match timeout_at(deadline, seen.next()).await {
            Ok(Some(Ok(state))) if condition(state.as_ref()) => return state,
            Ok(Some(Ok(state))) => last = state,
            // The API server is restarting or busy: the watcher retries.
            Ok(Some(Err(_))) => {}
            Ok(None) | Err(_) => panic!("waited {PATIENCE:?} for {name} to be {what}; last seen:\n{}", yaml(&last)),
        }
    }
}

/// Waits until the selected objects satisfy `condition`; panics after [`PATIENCE`].
pub async fn objects<K: Object>(
    api: Api<K>,
    selection: watcher::Config,
    what: &str,
    condition: impl Fn(&[K]) -> bool,
) -> Vec<K> {
    objects_within(PATIENCE, api, selection, what, condition).await
}

/// The same with another time limit.
pub async fn objects_within<K: Object>(
    patience: Duration,
    api: Api<K>,
    selection: watcher::Config,
    what: &str,
    condition: impl Fn(&[K]) -> bool,
) -> Vec<K> {
    let deadline = Instant::now() + patience;
    let mut seen = pin!(watcher(api, selection));
    let mut now: BTreeMap<String, K> = BTreeMap::new();
    let mut listed = false;
    loop {
        match timeout_at(deadline, seen.try_next()).await {
            Ok(Ok(Some(event))) => match event {
                Event::Init => now.clear(),
                Event::InitApply(object) | Event::Apply(object) => drop(now.insert(object.name_any(), object)),
                Event::InitDone => listed = true,
                Event::Delete(object) => drop(now.remove(&object.name_any())),
            },
            Ok(Err(_)) => {}
            Ok(Ok(None)) | Err(_) => {
                let last: Vec<K> = now.into_values().collect();
                panic!("waited {patience:?} for: {what}; last seen:\n{}", yaml(&last))
            }
        }
        let all: Vec<K> = now.values().cloned().collect();
        if listed && condition(&all) {
            return all;
        }
    }
}

/// Polls until `probe` returns a value, for what cannot be watched, such as a database; panics after [`PATIENCE`].
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tick.tick().await;
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for: {what}");
    }
}

/// An object without the API server's bookkeeping, for people to read.
pub fn yaml<T: Serialize>(value: &T) -> String {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    let items = match &mut value {
        serde_json::Value::Array(items) => items.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for item in items {
        if let Some(metadata) = item.get_mut("metadata").and_then(|m| m.as_object_mut()) {
            metadata.remove("managedFields");
        }
    }
    serde_yaml::to_string(&value).unwrap_or_else(|error| error.to_string())
}
