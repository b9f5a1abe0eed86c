//! `schemaward doctor`: connects step by step, and says for each step what to do. Writes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::exit;
use super::flags::{DatabaseFlags, Format, FormatFlag};
use super::output::{self, BAD, FAINT, GOOD, line, styled};
use super::reading::wait_for;
use super::terminal::{Terminal, show_failures};
use crate::engine::{AnyDatabase, Check, CheckName, CheckOutcome};
use crate::report::Failure;

/// Flags of `schemaward doctor`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    format: FormatFlag,
}

#[derive(Serialize)]
struct Examination {
    ok: bool,
    checks: Vec<Check>,
}

/// Examines. Exit code 1 where something is not ok.
pub(super) fn main(arguments: &DoctorArguments) -> ExitCode {
    let format = arguments.format.format;
    let checks = match examine(&arguments.database) {
        Ok(checks) => checks,
        Err(failure) => {
            let reason = failure.reason;
            show_failures(format, &Terminal::new("".as_ref(), &[]), &[failure]);
            return exit::code_of(reason);
        }
    };
    let examination = Examination { ok: !checks.iter().any(Check::is_not_ok), checks };
    match format {
        Format::Json => output::json(&examination),
        Format::Text => output::text(&examination.text()),
    }
    if examination.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn examine(flags: &DatabaseFlags) -> Result<Vec<Check>, Failure> {
    if let Err(failure) = AnyDatabase::check_url(&flags.url.text()?) {
        let advice = failure.hint.unwrap_or_default();
        let unusable = CheckOutcome::NotOk { detail: failure.message, advice };
        let url = Check { name: CheckName::Url, outcome: unusable };
        return Ok(Check::with_skipped(vec![url], "an earlier step failed"));
    }
    let database = flags.database("doctor")?;
    wait_for(crate::run::examine(&database))
}

impl Examination {
    fn text(&self) -> String {
        let mut text = String::new();
        for Check { name, outcome } in &self.checks {
            let _ = match outcome {
                CheckOutcome::Ok { detail } => {
                    writeln!(text, "{}      {name:<14}  {}", styled(GOOD, "ok"), line(detail))
                }
                CheckOutcome::NotOk { detail, advice } => {
                    let (mark, detail) = (styled(BAD, "not ok"), line(detail));
                    writeln!(text, "{mark}  {name:<14}  {detail}\n{:24}→ {}", "", line(advice))
                }
                CheckOutcome::Skipped { detail } => {
                    writeln!(text, "{}       {name:<14}  {}", styled(FAINT, "-"), styled(FAINT, &line(detail)))
                }
            };
        }
        text
    }
}
