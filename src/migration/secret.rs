//! Passwords that stand in SQL: they are in the file, but need not be in a log or a status.

use super::lexeme::{Kind, lexemes};

/// What stands for each character of a literal that may hold a password.
const HIDDEN: char = '*';

/// A line of SQL with stars for what may be a password: the string after the word PASSWORD, and strings that hold a
/// connection's parameters or URL. It keeps its number of characters, so that columns stay right.
#[must_use]
pub fn without_passwords(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut after_password = false;
    for lexeme in lexemes(line, 0) {
        let text = line.get(lexeme.start..lexeme.end).unwrap_or_default();
        let is_string = lexeme.kind == Kind::Other && text.contains(['\'', '$']);
        if is_string && (after_password || holds_connection(text)) {
            shown.extend(text.chars().map(|c| if matches!(c, '\'' | '$') { c } else { HIDDEN }));
        } else {
            shown.push_str(text);
        }
        if !lexeme.kind.is_trivia() && lexeme.kind != Kind::Operator {
            after_password = lexeme.kind == Kind::Word && text.eq_ignore_ascii_case("password");
        }
    }
    shown
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
    #[case("password 'canary", "password '******")]
    #[case("comment on column u.password is 'the hash'", "comment on column u.password is 'the hash'")]
    #[case("insert into l values ('https://example.org', 'ü')", "insert into l values ('https://example.org', 'ü')")]
    fn passwords_are_starred_and_nothing_else(#[case] line: &str, #[case] expected: &str) {
        let shown = without_passwords(line);
        assert_eq!(shown, expected);
        assert_eq!(shown.chars().count(), line.chars().count());
    }
}
