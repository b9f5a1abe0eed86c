//! Whether a statement loses data, as far as its text shows. Meant for a person who is asked before it runs: if its
//! effects cannot be seen, that is said, and it is never taken for harmless.

use super::Dialect;
use super::cursor::Cursor;
use super::ddl::{Action, Alter, Change, Create, Ddl, Modifier, ObjectKind, Part};
use super::name::Name;
use super::tokens::{Parsed, Token};

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DataLoss {
    /// Data are lost, or may be; the text is the end of a sentence.
    Loses(String),
    /// Its effects are defined elsewhere: in a function, in a text that is executed.
    CannotTell,
}

impl DataLoss {
    /// Of a statement; None if its text shows no loss.
    #[must_use]
    pub fn of(sql: &str, dialect: Dialect) -> Option<Self> {
        Parsed::ask(sql, dialect, data_loss)
    }
}

/// Of statements that define nothing, only this is parsed.
fn data_loss(statement: Parsed<'_>) -> Option<DataLoss> {
    let mut words = statement.words();
    match statement.first {
        "drop" => dropped(statement, words),
        "create" => match statement.ddl {
            Some(Ddl::Create(create)) => replaced(create, words),
            _ => None,
        },
        "alter" => match statement.ddl {
            Some(Ddl::Alter(alter)) => altered(alter, statement),
            // Not even the table's name was understood.
            _ => words.sees(&["table"]).then_some(DataLoss::CannotTell),
        },
        "truncate" => {
            words.eat(&["table"]);
            Some(losing("empties", &listed(&words.tables().unwrap_or_default())))
        }
        "delete" => Some(losing("deletes rows of", &target(words))),
        "update" => Some(losing("overwrites values in", &target(words))),
        "replace" => Some(losing("replaces rows of", &target(words))),
        "merge" => Some(losing("overwrites or deletes rows of", &target(words))),
        "insert" => {
            let overwrites = [("do", "update"), ("key", "update"), ("or", "replace")];
            let found = overwrites.iter().any(|(first, second)| words.follow(first, second));
            found.then(|| losing("may overwrite rows", ""))
        }
        "with" if ["delete", "update", "merge"].iter().any(|word| words.has(word)) => {
            Some(losing("deletes or overwrites rows", ""))
        }
        "load" => words.has("replace").then(|| losing("replaces rows", "")),
        "select" | "values" | "table" | "with" => calls_a_function(words).then_some(DataLoss::CannotTell),
        "explain" => words.has("analyze").then_some(DataLoss::CannotTell),
        word => (!word.is_empty() && !HARMLESS.contains(&word)).then_some(DataLoss::CannotTell),
    }
}

/// First words of statements that lose no data.
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

/// Functions that change nothing, and other words that can be before a parenthesis.
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

fn listed(names: &[Name]) -> String {
    names.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}

/// The table whose rows a statement changes.
fn target(mut words: Cursor<'_>) -> String {
    while words.eat(&["low_priority", "delayed", "quick", "ignore"]) {}
    // SQLite: what to do about a conflicting row.
    if words.eat(&["or"]) {
        words.next();
    }
    words.eat(&["from", "into"]);
    let table = { words }.table().map(|table| table.to_string());
    // MySQL: t.*, of several tables.
    table.or_else(|| words.next().map(|token| token.text.to_owned())).unwrap_or_default()
}

/// Source: PostgreSQL's, MySQL's, MariaDB's and SQLite's reference of `DROP …`.
fn dropped(statement: Parsed<'_>, mut words: Cursor<'_>) -> Option<DataLoss> {
    let what = words.next()?.text.to_ascii_lowercase();
    let (kind, names) = match statement.ddl {
        // Nobody else uses a session's tables.
        Some(Ddl::Drop(drop)) if drop.says(Modifier::Temporary) => return None,
        Some(Ddl::Drop(drop)) => (drop.kind, listed(&drop.names)),
        _ => {
            words.eat(&["by"]);
            (ObjectKind::Other, listed(&words.tables().unwrap_or_default()))
        }
    };
    match what.as_str() {
        _ if holds_data(kind) => Some(losing(&format!("drops {what}"), &names)),
        "owned" => Some(losing("drops everything owned by", &names)),
        "foreign" => None,
        _ if is_made_again(kind) => None,
        _ => words.has("cascade").then(|| {
            let names = format!("{what} {names}");
            DataLoss::Loses(format!(
                "drops {} and everything that depends on it, including columns (CASCADE)",
                names.trim_end()
            ))
        }),
    }
}

fn holds_data(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Table | ObjectKind::Schema | ObjectKind::Database | ObjectKind::Sequence)
}

/// Whether it is derived from data that remain, as a query's result is.
fn is_made_again(kind: ObjectKind) -> bool {
    use ObjectKind::{Index, MaterializedView, Policy, Rule, Trigger, View};
    matches!(kind, View | MaterializedView | Index | Trigger | Rule | Policy)
}

/// MariaDB drops what it replaces.
fn replaced(create: &Create, words: Cursor<'_>) -> Option<DataLoss> {
    let kind = words.after("replace")?.next()?.text.to_ascii_lowercase();
    let name = create.name.as_ref().map(Name::to_string).unwrap_or_default();
    let is_lost = create.says(Modifier::OrReplace) && !create.says(Modifier::Temporary) && holds_data(create.kind);
    is_lost.then(|| losing(&format!("replaces {kind}"), &name))
}

fn altered(alter: &Alter, statement: Parsed<'_>) -> Option<DataLoss> {
    let of = |action: &Action| of_action(&action.change, statement.words_of(&action.tokens));
    let found: Vec<String> = match alter.kind {
        ObjectKind::Table => alter.actions.iter().filter_map(of).collect(),
        ObjectKind::Type => statement.words().parts(0).filter_map(of_attribute).collect(),
        _ => return None,
    };
    let name = alter.name.as_ref().map(Name::to_string).unwrap_or_default();
    (!found.is_empty()).then(|| losing(&found.join(", "), &format!("of {name}")))
}

/// Source: the reference of `ALTER TABLE`.
fn of_action(change: &Change, mut words: Cursor<'_>) -> Option<String> {
    match change {
        Change::Drop { what: Part::Column, name, .. } => return Some(format!("drops column {name}")),
        Change::ChangeType(column) => {
            return Some(format!("changes the type (which may truncate values) of column {column}"));
        }
        Change::Redefine { from, .. } => {
            return Some(format!("changes the definition (which may truncate values) of column {from}"));
        }
        Change::Other => {}
        _ => return None,
    }
    // Actions without a type of their own, and those that were not understood.
    let verb = words.next()?.text.to_ascii_lowercase();
    let as_written = |words: Cursor<'_>| words.rest().iter().map(|token| token.text).collect::<Vec<_>>().join(" ");
    match verb.as_str() {
        "convert" => Some("changes the character set (which may truncate values)".to_owned()),
        "truncate" => Some(format!("empties {}", as_written(words))),
        "discard" => Some("discards the data".to_owned()),
        "drop" if words.sees(&["period"]) => None,
        "drop" if words.eat(&["partition"]) => {
            Some(format!("drops partition {}", listed(&words.tables().unwrap_or_default())))
        }
        "drop" if words.sees(&["system"]) => Some("drops the history".to_owned()),
        "drop" => Some(format!("drops {}", as_written(words))),
        "change" | "modify" => Some("changes the definition (which may truncate values) of a column".to_owned()),
        _ => None,
    }
}

/// The attributes of a type are like columns, but only the words say what happens to them. Source: the reference of
/// `ALTER TYPE`.
fn of_attribute(action: Cursor<'_>) -> Option<String> {
    let loss = if action.follow("drop", "attribute") {
        "drops attribute"
    } else {
        action.follow("alter", "attribute").then_some("changes the type (which may truncate values) of attribute")?
    };
    let mut words = action.after("attribute")?;
    words.eat_all(&["if", "exists"]);
    Some(format!("{loss} {}", words.identifier()?))
}

/// Whether there is a name before a parenthesis that may be a function with effects.
fn calls_a_function(words: Cursor<'_>) -> bool {
    let is_call = |pair: &[Token<'_>]| match pair {
        [name, open] if open.text == "(" => {
            let first = name.text.chars().next().unwrap_or('(');
            let is_name = first.is_alphabetic() || matches!(first, '_' | '"' | '`');
            is_name && !PURE.iter().any(|word| name.is(word))
        }
        _ => false,
    };
    words.rest().windows(2).any(is_call)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("DROP TABLE IF EXISTS a, s.b CASCADE", "drops table a, s.b")]
    #[case("drop schema app cascade", "drops schema app")]
    #[case("drop type mood cascade", "drops type mood and everything that depends on it, including columns (CASCADE)")]
    #[case("drop owned by app", "drops everything owned by app")]
    #[case("TRUNCATE ONLY a, b", "empties a, b")]
    #[case("delete from only a where x", "deletes rows of a")]
    #[case("with gone as (delete from a returning *) insert into b select * from gone", "deletes or overwrites rows")]
    #[case("update a set x = 1", "overwrites values in a")]
    #[case("insert into a values (1) on conflict (id) do update set x = 1", "may overwrite rows")]
    #[case("alter table if exists only s.a drop column if exists x cascade", "drops column x of s.a")]
    #[case("alter table a drop x, add y int, drop constraint c", "drops column x of a")]
    #[case("alter table a drop index", "drops column index of a")]
    #[case("alter table a drop key, drop period", "drops column key, drops column period of a")]
    #[case(
        "drop operator + (int, int) cascade",
        "drops operator and everything that depends on it, including columns (CASCADE)"
    )]
    #[case(
        "drop aggregate a (int) cascade",
        "drops aggregate a and everything that depends on it, including columns (CASCADE)"
    )]
    #[case(
        "alter type t alter attribute x type text",
        "changes the type (which may truncate values) of attribute x of t"
    )]
    #[case("alter type t drop attribute if exists x, drop attribute y", "drops attribute x, drops attribute y of t")]
    #[case("merge into only a using b on true when matched then delete", "overwrites or deletes rows of a")]
    #[case("alter table a alter x type smallint", "changes the type (which may truncate values) of column x of a")]
    #[case(
        "alter table a alter column x set data type int",
        "changes the type (which may truncate values) of column x of a"
    )]
    #[case("alter type t drop attribute x", "drops attribute x of t")]
    fn what_postgresql_loses(#[case] sql: &str, #[case] told: &str) {
        assert_eq!(DataLoss::of(sql, Dialect::Postgres), Some(DataLoss::Loses(told.to_owned())));
    }

    #[rstest]
    #[case("ALTER TABLE a DROP INDEX i, DROP COLUMN `x`", "drops column `x` of a")]
    #[case("alter table a modify x varchar(3)", "changes the definition (which may truncate values) of column x of a")]
    #[case(
        "alter table a change column x y int",
        "changes the definition (which may truncate values) of column x of a"
    )]
    #[case("alter table a drop partition p0, p1", "drops partition p0 of a")]
    #[case("alter table a truncate partition p0", "empties partition p0 of a")]
    #[case("alter table a drop system versioning", "drops the history of a")]
    #[case("replace into a values (1)", "replaces rows of a")]
    #[case("insert into a values (1) on duplicate key update x = 1", "may overwrite rows")]
    #[case("create or replace table a (x int)", "replaces table a")]
    #[case("/*! drop table a */", "drops table a")]
    #[case("drop tables a, `b c`", "drops tables a, `b c`")]
    #[case("drop table \"a\"", "drops table \"a\"")]
    #[case("create or replace database d", "replaces database d")]
    #[case("alter table a drop partition if exists p0", "drops partition p0 of a")]
    #[case(
        "alter table a drop 'x', modify 'y' int",
        "drops 'x', changes the definition (which may truncate values) of a column of a"
    )]
    #[case(
        "alter table a convert to character set ascii",
        "changes the character set (which may truncate values) of a"
    )]
    #[case("alter table a discard tablespace", "discards the data of a")]
    #[case("delete low_priority quick ignore from d.a where x", "deletes rows of d.a")]
    #[case("delete a.*, b.* from a join b", "deletes rows of a")]
    #[case("replace delayed a values (1)", "replaces rows of a")]
    #[case("load data infile 'x' replace into table a", "replaces rows")]
    fn what_mariadb_loses(#[case] sql: &str, #[case] told: &str) {
        assert_eq!(DataLoss::of(sql, Dialect::Mariadb), Some(DataLoss::Loses(told.to_owned())));
    }

    #[rstest]
    #[case("drop index concurrently i")]
    #[case("drop view v cascade")]
    #[case("drop function f()")]
    #[case("drop foreign table a cascade")]
    #[case("alter view v alter x drop default")]
    #[case("alter system set work_mem = 1")]
    #[case("alter type t add value 'x', add attribute a int")]
    #[case("alter table a drop constraint c, alter x drop not null, alter y drop default, rename to b")]
    #[case("alter table a add column drop_me int")]
    #[case("create or replace view v as select 1")]
    #[case("create function f() returns void language sql as 'delete from a'")]
    #[case("insert into a select * from b")]
    #[case("comment on table a is 'drop table a'")]
    #[case("select count(*), 'drop' from a where x in (1)")]
    #[case("-- drop table a")]
    fn what_loses_nothing(#[case] sql: &str) {
        assert_eq!(DataLoss::of(sql, Dialect::Postgres), None);
    }

    #[rstest]
    #[case("alter table a drop index x, drop key x, drop primary key, drop foreign key x, drop check x")]
    #[case("alter table a drop period for system_time, add x int, rename to b, engine = innodb")]
    #[case("drop temporary table a")]
    #[case("create or replace temporary table a (x int)")]
    #[case("create table a (x int)")]
    #[case("create or replace view a as select 1")]
    fn what_loses_nothing_on_mariadb(#[case] sql: &str) {
        assert_eq!(DataLoss::of(sql, Dialect::Mariadb), None);
    }

    #[rstest]
    #[case("do $$ begin delete from a; end $$")]
    #[case("call undo()")]
    #[case("execute p")]
    #[case("select undo()")]
    #[case("select app.\"undo\" (1)")]
    #[case("explain analyze delete from a")]
    #[case("frobnicate a")]
    #[case("alter table 'a' drop x")]
    fn what_cannot_be_seen_into(#[case] sql: &str) {
        assert_eq!(DataLoss::of(sql, Dialect::Postgres), Some(DataLoss::CannotTell));
    }

    #[rstest]
    #[case("alter table a drop x", Some("drops column x of a"))]
    #[case("insert or replace into a values (1)", Some("may overwrite rows"))]
    #[case("update or ignore a set x = 1", Some("overwrites values in a"))]
    #[case("pragma foreign_keys = off", None)]
    fn what_sqlite_loses(#[case] sql: &str, #[case] told: Option<&str>) {
        let told = told.map(|told| DataLoss::Loses(told.to_owned()));
        assert_eq!(DataLoss::of(sql, Dialect::Sqlite), told);
    }
}
