//! A cursor over the words of a statement, for everything that is parsed token by token from the front.

use std::ops::Range;

use super::Dialect;
use super::name::{Identifier, Name};
use super::tokens::{Parsed, Token};

/// A position among a statement's tokens, and an end that it does not pass.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    tokens: &'a [Token<'a>],
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) dialect: Dialect,
}

impl<'a> Parsed<'a> {
    /// The statement after its first word.
    pub(super) fn words(self) -> Cursor<'a> {
        self.words_from(1)
    }

    pub(super) fn words_from(self, at: usize) -> Cursor<'a> {
        self.words_of(&(at..self.tokens.len()))
    }

    /// A part of the statement, such as an action of `ALTER TABLE`.
    pub(super) fn words_of(self, part: &Range<usize>) -> Cursor<'a> {
        Cursor { tokens: self.tokens, at: part.start, end: part.end, dialect: self.dialect }
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a [Token<'a>] {
        self.tokens.get(self.at..self.end).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at).filter(|_| self.at < self.end)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Whether one of some words comes next.
    pub(super) fn sees(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| words.iter().any(|word| token.is(word)))
    }

    /// Skips the next token if it is one of some words.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.sees(words);
        self.at += usize::from(found);
        found
    }

    /// Skips words if they follow each other.
    pub(super) fn eat_all(&mut self, words: &[&str]) -> bool {
        let next = self.rest();
        let found = next.len() >= words.len() && next.iter().zip(words).all(|(token, word)| token.is(word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    /// Skips options in parentheses.
    pub(super) fn eat_options(&mut self) {
        if self.sees(&["("]) {
            let end = self.rest().iter().position(|token| token.text == ")" && token.depth == 0);
            self.at = end.map_or(self.end, |end| self.at + end + 1);
        }
    }

    /// Whether a word follows anywhere, also in parentheses.
    pub(super) fn has(&self, word: &str) -> bool {
        self.rest().iter().any(|token| token.is(word))
    }

    /// Whether two words follow each other anywhere.
    pub(super) fn follow(&self, first: &str, second: &str) -> bool {
        self.rest().windows(2).any(|pair| matches!(pair, [a, b] if a.is(first) && b.is(second)))
    }

    /// What follows a word outside parentheses.
    pub(super) fn after(mut self, word: &str) -> Option<Self> {
        self.at += self.rest().iter().position(|token| token.depth == 0 && token.is(word))? + 1;
        Some(self)
    }

    /// The parts between commas at a depth, up to the end or the closing parenthesis.
    pub(super) fn parts(self, depth: usize) -> impl Iterator<Item = Self> {
        let ends = move |token: &Token<'_>| token.depth == depth && token.text == "," || token.depth < depth;
        let mut next = Some(self.at);
        std::iter::from_fn(move || {
            let mut part = Self { at: next?, ..self };
            let length = part.rest().iter().position(ends);
            part.end = length.map_or(part.end, |length| part.at + length);
            let is_comma = self.tokens.get(part.end).is_some_and(|token| part.end < self.end && token.text == ",");
            next = is_comma.then_some(part.end + 1);
            Some(part)
        })
    }

    pub(super) fn identifier(&mut self) -> Option<Identifier> {
        let token = self.peek().filter(|token| self.is_name(token.text))?;
        self.at += 1;
        Some(Identifier::at(token.start, token.text, self.dialect.grammar().folds_case()))
    }

    /// Whether a token can be a name: not an operator, not a string.
    fn is_name(&self, text: &str) -> bool {
        let is_word = |first: char| first.is_ascii_alphanumeric() || matches!(first, '_' | '$') || !first.is_ascii();
        let is_quote = |first| self.dialect.grammar().quotes_of_names().contains(&first);
        text.starts_with(|first| is_word(first) || is_quote(first)) && !text.ends_with('\'')
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

    /// The table after a word outside parentheses.
    pub(super) fn table_after(&mut self, word: &str) -> Option<Name> {
        *self = self.after(word)?;
        self.table()
    }

    /// `[ONLY] name [*]`, if the dialect has that.
    pub(super) fn table(&mut self) -> Option<Name> {
        match self.dialect {
            Dialect::Postgres => self.eat(&["only"]),
            // A name like any other.
            Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite => false,
        };
        let name = self.name();
        self.eat(&["*"]);
        name
    }

    /// `[IF EXISTS]` and tables separated by commas.
    pub(super) fn tables(&mut self) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        loop {
            self.eat_all(&["if", "exists"]);
            names.push(self.table()?);
            if !self.eat(&[","]) {
                return Some(names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn with<T>(sql: &str, dialect: Dialect, question: impl FnOnce(Cursor<'_>) -> T) -> T {
        Parsed::ask(sql, dialect, |statement| question(statement.words()))
    }

    fn texts<'a>(parts: impl Iterator<Item = Cursor<'a>>) -> Vec<String> {
        let text = |part: Cursor<'_>| part.rest().iter().map(|token| token.text).collect::<Vec<_>>().join(" ");
        parts.map(text).collect()
    }

    #[test]
    fn parts_end_at_the_commas_of_their_depth_and_at_the_parenthesis_around_them() {
        with("x a (b, c), d", Dialect::Postgres, |words| {
            assert_eq!(texts(words.parts(0)), ["a ( b , c )", "d"]);
            let mut inside = words;
            assert!(inside.eat_all(&["a", "("]));
            assert_eq!(texts(inside.parts(1)), ["b", "c"]);
        });
        assert_eq!(with("x", Dialect::Postgres, |words| texts(words.parts(0))), [""]);
    }

    #[test]
    fn a_part_does_not_reach_beyond_its_end() {
        Parsed::ask("alter table t add a int, drop b", Dialect::Postgres, |statement| {
            let mut part = statement.words_of(&(3..6));
            assert!(!part.has("drop") && !part.follow("int", ",") && part.follow("a", "int"));
            assert_eq!((part.after("drop").is_some(), part.eat_all(&["add", "a", "int", ","])), (false, false));
            assert!(part.eat_all(&["add", "a", "int"]));
            assert!(part.peek().is_none() && part.next().is_none() && !part.eat(&[","]));
        });
    }

    #[test]
    fn words_in_parentheses_are_found_by_has_and_not_by_after() {
        with("x (a) b", Dialect::Postgres, |mut words| {
            assert_eq!((words.has("a"), words.after("a").is_some(), words.after("b").is_some()), (true, false, true));
            words.eat_options();
            assert!(words.sees(&["c", "B"]));
            words.eat_options();
            assert!(words.sees(&["b"]));
        });
        // Not closed: nothing follows.
        with("x (a b", Dialect::Postgres, |mut words| {
            words.eat_options();
            assert!(words.peek().is_none());
        });
    }

    #[test]
    fn tables_are_named_as_their_dialect_names_them() {
        let tables = |sql, dialect| {
            with(sql, dialect, |mut words| words.tables()).map(|names| {
                names.iter().map(|name| (name.last().as_str().to_owned(), name.range())).collect::<Vec<_>>()
            })
        };
        let found = tables("x only S . \"T\" *, if exists U, v w", Dialect::Postgres);
        assert_eq!(found, Some(vec![("T".into(), 7..14), ("u".into(), 28..29), ("v".into(), 31..32)]));
        assert_eq!(tables("x only, \"U\"", Dialect::Mysql), Some(vec![("only".into(), 2..6), ("U".into(), 8..11)]));
        assert_eq!(tables("x `a`, 'b'", Dialect::Mysql), None);
        assert_eq!(tables("x `a`", Dialect::Postgres), None);
    }

    #[test]
    fn parts_do_not_go_on_after_a_comma_at_their_end() {
        Parsed::ask("alter table t add a int, drop b", Dialect::Postgres, |statement| {
            assert_eq!(texts(statement.words_of(&(3..6)).parts(0).take(2)), ["add a int"]);
        });
    }

    #[rstest]
    #[case::a_letter("t1", Some("t1"))]
    #[case::a_digit("1t", Some("1t"))]
    #[case::an_underscore("_t", Some("_t"))]
    #[case::a_dollar("$t", Some("$t"))]
    #[case::beyond_ascii("größe", Some("größe"))]
    #[case::quoted("`a b`", Some("a b"))]
    #[case::a_string("'t'", None)]
    #[case::an_operator("+ t", None)]
    fn a_name_begins_as_names_do(#[case] sql: &str, #[case] expected: Option<&str>) {
        let name = with(&format!("x {sql}"), Dialect::Mysql, |mut words| words.name());
        assert_eq!(name.as_ref().map(|name| name.last().as_str()), expected);
    }
}
