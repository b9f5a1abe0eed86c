//! Tokens, reduced to what statement boundaries and checksums depend on. Each dialect's rules stand in its own folder;
//! nothing here knows what a statement means.

use super::{Dialect, mysql, postgres, sqlite};

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
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::String | Self::DoubleQuotedString => "a string",
            Self::QuotedIdentifier | Self::BacktickIdentifier | Self::BracketIdentifier => "a quoted identifier",
            Self::DollarQuote => "a dollar-quoted string",
            Self::Comment => "a comment",
            Self::Body => "a routine with a body",
        }
    }

    /// What would close it.
    pub(super) fn end(self) -> &'static str {
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
pub(super) enum Kind {
    /// White space.
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
    pub(super) fn is_trivia(self) -> bool {
        matches!(self, Self::Space | Self::LineComment | Self::BlockComment)
    }
}

/// One token and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme {
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: usize,
    /// The byte after the last.
    pub(super) end: usize,
    /// What was opened here and not closed before the text's end.
    pub(super) unterminated: Option<Construct>,
}

/// The tokens of `sql` from the byte `from` on, which must lie on a character's boundary.
pub(super) fn lexemes(sql: &str, from: usize, dialect: Dialect) -> Box<dyn Iterator<Item = Lexeme> + '_> {
    match dialect {
        Dialect::Postgres => Box::new(postgres::lexemes(sql, from)),
        Dialect::Mysql | Dialect::Mariadb => Box::new(mysql::Lexer::new(sql, from, dialect)),
        Dialect::Sqlite => Box::new(sqlite::Lexer::new(sql, from)),
    }
}
