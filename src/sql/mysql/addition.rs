//! What a `MySQL` or `MariaDB` statement adds to a database, and the same statement for a scratch table, so that what
//! exists can be compared with what would have been created. Texts only; nothing is executed here.
//!
//! Source: `MySQL`'s and `MariaDB`'s manuals, "CREATE TABLE", "ALTER TABLE", "CREATE INDEX".

use std::ops::Range;

use super::super::Dialect;
use super::super::cursor::Cursor;
use super::super::ddl::{
    Action, Alter, Change, Constraint, ConstraintKind, Create, Ddl, Element, Modifier, ObjectKind,
};
use super::super::name::{Identifier, Name};
use super::super::tokens::Parsed;
use super::super::transaction::ObjectName;

/// Engines whose tables have no effect outside the server, so that a scratch table does no harm.
const OWN_ENGINES: [&str; 4] = ["innodb", "myisam", "aria", "memory"];

const OTHER: &str = "on MySQL and MariaDB only tables, columns and indexes are compared";
const NAMELESS: &str = "an index without a name cannot be found";

/// What a statement adds. Names are as in the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Added {
    Table,
    /// Parts of an existing table.
    Parts {
        /// In the order of the statement.
        columns: Vec<AddedColumn>,
        /// Not those that come with a foreign key.
        indexes: Vec<String>,
    },
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddedColumn {
    pub name: String,
    /// Whether the statement says where it goes: `FIRST`, `AFTER`.
    pub placed: bool,
}

/// A statement that only adds, and only to one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addition<'a> {
    sql: &'a str,
    /// The table that it creates or adds to.
    pub table: ObjectName,
    pub added: Added,
    target: Range<usize>,
    /// Names after `CONSTRAINT`, which must be unique in a database.
    symbols: Vec<Identifier>,
}

/// The statement for a scratch table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InScratch {
    pub sql: String,
    /// The names of its constraints, each with the one in the original statement.
    pub symbols: Vec<(String, String)>,
}

impl<'a> Addition<'a> {
    /// Parses a statement.
    ///
    /// # Errors
    ///
    /// Why it cannot be repeated, as the end of a sentence.
    pub fn read(sql: &'a str, dialect: Dialect) -> Result<Self, &'static str> {
        Parsed::ask(sql, dialect, |statement| {
            let (table, added) = match statement.ddl {
                Some(Ddl::Create(create)) => created(create, statement)?,
                Some(Ddl::Alter(alter)) => altered(alter, statement)?,
                _ => return Err(OTHER),
            };
            let symbols = symbols(statement.words_from(0));
            Ok(Self { sql, table: ObjectName::of(table), added, target: table.range(), symbols })
        })
    }

    /// The statement for a table with another name, which needs no quotes. Constraints get names that begin with it.
    #[must_use]
    pub fn in_scratch(&self, scratch: &str) -> InScratch {
        let mut changes = vec![(self.target.clone(), scratch.to_owned())];
        let mut symbols = Vec::new();
        for (number, symbol) in self.symbols.iter().enumerate() {
            let name = format!("{scratch}_{}", number + 1);
            changes.push((symbol.range(), name.clone()));
            symbols.push((name, symbol.as_str().to_owned()));
        }
        // From the end, so that earlier ranges stay valid.
        changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut sql = self.sql.to_owned();
        for (range, name) in changes {
            sql.replace_range(range, &format!("`{name}`"));
        }
        InScratch { sql, symbols }
    }
}

/// The names after `CONSTRAINT`, a word that cannot be an unquoted name. In a table's definition only the words show
/// them.
fn symbols(mut words: Cursor<'_>) -> Vec<Identifier> {
    let mut symbols = Vec::new();
    while let Some(token) = words.next() {
        if token.is("constraint") && !words.sees(&["primary", "unique", "foreign", "check", "references", "if"]) {
            symbols.extend(words.identifier());
        }
    }
    symbols
}

type Read<'a> = Result<(&'a Name, Added), &'static str>;

fn created<'a>(create: &'a Create, statement: Parsed<'_>) -> Read<'a> {
    if create.says(Modifier::Temporary) {
        return Err("a temporary table exists only in its session");
    }
    match (create.kind, &create.name, &create.on) {
        _ if create.says(Modifier::OrReplace) => Err(OTHER),
        (ObjectKind::Table, Some(name), _) => {
            is_made_again(statement.words_from(create.rest)).map(|()| (name, Added::Table))
        }
        (ObjectKind::Index, Some(name), Some(table)) => {
            Ok((table, Added::Parts { columns: Vec::new(), indexes: vec![name.last().as_str().to_owned()] }))
        }
        _ => Err(OTHER),
    }
}

/// Whether a table can be created a second time, judged by what follows its name.
fn is_made_again(words: Cursor<'_>) -> Result<(), &'static str> {
    let is_filled = words.has("select") || words.after("values").is_some() || words.after("table").is_some();
    if is_filled || !words.sees(&["(", "like"]) {
        return Err("a table filled by a query would be filled again");
    }
    let engine = words.after("engine").and_then(|mut engine| {
        engine.eat(&["="]);
        engine.next()
    });
    let engine = engine.map(|token| token.text.trim_matches(['\'', '"', '`']));
    if engine.is_some_and(|engine| !OWN_ENGINES.iter().any(|own| own.eq_ignore_ascii_case(engine))) {
        return Err("a table of that engine may reach beyond the database");
    }
    Ok(())
}

fn altered<'a>(alter: &'a Alter, statement: Parsed<'_>) -> Read<'a> {
    let (ObjectKind::Table, Some(table)) = (alter.kind, &alter.name) else { return Err(OTHER) };
    let (mut columns, mut indexes) = (Vec::new(), Vec::new());
    for Action { change, tokens } in &alter.actions {
        match change {
            Change::Add(elements) => {
                for element in elements {
                    add(element, statement, &mut columns, &mut indexes)?;
                }
            }
            _ if statement.words_of(tokens).sees(&["algorithm", "lock"]) => {}
            _ => return Err("an ALTER TABLE that does more than add cannot be repeated"),
        }
    }
    Ok((table, Added::Parts { columns, indexes }))
}

fn add(
    element: &Element,
    statement: Parsed<'_>,
    columns: &mut Vec<AddedColumn>,
    indexes: &mut Vec<String>,
) -> Result<(), &'static str> {
    match element {
        Element::Column(column) => {
            let words = statement.words_of(&column.definition);
            let placed = words.after("first").is_some() || words.after("after").is_some();
            columns.push(AddedColumn { name: column.name.as_str().to_owned(), placed });
        }
        Element::Constraint(Constraint { kind: ConstraintKind::ForeignKey(_) | ConstraintKind::Check, .. }) => {}
        Element::Index { name, .. } | Element::Constraint(Constraint { kind: ConstraintKind::Unique, name, .. }) => {
            indexes.push(name.as_ref().ok_or(NAMELESS)?.as_str().to_owned());
        }
        Element::Constraint(_) | Element::Other => return Err(OTHER),
    }
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
    #[case("create table \"t\" (a int)", Added::Table, "create table `s` (a int)")]
    #[case("alter table t add fulltext f (a), add foreign key (a) references x (a), add check (a > 0)", parts(&[], &["f"]), "alter table `s` add fulltext f (a), add foreign key (a) references x (a), add check (a > 0)")]
    fn what_is_added_and_how_it_is_added_to_a_scratch_table(
        #[case] sql: &str,
        #[case] added: Added,
        #[case] moved: &str,
    ) {
        let read = read(sql).unwrap();
        assert_eq!(&*read.table.name, "t");
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
    #[case("alter table t add constraint p primary key (a)", "only tables")]
    #[case("alter table t add partition (partition p values less than (1))", "only tables")]
    #[case("create or replace table t (a int)", "only tables")]
    #[case("create index on t (a)", "only tables")]
    #[case("alter view v as select 1", "only tables")]
    #[case("drop table t", "only tables")]
    #[case("create table t (a int) engine innodb as select 1", "filled")]
    #[case("create table t (a int) engine 'federated'", "engine")]
    #[case("create view v as select 1", "only tables")]
    #[case("create database d", "only tables")]
    #[case("rename table a to b", "only tables")]
    fn what_is_not_made_a_second_time(#[case] sql: &str, #[case] why: &str) {
        let told = read(sql).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}
