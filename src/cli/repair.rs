//! `schemaward repair`: a person says what became of a statement whose end was not recorded.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::engine_run::log_to_stderr;
use super::exit;
use super::flags::{DatabaseFlags, Format};
use super::reading::wait_for;
use super::terminal::Terminal;
use crate::engine::{ByHand, repair};
use crate::migration::Version;
use crate::report::Failure;

/// Flags of `schemaward repair`.
#[derive(Args, Debug)]
// `--version` is the migration's here, as it is everywhere else but in `schemaward --version`.
#[command(
    disable_version_flag = true,
    after_help = "\
A run that stops with NeedsReview names version and statement. Look in the database whether that statement has had its \
effect, say so here, and start the next run: it goes on behind the statement, or runs it again.

Exit codes: 0 done, 1 failed, 2 wrong usage or nothing to settle, 4 refused (a run holds the lock)."
)]
pub(super) struct RepairArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    /// The migration's version.
    #[arg(long, value_name = "VERSION")]
    version: Version,
    /// The statement's number in its file, from 1.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    statement: i32,
    /// What became of it.
    #[arg(long = "as", value_name = "END", value_enum)]
    end: End,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    /// It has run: the next run goes on behind it.
    Done,
    /// It has not, or its effect was taken back: the next run runs it again.
    NotDone,
}

/// Writes down what a person found out.
pub(super) fn main(arguments: &RepairArguments) -> ExitCode {
    log_to_stderr(Format::Text);
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Terminal::new(Path::new(""), &[]).failure(&failure);
            exit::code_of(failure.reason)
        }
    }
}

fn execute(arguments: &RepairArguments) -> Result<(), Failure> {
    let run = format!("repair-{}", std::process::id());
    let database = arguments.database.database("repair")?;
    let has_run = matches!(arguments.end, End::Done);
    let by_hand = ByHand { version: &arguments.version, statement: arguments.statement, has_run, run: &run };
    wait_for(repair(&database, by_hand))??;
    let next = if has_run { "the next run goes on behind it" } else { "the next run runs it again" };
    let (statement, version) = (arguments.statement, &arguments.version);
    let _ = writeln!(std::io::stdout(), "Statement {statement} of version {version} is settled: {next}.");
    Ok(())
}
