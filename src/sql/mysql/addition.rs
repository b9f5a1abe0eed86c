//! What a `MySQL` or `MariaDB` statement adds to a database, and the same statement adding it to a scratch table: so that
//! what is there already can be held against what would have been made. Texts only; nothing is executed here.
//!
//! Source: `MySQL`'s and `MariaDB`'s manuals, "CREATE TABLE", "ALTER TABLE", "CREATE INDEX".

use std::ops::Range;

use super::super::Dialect;
use super::super::tokens::{Token, tokens};
use super::super::transaction::ObjectName;
use super::words::Words;

/// Engines whose tables hold nothing outside the server, so that one more of them does no harm.
const OWN_ENGINES: [&str; 4] = ["innodb", "myisam", "aria", "memory"];

const OTHER: &str = "on MySQL and MariaDB only tables, columns and indexes are compared";
const NAMELESS: &str = "an index without a name cannot be found";

/// What a statement adds. Names are as the catalog writes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Added {
    Table,
    /// Parts of a table that is there.
    Parts {
        /// Its columns, in the order of the statement.
        columns: Vec<AddedColumn>,
        /// Its indexes, but not those that come with a foreign key.
        indexes: Vec<String>,
    },
}

/// A column that a statement adds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddedColumn {
    pub name: String,
    /// Whether the statement says where among the others it stands: `FIRST`, `AFTER`.
    pub placed: bool,
}

/// A statement that only adds, to one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addition<'a> {
    sql: &'a str,
    /// The table that it makes, or adds to.
    pub table: ObjectName,
    pub added: Added,
    target: Range<usize>,
    /// Names behind `CONSTRAINT`, of which a database has each once.
    symbols: Vec<(Range<usize>, String)>,
}

/// The statement on a scratch table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InScratch {
    pub sql: String,
    /// Names of constraints that it gives, each with the one that the statement itself gives.
    pub symbols: Vec<(String, String)>,
}

impl<'a> Addition<'a> {
    /// Reads a statement.
    ///
    /// # Errors
    ///
    /// Why it cannot be made a second time, as the end of a sentence.
    pub fn read(sql: &'a str, dialect: Dialect) -> Result<Self, &'static str> {
        let all: Vec<Token<'a>> = tokens(sql, dialect).collect();
        let mut words = Words(&all);
        let (table, target, added) = if words.eat(&["create"]) {
            created(words)?
        } else if words.eat(&["alter"]) {
            altered(words)?
        } else {
            return Err(OTHER);
        };
        Ok(Self { sql, table, added, target, symbols: symbols(&all) })
    }

    /// The statement on a table of another name, which needs no quotes. Constraints get names that begin with it.
    #[must_use]
    pub fn in_scratch(&self, scratch: &str) -> InScratch {
        let mut changes = vec![(self.target.clone(), scratch.to_owned())];
        let mut symbols = Vec::new();
        for (number, (range, symbol)) in self.symbols.iter().enumerate() {
            let name = format!("{scratch}_{}", number + 1);
            changes.push((range.clone(), name.clone()));
            symbols.push((name, symbol.clone()));
        }
        // From the end, so that the ranges before stay right.
        changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut sql = self.sql.to_owned();
        for (range, name) in changes {
            sql.replace_range(range, &format!("`{name}`"));
        }
        InScratch { sql, symbols }
    }
}

type Read = Result<(ObjectName, Range<usize>, Added), &'static str>;

/// A name, perhaps qualified, and where it stands.
fn named(words: &mut Words<'_>) -> Option<(ObjectName, Range<usize>)> {
    let before = words.0;
    let name = words.name()?;
    let last = before.get(before.len().checked_sub(words.0.len() + 1)?)?;
    Some((name, before.first()?.start..last.start + last.text.len()))
}

/// Names that are given behind `CONSTRAINT`, a word that nothing else can be called without quotes.
fn symbols(all: &[Token<'_>]) -> Vec<(Range<usize>, String)> {
    let behind = all.windows(2).filter_map(|pair| match pair {
        [constraint, symbol] if constraint.is("constraint") => Some(symbol),
        _ => None,
    });
    let kinds = ["primary", "unique", "foreign", "check", "references", "if"];
    let given = behind.filter(|symbol| !kinds.iter().any(|kind| symbol.is(kind)));
    given.filter_map(|symbol| Some((symbol.start..symbol.start + symbol.text.len(), name_of(*symbol)?))).collect()
}

fn name_of(token: Token<'_>) -> Option<String> {
    Words(&[token]).identifier()
}

/// Behind `CREATE`.
fn created(mut words: Words<'_>) -> Read {
    if words.is("temporary") {
        return Err("a temporary table is the session's alone");
    }
    if words.eat(&["table"]) {
        return table(words);
    }
    words.eat_any(&["unique", "fulltext", "spatial", "vector"]);
    if !words.eat(&["index"]) {
        return Err(OTHER);
    }
    let name = words.identifier().ok_or(OTHER)?;
    if words.eat_any(&["using", "type"]) {
        words.next();
    }
    if !words.eat(&["on"]) {
        return Err(OTHER);
    }
    let (table, target) = named(&mut words).ok_or(OTHER)?;
    Ok((table, target, Added::Parts { columns: Vec::new(), indexes: vec![name] }))
}

fn table(mut words: Words<'_>) -> Read {
    let (table, target) = named(&mut words).ok_or(OTHER)?;
    let is_filled = words.0.iter().any(|token| token.is("select")) || words.has("values") || words.has("table");
    if is_filled || !(words.is("(") || words.is("like")) {
        return Err("a table that is filled by a query would be filled again");
    }
    let behind = words.0.iter().skip_while(|token| token.depth > 0 || !token.is("engine")).skip(1);
    let engine = behind.filter(|token| !token.is("=")).map(|token| token.text.trim_matches(['\'', '"', '`'])).next();
    if engine.is_some_and(|engine| !OWN_ENGINES.iter().any(|own| own.eq_ignore_ascii_case(engine))) {
        return Err("a table of that engine may reach beyond the database");
    }
    Ok((table, target, Added::Table))
}

/// Behind `ALTER`.
fn altered(mut words: Words<'_>) -> Read {
    words.eat(&["online"]);
    words.eat(&["ignore"]);
    if !words.eat(&["table"]) {
        return Err(OTHER);
    }
    words.eat(&["if", "exists"]);
    let (table, target) = named(&mut words).ok_or(OTHER)?;
    if words.eat(&["wait"]) {
        words.next();
    }
    words.eat(&["nowait"]);
    let (mut columns, mut indexes) = (Vec::new(), Vec::new());
    for mut words in words.parts() {
        if words.is("algorithm") || words.is("lock") {
            continue;
        }
        if !words.eat(&["add"]) {
            return Err("an ALTER TABLE that does more than add cannot be made a second time");
        }
        words.eat(&["column"]);
        words.eat(&["if", "not", "exists"]);
        if words.eat(&["("]) {
            for words in listed(words) {
                element(words, &mut columns, &mut indexes)?;
            }
        } else {
            element(words, &mut columns, &mut indexes)?;
        }
    }
    Ok((table, target, Added::Parts { columns, indexes }))
}

/// What stands in the parentheses that have been opened.
fn listed(words: Words<'_>) -> impl Iterator<Item = Words<'_>> {
    let end = words.0.iter().position(|token| token.depth == 0).unwrap_or(words.0.len());
    let inside = words.0.get(..end).unwrap_or_default();
    inside.split(|token| token.depth == 1 && token.text == ",").map(Words)
}

/// One column, index or constraint, behind `ADD` or between parentheses.
fn element(
    mut words: Words<'_>,
    columns: &mut Vec<AddedColumn>,
    indexes: &mut Vec<String>,
) -> Result<(), &'static str> {
    let mut symbol = None;
    if words.eat(&["constraint"]) {
        words.eat(&["if", "not", "exists"]);
        let kinds = ["primary", "unique", "foreign", "check"];
        if !kinds.iter().any(|kind| words.is(kind)) {
            symbol = words.identifier();
        }
    }
    if words.is("foreign") || words.is("check") {
        return Ok(());
    }
    if words.is("primary") || words.is("partition") || words.is("period") || words.is("system") {
        return Err(OTHER);
    }
    if words.eat_any(&["unique", "fulltext", "spatial", "vector"]) || words.is("index") || words.is("key") {
        words.eat_any(&["index", "key"]);
        words.eat(&["if", "not", "exists"]);
        let is_nameless = words.is("(") || words.is("using");
        indexes.push(if is_nameless { symbol } else { words.identifier() }.ok_or(NAMELESS)?);
        return Ok(());
    }
    let name = words.identifier().ok_or(OTHER)?;
    columns.push(AddedColumn { name, placed: words.has("first") || words.has("after") });
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(sql: &str) -> Result<Addition<'_>, &'static str> {
        let [mysql, mariadb] = [Dialect::Mysql, Dialect::Mariadb].map(|dialect| Addition::read(sql, dialect));
        assert_eq!(mysql, mariadb);
        mysql
    }

    fn parts(columns: &[&str], indexes: &[&str]) -> Added {
        let column =
            |name: &&str| AddedColumn { name: name.trim_end_matches('!').to_owned(), placed: name.ends_with('!') };
        Added::Parts {
            columns: columns.iter().map(column).collect(),
            indexes: indexes.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[rstest]
    #[case("create table t (a int)", Added::Table, "create table `s` (a int)")]
    #[case(
        "CREATE TABLE `d`.`t` (a int) ENGINE = 'InnoDB'",
        Added::Table,
        "CREATE TABLE `s` (a int) ENGINE = 'InnoDB'"
    )]
    #[case("create table t like u", Added::Table, "create table `s` like u")]
    #[case(
        "create table t (p int, constraint `f x` foreign key (p) references t (p), constraint unique (p))",
        Added::Table,
        "create table `s` (p int, constraint `s_1` foreign key (p) references t (p), constraint unique (p))"
    )]
    #[case("create unique index i using btree on d.t (a)", parts(&[], &["i"]), "create unique index i using btree on `s` (a)")]
    #[case("alter table t add c int after b", parts(&["c!"], &[]), "alter table `s` add c int after b")]
    #[case("alter table t add column `first` int", parts(&["first"], &[]), "alter table `s` add column `first` int")]
    #[case(
        "alter online table t add (c int, d decimal(3, 1)), add key i (c), algorithm=inplace, lock none",
        parts(&["c", "d"], &["i"]),
        "alter online table `s` add (c int, d decimal(3, 1)), add key i (c), algorithm=inplace, lock none"
    )]
    #[case(
        "alter table t add constraint u unique (a), add constraint v unique key w (a), add constraint f foreign key (a) references x (a)",
        parts(&[], &["u", "w"]),
        "alter table `s` add constraint `s_1` unique (a), add constraint `s_2` unique key w (a), add constraint `s_3` foreign key (a) references x (a)"
    )]
    fn what_is_added_and_how_it_is_added_to_a_scratch_table(
        #[case] sql: &str,
        #[case] added: Added,
        #[case] moved: &str,
    ) {
        let read = read(sql).unwrap();
        assert_eq!(read.table.name, "t");
        assert_eq!(read.added, added);
        assert_eq!(read.in_scratch("s").sql, moved);
    }

    #[test]
    fn names_of_constraints_are_remembered() {
        let moved = read("alter table t add constraint `a``b` check (x > 0)").unwrap().in_scratch("s");
        assert_eq!(moved.symbols, [("s_1".to_owned(), "a`b".to_owned())]);
    }

    #[rstest]
    #[case("create temporary table t (a int)", "temporary")]
    #[case("create table t (a int) select 1", "filled")]
    #[case("create table t as (select 1)", "filled")]
    #[case("create table t (a int) values row(1)", "filled")]
    #[case("create table t (a int) engine=federated connection='x'", "engine")]
    #[case("alter table t add a int, drop b", "does more than add")]
    #[case("alter table t rename u", "does more than add")]
    #[case("alter table t add key (a)", "without a name")]
    #[case("alter table t add primary key (a)", "only tables")]
    #[case("create view v as select 1", "only tables")]
    #[case("create database d", "only tables")]
    #[case("rename table a to b", "only tables")]
    fn what_is_not_made_a_second_time(#[case] sql: &str, #[case] why: &str) {
        let told = read(sql).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}
