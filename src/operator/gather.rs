//! Reads a resource's source, one `ConfigMap` after the other and no further than its limits, and remembers what it was
//! when it was read. Decides nothing about it: what it is worth, [`super::source`] says.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Resource as _;
use kube::api::PartialObjectMeta;
use serde::Deserialize;

use super::answers::{Answers, Extent};
use super::names;
use super::observe_error::{ObserveError, reading};
use super::observed::Resource;
use super::room::Room;
use super::source::{Gathered, Source, SourceConfigMap, ValidSource};
use crate::api::InlineSource;
use crate::migration::SourceFile;

/// A source that was read, without its files. It holds as long as what it was made of is the same: kept as a hash, since
/// each resource at rest has one.
#[derive(Clone, Debug)]
pub struct Memo {
    made_of: String,
    source: ValidSource,
}

/// A source as it was read.
pub struct Read {
    pub source: Source,
    /// For a later pass.
    pub memo: Option<Memo>,
    /// Leave to hold it.
    pub room: Option<Room>,
}

/// What of a `ConfigMap` a source needs. Its annotations and the record of who wrote which field are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Map {
    metadata: Version,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
    #[serde(default)]
    binary_data: Option<BTreeMap<String, ByteString>>,
}

/// What changes with an object's content.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Version {
    uid: String,
    resource_version: String,
}

impl Version {
    fn text(&self) -> String {
        format!("{} {}", self.uid, self.resource_version)
    }
}

/// An object of which only the version is read.
#[derive(Debug, Deserialize)]
struct Head {
    metadata: Version,
}

/// Reads a source. `room` already covers an inline one.
///
/// # Errors
///
/// [`ObserveError`]: a call failed, or there is no room now.
pub async fn source(
    answers: Answers<'_>,
    resource: &Resource,
    inline: Option<InlineSource>,
    memo: Option<&Memo>,
    mut room: Room,
) -> Result<Read, ObserveError> {
    let is_inline = inline.is_some();
    if let Some(memo) = memo.filter(|_| !is_inline)
        && made_of(resource, &versions(answers, resource, &mut room).await?) == memo.made_of
    {
        return Ok(Read { source: Source::Valid(memo.source.clone()), memo: Some(memo.clone()), room: None });
    }
    let mut read = Vec::new();
    let path = ConfigMap::url_path(&(), Some(&resource.namespace));
    let mut gathered = Gathered::of_inline(inline);
    let references = resource.spec.source.config_maps.as_deref().unwrap_or_default();
    for reference in references {
        if gathered.is_full() {
            break;
        }
        let place = (&mut room, gathered.bytes());
        let found = answers.get::<Map>(&path, (&reference.name, Extent::Whole), place).await;
        let found = found.map_err(reading("a ConfigMap of the source"))?;
        read.push(found.as_ref().map(|map| map.metadata.text()).unwrap_or_default());
        let map = SourceConfigMap { name: reference.name.clone(), files: found.map(files_of) };
        gathered.add(map, references.len());
    }
    let (engine, gaps) = (resource.spec.database.engine, resource.spec.source.gaps);
    room.shrink(gathered.bytes());
    let source = tokio::task::spawn_blocking(move || gathered.verify(engine, gaps)).await?;
    let Source::Valid(valid) = &source else { return Ok(Read { source, memo: None, room: None }) };
    let memo = Memo { made_of: made_of(resource, &read), source: valid.without_files() };
    Ok(Read { memo: (!is_inline).then_some(memo), source, room: Some(room) })
}

/// The versions of a source's `ConfigMap`s.
async fn versions(answers: Answers<'_>, resource: &Resource, room: &mut Room) -> Result<Vec<String>, ObserveError> {
    let path = PartialObjectMeta::<ConfigMap>::url_path(&(), Some(&resource.namespace));
    let mut versions = Vec::new();
    for reference in resource.spec.source.config_maps.iter().flatten() {
        let found = answers.get::<Head>(&path, (&reference.name, Extent::Metadata), (&mut *room, 0)).await;
        let found = found.map_err(reading("a ConfigMap's version"))?;
        room.shrink(0);
        versions.push(found.map(|map| map.metadata.text()).unwrap_or_default());
    }
    Ok(versions)
}

/// All that a source depends on: the versions of its `ConfigMap`s, and what is asked of them.
fn made_of(resource: &Resource, versions: &[String]) -> String {
    let asked = format!("{:?} {:?}", resource.spec.database.engine, resource.spec.source.gaps);
    let names = resource.spec.source.config_maps.iter().flatten().map(|reference| reference.name.as_str());
    let parts: Vec<&str> =
        std::iter::once(asked.as_str()).chain(names).chain(versions.iter().map(String::as_str)).collect();
    names::digest(&parts)
}

fn files_of(map: Map) -> Vec<SourceFile> {
    let text = map.data.unwrap_or_default().into_iter().map(|(name, text)| (name, text.into_bytes()));
    let binary = map.binary_data.unwrap_or_default().into_iter().map(|(name, bytes)| (name, bytes.0));
    text.chain(binary).map(|(name, bytes)| SourceFile { name, bytes }).collect()
}
