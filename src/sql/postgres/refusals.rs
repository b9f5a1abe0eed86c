//! Which of `PostgreSQL`'s statements cannot run as part of their file.

use super::super::refusals::{Refusal, Refusals, Wrapper};
use super::super::tokens::{Parsed, Token, next_is};
use super::super::transaction::Execution;
use super::encoding;
use super::transaction::{demand, execution};

/// The client's stream that a COPY uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Stream {
    /// `FROM stdin`
    Stdin,
    /// `TO stdout`
    Stdout,
}

/// Whether a statement begins or ends a transaction of the file's own.
pub(in super::super) fn wrapper(statement: Parsed<'_>) -> Option<Wrapper> {
    let words: Vec<Token<'_>> = statement.iter().skip(1).take(5).collect();
    let is = |rest: &[Token<'_>], words: &[&str]| {
        rest.len() == words.len() && rest.iter().zip(words).all(|(token, word)| token.is(word))
    };
    let noun = words.first().filter(|token| token.is("transaction") || token.is("work") && statement.first != "start");
    let rest = words.get(usize::from(noun.is_some())..).unwrap_or_default();
    match statement.first {
        "begin" if rest.is_empty() => Some(Wrapper::Begin),
        "start" if rest.is_empty() && noun.is_some() => Some(Wrapper::Begin),
        "commit" | "end" if rest.is_empty() || is(rest, &["and", "no", "chain"]) => Some(Wrapper::Commit),
        "commit" | "end" if is(rest, &["and", "chain"]) => Some(Wrapper::CommitAndBegin),
        _ => None,
    }
}

/// The stream of the client that a COPY needs, if any.
pub(in super::super) fn copy_stream<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Option<Stream> {
    let mut outer = tokens.filter(|token| token.depth == 0);
    if !outer.next()?.is("copy") {
        return None;
    }
    let mut previous: Option<Token<'_>> = None;
    for token in outer {
        if token.is("stdin") || token.is("stdout") {
            match previous {
                Some(before) if before.is("from") => return Some(Stream::Stdin),
                Some(before) if before.is("to") => return Some(Stream::Stdout),
                _ => {}
            }
        }
        previous = Some(token);
    }
    None
}

const UNLOCK_ALL: &str = "pg_advisory_unlock_all";

/// Why a statement cannot run in a file. What depends on the database's state (`DROP SUBSCRIPTION` with or without a
/// slot, `CLUSTER` of a partitioned table) is left to the server.
pub(in super::super) fn refusals(statement: Parsed<'_>) -> Refusals {
    let control = control(statement);
    if let Some(Control::Modes(what)) = control {
        let why = Some(Refusal::TransactionModes(what));
        return Refusals { per_file: why.clone(), per_statement: why };
    }
    if let Some(Control::Transaction(what)) = control {
        return Refusals {
            per_file: Some(Refusal::TransactionControl(what)),
            per_statement: Some(Refusal::WithoutTransaction(what)),
        };
    }
    let always = client_or_session(statement);
    Refusals {
        per_statement: match control {
            Some(Control::Transaction(what) | Control::Modes(what) | Control::Savepoint(what)) => {
                Some(Refusal::WithoutTransaction(what))
            }
            None => always.clone().or_else(|| nameless_index(statement)),
        },
        per_file: always.or_else(|| in_transaction(statement)),
    }
}

fn in_transaction(statement: Parsed<'_>) -> Option<Refusal> {
    if reads_strings_otherwise(statement) {
        return Some(Refusal::StringsOtherwise);
    }
    demand(statement).map(Refusal::MixedFile)
}

fn nameless_index(statement: Parsed<'_>) -> Option<Refusal> {
    (execution(statement) == Execution::NamelessIndex).then_some(Refusal::NamelessIndex)
}

/// What would need the client, or would break the session.
fn client_or_session(statement: Parsed<'_>) -> Option<Refusal> {
    let mut rest = statement.iter();
    let first = rest.next()?;
    if first.is("copy") {
        return copy_stream(statement.iter()).map(|stream| match stream {
            Stream::Stdin => Refusal::Copy("FROM stdin"),
            Stream::Stdout => Refusal::Copy("TO stdout"),
        });
    }
    if encoding::changes_it(statement) {
        return Some(Refusal::ClientEncoding);
    }
    if calls(statement, UNLOCK_ALL) {
        return Some(Refusal::NamedLock(UNLOCK_ALL));
    }
    (first.is("discard") && next_is(rest, "all")).then_some(Refusal::DiscardAll)
}

/// Whether a function of this name is called, with or without a schema.
fn calls(statement: Parsed<'_>, function: &str) -> bool {
    let mut rest = statement.iter();
    while let Some(token) = rest.next() {
        if token.is(function) && rest.next().is_some_and(|next| next.text == "(") {
            return true;
        }
    }
    false
}

/// Whether strings are read differently from here on. In a file that is one transaction, that has no effect: its text
/// is sent as a whole, which the server parses before it runs any of it. Source: PostgreSQL, 4.1.2.1 "String
/// Constants".
fn reads_strings_otherwise(statement: Parsed<'_>) -> bool {
    let mut rest = statement.iter().filter(|token| !token.is("session") && !token.is("local"));
    let is = |token: Option<Token<'_>>, word: &str| token.is_some_and(|token| token.is(word));
    if !is(rest.next(), "set") || !is(rest.next(), "standard_conforming_strings") {
        return false;
    }
    let value = rest.nth(1).map(|token| token.text.trim_matches('\'').to_ascii_lowercase()).unwrap_or_default();
    matches!(value.as_str(), "off" | "of" | "false" | "fals" | "fal" | "fa" | "f" | "no" | "n" | "0")
}

enum Control {
    /// Begins or ends it.
    Transaction(&'static str),
    /// Begins it, with a mode.
    Modes(&'static str),
    Savepoint(&'static str),
}

fn control(statement: Parsed<'_>) -> Option<Control> {
    let rest = statement.iter().skip(1);
    match statement.first {
        "begin" if wrapper(statement).is_none() => Some(Control::Modes("BEGIN")),
        "begin" => Some(Control::Transaction("BEGIN")),
        "commit" => Some(Control::Transaction("COMMIT")),
        "end" => Some(Control::Transaction("END")),
        "abort" => Some(Control::Transaction("ABORT")),
        "start" if !statement.is(1, &["transaction"]) => None,
        "start" if wrapper(statement).is_none() => Some(Control::Modes("START TRANSACTION")),
        "start" => Some(Control::Transaction("START TRANSACTION")),
        "prepare" => next_is(rest, "transaction").then_some(Control::Transaction("PREPARE TRANSACTION")),
        "rollback" => Some(rollback(rest)),
        "savepoint" => Some(Control::Savepoint("SAVEPOINT")),
        "release" => Some(Control::Savepoint("RELEASE")),
        _ => None,
    }
}

fn rollback<'a>(mut rest: impl Iterator<Item = Token<'a>>) -> Control {
    let to_savepoint = rest.by_ref().find(|t| !t.is("work") && !t.is("transaction")).is_some_and(|t| t.is("to"));
    if to_savepoint { Control::Savepoint("ROLLBACK TO") } else { Control::Transaction("ROLLBACK") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::Dialect;
    use crate::sql::transaction::TransactionMode;

    fn refusal(sql: &str, mode: TransactionMode) -> Option<Refusal> {
        Parsed::ask(sql, Dialect::Postgres, super::refusals).of(mode)
    }

    #[test]
    fn a_table_whose_name_is_a_streams_is_no_stream() {
        assert_eq!(refusal("copy public.stdout to '/f'", TransactionMode::PerFile), None);
        assert!(refusal("copy t to stdout", TransactionMode::PerFile).is_some());
    }

    fn wrapper(sql: &str) -> Option<Wrapper> {
        Parsed::ask(sql, Dialect::Postgres, super::wrapper)
    }

    #[rstest]
    #[case("create index concurrently i on t (a)")]
    #[case("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)")]
    #[case("create /* so that nobody waits */ index\n-- or nearly\nconcurrently on t (a)")]
    #[case("drop index concurrently i")]
    #[case("reindex index concurrently i")]
    #[case("reindex (verbose, concurrently) table t")]
    #[case("reindex schema s")]
    #[case("reindex (verbose) database")]
    #[case("vacuum")]
    #[case("vacuum (full, analyze) t")]
    #[case("alter system set work_mem = '1MB'")]
    #[case("create database d")]
    #[case("drop database if exists d")]
    #[case("create tablespace s location '/x'")]
    #[case("drop tablespace s")]
    #[case("alter database d set tablespace s")]
    #[case("create subscription s connection 'c' publication p")]
    #[case("cluster")]
    #[case("cluster (verbose)")]
    #[case("alter table only a.b detach partition a.c concurrently")]
    #[case("begin")]
    #[case("begin isolation level serializable")]
    #[case("start transaction")]
    #[case("commit")]
    #[case("commit and chain")]
    #[case("commit prepared 'x'")]
    #[case("end work")]
    #[case("abort")]
    #[case("rollback")]
    #[case("rollback transaction")]
    #[case("rollback prepared 'x'")]
    #[case("prepare transaction 'x'")]
    #[case("discard all")]
    #[case("select pg_advisory_unlock_all()")]
    #[case("select 1 from (select pg_catalog . PG_ADVISORY_UNLOCK_ALL ())")]
    #[case("set standard_conforming_strings = off")]
    #[case("SET LOCAL standard_conforming_strings TO 'False'")]
    #[case("set client_encoding = 'LATIN1'")]
    #[case("SET NAMES 'win1252'")]
    #[case("select set_config('client_encoding', 'LATIN1', false)")]
    #[case("copy t from stdin")]
    #[case("COPY s.t (a, b) FROM STDIN WITH (FORMAT csv)")]
    #[case("copy (select a from b) to stdout")]
    fn refused(#[case] sql: &str) {
        assert!(refusal(sql, TransactionMode::PerFile).is_some());
    }

    #[rstest]
    #[case("begin")]
    #[case("commit and chain")]
    #[case("rollback")]
    #[case("rollback to a")]
    #[case("savepoint a")]
    #[case("release savepoint a")]
    #[case("prepare transaction 'x'")]
    #[case("discard all")]
    #[case("select pg_advisory_unlock_all()")]
    #[case("copy t from stdin")]
    #[case("create index concurrently on t (a)")]
    #[case("create unique index concurrently on only s.t (a)")]
    fn refused_where_each_statement_is_committed_separately(#[case] sql: &str) {
        assert!(refusal(sql, TransactionMode::PerStatement).is_some());
    }

    #[rstest]
    #[case("create index concurrently i on t (a)")]
    #[case("vacuum")]
    #[case("call p()")]
    #[case("prepare p as select 1")]
    #[case("set standard_conforming_strings = off")]
    #[case("create table t ()")]
    fn allowed_where_each_statement_is_committed_separately(#[case] sql: &str) {
        assert_eq!(refusal(sql, TransactionMode::PerStatement), None);
    }

    #[rstest]
    #[case("create index i on concurrently_built (a)")]
    #[case("create index \"concurrently\" on t (a)")]
    #[case("refresh materialized view concurrently v")]
    #[case("reindex table t")]
    #[case("reindex (verbose) index i")]
    #[case("cluster t using i")]
    #[case("cluster verbose t")]
    #[case("analyze t")]
    #[case("alter table t detach partition p")]
    #[case("alter table t add column concurrently int")]
    #[case("alter type e add value 'x'")]
    #[case("alter database d set work_mem = '1MB'")]
    #[case("create subscription s connection 'c' publication p with (create_slot = false)")]
    #[case("create table database (a int)")]
    #[case("savepoint a")]
    #[case("rollback to a")]
    #[case("rollback work to savepoint a")]
    #[case("release savepoint a")]
    #[case("prepare p as select 1")]
    #[case("discard temp")]
    #[case("copy t from '/tmp/x'")]
    #[case("copy t from program 'stdin'")]
    #[case("copy stdin from '/tmp/x'")]
    #[case("comment on table t is 'vacuum'")]
    #[case("do $$ begin commit; end $$")]
    #[case("set standard_conforming_strings = on")]
    #[case("set session standard_conforming_strings to true")]
    #[case("select pg_advisory_unlock_all from t")]
    #[case("select 1")]
    fn allowed(#[case] sql: &str) {
        assert_eq!(refusal(sql, TransactionMode::PerFile), None);
    }

    #[rstest]
    #[case("begin", Some(Wrapper::Begin))]
    #[case("BEGIN TRANSACTION", Some(Wrapper::Begin))]
    #[case("start transaction", Some(Wrapper::Begin))]
    #[case("end", Some(Wrapper::Commit))]
    #[case("commit work", Some(Wrapper::Commit))]
    #[case("start transaction read only", None)]
    #[case("start work", None)]
    #[case("begin read only", None)]
    #[case("start", None)]
    #[case("END TRANSACTION AND NO CHAIN", Some(Wrapper::Commit))]
    #[case("commit and chain", Some(Wrapper::CommitAndBegin))]
    #[case("commit work and chain", Some(Wrapper::CommitAndBegin))]
    #[case("commit prepared 'x'", None)]
    #[case("rollback", None)]
    fn wrappers(#[case] sql: &str, #[case] expected: Option<Wrapper>) {
        assert_eq!(wrapper(sql), expected);
    }
}
