//! What the watches have reported so far, as little of it as is needed: whom a change concerns, whether a pod has got any
//! further, whether a Lease is renewed. Pure. Nothing is decided from it that writes to a database: a pass that may
//! start or end a run reads everything again.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use kube::runtime::watcher::Event;

use super::conditions::Owned;
use super::queue::{Class, Key};
use super::shelf::{Change, Same, Shelf};

/// What is kept of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceSign {
    pub version: String,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The `ConfigMap`s that its source names, as [`sign_of_map`] signs them.
    pub config_maps: Box<[u64]>,
    /// The value that labels what was made for it.
    pub label: String,
    /// Which of the conditions that this operator owns are True.
    pub conditions: [bool; Owned::COUNT],
}

/// What is kept of a Job of ours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JobSign {
    /// The resource it is of, by its owner.
    pub resource: String,
    /// Whether it is complete, has failed or is suspended, and whether it is being deleted.
    pub state: [bool; 4],
}

/// What is kept of a pod of ours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PodSign {
    /// The label that says for which resource it was made.
    pub label: String,
    /// Whether its runner has started, has ended, and whether it is being deleted.
    pub state: [bool; 3],
    /// Why it does not start, where its status says it.
    pub complaint: Option<String>,
}

/// What is kept of a Lease of ours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LeaseSign {
    pub version: String,
}

/// What is kept of a `ConfigMap`: almost nothing, since only the pass needs its content.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MapSign {
    /// The resource it was made for, by its owner, where it was made by us.
    pub resource: Option<String>,
}

/// A `ConfigMap` as a number, since a thousand resources may name a hundred each. If two collide, a resource is looked
/// at needlessly.
#[must_use]
pub fn sign_of_map(namespace: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (namespace, name).hash(&mut hasher);
    hasher.finish()
}

/// A message of a watch.
#[derive(Debug)]
pub enum News {
    Resource(Event<(Key, ResourceSign)>),
    Job(Event<(Key, JobSign)>),
    Pod(Event<(Key, PodSign)>),
    Lease(Event<(Key, LeaseSign)>),
    /// Of all `ConfigMap`s.
    Map(Event<(Key, MapSign)>),
}

/// What follows from a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Call {
    /// A resource must be looked at.
    Wake(Key, Class),
    /// A resource is new or has this version now.
    Written(Key, Class, String),
    /// A resource is gone.
    Gone(Key),
    /// A Lease is gone.
    Freed(Key),
}

/// All that is kept, for each group of watches (one for each watched namespace, or one for all).
#[derive(Debug, Default)]
pub struct Index {
    groups: Vec<Group>,
}

#[derive(Debug, Default)]
struct Group {
    resources: Shelf<ResourceSign>,
    /// The resources whose source names a `ConfigMap`.
    users: HashMap<u64, Vec<Key>>,
    jobs: Shelf<JobSign>,
    pods: Shelf<PodSign>,
    leases: Shelf<(LeaseSign, Instant)>,
    in_step: HashSet<&'static str>,
}

/// How many resources there are with a condition.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Census {
    /// For each type that this operator owns.
    pub conditions: [i64; Owned::COUNT],
}

/// The watches of a group.
const WATCHES: usize = 5;

impl Index {
    /// For this many groups of watches.
    #[must_use]
    pub fn new(groups: usize) -> Self {
        Self { groups: std::iter::repeat_with(Group::default).take(groups).collect() }
    }

    /// Takes a message in, and says whom it concerns.
    pub fn hear(&mut self, group: usize, news: News, now: Instant) -> Vec<Call> {
        let Some(at) = self.groups.get_mut(group) else { return Vec::new() };
        match news {
            News::Resource(event) => {
                at.ends(&event, "resources");
                let changes = at.resources.take(event);
                for change in &changes {
                    at.note_users(change);
                }
                changes.iter().map(resource_call).collect()
            }
            News::Job(event) => {
                at.ends(&event, "jobs");
                let changes = at.jobs.take(event);
                changes.into_iter().filter_map(|change| at.job_call(&change)).collect()
            }
            News::Pod(event) => {
                at.ends(&event, "pods");
                let changes = at.pods.take(event);
                changes.into_iter().filter_map(|change| at.pod_call(&change)).collect()
            }
            News::Lease(event) => {
                at.ends(&event, "leases");
                let event = map(event, |(key, sign)| (key, (sign, now)));
                let gone = at.leases.take(event).into_iter().filter(|change| change.after.is_none());
                gone.map(|change| Call::Freed(change.key)).collect()
            }
            News::Map(event) => {
                at.ends(&event, "configmaps");
                at.map_calls(event)
            }
        }
    }

    /// Whether each watch has reported all that there is.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        self.groups.iter().all(|group| group.in_step.len() == WATCHES)
    }

    /// Why the pods of a resource do not start, where the status of one says it.
    #[must_use]
    pub fn complaint(&self, key: &Key) -> Option<String> {
        let group = self.group_of(key)?;
        let label = &group.resources.now.get(key)?.label;
        let mut pods =
            group.pods.now.iter().filter(|(pod, sign)| pod.namespace == key.namespace && sign.label == *label);
        pods.find_map(|(_, sign)| sign.complaint.clone())
    }

    /// Whether a Lease is there and was written within a time.
    #[must_use]
    pub fn is_renewed(&self, lease: &Key, within: Duration, now: Instant) -> bool {
        let found = self.groups.iter().find_map(|group| group.leases.now.get(lease));
        found.is_some_and(|(_, since)| now.duration_since(*since) < within)
    }

    /// Counts the resources.
    #[must_use]
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for sign in self.groups.iter().flat_map(|group| group.resources.now.values()) {
            for (count, holds) in census.conditions.iter_mut().zip(sign.conditions) {
                *count += i64::from(holds);
            }
        }
        census
    }

    fn group_of(&self, key: &Key) -> Option<&Group> {
        self.groups.iter().find(|group| group.resources.now.contains_key(key))
    }
}

impl Group {
    fn ends<T>(&mut self, event: &Event<T>, watch: &'static str) {
        if matches!(event, Event::InitDone) {
            self.in_step.insert(watch);
        }
    }

    /// A Job is worth a look when it has ended, is to end, or is gone. A new Job is not: the pass that created it looks
    /// again anyway.
    fn job_call(&self, change: &Change<JobSign>) -> Option<Call> {
        let sign = change.after.as_ref().or(change.before.as_ref())?;
        let is_new = change.before.is_none() && sign.state == <[bool; 4]>::default();
        let key = Key::new(&change.key.namespace, &sign.resource);
        (!is_new).then(|| self.wake(key))
    }

    /// A pod is worth a look where its runner has got further, or it is gone. What it waits for is read when its resource
    /// is due: an image that cannot be pulled changes its words with every try.
    fn pod_call(&self, change: &Change<PodSign>) -> Option<Call> {
        let sign = change.after.as_ref().or(change.before.as_ref())?;
        let before = change.before.as_ref().map(|before| before.state).unwrap_or_default();
        if change.after.as_ref().is_some_and(|after| after.state == before) {
            return None;
        }
        let namespace = &change.key.namespace;
        let named = Key::new(namespace, &sign.label);
        let key = if self.resources.now.contains_key(&named) {
            named
        } else {
            // The label is a hash where the name is too long for one.
            let label = &sign.label;
            let resources = self.resources.now.iter();
            let mut found = resources.filter(|(key, sign)| key.namespace == *namespace && sign.label == *label);
            found.next()?.0.clone()
        };
        Some(self.wake(key))
    }

    /// What a deletion waits for is as urgent as the deletion.
    fn wake(&self, key: Key) -> Call {
        let deleting = self.resources.now.get(&key).is_some_and(|sign| sign.deleting);
        Call::Wake(key, if deleting { Class::Deletion } else { Class::Ordinary })
    }

    /// A part of a source that we froze matters only when it is gone; any other `ConfigMap` where a source names it.
    fn map_calls(&self, event: Event<(Key, MapSign)>) -> Vec<Call> {
        let (gone, (key, sign)) = match event {
            Event::Apply(told) | Event::InitApply(told) => (false, told),
            Event::Delete(told) => (true, told),
            Event::Init | Event::InitDone => return Vec::new(),
        };
        let wake = |key: Key| self.wake(key);
        match sign.resource {
            Some(resource) if gone => vec![wake(Key::new(&key.namespace, &resource))],
            Some(_) => Vec::new(),
            None => self
                .users
                .get(&sign_of_map(&key.namespace, &key.name))
                .into_iter()
                .flatten()
                .cloned()
                .map(wake)
                .collect(),
        }
    }

    fn note_users(&mut self, change: &Change<ResourceSign>) {
        let maps = |sign: &Option<ResourceSign>| sign.as_ref().map(|sign| sign.config_maps.clone()).unwrap_or_default();
        let (before, after) = (maps(&change.before), maps(&change.after));
        if before == after {
            return;
        }
        for map in &before {
            if let Some(users) = self.users.get_mut(map) {
                users.retain(|user| *user != change.key);
                if users.is_empty() {
                    self.users.remove(map);
                }
            }
        }
        for map in after {
            self.users.entry(map).or_default().push(change.key.clone());
        }
    }
}

fn resource_call(change: &Change<ResourceSign>) -> Call {
    match &change.after {
        None => Call::Gone(change.key.clone()),
        Some(sign) => {
            let class = if sign.deleting { Class::Deletion } else { Class::Ordinary };
            Call::Written(change.key.clone(), class, sign.version.clone())
        }
    }
}

fn map<T, U>(event: Event<T>, change: impl Fn(T) -> U) -> Event<U> {
    match event {
        Event::Apply(told) => Event::Apply(change(told)),
        Event::Delete(told) => Event::Delete(change(told)),
        Event::InitApply(told) => Event::InitApply(change(told)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}

impl Same for ResourceSign {
    fn is_same(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl Same for JobSign {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl Same for PodSign {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl Same for (LeaseSign, Instant) {
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kube::runtime::watcher::Event;

    use super::{Call, Index, JobSign, LeaseSign, MapSign, News, PodSign, ResourceSign, sign_of_map};
    use crate::operator::queue::{Class, Key};

    fn key(name: &str) -> Key {
        Key::new("shops", name)
    }

    fn resource(name: &str, version: &str) -> (Key, ResourceSign) {
        let config_maps = [sign_of_map("shops", "files")].into();
        let sign = ResourceSign { version: version.into(), label: name.into(), config_maps, ..ResourceSign::default() };
        (key(name), sign)
    }

    fn pod(state: [bool; 3], complaint: Option<&str>) -> News {
        let sign = PodSign { label: "shop".into(), state, complaint: complaint.map(str::to_owned) };
        News::Pod(Event::Apply((key("shop-1-x"), sign)))
    }

    fn index() -> (Index, Instant) {
        let (mut index, now) = (Index::new(1), Instant::now());
        let calls = index.hear(0, News::Resource(Event::Apply(resource("shop", "1"))), now);
        assert_eq!(calls, [Call::Written(key("shop"), Class::Ordinary, "1".into())]);
        (index, now)
    }

    fn wake(name: &str) -> Vec<Call> {
        vec![Call::Wake(key(name), Class::Ordinary)]
    }

    #[test]
    fn a_pod_wakes_its_resource_when_it_gets_further_and_not_with_every_word_it_says() {
        let (mut index, now) = index();
        assert_eq!(index.hear(0, pod([false; 3], None), now), []);
        assert_eq!(index.hear(0, pod([false; 3], Some("ErrImagePull")), now), []);
        assert_eq!(index.hear(0, pod([false; 3], Some("ImagePullBackOff")), now), []);
        assert_eq!(index.complaint(&key("shop")).as_deref(), Some("ImagePullBackOff"));
        assert_eq!(index.hear(0, pod([true, false, false], None), now), wake("shop"));
        assert_eq!(index.complaint(&key("shop")), None);
        assert_eq!(index.hear(0, pod([true, true, false], None), now), wake("shop"));
        let gone = News::Pod(Event::Delete((key("shop-1-x"), PodSign::default())));
        assert_eq!(index.hear(0, gone, now), wake("shop"));
    }

    #[test]
    fn a_pod_that_has_started_before_a_watch_has_reported_it_wakes_its_resource() {
        let (mut index, now) = index();
        assert_eq!(index.hear(0, pod([true, false, false], None), now), wake("shop"));
    }

    #[test]
    fn a_job_wakes_its_resource_when_it_ends_or_is_gone_and_not_when_it_is_made() {
        let (mut index, now) = index();
        let job = |complete: bool| JobSign { resource: "shop".into(), state: [complete, false, false, false] };
        assert_eq!(index.hear(0, News::Job(Event::Apply((key("shop-1"), job(false)))), now), []);
        assert_eq!(index.hear(0, News::Job(Event::Apply((key("shop-1"), job(true)))), now), wake("shop"));
        assert_eq!(index.hear(0, News::Job(Event::Delete((key("shop-1"), job(true)))), now), wake("shop"));
    }

    #[test]
    fn a_watch_that_starts_again_reports_only_what_has_changed_and_what_has_gone_meanwhile() {
        let (mut index, now) = index();
        index.hear(0, News::Resource(Event::Apply(resource("blog", "4"))), now);
        let mut calls = Vec::new();
        for event in [Event::Init, Event::InitApply(resource("shop", "1")), Event::InitApply(resource("mail", "9"))] {
            calls.extend(index.hear(0, News::Resource(event), now));
        }
        assert_eq!(calls, [Call::Written(key("mail"), Class::Ordinary, "9".into())]);
        assert_eq!(index.hear(0, News::Resource(Event::InitDone), now), [Call::Gone(key("blog"))]);
    }

    #[test]
    fn a_config_map_concerns_those_whose_source_names_it_and_a_frozen_one_only_when_it_is_gone() {
        let (mut index, now) = index();
        let told = |name: &str, resource: Option<&str>| (key(name), MapSign { resource: resource.map(str::to_owned) });
        assert_eq!(index.hear(0, News::Map(Event::Apply(told("files", None))), now), wake("shop"));
        assert_eq!(index.hear(0, News::Map(Event::Delete(told("files", None))), now), wake("shop"));
        assert_eq!(index.hear(0, News::Map(Event::Apply(told("others", None))), now), []);
        assert_eq!(index.hear(0, News::Map(Event::Apply(told("frozen", Some("shop")))), now), []);
        assert_eq!(index.hear(0, News::Map(Event::Delete(told("frozen", Some("shop")))), now), wake("shop"));
    }

    #[test]
    fn a_lease_that_is_renewed_is_known_without_a_question_and_one_that_is_gone_is_reported() {
        let (mut index, now) = index();
        let lease = |version: &str| (key("db"), LeaseSign { version: version.into() });
        let later = |seconds| now + Duration::from_secs(seconds);
        let within = Duration::from_secs(30);
        assert_eq!(index.hear(0, News::Lease(Event::Apply(lease("1"))), now), []);
        assert!(index.is_renewed(&key("db"), within, later(29)));
        // The same version reported again is not a renewal.
        index.hear(0, News::Lease(Event::InitApply(lease("1"))), later(20));
        assert!(!index.is_renewed(&key("db"), within, later(31)));
        index.hear(0, News::Lease(Event::Apply(lease("2"))), later(31));
        assert!(index.is_renewed(&key("db"), within, later(60)));
        assert_eq!(index.hear(0, News::Lease(Event::Delete(lease("2"))), later(61)), [Call::Freed(key("db"))]);
        assert!(!index.is_renewed(&key("db"), within, later(61)));
    }

    #[test]
    fn a_deleted_resource_is_called_as_a_deletion() {
        let (mut index, now) = index();
        let (key, sign) = resource("shop", "2");
        let deleted = (key.clone(), ResourceSign { deleting: true, ..sign });
        let calls = index.hear(0, News::Resource(Event::Apply(deleted)), now);
        assert_eq!(calls, [Call::Written(key.clone(), Class::Deletion, "2".into())]);
        // And so is what it waits for.
        index.hear(0, pod([false; 3], None), now);
        assert_eq!(index.hear(0, pod([false, true, true], None), now), [Call::Wake(key, Class::Deletion)]);
    }
}
