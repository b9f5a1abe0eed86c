//! `schemaward migrate`: the engine on a laptop or in CI, with output for people or, as the runner's, for programs.

use std::process::ExitCode;

use clap::Args;

use super::engine_run::{RunFlags, log_to_stderr};
use super::exit;
use super::flags::{
    DatabaseFlags, FolderFlag, ForeignHistoryFlag, Format, FormatFlag, OutOfOrderFlag, TargetFlag, TransactionFlag,
    UrlFlags,
};
use super::no_result::NoResult;
use super::output::{self, write_event};
use super::plan::{self, PlanArguments};
use super::reading::CompareFlags;
use super::source::read_source;
use super::terminal::Terminal;
use crate::engine::Database;
use crate::plan::Goal;
use crate::policy::TransactionScope;
use crate::report::{Event, Outcome, Reason, Summary};
use crate::run::failed_before_start;

/// Flags of `schemaward migrate`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    url: UrlFlags,
    #[command(flatten)]
    folder: FolderFlag,
    #[command(flatten)]
    target: TargetFlag,
    #[command(flatten)]
    out_of_order: OutOfOrderFlag,
    #[command(flatten)]
    foreign_history: ForeignHistoryFlag,
    #[command(flatten)]
    transaction: TransactionFlag,
    #[command(flatten)]
    flags: RunFlags,
    /// Show what would be done, as `plan` does, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatFlag,
}

/// Applies what is pending.
pub(super) fn main(arguments: &MigrateArguments) -> ExitCode {
    if arguments.dry_run {
        return plan::main(&arguments.as_plan());
    }
    log_to_stderr(Format::Text);
    let run = format!("migrate-{}", std::process::id());
    let summary = execute(arguments, &run).unwrap_or_else(|why| arguments.not_started(&run, &why));
    match &summary.outcome {
        Outcome::Succeeded { .. } => ExitCode::SUCCESS,
        Outcome::Failed { failure, .. } => exit::code_of(failure.reason),
    }
}

fn execute(arguments: &MigrateArguments, run: &str) -> Result<Summary, NoResult> {
    if arguments.transaction.transaction == TransactionScope::All {
        arguments.flags.check_one_transaction()?;
    }
    let database = arguments.flags.database(&arguments.url.text()?, run)?;
    let started = arguments.flags.start()?;
    let read = || read_source(&arguments.folder, database.dialect(), |message| arguments.warn(message));
    let (files, ahead) = started.read_while_connecting(&database, read)?;
    let mut options = arguments.out_of_order.options(arguments.target.target.clone());
    options.transaction = arguments.transaction.transaction;
    let goal = Goal::Migrate { set: &files, options, on_foreign_history: arguments.foreign_history.rule() };
    let mut terminal = Terminal::new(&arguments.folder.dir, files.sources());
    let format = arguments.format.format;
    let summary = started.execute(run, &database, ahead, &goal, format, &mut |event| match (format, &event) {
        (Format::Json, _) => write_event(&event),
        // The failure names the first file only.
        (Format::Text, Event::RunFailed { failure })
            if failure.reason == Reason::InvalidSource && !files.known_problems().is_empty() =>
        {
            files.known_problems().iter().for_each(|problem| terminal.failure(&problem.failure()));
        }
        (Format::Text, _) => terminal.show(&event),
    });
    // The program ends: giving back the memory of thousands of files, one by one, would only take time.
    std::mem::forget(files);
    Ok(summary)
}

impl MigrateArguments {
    fn as_plan(&self) -> PlanArguments {
        let database = DatabaseFlags { url: self.url.clone(), ledger: self.flags.ledger.clone() };
        let (folder, target, out_of_order) = (self.folder.clone(), self.target.clone(), self.out_of_order);
        let flags = CompareFlags { database, folder, target, out_of_order, format: self.format };
        PlanArguments { flags, foreign_history: self.foreign_history, transaction: self.transaction }
    }

    fn warn(&self, message: &str) {
        match self.format.format {
            Format::Text => output::warning(message),
            Format::Json => write_event(&Event::Warning { message: message.to_owned() }),
        }
    }

    /// Shows why a run did not start: each failure, and all of them as one in the summary.
    fn not_started(&self, run: &str, why: &NoResult) -> Summary {
        let summary = failed_before_start(run, why.failure());
        match self.format.format {
            Format::Text => {
                let terminal = Terminal::new(&self.folder.dir, why.files());
                why.failures().iter().for_each(|failure| terminal.failure(failure));
            }
            Format::Json => {
                write_event(&Event::RunFailed { failure: why.failure() });
                write_event(&Event::RunFinished { summary: summary.clone() });
            }
        }
        summary
    }
}
