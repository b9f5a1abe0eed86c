//! Real files, in the order of their names, through the same comparison.

use std::collections::BTreeSet;
use std::path::Path;

use tempfile::TempDir;

use crate::campaign::{Database, Ended, ended, run};
use crate::engine::Engine;
use crate::say;

struct Real {
    name: String,
    text: String,
}

/// Compares the files of the engine's folder that the client accepts.
pub fn compare(engine: &dyn Engine, folder: &Path) {
    let folder = folder.join(engine.name());
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return say(&format!("{}: no files, as there is no folder {}", engine.name(), folder.display()));
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "sql"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = String::from_utf8(std::fs::read(path).unwrap()).ok()?;
        Some(Real { name: path.file_name()?.to_string_lossy().into_owned(), text })
    };
    // The catalog queries read this table in the campaign, too.
    let log = Real { name: "log".to_owned(), text: "CREATE TABLE log (file TEXT, n INT, what TEXT);".to_owned() };
    let all: Vec<Real> = [log].into_iter().chain(paths.iter().filter_map(read)).collect();
    let taken = taken(engine, &all);
    let (mut left, mut refused) = (taken.clone(), Vec::new());
    let differences = loop {
        let ours = Database::new(engine).unwrap();
        match apply(engine, &ours.name, &left, &all) {
            Ended::Applied => break differences(engine, &ours.name, &left, &all),
            Ended::Refused(accused) => {
                let numbers: BTreeSet<usize> = accused.iter().map(|(number, _)| *number).collect();
                refused.extend(accused);
                left.retain(|at| !numbers.contains(at));
            }
            Ended::Failed(Some(number), message) if left.contains(&number) => {
                refused.push((number, message));
                left.retain(|at| *at != number);
            }
            Ended::Failed(_, message) => panic!("{message}"),
        }
    };
    for (number, message) in &refused {
        say(&format!("  {}: {}", all[*number].name, message.lines().take(12).collect::<Vec<_>>().join("\n    ")));
    }
    say(&format!(
        "{}: {} files, of which the client takes {}; {} of them not taken here; {} differences",
        engine.name(),
        all.len(),
        taken.len(),
        refused.len(),
        differences.len()
    ));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The files that the client accepts, run one after the other.
fn taken(engine: &dyn Engine, all: &[Real]) -> Vec<usize> {
    let database = Database::new(engine).unwrap();
    let mut taken = Vec::new();
    for (at, file) in all.iter().enumerate() {
        match engine.whole_file(&database.name, &file.text) {
            Ok(()) => taken.push(at),
            Err(error) => say(&format!("  the client, {}: {}", file.name, error.lines().next().unwrap_or_default())),
        }
    }
    taken
}

fn apply(engine: &dyn Engine, database: &str, files: &[usize], all: &[Real]) -> Ended {
    let folder = TempDir::new().unwrap();
    for at in files {
        std::fs::write(folder.path().join(format!("{}_f{at}.sql", at + 1)), &all[*at].text).unwrap();
    }
    ended(&run(engine, database, &["migrate", "--gaps", "allow", "--dir", &folder.path().display().to_string()]))
}

/// Rows of the catalog that only one of the databases has.
fn differences(engine: &dyn Engine, ours: &str, files: &[usize], all: &[Real]) -> Vec<String> {
    let database = Database::new(engine).unwrap();
    for at in files {
        if let Err(error) = engine.whole_file(&database.name, &all[*at].text) {
            say(&format!("  the client, without the files that are not taken here, {}: {error}", all[*at].name));
        }
    }
    let rows = |database: &str| -> BTreeSet<Vec<String>> {
        let rows = engine.rows(database).unwrap().into_iter().filter(|row| !row[0].starts_with("schemaward"));
        rows.filter(|row| !row.iter().any(|text| text.contains("schemaward."))).collect()
    };
    let (ours, theirs) = (rows(ours), rows(&database.name));
    say(&format!("  {} objects and rows compared", theirs.len()));
    let only = |who: &str, of: &BTreeSet<Vec<String>>, other: &BTreeSet<Vec<String>>| {
        of.difference(other).map(|row| format!("{who}: {row:?}")).collect::<Vec<_>>()
    };
    [only("ours", &ours, &theirs), only("the client's", &theirs, &ours)].concat()
}
