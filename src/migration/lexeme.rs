//! PostgreSQL's tokens, reduced to what statement boundaries and checksums depend on. The lexing itself
//! is squawk's; nothing here knows what a statement means.

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// Something that has an opening and a closing mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Construct {
    /// `'…'`, also with a prefix such as `E`.
    String,
    /// `"…"`.
    QuotedIdentifier,
    /// `$tag$…$tag$`.
    DollarQuote,
    /// `/* … */`.
    Comment,
}

impl Construct {
    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::QuotedIdentifier => "a quoted identifier",
            Self::DollarQuote => "a dollar-quoted string",
            Self::Comment => "a comment",
        }
    }

    /// What would close it.
    pub(super) fn end(self) -> &'static str {
        match self {
            Self::String => "'",
            Self::QuotedIdentifier => "\"",
            Self::DollarQuote => "the same $tag$",
            Self::Comment => "*/",
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
    /// A keyword or an unquoted identifier: PostgreSQL folds its case.
    Word,
    /// `;`
    Semicolon,
    /// `(`
    Open,
    /// `)`
    Close,
    /// A character operators are made of; several side by side are one operator.
    Operator,
    /// `\` outside quotes: no SQL, but where psql's own commands begin.
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
pub(super) fn lexemes(sql: &str, from: usize) -> impl Iterator<Item = Lexeme> + '_ {
    let tail = sql.get(from..).unwrap_or_default();
    let mut start = from;
    tokenize(tail).map(move |token| {
        let end = start + token.len as usize;
        let text = sql.get(start..end).unwrap_or_default();
        let lexeme = Lexeme { kind: kind(token.kind, text), start, end, unterminated: unterminated(token.kind) };
        start = end;
        lexeme
    })
}

fn kind(token: TokenKind, text: &str) -> Kind {
    match token {
        TokenKind::Whitespace => Kind::Space,
        TokenKind::LineComment => Kind::LineComment,
        TokenKind::BlockComment { .. } => Kind::BlockComment,
        TokenKind::Ident => Kind::Word,
        TokenKind::Semi => Kind::Semicolon,
        TokenKind::OpenParen => Kind::Open,
        TokenKind::CloseParen => Kind::Close,
        TokenKind::Unknown if text == "\\" => Kind::Backslash,
        TokenKind::Slash
        | TokenKind::Minus
        | TokenKind::Colon
        | TokenKind::Eq
        | TokenKind::Gt
        | TokenKind::And
        | TokenKind::Lt
        | TokenKind::Bang
        | TokenKind::Plus
        | TokenKind::Tilde
        | TokenKind::Pound
        | TokenKind::Question
        | TokenKind::Or
        | TokenKind::Percent
        | TokenKind::Caret
        | TokenKind::Star
        | TokenKind::Backtick
        | TokenKind::At => Kind::Operator,
        _ => Kind::Other,
    }
}

fn unterminated(token: TokenKind) -> Option<Construct> {
    match token {
        TokenKind::BlockComment { terminated: false } => Some(Construct::Comment),
        TokenKind::QuotedIdent { terminated: false, .. } => Some(Construct::QuotedIdentifier),
        TokenKind::Literal { kind } => match kind {
            LiteralKind::DollarQuotedString { terminated: false } => Some(Construct::DollarQuote),
            LiteralKind::Str { terminated: false }
            | LiteralKind::NationalStr { terminated: false }
            | LiteralKind::ByteStr { terminated: false }
            | LiteralKind::BitStr { terminated: false }
            | LiteralKind::UnicodeEscStr { terminated: false }
            | LiteralKind::EscStr { terminated: false } => Some(Construct::String),
            _ => None,
        },
        _ => None,
    }
}
