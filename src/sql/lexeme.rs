//! Tokens, reduced to what statement boundaries and checksums depend on. Each dialect's rules stand in its own folder;
//! nothing here knows what a statement means.

use super::Dialect;

/// Something that has an opening and a closing mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Construct {
    /// `'…'`, also with a prefix such as `E`.
    String,
    /// `"…"` where it is a string: `MySQL`, `MariaDB`.
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
    /// `BEGIN … END` and what else a routine's body nests.
    Body,
}

impl Construct {
    /// What people call it.
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

/// What kind of token it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Space,
    /// `-- …`, without the end of the line.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// The opening or closing mark of a comment whose content the server executes: `/*!50003` and its `*/`.
    CodeMark,
    /// A keyword or an unquoted identifier.
    Word,
    /// `;`
    Semicolon,
    /// `(`
    Open,
    /// `)`
    Close,
    /// A character operators are made of; several side by side are one operator.
    Operator,
    /// `\` outside quotes: no SQL, but where a client's own commands begin.
    Backslash,
    /// Literals, quoted identifiers and all the rest.
    Other,
}

impl Kind {
    /// Whether the server skips it.
    pub(crate) fn is_trivia(self) -> bool {
        matches!(self, Self::Space | Self::LineComment | Self::BlockComment)
    }
}

/// One token and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
    /// What was opened here and not closed before the text's end.
    pub(crate) unterminated: Option<Construct>,
}

/// The tokens of `sql` from the byte `from` on, which must lie on a character's boundary.
pub(crate) fn lexemes(sql: &str, from: usize, dialect: Dialect) -> Box<dyn Iterator<Item = Lexeme> + '_> {
    dialect.grammar().lexemes(sql, from)
}
