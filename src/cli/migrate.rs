//! `schemaward migrate`: the engine on a laptop or in CI, with output for people.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::engine_run::{RunFlags, invalid_settings, log_to_stderr, read_url_file};
use super::terminal::Terminal;
use crate::engine::read_folder;
use crate::migration::MigrationSet;
use crate::report::{Failure, Outcome, Reason};

/// The environment variable that holds the database's URL where no flag names it.
const URL_VARIABLE: &str = "DATABASE_URL";
/// Refused: nothing was changed, and a person has to decide.
const EXIT_REFUSED: u8 = 4;
/// Wrong usage, as clap has it too.
const EXIT_USAGE: u8 = 2;

/// Flags of `schemaward migrate`.
#[derive(Args, Debug)]
#[command(after_help = "\
The database's URL, such as postgres://user:password@host:5432/name, comes from --url-file, from --url, or else from the \
environment variable DATABASE_URL.

Exit codes: 0 done or nothing to do, 1 failed, 2 wrong usage, 4 refused (an applied file was edited, the lock is held, …).")]
pub(super) struct MigrateArguments {
    /// A file that holds the database's URL.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    url_file: Option<PathBuf>,
    /// The database's URL. A password in it can be seen by other users of this machine in the list
    /// of processes: use `--url-file` or `DATABASE_URL` instead.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The folder that holds the migrations.
    #[arg(long, value_name = "FOLDER", default_value = "migrations")]
    dir: PathBuf,
    #[command(flatten)]
    flags: RunFlags,
}

/// Applies what is pending.
pub(super) fn main(arguments: &MigrateArguments) -> ExitCode {
    log_to_stderr();
    match execute(arguments) {
        Ok(code) => code,
        Err(failure) => {
            Terminal::new(&arguments.dir, &[]).failure(&failure);
            exit_code(failure.reason)
        }
    }
}

fn execute(arguments: &MigrateArguments) -> Result<ExitCode, Failure> {
    let run = format!("migrate-{}", std::process::id());
    let database = arguments.flags.database(&url(arguments)?, &run)?;
    let files = read_folder(&arguments.dir)?;
    let mut terminal = Terminal::new(&arguments.dir, &files);
    let set = match MigrationSet::read(&files) {
        Ok(set) => set,
        Err(problems) => {
            for problem in &problems {
                terminal.failure(&problem.failure());
            }
            return Ok(exit_code(Reason::InvalidSource));
        }
    };
    let summary = arguments.flags.execute(&run, &database, &set, &mut |event| terminal.show(&event))?;
    Ok(match &summary.outcome {
        Outcome::Succeeded { .. } => ExitCode::SUCCESS,
        Outcome::Failed { failure, .. } => exit_code(failure.reason),
    })
}

fn url(arguments: &MigrateArguments) -> Result<String, Failure> {
    match (&arguments.url_file, &arguments.url) {
        (Some(file), _) => read_url_file(file),
        (None, Some(url)) => Ok(url.clone()),
        (None, None) => std::env::var(URL_VARIABLE).map_err(|_| {
            invalid_settings(format!("no database is named: give --url-file or --url, or set {URL_VARIABLE}"))
        }),
    }
}

fn exit_code(reason: Reason) -> ExitCode {
    match reason {
        Reason::InvalidSettings => ExitCode::from(EXIT_USAGE),
        Reason::InvalidSource
        | Reason::LockHeld
        | Reason::MigrationEdited
        | Reason::MigrationMissing
        | Reason::OutOfOrder
        | Reason::SourceChanged
        | Reason::TargetUnreachable => ExitCode::from(EXIT_REFUSED),
        Reason::AuthenticationFailed
        | Reason::Cancelled
        | Reason::ConnectionFailed
        | Reason::DeadlineExceeded
        | Reason::Fenced
        | Reason::LedgerUnusable
        | Reason::StatementFailed => ExitCode::FAILURE,
    }
}
