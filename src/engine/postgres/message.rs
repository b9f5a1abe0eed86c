//! The one message that applies several files, and what the server's answers to it mean. Pure.

use super::ledger::Ledger;
use super::session::BEGIN;
use crate::engine::session::Attempt;
use crate::migration::{Migration, message_without_passwords};
use crate::report::Place;

/// Makes the server send what it has answered so far. Within one message it keeps its answers until 8 KiB are
/// full; only a message for people is sent at once, and of those only INFO whatever the file has set
/// (PostgreSQL: `send_message_to_frontend` in elog.c ends with `pq_flush`). The driver logs INFO as trace.
const FLUSH: &str = "DO $schemaward$BEGIN RAISE INFO 'schemaward';END$schemaward$;";
/// How many of them a file gets at most, so that thousands of small statements stay as fast as they are.
const MOST_FLUSHES: usize = 20;
/// How many of them a message gets at most: of hundreds of files it is enough to see which of them is being applied.
const MOST_FLUSHES_IN_ALL: usize = 200;

/// Behind the file's own statements: what the file has deferred is due under the settings it has made. A line break
/// first: the file may end in a comment. A semicolon after it: its last statement may have none.
const DEFERRED: &str = "\n;SET CONSTRAINTS ALL IMMEDIATE";
/// The file may have changed the role; the row is written as the user who connected. A changed `search_path` stays: what
/// writes the row names everything in full. What the file listens to ends with its transaction: later, UNLISTEN would not
/// have an effect before the next file is committed.
const AS_USER: &str = "RESET SESSION AUTHORIZATION;RESET ROLE;UNLISTEN *";
/// Statements after the file's own, up to and with COMMIT: [`DEFERRED`], [`AS_USER`], the row, COMMIT.
const STATEMENTS_TO_COMMIT: usize = 6;

/// What brings the session back to the state every file starts from. Between a COMMIT and the next BEGIN none of it ever
/// stands alone: it would open a transaction of a mode that the file before has chosen, and BEGIN would take that over.
#[derive(Clone, Debug)]
pub(super) struct Reset {
    /// To be sent by itself: a transaction.
    pub(super) sql: String,
    /// To be sent within another transaction.
    statements: String,
    /// How many answers the latter makes.
    answers: usize,
}

impl Reset {
    pub(super) fn new(statements: &[&str]) -> Self {
        let joined = statements.join(";");
        Self { sql: format!("{BEGIN};{joined};COMMIT"), statements: joined, answers: statements.len() }
    }
}

/// What a session puts around each file.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) ledger: &'a Ledger,
    /// Brings the session back to the state every file starts from.
    pub(super) reset: &'a Reset,
    /// The session's own `synchronous_commit`.
    pub(super) synchronous_commit: &'a str,
}

/// For each file BEGIN, the session's reset where another file was before it, guard, the file's SQL, its row, COMMIT;
/// behind the last one the reset again. The text is parsed as a whole before anything runs, and an error ends it: no file
/// runs behind one that was not committed.
pub(super) struct Message<'a> {
    /// What is sent.
    pub(super) text: String,
    parts: Vec<Part<'a>>,
}

/// One file in a message.
struct Part<'a> {
    migration: &'a Migration,
    /// Characters of the message before the file's first, and before the next part.
    file_at: usize,
    end_at: usize,
    /// Answers before this part's first.
    answers_before: usize,
    /// Statements of this part before the file's own: BEGIN, the reset where it is not the first, and the guard.
    opening: usize,
    /// Before which of the file's statements, by their indices from 0, a [`FLUSH`] stands.
    flushes: Vec<usize>,
    /// Whether the commit waits for the disk whatever the answers say.
    is_last: bool,
}

/// Where in a file's part the server is, by the number of statements it has answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The guard has not passed.
    Guard,
    /// The file's statement with this index, from 0, runs.
    Statement(usize),
    /// What the file has deferred to its commit runs.
    Deferred,
    /// The row is being written.
    Record,
    /// COMMIT runs.
    Commit,
    /// Committed; behind the last file the session is being reset.
    Committed,
}

/// What an answer has told, for those that wait to hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum News {
    /// The file's guard is being asked.
    Started,
    /// So many of the file's statements have run.
    StatementsDone(usize),
    /// The file is committed; `last` is the last of the message, which has waited for the disk.
    Committed {
        /// Whether it is the message's last.
        last: bool,
    },
}

impl<'a> Message<'a> {
    /// `batch`: in the order they run.
    pub(super) fn new(frame: Frame<'_>, batch: &[Attempt<'a>]) -> Self {
        let most_flushes = (MOST_FLUSHES_IN_ALL / batch.len().max(1)).min(MOST_FLUSHES);
        let mut writer = Writer { most_flushes, ..Writer::default() };
        let mut parts: Vec<Part<'a>> = Vec::with_capacity(batch.len());
        for (index, &attempt) in batch.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| batch.get(before));
            let is_last = index + 1 == batch.len();
            parts.push(writer.part(frame, attempt, before, is_last));
        }
        writer.push(&frame.reset.sql);
        Self { text: writer.text, parts }
    }

    /// How many files it applies.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Which file the server is at after so many answers, from 0, and where in it.
    pub(super) fn phase(&self, answers: usize) -> (usize, Phase) {
        let index = self.index(answers);
        let phase = self.parts.get(index).map_or(Phase::Guard, |part| part.phase(answers));
        (index, phase)
    }

    /// What the last of so many answers tells, and about which file.
    pub(super) fn news(&self, answers: usize) -> Option<(usize, News)> {
        let index = self.index(answers.checked_sub(1)?);
        Some((index, self.parts.get(index)?.news(answers)?))
    }

    /// How many of the statements have run of the file the server is at.
    pub(super) fn statements_done(&self, answers: usize) -> usize {
        self.parts.get(self.index(answers)).map_or(0, |part| part.statements_done(answers))
    }

    /// Which file holds a character of the message, both from 0. What stands behind a file is taken for its own: there
    /// the server stumbles over a last statement that is not complete.
    pub(super) fn file_of_character(&self, character: usize) -> usize {
        let index = self.parts.partition_point(|part| part.end_at <= character);
        index.min(self.parts.len().saturating_sub(1))
    }

    /// A server's message about a file of the message, without the file's passwords.
    pub(super) fn without_passwords(&self, index: usize, message: &str) -> String {
        let sql = self.parts.get(index).map_or("", |part| part.migration.sql.as_str());
        message_without_passwords(message, sql)
    }

    /// The place of an error in a file of the message. `character` is where in the message the server points to, from 0.
    pub(super) fn place(&self, index: usize, answers: usize, character: Option<usize>) -> Place {
        self.parts.get(index).map(|part| part.place(answers, character)).unwrap_or_default()
    }

    fn index(&self, answers: usize) -> usize {
        self.parts.partition_point(|part| part.answers_before <= answers).saturating_sub(1)
    }
}

/// Puts a message together and counts on the way.
#[derive(Default)]
struct Writer {
    text: String,
    chars: usize,
    answers: usize,
    /// How many flushes each file gets at most.
    most_flushes: usize,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.chars += text.chars().count();
    }

    fn part<'a>(
        &mut self,
        frame: Frame<'_>,
        attempt: Attempt<'a>,
        before: Option<&Attempt<'_>>,
        is_last: bool,
    ) -> Part<'a> {
        let migration = attempt.migration;
        let answers_before = self.answers;
        let mut opening = 2;
        self.push(BEGIN);
        self.push(";");
        if before.is_some() {
            self.push(&frame.reset.statements);
            self.push(";");
            opening += frame.reset.answers;
        }
        self.push(&frame.ledger.guard(attempt.fence));
        self.push(";\n");
        let file_at = self.chars;
        let flushes = flushes(migration, self.most_flushes);
        let mut from = 0;
        for start in flushes.iter().filter_map(|&index| migration.statements.get(index)).map(|found| found.start) {
            self.push(migration.sql.get(from..start).unwrap_or_default());
            self.push(FLUSH);
            from = start;
        }
        self.push(migration.sql.get(from..).unwrap_or_default());
        // Its SQL and its row are one transaction, so that a crash loses both or neither, and a commit that waits for the
        // disk takes all before it along.
        let synchronous_commit = if is_last { frame.synchronous_commit } else { "off" };
        let record = frame.ledger.record_success(attempt, before, synchronous_commit);
        for statement in [DEFERRED, AS_USER, &record, "COMMIT"] {
            self.push(statement);
            self.push(";");
        }
        let part = Part { migration, file_at, end_at: self.chars, answers_before, opening, flushes, is_last };
        self.answers += part.answers_to_commit();
        part
    }
}

impl Part<'_> {
    fn total(&self) -> usize {
        self.migration.statements.len() + self.flushes.len()
    }

    /// How many answers it takes up to and with COMMIT.
    fn answers_to_commit(&self) -> usize {
        self.opening + self.total() + STATEMENTS_TO_COMMIT
    }

    fn phase(&self, answers: usize) -> Phase {
        let answered = answers.saturating_sub(self.answers_before);
        let Some(done) = answered.checked_sub(self.opening) else { return Phase::Guard };
        match done.checked_sub(self.total()) {
            None => Phase::Statement(self.statements_done(answers)),
            Some(0) => Phase::Deferred,
            Some(after) if after >= STATEMENTS_TO_COMMIT => Phase::Committed,
            Some(after) if after == STATEMENTS_TO_COMMIT - 1 => Phase::Commit,
            Some(_) => Phase::Record,
        }
    }

    fn news(&self, answers: usize) -> Option<News> {
        let answered = answers.checked_sub(self.answers_before)?;
        if answered + 1 == self.opening {
            // The guard sends what was answered before it, so that it is seen at once which file is being applied.
            return Some(News::Started);
        }
        if answered == self.answers_to_commit() {
            return Some(News::Committed { last: self.is_last });
        }
        self.report_due(answered.checked_sub(self.opening)?)
            .then(|| News::StatementsDone(self.statements_done(answers)))
    }

    /// Whether progress is reported after so many answers to the file's own statements and flushes: after the last one
    /// that a flush sends (its own answer waits for the next), and after the file's last.
    fn report_due(&self, answered: usize) -> bool {
        let is_flushed = self.flushes.iter().enumerate().any(|(j, before)| before + j == answered);
        is_flushed || (!self.migration.statements.is_empty() && answered == self.total())
    }

    fn statements_done(&self, answers: usize) -> usize {
        let answered = answers.saturating_sub(self.answers_before + self.opening);
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

    fn place(&self, answers: usize, character: Option<usize>) -> Place {
        let inside = character.and_then(|at| at.checked_sub(self.file_at));
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

/// Before which statements a file gets a [`FLUSH`], so many at `most`: at even distances, none before the first.
///
/// None at all where the file has a backslash. Whether one escapes the quote after it depends on settings that
/// only the server knows, so only without any is it certain where each statement begins, and nothing is ever put
/// into the middle of somebody's text.
fn flushes(migration: &Migration, most: usize) -> Vec<usize> {
    if most == 0 || migration.sql.contains('\\') {
        return Vec::new();
    }
    let total = migration.statements.len();
    (1..total).step_by(total.div_ceil(most).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::{FLUSH, Frame, MOST_FLUSHES, MOST_FLUSHES_IN_ALL, Message, News, Phase, Reset};
    use crate::engine::postgres::ledger::Ledger;
    use crate::engine::session::{Attempt, Fence};
    use crate::migration::{Dialect, Migration, MigrationSet, SourceFile};
    use crate::plan::Kind;

    fn migrations(sqls: &[&str]) -> Vec<Migration> {
        let file = |(n, sql): (usize, &&str)| SourceFile { name: format!("{n:03}_a.sql"), bytes: (*sql).into() };
        let files: Vec<SourceFile> = sqls.iter().enumerate().map(file).collect();
        MigrationSet::read(&files, Dialect::Postgres).unwrap().migrations().to_vec()
    }

    fn message(migrations: &[Migration]) -> Message<'_> {
        let stop: &'static _ = Box::leak(Box::new(crate::engine::stop_signal().1));
        let attempt = |migration| Attempt { migration, kind: Kind::Migration, run: "run", fence: Fence(1), stop };
        let (ledger, reset) = (Ledger::new("schemawärd"), Reset::new(&["RESET ALL"]));
        let frame = Frame { ledger: &ledger, reset: &reset, synchronous_commit: "on" };
        Message::new(frame, &migrations.iter().map(attempt).collect::<Vec<_>>())
    }

    #[test]
    fn each_character_of_a_file_keeps_its_place_whatever_is_put_around_and_between_its_statements() {
        let sql = "select 'ä';\n-- é\nselect 2; select 3;\nselect 'ü'";
        let migrations = migrations(&["select 'ö'", sql, "select 5"]);
        let message = message(&migrations);
        assert_eq!(message.parts[1].flushes, [1, 2, 3]);
        for needle in ["select 'ä'", "ä';", "-- é", "select 2", "2; ", "select 3", "select 'ü'", "ü'"] {
            let byte = message.text.find(needle).unwrap();
            let character = message.text[..byte].chars().count();
            assert_eq!(message.file_of_character(character), 1, "{needle}");
            let place = message.place(1, 0, Some(character));
            assert_eq!(place, migrations[1].place_of_byte(sql.find(needle).unwrap()), "{needle}");
        }
        assert!(message.text.replace(FLUSH, "").contains(sql));
        assert_eq!(message.file_of_character(usize::MAX), 2);
    }

    #[test]
    fn every_answer_belongs_to_one_file_and_one_phase() {
        let migrations = migrations(&["select 1; select 2", "", "select 3"]);
        let message = message(&migrations);
        let last = message.parts.last().unwrap();
        let answers = last.answers_before + last.answers_to_commit() + 1;
        let mut seen: Vec<(usize, Phase)> = (0..answers).map(|answers| message.phase(answers)).collect();
        seen.dedup();
        let file = |index, statements: &[usize]| {
            let inside = statements.iter().map(|&statement| Phase::Statement(statement));
            let after = [Phase::Deferred, Phase::Record, Phase::Commit];
            [Phase::Guard].into_iter().chain(inside).chain(after).map(|phase| (index, phase)).collect::<Vec<_>>()
        };
        assert_eq!(seen, [file(0, &[0, 1]), file(1, &[]), file(2, &[0]), vec![(2, Phase::Committed)]].concat());
    }

    #[test]
    fn news_come_once_and_in_order() {
        let migrations = migrations(&["select 1; select 2; select 3", "select 4"]);
        let message = message(&migrations);
        let news: Vec<(usize, News)> = (1..100).filter_map(|answers| message.news(answers)).collect();
        let done = News::StatementsDone;
        let first = [News::Started, done(1), done(2), done(3), News::Committed { last: false }];
        let second = [News::Started, done(1), News::Committed { last: true }];
        let expected: Vec<(usize, News)> =
            first.into_iter().map(|news| (0, news)).chain(second.into_iter().map(|news| (1, news))).collect();
        assert_eq!(news, expected);
    }

    #[test]
    fn a_long_file_gets_few_flushes_and_a_file_with_a_backslash_none() {
        let migrations = migrations(&[&"select 1;".repeat(2000), "select E'\\''; select 2; select 3"]);
        let message = message(&migrations);
        assert!((2..=MOST_FLUSHES).contains(&message.parts[0].flushes.len()));
        assert!(message.parts[1].flushes.is_empty());
    }

    #[test]
    fn of_hundreds_of_files_none_is_followed_statement_by_statement() {
        let migrations = migrations(&vec!["select 1; select 2"; MOST_FLUSHES_IN_ALL + 1]);
        assert!(!message(&migrations).text.contains(FLUSH));
    }
}
