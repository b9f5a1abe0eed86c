//! Whether a file looks like another engine's SQL. Only for a hint next to an error: nothing is refused because of it,
//! and without a clear sign there is no hint.

use std::fmt;

use super::Dialect;
use super::position::position;
use super::tokens::{Token, tokens};

/// Engines that these signs cannot tell apart are one family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Postgres,
    Mysql,
    Sqlite,
}

/// Something in a file that its engine does not know, and another one does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignSign {
    what: &'static str,
    of: Family,
    /// In the file, from 1.
    line: usize,
    read_as: Dialect,
}

impl ForeignSign {
    /// The first sign of another engine's SQL; None if there is none, or if the file has a sign of its own engine, too.
    #[must_use]
    pub fn find(sql: &str, dialect: Dialect) -> Option<Self> {
        let own = Family::of(dialect);
        let mut found: Option<(usize, Family, &'static str)> = None;
        let mut before: Option<Token<'_>> = None;
        let mut tokens = tokens(sql, dialect).peekable();
        while let Some(token) = tokens.next() {
            let is_first = before.is_none_or(|before| before.text == ";");
            match sign(sql, token, is_first, tokens.peek()) {
                Some((family, _)) if family == own => return None,
                // SQLite accepts names in backticks, too.
                Some((Family::Mysql, BACKTICKS)) if own == Family::Sqlite => {}
                Some((family, what)) => found = found.or(Some((token.start, family, what))),
                None => {}
            }
            before = Some(token);
        }
        let (byte, of, what) = found?;
        Some(Self { what, of, line: position(sql, byte).line, read_as: dialect })
    }
}

const BACKTICKS: &str = "a name in backticks";
/// Types that no other engine has. `SERIAL` is not here, since `MySQL` has it too. Source: `PostgreSQL`, table 8.1
/// "Data Types".
const POSTGRES_TYPES: [&str; 4] = ["bigserial", "smallserial", "timestamptz", "bytea"];
/// Source: `MySQL` and `MariaDB`, `SHOW ENGINES`.
const MYSQL_STORAGE: [&str; 6] = ["innodb", "myisam", "aria", "memory", "archive", "csv"];

/// The family that a token is a sign of. `is_first`: it is the first of its statement.
fn sign(sql: &str, token: Token<'_>, is_first: bool, next: Option<&Token<'_>>) -> Option<(Family, &'static str)> {
    let is_one_of = |token: &Token<'_>, words: &[&str]| words.iter().any(|word| token.is(word));
    let rest = sql.get(token.start..).unwrap_or_default();
    let in_line = |next: &Token<'_>| sql.get(token.start..next.start).is_some_and(|between| !between.contains('\n'));
    if token.text.starts_with('`') {
        return Some((Family::Mysql, BACKTICKS));
    }
    if is_first && token.is("delimiter") && next.is_some_and(in_line) {
        return Some((Family::Mysql, "a line DELIMITER"));
    }
    if token.is("auto_increment") {
        return Some((Family::Mysql, "AUTO_INCREMENT"));
    }
    if is_one_of(&token, &MYSQL_STORAGE) && sql.get(..token.start).is_some_and(ends_in_engine) {
        return Some((Family::Mysql, "ENGINE = …"));
    }
    if opens_dollar_quote(rest) {
        return Some((Family::Postgres, "a dollar quote"));
    }
    if rest.starts_with("::") {
        return Some((Family::Postgres, "a cast by ::"));
    }
    if token.is("plpgsql") {
        return Some((Family::Postgres, "the language plpgsql"));
    }
    if is_one_of(&token, &POSTGRES_TYPES) {
        return Some((Family::Postgres, "a type that only it has"));
    }
    if token.is("autoincrement") {
        return Some((Family::Sqlite, "AUTOINCREMENT"));
    }
    (is_first && token.is("pragma")).then_some((Family::Sqlite, "PRAGMA"))
}

fn ends_in_engine(before: &str) -> bool {
    let word = before.trim_end().strip_suffix('=').map(str::trim_end);
    word.and_then(|word| word.get(word.len().checked_sub("engine".len())?..))
        .is_some_and(|word| word.eq_ignore_ascii_case("engine"))
}

/// Whether a text begins with `$$` or `$tag$`.
fn opens_dollar_quote(text: &str) -> bool {
    let tag = text.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    tag.is_some_and(|(tag, _)| tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

impl Family {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres,
            Dialect::Mysql | Dialect::Mariadb => Self::Mysql,
            Dialect::Sqlite => Self::Sqlite,
        }
    }
}

impl fmt::Display for ForeignSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, of, line, read_as } = self;
        let (engines, schemes) = match of {
            Family::Postgres => ("PostgreSQL's", "postgres://"),
            Family::Mysql => ("MySQL's or MariaDB's", "mysql:// or mariadb://"),
            Family::Sqlite => ("SQLite's", "sqlite:"),
        };
        write!(
            f,
            "the file looks like {engines} SQL (line {line} has {what}), but the database's URL names {read_as}: if the files \
             are for the former, give a URL that begins with {schemes}"
        )?;
        match of {
            Family::Sqlite => Ok(()),
            _ => f.write_str(" (in a resource, set spec.database.engine, too)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::Dialect;
    use super::ForeignSign;

    fn told(sql: &str, dialect: Dialect) -> Option<String> {
        ForeignSign::find(sql, dialect).map(|sign| sign.to_string())
    }

    #[rstest]
    #[case(
        Dialect::Postgres,
        "select 1;\ncreate table `t` (a int)",
        "MySQL's or MariaDB's SQL (line 2 has a name in backticks)"
    )]
    #[case(
        Dialect::Postgres,
        "DELIMITER //\ncreate trigger x",
        "(line 1 has a line DELIMITER), but the database's URL names PostgreSQL"
    )]
    #[case(Dialect::Postgres, "create table t (a int auto_increment)", "AUTO_INCREMENT")]
    #[case(Dialect::Postgres, "create table t (a int)\n  engine=InnoDB", "(line 2 has ENGINE = …)")]
    #[case(Dialect::Postgres, "create table t (a integer primary key autoincrement)", "that begins with sqlite:")]
    #[case(Dialect::Postgres, "pragma foreign_keys = on", "SQLite's SQL (line 1 has PRAGMA)")]
    #[case(
        Dialect::Mysql,
        "create function f() returns int as $$ select 1 $$ language sql",
        "PostgreSQL's SQL (line 1 has a dollar quote)"
    )]
    #[case(
        Dialect::Mariadb,
        "do $x$ begin it's; end $x$",
        "names MariaDB: if the files are for the former, give a URL that begins with postgres://"
    )]
    #[case(Dialect::Mysql, "do $my_body2$ begin end $my_body2$", "a dollar quote")]
    #[case(Dialect::Mysql, "select a::text", "a cast by ::")]
    #[case(Dialect::Mysql, "create table t (a bigserial)", "a type that only it has")]
    #[case(Dialect::Sqlite, "create function f() returns trigger language plpgsql", "the language plpgsql")]
    #[case(Dialect::Sqlite, "create function f() returns int as $$\nbegin return 1; end;\n$$", "a dollar quote")]
    #[case(Dialect::Sqlite, "select '1'::int", "a cast by ::")]
    #[case(Dialect::Sqlite, "create table t (a int) engine = myisam", "ENGINE")]
    fn a_clear_sign_of_another_engine_is_named(#[case] dialect: Dialect, #[case] sql: &str, #[case] expected: &str) {
        let told = told(sql, dialect);
        assert!(told.as_ref().is_some_and(|told| told.contains(expected)), "{told:?}");
    }

    #[rstest]
    #[case::nothing(Dialect::Postgres, "create tabel t (a int)")]
    #[case::in_a_string(Dialect::Postgres, "select '`a` auto_increment', $$delimiter //$$")]
    #[case::in_a_comment(Dialect::Postgres, "-- as `mysql` has auto_increment\nselect")]
    #[case::an_option_of_copy(Dialect::Postgres, "copy t from '/x'\ndelimiter ',' oops")]
    #[case::a_column(Dialect::Postgres, "update cars set engine = 'v8' oops")]
    #[case::a_sign_of_its_own_beside_it(Dialect::Postgres, "do $$ begin end $$; select `a`")]
    #[case::a_delimiter_of_dollars(Dialect::Mysql, "delimiter $$\ncreate procedure p() begin end$$\n")]
    #[case::both_know_it(Dialect::Mysql, "create table t (a serial, b text) oops")]
    #[case::backticks(Dialect::Sqlite, "create table `t` (a int) oops")]
    #[case::two_parameters(Dialect::Sqlite, "select $1 + $2 oops")]
    #[case::a_parameter(Dialect::Sqlite, "select $1, :a, json('{}') oops")]
    fn without_one_nothing_is_said(#[case] dialect: Dialect, #[case] sql: &str) {
        assert_eq!(told(sql, dialect), None);
    }
}
