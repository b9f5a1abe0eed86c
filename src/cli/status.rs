//! `schemaward status`: where a database is, compared with a folder. Writes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::exit;
use super::flags::Format;
use super::no_result::NoResult;
use super::output::{self, BAD, GOOD, NOTE, STRONG, counted, line, styled};
use super::reading::CompareFlags;
use crate::engine::{LedgerIdentity, RecordedAttempt};
use crate::migration::Problem;
use crate::plan::adopt::Beside;
use crate::plan::{
    Kind, LedgerState, OpenStatement, Overview, PlanProblem, SettledBy, StatementState, Step, open_statement,
    read_otherwise,
};
use crate::report::Failure;
use crate::run::Reading;
use crate::source::parse_needed;

/// Flags of `schemaward status`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    flags: CompareFlags,
    /// End with exit code 3 where something is pending, and with 4 where something is in the way.
    #[arg(long)]
    check: bool,
}

/// Where a database is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    database: String,
    current_version: Option<String>,
    /// Null where the folder is no migration set.
    target_version: Option<String>,
    pending: Vec<PendingMigration>,
    ahead: Vec<String>,
    warnings: Vec<String>,
    problems: Vec<Failure>,
    last_failure: Option<LastFailure>,
    lock: Option<Lock>,
    /// Null where there is none.
    ledger: Option<LedgerIdentity>,
}

#[derive(Serialize)]
struct PendingMigration {
    /// `migration` or `repeatable`.
    kind: &'static str,
    version: String,
    file: String,
    statements: usize,
    /// How many of them have run already, each committed separately.
    #[serde(rename = "statementsDone")]
    statements_done: usize,
    /// One that was started and whose end is not recorded; null where there is none.
    #[serde(rename = "openStatement")]
    open_statement: Option<Open>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    statement: usize,
    /// Who can find out whether it has run: `run`, the next one, or a `person` alone.
    settled_by: &'static str,
}

#[derive(Serialize)]
struct LastFailure {
    #[serde(flatten)]
    attempt: RecordedAttempt,
    /// Whether what failed is done since.
    resolved: bool,
    /// How, as the ledger's word for it; null where it is not.
    #[serde(rename = "resolvedBy")]
    resolved_by: Option<&'static str>,
}

#[derive(Serialize)]
struct Lock {
    holder: String,
}

/// Shows it. Exit code 0 unless `--check` asks for more.
pub(super) fn main(arguments: &StatusArguments) -> ExitCode {
    let flags = &arguments.flags;
    let format = flags.format.format;
    let status = match read(flags) {
        Ok(status) => status,
        Err(failure) => return NoResult::from(failure).show(format, &flags.folder),
    };
    match format {
        Format::Json => output::json(&status),
        Format::Text => output::text(&status.text()),
    }
    match arguments.check {
        true if !status.problems.is_empty() => exit::refused(),
        true if !status.pending.is_empty() => exit::pending(),
        _ => ExitCode::SUCCESS,
    }
}

fn read(flags: &CompareFlags) -> Result<Status, Failure> {
    // Files that are no migrations do not keep the database from being shown.
    let valid_or_not = |folder| match folder {
        Ok(set) => Ok(Ok(set)),
        Err(NoResult::InvalidSource(invalid)) => Ok(Err(invalid.problems)),
        Err(NoResult::Failed(failure)) => Err(failure),
    };
    let (set, read) = flags.folder_and_ledger("status", valid_or_not)?;
    let (reading, database) = read?;
    let state = &reading.ledger;
    let set = set.and_then(|set| parse_needed(&set, state).map(|()| set));
    let mut status = Status::new(database, &reading);
    let beside = reading.beside.as_ref();
    match set {
        Ok(set) => {
            let overview = Overview::new(&set, state, &flags.options());
            status.compared(&overview, state);
            status.problems.extend(reading.server.and_then(|server| read_otherwise(&overview.pending, server)));
            status.problems.extend(beside.and_then(|beside| beside.failure(&set)));
            status.warnings.extend(beside.and_then(|beside| beside.note(Some(&set))));
        }
        Err(problems) => {
            status.problems = problems.iter().map(Problem::failure).collect();
            // Without a source it is unknown what would run; what exists is shown anyway.
            status.warnings.extend(beside.and_then(Beside::told_of_tools));
            status.warnings.extend(beside.and_then(|beside| beside.note(None)));
        }
    }
    Ok(status)
}

impl Status {
    /// What the database alone shows.
    fn new(database: String, reading: &Reading) -> Self {
        let state = &reading.ledger;
        let last_failure =
            reading.last_failure.clone().map(|attempt| LastFailure::new(attempt, state, reading.settled_by));
        Self {
            database,
            current_version: state.current().map(ToString::to_string),
            target_version: None,
            pending: Vec::new(),
            ahead: Vec::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
            last_failure,
            lock: reading.lock_holder.clone().map(|holder| Lock { holder }),
            ledger: reading.identity.clone(),
        }
    }

    fn compared(&mut self, overview: &Overview<'_>, ledger: &LedgerState) {
        let pending = |step: &Step<'_>| PendingMigration {
            kind: step.kind.word(),
            version: step.migration.version.to_string(),
            file: step.migration.file.clone(),
            statements: step.migration.statements.len(),
            statements_done: ledger.begun_of(step).filter(|begun| begun.state == StatementState::Finished).count(),
            open_statement: open_statement(step, ledger).map(Open::from),
        };
        // During a run, a statement whose end is not recorded is running.
        let is_at_work =
            |problem: &&PlanProblem| self.lock.is_some() && matches!(problem, PlanProblem::EndUnknown { .. });

        self.target_version = Some(overview.target.to_string());
        self.pending = overview.pending.iter().map(pending).collect();
        self.ahead = overview.ahead.iter().map(ToString::to_string).collect();
        self.warnings = overview.warnings.iter().map(ToString::to_string).collect();
        self.problems =
            overview.problems.iter().filter(|problem| !is_at_work(problem)).map(PlanProblem::failure).collect();
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<12}  {value}");
        };
        row("Database", &self.database);
        let version = self.current_version.as_deref().map_or_else(|| "none applied".to_owned(), |v| styled(STRONG, v));
        row("Version", &version);
        if let Some(target) = &self.target_version {
            row("Target", target);
            row("Pending", &self.pending_text());
        }
        for migration in &self.pending {
            let statements = counted(migration.statements, "statement");
            let begun = migration.begun(self.lock.is_some()).map(|begun| styled(NOTE, &begun)).unwrap_or_default();
            row("", &format!("{}  ({statements}{begun})", migration.file));
        }
        if !self.ahead.is_empty() {
            row("Ahead", &format!("{}: applied, and newer than all files", self.ahead.join(", ")));
        }
        for warning in &self.warnings {
            row("Warning", &styled(NOTE, &line(warning)));
        }
        for problem in &self.problems {
            row("Problem", &styled(BAD, &line(&problem.message)));
        }
        let lock = self.lock.as_ref().map_or_else(
            || "free".to_owned(),
            |lock| {
                format!(
                    "held by {}",
                    if lock.holder.is_empty() { "another run".to_owned() } else { line(&lock.holder) }
                )
            },
        );
        row("Lock", &lock);
        row("Last failure", &self.last_failure.as_ref().map_or_else(|| "none".to_owned(), LastFailure::text));
        if let Some(ledger) = &self.ledger {
            row("Ledger", &format!("layout {}", ledger.layout));
        }
        text
    }

    fn pending_text(&self) -> String {
        if self.pending.is_empty() {
            styled(GOOD, "nothing")
        } else {
            styled(NOTE, &counted(self.pending.len(), "migration"))
        }
    }
}

impl PendingMigration {
    /// What is there of it already. `run_at_work`: a run holds the lock.
    fn begun(&self, run_at_work: bool) -> Option<String> {
        let done = Some(self.statements_done).filter(|done| *done > 0);
        let done = done.map(|done| format!("; half applied: {done} of them committed"));
        let open =
            self.open_statement.as_ref().map(|Open { statement, settled_by }| match (run_at_work, *settled_by) {
                (true, _) => format!("; statement {statement} is running"),
                (false, "run") => {
                    format!(
                        "; the end of statement {statement} is not recorded: the next run finds out whether it has run"
                    )
                }
                (false, _) => format!("; the end of statement {statement} is not recorded"),
            });
        (done.is_some() || open.is_some()).then(|| [done, open].into_iter().flatten().collect())
    }
}

impl From<OpenStatement> for Open {
    fn from(open: OpenStatement) -> Self {
        let settled_by = match open.settled_by {
            SettledBy::Run => "run",
            SettledBy::Person => "person",
        };
        Self { statement: open.number, settled_by }
    }
}

impl LastFailure {
    fn new(attempt: RecordedAttempt, state: &LedgerState, settled_by: Option<Kind>) -> Self {
        let in_force = state.get(&attempt.row.version).map(|row| row.kind);
        let resolved_by = match (attempt.row.kind, in_force) {
            // What was to be undone does not exist any more.
            (Kind::Rollback, None) => Some(Kind::Rollback),
            (Kind::Rollback, Some(_)) => None,
            (_, in_force) => in_force,
        };
        let resolved_by = resolved_by.or(settled_by);
        Self { attempt, resolved: resolved_by.is_some(), resolved_by: resolved_by.map(Kind::word) }
    }

    fn text(&self) -> String {
        let attempt = &self.attempt;
        let code = attempt.error_code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
        let message = line(attempt.error_message.as_deref().unwrap_or_default());
        let since = match self.resolved_by.and_then(Kind::from_word) {
            None => "",
            Some(Kind::Rollback) => "; rolled back since",
            Some(Kind::Baseline) => "; recorded by a baseline since, not applied",
            Some(Kind::Adopted) => "; adopted since, not applied",
            Some(Kind::Migration | Kind::Repeatable) => "; applied since",
        };
        format!("{}  {}: {code}{message}{since}", attempt.applied_at, line(&attempt.row.file))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::migration::Checksum;
    use crate::plan::LedgerRow;

    #[rstest]
    #[case::not_yet(Kind::Migration, None, "")]
    #[case::applied(Kind::Migration, Some(Kind::Migration), "; applied since")]
    #[case::covered_by_a_baseline(Kind::Migration, Some(Kind::Baseline), "; recorded by a baseline since, not applied")]
    #[case::still_there(Kind::Rollback, Some(Kind::Migration), "")]
    #[case::undone(Kind::Rollback, None, "; rolled back since")]
    fn what_became_of_a_failure(#[case] kind: Kind, #[case] in_force: Option<Kind>, #[case] told: &str) {
        let row = |kind| LedgerRow {
            version: "1".parse().unwrap(),
            file: "1_a.sql".to_owned(),
            checksum: Checksum::of(b"x"),
            token_checksum: Checksum::of(b"x"),
            kind,
            id: 1,
        };
        let attempt = RecordedAttempt {
            row: row(kind),
            undone: false,
            applied_at: "2026-11-23T00:00:00Z".to_owned(),
            execution_time_ms: 1,
            success: false,
            error_code: None,
            error_message: Some("no".to_owned()),
            statements_done: 0,
            statements_total: 1,
            run: "r".to_owned(),
            applied_by: "u".to_owned(),
            tool_version: "0".to_owned(),
        };
        let failure = LastFailure::new(attempt, &LedgerState::new(in_force.map(row)), None);
        assert_eq!(failure.text(), format!("2026-11-23T00:00:00Z  1_a.sql: no{told}"));
        assert_eq!(failure.resolved, !told.is_empty());
    }
}
