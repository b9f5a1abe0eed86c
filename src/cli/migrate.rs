//! `schemaward migrate`: the engine on a laptop or in CI, with output for people or, as the runner's, for programs.

use std::process::ExitCode;

use clap::Args;

use super::engine_run::{RunFlags, log_to_stderr};
use super::exit;
use super::flags::{DatabaseFlags, FolderFlag, Format, FormatFlag, OutOfOrderFlag, TargetFlag, UrlFlags};
use super::plan::{self, PlanArguments};
use super::reading::CompareFlags;
use super::runner::write_event;
use super::terminal::Terminal;
use crate::engine::{Database, failed_before_start, read_folder};
use crate::migration::{MigrationSet, Problem, SourceFile, source_failure};
use crate::plan::Goal;
use crate::report::{Event, Failure, Outcome, Reason, Summary};

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
    let dir = &arguments.folder.dir;
    let (folder, rules) = (dir.clone(), arguments.folder.gaps.rules(database.dialect()));
    let read = move || {
        let files = read_folder(&folder).map_err(NotRead::Folder)?;
        match MigrationSet::read(&files, rules) {
            Ok(set) => Ok((files, set)),
            Err(problems) => Err(NotRead::Files(files, problems)),
        }
    };
    let ((files, set), database) = match started.read_while_connecting(&database, read) {
        Ok(read) => read,
        Err(NotRead::Folder(failure)) => return Err(failure),
        Err(NotRead::Files(files, problems)) => {
            let failures: Vec<Failure> = problems.iter().map(Problem::failure).collect();
            let whole = source_failure(&problems).unwrap_or_else(|| Failure {
                reason: Reason::InvalidSource,
                ..super::flags::invalid_settings("the source holds no migration".to_owned())
            });
            return Ok(arguments.not_started(run, &files, &failures, &whole));
        }
    };
    let goal = Goal::Migrate { set: &set, options: arguments.out_of_order.options(arguments.target.target.clone()) };
    let mut terminal = Terminal::new(dir, &files);
    Ok(started.execute(run, &database, &goal, &mut |event| match arguments.format.format {
        Format::Text => terminal.show(&event),
        Format::Json => write_event(&event),
    }))
}

/// Why there is nothing to migrate by.
enum NotRead {
    /// The folder or a file cannot be read.
    Folder(Failure),
    /// These files are no migrations.
    Files(Vec<SourceFile>, Vec<Problem>),
}

impl MigrateArguments {
    fn as_plan(&self) -> PlanArguments {
        let database = DatabaseFlags { url: self.url.clone(), ledger: self.flags.ledger.clone() };
        let (folder, target, out_of_order) = (self.folder.clone(), self.target.clone(), self.out_of_order);
        PlanArguments { flags: CompareFlags { database, folder, target, out_of_order, format: self.format } }
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
