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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
        let lexemes = lexemes(sql, 0, dialect).filter(|lexeme| !lexeme.kind.is_trivia());
        lexemes.map(|lexeme| &sql[lexeme.start..lexeme.end]).collect()
    }

    #[rstest]
    #[case::numbers(Dialect::Mysql, "1.5 1e-3 0xF 1a", &["1.5", "1e-3", "0xF", "1a"])]
    #[case::prefixes_of_strings(Dialect::Mysql, "a x'4;1' B'0' n'ü'", &["a", "x'4;1'", "B'0'", "n'ü'"])]
    #[case::a_name_before_a_string(Dialect::Mysql, "x '4' y'1'", &["x", "'4'", "y", "'1'"])]
    #[case::backslashes(Dialect::Mysql, "'a\\';' \\N \\g", &["'a\\';'", "\\N", "\\", "g"])]
    #[case::variables(Dialect::Mysql, "@a.b @@c @ d", &["@a.b", "@@c", "@", "d"])]
    #[case::code_of_another_language(Dialect::Mysql, "as $$;$$ as $x$ $$; $x$ ;", &["as", "$$;$$", "as", "$x$ $$; $x$", ";"])]
    #[case::none_of_another_language(Dialect::Mysql, "as $$$$ ;", &["as", "$$$$", ";"])]
    #[case::mariadb_s_words(Dialect::Mariadb, "as $$;$$", &["as", "$$", ";", "$$"])]
    #[case::numbers(Dialect::Sqlite, "1.5 .5 1e-3 a.b", &["1.5", ".5", "1e-3", "a", ".", "b"])]
    #[case::a_prefix_of_strings(Dialect::Sqlite, "a x'4;1' n'1'", &["a", "x'4;1'", "n", "'1'"])]
    #[case::quoted_names(Dialect::Sqlite, "[a;b] `c;` \"d;\"", &["[a;b]", "`c;`", "\"d;\""])]
    #[case::parameters(Dialect::Sqlite, "?1 :a @b $c #1 ?", &["?1", ":a", "@b", "$c", "#1", "?"])]
    #[case::backslashes(Dialect::Sqlite, "'a\\';", &["'a\\'", ";"])]
    fn a_token_ends_where_the_engine_ends_it(#[case] dialect: Dialect, #[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(texts(sql, dialect), expected);
    }

    #[rstest]
    #[case(Dialect::Postgres, "!#%&*+-/:<=>?@^`|~")]
    #[case(Dialect::Mysql, "!%&*+-/:<=>?@^|~")]
    #[case(Dialect::Mariadb, "!%&*+-/:<=>?@^|~")]
    #[case(Dialect::Sqlite, "!%&*+-/<=>|~")]
    fn operators_are_made_of_these_characters(#[case] dialect: Dialect, #[case] expected: &str) {
        let is_operator =
            |c: &char| lexemes(&format!("{c} "), 0, dialect).next().is_some_and(|first| first.kind == Kind::Operator);
        assert_eq!((' '..='~').filter(is_operator).collect::<String>(), expected);
    }
}
