//! Compares the splitting of files into statements with what the servers' own clients send: psql, mariadb and mysql
//! talk to a stand-in that writes down each statement and answers that all is well. For `SQLite`, whose shell is not a
//! client of a server, `sqlite3_complete` says where statements end.
//!
//! `SCHEMAWARD_CORPORA` names a folder with real files in the subfolders `postgres`, `mysql` and `sqlite`; without it
//! only the samples here are compared.

#![expect(clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod mysql_stand_in;
mod postgres_stand_in;
mod samples;
mod sqlite_complete;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemaward::migration::{Checksum, MigrationSet, SourceFile};
use schemaward::sql::{Dialect, Span};

struct Sample {
    name: String,
    bytes: Vec<u8>,
}

/// The samples of a kind, and the corpora's files of that kind without duplicates.
fn samples(kind: &str, own: &[&str]) -> Vec<Sample> {
    let own = own.iter().enumerate();
    let mut found: Vec<Sample> =
        own.map(|(at, sql)| Sample { name: format!("sample {at}"), bytes: (*sql).into() }).collect();
    match std::env::var_os("SCHEMAWARD_CORPORA") {
        Some(corpora) => read_folder(&Path::new(&corpora).join(kind), &mut found),
        None => println!("real files are not compared: SCHEMAWARD_CORPORA names no folder"),
    }
    let mut seen = BTreeSet::new();
    found.retain(|sample| seen.insert(Checksum::of(&sample.bytes)));
    found
}

fn read_folder(folder: &Path, found: &mut Vec<Sample>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            found.push(Sample { name: path.display().to_string(), bytes: std::fs::read(&path).unwrap() });
        }
    }
}

/// A file's statements as Schemaward finds them, including those it does not send; or why it refuses the file.
fn ours(sample: &Sample, dialect: Dialect) -> Result<Vec<String>, String> {
    let file = SourceFile { name: "1_a.sql".to_owned(), bytes: sample.bytes.clone() };
    let set = MigrationSet::read([file], dialect).map_err(|invalid| invalid.problems[0].what.to_string())?;
    let migration = set.migrations().next().unwrap();
    let text = std::str::from_utf8(&sample.bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if ["+goose", "migrate:up"].iter().any(|mark| text.contains(mark)) {
        return Err("divided by another tool's annotations".to_owned());
    }
    let ran = migration.statements.iter().map(|statement| statement.span);
    let mut all: Vec<Span> = ran.chain(migration.left_out.iter().copied()).collect();
    all.sort_by_key(|span| span.start);
    Ok(all.iter().map(|span| span.text(text).to_owned()).collect())
}

/// What is compared: the tokens of each statement that has any.
fn tokens(statements: &[String], dialect: Dialect) -> Vec<Checksum> {
    let nothing = Checksum::of_tokens("", dialect);
    let all = statements.iter().map(|statement| Checksum::of_tokens(statement, dialect));
    all.filter(|checksum| *checksum != nothing).collect()
}

/// Compares each file that is not refused; `theirs` returns what the client sends of it.
fn compare(samples: &[Sample], dialect: Dialect, mut theirs: impl FnMut(&Path) -> Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.sql");
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let (mut same, mut statements, mut joined, mut different) = (0, 0, Vec::new(), Vec::new());
    for sample in samples {
        let ours = match ours(sample, dialect) {
            Ok(ours) => ours,
            Err(reason) => {
                *refused.entry(reason.chars().take(70).collect()).or_default() += 1;
                continue;
            }
        };
        std::fs::write(&path, &sample.bytes).unwrap();
        let theirs = theirs(&path);
        statements += ours.len();
        if tokens(&ours, dialect) == tokens(&theirs, dialect) {
            same += 1;
        } else if tokens(&[ours.join("\n;")], dialect) == tokens(&[theirs.join("\n;")], dialect) {
            // A body without DELIMITER, which the client sends in pieces; or several statements up to one delimiter,
            // which it sends as one.
            joined.push(&sample.name);
        } else {
            println!("  differs: {}", sample.name);
            different.push(format!("{}:\n ours {ours:#?}\n theirs {theirs:#?}", sample.name));
        }
    }
    println!("{dialect}: {same} files with {statements} statements are the same");
    println!("  {} differ in how a body without DELIMITER is sent: {joined:?}", joined.len());
    for (reason, files) in &refused {
        println!("  {files} refused: {reason}");
    }
    assert!(different.is_empty(), "{} files differ, the first:\n{}", different.len(), different[0]);
    assert!(same > 0, "nothing was compared");
}

/// The first of these programs that exists.
fn program(candidates: &[PathBuf]) -> Option<PathBuf> {
    let on_path = |name: &PathBuf| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    candidates
        .iter()
        .find_map(|name| if name.is_absolute() { name.is_file().then(|| name.clone()) } else { on_path(name) })
}

#[test]
fn statements_are_those_that_psql_sends() {
    let candidates = ["psql", "/usr/lib/postgresql/15/bin/psql"].map(PathBuf::from);
    let Some(psql) = program(&candidates) else { return println!("not compared: there is no psql") };
    let stand_in = postgres_stand_in::StandIn::start();
    compare(&samples("postgres", samples::POSTGRES), Dialect::Postgres, |path| stand_in.run(&psql, path));
}

#[test]
fn statements_are_those_that_the_mariadb_client_sends() {
    let Some(client) = program(&["mariadb"].map(PathBuf::from)) else {
        return println!("not compared: there is no mariadb client");
    };
    let stand_in = mysql_stand_in::StandIn::start("mysql_native_password");
    compare(&samples("mysql", samples::MYSQL), Dialect::Mariadb, |path| stand_in.run(&client, &[], path));
}

#[test]
fn statements_are_those_that_the_mysql_client_sends() {
    // Debian's `mysql` is MariaDB's: look where testbed/servers puts Oracle's.
    let cache = std::env::var_os("SCHEMAWARD_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache/schemaward")));
    let servers = cache.and_then(|cache| std::fs::read_dir(cache.join("servers")).ok()).into_iter().flatten();
    let mut candidates: Vec<PathBuf> =
        servers.map(|entry| entry.unwrap().path().join("program/bin/mysql")).filter(|path| path.is_file()).collect();
    candidates.sort();
    let Some(client) = program(&candidates) else {
        return println!("not compared: there is no mysql client; `testbed/servers/servers.sh install mysql` gets it");
    };
    let stand_in = mysql_stand_in::StandIn::start("caching_sha2_password");
    // Without the option, 9.4 and later know DELIMITER only.
    let samples = samples("mysql", samples::MYSQL);
    compare(&samples, Dialect::Mysql, |path| stand_in.run(&client, &["--commands"], path));
}

#[test]
fn statements_are_complete_to_sqlite() {
    let Some(python) = program(&["python3"].map(PathBuf::from)) else {
        return println!("not compared: there is no python3, whose sqlite3.complete_statement would tell");
    };
    compare(&samples("sqlite", samples::SQLITE), Dialect::Sqlite, |path| sqlite_complete::statements(&python, path));
}
