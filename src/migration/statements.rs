//! Where one statement ends and the next begins, as psql and the server see it. What a statement does
//! is not looked at here, except for `COPY … FROM stdin`, whose data are not SQL.

use super::lexeme::{Construct, Kind, Lexeme, lexemes};
use super::position::{Cursor, Position};
use super::refusals::{Stream, copy_stream};

/// The longest excerpt of a statement, in characters.
const EXCERPT_LIMIT: usize = 80;

/// One statement of a file, without the semicolon that ends it. Empty statements are none: the server skips them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The first byte of its first token.
    pub start: usize,
    /// The byte after its last token.
    pub end: usize,
    /// Where its first token is.
    pub position: Position,
}

impl Statement {
    /// The statement's SQL in the text it was found in.
    #[must_use]
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.start..self.end).unwrap_or_default()
    }

    /// Its first line, cut to 80 characters.
    #[must_use]
    pub fn excerpt(&self, sql: &str) -> String {
        let line = self.text(sql).lines().next().unwrap_or_default().trim_end();
        match line.char_indices().nth(EXCERPT_LIMIT) {
            None => line.to_owned(),
            Some(_) => line.chars().take(EXCERPT_LIMIT - 1).chain(['…']).collect(),
        }
    }
}

/// Why a text cannot be divided into statements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Opened and never closed.
    Unterminated(Construct),
    /// A line for psql, not for the server.
    MetaCommand,
}

/// A text's statements, and what is no SQL in it with the byte where it begins.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) statements: Vec<Statement>,
    pub(super) faults: Vec<(usize, Fault)>,
}

/// Divides SQL into statements at the semicolons outside quotes, comments, parentheses (`CREATE RULE … DO (a; b)`)
/// and `BEGIN ATOMIC … END` (the body of an SQL-standard function). Source: `PostgreSQL`, src/fe_utils/psqlscan.l.
pub(super) fn split(sql: &str) -> Split {
    let mut splitter = Splitter::new(sql);
    let mut from = 0;
    while from < sql.len() {
        from = splitter.read(from);
    }
    splitter.split
}

struct Splitter<'a> {
    sql: &'a str,
    split: Split,
    cursor: Cursor<'a>,
    /// First and last token of the statement being read.
    span: Option<(usize, usize)>,
    parentheses: usize,
    body: Body,
}

impl<'a> Splitter<'a> {
    fn new(sql: &'a str) -> Self {
        let cursor = Cursor::new(sql);
        Self { sql, split: Split::default(), cursor, span: None, parentheses: 0, body: Body::default() }
    }

    /// Reads on from a byte; returns where to go on, which is the text's end unless something there is no SQL.
    fn read(&mut self, from: usize) -> usize {
        for lexeme in lexemes(self.sql, from) {
            if let Some(construct) = lexeme.unterminated {
                self.split.faults.push((lexeme.start, Fault::Unterminated(construct)));
            }
            match lexeme.kind {
                kind if kind.is_trivia() => {}
                Kind::Backslash => {
                    self.split.faults.push((lexeme.start, Fault::MetaCommand));
                    self.forget();
                    return self.end_of_line(lexeme.start);
                }
                Kind::Semicolon if self.parentheses == 0 && !self.body.is_open() => {
                    if self.finish() {
                        return self.end_of_copy_data(lexeme.end);
                    }
                }
                _ => self.take(&lexeme),
            }
        }
        self.finish();
        self.sql.len()
    }

    fn take(&mut self, lexeme: &Lexeme) {
        let first = self.span.map_or(lexeme.start, |(first, _)| first);
        self.span = Some((first, lexeme.end));
        match lexeme.kind {
            Kind::Open => self.parentheses += 1,
            Kind::Close => self.parentheses = self.parentheses.saturating_sub(1),
            Kind::Word if self.parentheses == 0 => {
                self.body.word(self.sql.get(lexeme.start..lexeme.end).unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Ends the statement being read; true where data for `COPY … FROM stdin` follow.
    fn finish(&mut self) -> bool {
        let Some((start, end)) = self.span else {
            return false;
        };
        let statement = Statement { start, end, position: self.cursor.advance(start) };
        self.split.statements.push(statement);
        self.forget();
        copy_stream(statement.text(self.sql)) == Some(Stream::Stdin)
    }

    fn forget(&mut self) {
        self.span = None;
        self.parentheses = 0;
        self.body = Body::default();
    }

    fn end_of_line(&self, from: usize) -> usize {
        let rest = self.sql.get(from..).unwrap_or_default();
        rest.find('\n').map_or(self.sql.len(), |newline| from + newline + 1)
    }

    /// The byte after the line `\.` that ends the data, or the text's end.
    fn end_of_copy_data(&self, from: usize) -> usize {
        let mut at = self.end_of_line(from);
        while at < self.sql.len() {
            let end = self.end_of_line(at);
            if self.sql.get(at..end).unwrap_or_default().trim_end() == "\\." {
                return end;
            }
            at = end;
        }
        at
    }
}

/// Watches for the body `BEGIN ATOMIC … END` of `CREATE [OR REPLACE] {FUNCTION | PROCEDURE}`.
#[derive(Default)]
struct Body {
    words: usize,
    routine: bool,
    after_begin: bool,
    /// `BEGIN ATOMIC` and the `CASE`s open in it; both end with `END`.
    depth: usize,
}

impl Body {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn word(&mut self, word: &str) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        self.words += 1;
        match self.words {
            1 if !is("create") => self.words = usize::MAX / 2,
            2..=4 if is("function") || is("procedure") => self.routine = true,
            2 if !is("or") => self.words = usize::MAX / 2,
            3 if !is("replace") => self.words = usize::MAX / 2,
            _ => {}
        }
        if !self.routine {
            return;
        }
        if self.depth > 0 {
            self.depth += usize::from(is("case"));
            self.depth -= usize::from(is("end"));
        } else if self.after_begin && is("atomic") {
            self.depth = 1;
        }
        self.after_begin = is("begin");
    }
}
