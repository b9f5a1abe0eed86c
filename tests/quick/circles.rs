//! The files of each room can be read in some order: none uses another that uses it, directly or indirectly.

#![expect(clippy::unwrap_used, reason = "a source that cannot be read fails the test, which is right")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::tree;

/// A registry and what it lists use each other by design, so arrows from a registry do not count.
const REGISTRIES: &[(&str, &[&str])] =
    &[("sql/grammar", &["sql/mysql", "sql/postgres", "sql/sqlite"]), ("plan/adopt/registry", &["plan/adopt"])];

#[test]
fn no_file_uses_one_that_uses_it() {
    let modules = Modules::read();
    let arrows = modules.arrows();
    let circles = circles(&arrows);
    assert!(circles.is_empty(), "{}", described(&circles, &arrows));
}

#[test]
fn a_circle_is_found_and_a_registry_s_arrows_do_not_count() {
    let arrows = |pairs: &[(&str, &str)]| {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            all.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            all.entry((*to).to_owned()).or_default();
        }
        all
    };
    assert_eq!(circles(&arrows(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")])), [["a", "b", "c"]]);
    assert!(circles(&arrows(&[("a", "b"), ("a", "c"), ("b", "c")])).is_empty());
    assert!(!counts("sql/grammar", "sql/mysql/grammar") && counts("sql/grammar", "sql/lexeme"));
}

/// Modules by their paths below `src/` without the ending; a folder's `mod.rs` has the folder's path.
struct Modules {
    code: BTreeMap<String, String>,
    /// Names that a folder's `mod.rs` re-exports, and the files they are from.
    handed_on: BTreeMap<(String, String), String>,
}

impl Modules {
    fn read() -> Self {
        let name =
            |path: &str| path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod").to_owned();
        let files = tree::files("src", "rs").into_iter();
        let code: BTreeMap<String, String> = files.map(|path| (name(&path), production(&tree::text(&path)))).collect();
        let mut handed_on = BTreeMap::new();
        for (folder, text) in &code {
            for path in imports(text).into_iter().filter(|path| path.public) {
                let file = format!("{folder}/{}", path.segments.first().unwrap());
                if code.contains_key(&file) {
                    handed_on.insert((folder.clone(), path.segments.last().unwrap().clone()), file);
                }
            }
        }
        Self { code, handed_on }
    }

    /// Which file uses which, within each room.
    fn arrows(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut arrows = BTreeMap::new();
        for (file, text) in &self.code {
            let uses = imports(text).into_iter().filter_map(|path| self.resolved(file, &path.segments));
            let same_room = |other: &String| other != file && room(other) == room(file) && counts(file, other);
            // A facade uses its files; nothing uses the facade itself.
            let is_facade = self.code.keys().any(|other| other.starts_with(&format!("{file}/")));
            arrows
                .insert(file.clone(), uses.filter(same_room).filter(|_| !is_facade || file == "sql/grammar").collect());
        }
        arrows
    }

    /// The file that a path leads to.
    fn resolved(&self, file: &str, segments: &[String]) -> Option<String> {
        let is_folder = self.code.keys().any(|other| other.starts_with(&format!("{file}/")));
        let mut at = if is_folder { file.to_owned() } else { parent(file) };
        let mut rest = segments.iter();
        let mut next = rest.next()?;
        if next == "crate" {
            at = String::new();
            next = rest.next()?;
        }
        let mut first = true;
        while next == "super" {
            // A file's first `super` is its folder, where `at` starts.
            if !first || is_folder {
                at = parent(&at);
            }
            first = false;
            next = rest.next()?;
        }
        loop {
            let inner = if at.is_empty() { next.clone() } else { format!("{at}/{next}") };
            if let Some(from) = self.handed_on.get(&(at.clone(), next.clone())) {
                return Some(self.last(from.clone(), next));
            }
            if !self.code.contains_key(&inner) {
                return self.code.contains_key(&at).then_some(at);
            }
            at = inner;
            match rest.next() {
                Some(name) => next = name,
                None => return Some(at),
            }
        }
    }

    /// Follows re-exports of re-exports.
    fn last(&self, from: String, name: &str) -> String {
        match self.handed_on.get(&(from.clone(), name.to_owned())) {
            Some(inner) => self.last(inner.clone(), name),
            None => from,
        }
    }
}

fn counts(from: &str, to: &str) -> bool {
    !REGISTRIES.iter().any(|(registry, lists)| from == *registry && lists.iter().any(|listed| to.starts_with(listed)))
}

fn room(module: &str) -> &str {
    module.split('/').next().unwrap_or_default()
}

fn parent(module: &str) -> String {
    module.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
}

/// A file without its tests.
fn production(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod ").or_else(|| text.find("\n#[cfg(test)]\npub(crate) mod "));
    text[..end.unwrap_or(text.len())].lines().filter(|line| !line.trim_start().starts_with("//")).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    )
}

struct Import {
    public: bool,
    segments: Vec<String>,
}

/// The paths of all `use` lines, with groups expanded.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        if !(line.is_empty() || line.starts_with("pub")) {
            continue;
        }
        let rest = &code[at + 4..];
        let body: String = rest[..rest.find(';').unwrap_or(0)].split_whitespace().collect::<Vec<_>>().join(" ");
        let mut paths = Vec::new();
        flatten("", &body, &mut paths);
        let public = !line.is_empty();
        found.extend(paths.into_iter().map(|segments| Import { public, segments }));
    }
    found
}

fn flatten(prefix: &str, body: &str, found: &mut Vec<Vec<String>>) {
    let (mut depth, mut from) = (0, 0);
    let mut parts = Vec::new();
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&body[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&body[from..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        if let Some((head, inner)) = part.split_once('{') {
            flatten(&format!("{prefix}{head}"), inner.trim_end_matches('}'), found);
        } else {
            let whole = format!("{prefix}{part}");
            let path = whole.split(" as ").next().unwrap_or_default();
            found.push(path.split("::").filter(|name| *name != "self").map(str::to_owned).collect());
        }
    }
}

/// Groups of files that lead back to each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = arrows.keys().map(|file| (file, reached(file, arrows))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, to) in &reach {
        if to.contains(*file) {
            let circle = to.iter().filter(|other| reach.get(**other).is_some_and(|back| back.contains(*file)));
            found.insert(circle.map(|other| (*other).clone()).collect());
        }
    }
    found.into_iter().collect()
}

fn reached<'a>(file: &String, arrows: &'a BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'a String> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![file]);
    while let Some(at) = next.pop() {
        for to in arrows.get(at).into_iter().flatten() {
            if seen.insert(to) {
                next.push(to);
            }
        }
    }
    seen
}

fn described(circles: &[Vec<String>], arrows: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = String::from("files that use each other; move what one needs of the other to a third:\n");
    for circle in circles {
        for file in circle {
            let inside = arrows.get(file).into_iter().flatten().filter(|to| circle.contains(to));
            let inside = inside.cloned().collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "  {file} → {inside}");
        }
        text.push('\n');
    }
    text
}
