//! `schemaward verify`: compares a folder's files with what the ledger says was applied. Writes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::exit;
use super::flags::{DatabaseFlags, FolderFlag, Format, FormatFlag, OutOfOrderFlag};
use super::no_result::NoResult;
use super::output::{self, GOOD, NOTE, counted, line, styled};
use super::reading::{ledger, wait_for};
use super::source::read_source;
use super::terminal::{Terminal, show_failures};
use crate::engine::{can_be_spoilt, spoilt, spoilt_objects};
use crate::migration::{Problem, Version};
use crate::plan::{Kind, Overview, PlanProblem, Target, edited, read_otherwise};
use crate::report::Failure;
use crate::source::parse_each;

/// Flags of `schemaward verify`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    folder: FolderFlag,
    #[command(flatten)]
    out_of_order: OutOfOrderFlag,
    #[command(flatten)]
    format: FormatFlag,
}

#[derive(Serialize)]
struct Verification {
    database: String,
    /// How many versions are applied.
    applied: usize,
    /// Repeatable files that have changed since they last ran, or have never run.
    repeatable: Vec<String>,
    ahead: Vec<String>,
    warnings: Vec<String>,
    problems: Vec<Failure>,
}

/// Verifies. Exit code 4 where a file was edited, is missing or is out of order.
pub(super) fn main(arguments: &VerifyArguments) -> ExitCode {
    let format = arguments.format.format;
    let verification = match read(arguments) {
        Ok(verification) => verification,
        Err(why) => return why.show(format, &arguments.folder),
    };
    match format {
        Format::Json => output::json(&verification),
        Format::Text => {
            output::text(&verification.text());
            show_failures(format, &Terminal::new(&arguments.folder.dir, &[]), &verification.problems);
        }
    }
    if verification.problems.is_empty() { ExitCode::SUCCESS } else { exit::refused() }
}

fn read(arguments: &VerifyArguments) -> Result<Verification, NoResult> {
    let set = read_source(&arguments.folder, arguments.database.dialect()?, output::warning)?;
    // All of them, also those that a run would not look into.
    parse_each(&set);
    let invalid = set.known_problems();
    let (reading, database) = match ledger(&arguments.database, "verify", Some(0)) {
        Err(_) if !invalid.is_empty() => return Err(set.invalid(invalid).into()),
        read => read?,
    };
    let state = &reading.ledger;
    let edited = if invalid.is_empty() { Vec::new() } else { edited(&set, state) };
    if edited.is_empty() && !invalid.is_empty() {
        return Err(set.invalid(invalid).into());
    }
    let overview = Overview::new(&set, state, &arguments.out_of_order.options(Target::Latest));
    let spoilt_ones = spoilt_ones(&arguments.database)?;
    let otherwise = reading.server.and_then(|server| read_otherwise(&overview.pending, server));
    let beside = reading.beside.as_ref();
    Ok(Verification {
        database,
        applied: state.applied().len(),
        repeatable: overview
            .pending
            .iter()
            .filter(|step| step.kind == Kind::Repeatable)
            .map(|step| step.migration.file.clone())
            .collect(),
        ahead: overview.ahead.iter().map(ToString::to_string).collect(),
        warnings: overview
            .warnings
            .iter()
            .map(ToString::to_string)
            .chain(beside.and_then(|beside| beside.note(Some(&set))))
            .collect(),
        problems: all(overview.problems, edited, invalid)
            .iter()
            .map(PlanProblem::failure)
            .chain(otherwise)
            .chain(beside.and_then(|beside| beside.failure(&set)))
            .chain(spoilt_ones)
            .collect(),
    })
}

/// Stored objects that an earlier build has spoilt.
fn spoilt_ones(flags: &DatabaseFlags) -> Result<Vec<Failure>, Failure> {
    let database = flags.database("verify")?;
    if !can_be_spoilt(flags.dialect()?) {
        return Ok(Vec::new());
    }
    let found = wait_for(spoilt_objects(&database))?.map_err(|error| error.failure)?;
    Ok(found.iter().map(|object| spoilt(object)).collect())
}

/// What blocks a run, with all edits and all that is wrong with files. An edited file is reported as such, whatever
/// is in it by now.
fn all(mut found: Vec<PlanProblem>, edited: Vec<PlanProblem>, invalid: Vec<Problem>) -> Vec<PlanProblem> {
    let is_edited = |version: Option<&Version>| {
        edited.iter().any(|edit| match edit {
            PlanProblem::Edited { version: of, .. } | PlanProblem::AnotherFile { version: of, .. } => {
                Some(of) == version
            }
            _ => false,
        })
    };
    let others = invalid.into_iter().filter(|problem| !is_edited(problem.version.as_ref()));
    let others: Vec<PlanProblem> = others.map(PlanProblem::InvalidFile).collect();
    for problem in edited.into_iter().chain(others) {
        if !found.contains(&problem) {
            found.push(problem);
        }
    }
    found
}

impl Verification {
    fn text(&self) -> String {
        let mut text = String::new();
        for warning in &self.warnings {
            let _ = writeln!(text, "{}", styled(NOTE, &format!("warning: {}", line(warning))));
        }
        let applied = counted(self.applied, "applied migration");
        let _ = match (self.problems.len(), self.ahead.len()) {
            (0, 0) => writeln!(text, "{}", styled(GOOD, &format!("{applied}: every file is as it was applied."))),
            (0, _) => {
                writeln!(
                    text,
                    "{applied}: every file that is there is as it was applied; {} are newer than all files.",
                    self.ahead.join(", ")
                )
            }
            (problems, _) => writeln!(text, "{applied}: {}.", counted(problems, "problem")),
        };
        if !self.repeatable.is_empty() {
            let _ = writeln!(
                text,
                "{}: changed since they last ran, or never run; migrate runs them.",
                self.repeatable.join(", ")
            );
        }
        text
    }
}
