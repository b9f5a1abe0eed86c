//! The one message that applies several files, and what the server's answers to it mean. Pure.

use super::ledger::Ledger;
use super::session::BEGIN as BEGIN_IN_FULL;
use crate::engine::session::Attempt;
use crate::migration::{Migration, message_without_passwords};
use crate::report::Place;

/// Makes the server send what it has answered so far. Within one message it keeps its answers until 8 KiB are
/// full; only a message for people is sent at once, and of those only INFO whatever the file has set
/// (PostgreSQL: `send_message_to_frontend` in elog.c ends with `pq_flush`). The driver logs INFO as trace.
const FLUSH: &str = "DO $schemaward$BEGIN RAISE INFO 'schemaward';END$schemaward$;";
/// How many of them a file gets at most, so that thousands of small statements stay as fast as they are.
const MOST_FLUSHES: usize = 20;
/// How many of them a message gets at most. Where it has more files, none: it is looked up in the ledger how far they are.
const MOST_FLUSHES_IN_ALL: usize = 200;

/// Its mode is the session's own, which stands among the settings that every file starts from.
const BEGIN: &str = "BEGIN";

/// Behind the file's own statements: what the file has deferred is due under the settings it has made. A line break
/// first: the file may end in a comment. A semicolon after it: its last statement may have none.
const DEFERRED: &str = "\n;SET CONSTRAINTS ALL IMMEDIATE";

/// Last, behind the row, whose number is drawn from a sequence: `lastval()` of the next file is not to tell it.
const FORGET_SEQUENCE: &str = "DISCARD SEQUENCES";

/// What brings the session back to the state every file starts from.
#[derive(Clone, Debug)]
pub(super) struct Reset {
    /// To be sent by itself: a transaction.
    pub(super) sql: String,
    /// To be sent within another transaction, before [`FORGET_SEQUENCE`].
    statements: String,
    /// How many answers the latter makes.
    answers: usize,
}

impl Reset {
    pub(super) fn new(statements: &[&str]) -> Self {
        let joined = statements.join(";");
        let sql = format!("{BEGIN_IN_FULL};{joined};{FORGET_SEQUENCE};COMMIT");
        Self { sql, statements: joined, answers: statements.len() }
    }

    /// To be sent by itself: a transaction that begins with another statement.
    pub(super) fn behind(&self, first: &str) -> String {
        format!("{BEGIN_IN_FULL};{first};{};{FORGET_SEQUENCE};COMMIT", self.statements)
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

/// For each file BEGIN, the file's SQL, the session's reset, the file's row with its guard, COMMIT. The reset is a part of
/// the file's transaction: the row is written as the user who connected, what the file listens to would not end before
/// another commit, and between a COMMIT and the next BEGIN it would open a transaction of a mode that the file has chosen.
///
/// Nothing of ours is before the file's first statement, which may set its transaction's mode. The text is parsed as a
/// whole before anything runs, and an error ends it: no file runs behind one that was not committed.
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
    /// Before which of the file's statements, by their indices from 0, a [`FLUSH`] stands.
    flushes: Vec<usize>,
    /// How many statements stand behind the file's own, up to and with COMMIT.
    closing: usize,
    /// Whether one of them is a [`FLUSH`], before COMMIT: it tells that the file behind this one is about to begin.
    tells_next: bool,
}

/// Where in a file's part the server is, by the number of statements it has answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// BEGIN has not been answered.
    Begin,
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
    /// The file is about to begin.
    Started,
    /// So many of the file's statements have run.
    StatementsDone(usize),
}

impl<'a> Message<'a> {
    /// `batch`: in the order they run.
    pub(super) fn new(frame: Frame<'_>, batch: &[Attempt<'a>]) -> Self {
        let flushes_each = MOST_FLUSHES_IN_ALL / batch.len().max(1);
        let mut writer = Writer { flushes_each, ..Writer::default() };
        let mut parts: Vec<Part<'a>> = Vec::with_capacity(batch.len());
        for (index, &attempt) in batch.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| batch.get(before));
            let is_last = index + 1 == batch.len();
            parts.push(writer.part(frame, attempt, before, is_last));
        }
        if let Some(last) = batch.last() {
            writer.push(&frame.ledger.applied_under(last.fence, batch.len()));
        }
        Self { text: writer.text, parts }
    }

    /// How many files it applies.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Which file the server is at after so many answers, from 0, and where in it.
    pub(super) fn phase(&self, answers: usize) -> (usize, Phase) {
        let index = self.index(answers);
        let phase = self.parts.get(index).map_or(Phase::Begin, |part| part.phase(answers));
        (index, phase)
    }

    /// What the last of so many answers tells, and about which file.
    pub(super) fn news(&self, answers: usize) -> Option<(usize, News)> {
        let index = self.index(answers.checked_sub(1)?);
        let part = self.parts.get(index)?;
        if part.has_told_next(answers) {
            return Some((index + 1, News::Started));
        }
        Some((index, News::StatementsDone(part.statements_done_now(answers)?)))
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
    /// How many flushes there are for each file.
    flushes_each: usize,
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
        self.push(BEGIN);
        self.push(";\n");
        let file_at = self.chars;
        let tells_next = self.flushes_each > 0 && !is_last;
        let flushes = flushes(migration, self.flushes_each.saturating_sub(tells_next.into()).min(MOST_FLUSHES));
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
        for statement in [DEFERRED, &frame.reset.statements, &record, FORGET_SEQUENCE] {
            self.push(statement);
            self.push(";");
        }
        self.push(if tells_next { FLUSH } else { "" });
        self.push("COMMIT;");
        // What is deferred, the row, its sequence, COMMIT.
        let closing = 4 + frame.reset.answers + usize::from(tells_next);
        let part = Part { migration, file_at, end_at: self.chars, answers_before, flushes, closing, tells_next };
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
        1 + self.total() + self.closing
    }

    fn phase(&self, answers: usize) -> Phase {
        let Some(done) = answers.saturating_sub(self.answers_before).checked_sub(1) else { return Phase::Begin };
        match done.checked_sub(self.total()) {
            None => Phase::Statement(self.statements_done(answers)),
            Some(0) => Phase::Deferred,
            Some(after) if after >= self.closing => Phase::Committed,
            Some(after) if after == self.closing - 1 => Phase::Commit,
            Some(_) => Phase::Record,
        }
    }

    /// Whether the last of so many answers is the one before the [`FLUSH`] at its end, which has sent it.
    fn has_told_next(&self, answers: usize) -> bool {
        self.tells_next && answers.checked_sub(self.answers_before) == Some(self.answers_to_commit() - 2)
    }

    /// How many statements have run, where progress is reported after so many answers to the file's own statements and
    /// flushes: after the last one that a flush sends (its own answer waits for the next), and after the file's last.
    fn statements_done_now(&self, answers: usize) -> Option<usize> {
        let answered = answers.checked_sub(self.answers_before + 1)?;
        let is_flushed = self.flushes.iter().enumerate().any(|(j, before)| before + j == answered);
        let is_last = !self.migration.statements.is_empty() && answered == self.total();
        (is_flushed || is_last).then(|| self.statements_done(answers))
    }

    fn statements_done(&self, answers: usize) -> usize {
        let answered = answers.saturating_sub(self.answers_before + 1);
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
            [Phase::Begin].into_iter().chain(inside).chain(after).map(|phase| (index, phase)).collect::<Vec<_>>()
        };
        assert_eq!(seen, [file(0, &[0, 1]), file(1, &[]), file(2, &[0]), vec![(2, Phase::Committed)]].concat());
    }

    #[test]
    fn news_come_once_and_in_order() {
        let migrations = migrations(&["select 1; select 2; select 3", "select 4"]);
        let message = message(&migrations);
        let news: Vec<(usize, News)> = (1..100).filter_map(|answers| message.news(answers)).collect();
        let done = News::StatementsDone;
        let expected = [(0, done(1)), (0, done(2)), (0, done(3)), (1, News::Started), (1, done(1))];
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
