//! A cursor over the rest of a statement, word by word.

use super::super::name::{Identifier, Name};
use super::super::tokens::Token;

/// The rest of a statement's tokens.
#[derive(Clone, Copy)]
pub(super) struct Words<'a>(pub(super) &'a [Token<'a>]);

impl<'a> Words<'a> {
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Skips a word where it is the next one.
    pub(super) fn eat(&mut self, keyword: &str) -> bool {
        let found = self.0.first().is_some_and(|token| token.is(keyword));
        if found {
            self.next();
        }
        found
    }

    pub(super) fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let found = self.0.len() >= keywords.len() && self.0.iter().zip(keywords).all(|(token, word)| token.is(word));
        if found {
            self.0 = self.0.get(keywords.len()..).unwrap_or_default();
        }
        found
    }

    /// What follows a word outside parentheses.
    pub(super) fn after(self, keyword: &str) -> Option<Self> {
        let at = self.0.iter().position(|token| token.depth == 0 && token.is(keyword))?;
        self.0.get(at + 1..).map(Words)
    }

    /// Skips options in parentheses.
    pub(super) fn options(&mut self) {
        if self.0.first().is_some_and(|token| token.text == "(") {
            let end = self.0.iter().position(|token| token.text == ")" && token.depth == 0);
            self.0 = end.and_then(|end| self.0.get(end + 1..)).unwrap_or_default();
        }
    }

    pub(super) fn has(self, keyword: &str) -> bool {
        self.0.iter().any(|token| token.is(keyword))
    }

    /// A name, perhaps with a schema.
    pub(super) fn name(&mut self) -> Option<Name> {
        let mut qualifiers = Vec::new();
        loop {
            let token = self.next().filter(|token| !token.is_parenthesis())?;
            let part = Identifier::new(token.text, true);
            if !self.eat(".") {
                return Some(Name::new(qualifiers, part));
            }
            qualifiers.push(part);
        }
    }

    /// `[IF EXISTS] [ONLY] name [*]`
    pub(super) fn relation(&mut self) -> Option<Name> {
        self.eat_all(&["if", "exists"]);
        self.eat("only");
        let name = self.name()?;
        self.eat("*");
        Some(name)
    }

    /// Names with commas between them.
    pub(super) fn names(&mut self) -> Option<Vec<Name>> {
        let mut names = vec![self.relation()?];
        while self.eat(",") {
            names.push(self.relation()?);
        }
        Some(names)
    }
}
