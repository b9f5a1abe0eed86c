//! Whether a statement takes data away, as far as its own words tell. For a person who is asked before it runs: what
//! cannot be seen into is said to be so, never taken for harmless.

use super::Dialect;
use super::tokens::{Parsed, Token};

/// What a statement takes away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DataLoss {
    /// Data go, or may go: what it does, as the end of a sentence.
    Loses(String),
    /// What it does stands elsewhere: in a function, in a text that is executed.
    CannotTell,
}

/// What a statement takes away; None where nothing is lost that its words tell of.
pub(crate) fn data_loss(statement: Parsed<'_>, dialect: Dialect) -> Option<DataLoss> {
    statement.tokens.first()?;
    let rest = Rest(statement.rest());
    match statement.first {
        "drop" => drop(rest),
        "truncate" => Some(losing("empties", &rest.skip(&["table"]).names())),
        "delete" => Some(losing("deletes rows of", &rest.skip(&["from"]).name())),
        "update" => Some(losing("overwrites values in", &rest.name())),
        "replace" => Some(losing("replaces rows of", &rest.skip(&["into"]).name())),
        "merge" => Some(losing("overwrites or deletes rows of", &rest.skip(&["into"]).name())),
        "insert" => insert(rest),
        "with" if ["delete", "update", "merge"].iter().any(|word| rest.has(word)) => {
            Some(losing("deletes or overwrites rows", ""))
        }
        "load" => rest.has("replace").then(|| DataLoss::Loses("replaces rows".to_owned())),
        "alter" => alter(rest, dialect),
        "create" => create(rest),
        "select" | "values" | "table" | "with" => rest.calls_a_function().then_some(DataLoss::CannotTell),
        "explain" => rest.has("analyze").then_some(DataLoss::CannotTell),
        word => (!HARMLESS.contains(&word)).then_some(DataLoss::CannotTell),
    }
}

/// What statements begin with that take no data away.
const HARMLESS: &[&str] = &[
    "abort",
    "analyze",
    "attach",
    "begin",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "deallocate",
    "declare",
    "detach",
    "discard",
    "end",
    "fetch",
    "flush",
    "grant",
    "import",
    "listen",
    "lock",
    "move",
    "notify",
    "optimize",
    "pragma",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "rename",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "set",
    "show",
    "start",
    "unlisten",
    "unlock",
    "use",
    "vacuum",
];

/// Functions, and words that stand before a parenthesis, that change nothing.
const PURE: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "avg",
    "by",
    "case",
    "cast",
    "coalesce",
    "concat",
    "count",
    "current_setting",
    "else",
    "exists",
    "filter",
    "from",
    "having",
    "in",
    "join",
    "lower",
    "max",
    "min",
    "not",
    "now",
    "nullif",
    "on",
    "or",
    "over",
    "row",
    "select",
    "set_config",
    "sum",
    "then",
    "to_regclass",
    "union",
    "upper",
    "using",
    "values",
    "when",
    "where",
    "version",
];

fn losing(what: &str, of: &str) -> DataLoss {
    DataLoss::Loses(format!("{what} {of}").trim_end().to_owned())
}

/// Source: PostgreSQL's, MySQL's, MariaDB's and SQLite's reference of `DROP …`.
fn drop(rest: Rest<'_>) -> Option<DataLoss> {
    let (kind, rest) = rest.next()?;
    let names = rest.names();
    match kind.to_ascii_lowercase().as_str() {
        kind @ ("table" | "tables" | "schema" | "database" | "sequence") => {
            Some(losing(&format!("drops {kind}"), &names))
        }
        "owned" => Some(losing("drops all that is owned by", &names)),
        // A query's result can be made again; a session's tables are nobody else's.
        "view" | "materialized" | "index" | "trigger" | "rule" | "policy" | "temporary" | "foreign" | "user"
        | "role" => None,
        kind => rest.has("cascade").then(|| {
            DataLoss::Loses(format!("drops {kind} {names} and whatever depends on it, columns, too (CASCADE)"))
        }),
    }
}

fn insert(rest: Rest<'_>) -> Option<DataLoss> {
    let words = |first, second| rest.follow(first, second);
    let overwrites = words("do", "update") || words("key", "update") || words("or", "replace");
    overwrites.then(|| DataLoss::Loses("may overwrite rows".to_owned()))
}

/// MariaDB drops what it replaces.
fn create(rest: Rest<'_>) -> Option<DataLoss> {
    let replaced = rest.eat(&["or", "replace"])?;
    let (kind, named) = replaced.next()?;
    let kind = kind.to_ascii_lowercase();
    matches!(kind.as_str(), "table" | "schema" | "database" | "sequence")
        .then(|| losing(&format!("replaces {kind}"), &named.name()))
}

fn alter(rest: Rest<'_>, dialect: Dialect) -> Option<DataLoss> {
    let (kind, rest) = rest.skip(&["online"]).skip(&["ignore"]).next()?;
    if !["table", "type"].iter().any(|word| kind.eq_ignore_ascii_case(word)) {
        return None;
    }
    let rest = rest.skip(&["if", "exists"]).skip(&["only"]);
    let table = rest.name();
    let found: Vec<String> = rest.after_name().actions().filter_map(|action| of_action(action, dialect)).collect();
    (!found.is_empty()).then(|| DataLoss::Loses(format!("{} of {table}", found.join(", "))))
}

/// Source: the references of `ALTER TABLE` and `ALTER TYPE`.
fn of_action(action: Rest<'_>, dialect: Dialect) -> Option<String> {
    let (verb, rest) = action.next()?;
    match verb.to_ascii_lowercase().as_str() {
        "drop" => drop_action(rest, dialect),
        "alter" => {
            let rest = rest.skip(&["column"]).skip(&["attribute"]);
            let changed = rest.after_name();
            let is_type = changed.eat(&["type"]).or_else(|| changed.eat(&["set", "data", "type"])).is_some();
            is_type.then(|| format!("changes the type, which may cut values, of column {}", rest.name()))
        }
        "modify" | "change" => {
            let column = rest.skip(&["column"]).skip(&["if", "exists"]).name();
            Some(format!("defines anew, which may cut values, column {column}"))
        }
        "convert" => Some("changes the character set, which may cut values,".to_owned()),
        "truncate" => Some(format!("empties {}", rest.0.iter().map(|token| token.text).collect::<Vec<_>>().join(" "))),
        "discard" => Some("discards the data".to_owned()),
        _ => None,
    }
}

fn drop_action(rest: Rest<'_>, dialect: Dialect) -> Option<String> {
    let drops_keys = dialect.grammar().alter_drops_keys();
    let (first, behind) = rest.next()?;
    match first.to_ascii_lowercase().as_str() {
        "constraint" => None,
        "index" | "key" | "primary" | "foreign" | "check" | "default" | "period" if drops_keys => None,
        "partition" if drops_keys => Some(format!("drops partition {}", behind.names())),
        "system" if drops_keys => Some("drops the history".to_owned()),
        "column" | "attribute" => Some(format!("drops {} {}", first.to_ascii_lowercase(), behind.names())),
        _ => Some(format!("drops column {}", rest.names())),
    }
}

/// The rest of a statement's tokens.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a [Token<'a>]);

impl<'a> Rest<'a> {
    fn next(self) -> Option<(&'a str, Self)> {
        let (first, rest) = self.0.split_first()?;
        Some((first.text, Rest(rest)))
    }

    /// What follows words, where they come first.
    fn eat(self, words: &[&str]) -> Option<Self> {
        let found = self.0.len() >= words.len() && self.0.iter().zip(words).all(|(token, word)| token.is(word));
        found.then(|| Rest(self.0.get(words.len()..).unwrap_or_default()))
    }

    fn skip(self, words: &[&str]) -> Self {
        self.eat(words).unwrap_or(self)
    }

    fn has(self, word: &str) -> bool {
        self.0.iter().any(|token| token.is(word))
    }

    fn follow(self, first: &str, second: &str) -> bool {
        self.0.windows(2).any(|pair| matches!(pair, [a, b] if a.is(first) && b.is(second)))
    }

    /// How many tokens a name has, perhaps with schemas.
    fn length_of_name(self) -> usize {
        let mut length = self.0.len().min(1);
        while self.0.get(length).is_some_and(|token| token.text == ".") {
            length += 2;
        }
        length.min(self.0.len())
    }

    fn name(self) -> String {
        let rest = self.skip(&["low_priority"]).skip(&["ignore"]).skip(&["only"]).skip(&["if", "exists"]);
        rest.0.iter().take(rest.length_of_name()).map(|token| token.text).collect()
    }

    fn after_name(self) -> Self {
        Rest(self.0.get(self.length_of_name()..).unwrap_or_default())
    }

    /// Names with commas between them.
    fn names(self) -> String {
        let mut rest = self.skip(&["concurrently"]).skip(&["if", "exists"]).skip(&["by"]).skip(&["only"]);
        let mut names = vec![rest.name()];
        while let Some(more) = rest.after_name().eat(&[","]) {
            rest = more;
            names.push(rest.name());
        }
        names.join(", ")
    }

    /// Divides at the commas outside parentheses.
    fn actions(self) -> impl Iterator<Item = Rest<'a>> {
        self.0.split(|token| token.depth == 0 && token.text == ",").map(Rest)
    }

    /// Whether a name stands before a parenthesis that may be a function which changes something.
    fn calls_a_function(self) -> bool {
        let is_call = |pair: &[Token<'_>]| match pair {
            [name, open] if open.text == "(" => {
                let first = name.text.chars().next().unwrap_or('(');
                let is_name = first.is_alphabetic() || matches!(first, '_' | '"' | '`');
                is_name && !PURE.iter().any(|word| name.is(word))
            }
            _ => false,
        };
        self.0.windows(2).any(is_call)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn data_loss(sql: &str, dialect: Dialect) -> Option<DataLoss> {
        Parsed::ask(sql, dialect, |statement| super::data_loss(statement, dialect))
    }

    #[rstest]
    #[case("DROP TABLE IF EXISTS a, s.b CASCADE", "drops table a, s.b")]
    #[case("drop schema app cascade", "drops schema app")]
    #[case("drop type mood cascade", "drops type mood and whatever depends on it, columns, too (CASCADE)")]
    #[case("drop owned by app", "drops all that is owned by app")]
    #[case("TRUNCATE ONLY a, b", "empties a, b")]
    #[case("delete from only a where x", "deletes rows of a")]
    #[case("with gone as (delete from a returning *) insert into b select * from gone", "deletes or overwrites rows")]
    #[case("update a set x = 1", "overwrites values in a")]
    #[case("insert into a values (1) on conflict (id) do update set x = 1", "may overwrite rows")]
    #[case("alter table if exists only s.a drop column if exists x cascade", "drops column x of s.a")]
    #[case("alter table a drop x, add y int, drop constraint c", "drops column x of a")]
    #[case("alter table a drop index", "drops column index of a")]
    #[case("alter table a alter x type smallint", "changes the type, which may cut values, of column x of a")]
    #[case(
        "alter table a alter column x set data type int",
        "changes the type, which may cut values, of column x of a"
    )]
    #[case("alter type t drop attribute x", "drops attribute x of t")]
    fn what_postgresql_loses(#[case] sql: &str, #[case] told: &str) {
        assert_eq!(data_loss(sql, Dialect::Postgres), Some(DataLoss::Loses(told.to_owned())));
    }

    #[rstest]
    #[case("ALTER TABLE a DROP INDEX i, DROP COLUMN `x`", "drops column `x` of a")]
    #[case("alter table a modify x varchar(3)", "defines anew, which may cut values, column x of a")]
    #[case("alter table a change column x y int", "defines anew, which may cut values, column x of a")]
    #[case("alter table a drop partition p0, p1", "drops partition p0 of a")]
    #[case("alter table a truncate partition p0", "empties partition p0 of a")]
    #[case("alter table a drop system versioning", "drops the history of a")]
    #[case("replace into a values (1)", "replaces rows of a")]
    #[case("insert into a values (1) on duplicate key update x = 1", "may overwrite rows")]
    #[case("create or replace table a (x int)", "replaces table a")]
    #[case("/*! drop table a */", "drops table a")]
    fn what_mariadb_loses(#[case] sql: &str, #[case] told: &str) {
        assert_eq!(data_loss(sql, Dialect::Mariadb), Some(DataLoss::Loses(told.to_owned())));
    }

    #[rstest]
    #[case("drop index concurrently i")]
    #[case("drop view v cascade")]
    #[case("drop function f()")]
    #[case("alter table a drop constraint c, alter x drop not null, alter y drop default, rename to b")]
    #[case("alter table a add column drop_me int")]
    #[case("create or replace view v as select 1")]
    #[case("create function f() returns void language sql as 'delete from a'")]
    #[case("insert into a select * from b")]
    #[case("comment on table a is 'drop table a'")]
    #[case("select count(*), 'drop' from a where x in (1)")]
    #[case("-- drop table a")]
    fn what_loses_nothing(#[case] sql: &str) {
        assert_eq!(data_loss(sql, Dialect::Postgres), None);
    }

    #[rstest]
    #[case("do $$ begin delete from a; end $$")]
    #[case("call undo()")]
    #[case("execute p")]
    #[case("select undo()")]
    #[case("select app.\"undo\" (1)")]
    #[case("explain analyze delete from a")]
    #[case("frobnicate a")]
    fn what_cannot_be_seen_into(#[case] sql: &str) {
        assert_eq!(data_loss(sql, Dialect::Postgres), Some(DataLoss::CannotTell));
    }

    #[rstest]
    #[case("alter table a drop x", Some("drops column x of a"))]
    #[case("insert or replace into a values (1)", Some("may overwrite rows"))]
    #[case("pragma foreign_keys = off", None)]
    fn what_sqlite_loses(#[case] sql: &str, #[case] told: Option<&str>) {
        let told = told.map(|told| DataLoss::Loses(told.to_owned()));
        assert_eq!(data_loss(sql, Dialect::Sqlite), told);
    }
}
