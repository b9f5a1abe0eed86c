//! Whether a statement changes the session's encoding. Files, statements and answers are all UTF-8.

use super::super::tokens::{Parsed, Token};
use super::tokens;

const SETTING: &str = "client_encoding";

/// Whether it sets `client_encoding` to something other than UTF-8, or may do so: by SET, SET NAMES, or `set_config`
/// anywhere in a query, also in a DO block. Functions that it calls are not examined.
pub(super) fn changes_it(statement: Parsed<'_>) -> bool {
    if let Some(words) = block(statement) {
        return words.split(begins_statement).any(sets_it) || configures_it(&words);
    }
    let words = statement.tokens;
    let defines = statement.is(0, &["create", "alter"]);
    sets_it(words) || (!defines && configures_it(words))
}

/// The tokens in a DO block; None for any other statement.
pub(super) fn block(statement: Parsed<'_>) -> Option<Vec<Token<'_>>> {
    if !statement.is(0, &["do"]) {
        return None;
    }
    // The longest token is the block; others say its language.
    let text = statement.rest().iter().map(|token| token.text).max_by_key(|text| text.len())?;
    Some(tokens(unquoted(text)).collect())
}

/// Whether a statement of a PL/pgSQL block may follow this word.
pub(super) fn begins_statement(word: &Token<'_>) -> bool {
    word.text == ";" || ["begin", "then", "else", "loop"].iter().any(|opens| word.is(opens))
}

/// SET [SESSION | LOCAL] `client_encoding` {TO | =} …, SET NAMES ….
fn sets_it(words: &[Token<'_>]) -> bool {
    let [set, rest @ ..] = words else { return false };
    let rest = match rest {
        [scope, rest @ ..] if scope.is("session") || scope.is("local") => rest,
        rest => rest,
    };
    match rest {
        _ if !set.is("set") => false,
        [names, value, ..] if names.is("names") => !is_utf8(value),
        [name, _, value, ..] if unquoted(name.text).eq_ignore_ascii_case(SETTING) => !is_utf8(value),
        _ => false,
    }
}

/// `set_config('client_encoding', …)`
fn configures_it(words: &[Token<'_>]) -> bool {
    words.windows(5).any(|window| match window {
        [function, open, name, comma, value] => {
            unquoted(function.text).eq_ignore_ascii_case("set_config")
                && open.text == "("
                && unquoted(name.text).eq_ignore_ascii_case(SETTING)
                && comma.text == ","
                && !is_utf8(value)
        }
        _ => false,
    })
}

/// Whether the server takes a value for UTF-8, or for the connection's default, which is UTF-8. Source: PostgreSQL,
/// `clean_encoding_name` in encnames.c.
fn is_utf8(value: &Token<'_>) -> bool {
    let letters = unquoted(value.text).chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    matches!(name.as_str(), "utf8" | "unicode" | "default")
}

/// The text without quotes of any kind.
fn unquoted(text: &str) -> &str {
    if let Some((tag, rest)) = text.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
        let end = format!("${tag}$");
        return rest.strip_suffix(end.as_str()).unwrap_or(rest);
    }
    let text = text.strip_prefix(['e', 'E']).filter(|rest| rest.starts_with('\'')).unwrap_or(text);
    let inside = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('\'').or_else(|| inside('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Parsed;
    use crate::sql::Dialect;

    fn changes_it(sql: &str) -> bool {
        Parsed::ask(sql, Dialect::Postgres, super::changes_it)
    }

    #[test]
    fn what_does_not_set_it() {
        assert!(!changes_it("select names, 'latin1' from t"));
        assert!(!changes_it("show client_encoding"));
    }

    #[rstest]
    #[case("set client_encoding = 'LATIN1'")]
    #[case("SET SESSION client_encoding TO latin1")]
    #[case("set local \"client_encoding\" to 'SQL_ASCII'")]
    #[case("SET NAMES 'LATIN9'")]
    #[case("select pg_catalog.set_config('client_encoding', 'WIN1252', false)")]
    #[case("with x as (select SET_CONFIG(E'client_encoding', $$latin1$$, true)) select * from x")]
    #[case("select set_config('client_encoding', which, false) from encodings")]
    #[case("do $$ begin set client_encoding = 'LATIN1'; end $$")]
    #[case("do language plpgsql $x$ begin if true then set names 'latin1'; end if; end $x$")]
    #[case("do 'begin perform set_config($a$client_encoding$a$, $a$euc_jp$a$, true); end'")]
    fn another_encoding(#[case] sql: &str) {
        assert!(changes_it(sql));
    }

    #[rstest]
    #[case("SET client_encoding = 'UTF8'")]
    #[case("set client_encoding to Unicode")]
    #[case("set client_encoding to 'utf-8'")]
    #[case("set client_encoding to default")]
    #[case("set names 'UTF8'")]
    #[case("set names")]
    #[case("reset client_encoding")]
    #[case("select set_config('client_encoding', 'UTF8', false)")]
    #[case("select set_config('search_path', 'client_encoding', false)")]
    #[case("select current_setting('client_encoding')")]
    #[case("alter database d set client_encoding = 'LATIN1'")]
    #[case("alter role r set client_encoding to 'LATIN1'")]
    #[case("insert into notes values ('set client_encoding = ''LATIN1''')")]
    #[case("update t set client_encoding = 'LATIN1'")]
    #[case("do $$ begin raise notice '%', current_setting('client_encoding'); end $$")]
    #[case("create function f() returns void language sql as $$ select set_config('client_encoding', 'x', false) $$")]
    fn utf8_or_no_setting(#[case] sql: &str) {
        assert!(!changes_it(sql));
    }
}
