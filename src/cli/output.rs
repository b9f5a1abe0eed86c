//! Writes results: text for people, with colours only on a terminal, or JSON for programs. If nobody reads any more,
//! that is not an error. If writing fails, for instance because the disk is full, the program ends with exit code 1.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::report::Event;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const NOTE: Style = AnsiColor::Yellow.on_default();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// Text as it is shown; a pipe, `NO_COLOR` and the like take the colours away.
pub(super) fn text(text: &str) {
    let mut stdout = anstream::stdout();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// A JSON document of one result, indented, with a line break at its end.
pub(super) fn json(result: &impl Serialize) {
    let mut document = serde_json::to_string_pretty(result).unwrap_or_default();
    document.push('\n');
    let mut stdout = std::io::stdout();
    written(stdout.write_all(document.as_bytes()).and_then(|()| stdout.flush()));
}

/// One event, one line. A closed pipe does not stop the run.
pub(super) fn write_event(event: &Event) {
    if let Ok(mut line) = serde_json::to_string(event) {
        line.push('\n');
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    }
}

/// A script must not take half a result for the whole.
fn written(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = writeln!(io::stderr(), "error: the result could not be written: {error}");
        std::process::exit(1);
    }
}

/// What a person should know beside a result: a line on standard error.
pub(super) fn warning(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {}", line(text));
}

/// A text with its style around it.
pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// One line of what comes from the server or a file: no line break and no control character that a
/// terminal would obey.
pub(super) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The same of several lines. A tab stays, too: carets are set below it.
pub(super) fn lines(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// `1 migration`, `2 migrations`.
pub(super) fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
