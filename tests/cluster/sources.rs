//! The operator's memory while resources name many large `ConfigMap`s with different contents: sources just within the
//! size limit, sources beyond it, suspended ones, `ConfigMap`s that nobody names, large inline sources; also while all
//! of that changes, and when an operator starts among them. `SOURCES` is the number of `ConfigMap`s of 1 MB (default
//! 100; a thousand with `make campaign-noise NOISE=sources N=1000`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ResourceQuota};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use schemaward::api::{SchemaMigration, condition};
use serde_json::{Value, json};

use crate::requests;
use crate::support::environment::{keep, unique};
use crate::support::kstatus::message;
use crate::support::run::in_sandbox_within;
use crate::support::sandbox::{KEY, Namespaced, Sandbox};
use crate::support::source::{config_maps, inline};
use crate::support::{memory, operator, waiting};

/// The operator's memory limit.
const MEBIBYTES: u64 = 128;
/// The size of a file, and so of a `ConfigMap`.
const BYTES: usize = 1_000_000;
/// How many of each hundred `ConfigMap`s a resource names, by what the resource is for.
const WITHIN: [usize; 2] = [16, 16];
const BEYOND: usize = 40;
const SUSPENDED: usize = 20;
/// How many of each hundred are named; nobody names the others.
const NAMED: usize = 92;
/// Large inline sources for each hundred.
const INLINE: usize = 4;

fn count() -> usize {
    std::env::var("SOURCES").map_or(100, |count| count.parse().expect("SOURCES is a number"))
}

/// SQL that differs from file to file. Every other file is full of a letter that API servers encode as six characters.
fn text(number: usize) -> String {
    let letter = if number.is_multiple_of(2) { "<" } else { "-" };
    let begin = format!("select {number}; /* ");
    let fill = BYTES - begin.len() - 3;
    format!("{begin}{} */", letter.repeat(fill))
}

fn map_name(number: usize) -> String {
    format!("large-{number:04}")
}

/// A namespace of its own that admits no pods. A sandbox would not do: its witness keeps everything it sees.
struct Store {
    client: Client,
    namespace: String,
}

impl Store {
    async fn open(sandbox: &Sandbox) -> Self {
        let store = Self { client: sandbox.client.clone(), namespace: format!("t-store-{}", unique()) };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": store.namespace}});
        let namespace: Namespace = serde_json::from_value(namespace).expect("a namespace");
        Api::all(store.client.clone()).create(&PostParams::default(), &namespace).await.expect("making a namespace");
        let quota = json!({"metadata": {"name": "no-pods"}, "spec": {"hard": {"pods": "0"}}});
        let quota: ResourceQuota = serde_json::from_value(quota).expect("a quota");
        store.api().create(&PostParams::default(), &quota).await.expect("making a quota");
        store
    }

    fn api<K: Namespaced>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn put_map(&self, number: usize) {
        let mut metadata = json!({"name": map_name(number)});
        if number % 100 >= NAMED {
            // The largest annotation allowed, made of the letter with the longest encoding.
            metadata["annotations"] = json!({"note": "<".repeat(250_000)});
        }
        let data = BTreeMap::from([(format!("{number:04}_x.sql"), text(number))]);
        let map: ConfigMap = serde_json::from_value(json!({"metadata": metadata, "data": data})).expect("a ConfigMap");
        self.api().create(&PostParams::default(), &map).await.expect("making a ConfigMap");
    }

    async fn put_resource(&self, name: &str, source: &Value) {
        let database = json!({"engine": "postgres", "urlSecretRef": {"name": format!("none-{name}"), "key": KEY}});
        let object = json!({
            "apiVersion": "schemaward.dev/v1alpha1", "kind": "SchemaMigration", "metadata": {"name": name},
            "spec": {"database": database, "source": source, "suspend": name.starts_with("suspended")},
        });
        let object: SchemaMigration = serde_json::from_value(object).expect("a resource");
        self.api().create(&PostParams::default(), &object).await.expect("making a resource");
    }

    /// Changes an annotation of every `ConfigMap`. Each change is reported to the operator, which reads each source
    /// again.
    async fn touch(&self, maps: usize, word: &str) {
        let patch = json!({"metadata": {"annotations": {"touched": word}}});
        let patch = &patch;
        let touched = futures::stream::iter(0..maps).map(|number| async move {
            let (api, name) = (self.api::<ConfigMap>(), map_name(number));
            // With a thousand of them, an API server drops some connections.
            waiting::until("a ConfigMap is written", async || {
                api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch)).await.ok()
            })
            .await;
        });
        touched.buffer_unordered(8).collect::<Vec<()>>().await;
    }

    /// Waits until the status of each resource says what is expected.
    async fn wait_until_reported(&self, wanted: &[Wanted], patience: Duration) {
        let deadline = Instant::now() + patience;
        // Few at a time: each may have a megabyte.
        let mut seen = pin!(watcher(self.api::<SchemaMigration>(), watcher::Config::default().page_size(20)));
        let mut missing: BTreeMap<&str, String> =
            wanted.iter().map(|one| (one.name.as_str(), "not seen".to_owned())).collect();
        while !missing.is_empty() {
            let event = tokio::time::timeout_at(deadline.into(), seen.next()).await;
            let Ok(event) = event else { panic!("{} did not report it: {missing:#?}", missing.len()) };
            let Some(Ok(Event::InitApply(object) | Event::Apply(object))) = event else { continue };
            let name = object.metadata.name.clone().unwrap_or_default();
            let Some(one) = wanted.iter().find(|one| one.name == name) else { continue };
            let said = message(&object, condition::READY);
            if said.contains(one.words) {
                missing.remove(one.name.as_str());
            } else {
                missing.insert(&one.name, said);
            }
        }
    }

    /// Waits until the operator has stopped reading this namespace's `ConfigMap`s.
    async fn wait_read(&self, log: &Path, patience: Duration) {
        let (deadline, from) = (Instant::now() + patience, fs::metadata(log).expect("the audit log").len());
        let path = format!("{}/configmaps", self.namespace);
        let mut last = (0, Instant::now());
        while last.1.elapsed() < Duration::from_secs(6) {
            assert!(Instant::now() < deadline, "the operator still reads after {patience:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
            let count = requests(log, from, &path);
            if count != last.0 {
                last = (count, Instant::now());
            }
        }
    }

    /// Deletes the large objects one by one, since a collection would be read as a whole. The rest goes with the
    /// namespace.
    async fn clear(&self, maps: usize) {
        let gone = futures::stream::iter(0..maps).map(|number| async move {
            let _ = self.api::<ConfigMap>().delete(&map_name(number), &DeleteParams::default()).await;
        });
        gone.buffer_unordered(8).collect::<Vec<()>>().await;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces.delete(&self.namespace, &DeleteParams::default()).await;
    }
}

/// A resource, and what its status must say.
struct Wanted {
    name: String,
    source: Value,
    words: &'static str,
}

fn resources(hundreds: usize) -> Vec<Wanted> {
    let mut all = Vec::new();
    let mut want = |name: String, source: Value, words| all.push(Wanted { name, source, words });
    for hundred in 0..hundreds {
        let mut next = hundred * 100;
        let mut named = |count: usize| -> Value {
            let names: Vec<String> = (next..next + count).map(map_name).collect();
            next += count;
            config_maps(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        for (number, count) in WITHIN.into_iter().enumerate() {
            want(format!("within-{hundred}-{number}"), named(count), "exceeded quota");
        }
        want(format!("beyond-{hundred}"), named(BEYOND), "the first 17 of its 40 ConfigMaps");
        want(format!("suspended-{hundred}"), named(SUSPENDED), "suspend");
        for number in 0..INLINE {
            // As many characters as a resource may have, of four bytes each.
            let sql = format!("select 1; /* {} */", "😀".repeat(250_000));
            want(format!("inline-{hundred}-{number}"), inline([("001_a.sql", &sql)]), "exceeded quota");
        }
    }
    all
}

#[test]
fn a_hundred_megabytes_and_more_of_sources_leave_the_operator_below_its_bound() {
    let hundreds = count() / 100;
    let maps = hundreds * 100;
    let patience = Duration::from_secs(120 + 60 * hundreds as u64);
    in_sandbox_within(patience * 4, "sources", async |sandbox| {
        let Some(log) = sandbox.environment.audit_log.clone() else {
            println!("SKIPPED: the operator's process is not on this machine, so its memory cannot be measured");
            return;
        };
        let store = Store::open(sandbox).await;
        let start = Instant::now();
        let made = futures::stream::iter(0..maps).map(|number| store.put_map(number));
        made.buffer_unordered(8).collect::<Vec<()>>().await;
        println!("{maps} ConfigMaps of {BYTES} bytes made within {:?}", start.elapsed());

        let (before, start) = (memory::begin().await, Instant::now());
        let wanted = resources(hundreds);
        let made = futures::stream::iter(&wanted).map(|one| store.put_resource(&one.name, &one.source));
        made.buffer_unordered(8).collect::<Vec<()>>().await;
        store.wait_until_reported(&wanted, patience).await;
        let reported = memory::peak().await;
        println!(
            "{} resources reported within {:?}: {before} MiB before, {reported} at most",
            wanted.len(),
            start.elapsed()
        );

        store.touch(maps, "once").await;
        sandbox.apply("small", inline([("001_a.sql", "create table a (id int);")])).await;
        sandbox.wait_ready("small").await;
        store.wait_read(&log, patience).await;
        let changed = memory::peak().await;
        println!("while all ConfigMaps changed: {changed} MiB at most");

        // An operator that starts gets everything at once.
        operator::kill(&sandbox.client).await;
        store.wait_read(&log, patience).await;
        let started = memory::peak().await;
        println!("an operator that starts beside them: {started} MiB at most");
        let most = reported.max(changed).max(started);
        let ended = memory::restarts(&sandbox.client).await;
        if !keep() {
            store.clear(maps).await;
        }
        assert!(most < MEBIBYTES, "below {MEBIBYTES} MiB: {reported}, {changed}, {started}");
        assert_eq!(ended, 0, "and it was not ended");
    });
}
