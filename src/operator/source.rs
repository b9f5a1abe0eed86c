//! A resource's source: its files put together, verified, and divided into the parts that are frozen. Pure.

use std::collections::BTreeMap;

use crate::api::{self, Engine, SourceSpec};
use crate::migration::{Checksum, Gaps, MigrationSet, SourceFile, SourceRules, source_failure, source_hash};
use crate::report::Failure;

/// The most bytes of files in one frozen ConfigMap, unless one file alone is larger.
/// A ConfigMap holds at most 1 MiB (Kubernetes, "ConfigMaps"); the rest is room for names and metadata.
pub const PART_LIMIT: usize = 900 * 1024;
/// The largest file: what one ConfigMap can hold.
pub const FILE_LIMIT: usize = 1024 * 1024;

/// A ConfigMap that the source names, as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceConfigMap {
    /// Its name.
    pub name: String,
    /// Its keys and values; absent where there is no such ConfigMap.
    pub files: Option<Vec<SourceFile>>,
}

/// A source, as far as the operator can tell without the database.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// Not looked at in this pass: a run goes on, and what it runs is frozen.
    #[default]
    NotRead,
    /// ConfigMaps that do not exist, yet or any more.
    Missing(Vec<String>),
    /// No run can start with it.
    Refused(Refusal),
    /// Ready to be frozen and run.
    Valid(ValidSource),
}

/// Why no run can start with a source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What is wrong and what to do, in a sentence.
    pub message: String,
    /// The file in question, where it is one.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<i64>,
    /// SHA-256 of the content, where it could be put together.
    pub hash: Option<Checksum>,
}

/// A source that passed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ValidSource {
    /// SHA-256 over all files.
    pub hash: Checksum,
    /// The newest version in it.
    pub latest: String,
    /// All files.
    pub files: Vec<SourceFile>,
}

/// Puts a source together from what the spec holds and what its ConfigMaps hold, and verifies the set.
#[must_use]
pub fn assemble(engine: Engine, spec: &SourceSpec, config_maps: Vec<SourceConfigMap>) -> Source {
    let missing: Vec<String> =
        config_maps.iter().filter(|map| map.files.is_none()).map(|map| map.name.clone()).collect();
    if !missing.is_empty() {
        return Source::Missing(missing);
    }
    let mut merged: BTreeMap<String, (String, SourceFile)> = BTreeMap::new();
    let inline = spec
        .inline
        .iter()
        .flat_map(|inline| &inline.files)
        .map(|(name, text)| (String::new(), SourceFile { name: name.clone(), bytes: text.clone().into_bytes() }));
    let mapped = config_maps.into_iter().flat_map(|map| {
        let name = map.name;
        map.files.unwrap_or_default().into_iter().map(move |file| (name.clone(), file))
    });
    // Dotfiles are no part of a source: where ConfigMaps are mounted, the kubelet keeps its own beside the files.
    for (origin, file) in inline.chain(mapped).filter(|(_, file)| !file.name.starts_with('.')) {
        if let Some(problem) = unfit(&file) {
            return Source::Refused(refusal(problem, Some(file.name)));
        }
        if let Some((first, _)) = merged.get(&file.name) {
            let problem = format!(
                "{} is in ConfigMap {first:?} and in ConfigMap {origin:?}; remove it from one of them.",
                file.name
            );
            return Source::Refused(refusal(problem, Some(file.name)));
        }
        merged.insert(file.name.clone(), (origin, file));
    }
    let gaps = match spec.gaps {
        api::Gaps::Reject => Gaps::Reject,
        api::Gaps::Allow => Gaps::Allow,
    };
    verify(merged.into_values().map(|(_, file)| file).collect(), SourceRules { dialect: engine.into(), gaps })
}

fn refusal(message: String, file: Option<String>) -> Refusal {
    Refusal { message, file, line: None, hash: None }
}

/// Why a file cannot be put into a ConfigMap of its own name.
fn unfit(file: &SourceFile) -> Option<String> {
    let key_character = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if file.name.is_empty() || file.name.len() > 253 || !file.name.bytes().all(key_character) {
        return Some(format!(
            "{:?} is no file name for a migration; use letters, digits, '-', '_' and '.'.",
            file.name
        ));
    }
    (file.bytes.len() > FILE_LIMIT).then(|| {
        format!(
            "{} has {} bytes, and a ConfigMap holds at most {FILE_LIMIT}; divide it into several migrations.",
            file.name,
            file.bytes.len()
        )
    })
}

/// Reads the files as a migration set.
fn verify(files: Vec<SourceFile>, rules: SourceRules) -> Source {
    let hash = source_hash(&files);
    match MigrationSet::read(&files, rules) {
        Ok(set) => Source::Valid(ValidSource { latest: set.newest().as_str().to_owned(), hash, files }),
        Err(problems) => {
            let failure = source_failure(&problems);
            let place = failure.as_ref().and_then(|failure| failure.place.as_ref());
            Source::Refused(Refusal {
                file: place.map(|place| place.file.clone()),
                line: place.and_then(|place| place.line),
                message: failure.as_ref().map(message_of).unwrap_or_default(),
                hash: Some(hash),
            })
        }
    }
}

fn message_of(failure: &Failure) -> String {
    match &failure.hint {
        Some(hint) => format!("{} ({hint})", failure.message),
        None => failure.message.clone(),
    }
}

/// Divides files over as few ConfigMaps as keep each within [`PART_LIMIT`], in the order of their names.
#[must_use]
pub fn parts(files: &[SourceFile]) -> Vec<Vec<&SourceFile>> {
    let mut sorted: Vec<&SourceFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut parts: Vec<Vec<&SourceFile>> = Vec::new();
    let mut room = 0;
    for file in sorted {
        let size = file.name.len() + file.bytes.len();
        match parts.last_mut() {
            Some(part) if size <= room => part.push(file),
            _ => {
                parts.push(vec![file]);
                room = PART_LIMIT;
            }
        }
        room = room.saturating_sub(size);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{FILE_LIMIT, PART_LIMIT, Source, SourceConfigMap, assemble, parts};
    use crate::api::{Engine, InlineSource, SourceSpec};
    use crate::migration::SourceFile;

    fn file(name: &str, bytes: impl Into<Vec<u8>>) -> SourceFile {
        SourceFile { name: name.into(), bytes: bytes.into() }
    }

    fn map(name: &str, files: Vec<SourceFile>) -> SourceConfigMap {
        SourceConfigMap { name: name.into(), files: Some(files) }
    }

    fn refused(source: Source) -> super::Refusal {
        let Source::Refused(refusal) = source else { panic!("{source:?}") };
        refusal
    }

    #[test]
    fn several_config_maps_are_one_source_and_hash_as_the_same_files_inline() {
        let (a, b) = (file("001_a.sql", "create table a ();"), file("002_b.sql", "create table b ();"));
        let files = [&a, &b].map(|f| (f.name.clone(), String::from_utf8(f.bytes.clone()).unwrap())).into();
        let inline = SourceSpec { inline: Some(InlineSource { files }), ..SourceSpec::default() };
        let Source::Valid(mapped) =
            assemble(Engine::Postgres, &SourceSpec::default(), vec![map("two", vec![b]), map("one", vec![a])])
        else {
            panic!()
        };
        let Source::Valid(inline) = assemble(Engine::Postgres, &inline, Vec::new()) else { panic!() };
        assert_eq!(mapped.hash, inline.hash);
        assert_eq!(mapped.latest, "002");
    }

    #[test]
    fn all_missing_config_maps_are_named() {
        let missing = |name: &str| SourceConfigMap { name: name.into(), files: None };
        let found =
            assemble(Engine::Postgres, &SourceSpec::default(), vec![missing("a"), map("b", vec![]), missing("c")]);
        assert_eq!(found, Source::Missing(vec!["a".into(), "c".into()]));
    }

    #[test]
    fn a_file_in_two_config_maps_is_refused_and_both_are_named() {
        let source = || file("001_a.sql", "select 1;");
        let refusal = refused(assemble(
            Engine::Postgres,
            &SourceSpec::default(),
            vec![map("x", vec![source()]), map("y", vec![source()])],
        ));
        assert_eq!(refusal.file.as_deref(), Some("001_a.sql"));
        assert!(refusal.message.contains("\"x\"") && refusal.message.contains("\"y\""), "{}", refusal.message);
    }

    #[test]
    fn a_file_that_no_config_map_can_hold_is_refused() {
        let large = vec![b'-'; FILE_LIMIT + 1];
        let refusal =
            refused(assemble(Engine::Postgres, &SourceSpec::default(), vec![map("x", vec![file("001_a.sql", large)])]));
        assert!(refusal.message.contains("1048577 bytes"), "{}", refusal.message);
        for name in ["001 a.sql", "a/001_a.sql", ""] {
            let refusal = refused(assemble(
                Engine::Postgres,
                &SourceSpec::default(),
                vec![map("x", vec![file(name, "select 1;")])],
            ));
            assert_eq!(refusal.file.as_deref(), Some(name));
        }
    }

    #[test]
    fn an_invalid_set_is_refused_with_its_file_and_its_hash() {
        let files = vec![file("001_a.sql", "select 1;"), file("1_b.sql", "select 1;")];
        let refusal = refused(assemble(Engine::Postgres, &SourceSpec::default(), vec![map("x", files)]));
        assert!(refusal.hash.is_some());
        assert!(refusal.file.is_some(), "{}", refusal.message);
    }

    #[test]
    fn parts_hold_all_files_once_and_stay_within_the_limit() {
        let mut files: Vec<SourceFile> =
            (0..40_u32).map(|n| file(&format!("{n:03}_x.sql"), vec![b'x'; 100_000])).collect();
        files.push(file("999_large.sql", vec![b'y'; FILE_LIMIT]));
        let parts = parts(&files);
        let names: Vec<&str> = parts.iter().flatten().map(|f| f.name.as_str()).collect();
        assert_eq!(names.len(), 41);
        assert!(names.is_sorted());
        for part in &parts {
            let size: usize = part.iter().map(|f| f.name.len() + f.bytes.len()).sum();
            assert!(size <= PART_LIMIT || part.len() == 1, "{size}");
        }
        assert_eq!(parts.len(), 6);
    }
}
