//! Which lock on a table a statement takes, where its kind alone tells. What depends on the
//! database's state, or is not written down, stays unsaid.
//!
//! Source: `PostgreSQL` 13 to 18, 13.3.1 "Table-Level Locks", and the reference page ALTER TABLE.

use std::fmt;

use super::super::Dialect;
use super::super::tokens::Token;
use super::tokens;

/// A lock's mode, the weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LockMode {
    /// Stands only against those that stop reads.
    AccessShare,
    /// SELECT … FOR UPDATE.
    RowShare,
    /// Writing rows.
    RowExclusive,
    /// Against other changes of the schema; reads and writes go on.
    ShareUpdateExclusive,
    /// Writes wait.
    Share,
    /// Writes wait, and others of its kind.
    ShareRowExclusive,
    /// Only reads go on.
    Exclusive,
    /// Reads and writes wait.
    AccessExclusive,
}

impl LockMode {
    const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// As `PostgreSQL` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A lock, and what it is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableLock {
    /// Its mode.
    pub mode: LockMode,
    /// The table, index or view as the statement writes it.
    pub on: String,
}

/// The strongest lock that a statement takes on what it names; None where its kind does not tell, and for engines
/// other than `PostgreSQL`.
#[must_use]
pub fn table_lock(sql: &str, dialect: Dialect) -> Option<TableLock> {
    if dialect != Dialect::Postgres {
        return None;
    }
    let all: Vec<Token<'_>> = tokens(sql).collect();
    let mut words = Words(&all);
    let found = match words.next()?.text.to_ascii_lowercase().as_str() {
        "alter" => alter(words),
        "comment" => comment(words),
        "create" => create(words),
        "delete" => rows(words, "from"),
        "drop" => drop(words),
        "insert" | "merge" => rows(words, "into"),
        "lock" => lock(words),
        "refresh" => refresh(words),
        "truncate" => {
            words.eat("table");
            Some((LockMode::AccessExclusive, words.names()?))
        }
        "update" => Some((LockMode::RowExclusive, words.relation()?)),
        _ => None,
    };
    found.map(|(mode, on)| TableLock { mode, on })
}

type Found = Option<(LockMode, String)>;

/// The rest of a statement's tokens.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [Token<'a>]);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Skips a word where it is the next one.
    fn eat(&mut self, keyword: &str) -> bool {
        let found = self.0.first().is_some_and(|token| token.is(keyword));
        if found {
            self.next();
        }
        found
    }

    fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let found = self.0.len() >= keywords.len() && self.0.iter().zip(keywords).all(|(token, word)| token.is(word));
        if found {
            self.0 = self.0.get(keywords.len()..).unwrap_or_default();
        }
        found
    }

    /// What follows a word outside parentheses.
    fn after(self, keyword: &str) -> Option<Self> {
        let at = self.0.iter().position(|token| token.depth == 0 && token.is(keyword))?;
        self.0.get(at + 1..).map(Words)
    }

    fn has(self, keyword: &str) -> bool {
        self.0.iter().any(|token| token.is(keyword))
    }

    /// A name, perhaps with a schema.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        loop {
            let token = self.next().filter(|token| !token.is_parenthesis())?;
            name.push_str(token.text);
            if !self.eat(".") {
                return Some(name);
            }
            name.push('.');
        }
    }

    /// `[IF EXISTS] [ONLY] name [*]`
    fn relation(&mut self) -> Option<String> {
        self.eat_all(&["if", "exists"]);
        self.eat("only");
        let name = self.name()?;
        self.eat("*");
        Some(name)
    }

    /// Names with commas between them.
    fn names(&mut self) -> Option<String> {
        let mut names = vec![self.relation()?];
        while self.eat(",") {
            names.push(self.relation()?);
        }
        Some(names.join(", "))
    }
}

fn rows(mut words: Words<'_>, preposition: &str) -> Found {
    let named = words.eat(preposition);
    named.then(|| words.relation())?.map(|on| (LockMode::RowExclusive, on))
}

fn comment(mut words: Words<'_>) -> Found {
    let on = if words.eat_all(&["on", "table"]) {
        words.name()?
    } else if words.eat_all(&["on", "column"]) {
        words.name()?.rsplit_once('.')?.0.to_owned()
    } else {
        return None;
    };
    Some((LockMode::ShareUpdateExclusive, on))
}

fn create(mut words: Words<'_>) -> Found {
    words.eat_all(&["or", "replace"]);
    let unique = words.eat("unique");
    if words.eat("index") {
        let mode = if words.eat("concurrently") { LockMode::ShareUpdateExclusive } else { LockMode::Share };
        return Some((mode, words.after("on")?.relation()?));
    }
    words.eat("constraint");
    if unique {
        None
    } else if words.eat("trigger") {
        Some((LockMode::ShareRowExclusive, words.after("on")?.name()?))
    } else if words.eat("statistics") {
        Some((LockMode::ShareUpdateExclusive, words.after("from")?.name()?))
    } else {
        None
    }
}

fn drop(mut words: Words<'_>) -> Found {
    if words.eat("table") {
        Some((LockMode::AccessExclusive, words.names()?))
    } else if words.eat("index") && !words.eat("concurrently") {
        Some((LockMode::AccessExclusive, format!("the table of {}", words.names()?)))
    } else {
        None
    }
}

fn lock(mut words: Words<'_>) -> Found {
    words.eat("table");
    let on = words.names()?;
    if !words.eat("in") {
        return Some((LockMode::AccessExclusive, on));
    }
    let words = words.0.iter().take_while(|token| !token.is("mode")).map(|token| token.text.to_ascii_uppercase());
    let mode = words.collect::<Vec<_>>().join(" ");
    LockMode::ALL.into_iter().find(|known| known.as_str() == mode).map(|mode| (mode, on))
}

fn refresh(mut words: Words<'_>) -> Found {
    if !words.eat_all(&["materialized", "view"]) {
        return None;
    }
    let mode = if words.eat("concurrently") { LockMode::Exclusive } else { LockMode::AccessExclusive };
    Some((mode, words.name()?))
}

/// Of several actions the strictest lock counts, as the reference page says.
fn alter(mut words: Words<'_>) -> Found {
    if !words.eat("table") || words.eat("all") {
        return None;
    }
    let on = words.relation()?;
    let actions = words.0.split(|token| token.depth == 0 && token.text == ",");
    let modes = actions.map(|action| action_mode(Words(action))).collect::<Option<Vec<_>>>()?;
    Some((modes.into_iter().max()?, on))
}

/// The lock of one action of ALTER TABLE: ACCESS EXCLUSIVE unless the reference page says otherwise.
fn action_mode(mut words: Words<'_>) -> Option<LockMode> {
    let all = words;
    let mode = match words.next()?.text.to_ascii_lowercase().as_str() {
        "add" if adds_foreign_key(words) => LockMode::ShareRowExclusive,
        "add" | "drop" | "force" | "inherit" | "no" | "not" | "of" | "owner" | "rename" | "replica" => {
            LockMode::AccessExclusive
        }
        "alter" => alter_column(words)?,
        "attach" | "cluster" | "validate" => LockMode::ShareUpdateExclusive,
        "detach" if words.has("concurrently") => LockMode::ShareUpdateExclusive,
        "enable" | "disable" if all.has("trigger") => LockMode::ShareRowExclusive,
        "set" if words.eat_all(&["without", "cluster"]) => LockMode::ShareUpdateExclusive,
        // Most storage parameters take the weaker lock; for this one the page does not say so.
        "set" | "reset" if words.eat("(") => {
            (!words.has("user_catalog_table")).then_some(LockMode::ShareUpdateExclusive)?
        }
        "detach" | "enable" | "disable" | "set" => LockMode::AccessExclusive,
        _ => return None,
    };
    Some(mode)
}

fn adds_foreign_key(mut words: Words<'_>) -> bool {
    if words.eat("constraint") {
        words.next();
    }
    words.eat_all(&["foreign", "key"])
}

fn alter_column(mut words: Words<'_>) -> Option<LockMode> {
    if words.eat("constraint") {
        return Some(LockMode::AccessExclusive);
    }
    words.eat("column");
    words.next()?;
    let weak = words.eat_all(&["set", "statistics"]) || words.eat_all(&["set", "("]) || words.eat_all(&["reset", "("]);
    Some(if weak { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::table_lock;
    use crate::migration::Dialect;

    // tests/engine/reading_commands.rs holds these against what a server really takes.
    #[rstest]
    #[case("alter table only s.t add column b int not null", "ACCESS EXCLUSIVE on s.t")]
    #[case("ALTER TABLE IF EXISTS \"T t\" VALIDATE CONSTRAINT c", "SHARE UPDATE EXCLUSIVE on \"T t\"")]
    #[case("alter table t validate constraint c, alter a drop not null", "ACCESS EXCLUSIVE on t")]
    #[case("alter table t add foreign key (a, b) references u (a, b)", "SHARE ROW EXCLUSIVE on t")]
    #[case("alter table t add constraint f foreign key (a) references u", "SHARE ROW EXCLUSIVE on t")]
    #[case("alter table t alter column a set statistics 100", "SHARE UPDATE EXCLUSIVE on t")]
    #[case("alter table t set (fillfactor = 70)", "SHARE UPDATE EXCLUSIVE on t")]
    #[case("alter table t disable trigger all", "SHARE ROW EXCLUSIVE on t")]
    #[case("create unique index if not exists i on only t using btree (a)", "SHARE on t")]
    #[case("create index concurrently on s.t (a)", "SHARE UPDATE EXCLUSIVE on s.t")]
    #[case("create or replace trigger g after update of a on t execute function f()", "SHARE ROW EXCLUSIVE on t")]
    #[case("drop table if exists a, s.b cascade", "ACCESS EXCLUSIVE on a, s.b")]
    #[case("drop index i", "ACCESS EXCLUSIVE on the table of i")]
    #[case("truncate a, b", "ACCESS EXCLUSIVE on a, b")]
    #[case("/* all */ update only t set a = 1", "ROW EXCLUSIVE on t")]
    #[case("insert into s . t values (1)", "ROW EXCLUSIVE on s.t")]
    #[case("delete from t", "ROW EXCLUSIVE on t")]
    #[case("comment on column s.t.a is 'x'", "SHARE UPDATE EXCLUSIVE on s.t")]
    #[case("lock t in share row exclusive mode nowait", "SHARE ROW EXCLUSIVE on t")]
    #[case("lock table t", "ACCESS EXCLUSIVE on t")]
    #[case("refresh materialized view concurrently v", "EXCLUSIVE on v")]
    fn what_a_statement_s_kind_tells(#[case] sql: &str, #[case] expected: &str) {
        let lock = table_lock(sql, Dialect::Postgres).unwrap();
        assert_eq!(format!("{} on {}", lock.mode, lock.on), expected);
    }

    #[rstest]
    #[case("create table t (a int)")]
    #[case("select f()")]
    #[case("do $$ begin end $$")]
    #[case("alter type e add value 'x'")]
    #[case("alter table all in tablespace s set tablespace u")]
    #[case("alter table t set (user_catalog_table = true)")]
    #[case("alter table")]
    #[case("with x as (delete from t returning 1) select * from x")]
    #[case("")]
    fn what_is_not_known_is_not_said(#[case] sql: &str) {
        assert_eq!(table_lock(sql, Dialect::Postgres), None);
    }
}
