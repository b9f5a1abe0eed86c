//! The tokens of one statement, without comments and white space. They are produced once for each statement and answer
//! all questions about it.

use super::Dialect;
use super::ddl::Ddl;
use super::lexeme::{Kind, Lexeme, lexemes};

/// `depth` is the number of parentheses open around the token.
#[derive(Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// Its first byte in the statement.
    pub(crate) start: usize,
    pub(crate) depth: usize,
}

impl Token<'_> {
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }

    pub(crate) fn is_parenthesis(&self) -> bool {
        self.text == "(" || self.text == ")"
    }
}

/// A statement as tokens, for questions to a dialect.
#[derive(Clone, Copy)]
pub(crate) struct Parsed<'a> {
    pub(crate) sql: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) tokens: &'a [Token<'a>],
    /// The first token in lower case; empty if there is none.
    pub(crate) first: &'a str,
    pub(crate) ddl: Option<&'a Ddl>,
}

impl<'a> Parsed<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = Token<'a>> + Clone {
        self.tokens.iter().copied()
    }

    /// Whether the token at an index is one of some words.
    pub(crate) fn is(self, index: usize, words: &[&str]) -> bool {
        self.tokens.get(index).is_some_and(|token| words.iter().any(|word| token.is(word)))
    }

    pub(crate) fn rest(self) -> &'a [Token<'a>] {
        self.tokens.get(1..).unwrap_or_default()
    }
}

/// Parses one statement after another in the same memory: none needs another's tokens.
pub(crate) struct Parser<'a> {
    dialect: Dialect,
    tokens: Vec<Token<'a>>,
    first: String,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, tokens: Vec::new(), first: String::new() }
    }

    /// Produces the tokens. What the statement defines is read from them later.
    pub(crate) fn parse(&mut self, sql: &'a str) -> Parsed<'_> {
        self.tokens.clear();
        self.dialect.grammar().tokens(sql, &mut self.tokens);
        self.first.clear();
        self.first.push_str(self.tokens.first().map_or("", |token| token.text));
        self.first.make_ascii_lowercase();
        Parsed { sql, dialect: self.dialect, tokens: &self.tokens, first: &self.first, ddl: None }
    }
}

pub(crate) fn tokens(sql: &str, dialect: Dialect) -> impl Iterator<Item = Token<'_>> {
    counted(lexemes(sql, 0, dialect), sql)
}

/// The tokens of lexemes other than comments, white space and marks of comments that are code.
pub(super) fn counted(lexemes: impl Iterator<Item = Lexeme>, sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut depth = 0_usize;
    let counts = |lexeme: &Lexeme| !lexeme.kind.is_trivia() && lexeme.kind != Kind::CodeMark;
    lexemes.filter(counts).map(move |lexeme| {
        depth = if lexeme.kind == Kind::Close { depth.saturating_sub(1) } else { depth };
        let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default();
        let token = Token { text, start: lexeme.start, depth };
        depth += usize::from(lexeme.kind == Kind::Open);
        token
    })
}

/// The bytes where the statement's tokens end.
#[must_use]
pub fn token_ends(sql: &str, dialect: Dialect) -> Vec<usize> {
    tokens(sql, dialect).map(|token| token.start + token.text.len()).collect()
}

pub(crate) fn next_is<'a>(mut tokens: impl Iterator<Item = Token<'a>>, keyword: &str) -> bool {
    tokens.next().is_some_and(|token| token.is(keyword))
}

/// Whether any `N` consecutive tokens match.
pub(crate) fn follow<'a, const N: usize>(
    tokens: impl Iterator<Item = Token<'a>>,
    mut matches: impl FnMut([Token<'a>; N]) -> bool,
) -> bool {
    let mut window = [Token { text: "", start: 0, depth: 0 }; N];
    for token in tokens {
        window.rotate_left(1);
        if let Some(last) = window.last_mut() {
            *last = token;
        }
        if matches(window) {
            return true;
        }
    }
    false
}
