//! Applies files with Schemaward in one database and without it in another, and compares what the servers then hold,
//! file by file. A file that differs is shrunk to the smallest one that still does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::engine::{Catalog, Engine};
use crate::file::{File, Mode};

/// A file whose result differs from that without Schemaward.
#[derive(Clone, Debug)]
pub struct Finding {
    pub kind: Kind,
    pub file: File,
    pub mode: Mode,
    /// The error, or the two texts.
    pub what: String,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Refused before anything ran, although the client accepts it.
    Refused,
    /// Failed, although the client accepts it.
    Failed,
    /// Applied, with a different result.
    Differs,
    /// Applied, in more or fewer statements than it has.
    Divided,
    /// A definition contains something of the ledger's.
    Spoilt,
    /// Accepted, although the client refuses it.
    Taken,
    /// The client refuses it, but Schemaward blamed another file or ran one that follows it.
    Misplaced,
    /// Any other answer of Schemaward's.
    Other,
}

#[derive(Default)]
pub struct Outcome {
    pub same: usize,
    pub bodies: usize,
    /// Refused by the client and by Schemaward.
    pub both_refuse: usize,
    pub findings: Vec<Finding>,
}

impl Outcome {
    pub fn add(&mut self, other: Self) {
        self.same += other.same;
        self.bodies += other.bodies;
        self.both_refuse += other.both_refuse;
        self.findings.extend(other.findings);
    }
}

/// A database that is dropped with this value.
pub struct Database<'a> {
    engine: &'a dyn Engine,
    pub name: String,
}

impl<'a> Database<'a> {
    /// # Errors
    /// What the server says.
    pub fn new(engine: &'a dyn Engine) -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("bodies_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        engine.create(&name)?;
        Ok(Self { engine, name })
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        self.engine.drop(&self.name);
    }
}

pub enum Ended {
    Applied,
    /// Nothing was run. These files are at fault.
    Refused(Vec<(usize, String)>),
    /// This file failed; None if it is not known which one.
    Failed(Option<usize>, String),
}

pub fn run(engine: &dyn Engine, database: &str, arguments: &[&str]) -> Output {
    let other = std::env::var("BODIES_PROGRAM").ok().filter(|path| !path.is_empty());
    let mut command = Command::new(other.as_deref().unwrap_or(env!("CARGO_BIN_EXE_schemaward")));
    command.args(arguments).env("DATABASE_URL", engine.url(database));
    // Another program may be older: it does not ask, and does not know the flag.
    if other.is_none() && arguments.first() == Some(&"rollback") {
        command.arg("--yes");
    }
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// The numbers of the files that the output blames, each with its message.
fn accused(said: &str) -> Vec<(usize, String)> {
    let mut found: BTreeMap<usize, String> = BTreeMap::new();
    let mut message = String::new();
    for line in said.lines() {
        if let Some(at) = line.trim().strip_prefix("--> ") {
            let place = at.rsplit('/').next().unwrap_or(at).trim_start_matches("rollback of ");
            if let Some(number) = number(place) {
                found.entry(number).or_insert_with(|| format!("{message} --> {at}"));
            }
        } else if line.starts_with("error") {
            line.clone_into(&mut message);
        }
    }
    found.into_iter().collect()
}

fn write(folder: &Path, files: &[(String, String)]) {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// How many statements the output says each file has.
fn statements(said: &str) -> BTreeMap<usize, usize> {
    let line = |line: &str| {
        let (name, rest) = line.trim().trim_start_matches("rollback of ").split_once(".sql ")?;
        let (count, rest) = rest.trim().split_once(' ')?;
        rest.starts_with("statement").then_some((number(name)?, count.parse().ok()?))
    };
    said.lines().filter_map(line).collect()
}

/// The number in a file's name.
fn number(name: &str) -> Option<usize> {
    let digits: String = name.split_once('f')?.1.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Applies files with Schemaward. Returns how it ended, and how many statements it says each file has.
fn apply(engine: &dyn Engine, database: &str, mode: Mode, files: &[&File]) -> (Ended, BTreeMap<usize, usize>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display().to_string();
    write(folder.path(), &[("1_base.sql".to_owned(), engine.base())]);
    let migrate = ["migrate", "--dir", &path, "--gaps", "allow"];
    let is_rollback = matches!(mode, Mode::Rollback | Mode::RollbackBlock);
    let mut counted = BTreeMap::new();
    let runs: Vec<&[&File]> = if mode == Mode::Alone { files.chunks(1).collect() } else { vec![files] };
    for part in runs {
        for file in part {
            write(folder.path(), &file.written(mode));
        }
        let mut output = run(engine, database, &migrate);
        let mut done = ended(&output);
        if is_rollback && matches!(done, Ended::Applied) {
            output = run(engine, database, &["rollback", "--to", "1"]);
            done = ended_rollback(&output);
        }
        counted.extend(statements(&said(&output)));
        if !matches!(done, Ended::Applied) {
            return (done, counted);
        }
    }
    (Ended::Applied, counted)
}

pub fn ended(output: &Output) -> Ended {
    let said = said(output);
    match output.status.code() {
        Some(0) => Ended::Applied,
        Some(4) if !said.contains("--> ") => Ended::Failed(None, said),
        Some(4) if said.contains("NeedsReview") || said.contains("half applied") => Ended::Failed(None, said),
        Some(4) if accused(&said).is_empty() => Ended::Failed(None, said),
        Some(4) => Ended::Refused(accused(&said)),
        _ => Ended::Failed(accused(&said).first().map(|(number, _)| *number), said),
    }
}

fn ended_rollback(output: &Output) -> Ended {
    match ended(output) {
        Ended::Refused(accused) => Ended::Failed(accused.first().map(|(number, _)| *number), said(output)),
        other => other,
    }
}

pub struct Group<'a> {
    pub engine: &'a dyn Engine,
    pub mode: Mode,
    pub files: Vec<File>,
}

impl Group<'_> {
    /// Applies the files in both ways.
    ///
    /// # Errors
    ///
    /// A database cannot be created or read.
    pub fn compare(&self) -> Result<Outcome, String> {
        let mut outcome = Outcome { bodies: self.files.iter().map(File::bodies).sum(), ..Outcome::default() };
        let (taken, refused, theirs) = self.reference()?;
        let neighbours = (taken.first().copied(), taken.last().copied());
        let mut left: Vec<&File> = taken;
        while !left.is_empty() {
            let database = Database::new(self.engine)?;
            let is_backwards = matches!(self.mode, Mode::Rollback | Mode::RollbackBlock);
            let (ended, counted) = apply(self.engine, &database.name, self.mode, &left);
            self.hold_counts(&left, &counted, &mut outcome);
            match ended {
                Ended::Applied => {
                    self.hold(&database.name, &left, &theirs, &mut outcome)?;
                    break;
                }
                Ended::Refused(accused) => {
                    let numbers: BTreeSet<usize> = accused.iter().map(|(number, _)| *number).collect();
                    let before = left.len();
                    let messages = format!("{accused:?}");
                    for (number, message) in accused {
                        if let Some(file) = left.iter().find(|file| file.id == number) {
                            outcome.findings.push(self.finding(Kind::Refused, file, message));
                        }
                    }
                    left.retain(|file| !numbers.contains(&file.id));
                    if left.len() == before {
                        return Err(format!("a refusal of none of the files: {numbers:?} {messages}"));
                    }
                }
                Ended::Failed(Some(number), message) if left.iter().any(|file| file.id == number) => {
                    let at = left.iter().position(|file| file.id == number).unwrap_or_default();
                    outcome.findings.push(self.finding(Kind::Failed, left[at], message));
                    let (done, rest) = if is_backwards {
                        (left[at + 1..].to_vec(), left[..at].to_vec())
                    } else {
                        (left[..at].to_vec(), left[at + 1..].to_vec())
                    };
                    self.hold(&database.name, &done, &theirs, &mut outcome)?;
                    left = rest;
                }
                Ended::Failed(_, message) => {
                    outcome.findings.push(self.finding(Kind::Other, left[0], message));
                    if left.len() == 1 {
                        break;
                    }
                    // Files of a failed set are tried one by one to find the one at fault.
                    for file in std::mem::take(&mut left) {
                        let alone = Group { engine: self.engine, mode: self.mode, files: vec![file.clone()] };
                        outcome.add(Outcome { bodies: 0, ..alone.compare()? });
                    }
                }
            }
        }
        for file in refused {
            self.both_refuse(file, neighbours, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn finding(&self, kind: Kind, file: &File, what: String) -> Finding {
        Finding { kind, file: file.clone(), mode: self.mode, what }
    }

    /// The files that the client accepts, those that it refuses, and what exists afterwards.
    fn reference(&self) -> Result<(Vec<&File>, Vec<&File>, Catalog), String> {
        let database = Database::new(self.engine)?;
        self.engine.whole_file(&database.name, &self.engine.base())?;
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        let is_backwards = matches!(self.mode, Mode::Rollback | Mode::RollbackBlock);
        let mut order: Vec<&File> = self.files.iter().collect();
        if is_backwards {
            order.reverse();
        }
        for file in order {
            match self.engine.reference(&database.name, file, self.mode) {
                Ok(()) => taken.push(file),
                Err(error) => {
                    if std::env::var_os("BODIES_SHOW_REFUSED").is_some() && !file.broken {
                        eprintln!("{} {:?} {error}\n{}", file.id, self.mode, file.written(self.mode)[0].1);
                    }
                    refused.push(file);
                }
            }
        }
        if is_backwards {
            taken.reverse();
        }
        Ok((taken, refused, self.engine.catalog(&database.name)?))
    }

    fn hold_counts(&self, files: &[&File], counted: &BTreeMap<usize, usize>, outcome: &mut Outcome) {
        for file in files.iter().filter(|file| !file.broken) {
            let count = counted.get(&file.id).copied();
            if count.is_some_and(|count| count != file.statements.len()) {
                let what = format!("{} statements, said to be {count:?}", file.statements.len());
                outcome.findings.push(self.finding(Kind::Divided, file, what));
            }
        }
    }

    /// Compares the result of some files with the reference.
    fn hold(&self, database: &str, files: &[&File], theirs: &Catalog, outcome: &mut Outcome) -> Result<(), String> {
        if files.is_empty() {
            return Ok(());
        }
        let ours = self.engine.catalog(database)?;
        let nothing = Vec::new();
        for file in files {
            let (ours, theirs) = (ours.get(&file.id).unwrap_or(&nothing), theirs.get(&file.id).unwrap_or(&nothing));
            if let Some((name, text)) = ours.iter().find(|(_, text)| text.contains("schemaward")) {
                outcome.findings.push(self.finding(Kind::Spoilt, file, format!("{name}:\n{text}")));
            } else if ours == theirs {
                outcome.same += 1;
            } else {
                let lines = |of: &[(String, String)], other: &[(String, String)]| {
                    let only = of.iter().filter(|one| !other.contains(one));
                    only.map(|(name, text)| format!("  {name}: {text:?}\n")).collect::<String>()
                };
                let what = format!("the client's:\n{}ours:\n{}", lines(theirs, ours), lines(ours, theirs));
                outcome.findings.push(self.finding(Kind::Differs, file, what));
            }
        }
        Ok(())
    }

    /// A file that the client refuses must fail here too, must leave no damaged definition, and must keep later files
    /// from running.
    fn both_refuse(
        &self,
        file: &File,
        around: (Option<&File>, Option<&File>),
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let database = Database::new(self.engine)?;
        let before = around.0.filter(|one| one.id < file.id);
        let after = around.1.filter(|one| one.id > file.id);
        let is_rollback = matches!(self.mode, Mode::Rollback | Mode::RollbackBlock);
        let set: Vec<&File> =
            if is_rollback { vec![file] } else { before.into_iter().chain([file]).chain(after).collect() };
        let (ended, _) = apply(self.engine, &database.name, self.mode, &set);
        // A refused set has not even created the tables that the catalog query reads.
        let ours = self.engine.catalog(&database.name).unwrap_or_default();
        let mut found = |kind, what| outcome.findings.push(self.finding(kind, file, what));
        if let Some((name, text)) = ours.values().flatten().find(|(_, text)| text.contains("schemaward")) {
            found(Kind::Spoilt, format!("{name}:\n{text}"));
        } else if set.len() > 1 && after.is_some_and(|after| ours.contains_key(&after.id)) {
            found(Kind::Misplaced, "a later file has run".to_owned());
        } else {
            match ended {
                Ended::Applied => found(Kind::Taken, "the client refuses it".to_owned()),
                Ended::Failed(None, message) => found(Kind::Other, message),
                Ended::Failed(Some(number), message) if number != file.id => {
                    found(
                        Kind::Misplaced,
                        format!("with files {:?} around it: {message}", set.iter().map(|one| one.id)),
                    );
                }
                Ended::Refused(accused) if set.len() > 1 && accused.iter().all(|(number, _)| *number != file.id) => {
                    // A neighbour may be at fault: try again without them.
                    return self.both_refuse(file, (None, None), outcome);
                }
                _ => outcome.both_refuse += 1,
            }
        }
        Ok(())
    }
}

/// The smallest file with a finding of the same kind, found by leaving out statements and then lines.
pub fn shrink(engine: &dyn Engine, finding: &Finding, patience: Duration) -> Finding {
    let mode = if finding.mode == Mode::Alone { Mode::Batched } else { finding.mode };
    let holds = |file: File| {
        let found = Group { engine, mode, files: vec![file] }.compare().ok()?.findings.into_iter().next()?;
        (found.kind == finding.kind).then_some(found)
    };
    let mut smallest = finding.clone();
    let start = Instant::now();
    'shorter: loop {
        for candidate in candidates(&smallest.file) {
            if start.elapsed() > patience {
                return smallest;
            }
            if let Some(found) = holds(candidate) {
                smallest = found;
                continue 'shorter;
            }
        }
        return smallest;
    }
}

/// The file with one thing less, the most promising candidates first.
fn candidates(file: &File) -> Vec<File> {
    let mut all = Vec::new();
    for at in 0..file.statements.len() {
        if file.statements.len() > 1 {
            let mut shorter = file.clone();
            shorter.statements.remove(at);
            all.push(shorter);
        }
        if !file.statements[at].before.is_empty() {
            let mut shorter = file.clone();
            shorter.statements[at].before.clear();
            all.push(shorter);
        }
    }
    if file.crlf {
        all.push(File { crlf: false, ..file.clone() });
    }
    for (at, statement) in file.statements.iter().enumerate() {
        let lines: Vec<&str> = statement.sql.split('\n').collect();
        let mut size = lines.len() / 2;
        while size > 0 {
            for from in (0..lines.len()).step_by(size) {
                let kept = lines.iter().enumerate().filter(|(line, _)| *line < from || *line >= from + size);
                let sql: Vec<&str> = kept.map(|(_, line)| *line).collect();
                let mut shorter = file.clone();
                shorter.statements[at].sql = sql.join("\n");
                all.push(shorter);
            }
            size /= 2;
        }
    }
    all
}
