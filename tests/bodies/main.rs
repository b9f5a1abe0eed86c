//! Generated bodies of routines, triggers, events and rules, applied by Schemaward and, in another database, by the
//! server's own client. The server's catalog must then hold the same text, unless the file was refused before anything
//! ran. docs/campaigns.md says what is generated, what is compared, and with what results.
//!
//! `BODIES` is the number of bodies for each engine (default: a sample, which is reported), `BODIES_SEED` their seed.
//! `BODIES_DIR` names a folder with real files to compare instead, in the subfolders `postgres`, `mysql`, `mariadb` and
//! `sqlite`. `BODIES_ONLY=17` runs one file; `BODIES_PROGRAM` names another build of the program to test.

#![expect(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::same_functions_in_if_condition,
    reason = "SQL is put together here, by chance"
)]
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod campaign;
mod engine;
mod file;
mod mysql;
mod mysql_body;
mod mysql_file;
mod postgres;
mod postgres_text;
mod random;
mod real;
#[path = "../support/own_server.rs"]
#[allow(dead_code, reason = "a server that stays up is neither killed nor started again")]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use campaign::{Finding, Group, Kind, Outcome, shrink};
use engine::Engine;
use file::{File, Mode};

/// Bodies for each engine by default.
const SAMPLE: usize = 80;
const SEED: u64 = 20_261_130;
/// Most files in a run.
const GROUP: usize = 60;
const SIDE_BY_SIDE: usize = 2;
/// How many findings of a kind are shrunk and printed.
const SHOWN: usize = 3;
/// Seconds for shrinking findings, by default.
const PATIENCE: u64 = 100;

fn say(text: &str) {
    // Bypasses the test harness, which swallows the output of tests that pass.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn asked<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Groups of files, with the modes in turn. Modes that take one run a file get few and small groups.
fn groups(engine: &dyn Engine, seed: u64, bodies: usize) -> Vec<Group<'_>> {
    let (mut groups, mut made, mut id) = (Vec::new(), 0, 0);
    let only: Option<usize> = asked("BODIES_ONLY");
    for mode in engine.modes().iter().cycle() {
        // A sample contains every mode.
        let group = (bodies / (3 * engine.modes().len())).clamp(3, GROUP);
        let size = if *mode == Mode::Alone { group.div_ceil(6) } else { group };
        let mut files: Vec<File> = Vec::new();
        while files.len() < size && made < bodies {
            let file = engine.generate(id, &mut random::of_file(seed, id), *mode);
            made += file.bodies();
            id += 1;
            if only.is_none_or(|only| only == file.id) {
                files.push(file);
            }
        }
        if !files.is_empty() {
            groups.push(Group { engine, mode: *mode, files });
        }
        if made >= bodies {
            return groups;
        }
    }
    groups
}

fn text(finding: &Finding) -> String {
    let Finding { kind, file, mode, what } = finding;
    let files: String = file.written(*mode).iter().map(|(name, text)| format!("--- {name}\n{text}")).collect();
    format!("{kind:?}, file {} ({mode:?}{}):\n{files}--- {what}\n", file.id, if file.crlf { ", CRLF" } else { "" })
}

/// The message without what differs from file to file.
fn kind_of(message: &str) -> String {
    let words = message.split("-->").next().unwrap_or_default().split('`');
    words.step_by(2).collect::<Vec<_>>().join("…").trim().to_owned()
}

fn campaign(engine: &dyn Engine) {
    if let Some(folder) = std::env::var_os("BODIES_DIR") {
        return real::compare(engine, Path::new(&folder));
    }
    let seed = asked("BODIES_SEED").unwrap_or(SEED);
    let bodies = asked("BODIES").unwrap_or(SAMPLE);
    let groups = groups(engine, seed, bodies);
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Outcome::default()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = group.compare().unwrap();
                    total.lock().unwrap().add(outcome);
                }
            });
        }
    });
    let Outcome { same, bodies: made, both_refuse, findings } = total.into_inner().unwrap();
    let files: usize = groups.iter().map(|group| group.files.len()).sum();
    let mut kinds: BTreeMap<(Kind, String), Vec<&Finding>> = BTreeMap::new();
    for finding in &findings {
        let detail = if finding.kind == Kind::Refused { kind_of(&finding.what) } else { String::new() };
        kinds.entry((finding.kind, detail)).or_default().push(finding);
    }
    let sample = if std::env::var_os("BODIES").is_some() { "" } else { " (a sample: make campaign-bodies runs all)" };
    say(&format!(
        "{}: seed {seed}, {files} files with {made} bodies{sample}: {same} the same, {both_refuse} refused by the client and \
         here, {} otherwise",
        engine.name(),
        findings.len()
    ));
    let mut wrong = Vec::new();
    let patience = Duration::from_secs(asked("BODIES_PATIENCE").unwrap_or(PATIENCE));
    let start = Instant::now();
    for ((kind, detail), found) in &kinds {
        say(&format!("  {kind:?} {detail}: {} files, {:?}", found.len(), numbers(found)));
        let shown = if *kind == Kind::Refused { 1 } else { SHOWN };
        for finding in found.iter().take(shown) {
            let smallest = text(&shrink(engine, finding, patience.saturating_sub(start.elapsed()) / 3));
            say(&smallest);
            if *kind != Kind::Refused {
                wrong.push(smallest);
            }
        }
    }
    assert!(wrong.is_empty(), "{}, seed {seed}: {} kinds of difference, see above", engine.name(), wrong.len());
    assert!(
        same * 3 > files * 2,
        "{same} of {files} files were compared: the generator makes too much that is refused"
    );
}

fn numbers(found: &[&Finding]) -> Vec<usize> {
    found.iter().map(|finding| finding.file.id).take(12).collect()
}

#[test]
fn postgres_stores_the_same_bodies_as_by_its_own_means() {
    campaign(&postgres::Postgres::start());
}

#[test]
fn mysql_stores_the_same_bodies_as_from_its_own_client() {
    campaign(&mysql::Mysql::start(false));
}

#[test]
fn mariadb_stores_the_same_bodies_as_from_its_own_client() {
    campaign(&mysql::Mysql::start(true));
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_stores_the_same_triggers_as_by_its_own_means() {
    campaign(&sqlite::Sqlite::new());
}
