//! The one message that applies one file, and what the server's answers to it mean. Pure.

use super::ledger::Ledger;
use crate::engine::session::Attempt;
use crate::migration::Migration;
use crate::report::Place;

/// Statements before the file's own: BEGIN and the guard.
const STATEMENTS_BEFORE: usize = 2;
/// After the file's own, up to and with COMMIT; see [`Message::new`].
const STATEMENTS_TO_COMMIT: usize = 5;

/// BEGIN, guard, the file's SQL, its row, COMMIT, and the session's reset for the next file.
pub(super) struct Message<'a> {
    migration: &'a Migration,
    /// What is sent.
    pub(super) text: String,
    /// Characters before the file's first.
    prefix_chars: usize,
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
        Self { migration, text: [prefix.as_str(), &migration.sql, &suffix].concat(), prefix_chars }
    }

    /// Where the server is after so many answers.
    pub(super) fn phase(&self, answers: usize) -> Phase {
        let total = self.migration.statements.len();
        let Some(done) = answers.checked_sub(STATEMENTS_BEFORE) else { return Phase::Guard };
        match done.checked_sub(total) {
            None => Phase::Statement(done),
            Some(after) if after >= STATEMENTS_TO_COMMIT => Phase::Committed,
            Some(after) if after == STATEMENTS_TO_COMMIT - 1 => Phase::Commit,
            Some(_) => Phase::Record,
        }
    }

    /// How many of the file's statements have run after so many answers.
    pub(super) fn statements_done(&self, answers: usize) -> usize {
        answers.saturating_sub(STATEMENTS_BEFORE).min(self.migration.statements.len())
    }

    /// The place of an error. `character` is where in the message the server points to, from 0.
    pub(super) fn place(&self, answers: usize, character: Option<usize>) -> Place {
        let inside = character.and_then(|at| at.checked_sub(self.prefix_chars));
        if let Some(at) = inside {
            if let Some(byte) = self.migration.byte_of_character(at) {
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
