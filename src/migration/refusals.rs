//! Which statements cannot run as part of one transaction sent as one message. Found before anything
//! runs, so that no file is half applied for a reason that could have been known.

use super::lexeme::{Kind, lexemes};

/// Why a statement cannot run here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Data would come from, or go to, a client that is not there.
    #[error(
        "COPY … {0} needs a client that streams the data, and there is none here; write the rows as INSERT \
         statements, or load them outside the migrations"
    )]
    Copy(&'static str),
    /// The server refuses it inside a transaction block.
    #[error(
        "{0} cannot run inside a transaction, and this version runs every file in one; take it out of the \
         migrations and run it by hand, or use the form that works in a transaction"
    )]
    OutsideTransaction(&'static str),
    /// It would begin or end a transaction in the middle of the file's own.
    #[error(
        "{0} would begin or end a transaction, but a file is one transaction already; remove it, or split the file \
         in two (SAVEPOINT and ROLLBACK TO are allowed; so is a plain BEGIN as first statement with COMMIT as last)"
    )]
    TransactionControl(&'static str),
    /// It would drop the session's locks.
    #[error("DISCARD ALL would drop the lock this run holds; remove it: the session is reset between files anyway")]
    DiscardAll,
}

/// Which of the client's streams a COPY uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stream {
    /// `FROM stdin`
    Stdin,
    /// `TO stdout`
    Stdout,
}

/// A plain statement that may wrap a whole file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wrapper {
    /// `BEGIN`, `BEGIN WORK`, `BEGIN TRANSACTION`, `START TRANSACTION`.
    Begin,
    /// `COMMIT` or `END`, with `WORK` or `TRANSACTION`.
    Commit,
}

/// Whether a statement is one that may wrap a whole file.
pub(super) fn wrapper(sql: &str) -> Option<Wrapper> {
    let mut words = tokens(sql).map(|token| token.text.to_ascii_lowercase());
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    match (first.as_str(), second.as_deref()) {
        ("begin", None | Some("work" | "transaction")) | ("start", Some("transaction")) => Some(Wrapper::Begin),
        ("commit" | "end", None | Some("work" | "transaction")) => Some(Wrapper::Commit),
        _ => None,
    }
}

/// Which stream of the client a statement wants, if it is a COPY that wants one.
pub(super) fn copy_stream(sql: &str) -> Option<Stream> {
    let mut outer = tokens(sql).filter(|token| token.depth == 0);
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

/// Why a statement cannot run here; None where nothing speaks against it. What depends on the database's state
/// (`DROP SUBSCRIPTION` with or without a slot, `CLUSTER` of a partitioned table) is the server's to refuse.
///
/// Source: `PostgreSQL`'s reference pages ("cannot be executed inside a transaction block") and the callers of
/// `PreventInTransactionBlock` in its source.
pub(super) fn refusal(sql: &str) -> Option<Refusal> {
    let mut rest = tokens(sql);
    let first = rest.next()?.text.to_ascii_lowercase();
    match first.as_str() {
        "begin" => Some(Refusal::TransactionControl("BEGIN")),
        "commit" => Some(Refusal::TransactionControl("COMMIT")),
        "end" => Some(Refusal::TransactionControl("END")),
        "abort" => Some(Refusal::TransactionControl("ABORT")),
        "start" => next_is(rest, "transaction").then_some(Refusal::TransactionControl("START TRANSACTION")),
        "prepare" => next_is(rest, "transaction").then_some(Refusal::TransactionControl("PREPARE TRANSACTION")),
        "rollback" => rollback(rest),
        "copy" => copy_stream(sql).map(|stream| match stream {
            Stream::Stdin => Refusal::Copy("FROM stdin"),
            Stream::Stdout => Refusal::Copy("TO stdout"),
        }),
        "discard" => next_is(rest, "all").then_some(Refusal::DiscardAll),
        "vacuum" => Some(Refusal::OutsideTransaction("VACUUM")),
        "cluster" => cluster(rest),
        "reindex" => reindex(rest),
        "create" => create(rest),
        "drop" => drop(rest),
        "alter" => alter(rest),
        _ => None,
    }
}

fn rollback<'a>(mut rest: impl Iterator<Item = Token<'a>>) -> Option<Refusal> {
    let to_savepoint = rest.by_ref().find(|t| !t.is("work") && !t.is("transaction")).is_some_and(|t| t.is("to"));
    (!to_savepoint).then_some(Refusal::TransactionControl("ROLLBACK"))
}

fn cluster<'a>(mut rest: impl Iterator<Item = Token<'a>>) -> Option<Refusal> {
    let names_a_table = rest.any(|token| token.depth == 0 && !token.is("verbose") && !token.is_parenthesis());
    (!names_a_table).then_some(Refusal::OutsideTransaction("CLUSTER without a table"))
}

fn reindex<'a>(rest: impl Iterator<Item = Token<'a>>) -> Option<Refusal> {
    let mut what = None;
    for token in rest {
        if token.is("concurrently") {
            return Some(Refusal::OutsideTransaction("REINDEX CONCURRENTLY"));
        }
        if what.is_none() && token.depth == 0 && !token.is_parenthesis() {
            what = Some(token);
        }
    }
    let whole = what.is_some_and(|token| token.is("schema") || token.is("database") || token.is("system"));
    whole.then_some(Refusal::OutsideTransaction("REINDEX SCHEMA, DATABASE or SYSTEM"))
}

fn create<'a>(rest: impl Iterator<Item = Token<'a>>) -> Option<Refusal> {
    let mut rest = rest.skip_while(|token| token.is("unique"));
    let what = rest.next()?;
    if what.is("index") {
        next_is(rest, "concurrently").then_some(Refusal::OutsideTransaction("CREATE INDEX CONCURRENTLY"))
    } else if what.is("database") {
        Some(Refusal::OutsideTransaction("CREATE DATABASE"))
    } else if what.is("tablespace") {
        Some(Refusal::OutsideTransaction("CREATE TABLESPACE"))
    } else if what.is("subscription") {
        let no_slot = follow(rest, |[option, equals, value]| {
            (option.is("create_slot") || option.is("connect")) && equals.is("=") && value.is("false")
        });
        (!no_slot).then_some(Refusal::OutsideTransaction("CREATE SUBSCRIPTION with create_slot"))
    } else {
        None
    }
}

fn drop<'a>(mut rest: impl Iterator<Item = Token<'a>>) -> Option<Refusal> {
    let what = rest.next()?;
    if what.is("index") {
        next_is(rest, "concurrently").then_some(Refusal::OutsideTransaction("DROP INDEX CONCURRENTLY"))
    } else if what.is("database") {
        Some(Refusal::OutsideTransaction("DROP DATABASE"))
    } else if what.is("tablespace") {
        Some(Refusal::OutsideTransaction("DROP TABLESPACE"))
    } else {
        None
    }
}

fn alter<'a>(mut rest: impl Iterator<Item = Token<'a>>) -> Option<Refusal> {
    let what = rest.next()?;
    if what.is("system") {
        Some(Refusal::OutsideTransaction("ALTER SYSTEM"))
    } else if what.is("database") {
        let moves = follow(rest, |[a, b]| a.is("set") && b.is("tablespace"));
        moves.then_some(Refusal::OutsideTransaction("ALTER DATABASE … SET TABLESPACE"))
    } else if what.is("table") {
        let detaches = rest.by_ref().any(|token| token.depth == 0 && token.is("detach"));
        let concurrently = detaches && rest.any(|token| token.is("concurrently"));
        concurrently.then_some(Refusal::OutsideTransaction("ALTER TABLE … DETACH PARTITION … CONCURRENTLY"))
    } else {
        None
    }
}

/// A token that counts, with the number of parentheses open around it.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) depth: usize,
}

impl Token<'_> {
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }

    pub(super) fn is_parenthesis(&self) -> bool {
        self.text == "(" || self.text == ")"
    }
}

pub(super) fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut depth = 0_usize;
    lexemes(sql, 0).filter(|lexeme| !lexeme.kind.is_trivia()).map(move |lexeme| {
        depth = if lexeme.kind == Kind::Close { depth.saturating_sub(1) } else { depth };
        let token = Token { text: sql.get(lexeme.start..lexeme.end).unwrap_or_default(), depth };
        depth += usize::from(lexeme.kind == Kind::Open);
        token
    })
}

fn next_is<'a>(mut tokens: impl Iterator<Item = Token<'a>>, keyword: &str) -> bool {
    tokens.next().is_some_and(|token| token.is(keyword))
}

/// Whether `N` tokens in a row match.
fn follow<'a, const N: usize>(
    tokens: impl Iterator<Item = Token<'a>>,
    matches: impl Fn([Token<'a>; N]) -> bool,
) -> bool {
    let mut window = [Token { text: "", depth: 0 }; N];
    for token in tokens {
        window.rotate_left(1);
        if let Some(last) = window.last_mut() {
            *last = token;
        }
        if matches(window) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

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
    #[case("copy t from stdin")]
    #[case("COPY s.t (a, b) FROM STDIN WITH (FORMAT csv)")]
    #[case("copy (select a from b) to stdout")]
    fn refused(#[case] sql: &str) {
        assert!(refusal(sql).is_some());
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
    #[case("select 1")]
    fn allowed(#[case] sql: &str) {
        assert_eq!(refusal(sql), None);
    }

    #[rstest]
    #[case("begin", Some(Wrapper::Begin))]
    #[case("BEGIN TRANSACTION", Some(Wrapper::Begin))]
    #[case("start transaction", Some(Wrapper::Begin))]
    #[case("end", Some(Wrapper::Commit))]
    #[case("commit work", Some(Wrapper::Commit))]
    #[case("begin read only", None)]
    #[case("start", None)]
    #[case("commit and chain", None)]
    #[case("rollback", None)]
    fn wrappers(#[case] sql: &str, #[case] expected: Option<Wrapper>) {
        assert_eq!(wrapper(sql), expected);
    }
}
