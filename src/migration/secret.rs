//! Passwords that stand in SQL: they are in the file, but need not be in a log or a status.

use super::Dialect;
use super::lexeme::{Kind, lexemes};

/// What stands for each character of a literal that may hold a password.
const HIDDEN: char = '*';

/// A line of SQL with stars for what may be a password: the string behind PASSWORD or IDENTIFIED BY, and strings that
/// hold a connection's parameters or URL. It keeps its number of characters, so that columns stay right. Whose SQL it is
/// need not be known: what any engine's rules hide is hidden.
#[must_use]
pub fn without_passwords(line: &str) -> String {
    let mut hidden = vec![false; line.len()];
    for dialect in [Dialect::Postgres, Dialect::Mysql] {
        hide(line, dialect, &mut hidden);
    }
    let shown = |(at, c): (usize, char)| if hidden.get(at) == Some(&true) { HIDDEN } else { c };
    line.char_indices().map(shown).collect()
}

/// Marks the bytes at which hidden characters begin.
fn hide(line: &str, dialect: Dialect, hidden: &mut [bool]) {
    let mut after_password = false;
    let mut previous = "";
    for lexeme in lexemes(line, 0, dialect) {
        let text = line.get(lexeme.start..lexeme.end).unwrap_or_default();
        let is_string = lexeme.kind == Kind::Other && text.contains(['\'', '$', '"']) && !is_identifier(text, dialect);
        if is_string && (after_password || holds_connection(text)) {
            for (at, _) in text.char_indices().filter(|(_, c)| !matches!(c, '\'' | '$' | '"')) {
                if let Some(mark) = hidden.get_mut(lexeme.start + at) {
                    *mark = true;
                }
            }
        }
        if !lexeme.kind.is_trivia() && !matches!(lexeme.kind, Kind::Operator | Kind::Open) {
            let is = |word: &str| lexeme.kind == Kind::Word && text.eq_ignore_ascii_case(word);
            let names_password = ["password", "master_password", "source_password"].into_iter().any(is);
            let plugin = previous.eq_ignore_ascii_case("with") && after_password;
            let identifies = is("identified") || after_password && (is("by") || is("with") || is("as") || is("using"));
            after_password = names_password || identifies || plugin || after_password && is_string;
            previous = text;
        }
    }
}

/// Whether `PostgreSQL` reads a name in quotes there.
fn is_identifier(text: &str, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres && text.starts_with('"')
}

fn holds_connection(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let parameter = lower.split_once("password").is_some_and(|(_, rest)| rest.trim_start().starts_with('='));
    parameter || lower.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::without_passwords;

    #[rstest]
    #[case("alter role a PASSWORD 'canary' login", "alter role a PASSWORD '******' login")]
    #[case("create role a encrypted password E'can\\'ry'", "create role a encrypted password *'****'**'")]
    #[case("options (user 'a', password $x$canary$x$)", "options (user 'a', password $*$******$*$)")]
    #[case("select dblink('host=h password = canary')", "select dblink('************************')")]
    #[case(
        "create subscription s connection 'postgres://u:canary@h/d'",
        "create subscription s connection '***********************'"
    )]
    #[case("CREATE USER a IDENTIFIED BY 'canary' REQUIRE SSL", "CREATE USER a IDENTIFIED BY '******' REQUIRE SSL")]
    #[case("alter user a identified with 'p' as \"can\\\"y\"", "alter user a identified with '*' as \"****\"*\"")]
    #[case("set password for a = password('canary')", "set password for a = password('******')")]
    #[case("change master to master_password = 'canary'", "change master to master_password = '******'")]
    #[case("password 'canary", "password '******")]
    #[case("comment on column u.password is 'the hash'", "comment on column u.password is 'the hash'")]
    #[case("insert into l values ('https://example.org', 'ü')", "insert into l values ('https://example.org', 'ü')")]
    fn passwords_are_starred_and_nothing_else(#[case] line: &str, #[case] expected: &str) {
        let shown = without_passwords(line);
        assert_eq!(shown, expected);
        assert_eq!(shown.chars().count(), line.chars().count());
    }
}
