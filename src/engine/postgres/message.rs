//! The one message that applies several files. Pure; what the server's answers to it mean is [`super::answers`]' affair.

use std::ops::Range;

use super::error::INVALID_INDEX;
use super::ledger::Ledger;
use super::literal::text;
use super::mark::Mark;
use super::own_transaction::BEGIN as BEGIN_IN_FULL;
use crate::engine::session::Attempt;
use crate::migration::Migration;
use crate::report::Place;
use crate::sql::{Ddl, Modifier, ObjectKind, message_without_passwords};

/// Makes the server send what it has answered so far, after a file's end, where the session is ours again. Within one
/// message it keeps its answers until 8 KiB are full; only a message for people is sent at once, and of those only INFO
/// whatever is set (PostgreSQL: `send_message_to_frontend` in elog.c ends with `pq_flush`). The driver logs INFO as trace.
const FLUSH: &str = "DO $schemaward$BEGIN RAISE INFO 'schemaward';END$schemaward$;";
/// How many files a message has at most for that. Where it has more, it is looked up in the ledger how far they are.
const MOST_FLUSHED: usize = 200;
/// How many marks a file gets at most between its statements, so that thousands of small statements stay as fast as they are.
const MOST_MARKS: usize = 20;
/// How many of them a message gets at most: each costs 8 KiB of answers.
const MOST_MARKS_IN_ALL: usize = 60;

/// Its mode is the session's own, which is among the settings that every file starts from, or what the file has set where
/// each of its statements is committed separately.
pub(super) const BEGIN: &str = "BEGIN";

/// After the file's own statements: what the file has deferred is due under the role and the settings it has made.
pub(super) const DEFERRED: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// The same within a transaction that goes on: each constraint is checked, and is then as deferred as it was defined, for
/// the next file. `SET CONSTRAINTS ALL` could not be undone: it would hold for constraints of later files, too. One
/// whose schema the file's role may not use, or whose name a constraint of another kind has, stays deferred to COMMIT.
const DEFERRED_WITHIN: &str = "DO $schemaward$DECLARE due pg_catalog.text; deferred pg_catalog.text;BEGIN \
SELECT pg_catalog.string_agg(f.name, ','), pg_catalog.string_agg(f.name, ',') FILTER (WHERE f.deferred) INTO due, deferred FROM \
(SELECT pg_catalog.format('%I.%I', n.nspname, c.conname) AS name, pg_catalog.bool_and(c.condeferred) AS deferred, \
pg_catalog.bool_or(c.condeferred) AS any_deferred FROM pg_catalog.pg_constraint c \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace \
WHERE c.condeferrable AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint d \
WHERE d.conname OPERATOR(pg_catalog.=) c.conname AND d.connamespace OPERATOR(pg_catalog.=) c.connamespace \
AND NOT d.condeferrable) GROUP BY 1) f WHERE f.deferred OR NOT f.any_deferred;\
IF due IS NOT NULL THEN EXECUTE pg_catalog.concat('SET CONSTRAINTS ', due, ' IMMEDIATE');END IF;\
IF deferred IS NOT NULL THEN EXECUTE pg_catalog.concat('SET CONSTRAINTS ', deferred, ' DEFERRED');END IF;END$schemaward$";

/// Last, after the row, whose number is drawn from a sequence: `lastval()` of the next file is not to show it.
const FORGET_SEQUENCE: &str = "DISCARD SEQUENCES";

/// What brings the session back to the state every file starts from.
#[derive(Clone, Debug)]
pub(super) struct Reset {
    /// A transaction in a message of its own.
    pub(super) sql: String,
    /// To be sent within another transaction, before [`FORGET_SEQUENCE`].
    statements: String,
    /// How many answers the latter makes.
    answers: usize,
}

/// What follows a file's last statement, in its transaction.
pub(super) struct Closing {
    pub(super) sql: String,
    /// How many answers it makes, all of them to statements of ours.
    pub(super) answers: usize,
}

impl Reset {
    pub(super) fn new(statements: &[&str]) -> Self {
        let joined = statements.join(";");
        let sql = format!("{BEGIN_IN_FULL};{joined};{FORGET_SEQUENCE};COMMIT");
        Self { sql, statements: joined, answers: statements.len() }
    }

    /// A transaction that begins with another statement, in a message of its own.
    pub(super) fn behind(&self, first: &str) -> String {
        format!("{BEGIN_IN_FULL};{first};{};{FORGET_SEQUENCE};COMMIT", self.statements)
    }

    /// From the mark of a file's end to COMMIT. `record` writes the file's row; `last` comes before COMMIT, and is
    /// empty or one statement with its semicolon.
    pub(super) fn closing(&self, mark: &str, record: &str, last: &str) -> Closing {
        let sql = format!("{mark};{DEFERRED};{};{record};{FORGET_SEQUENCE};{last}COMMIT;", self.statements);
        Closing { sql, answers: 5 + self.answers + usize::from(!last.is_empty()) }
    }

    /// The same within a transaction that goes on, without a row. `deferred` makes due what the file has deferred; `last`
    /// comes last. Each is empty or one statement with its semicolon.
    fn closing_within(&self, mark: &str, deferred: &str, last: &str) -> Closing {
        let sql = format!("{mark};{deferred}{};{FORGET_SEQUENCE};{last}", self.statements);
        Closing { sql, answers: 2 + usize::from(!deferred.is_empty()) + self.answers + usize::from(!last.is_empty()) }
    }
}

/// What a session puts around each file.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) ledger: &'a Ledger,
    /// Brings the session back to the state every file starts from.
    pub(super) reset: &'a Reset,
    pub(super) mark: &'a Mark,
    /// The session's own `synchronous_commit`.
    pub(super) synchronous_commit: &'a str,
}

/// Which transactions a message's files are in.
#[derive(Clone, Copy)]
pub(super) enum Transactions {
    /// Each in its own, with its row.
    Each,
    /// All in one, with those of the messages before and after it. Their rows, and COMMIT, are in a message of their own.
    One(Together),
}

/// What a message's files have in common with those of other messages.
#[derive(Clone, Copy)]
pub(super) struct Together {
    /// The index of the message's first file among all.
    pub(super) from: usize,
    pub(super) files: usize,
    /// From the file with this index on, something may be deferred that is due at its file's end. What the last file defers
    /// always is.
    pub(super) may_defer_from: usize,
}

/// For each file BEGIN, the file's SQL, a mark, the session's reset, the file's row with its guard, COMMIT. The reset is a
/// part of the file's transaction: the row is written as the user who connected, what the file listens to would not end
/// before another commit, and between a COMMIT and the next BEGIN it would open a transaction of a mode that the file has
/// chosen.
///
/// Nothing of ours that has any effect is before the file's last statement: it may set its transaction's mode, and lock
/// what it reads before it takes a snapshot. The text is parsed as a whole before anything runs, and an error ends it: no
/// file runs after one that was not committed.
pub(super) struct Message<'a> {
    pub(super) text: String,
    pub(super) parts: Vec<Part<'a>>,
}

/// One file in a message.
pub(super) struct Part<'a> {
    pub(super) migration: &'a Migration,
    /// Characters of the message before the file's first, and before the next part.
    file_at: usize,
    end_at: usize,
    /// The text between its statements.
    mark: String,
    /// Before which of the file's statements, by their indices from 0, there is a mark.
    pub(super) marks: Vec<usize>,
    /// How many answers come before its first statement's, and after its last one's, up to and with COMMIT.
    pub(super) opening: usize,
    pub(super) closing: usize,
    /// Whether a [`FLUSH`] comes before COMMIT: it shows that the file after this one is about to begin.
    pub(super) tells_next: bool,
}

impl<'a> Message<'a> {
    /// `batch`: in the order they run.
    pub(super) fn new(frame: Frame<'_>, transactions: Transactions, batch: &[Attempt<'a>]) -> Self {
        let files = batch.len().max(1);
        let marks_each = (MOST_MARKS_IN_ALL / files).min(MOST_MARKS);
        let mut writer = Writer::default();
        let mut parts: Vec<Part<'a>> = Vec::with_capacity(batch.len());
        for (index, &attempt) in batch.iter().enumerate() {
            let neighbours = Neighbours {
                index,
                before: index.checked_sub(1).and_then(|before| batch.get(before)),
                is_last: index + 1 == files,
                is_flushed: files <= MOST_FLUSHED,
            };
            let marks = marks(attempt.migration, marks_each);
            parts.push(writer.part(frame, transactions, attempt, &neighbours, marks));
        }
        if let (Some(last), Transactions::Each) = (batch.last(), transactions) {
            writer.push(&frame.ledger.applied_under(last.fence, batch.len()));
        }
        Self { text: writer.text, parts }
    }

    /// Which file holds a character of the message, both from 0. What follows a file is taken for its own: there
    /// the server stumbles over a last statement that is not complete.
    pub(super) fn file_of_character(&self, character: usize) -> usize {
        let index = self.parts.partition_point(|part| part.end_at <= character);
        index.min(self.parts.len().saturating_sub(1))
    }

    /// The statement of a file that a place is in; empty where it is in none.
    pub(super) fn statement_sql(&self, index: usize, place: Option<&Place>) -> &str {
        let number =
            place.and_then(|place| usize::try_from(place.statement?).ok()).and_then(|number| number.checked_sub(1));
        self.parts.get(index).zip(number).map_or("", |(part, number)| part.migration.statement_sql(number))
    }

    /// A server's message about a file of the message, without the file's passwords.
    pub(super) fn without_passwords(&self, index: usize, message: &str) -> String {
        let sql = self.parts.get(index).map_or("", |part| part.migration.sql.as_str());
        message_without_passwords(message, sql)
    }

    /// The place in a file of the message that the server points to, where it does. `character` counts from 0.
    pub(super) fn place_of_character(&self, index: usize, character: Option<usize>) -> Option<Place> {
        let part = self.parts.get(index)?;
        let byte = part.byte_of_character(character?.checked_sub(part.file_at)?)?;
        Some(part.migration.place_of_byte(byte))
    }

    /// The place where a file of a message that was not understood ends too early: what is not understood is our own
    /// text after it.
    pub(super) fn place_of_end(&self, index: usize) -> Option<Place> {
        let migration = self.parts.get(index)?.migration;
        let end = migration.statements.last().map_or(0, |statement| statement.span.end);
        Some(migration.place_of_byte(end))
    }

    /// The place of a statement, or of the file as a whole.
    pub(super) fn place(&self, index: usize, statement: Option<usize>) -> Place {
        let Some(Part { migration, .. }) = self.parts.get(index) else { return Place::default() };
        statement.map_or_else(|| migration.place(), |statement| migration.place_of_statement(statement))
    }
}

/// What a file's part depends on beside the file.
struct Neighbours<'a, 'b> {
    index: usize,
    before: Option<&'a Attempt<'b>>,
    is_last: bool,
    is_flushed: bool,
}

/// Puts a message together.
#[derive(Default)]
struct Writer {
    text: String,
    chars: usize,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.chars += text.chars().count();
    }

    fn part<'a>(
        &mut self,
        frame: Frame<'_>,
        transactions: Transactions,
        attempt: Attempt<'a>,
        neighbours: &Neighbours<'_, '_>,
        marks: Vec<usize>,
    ) -> Part<'a> {
        let migration = attempt.migration;
        let mark = frame.mark.between();
        let opening = self.opening(frame, transactions, neighbours.index, !marks.is_empty());
        let file_at = self.chars;
        let mut from = 0;
        for start in marks.iter().filter_map(|&index| migration.statements.get(index)).map(|found| found.span.start) {
            self.push(migration.sql.get(from..start).unwrap_or_default());
            self.push(&mark);
            from = start;
        }
        self.push(migration.sql.get(from..).unwrap_or_default());
        // A line break first: the file may end in a comment. A semicolon after it: its last statement may have none.
        self.push("\n;");
        self.push(&check_of_indexes(migration, 0..migration.statements.len()));
        let (closing, tells_next) = closing(frame, transactions, attempt, neighbours);
        self.push(&closing.sql);
        let closing = closing.answers;
        Part { migration, file_at, end_at: self.chars, mark, marks, opening, closing, tells_next }
    }

    /// What comes before a file's first statement. Returns how many answers it makes.
    fn opening(&mut self, frame: Frame<'_>, transactions: Transactions, index: usize, has_marks: bool) -> usize {
        let (prepared, begin) = match transactions {
            Transactions::Each => (frame.mark.prepared(), BEGIN),
            Transactions::One(Together { from: 0, .. }) if index == 0 => (frame.mark.prepared(), BEGIN),
            // The first answer shows that the server has understood the message.
            Transactions::One(_) if index == 0 => (frame.mark.prepared_within(), "SELECT"),
            Transactions::One(_) => (frame.mark.prepared_within(), ""),
        };
        let mut answers = 0;
        if has_marks {
            answers += prepared.matches(';').count();
            self.push(&prepared);
        }
        if !begin.is_empty() {
            answers += 1;
            self.push(begin);
            self.push(";");
        }
        self.push("\n");
        answers
    }
}

/// A statement after a file's own that fails where one of them has met an invalid index: `IF NOT EXISTS` passes over it, and
/// nothing would ever use it. Empty for most files. It counts as the file's: the names mean what they mean there.
pub(super) fn check_of_indexes(migration: &Migration, statements: Range<usize>) -> String {
    let created = statements.filter_map(|number| {
        let Ddl::Create(create) = migration.statements.get(number)?.facts.ddl.as_deref()? else { return None };
        let passes_over = create.kind == ObjectKind::Index && create.says(Modifier::IfNotExists);
        let (name, table) = (create.name.as_ref().filter(|_| passes_over)?, create.on.as_deref()?);
        Some(format!("({number},{},{})", text(name.last().as_str()), text(&table.for_lookup())))
    });
    let created: Vec<String> = created.collect();
    if created.is_empty() {
        return String::new();
    }
    format!(
        "DO $schemaward$DECLARE met pg_catalog.record;BEGIN FOR met IN SELECT v.n, pg_catalog.format('%I.%I', s.nspname, i.relname) AS \
         name FROM (VALUES {}) v (n, name, tab) JOIN pg_catalog.pg_class t \
         ON t.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(v.tab)::pg_catalog.oid \
         JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) t.relnamespace \
         JOIN pg_catalog.pg_class i ON i.relnamespace OPERATOR(pg_catalog.=) s.oid \
         AND i.relname OPERATOR(pg_catalog.=) v.name::pg_catalog.name AND i.relkind OPERATOR(pg_catalog.=) 'i' \
         JOIN pg_catalog.pg_index x ON x.indexrelid OPERATOR(pg_catalog.=) i.oid WHERE NOT x.indisvalid LOOP \
         RAISE EXCEPTION USING ERRCODE = '{INVALID_INDEX}', COLUMN = met.n, MESSAGE = pg_catalog.concat('the index ', met.name, \
         ' existed before and is invalid: IF NOT EXISTS passes over it, and no query uses it'), \
         HINT = pg_catalog.concat('unless somebody is still building it, drop it (DROP INDEX CONCURRENTLY ', met.name, ') or rebuild it \
         (REINDEX INDEX CONCURRENTLY ', met.name, '), and start the next run');END LOOP;END$schemaward$;",
        created.join(",")
    )
}

/// What comes after a file's last statement, and whether it shows that the file after it is about to begin.
fn closing(
    frame: Frame<'_>,
    transactions: Transactions,
    attempt: Attempt<'_>,
    neighbours: &Neighbours<'_, '_>,
) -> (Closing, bool) {
    if let Transactions::One(together) = transactions {
        return (together.closing(frame, neighbours.index), false);
    }
    let mark = frame.mark.behind(neighbours.index);
    // Its SQL and its row are one transaction, so that a crash loses both or neither, and a commit that waits for the disk
    // takes all before it along.
    let synchronous_commit = if neighbours.is_last { frame.synchronous_commit } else { "off" };
    let record = frame.ledger.record_success(attempt, neighbours.before, synchronous_commit);
    let tells_next = neighbours.is_flushed && !neighbours.is_last;
    (frame.reset.closing(&mark, &record, if tells_next { FLUSH } else { "" }), tells_next)
}

impl Together {
    fn closing(self, frame: Frame<'_>, index: usize) -> Closing {
        let next = self.from + index + 1;
        let deferred = match next {
            next if next == self.files => format!("{DEFERRED};"),
            next if next > self.may_defer_from => format!("{DEFERRED_WITHIN};"),
            _ => String::new(),
        };
        // Until here nothing was made due.
        let last =
            if next == self.may_defer_from { format!("{};", Ledger::refuse_deferrable()) } else { String::new() };
        frame.reset.closing_within(&frame.mark.end(index), &deferred, &last)
    }
}

impl Part<'_> {
    /// The file's byte at a character of the message's middle part; a mark counts as the statement after it.
    fn byte_of_character(&self, mut character: usize) -> Option<usize> {
        for start in self.marks.iter().filter_map(|&index| self.migration.statements.get(index)).map(|s| s.span.start) {
            let before = self.migration.sql.get(..start).unwrap_or_default().chars().count();
            if character < before {
                break;
            }
            character = character.saturating_sub(self.mark.len()).max(before);
        }
        self.migration.byte_of_character(character)
    }
}

/// The statements before which a file gets a mark: at most `most`, evenly spaced, none before the first.
///
/// No marks at all if the file contains a backslash. Whether one escapes the quote after it depends on settings that
/// only the server knows. Only without any is it certain where each statement begins, so that nothing is ever inserted
/// into the middle of a text.
fn marks(migration: &Migration, most: usize) -> Vec<usize> {
    if most == 0 || migration.sql.contains('\\') {
        return Vec::new();
    }
    let total = migration.statements.len();
    (1..total).step_by(total.div_ceil(most).max(1)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::{FLUSH, Frame, MOST_FLUSHED, MOST_MARKS, MOST_MARKS_IN_ALL, Mark, Message, Reset, Transactions};
    use crate::engine::postgres::ledger::Ledger;
    use crate::engine::session::{Attempt, Fence};
    use crate::migration::{Migration, MigrationSet, SourceFile};
    use crate::plan::Kind;
    use crate::sql::Dialect;

    pub(in super::super) fn migrations(sqls: &[&str]) -> Vec<Migration> {
        let file = |(n, sql): (usize, &&str)| SourceFile { name: format!("{n:03}_a.sql"), bytes: (*sql).into() };
        let files: Vec<SourceFile> = sqls.iter().enumerate().map(file).collect();
        MigrationSet::read(files, Dialect::Postgres).unwrap().migrations().cloned().collect()
    }

    pub(in super::super) fn message(migrations: &[Migration]) -> Message<'_> {
        let stop: &'static _ = Box::leak(Box::new(crate::engine::stop_signal().1));
        let attempt = |migration| Attempt { migration, kind: Kind::Migration, run: "run", fence: Fence(1), stop };
        let (ledger, reset, mark) = (Ledger::new("schemawärd"), Reset::new(&["RESET ALL"]), Mark::new());
        let frame = Frame { ledger: &ledger, reset: &reset, mark: &mark, synchronous_commit: "on" };
        Message::new(frame, Transactions::Each, &migrations.iter().map(attempt).collect::<Vec<_>>())
    }

    #[test]
    fn each_character_of_a_file_keeps_its_place_whatever_is_put_around_and_between_its_statements() {
        let sql = "select 'ä';\n-- é\nselect 2; select 3;\nselect 'ü'";
        let migrations = migrations(&["select 'ö'", sql, "select 5"]);
        let message = message(&migrations);
        assert_eq!(message.parts[1].marks, [1, 2, 3]);
        for needle in ["select 'ä'", "ä';", "-- é", "select 2", "2; ", "select 3", "select 'ü'", "ü'"] {
            let byte = message.text.find(needle).unwrap();
            let character = message.text[..byte].chars().count();
            assert_eq!(message.file_of_character(character), 1, "{needle}");
            let place = message.place_of_character(1, Some(character));
            assert_eq!(place, Some(migrations[1].place_of_byte(sql.find(needle).unwrap())), "{needle}");
        }
        assert!(message.text.replace(&message.parts[1].mark, "").contains(sql));
        assert_eq!(message.file_of_character(usize::MAX), 2);
    }

    #[test]
    fn a_long_file_gets_few_marks_and_a_file_with_a_backslash_none() {
        let migrations = migrations(&[&"select 1;".repeat(2000), "select E'\\''; select 2; select 3"]);
        let message = message(&migrations);
        assert!((2..=MOST_MARKS).contains(&message.parts[0].marks.len()));
        assert!(message.parts[1].marks.is_empty());
    }

    #[test]
    fn of_hundreds_of_files_none_is_followed_statement_by_statement() {
        let migrations = migrations(&vec!["select 1; select 2"; MOST_FLUSHED + 1]);
        let all = message(&migrations);
        assert!(!all.text.contains(FLUSH) && !all.text.contains("SHOW"));
        let some = message(&migrations[..=MOST_MARKS_IN_ALL]);
        assert!(some.text.contains(FLUSH) && !some.text.contains("SHOW"));
    }

    #[test]
    fn only_a_file_that_may_pass_over_an_index_is_followed_by_a_look_at_it() {
        let migrations =
            migrations(&["create index i on t (a)", "create index if not exists \"I'\" on s.t (a); select 1"]);
        let message = message(&migrations);
        assert_eq!(message.text.matches("indisvalid").count(), 1);
        assert!(message.text.contains("(VALUES (0,'I''','s.t'))"), "{}", message.text);
    }

    #[test]
    fn nothing_of_ours_but_marks_is_between_a_begin_and_the_last_statement() {
        let migrations = migrations(&["select 1; select 2"]);
        let message = message(&migrations);
        let text = message.text.replace(&message.parts[0].mark, "");
        assert!(text.contains("BEGIN;\nselect 1; select 2\n;"), "{text}");
    }
}
