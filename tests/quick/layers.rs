//! Checks the sources against the layers of docs/architecture.md: which room may use which, and which rooms are pure.

use std::collections::BTreeSet;

use crate::tree;

/// What each room may use besides itself, and really does use. Two facts follow: the SQL side (`sql` to `run`) knows
/// nothing of Kubernetes, and the operator cannot reach a database.
const ROOMS: &[(&str, &[&str])] = &[
    ("report", &[]),
    ("policy", &[]),
    ("duration", &[]),
    ("sql", &[]),
    ("migration", &["report", "policy", "sql"]),
    ("plan", &["report", "policy", "sql", "migration"]),
    ("source", &["report", "migration", "plan"]),
    ("engine", &["report", "policy", "sql", "migration", "plan"]),
    ("run", &["report", "policy", "sql", "migration", "plan", "source", "engine"]),
    ("api", &["report", "policy", "duration", "sql"]),
    ("operator", &["report", "policy", "migration", "api"]),
    (
        "cli",
        &["report", "policy", "duration", "sql", "migration", "plan", "source", "engine", "run", "api", "operator"],
    ),
];

/// Rooms that import no Kubernetes client, no database driver and no async runtime.
const PURE: &[&str] =
    &["api", "report", "policy", "duration", "sql", "migration", "plan", "operator/decide.rs", "operator/decide/"];

/// Crates that do I/O, and those that only make sense together with one that does.
const IMPURE_CRATES: &[&str] =
    &["sqlx", "tokio", "futures", "axum", "hyper", "tower", "kube_client", "kube_runtime", "tracing_subscriber"];

/// Where the questions about a dialect are answered, and the engines' own folders.
const MAY_ASK_FOR_A_DIALECT: &[&str] = &["sql/grammar.rs", "sql/mysql/", "engine/mysql/"];

/// The parts of `kube` that are data: derives and traits, no client.
const PURE_KUBE: &[&str] =
    &["CustomResource", "CustomResourceExt", "CELSchema", "KubeSchema", "Resource", "ResourceExt", "core"];

#[test]
fn arrows_between_rooms_point_one_way() {
    let mut found = Vec::new();
    for source in sources() {
        let Some((_, may_use)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            continue;
        };
        for used in heads_after(&source.code, "crate::") {
            if used != source.room && !may_use.contains(&used.as_str()) {
                found.push(format!("{} uses crate::{used}", source.path));
            }
        }
        if source.code.contains("super::super::super::") {
            found.push(format!("{} climbs three modules up: write crate:: instead", source.path));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn pure_rooms_import_no_client_driver_or_runtime() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| PURE.iter().any(|pure| source.is_in(pure))) {
        for name in IMPURE_CRATES {
            if mentions(&source.code, name) {
                found.push(format!("{} uses {name}", source.path));
            }
        }
        for used in heads_after(&source.code, "kube::") {
            if !PURE_KUBE.contains(&used.as_str()) {
                found.push(format!("{} uses kube::{used}", source.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Comparing with one dialect silently puts a new engine among all the others.
#[test]
fn every_question_about_a_dialect_is_an_exhaustive_match() {
    let mut found = Vec::new();
    let tests = "#[cfg(test)]";
    for source in
        sources().iter().filter(|source| !MAY_ASK_FOR_A_DIALECT.iter().any(|place| source.path.starts_with(place)))
    {
        let production: String = source.code.split(tests).next().unwrap_or_default().split_whitespace().collect();
        for asked in ["==Dialect::", "!=Dialect::"] {
            found.extend(production.contains(asked).then(|| format!("{} has {asked}", source.path)));
        }
        for (at, _) in production.match_indices("matches!(") {
            let inside = &production[at..];
            if inside[..inside.find(')').unwrap_or(inside.len())].contains("Dialect::") {
                found.push(format!("{} has matches!(…Dialect::…)", source.path));
            }
        }
    }
    assert!(found.is_empty(), "ask sql::grammar instead: {found:#?}");
}

/// A permission that is not used protects nothing.
#[test]
fn no_room_may_use_what_it_does_not() {
    let sources = sources();
    let mut found = Vec::new();
    for (room, may_use) in ROOMS {
        for other in *may_use {
            let uses = |source: &&Source| heads_after(&source.code, "crate::").iter().any(|used| used == other);
            if !sources.iter().filter(|source| source.room == *room).any(|source| uses(&source)) {
                found.push(format!("{room} may use {other} and does not"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_room_has_its_layer() {
    let rooms: BTreeSet<String> = sources().into_iter().map(|source| source.room).collect();
    let known: BTreeSet<String> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, known, "name a new room's layer in ROOMS");
}

#[test]
fn grouped_imports_and_comments_are_read() {
    let code = code(
        "use crate::{plan::{self, Plan}, // crate::cli\n api::X}; /* kube::Api */ let s = \"tokio::x\"; crate::engine::run()",
    );
    assert_eq!(heads_after(&code, "crate::"), ["plan", "api", "engine"]);
    assert!(!mentions(&code, "tokio") && !code.contains("kube"));
    assert!(mentions("use tokio::time;", "tokio") && !mentions("let tokiox = 1;", "tokio"));
    assert_eq!(heads_after("mykube::A; kube::{Client, core::x}", "kube::"), ["Client", "core"]);
}

struct Source {
    /// Below `src/`, with forward slashes.
    path: String,
    room: String,
    /// Without comments, literals and white space between tokens.
    code: String,
}

impl Source {
    fn is_in(&self, place: &str) -> bool {
        self.room == place || self.path == place || (place.ends_with('/') && self.path.starts_with(place))
    }
}

/// All sources inside a room.
fn sources() -> Vec<Source> {
    let sources = tree::files("src", "rs").into_iter().filter_map(|path| {
        let below = path.strip_prefix("src/")?;
        // A file beside the folders is a room of its own.
        let room = below.split_once('/').map_or_else(|| below.strip_suffix(".rs"), |(room, _)| Some(room))?;
        let room = Some(room).filter(|room| !["lib", "main"].contains(room))?.to_owned();
        Some(Source { code: code(&tree::text(&path)), path: below.to_owned(), room })
    });
    sources.collect()
}

/// Rust without comments and string literals. Good enough for paths: no raw strings or nested comments here contain
/// any.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") {
            3
        } else if c == '"' {
            string_length(rest)
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    out
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The first name after each `prefix`, in groups too: `crate::{a::b, c}` gives `a` and `c`.
fn heads_after(code: &str, prefix: &str) -> Vec<String> {
    let mut heads = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            heads.push(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut item = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => item = true,
                _ if item && !c.is_whitespace() => {
                    heads.push(name(&group[at..]));
                    item = false;
                }
                _ => {}
            }
        }
    }
    heads
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether a path starts with the crate, or the crate is imported as a whole.
fn mentions(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
        starts && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}
