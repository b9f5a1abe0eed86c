//! `schemaward adopt`: takes over the history of another tool, whose table is read and never touched.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::engine_run::log_to_stderr;
use super::exit;
use super::flags::{DatabaseFlags, FolderFlag, Format, FormatFlag};
use super::no_result::NoResult;
use super::output::{self, NOTE, line, styled};
use super::reading::wait_for;
use super::source::read_source;
use super::unrun::UnrunReport;
use crate::engine::Database;
use crate::plan::adopt::{AdoptProblem, Adoption, Found, Tool, Wanted, adoption};
use crate::plan::{Kind, LedgerState};
use crate::run::{foreign_history, record_unrun};
use crate::source::parse_all;

/// Flags of `schemaward adopt`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct AdoptArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    folder: FolderFlag,
    /// Whose history; without it, the only one there is.
    #[arg(long, value_name = "TOOL", value_enum)]
    from: Option<Tool>,
    /// The schema that the tool's table lies in, where more than one has such a table.
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// The tool's table, where it has another name than the tool gives it, or more than one is there.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Adopt files even if they changed since the tool applied them.
    #[arg(long)]
    ignore_checksums: bool,
    /// Show what would be taken over, and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatFlag,
}

/// What was taken over.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdoptReport {
    tool: &'static str,
    /// The tool's table.
    table: String,
    /// How many files were compared with the tool's checksums.
    files_checked: usize,
    checksum: Option<&'static str>,
    /// Files that the tool has not applied and that are older than its newest.
    late: Vec<String>,
    #[serde(flatten)]
    recorded: UnrunReport,
}

/// Takes the history over. Exit code 4 where it cannot be, with nothing written.
pub(super) fn main(arguments: &AdoptArguments) -> ExitCode {
    let format = arguments.format.format;
    log_to_stderr(Format::Text);
    match execute(arguments) {
        Ok(report) => {
            match format {
                Format::Json => output::json(&report),
                Format::Text => output::text(&report.text()),
            }
            ExitCode::SUCCESS
        }
        Err(why) => why.show(format, &arguments.folder),
    }
}

fn execute(arguments: &AdoptArguments) -> Result<AdoptReport, NoResult> {
    let run = format!("adopt-{}", std::process::id());
    let database = arguments.database.database("adopt")?;
    let set = parse_all(read_source(&arguments.folder, database.dialect(), output::warning)?)?;
    let wanted =
        Wanted { tool: arguments.from, schema: arguments.schema.as_deref(), table: arguments.table.as_deref() };
    let (_, found, history) = wait_for(foreign_history(&database, wanted))??;
    let adoption = adoption(found.tool, &history, &set, arguments.ignore_checksums);
    let adoption = adoption.map_err(|problem| problem.failure())?;
    if !arguments.dry_run && !adoption.migrations.is_empty() {
        let in_use = |ledger: &LedgerState| {
            ledger.in_use().map(|current| AdoptProblem::LedgerInUse { current: current.clone() }.failure())
        };
        wait_for(record_unrun(&database, Kind::Adopted, &adoption.migrations, &run, in_use))??;
    }
    Ok(AdoptReport::new(&found, &adoption, database.address(), arguments.dry_run))
}

impl AdoptReport {
    fn new(found: &Found, adoption: &Adoption<'_>, database: String, dry_run: bool) -> Self {
        let table = format!("{}.{}", found.table.schema, found.table.name);
        let tool = found.tool.name();
        let what = if adoption.migrations.is_empty() { "nothing is" } else { "they are" };
        let why = format!("{tool}'s table {table} says that {what} applied");
        Self {
            tool,
            table,
            files_checked: adoption.checked,
            checksum: adoption.method,
            late: adoption.late.iter().map(|migration| migration.file.clone()).collect(),
            recorded: UnrunReport::new(database, dry_run, &adoption.migrations, &why),
        }
    }

    fn text(&self) -> String {
        let mut text = self.recorded.text();
        let tool = self.tool;
        let _ = match self.checksum {
            Some(method) => {
                writeln!(text, "Checked: {} of these files are as {tool} applied them ({method}).", self.files_checked)
            }
            None => writeln!(text, "Not checked: whether these files are as {tool} applied them."),
        };
        if !self.late.is_empty() {
            let late = format!(
                "warning: {tool} has not applied {}, though newer files: they need --out-of-order apply",
                self.late.join(", ")
            );
            let _ = writeln!(text, "{}", styled(NOTE, &line(&late)));
        }
        text
    }
}
