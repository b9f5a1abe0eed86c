//! `schemaward baseline`: records migrations as already applied, on a database that is older than its history.

use std::process::ExitCode;

use clap::Args;

use super::engine_run::log_to_stderr;
use super::exit;
use super::flags::{DatabaseFlags, FolderFlag, Format, FormatFlag};
use super::no_result::NoResult;
use super::output;
use super::reading::wait_for;
use super::source::read_source;
use super::unrun::UnrunReport;
use crate::engine::Database;
use crate::migration::{Migration, Version};
use crate::plan::{Kind, LedgerState, baseline};
use crate::report::Failure;
use crate::run::{ledger_state, record_unrun};
use crate::source::parse_all;

/// Flags of `schemaward baseline`.
#[derive(Args, Debug)]
// `--version` is the migration's here, as it is everywhere else but in `schemaward --version`.
#[command(disable_version_flag = true, after_help = exit::HELP)]
pub(super) struct BaselineArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    folder: FolderFlag,
    /// The newest of the folder's versions that the database has already, and all below it.
    #[arg(long, value_name = "VERSION")]
    version: Version,
    /// Show what would be recorded, and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatFlag,
}

/// Records the baseline. Exit code 4 where the ledger is not empty or the folder does not have the version.
pub(super) fn main(arguments: &BaselineArguments) -> ExitCode {
    let format = arguments.format.format;
    log_to_stderr(Format::Text);
    match execute(arguments) {
        Ok(report) => {
            report.show(format);
            ExitCode::SUCCESS
        }
        Err(why) => why.show(format, &arguments.folder),
    }
}

fn execute(arguments: &BaselineArguments) -> Result<UnrunReport, NoResult> {
    let run = format!("baseline-{}", std::process::id());
    let database = arguments.database.database("baseline")?;
    let set = parse_all(read_source(&arguments.folder, database.dialect(), output::warning)?)?;
    let choose = |ledger: &LedgerState| -> Result<Vec<&Migration>, Failure> {
        baseline(&set, ledger, &arguments.version).map_err(|problem| problem.failure())
    };
    let chosen = choose(&wait_for(ledger_state(&database))??)?;
    if !arguments.dry_run {
        let in_use = |ledger: &LedgerState| choose(ledger).err();
        wait_for(record_unrun(&database, Kind::Baseline, &chosen, &run, in_use))??;
    }
    let why = "the database had them before Schemaward";
    Ok(UnrunReport::new(database.address(), arguments.dry_run, &chosen, why))
}
