//! `schemaward migrate`: the engine on a laptop or in CI, with output for people or, as the runner's, for programs.

use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Args;

use super::engine_run::{RunFlags, log_to_stderr};
use super::exit;
use super::flags::{
    DatabaseFlags, FolderFlag, ForeignHistoryFlag, Format, FormatFlag, OutOfOrderFlag, TargetFlag, UrlFlags,
};
use super::no_result::NoResult;
use super::output::{self, write_event};
use super::plan::{self, PlanArguments};
use super::reading::CompareFlags;
use super::source::Source;
use super::terminal::Terminal;
use crate::engine::Database;
use crate::migration::{Problem, SourceFile, source_failure};
use crate::plan::Goal;
use crate::report::{Event, Failure, Outcome, Reason, Summary};
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
    match execute(arguments, &run) {
        Ok(summary) => match &summary.outcome {
            Outcome::Succeeded { .. } => ExitCode::SUCCESS,
            Outcome::Failed { failure, .. } => exit::code_of(failure.reason),
        },
        Err(failure) => {
            arguments.not_started(&run, &[], std::slice::from_ref(&failure), &failure);
            exit::code_of(failure.reason)
        }
    }
}

fn execute(arguments: &MigrateArguments, run: &str) -> Result<Summary, Failure> {
    let database = arguments.flags.database(&arguments.url.text()?, run)?;
    let started = arguments.flags.start()?;
    let (dir, rules) = (&arguments.folder.dir, arguments.folder.gaps.rules(database.dialect()));
    let files = OnceLock::new();
    let source = Source::new(&files);
    let format = arguments.format.format;
    let warn = |message: &str| match format {
        Format::Text => output::warning(message),
        Format::Json => write_event(&Event::Warning { message: message.to_owned() }),
    };
    let (set, database) = match started.read_while_connecting(&database, &source, || source.read(dir, rules, warn)) {
        Ok(read) => read,
        Err(NoResult::Failed(failure)) => return Err(failure),
        Err(NoResult::InvalidSource(files, problems)) => {
            let failures: Vec<Failure> = problems.iter().map(Problem::failure).collect();
            let whole = source_failure(&problems).unwrap_or_else(|| Failure {
                reason: Reason::InvalidSource,
                ..super::flags::invalid_settings("the source holds no migration".to_owned())
            });
            return Ok(arguments.not_started(run, &files, &failures, &whole));
        }
    };
    let options = arguments.out_of_order.options(arguments.target.target.clone());
    let goal = Goal::Migrate { set, options, on_foreign_history: arguments.foreign_history.rule() };
    let mut terminal = Terminal::new(dir, source.files());
    let summary = started.execute(run, &database, &goal, format, &mut |event| match (format, &event) {
        (Format::Json, _) => write_event(&event),
        // The failure names the first file only.
        (Format::Text, Event::RunFailed { failure }) if failure.reason == Reason::InvalidSource => {
            set.known_problems().iter().for_each(|problem| terminal.failure(&problem.failure()));
        }
        (Format::Text, _) => terminal.show(&event),
    });
    // The program ends: giving back the memory of thousands of files, one by one, would only take time.
    std::mem::forget(source);
    std::mem::forget(files);
    Ok(summary)
}

impl MigrateArguments {
    fn as_plan(&self) -> PlanArguments {
        let database = DatabaseFlags { url: self.url.clone(), ledger: self.flags.ledger.clone() };
        let (folder, target, out_of_order) = (self.folder.clone(), self.target.clone(), self.out_of_order);
        let flags = CompareFlags { database, folder, target, out_of_order, format: self.format };
        PlanArguments { flags, foreign_history: self.foreign_history }
    }

    /// Shows why a run did not start: each failure, and all of them as one in the summary.
    fn not_started(&self, run: &str, files: &[SourceFile], failures: &[Failure], whole: &Failure) -> Summary {
        let summary = failed_before_start(run, whole.clone());
        match self.format.format {
            Format::Text => {
                let terminal = Terminal::new(&self.folder.dir, files);
                for failure in failures {
                    terminal.failure(failure);
                }
            }
            Format::Json => {
                write_event(&Event::RunFailed { failure: whole.clone() });
                write_event(&Event::RunFinished { summary: summary.clone() });
            }
        }
        summary
    }
}
