//! `PostgreSQL`'s tokens. squawk does the lexing, except for an `E'…'` that continues on a later line.

use std::iter::from_fn;

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

use super::super::lexeme::{Construct, Kind, Lexeme};
use super::super::scan::{byte, is_space, line, quoted, run};

/// The tokens of `sql` from the byte `from` on.
pub(in super::super) fn lexemes(sql: &str, from: usize) -> impl Iterator<Item = Lexeme> + '_ {
    let mut at = from;
    let mut tokens = tokenize(sql.get(from..).unwrap_or_default());
    let mut continuation = None;
    from_fn(move || {
        let start = at;
        if continuation == Some(start) {
            let end = quoted(sql, start + 1, b'\'', true);
            at = end.unwrap_or(sql.len());
            continuation = continuing_quote(sql, at);
            tokens = tokenize(sql.get(at..).unwrap_or_default());
            let unterminated = end.is_none().then_some(Construct::String);
            return Some(Lexeme { kind: Kind::Other, start, end: at, unterminated });
        }
        let token = tokens.next()?;
        at = start + token.len as usize;
        if matches!(token.kind, TokenKind::Literal { kind: LiteralKind::EscStr { terminated: true } }) {
            continuation = continuing_quote(sql, at);
        }
        let text = sql.get(start..at).unwrap_or_default();
        Some(Lexeme { kind: kind(token.kind, text), start, end: at, unterminated: unterminated(token.kind) })
    })
}

/// The quote that continues a string after white space with a line break. In it, escapes count as at the string's
/// beginning, which squawk does not know. For other strings that makes no difference to where they end.
///
/// Source: `PostgreSQL`, 4.1.2.1 "String Constants", and `quotecontinue` in `src/backend/parser/scan.l`.
fn continuing_quote(sql: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = run(sql, at, is_space);
        match byte(sql, at) {
            b'-' if byte(sql, at + 1) == b'-' => at = line(sql, at),
            b'\'' => return sql.get(from..at)?.contains(['\n', '\r']).then_some(at),
            _ => return None,
        }
    }
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
