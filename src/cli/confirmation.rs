//! What a rollback takes away, and the question whether it is to go on. Nothing is undone that nobody has said yes to.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use super::flags::{Format, invalid_settings};
use super::output::{self, BAD, FAINT, NOTE, STRONG, counted, line, styled};
use crate::plan::{Plan, RollbackTarget, Step};
use crate::report::{Failure, shell_word};
use crate::sql::{DataLoss, without_passwords};

/// Refuses what nobody can be asked about and nobody has said yes to; before anything is connected to. Programs that read
/// JSON cannot be asked either.
///
/// # Errors
///
/// [`crate::report::Reason::InvalidSettings`] with the line that says yes.
pub(super) fn can_ask(format: Format) -> Result<(), Failure> {
    if format == Format::Text && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    Err(Failure {
        hint: Some(format!(
            "to undo it without being asked, write: {}; to see what goes: the same with --dry-run in place of --yes",
            with_yes(&arguments)
        )),
        ..invalid_settings(
            "a rollback asks before it undoes anything, and there is no terminal to ask on; nothing was undone"
                .to_owned(),
        )
    })
}

/// The command as it was given, without a URL, and with `--yes`.
fn with_yes(arguments: &[String]) -> String {
    let mut words = vec!["schemaward".to_owned()];
    let mut given = arguments.iter();
    while let Some(argument) = given.next() {
        if argument == "--url" {
            given.next();
        } else if !argument.starts_with("--url=") {
            words.push(shell_word(argument));
        }
    }
    words.push("--yes".to_owned());
    words.join(" ")
}

/// Lists what goes, and asks. Anything but yes is no.
pub(super) fn confirm(database: &str, plan: &Plan<'_>) -> bool {
    output::text(&listed(database, plan));
    let mut stdout = anstream::stdout();
    let _ = write!(stdout, "Go on? [y/N] ").and_then(|()| stdout.flush());
    let mut answer = String::new();
    let is_read = std::io::stdin().read_line(&mut answer).is_ok();
    is_read && ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// What goes, version by version, with what loses data.
fn listed(database: &str, plan: &Plan<'_>) -> String {
    let from = plan.from.as_ref().map_or_else(|| "an empty ledger".to_owned(), |version| format!("version {version}"));
    let to = match plan.to_text() {
        to if to == RollbackTarget::EMPTY => "an empty ledger".to_owned(),
        to => format!("version {to}"),
    };
    let mut text = format!("{} of {database} to undo, from {from} to {to}:\n", counted(plan.steps.len(), "migration"));
    for step in &plan.steps {
        let _ = writeln!(text, "  {}  {}", styled(STRONG, step.migration.version.as_str()), line(&step.migration.file));
        let losses = losses(step);
        if losses.is_empty() {
            let _ = writeln!(text, "      {}", styled(FAINT, "no statement that takes data away"));
        }
        for Loss { line: at, what } in losses {
            let what = match what {
                DataLoss::Loses(what) => styled(BAD, &format!("loses data: {}", line(&what))),
                DataLoss::CannotTell => styled(NOTE, "may lose data: what it does is defined elsewhere"),
            };
            let _ = writeln!(text, "      line {at}: {what}");
        }
    }
    text
}

/// A statement that takes data away.
pub(super) struct Loss {
    /// Its line in the rollback SQL.
    pub(super) line: usize,
    pub(super) what: DataLoss,
}

/// The statements of a step that take data away, or may.
pub(super) fn losses(step: &Step<'_>) -> Vec<Loss> {
    let migration = step.migration.as_ref();
    let loss = |statement: &crate::sql::Statement| {
        let what = match DataLoss::of(statement.text(&migration.sql), migration.dialect)? {
            DataLoss::Loses(what) => DataLoss::Loses(without_passwords(&what)),
            DataLoss::CannotTell => DataLoss::CannotTell,
        };
        Some(Loss { line: statement.span.position.line, what })
    };
    migration.statements.iter().filter_map(loss).collect()
}

#[cfg(test)]
mod tests {
    use super::with_yes;

    #[test]
    fn the_line_to_write_is_the_one_that_was_written_without_the_url() {
        let given = ["rollback", "--to", "002", "--url", "postgres://u:p@h/d", "--history-schema", "it's mine"];
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        assert_eq!(with_yes(&given), "schemaward rollback --to 002 --history-schema 'it'\\''s mine' --yes");
    }
}
