//! A resource's source: its files put together, verified, and divided into the parts that are frozen. Pure.

use std::collections::BTreeMap;

use crate::api::{Engine, InlineSource};
use crate::migration::{Checksum, MigrationFiles, MigrationSet, SourceFile, SourceRules, source_hash};
use crate::policy::Gaps;
use crate::report::Failure;

/// The most bytes of files in one frozen ConfigMap, unless one file alone is larger.
/// A ConfigMap holds at most 1 MiB (Kubernetes, "ConfigMaps"); the rest is room for names and metadata.
pub const PART_LIMIT: usize = 900 * 1024;
/// The largest file: what one ConfigMap can hold.
pub const FILE_LIMIT: usize = 1024 * 1024;
/// The most bytes of a source, names and files together: what the operator and a run's pod hold in memory at once.
pub const SOURCE_LIMIT: usize = 16 * 1024 * 1024;
/// The most files of a source.
pub const FILES_LIMIT: usize = 5000;
/// The most bytes of an inline source. The CRD's rule allows 512 KiB, which it can only count in characters; a resource
/// beyond this leaves no room for its status in what etcd takes (1.5 MiB).
pub const INLINE_LIMIT: usize = 1024 * 1024;

/// A ConfigMap that the source names, as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceConfigMap {
    pub name: String,
    /// Its keys and values; absent if the ConfigMap does not exist.
    pub files: Option<Vec<SourceFile>>,
}

/// A source, as far as the operator knows it without the database.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// Not looked at in this pass: a run is in progress, and its source is frozen.
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
    /// How many `ConfigMap`s hold it when it is frozen.
    pub parts: usize,
    /// How many files it has.
    pub count: usize,
    /// All files; absent where it is known that they are as they were when they were last read.
    pub files: Option<Vec<SourceFile>>,
}

impl Source {
    /// How many bytes of files it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Self::Valid(ValidSource { files: Some(files), .. }) = self else { return 0 };
        files.iter().map(|file| file.name.len() + file.bytes.len()).sum()
    }
}

impl ValidSource {
    /// The same, as it is remembered.
    #[must_use]
    pub fn without_files(&self) -> Self {
        let Self { hash, latest, parts, count, files: _ } = self;
        Self { hash: hash.clone(), latest: latest.clone(), parts: *parts, count: *count, files: None }
    }
}

/// A source as it is read: one `ConfigMap` after the other, and no further than its limits.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Each file by its name, with the `ConfigMap` it is from.
    files: BTreeMap<String, (String, SourceFile)>,
    missing: Vec<String>,
    bytes: usize,
    config_maps: usize,
    problem: Option<Refusal>,
}

impl Gathered {
    /// With the files that are in the resource itself.
    #[must_use]
    pub fn of_inline(inline: Option<InlineSource>) -> Self {
        let mut gathered = Self::default();
        for (name, text) in inline.into_iter().flat_map(|inline| inline.files) {
            gathered.add_file("", SourceFile { name, bytes: text.into_bytes() });
        }
        if gathered.problem.is_none() && gathered.bytes > INLINE_LIMIT {
            gathered.problem = Some(too_large(&format!(
                "The inline source has {} bytes, and may have at most {INLINE_LIMIT}; put its files into ConfigMaps \
                 and name those in spec.source.configMaps.",
                gathered.bytes
            )));
        }
        gathered
    }

    /// Adds a `ConfigMap`. `named` is how many the source names in all.
    pub fn add(&mut self, map: SourceConfigMap, named: usize) {
        self.config_maps += 1;
        let Some(files) = map.files else { return self.missing.push(map.name) };
        for file in files {
            self.add_file(&map.name, file);
        }
        if self.is_too_large() {
            let place = match (self.config_maps, named) {
                (1, 1) => "its ConfigMap".to_owned(),
                (read, named) if read == named => format!("its {named} ConfigMaps"),
                (read, named) => format!("the first {read} of its {named} ConfigMaps"),
            };
            self.problem = Some(too_large(&format!(
                "The source is too large: {} bytes in {} files, found in {place}, and it may have at most \
                 {SOURCE_LIMIT} bytes (16 MiB) in {FILES_LIMIT} files; split it: load bulk data by other means \
                 than migrations, or drop old files that a baseline covers (schemaward baseline).",
                self.bytes,
                self.files.len()
            )));
        }
    }

    /// Whether nothing more is to be read: what is here is refused already.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.problem.is_some()
    }

    /// How many bytes are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_too_large(&self) -> bool {
        self.bytes > SOURCE_LIMIT || self.files.len() > FILES_LIMIT
    }

    fn add_file(&mut self, origin: &str, file: SourceFile) {
        // Dotfiles are not part of a source: where ConfigMaps are mounted, the kubelet keeps its own next to the files.
        if self.problem.is_some() || file.name.starts_with('.') {
            return;
        }
        if let Some(problem) = unfit(&file) {
            self.problem = Some(refusal(problem, Some(file.name)));
        } else if let Some((first, _)) = self.files.get(&file.name) {
            let problem = format!(
                "{} is in ConfigMap {first:?} and in ConfigMap {origin:?}; remove it from one of them.",
                file.name
            );
            self.problem = Some(refusal(problem, Some(file.name)));
        } else {
            self.bytes += file.name.len() + file.bytes.len();
            self.files.insert(file.name.clone(), (origin.to_owned(), file));
        }
    }

    /// Verifies the set. Takes as long as reading all of its SQL does.
    #[must_use]
    pub fn verify(self, engine: Engine, gaps: Gaps) -> Source {
        if !self.missing.is_empty() {
            return Source::Missing(self.missing);
        }
        if let Some(problem) = self.problem {
            return Source::Refused(problem);
        }
        verify(self.files.into_values().map(|(_, file)| file).collect(), SourceRules { dialect: engine.into(), gaps })
    }
}

fn too_large(message: &str) -> Refusal {
    refusal(message.to_owned(), None)
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
            "{} has {} bytes, and a ConfigMap holds at most {FILE_LIMIT}; split it into several migrations.",
            file.name,
            file.bytes.len()
        )
    })
}

/// The problems of a source that are kept at most: one is shown, the others are counted.
const MOST_PROBLEMS: usize = 1000;

/// Checks that the files are a migration set; keeps nothing but the files.
fn verify(files: Vec<SourceFile>, rules: SourceRules) -> Source {
    let hash = source_hash(&files);
    let verified = MigrationFiles::sorted(files, rules).and_then(|files| MigrationSet::verified(files, MOST_PROBLEMS));
    match verified.map(MigrationFiles::from) {
        Ok(set) => {
            let latest = set.newest().as_str().to_owned();
            let files = set.into_sources();
            let (parts, count) = (parts(&files).len(), files.len());
            Source::Valid(ValidSource { latest, hash, parts, count, files: Some(files) })
        }
        Err(invalid) => {
            let failure = invalid.failure();
            let place = failure.place.as_ref();
            Source::Refused(Refusal {
                file: place.map(|place| place.file.clone()),
                line: place.and_then(|place| place.line),
                message: message_of(&failure),
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
    use super::{FILE_LIMIT, FILES_LIMIT, Gathered, INLINE_LIMIT, PART_LIMIT, Source, SourceConfigMap, parts};
    use crate::api::{Engine, InlineSource};
    use crate::migration::SourceFile;
    use crate::policy::Gaps;

    fn file(name: &str, bytes: impl Into<Vec<u8>>) -> SourceFile {
        SourceFile { name: name.into(), bytes: bytes.into() }
    }

    fn map(name: &str, files: Vec<SourceFile>) -> SourceConfigMap {
        SourceConfigMap { name: name.into(), files: Some(files) }
    }

    fn gathered(maps: Vec<SourceConfigMap>) -> Gathered {
        let mut gathered = Gathered::default();
        let named = maps.len();
        for map in maps {
            if !gathered.is_full() {
                gathered.add(map, named);
            }
        }
        gathered
    }

    fn assemble(maps: Vec<SourceConfigMap>) -> Source {
        gathered(maps).verify(Engine::Postgres, Gaps::Reject)
    }

    fn refused(source: Source) -> super::Refusal {
        let Source::Refused(refusal) = source else { panic!("{source:?}") };
        refusal
    }

    #[test]
    fn several_config_maps_are_one_source_and_hash_as_the_same_files_inline() {
        let (a, b) = (file("001_a.sql", "create table a ();"), file("002_b.sql", "create table b ();"));
        let files = [&a, &b].map(|f| (f.name.clone(), String::from_utf8(f.bytes.clone()).unwrap())).into();
        let Source::Valid(mapped) = assemble(vec![map("two", vec![b]), map("one", vec![a])]) else { panic!() };
        let inline = Gathered::of_inline(Some(InlineSource { files }));
        let Source::Valid(inline) = inline.verify(Engine::Postgres, Gaps::Reject) else { panic!() };
        assert_eq!(mapped.hash, inline.hash);
        assert_eq!(mapped.latest, "002");
    }

    #[test]
    fn all_missing_config_maps_are_named() {
        let missing = |name: &str| SourceConfigMap { name: name.into(), files: None };
        let found = assemble(vec![missing("a"), map("b", vec![]), missing("c")]);
        assert_eq!(found, Source::Missing(vec!["a".into(), "c".into()]));
    }

    #[test]
    fn a_file_in_two_config_maps_is_refused_and_both_are_named() {
        let source = || file("001_a.sql", "select 1;");
        let refusal = refused(assemble(vec![map("x", vec![source()]), map("y", vec![source()])]));
        assert_eq!(refusal.file.as_deref(), Some("001_a.sql"));
        assert!(refusal.message.contains("\"x\"") && refusal.message.contains("\"y\""), "{}", refusal.message);
    }

    #[test]
    fn a_file_that_no_config_map_can_hold_is_refused() {
        let large = vec![b'-'; FILE_LIMIT + 1];
        let refusal = refused(assemble(vec![map("x", vec![file("001_a.sql", large)])]));
        assert!(refusal.message.contains("1048577 bytes"), "{}", refusal.message);
        for name in ["001 a.sql", "a/001_a.sql", ""] {
            let refusal = refused(assemble(vec![map("x", vec![file(name, "select 1;")])]));
            assert_eq!(refusal.file.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_source_above_its_size_is_refused_with_the_number_found_and_nothing_more_is_read() {
        let megabyte = |n: usize| map(&format!("m{n}"), vec![file(&format!("{n:03}_x.sql"), vec![b'-'; 1_000_000])]);
        let read = gathered((0..100).map(megabyte).collect());
        assert!(read.is_full());
        assert_eq!(read.config_maps, 17, "reading went on beyond the limit");
        let refusal = refused(read.verify(Engine::Postgres, Gaps::Reject));
        for part in ["17000153 bytes in 17 files", "the first 17 of its 100 ConfigMaps", "at most 16777216", "split"] {
            assert!(refusal.message.contains(part), "{part}: {}", refusal.message);
        }
        let many = |count: usize| map("x", (1..=count).map(|n| file(&format!("{n}_x.sql"), "select 1;")).collect());
        assert!(matches!(assemble(vec![many(FILES_LIMIT)]), Source::Valid(_)));
        let refusal = refused(assemble(vec![many(FILES_LIMIT + 1)]));
        assert!(refusal.message.contains("in 5001 files, found in its ConfigMap"), "{}", refusal.message);
    }

    #[test]
    fn an_inline_source_that_leaves_no_room_for_a_status_is_refused_by_its_bytes() {
        // This many characters are within the CRD's rule, which cannot count bytes.
        let inline = |characters: usize| {
            let file = |name: &str| (name.to_owned(), "ä".repeat(characters / 2));
            let files = [file("001_a.sql"), file("002_b.sql")].into();
            Gathered::of_inline(Some(InlineSource { files })).verify(Engine::Postgres, Gaps::Reject)
        };
        let refusal = refused(inline(INLINE_LIMIT / 2));
        assert!(refusal.message.contains("spec.source.configMaps"), "{}", refusal.message);
        assert!(refusal.message.contains("1048594 bytes"), "{}", refusal.message);
    }

    #[test]
    fn an_invalid_set_is_refused_with_its_file_and_its_hash() {
        let files = vec![file("001_a.sql", "select 1;"), file("1_b.sql", "select 1;")];
        let refusal = refused(assemble(vec![map("x", files)]));
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
