//! `schemaward repair`: a person says what became of a statement whose end was not recorded, that an edit of an applied
//! file is right, or that a version was undone by hand. Without any of these: what is open.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::engine_run::log_to_stderr;
use super::flags::{DatabaseFlags, FolderFlag, Format, FormatFlag};
use super::no_result::NoResult;
use super::output::{self, line};
use super::reading::wait_for;
use super::source::read_source;
use crate::engine::{ByHand, Database};
use crate::migration::Version;
use crate::plan::{BegunStatement, Kind, LedgerState, StatementState};
use crate::report::Failure;
use crate::run::{Abandoned, abandon, accept, ledger_state, record_undone, repair};

/// Flags of `schemaward repair`.
#[derive(Args, Debug)]
// `--version` is the migration's here, as it is everywhere else but in `schemaward --version`.
#[command(
    disable_version_flag = true,
    after_help = "Without --version, --accept, --undone or --abandon, it lists half-applied migrations.

A run that stops with NeedsReview names the version and the statement. Check in the database whether that statement took effect, record it with --version, --statement and --as, and start the next run: it continues after the statement, or runs it again.

An edited file stops every run. If the edit is right, because the database is as the file now says, --accept records its new checksums in the ledger and keeps the old ones. It runs nothing.

Stored rollback SQL cannot be corrected. If it fails, undo the version by hand, and --undone records it as rolled back: the next rollback continues below it. It runs nothing.

To give up a half-applied file, undo by hand what ran, and --abandon records that. Its version is then pending if its file is in the folder, and unknown if it is not. It runs nothing.

Exit codes: 0 done, 1 failed, 2 wrong usage or nothing to settle, 4 refused (a run holds the lock, a file to be accepted is invalid)."
)]
pub(super) struct RepairArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    folder: FolderFlag,
    /// The version of the migration, or of the rollback; R for a repeatable file.
    #[arg(long, value_name = "VERSION", requires = "statement", requires = "end", value_parser = version)]
    version: Option<Version>,
    /// The statement's number in its file, from 1.
    #[arg(long, value_name = "NUMBER", requires = "version", value_parser = clap::value_parser!(i32).range(1..))]
    statement: Option<i32>,
    /// What became of it.
    #[arg(long = "as", value_name = "END", requires = "version", value_enum)]
    end: Option<End>,
    /// Accept the file of this applied version as it is now.
    #[arg(long, value_name = "VERSION", conflicts_with = "version")]
    accept: Option<Version>,
    /// Record this version, the newest, as rolled back: it was undone by hand, since its stored rollback cannot do it.
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["version", "accept"])]
    undone: Option<Version>,
    /// Give up this half-applied version, or the file of this name (a repeatable one, a rollback): what had run of it was
    /// undone by hand.
    #[arg(long, value_name = "VERSION|FILE", conflicts_with_all = ["version", "accept", "undone"])]
    abandon: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    /// It has run: the next run continues after it.
    Done,
    /// It did not, or its effect was undone: the next run runs it again.
    NotDone,
}

fn version(text: &str) -> Result<Version, String> {
    let repeatable = Version::of_repeatable();
    if text == repeatable.as_str() { Ok(repeatable) } else { text.parse().map_err(|error| format!("{error}")) }
}

/// What is half applied.
#[derive(Serialize)]
struct Open {
    database: String,
    open: Vec<OpenStatement>,
}

#[derive(Serialize)]
struct OpenStatement {
    /// `migration`, `repeatable` or `rollback`.
    kind: &'static str,
    /// `R` of a repeatable file.
    version: String,
    file: String,
    statement: usize,
    /// `started`: its end was not recorded. `finished`, `failed`: the next run continues automatically.
    state: &'static str,
    #[serde(skip)]
    left_a_part: bool,
}

/// What a person said, written down.
#[derive(Serialize)]
struct Settled {
    message: String,
}

/// Lists, settles, accepts, or records as undone.
pub(super) fn main(arguments: &RepairArguments) -> ExitCode {
    log_to_stderr(Format::Text);
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => why.show(arguments.format.format, &arguments.folder),
    }
}

fn execute(arguments: &RepairArguments) -> Result<(), NoResult> {
    let run = format!("repair-{}", std::process::id());
    let message = if let Some(version) = &arguments.accept {
        accept_file(arguments, version, &run)?
    } else if let Some(version) = &arguments.undone {
        undone(arguments, version, &run)?
    } else if let Some(name) = &arguments.abandon {
        given_up(arguments, name, &run)?
    } else if let (Some(version), Some(statement), Some(end)) = (&arguments.version, arguments.statement, arguments.end)
    {
        settle(arguments, version, statement, end, &run)?
    } else {
        return Ok(list(arguments)?);
    };
    match arguments.format.format {
        Format::Json => output::json(&Settled { message }),
        Format::Text => output::text(&format!("{message}\n")),
    }
    Ok(())
}

fn settle(
    arguments: &RepairArguments,
    version: &Version,
    statement: i32,
    end: End,
    run: &str,
) -> Result<String, Failure> {
    let database = arguments.database.database("repair")?;
    let has_run = matches!(end, End::Done);
    wait_for(repair(&database, ByHand { version, statement, has_run, run }))??;
    let next = if has_run { "the next run continues after it" } else { "the next run runs it again" };
    Ok(format!("Statement {statement} of version {version} is settled: {next}."))
}

fn accept_file(arguments: &RepairArguments, version: &Version, run: &str) -> Result<String, NoResult> {
    let set = read_source(&arguments.folder, arguments.database.dialect()?, output::warning)?;
    let database = arguments.database.database("repair")?;
    let accepted = wait_for(accept(&database, &set, version, run))??;
    let (file, now) = (&accepted.migration.file, &accepted.migration.checksum);
    Ok(format!("{file} is accepted as it is now: checksum {now}, before {}. Nothing was run.", accepted.before))
}

fn undone(arguments: &RepairArguments, version: &Version, run: &str) -> Result<String, Failure> {
    let database = arguments.database.database("repair")?;
    let file = wait_for(record_undone(&database, version, run))??;
    Ok(format!("{file} is recorded as rolled back. Nothing was run; the next migrate applies it again."))
}

fn given_up(arguments: &RepairArguments, name: &str, run: &str) -> Result<String, Failure> {
    let database = arguments.database.database("repair")?;
    let Abandoned { file, kind, statements } = wait_for(abandon(&database, name, run))??;
    let next = match kind {
        Kind::Rollback => "the version stays applied",
        Kind::Repeatable => "the next migrate runs it from its beginning",
        _ => "if its file is in the folder, the next migrate runs it from the start",
    };
    Ok(format!(
        "{file} is abandoned: {statements} of its statements in the journal are closed. Nothing was run; {next}."
    ))
}

fn list(arguments: &RepairArguments) -> Result<(), Failure> {
    let database = arguments.database.database("repair")?;
    let state = wait_for(ledger_state(&database))??;
    let open = Open { database: database.address(), open: unsettled(&state).map(OpenStatement::new).collect() };
    match arguments.format.format {
        Format::Json => output::json(&open),
        Format::Text => output::text(&open.text()),
    }
    Ok(())
}

/// What is half applied and not settled: a refused statement is settled once its version is applied.
fn unsettled(state: &LedgerState) -> impl Iterator<Item = &BegunStatement> {
    state.all_begun().iter().filter(|begun| {
        let in_force = begun.version.as_ref().is_some_and(|version| state.get(version).is_some());
        !(begun.kind == Kind::Migration && in_force)
    })
}

impl OpenStatement {
    fn new(begun: &BegunStatement) -> Self {
        Self {
            kind: begun.kind.word(),
            version: begun.version.clone().unwrap_or_else(Version::of_repeatable).to_string(),
            file: begun.file.clone(),
            statement: begun.number,
            state: match begun.state {
                StatementState::Started => "started",
                StatementState::Finished => "finished",
                StatementState::Failed => "failed",
            },
            left_a_part: begun.left_a_part,
        }
    }
}

impl Open {
    fn text(&self) -> String {
        if self.open.is_empty() {
            return format!("No half-applied migrations in {}.\n", self.database);
        }
        let mut text = String::new();
        for OpenStatement { version, file, statement, state, left_a_part, .. } in &self.open {
            let what = match *state {
                "started" => "its end was not recorded",
                "finished" => "has run",
                _ => "was refused by the server",
            };
            let _ = writeln!(text, "{}  statement {statement}  {what}", line(file));
            if *left_a_part {
                let _ = writeln!(
                    text,
                    "    it may have left a part of its work; once that is taken away: schemaward repair --version {version} \
                     --statement {statement} --as not-done"
                );
            }
            if *state == "started" {
                // The next run may still find it out from the catalog.
                let _ = writeln!(
                    text,
                    "    where a run says NeedsReview: schemaward repair --version {version} --statement {statement} --as done, \
                     or --as not-done"
                );
            }
        }
        text
    }
}
