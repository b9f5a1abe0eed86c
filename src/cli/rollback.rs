//! `schemaward rollback`: undoes what is newer than a version, by the rollback SQL that the ledger kept. Needs no files.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::confirmation::{Loss, can_ask, confirm, losses};
use super::engine_run::{RunFlags, log_to_stderr};
use super::exit;
use super::flags::{Format, FormatFlag, UrlFlags};
use super::output::{self, BAD, FAINT, NOTE, STRONG, counted, line, styled, write_event};
use super::reading::wait_for;
use super::terminal::{Terminal, show_failures};
use crate::engine::{AnyDatabase, Database, StoredRollback};
use crate::migration::{InvalidVersion, SourceFile};
use crate::plan::{Goal, Plan, PlanProblem, RollbackTarget, Step, read_otherwise, rollback_plan};
use crate::report::{Event, Failure, Outcome};
use crate::run::{Back, RollbackReading, failed_before_start, stored_rollbacks};
use crate::sql::{DataLoss, TransactionMode};

/// Flags of `schemaward rollback`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct RollbackArguments {
    #[command(flatten)]
    url: UrlFlags,
    #[command(flatten)]
    back: BackFlags,
    /// Undo it without being asked: for scripts. Without it a rollback lists what goes, and asks on the terminal.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    flags: RunFlags,
    /// Show what would be undone, and by which SQL, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatFlag,
}

/// How far back: one of both.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct BackFlags {
    /// The version to go back to, which stays applied; `empty` undoes everything.
    #[arg(long, value_name = "VERSION", value_parser = rollback_target)]
    to: Option<RollbackTarget>,
    /// How many versions to undo, counted from the newest.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
}

impl BackFlags {
    fn back(&self) -> Back {
        let steps = self.steps.and_then(|steps| usize::try_from(steps).ok()).unwrap_or_default();
        self.to.clone().map_or(Back::Steps(steps), Back::To)
    }
}

fn rollback_target(text: &str) -> Result<RollbackTarget, String> {
    text.parse()
        .map_err(|error: InvalidVersion| format!("{error}; or {}, which undoes everything", RollbackTarget::EMPTY))
}

/// Rolls back.
pub(super) fn main(arguments: &RollbackArguments) -> ExitCode {
    let run = format!("rollback-{}", std::process::id());
    let done = if arguments.dry_run {
        arguments.show(&run)
    } else {
        log_to_stderr(Format::Text);
        arguments.execute(&run)
    };
    done.unwrap_or_else(|failure| {
        match (arguments.format.format, arguments.dry_run) {
            (Format::Json, false) => {
                let summary = failed_before_start(&run, failure.clone());
                write_event(&Event::RunFailed { failure: failure.clone() });
                write_event(&Event::RunFinished { summary });
            }
            (format, _) => {
                show_failures(format, &Terminal::new(Path::new(""), &[]), std::slice::from_ref(&failure));
            }
        }
        exit::code_of(failure.reason)
    })
}

impl RollbackArguments {
    fn execute(&self, run: &str) -> Result<ExitCode, Failure> {
        let format = self.format.format;
        if !self.yes {
            can_ask(format)?;
        }
        let database = self.flags.database(&self.url.text()?, run)?;
        let (back, asks) = (self.back.back(), !self.yes);
        // What is shown beside an error: the ledger has the SQL that it points to, no folder has.
        let (to, shown, files) = match back {
            Back::To(to) if format == Format::Json => (to, None, Vec::new()),
            back => {
                let reading = wait_for(stored_rollbacks(&database, &back))??;
                let plan = rollback_plan(&reading.state, &reading.to, &reading.stored, database.dialect());
                // What keeps it from being done is reported by the run itself.
                let plan = plan.ok().filter(|plan| !plan.steps.is_empty());
                if let Some(plan) = plan.as_ref().filter(|_| asks)
                    && !confirm(&database.address(), plan)
                {
                    output::text("Nothing was undone.\n");
                    return Ok(exit::refused());
                }
                // Steps are counted from the ledger that was read.
                let is_bound = asks || matches!(back, Back::Steps(_));
                (reading.to, plan.filter(|_| is_bound).map(|plan| plan.hash()), files(&reading.stored))
            }
        };
        let mut terminal = Terminal::new(Path::new(""), &files);
        let goal = Goal::Rollback { to, shown };
        let summary = self.flags.execute(run, &database, &goal, format, &mut |event| match format {
            Format::Text => terminal.show(&event),
            Format::Json => write_event(&event),
        })?;
        Ok(match &summary.outcome {
            Outcome::Succeeded { .. } => ExitCode::SUCCESS,
            Outcome::Failed { failure, .. } => exit::code_of(failure.reason),
        })
    }

    fn show(&self, run: &str) -> Result<ExitCode, Failure> {
        let format = self.format.format;
        let database: AnyDatabase = self.flags.database(&self.url.text()?, run)?;
        let RollbackReading { state, to, stored, server } = wait_for(stored_rollbacks(&database, &self.back.back()))??;
        match rollback_plan(&state, &to, &stored, database.dialect()) {
            Ok(plan) => {
                if let Some(failure) = read_otherwise(&plan.steps, server) {
                    return Err(failure);
                }
                let report = RollbackReport::new(database.address(), &plan);
                match format {
                    Format::Json => output::json(&report),
                    Format::Text => output::text(&report.text()),
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(problems) => {
                let failures: Vec<Failure> = problems.iter().map(PlanProblem::failure).collect();
                let files = files(&stored);
                show_failures(format, &Terminal::new(Path::new(""), &files), &failures);
                Ok(exit::refused())
            }
        }
    }
}

/// The stored SQL under the names that errors give it.
fn files(stored: &[StoredRollback]) -> Vec<SourceFile> {
    let file = |stored: &StoredRollback| {
        let sql = stored.sql.as_ref()?;
        Some(SourceFile { name: stored.rollback_file(), bytes: sql.clone().into_bytes() })
    };
    stored.iter().filter_map(file).collect()
}

/// What a rollback would do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RollbackReport {
    database: String,
    plan_hash: String,
    from_version: Option<String>,
    to_version: String,
    steps: Vec<RollbackStep>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RollbackStep {
    version: String,
    file: String,
    transaction_mode: &'static str,
    statements: usize,
    /// What takes data away, or may.
    losses: Vec<LossReport>,
    sql: String,
}

#[derive(Serialize)]
struct LossReport {
    /// The line in `sql`.
    line: usize,
    /// Null where what the statement does is defined elsewhere.
    what: Option<String>,
}

impl RollbackReport {
    fn new(database: String, plan: &Plan<'_>) -> Self {
        Self {
            database,
            plan_hash: plan.hash().to_string(),
            from_version: plan.from.as_ref().map(ToString::to_string),
            to_version: plan.to_text(),
            steps: plan.steps.iter().map(RollbackStep::new).collect(),
        }
    }

    fn text(&self) -> String {
        let Self { database, to_version, .. } = self;
        let from = self.from_version.as_ref().map_or_else(|| "an empty ledger".to_owned(), |v| format!("version {v}"));
        if self.steps.is_empty() {
            return format!("Nothing to roll back: {database} is at {from}.\n");
        }
        let steps = counted(self.steps.len(), "rollback");
        let to = if to_version == RollbackTarget::EMPTY {
            "an empty ledger".to_owned()
        } else {
            format!("version {to_version}")
        };
        let mut text = format!("{steps} for {database}, from {from} to {to}\nPlan {}\n", self.plan_hash);
        self.steps.iter().for_each(|step| step.write(&mut text));
        text
    }
}

impl From<Loss> for LossReport {
    fn from(loss: Loss) -> Self {
        let what = match loss.what {
            DataLoss::Loses(what) => Some(what),
            DataLoss::CannotTell => None,
        };
        Self { line: loss.line, what }
    }
}

impl RollbackStep {
    fn new(step: &Step<'_>) -> Self {
        let migration = step.migration.as_ref();
        Self {
            version: migration.version.to_string(),
            file: migration.file.clone(),
            transaction_mode: match migration.mode {
                TransactionMode::PerFile => "transaction",
                TransactionMode::PerStatement => "noTransaction",
            },
            statements: migration.statements.len(),
            losses: losses(step).into_iter().map(LossReport::from).collect(),
            sql: migration.sql.clone(),
        }
    }

    fn write_losses(&self, text: &mut String) {
        for LossReport { line: at, what } in &self.losses {
            let told = match what {
                Some(what) => styled(BAD, &format!("loses data: {}", line(what))),
                None => styled(NOTE, "may lose data: what it does is defined elsewhere"),
            };
            let _ = writeln!(text, "  line {at}: {told}");
        }
    }

    fn write(&self, text: &mut String) {
        let what = match (self.statements, self.transaction_mode) {
            (0, _) => "nothing to undo".to_owned(),
            (statements, "transaction") => format!("{} in one transaction", counted(statements, "statement")),
            (statements, _) => format!("{} each committed separately", counted(statements, "statement")),
        };
        let _ = writeln!(text, "\n{}  {}", styled(STRONG, &self.file), styled(FAINT, &what));
        self.write_losses(text);
        for sql in self.sql.lines() {
            let _ = writeln!(text, "    {}", line(sql));
        }
    }
}
