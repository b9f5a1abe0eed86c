//! `schemaward migrate`: the engine on a laptop or in CI, with output for people.

use std::process::ExitCode;

use clap::Args;

use super::engine_run::{RunFlags, log_to_stderr};
use super::exit;
use super::flags::{FolderFlag, UrlFlags};
use super::terminal::Terminal;
use crate::engine::read_folder;
use crate::migration::MigrationSet;
use crate::report::{Failure, Outcome, Reason};

/// Flags of `schemaward migrate`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    url: UrlFlags,
    #[command(flatten)]
    folder: FolderFlag,
    #[command(flatten)]
    flags: RunFlags,
}

/// Applies what is pending.
pub(super) fn main(arguments: &MigrateArguments) -> ExitCode {
    log_to_stderr();
    match execute(arguments) {
        Ok(code) => code,
        Err(failure) => {
            Terminal::new(&arguments.folder.dir, &[]).failure(&failure);
            exit::code_of(failure.reason)
        }
    }
}

fn execute(arguments: &MigrateArguments) -> Result<ExitCode, Failure> {
    let run = format!("migrate-{}", std::process::id());
    let database = arguments.flags.database(&arguments.url.text()?, &run)?;
    let dir = &arguments.folder.dir;
    let files = read_folder(dir)?;
    let mut terminal = Terminal::new(dir, &files);
    let set = match MigrationSet::read(&files) {
        Ok(set) => set,
        Err(problems) => {
            for problem in &problems {
                terminal.failure(&problem.failure());
            }
            return Ok(exit::code_of(Reason::InvalidSource));
        }
    };
    let summary = arguments.flags.execute(&run, &database, &set, &mut |event| terminal.show(&event))?;
    Ok(match &summary.outcome {
        Outcome::Succeeded { .. } => ExitCode::SUCCESS,
        Outcome::Failed { failure, .. } => exit::code_of(failure.reason),
    })
}
