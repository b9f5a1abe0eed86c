//! What a PostgreSQL statement makes, and the same statement making it in another schema: so that what is there already
//! can be held against what would have been made. Texts only; nothing is executed here.

use std::ops::Range;

use super::super::lexeme::{Kind as LexemeKind, Lexeme};
use super::lexeme::lexemes;

/// What a statement makes. Names are as the file writes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Creation {
    /// A table, view, materialized view or sequence.
    Relation {
        /// Its name, perhaps qualified.
        name: String,
    },
    Index {
        name: String,
        /// The table, in whose schema it lies.
        table: String,
    },
    /// One column of a table that is there.
    Column { table: String, name: String },
    /// One constraint of a table that is there.
    Constraint { table: String, name: String },
    /// A type or domain.
    Type {
        /// Its name, perhaps qualified.
        name: String,
    },
    /// A function or procedure.
    Function {
        /// Its name, perhaps qualified, without its arguments.
        name: String,
    },
    /// A schema or extension of which the statement says no more than the name.
    NameOnly,
}

/// Whether a statement of `PostgreSQL`'s may make something: one that [`Creating::read`] knows, or one of its kind.
#[must_use]
pub fn may_create(sql: &str) -> bool {
    let first = lexemes(sql, 0).find(|lexeme| !lexeme.kind.is_trivia());
    let first = first.and_then(|lexeme| sql.get(lexeme.start..lexeme.end)).unwrap_or_default();
    ["create", "alter"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// A statement that makes one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Creating<'a> {
    sql: &'a str,
    pub creation: Creation,
    /// The name to replace: of what is made, or of the table it belongs to.
    target: Range<usize>,
    /// `CONCURRENTLY`, which no transaction allows.
    concurrently: Option<Range<usize>>,
}

impl<'a> Creating<'a> {
    /// Reads a statement. None where it makes nothing, several things, or something that cannot be made elsewhere: a
    /// temporary table, one filled by a query, a partition.
    #[must_use]
    pub fn read(sql: &'a str) -> Option<Self> {
        let words: Vec<Lexeme> = lexemes(sql, 0).filter(|lexeme| !lexeme.kind.is_trivia()).collect();
        let mut words = Words { sql, rest: &words };
        if words.eat("create") {
            words.created()
        } else if words.eat("alter") && words.eat("table") {
            words.added()
        } else {
            None
        }
    }

    /// The same statement making the same in another schema. `schema` is quoted.
    #[must_use]
    pub fn in_schema(&self, schema: &str) -> String {
        let name = self.sql.get(self.target.clone()).unwrap_or_default();
        let target = (self.target.clone(), format!("{schema}.{}", last_part(name)));
        let blank = self.concurrently.clone().map(|range| (range, String::new()));
        let mut text = self.sql.to_owned();
        let mut changes: Vec<_> = blank.into_iter().chain([target]).collect();
        // From the end, so that the ranges before stay right.
        changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, replacement) in changes {
            text.replace_range(range, &replacement);
        }
        text
    }
}

/// The last part of a name that may be qualified, as it is written.
#[must_use]
pub fn last_part(name: &str) -> &str {
    let dots = lexemes(name, 0).filter(|lexeme| name.get(lexeme.start..lexeme.end) == Some("."));
    let after = dots.last().map_or(0, |dot| dot.end);
    name.get(after..).unwrap_or_default().trim_start()
}

struct Words<'a, 'w> {
    sql: &'a str,
    rest: &'w [Lexeme],
}

impl<'a> Words<'a, '_> {
    fn text(&self, lexeme: &Lexeme) -> &'a str {
        self.sql.get(lexeme.start..lexeme.end).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Lexeme> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn sees(&self, keyword: &str) -> bool {
        self.rest.first().is_some_and(|lexeme| self.text(lexeme).eq_ignore_ascii_case(keyword))
    }

    fn eat(&mut self, keyword: &str) -> bool {
        let found = self.sees(keyword);
        if found {
            self.next();
        }
        found
    }

    fn eat_if_exists(&mut self) {
        if self.eat("if") {
            self.eat("not");
            self.eat("exists");
        }
    }

    /// A name, perhaps qualified, and where it stands.
    fn name(&mut self) -> Option<(String, Range<usize>)> {
        let first = self.next()?;
        let mut name = self.text(&first).to_owned();
        let mut end = first.end;
        while self.eat(".") {
            let part = self.next()?;
            name.push('.');
            name.push_str(self.text(&part));
            end = part.end;
        }
        Some((name, first.start..end))
    }

    /// Whether a word stands outside all parentheses in what follows.
    fn has(&self, keyword: &str) -> bool {
        self.outer().any(|lexeme| self.text(lexeme).eq_ignore_ascii_case(keyword))
    }

    /// What follows outside all parentheses.
    fn outer(&self) -> impl Iterator<Item = &Lexeme> {
        let mut depth = 0_usize;
        self.rest.iter().filter(move |lexeme| {
            match lexeme.kind {
                LexemeKind::Open => depth += 1,
                LexemeKind::Close => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
    }

    fn creating(&self, creation: Creation, target: Range<usize>) -> Creating<'a> {
        Creating { sql: self.sql, creation, target, concurrently: None }
    }

    /// Behind `CREATE`.
    fn created(mut self) -> Option<Creating<'a>> {
        if self.eat("or") && !self.eat("replace") {
            return None;
        }
        self.eat("unlogged");
        self.eat("unique");
        self.eat("materialized");
        self.eat("recursive");
        let what = self.next()?;
        match self.text(&what).to_ascii_lowercase().as_str() {
            "table" => self.table(),
            "view" | "sequence" => {
                self.eat_if_exists();
                let (name, target) = self.name()?;
                Some(self.creating(Creation::Relation { name }, target))
            }
            "index" => self.index(),
            "type" | "domain" => {
                let (name, target) = self.name()?;
                Some(self.creating(Creation::Type { name }, target))
            }
            "function" | "procedure" => {
                let (name, target) = self.name()?;
                Some(self.creating(Creation::Function { name }, target))
            }
            "schema" | "extension" => {
                self.eat_if_exists();
                let (_, target) = self.name()?;
                if self.rest.is_empty() { Some(self.creating(Creation::NameOnly, target)) } else { None }
            }
            _ => None,
        }
    }

    fn table(mut self) -> Option<Creating<'a>> {
        self.eat_if_exists();
        let (name, target) = self.name()?;
        // Filled by a query; a partition, which would overlap with the one that is there.
        if self.has("as") || self.sees("partition") {
            return None;
        }
        Some(self.creating(Creation::Relation { name }, target))
    }

    fn index(mut self) -> Option<Creating<'a>> {
        let concurrently =
            self.rest.first().map(|lexeme| lexeme.start..lexeme.end).filter(|_| self.eat("concurrently"));
        self.eat_if_exists();
        if self.sees("on") {
            return None;
        }
        let (name, _) = self.name()?;
        if !self.eat("on") {
            return None;
        }
        self.eat("only");
        let (table, target) = self.name()?;
        Some(Creating { concurrently, ..self.creating(Creation::Index { name, table }, target) })
    }

    /// Behind `ALTER TABLE`.
    fn added(mut self) -> Option<Creating<'a>> {
        if self.eat("if") {
            self.eat("exists");
        }
        self.eat("only");
        let (table, target) = self.name()?;
        // Several actions make several things.
        if !self.eat("add") || self.outer().any(|lexeme| self.text(lexeme) == ",") {
            return None;
        }
        if self.eat("constraint") {
            // Made of an index that is there: there is none elsewhere.
            let (name, _) = self.name()?;
            if self.has("using") && self.has("index") && !self.has("tablespace") {
                return None;
            }
            return Some(self.creating(Creation::Constraint { table, name }, target));
        }
        let unnamed = ["primary", "unique", "check", "foreign", "exclude"].iter().any(|word| self.sees(word));
        if !self.eat("column") && unnamed {
            return None;
        }
        self.eat_if_exists();
        let (name, _) = self.name()?;
        Some(self.creating(Creation::Column { table, name }, target))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn relation(name: &str) -> Creation {
        Creation::Relation { name: name.into() }
    }

    fn index(name: &str, table: &str) -> Creation {
        Creation::Index { name: name.into(), table: table.into() }
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
    #[case("create type c as enum ('x')", Creation::Type { name: "c".into() }, "create type s.c as enum ('x')")]
    #[case("create domain a.d as int", Creation::Type { name: "a.d".into() }, "create domain s.d as int")]
    #[case("create function f(a int) returns int language sql as 'select 1'", Creation::Function { name: "f".into() }, "create function s.f(a int) returns int language sql as 'select 1'")]
    #[case("alter table t add column c int default (1)", Creation::Column { table: "t".into(), name: "c".into() }, "alter table s.t add column c int default (1)")]
    #[case("alter table if exists only a.t add c int", Creation::Column { table: "a.t".into(), name: "c".into() }, "alter table if exists only s.t add c int")]
    #[case("alter table t add constraint k check (a in (1, 2))", Creation::Constraint { table: "t".into(), name: "k".into() }, "alter table s.t add constraint k check (a in (1, 2))")]
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
