//! `schemaward history`: every attempt in the ledger, failed ones too. Writes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::exit;
use super::flags::{DatabaseFlags, Format, FormatFlag};
use super::output::{self, BAD, FAINT, GOOD, NOTE, line, styled};
use super::reading::ledger;
use super::terminal::{Terminal, show_failures};
use crate::engine::RecordedAttempt;
use crate::plan::Kind;

/// Flags of `schemaward history`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct HistoryArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    /// Show only this many of the newest attempts.
    #[arg(long, value_name = "NUMBER", env = "SCHEMAWARD_LIMIT", hide_env_values = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    format: FormatFlag,
}

#[derive(Serialize)]
struct History {
    database: String,
    attempts: Vec<RecordedAttempt>,
}

/// Shows the attempts, newest first.
pub(super) fn main(arguments: &HistoryArguments) -> ExitCode {
    let format = arguments.format.format;
    match ledger(&arguments.database, "history", arguments.limit) {
        Ok((reading, database)) => {
            let history = History { database, attempts: reading.attempts };
            match format {
                Format::Json => output::json(&history),
                Format::Text => output::text(&history.text()),
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let reason = failure.reason;
            show_failures(format, &Terminal::new("".as_ref(), &[]), &[failure]);
            exit::code_of(reason)
        }
    }
}

/// What came of an attempt, in a fixed width.
fn result(attempt: &RecordedAttempt) -> String {
    let (style, word) = match (attempt.success, attempt.row.kind, attempt.undone) {
        (false, ..) => (BAD, "failed"),
        (true, _, true) => (FAINT, "undone since"),
        (true, Kind::Rollback, _) => (NOTE, "rolled back"),
        (true, Kind::Baseline, _) => (GOOD, "baseline"),
        (true, Kind::Adopted, _) => (GOOD, "adopted"),
        (true, Kind::Migration | Kind::Repeatable, _) => (GOOD, "applied"),
    };
    styled(style, &format!("{word:<12}"))
}

impl History {
    fn text(&self) -> String {
        if self.attempts.is_empty() {
            return format!("Nothing was ever applied to {}.\n", self.database);
        }
        let width = self.attempts.iter().map(|attempt| attempt.row.file.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        for attempt in &self.attempts {
            let result = result(attempt);
            let _ = writeln!(
                text,
                "{}  {result}  {:<width$}  {:>7} ms  {}",
                attempt.applied_at,
                line(&attempt.row.file),
                attempt.execution_time_ms,
                styled(FAINT, &line(&format!("{} by {}", attempt.run, attempt.applied_by))),
            );
            if let Some(message) = &attempt.error_message {
                let code = attempt.error_code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
                let (done, total) = (attempt.statements_done, attempt.statements_total);
                let _ = writeln!(text, "    after {done} of {total} statements: {code}{}", line(message));
            }
        }
        text
    }
}
