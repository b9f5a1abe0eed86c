//! What a PostgreSQL statement creates, and the same statement for another schema, so that what exists can be compared
//! with what would have been created. Texts only; nothing is executed here.

use std::ops::Range;

use super::super::Dialect;
use super::super::ddl::{Action, Alter, Change, Create, Ddl, Element, Modifier, ObjectKind};
use super::super::name::{Identifier, Name};
use super::super::tokens::Parsed;

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Creation {
    /// A table, view, materialized view or sequence.
    Relation { name: Name },
    Index {
        name: Identifier,
        /// The table, whose schema is also the index's.
        table: Name,
    },
    /// One column of an existing table.
    Column { table: Name, name: Identifier },
    /// One constraint of an existing table.
    Constraint { table: Name, name: Identifier },
    /// A type or domain.
    Type { name: Name },
    /// A function or procedure, without its arguments.
    Function { name: Name },
    /// A schema or extension, about which the statement says only the name.
    NameOnly,
}

/// A statement that creates one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Creating<'a> {
    sql: &'a str,
    pub creation: Creation,
    /// `CONCURRENTLY`, which no transaction allows.
    concurrently: Option<Range<usize>>,
}

impl<'a> Creating<'a> {
    /// Parses a statement. None if it creates nothing, several things, or something that cannot be created elsewhere: a
    /// temporary table, one filled by a query, a partition.
    #[must_use]
    pub fn read(sql: &'a str) -> Option<Self> {
        Parsed::ask(sql, Dialect::Postgres, |statement| {
            let creation = match statement.ddl? {
                Ddl::Create(create) => created(create, statement)?,
                Ddl::Alter(alter) => added(alter)?,
                Ddl::Drop(_) | Ddl::Rename(_) => return None,
            };
            let index =
                Ddl::creates(statement.ddl, ObjectKind::Index).filter(|index| index.says(Modifier::Concurrently));
            let word = index.and_then(|_| statement.iter().find(|token| token.is("concurrently")));
            Some(Self { sql, creation, concurrently: word.map(|word| word.start..word.start + word.text.len()) })
        })
    }

    /// The same statement for another schema. `schema` is quoted.
    #[must_use]
    pub fn in_schema(&self, schema: &str) -> String {
        let mut text = self.sql.to_owned();
        // The table's name, which follows CONCURRENTLY, goes first, so that earlier ranges stay valid.
        if let Some(name) = self.creation.target() {
            text.replace_range(name.range(), &format!("{schema}.{}", name.last()));
        }
        if let Some(word) = self.concurrently.clone() {
            text.replace_range(word, "");
        }
        text
    }
}

impl Creation {
    /// The name to replace: of what is created, or of the table it belongs to.
    fn target(&self) -> Option<&Name> {
        match self {
            Self::Relation { name } | Self::Type { name } | Self::Function { name } => Some(name),
            Self::Index { table, .. } | Self::Column { table, .. } | Self::Constraint { table, .. } => Some(table),
            Self::NameOnly => None,
        }
    }
}

fn created(create: &Create, statement: Parsed<'_>) -> Option<Creation> {
    let name = create.name.clone()?;
    let rest = statement.words_from(create.rest);
    Some(match create.kind {
        _ if create.says(Modifier::Temporary) => return None,
        // A table filled by a query, or a partition, which would overlap with the existing one.
        ObjectKind::Table if rest.after("as").is_some() || rest.sees(&["partition"]) => return None,
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => {
            Creation::Relation { name }
        }
        ObjectKind::Index => Creation::Index { name: name.last().clone(), table: *create.on.clone()? },
        ObjectKind::Type | ObjectKind::Domain => Creation::Type { name },
        ObjectKind::Function | ObjectKind::Procedure => Creation::Function { name },
        ObjectKind::Schema | ObjectKind::Extension if rest.peek().is_none() => Creation::NameOnly,
        _ => return None,
    })
}

/// Several actions create several things.
fn added(alter: &Alter) -> Option<Creation> {
    let (ObjectKind::Table, Some(table), [Action { change: Change::Add(elements), .. }]) =
        (alter.kind, alter.name.clone(), &alter.actions[..])
    else {
        return None;
    };
    match &elements[..] {
        [Element::Column(column)] => Some(Creation::Column { table, name: column.name.clone() }),
        // One that uses an existing index cannot be created elsewhere: the index does not exist there.
        [Element::Constraint(constraint)] if !constraint.using_index => {
            Some(Creation::Constraint { table, name: constraint.name.clone()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn relation(name: &str) -> Creation {
        Creation::Relation { name: named(name) }
    }

    fn index(name: &str, table: &str) -> Creation {
        Creation::Index { name: Identifier::at(0, name, true), table: named(table) }
    }

    fn named(text: &str) -> Name {
        let mut parts: Vec<Identifier> = text.split('.').map(|part| Identifier::at(0, part, true)).collect();
        let last = parts.pop().unwrap();
        Name::new(parts, last)
    }

    #[rstest]
    #[case("create table t (a int)", relation("t"), "create table s.t (a int)")]
    #[case(
        "CREATE UNLOGGED TABLE IF NOT EXISTS a . \"T x\" (b int)",
        relation("a.\"T x\""),
        "CREATE UNLOGGED TABLE IF NOT EXISTS s.\"T x\" (b int)"
    )]
    #[case("create /* a */ view v as select 1", relation("v"), "create /* a */ view s.v as select 1")]
    #[case("create or replace view a.v as select 1", relation("a.v"), "create or replace view s.v as select 1")]
    #[case(
        "create materialized view if not exists v as select 1",
        relation("v"),
        "create materialized view if not exists s.v as select 1"
    )]
    #[case("create sequence q", relation("q"), "create sequence s.q")]
    #[case("create unique index i on a.t (b)", index("i", "a.t"), "create unique index i on s.t (b)")]
    #[case(
        "create index concurrently if not exists i on only t (b)",
        index("i", "t"),
        "create index  if not exists i on only s.t (b)"
    )]
    #[case("create type c as enum ('x')", Creation::Type { name: named("c") }, "create type s.c as enum ('x')")]
    #[case("create domain a.d as int", Creation::Type { name: named("a.d") }, "create domain s.d as int")]
    #[case("create function f(a int) returns int language sql as 'select 1'", Creation::Function { name: named("f") }, "create function s.f(a int) returns int language sql as 'select 1'")]
    #[case("alter table t add column c int default (1)", Creation::Column { table: named("t"), name: Identifier::at(0, "c", true) }, "alter table s.t add column c int default (1)")]
    #[case("alter table if exists only a.t add c int", Creation::Column { table: named("a.t"), name: Identifier::at(0, "c", true) }, "alter table if exists only s.t add c int")]
    #[case("alter table t add constraint k check (a in (1, 2))", Creation::Constraint { table: named("t"), name: Identifier::at(0, "k", true) }, "alter table s.t add constraint k check (a in (1, 2))")]
    #[case("alter table t * add c int", Creation::Column { table: named("t"), name: Identifier::at(0, "c", true) }, "alter table s.t * add c int")]
    #[case("alter table t add constraint k unique (a) using index tablespace u", Creation::Constraint { table: named("t"), name: Identifier::at(0, "k", true) }, "alter table s.t add constraint k unique (a) using index tablespace u")]
    #[case("alter table t add constraint k not null a", Creation::Constraint { table: named("t"), name: Identifier::at(0, "k", true) }, "alter table s.t add constraint k not null a")]
    #[case("create procedure concurrently() begin atomic end", Creation::Function { name: named("concurrently") }, "create procedure s.concurrently() begin atomic end")]
    fn what_is_made_and_how_it_is_made_elsewhere(#[case] sql: &str, #[case] creation: Creation, #[case] moved: &str) {
        let read = Creating::read(sql).unwrap();
        assert_eq!(read.creation, creation);
        assert_eq!(read.in_schema("s"), moved);
    }

    #[rstest]
    #[case("create temporary table t (a int)")]
    #[case("create table t as select 1")]
    #[case("create table p partition of t for values in (1)")]
    #[case("create index on t (a)")]
    #[case("alter table t add a int, add b int")]
    #[case("alter table t add primary key (a)")]
    #[case("alter table t add constraint k primary key using index i")]
    #[case("alter table t drop column c")]
    #[case("alter table t add not null a")]
    #[case("alter index i rename to j")]
    #[case("drop table t")]
    #[case("create schema s create table t (a int)")]
    #[case("create role r")]
    #[case("insert into t values (1)")]
    #[case("")]
    fn what_cannot_be_made_elsewhere(#[case] sql: &str) {
        assert_eq!(Creating::read(sql), None);
    }

    #[rstest]
    #[case("create schema s")]
    #[case("create extension if not exists pgcrypto")]
    fn the_name_says_all(#[case] sql: &str) {
        assert_eq!(Creating::read(sql).unwrap().creation, Creation::NameOnly);
    }
}
