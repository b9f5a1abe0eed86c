//! The tokens of `MySQL` and `MariaDB` with the default `sql_mode`: backslashes escape in strings (no
//! `NO_BACKSLASH_ESCAPES`) and `"…"` is a string (no `ANSI_QUOTES`).
//!
//! Source: `MySQL`'s manual, "Language Structure"; `MariaDB`'s, "Comment Syntax".

use super::super::Dialect;
use super::super::lexeme::{Construct, Kind, Lexeme};
use super::super::scan::{behind, byte, is_space, is_word, line, number, quoted, run};

/// The version in a comment that every server ignores.
const NO_SERVER: u32 = 999_999;

/// Reads one token after the other. No word or operator extends into a delimiter, since the client looks for it at
/// every byte outside quotes and comments: with the delimiter `$$`, `END$$` is two tokens.
pub(in super::super) struct Lexer<'a> {
    sql: &'a str,
    pub(super) at: usize,
    dialect: Dialect,
    pub(super) delimiter: Option<&'a str>,
    /// Inside a comment that is code.
    pub(super) in_code_comment: bool,
    /// No token of a statement was read since the last delimiter.
    pub(super) between_statements: bool,
    /// The last token was `AS`, ignoring comments and white space.
    behind_as: bool,
}

impl<'a> Lexer<'a> {
    pub(in super::super) fn new(sql: &'a str, from: usize, dialect: Dialect) -> Self {
        Self {
            sql,
            at: from,
            dialect,
            delimiter: None,
            in_code_comment: false,
            between_statements: true,
            behind_as: false,
        }
    }

    pub(super) fn is_at_delimiter(&self) -> bool {
        self.delimiter.is_some_and(|delimiter| self.rest().starts_with(delimiter.as_bytes()))
    }

    /// Between statements, the client drops every line that begins with two dashes, whatever follows them.
    fn is_line_of_dashes(&self) -> bool {
        let before = self.sql.get(..self.at).unwrap_or_default();
        self.between_statements && (before.is_empty() || before.ends_with('\n'))
    }

    fn rest(&self) -> &'a [u8] {
        self.sql.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Kind and end of the token here, and what is left unclosed.
    fn token(&mut self) -> (Kind, usize, Option<Construct>) {
        let (sql, at) = (self.sql, self.at);
        let (first, second) = (byte(sql, at), byte(sql, at + 1));
        let closed = |kind, end| (kind, end, None);
        let one = |kind| closed(kind, at + 1);
        match first {
            _ if is_space(first) => closed(Kind::Space, run(sql, at, is_space)),
            b'#' => closed(Kind::LineComment, line(sql, at)),
            // Two dashes start a comment only before white space, a control character or the end.
            b'-' if second == b'-' && (byte(sql, at + 2) <= b' ' || self.is_line_of_dashes()) => {
                closed(Kind::LineComment, line(sql, at))
            }
            b'/' if second == b'*' => self.block_comment(),
            b'*' if second == b'/' && self.in_code_comment => {
                self.in_code_comment = false;
                closed(Kind::CodeMark, at + 2)
            }
            b'\'' => self.string(at + 1, first, Construct::String),
            b'"' => self.string(at + 1, first, Construct::DoubleQuotedString),
            b'`' => match quoted(sql, at + 1, b'`', false) {
                Some(end) => closed(Kind::Other, end),
                None => (Kind::Other, sql.len(), Some(Construct::BacktickIdentifier)),
            },
            // `x'41'` is a literal, `x '41'` a name and its alias.
            b'x' | b'X' | b'b' | b'B' | b'n' | b'N' if second == b'\'' => {
                self.string(at + 2, second, Construct::String)
            }
            b';' => one(Kind::Semicolon),
            b'(' => one(Kind::Open),
            b')' => one(Kind::Close),
            b'\\' if matches!(second, b'N') => closed(Kind::Other, at + 2),
            b'\\' => one(Kind::Backslash),
            b'@' if is_word(second) || second == b'@' => {
                let is_variable = |byte| is_word(byte) || matches!(byte, b'@' | b'.');
                closed(Kind::Other, self.before_delimiter(run(sql, at, is_variable)))
            }
            b'$' if self.behind_as => match self.dollar_quoted() {
                Some(end) => closed(Kind::Other, end),
                None => closed(Kind::Word, self.before_delimiter(run(sql, at, is_word))),
            },
            _ if first.is_ascii_digit() => {
                let end = self.before_delimiter(number(sql, at));
                // A name may begin with digits, and a number may contain letters. Which one it is does not matter here.
                closed(if run(sql, at, is_word) == end { Kind::Word } else { Kind::Other }, end)
            }
            _ if is_word(first) => closed(Kind::Word, self.before_delimiter(run(sql, at, is_word))),
            b'/' | b'-' | b':' | b'=' | b'>' | b'&' | b'<' | b'!' | b'+' | b'~' | b'?' | b'|' | b'%' | b'^' | b'*'
            | b'@' => one(Kind::Operator),
            _ => one(Kind::Other),
        }
    }

    /// The end of `$$…$$` or `$tag$…$tag$`, which holds code in another language in `MySQL` 9. Only after `AS`, where
    /// the file's delimiter cannot be. Source: `MySQL`'s manual, "CREATE PROCEDURE and CREATE FUNCTION Statements".
    fn dollar_quoted(&self) -> Option<usize> {
        let tag = run(self.sql, self.at + 1, |byte| is_word(byte) && byte != b'$');
        let is_tag = self.dialect == Dialect::Mysql && byte(self.sql, tag) == b'$';
        let mark = self.sql.get(self.at..=tag).filter(|_| is_tag)?;
        behind(self.sql, tag + 1, mark)
    }

    fn string(&self, from: usize, quote: u8, construct: Construct) -> (Kind, usize, Option<Construct>) {
        match quoted(self.sql, from, quote, true) {
            Some(end) => (Kind::Other, end, None),
            None => (Kind::Other, self.sql.len(), Some(construct)),
        }
    }

    /// The end of a word, or the start of a delimiter in it.
    fn before_delimiter(&self, end: usize) -> usize {
        let Some(delimiter) = self.delimiter else { return end };
        let word = self.sql.get(self.at..end).unwrap_or_default();
        // A delimiter may start inside the word and extend beyond it.
        let mut starts = word.char_indices().skip(1).map(|(at, _)| self.at + at);
        let starts_delimiter = |at: &usize| self.sql.get(*at..).is_some_and(|rest| rest.starts_with(delimiter));
        starts.find(starts_delimiter).unwrap_or(end)
    }

    fn block_comment(&mut self) -> (Kind, usize, Option<Construct>) {
        if let Some(end) = self.code_mark() {
            self.in_code_comment = true;
            return (Kind::CodeMark, end, None);
        }
        match behind(self.sql, self.at + 2, "*/") {
            Some(end) => (Kind::BlockComment, end, None),
            None => (Kind::BlockComment, self.sql.len(), Some(Construct::Comment)),
        }
    }

    /// The end of `/*!`, `/*!50003` or `/*M!100100`, if the server executes what follows.
    ///
    /// `MySQL` executes it up to its own version, so none with six digits, which are `MariaDB`'s. `MariaDB` ignores
    /// those that are only for `MySQL` 5.7 and later. No server has the highest version: mariadb-dump writes a line for
    /// its client with it (`/*M!999999\- enable the sandbox mode */`).
    fn code_mark(&self) -> Option<usize> {
        let rest = self.rest();
        let mark = match rest {
            [b'/', b'*', b'!', ..] => 3,
            [b'/', b'*', b'M', b'!', ..] if self.dialect == Dialect::Mariadb => 4,
            _ => return None,
        };
        let start = self.at + mark;
        let digits = run(self.sql, start, |byte| byte.is_ascii_digit()).min(start + 6) - start;
        // Fewer than five digits are not a version, but the start of the code.
        let end = if digits < 5 { start } else { start + digits };
        let version: u32 = self.sql.get(start..end).and_then(|text| text.parse().ok()).unwrap_or_default();
        let executed = match self.dialect {
            Dialect::Mariadb => version != NO_SERVER && (mark == 4 || !(50_700..=99_999).contains(&version)),
            _ => version < 100_000,
        };
        executed.then_some(end)
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
        if !kind.is_trivia() {
            self.behind_as = self.sql.get(start..end).is_some_and(|text| text.eq_ignore_ascii_case("as"));
        }
        self.between_statements = kind == Kind::Semicolon || self.between_statements && kind.is_trivia();
        Some(Lexeme { kind, start, end, unterminated })
    }
}
