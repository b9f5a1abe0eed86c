//! `schemaward plan`: what `migrate` would do, statement by statement. Writes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::exit;
use super::flags::{ForeignHistoryFlag, Format, TransactionFlag};
use super::no_result::NoResult;
use super::output::{self, FAINT, NOTE, STRONG, counted, line, styled};
use super::reading::CompareFlags;
use super::terminal::{Terminal, show_failures};
use crate::migration::Migration;
use crate::plan::{
    LedgerState, OnForeignHistory, Plan, PlanOptions, PlanProblem, StatementState, Step, plan, read_otherwise,
};
use crate::policy::TransactionScope;
use crate::report::Failure;
use crate::source::{parse_all, parse_needed};
use crate::sql::{Others, Statement, StatementLock, TransactionMode};

/// The widest excerpt of a statement with its lock in the same line.
const EXCERPT_WIDTH: usize = 56;

/// Flags of `schemaward plan`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) flags: CompareFlags,
    #[command(flatten)]
    pub(super) foreign_history: ForeignHistoryFlag,
    #[command(flatten)]
    pub(super) transaction: TransactionFlag,
}

/// What a run would do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanReport {
    database: String,
    plan_hash: String,
    from_version: Option<String>,
    to_version: String,
    /// `file` or `all`.
    transaction: TransactionScope,
    steps: Vec<PlannedStep>,
    ahead: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedStep {
    /// `migration` or `repeatable`.
    kind: &'static str,
    version: String,
    file: String,
    checksum: String,
    transaction_mode: Mode,
    /// How many statements have run already, where each is committed separately and a run was interrupted.
    statements_done: usize,
    has_rollback: bool,
    statements: Vec<PlannedStatement>,
}

/// How a file's statements are kept together.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    /// All of the file and its row in the ledger, or nothing.
    Transaction,
    /// Each statement is committed separately.
    NoTransaction,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedStatement {
    line: usize,
    first_line: String,
    /// Null where the statement's kind does not show it.
    lock: Option<Lock>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    mode: &'static str,
    on: String,
    /// Whether reads of it wait until the lock is given back.
    blocks_reads: bool,
    /// What writes to it do meanwhile: `goOn`, `mayWait` or `wait`.
    writes: &'static str,
    /// What people are shown of it.
    #[serde(skip)]
    told: String,
}

/// Shows the plan; exit code 4 where there is none.
pub(super) fn main(arguments: &PlanArguments) -> ExitCode {
    let flags = &arguments.flags;
    let format = flags.format.format;
    match execute(flags, arguments.foreign_history.rule(), arguments.transaction.transaction) {
        Ok(code) => code,
        Err(why) => why.show(format, &flags.folder),
    }
}

fn execute(
    flags: &CompareFlags,
    on_foreign_history: OnForeignHistory,
    transaction: TransactionScope,
) -> Result<ExitCode, NoResult> {
    let format = flags.format.format;
    let (set, read) = flags.folder_and_ledger("plan", |folder| folder)?;
    let (reading, database) = match read {
        Ok(read) => read,
        Err(failure) => {
            // Any file may be pending.
            parse_all(set)?;
            return Err(failure.into());
        }
    };
    if let Err(problems) = parse_needed(&set, &reading.ledger) {
        return Err(set.invalid(problems).into());
    }
    match plan(&set, &reading.ledger, &PlanOptions { transaction, ..flags.options() }) {
        Ok(plan) => {
            if let Some(failure) = reading.server.and_then(|server| read_otherwise(&plan.steps, server)) {
                return Err(failure.into());
            }
            let has_steps = !plan.steps.is_empty();
            let beside = reading.beside.as_ref().filter(|_| has_steps);
            let failure = beside.and_then(|beside| beside.failure(&set));
            if let Some(failure) = failure.filter(|_| on_foreign_history == OnForeignHistory::Refuse) {
                return Err(failure.into());
            }
            let mut report = PlanReport::new(database, &plan, &reading.ledger, transaction);
            report.warnings.extend(beside.and_then(|beside| beside.told(&set).or_else(|| beside.note(Some(&set)))));
            match format {
                Format::Json => output::json(&report),
                Format::Text => output::text(&report.text()),
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            let failures: Vec<Failure> = problems.iter().map(PlanProblem::failure).collect();
            show_failures(format, &Terminal::new(&flags.folder.dir, &[]), &failures);
            Ok(exit::refused())
        }
    }
}

impl PlanReport {
    fn new(database: String, plan: &Plan<'_>, ledger: &LedgerState, transaction: TransactionScope) -> Self {
        Self {
            database,
            transaction,
            plan_hash: plan.hash().to_string(),
            from_version: plan.from.as_ref().map(ToString::to_string),
            to_version: plan.to_text(),
            steps: plan.steps.iter().map(|step| PlannedStep::new(step, ledger)).collect(),
            ahead: plan.ahead.iter().map(ToString::to_string).collect(),
            warnings: plan.warnings.iter().map(ToString::to_string).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for warning in &self.warnings {
            let _ = writeln!(text, "{}", styled(NOTE, &format!("warning: {}", line(warning))));
        }
        let from = self.from_version.as_ref().map_or_else(|| "an empty ledger".to_owned(), |v| format!("version {v}"));
        let what = if self.steps.is_empty() {
            format!("Nothing to do: {} is at {from}.", self.database)
        } else {
            let steps = counted(self.steps.len(), "migration");
            format!("{steps} for {}, from {from} to version {}", self.database, self.to_version)
        };
        let _ = writeln!(text, "{what}\nPlan {}", self.plan_hash);
        if self.transaction == TransactionScope::All && self.steps.len() > 1 {
            let _ = writeln!(text, "All files are one transaction: each lock is held until the last file has run.");
        }
        self.steps.iter().for_each(|step| step.write(&mut text));
        text
    }
}

impl PlannedStep {
    fn new(step: &Step<'_>, ledger: &LedgerState) -> Self {
        let migration = step.migration.as_ref();
        let begun = ledger.begun_of(step);
        Self {
            kind: step.kind.word(),
            version: migration.version.to_string(),
            file: migration.file.clone(),
            checksum: migration.checksum.short().to_owned(),
            transaction_mode: match migration.mode {
                TransactionMode::PerFile => Mode::Transaction,
                TransactionMode::PerStatement => Mode::NoTransaction,
            },
            statements_done: begun.filter(|statement| statement.state == StatementState::Finished).count(),
            has_rollback: migration.rollback_sql.is_some(),
            statements: migration.statements.iter().map(|found| PlannedStatement::new(migration, found)).collect(),
        }
    }

    fn write(&self, text: &mut String) {
        let mode = match (self.transaction_mode, self.statements_done) {
            (Mode::Transaction, _) => "in one transaction".to_owned(),
            (Mode::NoTransaction, 0) => "each committed separately".to_owned(),
            (Mode::NoTransaction, done) => format!("each committed separately, {done} of them already"),
        };
        let statements = counted(self.statements.len(), "statement");
        let rollback = match (self.kind, self.has_rollback) {
            ("repeatable", _) => "repeatable",
            (_, true) => "with a rollback",
            (_, false) => "no rollback",
        };
        let _ = writeln!(text, "\n{}  {statements} {mode}, {rollback}", styled(STRONG, &self.file));
        for statement in &self.statements {
            let excerpt = line(&statement.first_line);
            let Some(lock) = &statement.lock else {
                let _ = writeln!(text, "{:>5}  {excerpt}", statement.line);
                continue;
            };
            let told = line(&lock.told);
            let told = styled(if lock.blocks_reads { NOTE } else { FAINT }, &told);
            // Beside a long statement the lock would be off the screen.
            let excerpt = if excerpt.chars().count() > EXCERPT_WIDTH {
                format!("{excerpt}\n{:1$}", "", EXCERPT_WIDTH + 7)
            } else {
                format!("{excerpt:<EXCERPT_WIDTH$}")
            };
            let _ = writeln!(text, "{:>5}  {excerpt}  {told}", statement.line);
        }
    }
}

impl PlannedStatement {
    fn new(migration: &Migration, statement: &Statement) -> Self {
        let sql = &migration.sql;
        let lock = StatementLock::of(statement.text(sql), migration.dialect).as_ref().map(Lock::from);
        Self { line: statement.span.position.line, first_line: statement.excerpt(sql), lock }
    }
}

impl From<&StatementLock> for Lock {
    fn from(lock: &StatementLock) -> Self {
        Self {
            told: format!("{} on {}{}", lock.strongest.mode.as_str(), lock.on(), lock.remark()),
            mode: lock.strongest.mode.as_str(),
            on: lock.on(),
            blocks_reads: lock.reads == Others::Wait,
            writes: lock.writes.as_str(),
        }
    }
}
