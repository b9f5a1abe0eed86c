//! A statement's tokens, taken from the front; names without their quotes.

use super::super::tokens::Token;
use super::super::transaction::ObjectName;

/// The rest of a statement's tokens.
#[derive(Clone, Copy)]
pub(super) struct Words<'a>(pub(super) &'a [Token<'a>]);

impl<'a> Words<'a> {
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn is(self, keyword: &str) -> bool {
        self.0.first().is_some_and(|token| token.is(keyword))
    }

    /// Skips words where they are the next ones.
    pub(super) fn eat(&mut self, keywords: &[&str]) -> bool {
        let found = self.0.len() >= keywords.len() && self.0.iter().zip(keywords).all(|(token, word)| token.is(word));
        if found {
            self.0 = self.0.get(keywords.len()..).unwrap_or_default();
        }
        found
    }

    /// Skips the first of some words that is the next one.
    pub(super) fn eat_any(&mut self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.eat(&[keyword]))
    }

    /// Whether a word stands outside parentheses.
    pub(super) fn has(self, keyword: &str) -> bool {
        self.0.iter().any(|token| token.depth == 0 && token.is(keyword))
    }

    /// Divides at the commas outside parentheses.
    pub(super) fn parts(self) -> impl Iterator<Item = Words<'a>> {
        self.0.split(|token| token.depth == 0 && token.text == ",").map(Words)
    }

    /// A name without a dot.
    pub(super) fn identifier(&mut self) -> Option<String> {
        self.next().and_then(|token| unquoted(token.text))
    }

    /// A name, perhaps with a database.
    pub(super) fn name(&mut self) -> Option<ObjectName> {
        let name = self.identifier()?;
        if self.eat(&["."]) {
            return Some(ObjectName { database: Some(name), name: self.identifier()? });
        }
        Some(ObjectName { database: None, name })
    }
}

/// A name as the catalog writes it; None where it is none.
fn unquoted(text: &str) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('`') {
        return quoted.strip_suffix('`').map(|inner| inner.replace("``", "`"));
    }
    let first = text.bytes().next()?;
    (first.is_ascii_alphanumeric() || matches!(first, b'_' | b'$') || first >= 0x80).then(|| text.to_owned())
}
