//! SHA-256 of bytes and of SQL's tokens, written in hex.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::sql::Dialect;
use crate::sql::lexeme::{Kind, lexemes};

const HASHED_AT_ONCE: usize = 4096;

#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct Checksum(String);

impl Checksum {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("{:x}", Sha256::digest(bytes)))
    }

    /// The checksums of the same lines with LF at the end of each, and with CRLF.
    #[must_use]
    pub fn of_other_line_ends(bytes: &[u8]) -> [Self; 2] {
        let is_before_newline = |at: usize| bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n');
        let kept = bytes.iter().enumerate().filter(|(at, _)| !is_before_newline(*at));
        let unix: Vec<u8> = kept.map(|(_, byte)| *byte).collect();
        let mut windows = Vec::with_capacity(unix.len());
        for byte in &unix {
            windows.extend_from_slice(if *byte == b'\n' { b"\r\n" } else { std::slice::from_ref(byte) });
        }
        [Self::of(&unix), Self::of(&windows)]
    }

    /// The checksum of the SQL's tokens, ignoring comments, white space and empty statements. Keywords and unquoted
    /// identifiers are lower-cased where the engine folds them, as `PostgreSQL` and `SQLite` do. Quoted text, function
    /// bodies included, is hashed as written. So two texts with the same token checksum mean the same to the server.
    #[must_use]
    pub fn of_tokens(sql: &str, dialect: Dialect) -> Self {
        let mut hash = Sha256::new();
        // Hashing many small pieces one by one is slow.
        let mut bytes: Vec<u8> = Vec::with_capacity(2 * HASHED_AT_ONCE);
        let folds_case = dialect.grammar().folds_case();
        let mut operator_end = None;
        let (mut started, mut separated) = (false, false);
        for lexeme in lexemes(sql, 0, dialect).filter(|lexeme| !lexeme.kind.is_trivia()) {
            if lexeme.kind == Kind::Semicolon {
                separated = started;
                continue;
            }
            started = true;
            let text = sql.get(lexeme.start..lexeme.end).unwrap_or_default();
            // `<=` is one operator and `< =` is two, so adjacency is part of the meaning.
            let joined = lexeme.kind == Kind::Operator && operator_end == Some(lexeme.start);
            operator_end = (lexeme.kind == Kind::Operator).then_some(lexeme.end);
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend([u8::from(joined), u8::from(std::mem::take(&mut separated))]);
            let from = bytes.len();
            bytes.extend(text.as_bytes());
            if lexeme.kind == Kind::Word && folds_case {
                bytes.get_mut(from..).unwrap_or_default().make_ascii_lowercase();
            }
            if bytes.len() >= HASHED_AT_ONCE {
                hash.update(&bytes);
                bytes.clear();
            }
        }
        hash.update(&bytes);
        Self(format!("{:x}", hash.finalize()))
    }

    /// A checksum from a ledger or a status. Not validated: stored checksums are only compared, never trusted.
    #[must_use]
    pub fn stored(hex: impl Into<String>) -> Self {
        Self(hex.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 16 hex digits, enough to tell files apart in a status.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Checksum;
    use crate::sql::Dialect;

    #[test]
    fn the_same_lines_have_the_same_two_checksums_whatever_ends_them() {
        let [unix, windows] = Checksum::of_other_line_ends(b"a\r\nb\rc\nd");
        assert_eq!((unix, windows), (Checksum::of(b"a\nb\rc\nd"), Checksum::of(b"a\r\nb\rc\r\nd")));
    }

    #[rstest]
    #[case::case_of_words("SELECT A FROM T", "select a from t")]
    #[case::white_space("select\r\n\t1", "select 1")]
    #[case::comments("select /* one /* nested */ */ 1 -- all", "select 1")]
    #[case::byte_order_mark("\u{feff}select 1", "select 1")]
    #[case::empty_statements("; select 1;; select 2 ;", "select 1; select 2")]
    fn looks_do_not_count(#[case] a: &str, #[case] b: &str) {
        assert_eq!(Checksum::of_tokens(a, Dialect::Postgres), Checksum::of_tokens(b, Dialect::Postgres));
    }

    #[rstest]
    #[case::quoted_case(r#"select "A""#, r#"select "a""#)]
    #[case::string_case("select 'A'", "select 'a'")]
    #[case::space_in_a_string("select 'a  b'", "select 'a b'")]
    #[case::comment_in_a_body("do $$ begin end -- a $$", "do $$ begin end -- b $$")]
    #[case::where_words_end("select ab c", "select a bc")]
    #[case::two_operators("select a < = b", "select a <= b")]
    #[case::where_statements_end("select 1; select 2", "select 1 select 2")]
    #[case::quotes(r#"select "a""#, "select a")]
    fn meaning_counts(#[case] a: &str, #[case] b: &str) {
        assert_ne!(Checksum::of_tokens(a, Dialect::Postgres), Checksum::of_tokens(b, Dialect::Postgres));
    }
}
