//! Where one statement ends and the next begins, as `SQLite` and its shell see it: at semicolons, but for those in a
//! trigger, which ends with `; END ;`.
//!
//! Source: `SQLite`, `src/complete.c`; `src/shell.c.in` for the commands that begin with a dot.

use super::super::lexeme::{Kind, Lexeme};
use super::super::position::Cursor;
use super::super::scan::line;
use super::super::statements::{Fault, Split, Statement};
use super::Lexer;

/// Divides SQL into statements.
pub(in super::super) fn split(sql: &str) -> Split {
    let mut splitter =
        Splitter { sql, split: Split::default(), cursor: Cursor::new(sql), span: None, trigger: Trigger::default() };
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
    trigger: Trigger,
}

/// How much of a trigger the tokens have made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Trigger {
    #[default]
    Nothing,
    /// `EXPLAIN`, perhaps with `QUERY PLAN`.
    Explain,
    /// `CREATE`, perhaps with `TEMP`.
    Create,
    /// In it.
    Inside,
    /// In it, behind a semicolon.
    Semicolon,
    /// In it, behind a semicolon and `END`.
    End,
    /// It is another statement.
    Other,
}

impl Trigger {
    fn token(self, kind: Kind, text: &str) -> Self {
        let is = |keyword: &str| kind == Kind::Word && text.eq_ignore_ascii_case(keyword);
        match self {
            Self::Nothing if is("explain") => Self::Explain,
            Self::Explain if is("query") || is("plan") => Self::Explain,
            Self::Nothing | Self::Explain if is("create") => Self::Create,
            Self::Create if is("temp") || is("temporary") => Self::Create,
            Self::Create if is("trigger") => Self::Inside,
            Self::Inside | Self::Semicolon | Self::End if kind == Kind::Semicolon => Self::Semicolon,
            Self::Semicolon if is("end") => Self::End,
            Self::Inside | Self::Semicolon | Self::End => Self::Inside,
            _ => Self::Other,
        }
    }

    /// Whether a semicolon here is a part of it.
    fn holds_semicolon(self) -> bool {
        matches!(self, Self::Inside | Self::Semicolon)
    }
}

impl Splitter<'_> {
    /// Reads on from a byte; returns where to go on, which is the text's end unless something there is no SQL.
    fn read(&mut self, from: usize) -> usize {
        for lexeme in Lexer::new(self.sql, from) {
            if let Some(construct) = lexeme.unterminated {
                self.split.faults.push((lexeme.start, Fault::Unterminated(construct)));
            }
            let text = self.sql.get(lexeme.start..lexeme.end).unwrap_or_default();
            match lexeme.kind {
                kind if kind.is_trivia() => {}
                Kind::Semicolon if !self.trigger.holds_semicolon() => self.finish(),
                Kind::Semicolon => self.trigger = self.trigger.token(lexeme.kind, text),
                _ if text == "." && self.span.is_none() && self.begins_line(lexeme.start) => {
                    self.split.faults.push((lexeme.start, Fault::MetaCommand));
                    return line(self.sql, lexeme.start);
                }
                _ => self.take(&lexeme, text),
            }
        }
        self.finish();
        self.sql.len()
    }

    fn take(&mut self, lexeme: &Lexeme, text: &str) {
        let first = self.span.map_or(lexeme.start, |(first, _)| first);
        self.span = Some((first, lexeme.end));
        self.trigger = self.trigger.token(lexeme.kind, text);
    }

    fn finish(&mut self) {
        if let Some((start, end)) = self.span.take() {
            self.split.statements.push(Statement { start, end, position: self.cursor.advance(start) });
        }
        self.trigger = Trigger::default();
    }

    fn begins_line(&self, offset: usize) -> bool {
        let before = self.sql.get(..offset).unwrap_or_default();
        before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty())
    }
}
