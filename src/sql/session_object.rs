//! Objects that exist only in a session and cannot be restored when it ends: temporary tables, open cursors and the
//! like. Judged by the statements alone.

use super::Dialect;
use super::lexeme::lexemes;
use super::scan::mentions;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SessionObject {
    pub(crate) what: &'static str,
    /// In lower case, without quotes.
    pub(crate) name: String,
    pub(crate) needed_by: NeededBy,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NeededBy {
    /// Those that name it, and those whose effects cannot be seen.
    Name,
    /// Those that name it. A statement whose effects cannot be seen could not use it.
    NameAlone,
    All,
}

/// What a statement does to the objects of its session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Effect {
    pub(crate) makes: Vec<SessionObject>,
    /// Names of what it drops.
    pub(crate) drops: Vec<String>,
    pub(crate) drops_all: bool,
    /// It does not fail if what it drops does not exist.
    pub(crate) drops_if_there: bool,
}

impl Effect {
    pub(crate) const NONE: Self =
        Self { makes: Vec::new(), drops: Vec::new(), drops_all: false, drops_if_there: false };

    pub(crate) fn none() -> &'static Self {
        static NONE: Effect = Effect::NONE;
        &NONE
    }
}

pub(crate) fn temporary_table(name: String) -> SessionObject {
    SessionObject { what: "the temporary table", name, needed_by: NeededBy::Name }
}

/// One whose name cannot be seen in the text.
pub(crate) fn unknown_temporary_table() -> SessionObject {
    let what = "the temporary table whose name is built at run time";
    SessionObject { what, name: String::new(), needed_by: NeededBy::All }
}

/// The name in lower case and without quotes.
pub(crate) fn unquoted(text: &str) -> String {
    let quote = text.chars().next().filter(|first| matches!(first, '`' | '"' | '['));
    match quote {
        Some(_) if text.len() > 1 => text.get(1..text.len() - 1).unwrap_or_default().to_lowercase(),
        _ => text.to_lowercase(),
    }
}

/// Whether a text contains a word in any case.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    if word.is_ascii() && !mentions(text, word) {
        return false;
    }
    let text = text.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
}

/// Names of temporary tables created by a text that may be SQL: a routine's body, a string.
#[must_use]
pub fn temporary_tables_in(text: &str) -> Vec<String> {
    if !mentions(text, "temporary") {
        return Vec::new();
    }
    let words: Vec<&str> = lexemes(text, 0, Dialect::Sqlite)
        .filter(|lexeme| !lexeme.kind.is_trivia())
        .filter_map(|lexeme| text.get(lexeme.start..lexeme.end))
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if is_string(word) {
            found.extend(temporary_tables_in(&inside(word)));
        }
        if !word.eq_ignore_ascii_case("temporary") {
            continue;
        }
        let mut rest = words.iter().skip(at + 1).peekable();
        if rest.next_if(|word| word.eq_ignore_ascii_case("table")).is_none() {
            continue;
        }
        while rest.next_if(|word| ["if", "not", "exists"].iter().any(|skip| word.eq_ignore_ascii_case(skip))).is_some()
        {
        }
        let mut name = rest.next().copied().unwrap_or_default();
        while rest.next_if(|word| **word == ".").is_some() {
            name = rest.next().copied().unwrap_or_default();
        }
        found.push(unquoted(name));
    }
    found.retain(|name| !name.is_empty());
    found
}

/// Whether a text that may be SQL builds a statement that creates a temporary table: a string contains part of it, but
/// no string contains the name.
#[must_use]
pub fn puts_temporary_table_together(text: &str) -> bool {
    if !mentions(text, "temp") {
        return false;
    }
    let words = lexemes(text, 0, Dialect::Sqlite).filter_map(|lexeme| text.get(lexeme.start..lexeme.end));
    let is_a_part = |word: &str| {
        let lower = word.to_lowercase();
        is_string(word) && (lower.contains("temporary") || lower.contains("create temp"))
    };
    words.into_iter().any(|word| is_a_part(word) && temporary_tables_in(&inside(word)).is_empty())
}

fn is_string(word: &str) -> bool {
    word.starts_with(['\'', '"'])
}

fn inside(word: &str) -> String {
    let quote = word.chars().next().unwrap_or('\'');
    word.trim_matches(quote).replace(&format!("{quote}{quote}"), &quote.to_string())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("select * from K", "k", true)]
    #[case("d.k,m", "k", true)]
    #[case("kk k", "k", true)]
    #[case("kk", "k", false)]
    #[case("_k", "k", false)]
    #[case("k_", "k", false)]
    #[case("$k", "k", false)]
    #[case("k$", "k", false)]
    #[case("k1", "k", false)]
    #[case("äk", "k", false)]
    #[case("kä", "k", false)]
    #[case("Größe", "größe", true)]
    #[case("größer", "größe", false)]
    #[case("(K)", "k", true)]
    #[case("anything", "", false)]
    fn a_word_ends_where_a_name_does(#[case] text: &str, #[case] word: &str, #[case] expected: bool) {
        assert_eq!(has_word(text, word), expected);
    }

    #[rstest]
    #[case::plain("CREATE TEMPORARY TABLE k (a int)", &["k"])]
    #[case::quoted_in_a_schema("create temporary table if not exists `d` . `K L` (a int)", &["k l"])]
    #[case::two("begin create temporary table a (x int); create temporary table b (x int); end", &["a", "b"])]
    #[case::in_a_string("set @s = 'create temporary table k (a int)'", &["k"])]
    #[case::in_a_string_in_a_string("execute 'prepare s from ''create temporary table k (a int)'''", &["k"])]
    #[case::without_its_name("execute 'create temporary table ' || name", &[])]
    #[case::a_sequence("create temporary sequence s", &[])]
    #[case::a_table("create table temporary_table (a int)", &[])]
    #[case::in_a_comment("-- create temporary table k\nselect 1", &[])]
    fn temporary_tables_are_found_in_bodies_and_strings(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(temporary_tables_in(text), expected);
    }

    #[rstest]
    #[case("execute 'create temporary table ' || name || ' (a int)'", true)]
    #[case("set @s = concat('CREATE TEMP', 'ORARY TABLE k (a int)')", true)]
    #[case("set @s = 'create temporary table k (a int)'", false)]
    #[case("create temporary table k (a int)", false)]
    #[case("select 'temp'", false)]
    #[case("select 'created'", false)]
    fn a_statement_is_put_together_where_a_string_has_a_part_without_the_name(
        #[case] text: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(puts_temporary_table_together(text), expected);
    }

    #[rstest]
    #[case("`K L`", "k l")]
    #[case("[K]", "k")]
    #[case("\"Ä\"", "ä")]
    #[case("K", "k")]
    #[case("\"", "\"")]
    fn a_name_is_compared_in_lower_case_and_without_quotes(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(unquoted(text), expected);
    }
}
