//! Whether a file evaluates `now()` or one of its relatives, by its text. Not `clock_timestamp()`.
//!
//! Source: `PostgreSQL`, 9.9.5 "Current Date/Time", 8.5.1.4 "Special Values".

use super::super::Dialect;
use super::super::ddl::{Ddl, ObjectKind};
use super::super::scan::{byte, is_word};
use super::super::tokens::Parsed;

/// Functions, with or without parentheses; `'now'` is also a text that means the same.
const FUNCTIONS: [&str; 8] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "transaction_timestamp",
    "statement_timestamp",
];
/// Texts that mean a day, which the transaction's start decides, too.
const TEXTS: [&str; 3] = ["today", "tomorrow", "yesterday"];

/// Whether a file names such a time and has a statement that may evaluate it: a default that it declares counts for the
/// rows that it then inserts.
pub(super) fn reads_it(sql: &str, mut statements: &mut dyn Iterator<Item = &str>) -> bool {
    let evaluates = |statement: &str| Parsed::ask(statement, Dialect::Postgres, evaluates);
    names_it(sql) && Iterator::any(&mut statements, evaluates)
}

/// Whether a text has one of the words, also in a comment or a body.
fn names_it(sql: &str) -> bool {
    let bytes = sql.as_bytes();
    let stands_at = |at: usize, word: &str| {
        let found = bytes.get(at..at + word.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())) && !is_word(byte(sql, at + word.len()))
    };
    let mut before = b' ';
    for at in 0..bytes.len() {
        let last = std::mem::replace(&mut before, byte(sql, at));
        if is_word(last) {
            continue;
        }
        let is_text = |word: &&str| last == b'\'' && byte(sql, at + word.len()) == b'\'' && stands_at(at, word);
        if FUNCTIONS.iter().any(|word| stands_at(at, word)) || TEXTS.iter().any(is_text) {
            return true;
        }
    }
    false
}

/// Whether a statement is not known to store expressions alone, as a default, a view or a routine's body does.
fn evaluates(statement: Parsed<'_>) -> bool {
    match (statement.first, statement.ddl) {
        ("comment" | "drop" | "grant" | "revoke" | "set" | "reset", _) => false,
        ("create", Some(Ddl::Create(create))) => match create.kind {
            ObjectKind::MaterializedView | ObjectKind::Other => true,
            // CREATE TABLE … AS; an AS in parentheses belongs to a column.
            ObjectKind::Table => statement.iter().any(|token| token.depth == 0 && token.is("as")),
            _ => false,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::statements::split;
    use super::*;

    #[rstest]
    #[case("insert into t values (now())", true)]
    #[case("update t set valid = tstzrange(lower(valid), pg_catalog.NOW ())", true)]
    #[case("insert into t values (CURRENT_TIMESTAMP), (localtime)", true)]
    #[case("insert into t values ('now')", true)]
    #[case("select 'today'::date", true)]
    #[case("alter table t add column at timestamptz default now()", true)]
    #[case("create table t as select now() as at", true)]
    #[case("create materialized view v as select now()", true)]
    #[case("do $$ begin insert into t values (now()); end $$", true)]
    #[case("select statement_timestamp()", true)]
    #[case("create table t (at timestamptz default now()); insert into t default values", true)]
    #[case("select clock_timestamp()", false)]
    #[case("insert into t values ('know how today'), (unknown_now)", false)]
    #[case("insert into t values (current_user)", false)]
    #[case("insert into t values (1)", false)]
    #[case("create table t (at timestamptz default now(), b int generated always as (1) stored)", false)]
    #[case("create table t (at timestamptz default now()); create index i on t (at); comment on table t is 'x'", false)]
    #[case("create function f() returns timestamptz language sql as 'select now()'", false)]
    #[case("create view v as select now()", false)]
    fn a_file_that_evaluates_the_transaction_s_time(#[case] sql: &str, #[case] expected: bool) {
        let statements = split(sql).statements;
        assert_eq!(reads_it(sql, &mut statements.iter().map(|statement| statement.text(sql))), expected);
    }
}
