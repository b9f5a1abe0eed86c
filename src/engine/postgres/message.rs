//! The one message that applies one file, and what the server's answers to it mean. Pure.

use super::ledger::Ledger;
use crate::engine::session::Attempt;
use crate::migration::Migration;
use crate::report::Place;

/// Statements before the file's own: BEGIN and the guard.
const STATEMENTS_BEFORE: usize = 2;
/// After the file's own, up to and with COMMIT; see [`Message::new`].
const STATEMENTS_TO_COMMIT: usize = 5;

/// Makes the server send what it has answered so far. Within one message it keeps its answers until 8 KiB are
/// full; only a message for people is sent at once, and of those only INFO whatever the file has set
/// (PostgreSQL: `send_message_to_frontend` in elog.c ends with `pq_flush`). The driver logs INFO as trace.
const FLUSH: &str = "DO $schemaward$BEGIN RAISE INFO 'schemaward';END$schemaward$;";
/// How many of them a file gets at most, so that thousands of small statements stay as fast as they are.
const MOST_FLUSHES: usize = 20;

/// BEGIN, guard, the file's SQL, its row, COMMIT, and the session's reset for the next file.
pub(super) struct Message<'a> {
    migration: &'a Migration,
    /// What is sent.
    pub(super) text: String,
    /// Characters before the file's first.
    prefix_chars: usize,
    /// Before which of the file's statements, by their indices from 0, a [`FLUSH`] stands.
    flushes: Vec<usize>,
}

/// Where in a message the server is, by the number of statements it has answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The guard has not passed.
    Guard,
    /// The file's statement with this index, from 0, runs.
    Statement(usize),
    /// The row is being written.
    Record,
    /// COMMIT runs.
    Commit,
    /// Committed; the session is being reset.
    Committed,
}

impl<'a> Message<'a> {
    /// `reset` brings the session back to the state every file starts from.
    pub(super) fn new(ledger: &Ledger, attempt: Attempt<'a>, reset: &str) -> Self {
        let migration = attempt.migration;
        // The mode is said in full: a role may have other defaults.
        let prefix = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;{};\n", ledger.guard(attempt.fence));
        // The file may have changed role and search_path; the row is written as the user who connected,
        // with operators found in pg_catalog. A line break first: the file may end in a comment. A
        // semicolon after it: its last statement may have none.
        let suffix = format!(
            "\n;RESET SESSION AUTHORIZATION;RESET ROLE;SET LOCAL search_path = pg_catalog;{};COMMIT;{reset}",
            ledger.record_success(attempt)
        );
        let prefix_chars = prefix.chars().count();
        let flushes = flushes(migration);
        let mut text = String::with_capacity(prefix.len() + migration.sql.len() + suffix.len());
        text.push_str(&prefix);
        let mut from = 0;
        for start in flushes.iter().filter_map(|&index| migration.statements.get(index)).map(|found| found.start) {
            text.push_str(migration.sql.get(from..start).unwrap_or_default());
            text.push_str(FLUSH);
            from = start;
        }
        text.push_str(migration.sql.get(from..).unwrap_or_default());
        text.push_str(&suffix);
        Self { migration, text, prefix_chars, flushes }
    }

    /// Where the server is after so many answers.
    pub(super) fn phase(&self, answers: usize) -> Phase {
        let total = self.migration.statements.len() + self.flushes.len();
        let Some(done) = answers.checked_sub(STATEMENTS_BEFORE) else { return Phase::Guard };
        match done.checked_sub(total) {
            None => Phase::Statement(self.statements_done(answers)),
            Some(after) if after >= STATEMENTS_TO_COMMIT => Phase::Committed,
            Some(after) if after == STATEMENTS_TO_COMMIT - 1 => Phase::Commit,
            Some(_) => Phase::Record,
        }
    }

    /// How many of the file's statements have run, where the last of so many answers is one to report progress
    /// at: the last one that a flush sends (its own answer waits for the next), or the file's last.
    pub(super) fn report_due(&self, answers: usize) -> Option<usize> {
        let answered = answers.checked_sub(STATEMENTS_BEFORE)?;
        let total = self.migration.statements.len();
        let is_flushed = self.flushes.iter().enumerate().any(|(j, before)| before + j == answered);
        let is_last = total > 0 && answered == total + self.flushes.len();
        (is_flushed || is_last).then(|| self.statements_done(answers))
    }

    /// How many of the file's statements have run after so many answers.
    pub(super) fn statements_done(&self, answers: usize) -> usize {
        let answered = answers.saturating_sub(STATEMENTS_BEFORE);
        // The flush with number j comes after `flushes[j]` statements and j flushes.
        let flushed = self.flushes.iter().enumerate().take_while(|(j, before)| *before + j < answered).count();
        (answered - flushed).min(self.migration.statements.len())
    }

    /// The file's byte behind a character of the message's middle part; a flush counts as the statement after it.
    fn byte_of_character(&self, mut character: usize) -> Option<usize> {
        for start in self.flushes.iter().filter_map(|&index| self.migration.statements.get(index)).map(|s| s.start) {
            let before = self.migration.sql.get(..start).unwrap_or_default().chars().count();
            if character < before {
                break;
            }
            character = character.saturating_sub(FLUSH.len()).max(before);
        }
        self.migration.byte_of_character(character)
    }

    /// The place of an error. `character` is where in the message the server points to, from 0.
    pub(super) fn place(&self, answers: usize, character: Option<usize>) -> Place {
        let inside = character.and_then(|at| at.checked_sub(self.prefix_chars));
        if let Some(at) = inside {
            if let Some(byte) = self.byte_of_character(at) {
                return self.migration.place_of_byte(byte);
            }
            if answers == 0 {
                // The text as a whole was not understood, and what is not understood is our own text
                // after the file's: the file's last statement is not complete.
                let end = self.migration.statements.last().map_or(0, |statement| statement.end);
                return self.migration.place_of_byte(end);
            }
        }
        match self.phase(answers) {
            Phase::Statement(index) => self.migration.place_of_statement(index),
            _ => self.migration.place(),
        }
    }
}

/// Before which statements a file gets a [`FLUSH`]: at even distances, none before the first.
///
/// None at all where the file has a backslash. Whether one escapes the quote after it depends on settings that
/// only the server knows, so only without any is it certain where each statement begins, and nothing is ever put
/// into the middle of somebody's text.
fn flushes(migration: &Migration) -> Vec<usize> {
    if migration.sql.contains('\\') {
        return Vec::new();
    }
    let total = migration.statements.len();
    (1..total).step_by(total.div_ceil(MOST_FLUSHES).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::{FLUSH, MOST_FLUSHES, Message, Phase, STATEMENTS_BEFORE};
    use crate::engine::postgres::ledger::Ledger;
    use crate::engine::session::{Attempt, Fence};
    use crate::migration::{Dialect, Migration, MigrationSet, SourceFile};

    fn migration(sql: &str) -> Migration {
        let file = SourceFile { name: "001_a.sql".to_owned(), bytes: sql.as_bytes().to_vec() };
        MigrationSet::read(&[file], Dialect::Postgres).unwrap().migrations()[0].clone()
    }

    fn message(migration: &Migration) -> Message<'_> {
        Message::new(
            &Ledger::new("schemaward"),
            Attempt { migration, kind: crate::plan::Kind::Migration, run: "run", fence: Fence(1) },
            "RESET ALL",
        )
    }

    #[test]
    fn each_character_of_the_file_keeps_its_place_whatever_is_put_between_statements() {
        let migration = migration("select 'ä';\n-- é\nselect 2; select 3;\nselect 'ü'");
        let message = message(&migration);
        assert_eq!(message.flushes, [1, 2, 3]);
        for needle in ["select 'ä'", "ä';", "-- é", "select 2", "2; ", "select 3", "select 'ü'", "ü'"] {
            let byte = message.text.find(needle).unwrap();
            let character = message.text[..byte].chars().count() - message.prefix_chars;
            assert_eq!(message.byte_of_character(character), migration.sql.find(needle), "{needle}");
        }
        assert!(message.text.replace(FLUSH, "").contains(&migration.sql));
    }

    #[test]
    fn flushes_do_not_count_as_statements() {
        let migration = migration("select 1; select 2; select 3");
        let message = message(&migration);
        let phases: Vec<Phase> = (STATEMENTS_BEFORE..STATEMENTS_BEFORE + 6).map(|n| message.phase(n)).collect();
        let statement = Phase::Statement;
        assert_eq!(phases, [statement(0), statement(1), statement(1), statement(2), statement(2), Phase::Record]);
        let due: Vec<Option<usize>> =
            (STATEMENTS_BEFORE..STATEMENTS_BEFORE + 7).map(|n| message.report_due(n)).collect();
        assert_eq!(due, [None, Some(1), None, Some(2), None, Some(3), None]);
    }

    #[test]
    fn a_long_file_gets_few_and_a_file_with_a_backslash_none() {
        let long = migration(&"select 1;".repeat(2000));
        assert!((2..=MOST_FLUSHES).contains(&message(&long).flushes.len()));
        let escaped = migration("select E'\\''; select 2; select 3");
        assert!(message(&escaped).flushes.is_empty());
    }
}
