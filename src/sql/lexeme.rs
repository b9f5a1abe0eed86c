//! Tokens, reduced to what statement boundaries and checksums depend on. Each dialect's rules are in its own folder;
//! nothing here knows what a statement means.

use super::Dialect;

/// A construct with an opening and a closing mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Construct {
    /// `'…'`, with or without a prefix such as `E`.
    String,
    /// `"…"` as a string: `MySQL`, `MariaDB`.
    DoubleQuotedString,
    /// `"…"`.
    QuotedIdentifier,
    /// `` `…` ``: `MySQL`, `MariaDB`, `SQLite`.
    BacktickIdentifier,
    /// `[…]`: `SQLite`.
    BracketIdentifier,
    /// `$tag$…$tag$`.
    DollarQuote,
    /// `/* … */`.
    Comment,
    /// `BEGIN … END` and other nested blocks of a routine's body.
    Body,
}

impl Construct {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String | Self::DoubleQuotedString => "a string",
            Self::QuotedIdentifier | Self::BacktickIdentifier | Self::BracketIdentifier => "a quoted identifier",
            Self::DollarQuote => "a dollar-quoted string",
            Self::Comment => "a comment",
            Self::Body => "a routine with a body",
        }
    }

    /// What would close it.
    pub(crate) fn end(self) -> &'static str {
        match self {
            Self::String => "'",
            Self::DoubleQuotedString | Self::QuotedIdentifier => "\"",
            Self::BacktickIdentifier => "`",
            Self::BracketIdentifier => "]",
            Self::DollarQuote => "the same $tag$",
            Self::Comment => "*/",
            Self::Body => "END and a semicolon, or put it between DELIMITER lines",
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Space,
    /// `-- …`, without the line break.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// The opening or closing mark of a comment that the server executes: `/*!50003` and its `*/`.
    CodeMark,
    /// A keyword or an unquoted identifier.
    Word,
    /// `;`
    Semicolon,
    /// `(`
    Open,
    /// `)`
    Close,
    /// A character of an operator; adjacent ones form one operator.
    Operator,
    /// `\` outside quotes: not SQL, but how commands of some clients begin.
    Backslash,
    /// Literals, quoted identifiers and everything else.
    Other,
}

impl Kind {
    /// Whether the server ignores it.
    pub(crate) fn is_trivia(self) -> bool {
        matches!(self, Self::Space | Self::LineComment | Self::BlockComment)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    /// The byte after the last one.
    pub(crate) end: usize,
    /// What was opened here and never closed.
    pub(crate) unterminated: Option<Construct>,
}

/// The tokens of `sql` from the byte `from` on, which must be on a character boundary.
pub(crate) fn lexemes(sql: &str, from: usize, dialect: Dialect) -> Box<dyn Iterator<Item = Lexeme> + '_> {
    dialect.grammar().lexemes(sql, from)
}
