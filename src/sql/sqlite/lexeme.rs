//! `SQLite`'s tokens.
//!
//! Source: `SQLite`, `src/tokenize.c`.

use super::super::lexeme::{Construct, Kind, Lexeme};
use super::super::scan::{behind, byte, is_space, is_word, line, number, quoted, run};

pub(in super::super) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(in super::super) fn new(sql: &'a str, from: usize) -> Self {
        Self { sql, at: from }
    }

    /// Kind and end of the token here, and what is left unclosed.
    fn token(&self) -> (Kind, usize, Option<Construct>) {
        let (sql, at) = (self.sql, self.at);
        let (first, second) = (byte(sql, at), byte(sql, at + 1));
        let closed = |kind, end| (kind, end, None);
        let one = |kind| closed(kind, at + 1);
        match first {
            _ if is_space(first) => closed(Kind::Space, run(sql, at, is_space)),
            b'-' if second == b'-' => closed(Kind::LineComment, line(sql, at)),
            // For SQLite an unclosed comment is valid and extends to the end of the text; but whoever wrote it has lost
            // what follows.
            b'/' if second == b'*' => match behind(sql, at + 2, "*/") {
                Some(end) => closed(Kind::BlockComment, end),
                None => (Kind::BlockComment, sql.len(), Some(Construct::Comment)),
            },
            b'\'' => self.quotation(at + 1, first, Construct::String),
            b'"' => self.quotation(at + 1, first, Construct::QuotedIdentifier),
            b'`' => self.quotation(at + 1, first, Construct::BacktickIdentifier),
            b'[' => match behind(sql, at + 1, "]") {
                Some(end) => closed(Kind::Other, end),
                None => (Kind::Other, sql.len(), Some(Construct::BracketIdentifier)),
            },
            b'x' | b'X' if second == b'\'' => self.quotation(at + 2, second, Construct::String),
            b';' => one(Kind::Semicolon),
            b'(' => one(Kind::Open),
            b')' => one(Kind::Close),
            // A parameter.
            b'?' | b':' | b'@' | b'#' | b'$' if is_word(second) => closed(Kind::Other, run(sql, at + 1, is_word)),
            _ if first.is_ascii_digit() || first == b'.' && second.is_ascii_digit() => {
                closed(Kind::Other, number(sql, at).max(at + 1))
            }
            _ if is_word(first) => closed(Kind::Word, run(sql, at, is_word)),
            b'/' | b'-' | b'=' | b'>' | b'&' | b'<' | b'!' | b'+' | b'~' | b'|' | b'%' | b'*' => one(Kind::Operator),
            b'\\' => one(Kind::Backslash),
            _ => one(Kind::Other),
        }
    }

    fn quotation(&self, from: usize, quote: u8, construct: Construct) -> (Kind, usize, Option<Construct>) {
        match quoted(self.sql, from, quote, false) {
            Some(end) => (Kind::Other, end, None),
            None => (Kind::Other, self.sql.len(), Some(construct)),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Lexeme;

    fn next(&mut self) -> Option<Lexeme> {
        let start = self.at;
        if start >= self.sql.len() {
            return None;
        }
        let (kind, end, unterminated) = self.token();
        let mut end = end.max(start + 1);
        while !self.sql.is_char_boundary(end) {
            end += 1;
        }
        self.at = end;
        Some(Lexeme { kind, start, end, unterminated })
    }
}
