//! A run's events as a person reads them in a terminal. Progress and results go to stdout, failures to stderr.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::flags::Format;
use super::output::{json, lines};
use super::progress_bar::ProgressBar;
use crate::migration::{ROLLBACK_OF, SourceFile};
use crate::plan::RollbackTarget;
use crate::report::{ErrorClass, Event, Failure, Outcome, Pending, Place, Reason, Summary, shell_word};
use crate::sql::line_without_passwords;

/// The most of a file's line that is shown, and how much of that comes before the place, in characters.
const LONGEST_LINE: usize = 200;
const BEFORE_PLACE: usize = 120;

/// Shows events. Knows the files, so that it can show the line an error points to.
pub(super) struct Terminal<'a> {
    folder: PathBuf,
    files: Vec<&'a SourceFile>,
    /// The longest file name: durations are aligned.
    width: usize,
    /// Migrations that have started and are not yet safe: file, statements, whether each is committed separately.
    begun: VecDeque<(String, i64, bool)>,
    /// How many statements of the last one of them have run.
    statements_done: i64,
    /// The process that its running statement was last said to wait for.
    waited_for: Option<i64>,
    bar: ProgressBar,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(folder: &Path, files: impl IntoIterator<Item = &'a SourceFile>) -> Self {
        let files: Vec<&SourceFile> = files.into_iter().collect();
        let width = files.iter().map(|file| file.name.chars().count()).max().unwrap_or_default();
        Self {
            folder: folder.to_owned(),
            files,
            width,
            begun: VecDeque::new(),
            statements_done: 0,
            waited_for: None,
            bar: ProgressBar::default(),
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::RunStarted { steps, from, to, rollback, .. } => {
                out(&started(*steps, from.as_deref(), to, *rollback));
                self.bar = ProgressBar::start(*steps);
            }
            Event::WaitingForLock { holder } => self.out(&format!("Waiting for the lock held by {holder}")),
            Event::MigrationStarted { file, statements, no_transaction, .. } => {
                self.begun.push_back((file.clone(), *statements, *no_transaction));
                self.statements_done = 0;
                self.bar.at(&running(file, 0, *statements));
            }
            Event::StatementFinished { statement, statements, .. } => {
                let file = self.begun.back().map_or("", |(file, ..)| file.as_str());
                self.bar.at(&running(file, *statement, *statements));
                self.statements_done = *statement;
            }
            Event::StatementProgress { file, statement, statements, progress, .. } => {
                let told = format!("{file}, statement {statement} of {statements}: {progress}");
                let holder = progress.waiting_for.as_ref().map(|holder| holder.pid);
                if !self.bar.is_shown() && holder.is_some() && holder != self.waited_for {
                    err(&format!("  {told}"));
                }
                self.waited_for = holder;
                self.bar.at(&told);
            }
            Event::StatementSkipped { file, line, excerpt, .. } => {
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                let excerpt = excerpt.as_deref().unwrap_or_default();
                self.err(&format!("  {file}{line}: skipped: {excerpt}: it already exists with the same definition"));
            }
            Event::MigrationApplied { file, execution_time_ms, .. } => {
                let found = self.begun.iter().position(|(begun, ..)| begun == file);
                let (_, statements, no_transaction) =
                    found.and_then(|found| self.begun.drain(..=found).next_back()).unwrap_or_default();
                let statements = counted(statements, "statement");
                let width = self.width;
                let mode = if no_transaction { "  each committed separately" } else { "" };
                self.out(&format!("  {file:<width$}  {statements:>15}  {execution_time_ms:>7} ms{mode}"));
                self.bar.advance();
            }
            Event::LockTimedOut { file, statement, tries, pause_ms, blocker, .. } => {
                let statement = statement.map(|number| format!(", statement {number}")).unwrap_or_default();
                let held = blocker.as_ref().map(|blocker| format!(", held by {blocker}")).unwrap_or_default();
                self.err(&format!(
                    "  {file}{statement}: no lock in try {tries}{held}; next try in {} s",
                    seconds(*pause_ms)
                ));
            }
            Event::Warning { message } => self.err(&format!("warning: {message}")),
            Event::RunFailed { failure } => {
                self.bar.end();
                self.failure(failure);
                if let Some(stays) = self.half_applied(failure) {
                    err(&stays);
                }
            }
            Event::RunFinished { summary } => {
                self.bar.end();
                out(&finished(summary));
            }
        }
    }

    /// What remains of a file whose statements are committed separately. A statement that fails has not run, whatever
    /// was reported about it.
    fn half_applied(&self, failure: &Failure) -> Option<String> {
        let (file, statements, _) = self.begun.back().filter(|(.., no_transaction)| *no_transaction)?;
        let failed = failure.place.as_ref().filter(|place| place.file == *file).and_then(|place| place.statement);
        let done = failed.map_or(self.statements_done, |failed| self.statements_done.min(failed - 1));
        let next = match failure.reason {
            Reason::NeedsReview => String::new(),
            _ => format!(
                "; the next run continues after them (or, once they are undone by hand: schemaward repair --abandon \
                 {})",
                shell_word(file)
            ),
        };
        (done > 0).then(|| {
            if failure.class == ErrorClass::UnknownOutcome {
                return format!(
                    "  = of {file} at least {done} of its {statements} statements are committed and stay{next}"
                );
            }
            format!("  = {file} is half applied: {done} of its {statements} statements are committed and stay{next}")
        })
    }

    fn out(&self, line: &str) {
        self.bar.aside(|| out(line));
    }

    fn err(&self, line: &str) {
        self.bar.aside(|| err(line));
    }

    /// What went wrong, with the line it points to.
    pub(super) fn failure(&self, failure: &Failure) {
        err(&self.describe(failure));
    }

    fn describe(&self, failure: &Failure) -> String {
        let code = failure.code.as_ref().map(|code| format!("[{code}]")).unwrap_or_default();
        let mut text = format!("error{code}: {}", failure.message_without_place());
        if let Some(place) = &failure.place {
            text.push_str(&self.pointer(place));
        }
        if let Some(hint) = &failure.hint {
            let _ = write!(text, "\n  = hint: {hint}");
        }
        text
    }

    /// File, line and column, the line itself and a caret below the place.
    fn pointer(&self, place: &Place) -> String {
        let is_stored = place.file.starts_with(ROLLBACK_OF);
        let path = if is_stored { PathBuf::from(&place.file) } else { self.folder.join(&place.file) };
        let mut path = path.display().to_string();
        for number in [place.line, place.column].into_iter().flatten() {
            let _ = write!(path, ":{number}");
        }
        let (Some(line), Some(column)) = (place.line, place.column) else { return format!("\n --> {path}") };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let mut text = format!("\n{margin}--> {path}");
        if let Some(source) = self.source_line(&place.file, line) {
            let (source, skipped) = excerpt(&source, usize::try_from(column - 1).unwrap_or_default());
            // A tab is kept, so that the caret is below its character however wide a tab is.
            let indent: String = source.chars().take(skipped).map(|c| if c == '\t' { c } else { ' ' }).collect();
            let _ = write!(text, "\n{margin} |\n{number} | {source}\n{margin} | {indent}^");
        }
        if let Some(statement) = place.statement {
            let _ = write!(text, "\n{margin} = statement {statement} of the file");
        }
        text
    }

    fn source_line(&self, file: &str, line: i64) -> Option<String> {
        let bytes = &self.files.iter().find(|candidate| candidate.name == file)?.bytes;
        let text = String::from_utf8_lossy(bytes);
        let line = line_without_passwords(text.trim_start_matches('\u{feff}'), usize::try_from(line - 1).ok()?)?;
        Some(line.trim_end().to_owned())
    }
}

/// A part of a line around a character, counted from 0, with where that is in it. A dump's line may have a megabyte, all
/// of it data.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    let chars = line.chars().count();
    if chars <= LONGEST_LINE {
        return (line.to_owned(), at);
    }
    let from = at.min(chars).saturating_sub(BEFORE_PLACE);
    let mut shown: String = line.chars().skip(from).take(LONGEST_LINE).collect();
    if from + LONGEST_LINE < chars {
        shown.push('…');
    }
    if from == 0 { (shown, at) } else { (format!("…{shown}"), at - from + 1) }
}

/// What is running in a file, of which `done` statements have run.
fn running(file: &str, done: i64, statements: i64) -> String {
    if done < statements {
        format!("{file}, statement {} of {statements}", done + 1)
    } else {
        format!("{file}, all of its statements have run")
    }
}

fn seconds(milliseconds: i64) -> String {
    format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100)
}

fn started(steps: i64, from: Option<&str>, to: &str, rollback: bool) -> String {
    let from = from.map_or_else(|| "an empty ledger".to_owned(), |version| format!("version {version}"));
    match rollback {
        true if to == RollbackTarget::EMPTY => {
            format!("Rolling back {}, from {from} to an empty ledger:", counted(steps, "migration"))
        }
        true => format!("Rolling back {}, from {from} to version {to}:", counted(steps, "migration")),
        false => format!("Applying {}, from {from} to version {to}:", counted(steps, "migration")),
    }
}

fn finished(summary: &Summary) -> String {
    let at = summary
        .current_version
        .as_ref()
        .map_or_else(|| "No migration is applied".to_owned(), |version| format!("The schema is at version {version}"));
    let done = if summary.rollback { "rolled back" } else { "applied" };
    match &summary.outcome {
        Outcome::Succeeded { applied: 0, .. } if summary.rollback => format!("{at}; nothing is to be rolled back."),
        Outcome::Succeeded { applied: 0, ahead } => format!("{at}; nothing is pending.{}", ahead_of_source(ahead)),
        Outcome::Succeeded { applied, ahead } => {
            format!("{at}; {} {done}.{}", counted(*applied, "migration"), ahead_of_source(ahead))
        }
        Outcome::Failed { .. } if !summary.ledger_read => {
            "Failed before the ledger was read: which version the database has is not known.".to_owned()
        }
        Outcome::Failed { applied, failure } if failure.class == ErrorClass::UnknownOutcome => {
            outcome_unknown(summary, *applied)
        }
        Outcome::Failed { applied, .. } => {
            // Without a target there was no plan, and what is pending is not known.
            let pending = if summary.target_version.is_some() {
                format!(
                    ", {} {}",
                    summary.pending.count,
                    if summary.rollback { "left to roll back" } else { "pending" }
                )
            } else {
                String::new()
            };
            format!("Failed. {at}; {} {done} by this run{pending}.", counted(*applied, "migration"))
        }
    }
}

/// What is known of a run whose last answer was not heard, and what is not: of what was pending then, the first N steps
/// may be committed.
fn outcome_unknown(summary: &Summary, applied: i64) -> String {
    let (command, done) = if summary.rollback { ("rollback", "rolled back") } else { ("migrate", "applied") };
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let Pending { count, first, last } = &summary.pending;
    let open = match count {
        0 => "how the run ended after the last migration".to_owned(),
        1 => format!("whether {} was {done}", name(first)),
        _ => format!("how many of the {count} migrations from {} to {} were {done}", name(first), name(last)),
    };
    let before = summary.current_version.as_ref().map_or_else(
        || "no migration was applied before that".to_owned(),
        |version| format!("the schema was at version {version} before that"),
    );
    // None is what was heard, not what is so.
    let own = if applied == 0 {
        String::new()
    } else {
        format!(", with {} {done} by this run", counted(applied, "migration"))
    };
    format!(
        "The outcome is unknown: the server could not be reached to check {open}. What is certain: {before}{own}. \
         When the server answers again, schemaward status shows how far the run got, and schemaward {command} \
         continues from there: nothing that was committed runs again."
    )
}

fn ahead_of_source(ahead: &[String]) -> String {
    if ahead.is_empty() {
        return String::new();
    }
    format!(" The database is ahead of the folder by {}: nothing was undone.", ahead.join(", "))
}

fn counted(number: i64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn out(line: &str) {
    let _ = writeln!(std::io::stdout(), "{}", lines(line));
}

fn err(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", lines(line));
}

/// What programs are given in place of a result.
#[derive(Serialize)]
struct Failures<'a> {
    failures: &'a [Failure],
}

/// What went wrong, in place of a result.
pub(super) fn show_failures(format: Format, terminal: &Terminal<'_>, failures: &[Failure]) {
    match format {
        Format::Json => json(&Failures { failures }),
        Format::Text => failures.iter().for_each(|failure| terminal.failure(failure)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{LONGEST_LINE, Terminal, excerpt, finished, running};
    use crate::migration::SourceFile;
    use crate::report::{ErrorClass, Event, Failure, Outcome, Pending, Place, Reason, Summary};

    #[test]
    fn of_a_long_line_a_part_is_shown_with_the_caret_where_it_belongs() {
        let line: String =
            (0..1000).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect::<String>() + "é";
        for at in [0, 1, 119, 120, 121, 500, 880, 999, 1000] {
            let (shown, skipped) = excerpt(&line, at);
            assert!(shown.chars().count() <= LONGEST_LINE + 2, "{at}: {shown}");
            assert_eq!(shown.chars().nth(skipped), line.chars().nth(at), "{at}: {shown}");
            let inner = shown.trim_matches('…');
            assert!(line.contains(inner) && inner.len() > 100, "{at}: {shown}");
            assert_eq!(
                (shown.starts_with('…'), shown.ends_with('…')),
                (!line.starts_with(inner), !line.ends_with(inner))
            );
        }
        assert_eq!(excerpt("short", 2), ("short".to_owned(), 2));
        assert_eq!(excerpt("short", 9), ("short".to_owned(), 9));
    }

    #[test]
    fn the_bar_names_the_statement_that_is_running() {
        assert_eq!(running("001_a.sql", 0, 2), "001_a.sql, statement 1 of 2");
        assert_eq!(running("001_a.sql", 1, 2), "001_a.sql, statement 2 of 2");
        assert_eq!(running("001_a.sql", 2, 2), "001_a.sql, all of its statements have run");
    }

    fn summary_of(class: ErrorClass, current: Option<&str>, applied: i64, pending: &[&str]) -> Summary {
        let failure = Failure {
            class,
            reason: Reason::ConnectionFailed,
            code: None,
            message: "no".into(),
            hint: None,
            place: None,
        };
        Summary {
            run: "r".into(),
            plan_hash: None,
            outcome: Outcome::Failed { applied, failure },
            ledger_read: true,
            current_version: current.map(Into::into),
            target_version: pending.last().map(|last| (*last).to_owned()),
            pending: Pending {
                count: i64::try_from(pending.len()).unwrap(),
                first: pending.first().map(|first| (*first).to_owned()),
                last: pending.last().map(|last| (*last).to_owned()),
            },
            history: Vec::new(),
            warnings: Vec::new(),
            rollback: false,
        }
    }

    #[test]
    fn of_an_unknown_outcome_what_is_known_and_what_is_not_is_shown() {
        let unknown = |current, applied, pending: &[&str]| {
            finished(&summary_of(ErrorClass::UnknownOutcome, current, applied, pending))
        };
        assert_eq!(
            unknown(None, 0, &["001"]),
            "The outcome is unknown: the server could not be reached to check whether 001 was applied. What is certain: no \
             migration was applied before that. When the server answers again, schemaward status shows how far the run got, \
             and schemaward migrate continues from there: nothing that was committed runs again."
        );
        let several = unknown(Some("002"), 1, &["003", "004", "005"]);
        assert!(several.contains("to check how many of the 3 migrations from 003 to 005 were applied."), "{several}");
        let known = "What is certain: the schema was at version 002 before that, with 1 migration applied by this run.";
        assert!(several.contains(known), "{several}");
        let back = Summary { rollback: true, ..summary_of(ErrorClass::UnknownOutcome, Some("002"), 0, &["002"]) };
        let back = finished(&back);
        assert!(
            back.contains("whether 002 was rolled back") && back.contains("schemaward rollback continues"),
            "{back}"
        );
        let failed = finished(&summary_of(ErrorClass::Permanent, None, 0, &["001"]));
        assert_eq!(failed, "Failed. No migration is applied; 0 migrations applied by this run, 1 pending.");
    }

    #[test]
    fn what_is_committed_of_a_failed_file_is_shown() {
        let told = |no_transaction, done, failed, reason| {
            let mut terminal = Terminal::new(Path::new("sql"), &[]);
            let (version, file) = ("001".to_owned(), "001_a.sql".to_owned());
            terminal.show(&Event::MigrationStarted {
                kind: "migration".to_owned(),
                version: version.clone(),
                file: file.clone(),
                statements: 4,
                no_transaction,
            });
            terminal.show(&Event::StatementFinished { version: version.clone(), statement: done, statements: 4 });
            let place = Place { version, file, statement: failed, ..Place::default() };
            terminal.half_applied(&Failure {
                class: ErrorClass::Permanent,
                reason,
                code: None,
                message: "no".to_owned(),
                hint: None,
                place: Some(place),
            })
        };
        let failed = Reason::StatementFailed;
        let text = told(true, 2, Some(3), failed).unwrap();
        assert!(text.contains("2 of its 4 statements are committed and stay; the next run continues"), "{text}");
        assert!(told(true, 3, Some(3), failed).unwrap().contains("2 of its 4"), "the third one has failed after all");
        assert!(told(true, 2, None, failed).unwrap().contains("2 of its 4"));
        assert!(!told(true, 2, Some(3), Reason::NeedsReview).unwrap().contains("next run"));
        assert_eq!(told(true, 0, Some(1), failed), None);
        assert_eq!(told(false, 2, Some(3), failed), None, "all of it was rolled back");
    }

    #[test]
    fn an_error_is_shown_with_its_line_and_a_caret_below_the_place() {
        let bytes = "-- ü\n\tselect größe fron t;\n".as_bytes().to_vec();
        let files = [SourceFile { name: "001_a.sql".to_owned(), bytes }];
        let place = Place {
            version: "001".to_owned(),
            file: "001_a.sql".to_owned(),
            line: Some(2),
            column: Some(15),
            statement: Some(1),
            excerpt: None,
        };
        let failure = Failure {
            class: ErrorClass::Permanent,
            reason: Reason::StatementFailed,
            code: Some("42601".to_owned()),
            message: "syntax error at or near \"fron\"".to_owned(),
            hint: Some("write from".to_owned()),
            place: Some(place),
        };
        let expected = "error[42601]: syntax error at or near \"fron\"\n --> sql/001_a.sql:2:15\n  |\n2 | \tselect größe fron \
                        t;\n  | \t             ^\n  = statement 1 of the file\n  = hint: write from";
        assert_eq!(Terminal::new(Path::new("sql"), &files).describe(&failure), expected);
    }
}
