//! One migration, parsed from its file.

use std::ops::Range;

use super::annotations::annotated;
use super::directive::{BadDirective, Directive, directive};
use super::file_name::{Direction, FileName, Naming};
use super::foreign_directive::{UnknownMode, says_no_transaction};
use super::problem::{Problem, ProblemKind, signed};
use super::rollback::{Block, UNWRITTEN, rollback_block};
use super::{Checksum, SourceFile, Version};
use crate::report::Place;
use crate::sql::foreign_sql::ForeignSign;
use crate::sql::position::{Cursor, Position, position};
use crate::sql::reading::{Reading, Statement};
use crate::sql::scan::mentions;
use crate::sql::session_bound::{FileStatements, SessionBound};
use crate::sql::statements::{Fault, Span, Split, split_blocks};
use crate::sql::transaction::{Execution, TransactionMode};
use crate::sql::{Dialect, SessionChange};

/// One migration: a version, a description, the SQL to apply and perhaps the SQL to roll back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Migration {
    pub version: Version,
    pub file: String,
    /// The middle part of the file name.
    pub description: String,
    pub dialect: Dialect,
    /// The text to send. A byte order mark is cut off, and statements that are left out are replaced by spaces, so
    /// lines and columns are those of the file. It may end in a comment without a line break: put one before any text
    /// that follows.
    pub sql: String,
    /// The statements in `sql`; the server answers each once. Empty for a file of comments only, which is recorded as
    /// applied: tools keep such files as placeholders.
    pub statements: Vec<Statement>,
    /// Statements of the file that are not sent: those that begin or end a transaction, and on `MySQL` and `MariaDB`
    /// `LOCK TABLES` as written by mysqldump.
    pub left_out: Vec<Span>,
    pub mode: TransactionMode,
    /// In a file whose statements are committed separately, those that its own `BEGIN` and `COMMIT` make one transaction.
    pub blocks: Vec<Range<usize>>,
    /// The checksum of the file's bytes.
    pub checksum: Checksum,
    /// The checksum of the file's tokens; see [`Checksum::of_tokens`].
    pub token_checksum: Checksum,
    /// The rollback, from `.down.sql` or the `-- rollback:` block. Empty if a block says that there is nothing to undo.
    pub rollback_sql: Option<String>,
    /// The file that `rollback_sql` is from, or would be if it were usable; None for a block.
    pub down_file: Option<DownFile>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DownFile {
    pub name: String,
    pub is_empty: bool,
    /// Why it cannot be used, so that the migration has no rollback.
    pub problem: Option<Box<Problem>>,
}

impl Migration {
    /// A statement's SQL, counted from 0; empty if there is no such statement.
    #[must_use]
    pub fn statement_sql(&self, index: usize) -> &str {
        self.statements.get(index).map_or("", |statement| statement.text(&self.sql))
    }

    /// How a statement, counted from 0, is executed where each is committed separately.
    #[must_use]
    pub fn execution(&self, index: usize) -> &Execution {
        self.statements.get(index).map_or(&Execution::Transaction, |statement| &statement.facts.execution)
    }

    /// What a statement, counted from 0, may change in its session. `MySQL` and `MariaDB` only.
    #[must_use]
    pub fn session_change(&self, index: usize) -> &SessionChange {
        self.statements.get(index).map_or(SessionChange::none(), |statement| statement.facts.session_change())
    }

    /// The statements, counted from 0, that are one transaction together with this one; None where it is committed
    /// separately.
    #[must_use]
    pub fn block_of(&self, index: usize) -> Option<Range<usize>> {
        self.blocks.iter().find(|block| block.contains(&index)).cloned()
    }

    #[must_use]
    pub fn statement_checksum(&self, index: usize) -> Checksum {
        Checksum::of_tokens(self.statement_sql(index), self.dialect)
    }

    /// The statement that contains a byte of `sql`, from 0; between two statements, the one before.
    #[must_use]
    pub fn statement_at(&self, byte: usize) -> Option<usize> {
        self.statements.partition_point(|statement| statement.span.start <= byte).checked_sub(1)
    }

    /// The byte where a character of `sql` begins, both counted from 0. `PostgreSQL` gives an error's position in
    /// characters, from 1 and within the whole message.
    #[must_use]
    pub fn byte_of_character(&self, character: usize) -> Option<usize> {
        self.sql.char_indices().nth(character).map(|(byte, _)| byte)
    }

    #[must_use]
    pub fn place(&self) -> Place {
        Place { version: self.version.to_string(), file: self.file.clone(), ..Place::default() }
    }

    /// The place of a statement's first token; the statement is counted from 0.
    #[must_use]
    pub fn place_of_statement(&self, index: usize) -> Place {
        self.statements.get(index).map_or_else(|| self.place(), |found| self.filled(index, found, found.span.position))
    }

    /// The place of a byte of `sql`, with the statement that contains it.
    #[must_use]
    pub fn place_of_byte(&self, byte: usize) -> Place {
        let at = position(&self.sql, byte);
        let found = self.statement_at(byte).and_then(|index| Some((index, self.statements.get(index)?)));
        match found {
            Some((index, statement)) => self.filled(index, statement, at),
            None => Place { line: Some(signed(at.line)), column: Some(signed(at.column)), ..self.place() },
        }
    }

    /// Where the connected server starts to read the file differently from how it was parsed, if anywhere. Only `MySQL`
    /// and `MariaDB` are mistaken for each other.
    #[must_use]
    pub fn place_read_otherwise(&self, server: Dialect) -> Option<Place> {
        let byte = self.dialect.grammar().read_otherwise(&self.sql, server)?;
        Some(self.place_of_byte(byte))
    }

    /// Whether it may store or show the time at which its transaction began: it must not share a message with the file
    /// before it, since all transactions of a message begin at the same time (`PostgreSQL`).
    #[must_use]
    pub fn reads_transaction_time(&self) -> bool {
        let mut statements = self.statements.iter().map(|statement| statement.text(&self.sql));
        self.dialect.grammar().reads_transaction_time(&self.sql, &mut statements)
    }

    /// What the statements that have run left in their session and one that has not run needs; None if a new session
    /// will do. `made_elsewhere`: temporary tables created by routines that the file calls; an empty name if the
    /// routine builds the name at run time.
    #[must_use]
    pub fn session_bound(&self, has_run: impl Fn(usize) -> bool, made_elsewhere: &[String]) -> Option<SessionBound> {
        self.file_statements().session_bound(has_run, made_elsewhere)
    }

    /// The first statement that has run and may have called one of `routines`, with statements after it that have not
    /// run. What such a routine left in the session is unknown.
    #[must_use]
    pub fn calls_before_the_rest(&self, has_run: impl Fn(usize) -> bool, routines: &[String]) -> Option<SessionBound> {
        self.file_statements().calls_before_the_rest(has_run, routines)
    }

    /// An object that the server reported as temporary after the last statement that has run, that no statement visibly
    /// creates, and that later statements may need: a routine or a block created it. `there`: names of tables, views
    /// and sequences.
    #[must_use]
    pub fn temporary_before_the_rest(&self, has_run: impl Fn(usize) -> bool, there: &[&str]) -> Option<SessionBound> {
        self.file_statements().temporary_before_the_rest(has_run, there)
    }

    /// A temporary table that several statements use although each is committed separately; None if there is none. A
    /// run that is interrupted between them cannot be resumed.
    #[must_use]
    pub fn temporary_table_over_statements(&self) -> Option<SessionBound> {
        self.file_statements().temporary_table_over_statements()
    }

    fn file_statements(&self) -> FileStatements<'_> {
        FileStatements { sql: &self.sql, statements: &self.statements, blocks: &self.blocks, dialect: self.dialect }
    }

    fn filled(&self, index: usize, statement: &Statement, at: Position) -> Place {
        Place {
            line: Some(signed(at.line)),
            column: Some(signed(at.column)),
            statement: Some(signed(index + 1)),
            excerpt: Some(statement.excerpt(&self.sql)),
            ..self.place()
        }
    }

    /// Parses rollback SQL from a ledger, as if it were a file of its own.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] that keeps it from being run.
    pub fn of_rollback(
        version: &Version,
        file: &str,
        description: &str,
        sql: &str,
        dialect: Dialect,
    ) -> Result<Self, Vec<Problem>> {
        let (version, description) = (version.clone(), description.to_owned());
        let (direction, stem) = (Direction::Down, file.to_owned());
        let name = FileName { version, has_parts: false, naming: Naming::Own, description, direction, stem };
        let file = SourceFile { name: file.to_owned(), bytes: sql.into() };
        Self::read(name, &file, Checksum::of(&file.bytes), false, dialect)
    }

    /// Parses a file. Only files that go forward can have a rollback block. `no_transaction`: another file says that this
    /// one runs without a transaction.
    pub(super) fn read(
        name: FileName,
        file: &SourceFile,
        checksum: Checksum,
        no_transaction: bool,
        dialect: Dialect,
    ) -> Result<Self, Vec<Problem>> {
        let reader = Reader { name: &name, file };
        let text = reader.text()?;
        let goes_back = name.direction == Direction::Down;
        let annotated = annotated(text, dialect, goes_back).map_err(|bad| {
            reader.problems(text, dialect, bad.into_iter().map(|(byte, bad)| (byte, ProblemKind::from(bad))).collect())
        })?;
        let sql = annotated.as_ref().map_or(text, |annotated| annotated.up.as_str());
        let blocks = annotated.as_ref().map_or(&[][..], |annotated| &annotated.blocks);
        let Split { statements: spans, faults, client_lines } = split_blocks(sql, blocks, dialect);
        let mut problems: Vec<(usize, ProblemKind)> = Vec::new();
        problems.extend(faults.into_iter().map(|(byte, fault)| (byte, fault_kind(sql, byte, fault, dialect))));
        let (directive, bad) = directive(sql, dialect);
        problems.extend(bad.into_iter().map(|(byte, bad)| (byte, directive_kind(bad))));
        let of_other_tools = says_no_transaction(sql, dialect).unwrap_or_else(|UnknownMode { start, value }| {
            problems.push((start, ProblemKind::UnknownTransactionMode(value)));
            false
        });
        let no_transaction = no_transaction
            || of_other_tools
            || directive == Some(Directive::NoTransaction)
            || annotated.as_ref().is_some_and(|annotated| annotated.no_transaction);
        let Reading { statements, left_out, mode, blocks: own_blocks, refused } =
            Reading::of(sql, &spans, no_transaction, dialect);
        problems.extend(refused.into_iter().map(|(byte, why)| (byte, why.into())));
        let has_block = name.direction == Direction::Up && annotated.is_none();
        let block = if has_block { rollback_block(sql, dialect) } else { Block::None };
        if let Block::SqlFollows(byte) = block {
            problems.push((byte, ProblemKind::SqlAfterRollback));
        }
        if !goes_back && statements.is_empty() && left_out.is_empty() && sql.contains(UNWRITTEN) {
            problems.push((0, ProblemKind::Unwritten));
        }
        if !problems.is_empty() {
            return Err(reader.problems(sql, dialect, problems));
        }
        // The key of a dump's \restrict is another in each.
        let token_checksum = match client_lines.as_slice() {
            [] => Checksum::of_tokens(sql, dialect),
            lines => Checksum::of_tokens(&blanked(sql, lines), dialect),
        };
        Ok(Self {
            file: file.name.clone(),
            dialect,
            sql: blanked(sql, &in_order(&left_out, client_lines)),
            statements,
            left_out,
            mode,
            blocks: own_blocks,
            checksum,
            token_checksum,
            rollback_sql: match (annotated, block) {
                (Some(annotated), _) => annotated.down,
                (None, Block::Sql(sql)) => Some(sql),
                (None, _) => None,
            },
            down_file: None,
            version: name.version,
            description: name.description,
        })
    }
}

pub(super) fn rollback_text(name: &FileName, file: &SourceFile) -> Result<String, Vec<Problem>> {
    Reader { name, file }.text().map(ToOwned::to_owned)
}

struct Reader<'a> {
    name: &'a FileName,
    file: &'a SourceFile,
}

impl<'a> Reader<'a> {
    fn text(&self) -> Result<&'a str, Vec<Problem>> {
        let bytes = &self.file.bytes;
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let byte = error.valid_up_to();
            let valid = bytes.get(..byte).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default();
            let line = valid.rsplit('\n').next().unwrap_or_default();
            let is_binary = mentions(line, "binary '");
            let what = if is_binary { ProblemKind::BinaryValue { byte } } else { ProblemKind::NotUtf8 { byte } };
            vec![self.problem(position(valid, byte), what)]
        })?;
        match text.find('\0') {
            Some(byte) => Err(vec![self.problem(position(text, byte), ProblemKind::NulByte { byte })]),
            None => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        }
    }

    fn problems(&self, sql: &str, dialect: Dialect, mut found: Vec<(usize, ProblemKind)>) -> Vec<Problem> {
        found.sort_by_key(|(byte, _)| *byte);
        let mut cursor = Cursor::new(sql);
        let problems = found.into_iter().map(|(byte, kind)| self.problem(cursor.advance(byte), kind));
        let mut problems: Vec<Problem> = problems.collect();
        if let Some(first) = problems.iter_mut().find(|problem| problem.what.is_of_sql()) {
            first.looks_like = ForeignSign::find(sql, dialect);
        }
        problems
    }

    fn problem(&self, at: Position, what: ProblemKind) -> Problem {
        Problem {
            file: Some(self.file.name.clone()),
            version: Some(self.name.version.clone()),
            position: Some(at),
            what,
            looks_like: None,
        }
    }
}

fn directive_kind(bad: BadDirective) -> ProblemKind {
    match bad {
        BadDirective::Unknown(asked) => ProblemKind::UnknownDirective(asked),
        BadDirective::TooLate => ProblemKind::LateDirective,
    }
}

fn fault_kind(sql: &str, byte: usize, fault: Fault, dialect: Dialect) -> ProblemKind {
    match fault {
        Fault::Unterminated(construct) => ProblemKind::Unterminated(construct),
        Fault::Delimiter => ProblemKind::Delimiter,
        Fault::Body => ProblemKind::Body,
        Fault::MetaCommand => {
            let line = sql.get(byte..).unwrap_or_default();
            let command = line.split_whitespace().next().unwrap_or_default();
            ProblemKind::MetaCommand { command: command.chars().take(20).collect(), dialect }
        }
    }
}

/// All that is not sent, in the order of the text.
fn in_order(left_out: &[Span], mut client_lines: Vec<Span>) -> Vec<Span> {
    client_lines.extend_from_slice(left_out);
    client_lines.sort_by_key(|span| span.start);
    client_lines
}

/// The text with the given parts replaced by spaces, byte for byte.
fn blanked(sql: &str, statements: &[Span]) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut at = 0;
    for statement in statements {
        text.push_str(sql.get(at..statement.start).unwrap_or_default());
        let blank = |b| if matches!(b, b'\n' | b'\r') { char::from(b) } else { ' ' };
        text.extend(statement.text(sql).bytes().map(blank));
        at = statement.end;
    }
    text.push_str(sql.get(at..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::file_name::parse;
    use super::*;

    fn migration(sql: &str) -> Migration {
        let file = SourceFile { name: "001_a.sql".into(), bytes: sql.into() };
        let name = parse(&file.name).unwrap().unwrap();
        Migration::read(name, &file, Checksum::of(&file.bytes), false, Dialect::Postgres).unwrap()
    }

    #[test]
    fn strings_that_would_be_read_differently_are_refused_where_one_has_a_backslash() {
        let read = |sql: &str| {
            let file = SourceFile { name: "001_a.sql".into(), bytes: sql.into() };
            let name = parse(&file.name).unwrap().unwrap();
            Migration::read(name, &file, Checksum::of(&file.bytes), false, Dialect::Postgres)
        };
        assert!(read("set standard_conforming_strings = off; select 'a'").is_ok());
        assert!(read("select E'\\\\'; set standard_conforming_strings = off; select 'a'").is_ok());
        assert!(read("set standard_conforming_strings = off; select 'a\\\\b'").is_err());
    }

    #[rstest]
    #[case::spaces_for_the_wrapper("BEGIN;\nselect 1;\nCOMMIT;", "     ;\nselect 1;\n      ;", 1)]
    #[case::lines_in_the_wrapper("begin -- é\n work; select 1; end", "          \n     ; select 1;    ", 1)]
    #[case::savepoints("begin; savepoint a; rollback to a; commit", "     ; savepoint a; rollback to a;       ", 2)]
    #[case::nothing_inside("begin; commit;", "     ;       ;", 0)]
    #[case::no_wrapper("select 1", "select 1", 1)]
    #[case::byte_order_mark("\u{feff}select 1", "select 1", 1)]
    #[case::only_comments("-- later", "-- later", 0)]
    #[case::lines_for_psql(
        "\\restrict Abc\nbegin;\nselect 1;\ncommit;\n\\unrestrict Abc",
        "\n     ;\nselect 1;\n      ;\n",
        1
    )]
    fn what_is_sent(#[case] sql: &str, #[case] sent: &str, #[case] statements: usize) {
        let found = migration(sql);
        // A two-byte character in the wrapper becomes two spaces, so that byte offsets do not move.
        assert_eq!(found.sql.replace(' ', ""), sent.replace(' ', ""));
        assert_eq!(found.sql.len(), sql.trim_start_matches('\u{feff}').len());
        assert_eq!(found.statements.len(), statements);
    }

    #[test]
    fn a_line_for_psql_is_not_a_part_of_what_a_file_means() {
        let [one, other, plain] = ["\\restrict A\nselect 1", "\\restrict B\nselect 1", "select 1"].map(migration);
        assert_ne!(one.checksum, other.checksum);
        assert_eq!((&one.token_checksum, &other.token_checksum), (&plain.token_checksum, &plain.token_checksum));
    }

    #[test]
    fn a_character_of_the_sent_text_leads_to_its_place_in_the_file() {
        let sql = "\u{feff}begin /* é */ work;\nselect 'é', oops;\r\nselect 2;\ncommit;";
        let found = migration(sql);
        let byte = found.sql.find("oops").unwrap();
        let character = found.sql.chars().take_while(|c| *c != 'o').count();
        assert_eq!(found.byte_of_character(character), Some(byte));
        let place = found.place_of_byte(byte);
        assert_eq!((place.line, place.column, place.statement), (Some(2), Some(13), Some(1)));
        assert_eq!(place.excerpt.as_deref(), Some("select 'é', oops"));
        assert_eq!(found.place_of_statement(1).line, Some(3));
        assert_eq!((place.version.as_str(), place.file.as_str()), ("001", "001_a.sql"));
    }

    #[test]
    fn a_byte_belongs_to_the_statement_that_began_before_it() {
        let found = migration("-- a\nselect 1; select 2");
        assert_eq!(
            [0, 5, 13, 15, 999].map(|byte| found.statement_at(byte)),
            [None, Some(0), Some(0), Some(1), Some(1)]
        );
    }
}
