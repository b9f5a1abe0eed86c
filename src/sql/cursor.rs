//! Goes through the tokens of a statement that defines something, from the front.

use super::Dialect;
use super::name::{Identifier, Name};
use super::tokens::{Parsed, Token};

/// Goes through a statement's tokens up to an end.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    pub(super) tokens: &'a [Token<'a>],
    pub(super) at: usize,
    pub(super) end: usize,
    /// An unquoted name means the same in small letters.
    folds: bool,
    /// What a name in quotes begins with.
    quotes: &'static [char],
    /// `ONLY` before a table's name is no name.
    knows_only: bool,
    /// What says that an object is temporary.
    pub(super) temporary: &'static [&'static str],
}

impl<'a> Cursor<'a> {
    /// After the first word.
    pub(super) fn new(statement: Parsed<'a>, dialect: Dialect) -> Self {
        let (temporary, knows_only): (&[&str], bool) = match dialect {
            Dialect::Postgres => (&["temporary", "temp"], true),
            Dialect::Sqlite => (&["temporary", "temp"], false),
            Dialect::Mysql | Dialect::Mariadb => (&["temporary"], false),
        };
        Self {
            tokens: statement.tokens,
            at: 1,
            end: statement.tokens.len(),
            folds: dialect.grammar().folds_case(),
            quotes: dialect.grammar().quotes_of_names(),
            knows_only,
            temporary,
        }
    }

    pub(super) fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at).filter(|_| self.at < self.end)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    pub(super) fn sees(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| words.iter().any(|word| token.is(word)))
    }

    /// Skips the next token where it is one of some words.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.sees(words);
        self.at += usize::from(found);
        found
    }

    /// Skips words where they follow each other.
    pub(super) fn eat_all(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..self.end).unwrap_or_default();
        let found = next.len() >= words.len() && next.iter().zip(words).all(|(token, word)| token.is(word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    pub(super) fn identifier(&mut self) -> Option<Identifier> {
        let token = self.peek().filter(|token| self.is_name(token.text))?;
        self.at += 1;
        Some(Identifier::new(token.text, self.folds))
    }

    /// Whether a token can be a name: no operator, no string.
    pub(super) fn is_name(&self, text: &str) -> bool {
        let is_word = |first: char| first.is_ascii_alphanumeric() || matches!(first, '_' | '$') || !first.is_ascii();
        text.starts_with(|first| is_word(first) || self.quotes.contains(&first)) && !text.ends_with('\'')
    }

    pub(super) fn name(&mut self) -> Option<Name> {
        let mut qualifiers = Vec::new();
        loop {
            let part = self.identifier()?;
            if !self.eat(&["."]) {
                return Some(Name::new(qualifiers, part));
            }
            qualifiers.push(part);
        }
    }

    /// `[ONLY] name`
    pub(super) fn table(&mut self) -> Option<Name> {
        if self.knows_only {
            self.eat(&["only"]);
        }
        self.name()
    }

    /// Where the part that begins here ends: at a comma or parenthesis of a depth, or at the end.
    pub(super) fn end_of_part(&self, depth: usize) -> usize {
        let part = self.tokens.get(self.at..self.end).unwrap_or_default();
        let ends = |token: &Token<'_>| token.depth == depth && token.text == "," || token.depth < depth;
        part.iter().position(ends).map_or(self.end, |length| self.at + length)
    }

    /// The parts between commas of a depth, up to the end.
    pub(super) fn parts(&self, depth: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = self.clone();
        loop {
            let end = rest.end_of_part(depth);
            parts.push(Self { end, ..rest.clone() });
            if !rest.tokens.get(end).is_some_and(|token| end < rest.end && token.text == ",") {
                return parts;
            }
            rest.at = end + 1;
        }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.rest().iter().any(|token| token.is(word))
    }

    pub(super) fn follow(&self, first: &str, second: &str) -> bool {
        self.rest().windows(2).any(|pair| matches!(pair, [a, b] if a.is(first) && b.is(second)))
    }

    pub(super) fn rest(&self) -> &'a [Token<'a>] {
        self.tokens.get(self.at..self.end).unwrap_or_default()
    }

    /// The table after a word outside parentheses.
    pub(super) fn table_after(&mut self, word: &str) -> Option<Name> {
        let at = self.rest().iter().position(|token| token.depth == 0 && token.is(word))?;
        self.at += at + 1;
        self.table()
    }
}
