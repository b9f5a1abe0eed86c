//! Which statements `PostgreSQL` refuses inside a transaction block, and what such a statement leaves in the catalog.

use super::super::cursor::Cursor;
use super::super::ddl::{Action, Change, Create, Ddl, Drop, Modifier, ObjectKind};
use super::super::tokens::{Parsed, Token, follow, next_is};
use super::super::transaction::{Execution, Trace};

pub(in super::super) fn execution(statement: Parsed<'_>) -> Execution {
    match (statement.first, demand(statement)) {
        ("create", Some(CREATE_CONCURRENTLY)) => {
            Ddl::creates(statement.ddl, ObjectKind::Index).map_or(UNKNOWN, created_index)
        }
        ("drop", Some(DROP_CONCURRENTLY)) => {
            Ddl::drops(statement.ddl, ObjectKind::Index).map_or(UNKNOWN, dropped_index)
        }
        ("reindex", Some(_)) => Execution::Alone(reindexed(statement.words())),
        ("vacuum" | "cluster", Some(_)) | (_, Some("ALTER SYSTEM")) => Execution::Alone(Trace::Repeatable),
        (_, Some(DETACH_CONCURRENTLY)) => detached(statement.ddl),
        // A procedure may commit, and so may a DO block that contains the words for it; inside a transaction the server
        // would refuse that.
        ("call", None) => PARTS,
        ("do", None) if may_commit(statement.sql) => PARTS,
        (_, Some(_)) => UNKNOWN,
        // A loaded library is gone with its session, too.
        (_, None) if is_setting(statement) || statement.first == "load" => Execution::Setting,
        (_, None) => Execution::Transaction,
    }
}

const UNKNOWN: Execution = Execution::Alone(Trace::Unknown);
const CREATE_CONCURRENTLY: &str = "CREATE INDEX CONCURRENTLY";
const DROP_CONCURRENTLY: &str = "DROP INDEX CONCURRENTLY";
const DETACH_CONCURRENTLY: &str = "ALTER TABLE … DETACH PARTITION … CONCURRENTLY";
const PARTS: Execution = Execution::Alone(Trace::Parts);

fn created_index(index: &Create) -> Execution {
    match (&index.name, &index.on) {
        (None, Some(_)) => Execution::NamelessIndex,
        (Some(name), Some(table)) => {
            Execution::Alone(Trace::CreatedIndex { name: name.for_lookup(), table: table.for_lookup() })
        }
        (_, None) => UNKNOWN,
    }
}

fn dropped_index(index: &Drop) -> Execution {
    index.names.first().map_or(UNKNOWN, |name| Execution::Alone(Trace::DroppedIndex { name: name.for_lookup() }))
}

fn detached(ddl: Option<&Ddl>) -> Execution {
    let Some(Ddl::Alter(alter)) = ddl else { return PARTS };
    let partition = alter.actions.iter().find_map(|action| match &action.change {
        Change::Detach { partition, concurrently: true } => Some(partition.for_lookup()),
        _ => None,
    });
    match (&alter.name, partition) {
        (Some(table), Some(partition)) => {
            Execution::Alone(Trace::DetachedPartition { table: table.for_lookup(), partition })
        }
        _ => PARTS,
    }
}

fn reindexed(mut words: Cursor<'_>) -> Trace {
    let is_concurrent = is_concurrent(words.rest().iter().copied());
    words.eat_options();
    let is_index = words.eat(&["index"]);
    let is_table = !is_index && words.eat(&["table"]);
    words.eat(&["concurrently"]);
    match words.name().map(|name| name.for_lookup()) {
        Some(name) if is_index => Trace::ReindexedIndex { name },
        Some(name) if is_table => Trace::ReindexedTable { name },
        _ if is_concurrent => Trace::ReindexedMany,
        _ => Trace::Repeatable,
    }
}

/// Of the words of a `REINDEX`, whose options may also say `(CONCURRENTLY FALSE)`.
fn is_concurrent<'a>(words: impl Iterator<Item = Token<'a>>) -> bool {
    let mut words = words.skip_while(|token| !token.is("concurrently"));
    let is_said = words.next().is_some();
    is_said && !words.next().is_some_and(|token| ["false", "off", "0"].iter().any(|no| token.is(no)))
}

fn may_commit(sql: &str) -> bool {
    let text = sql.to_ascii_lowercase();
    ["commit", "rollback", "call"].iter().any(|word| text.contains(word))
}

pub(in super::super) fn is_setting(statement: Parsed<'_>) -> bool {
    let mut words = statement.iter();
    match words.next() {
        Some(first) if first.is("set") || first.is("reset") => true,
        // As written by pg_dump.
        Some(first) if first.is("select") => {
            words.find(|token| !token.is("pg_catalog") && token.text != ".").is_some_and(|token| token.is("set_config"))
        }
        _ => false,
    }
}

/// Whether a setting means the same outside a transaction and inside one. `SET LOCAL` and its kind have no effect outside;
/// the next transaction's defaults have none on the one that they are set in.
pub(in super::super) fn is_same_outside(statement: Parsed<'_>) -> bool {
    const OF_THE_TRANSACTION: [&str; 10] = [
        "local",
        "transaction",
        "constraints",
        "characteristics",
        "transaction_isolation",
        "transaction_read_only",
        "transaction_deferrable",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "default_transaction_deferrable",
    ];
    let names_it = |token: Token<'_>| OF_THE_TRANSACTION.iter().any(|word| token.is(word));
    match statement.first {
        "set" | "reset" => !statement.iter().skip(1).take(2).any(names_it),
        // set_config(…, is_local)
        "select" => is_setting(statement) && !statement.iter().any(|token| token.is("true")),
        _ => false,
    }
}

/// What of a statement holds to the end of its transaction, whatever is reset: its mode, and when every constraint is checked,
/// those of later files too. Source: PostgreSQL, SET TRANSACTION, SET CONSTRAINTS.
pub(in super::super) fn outlasts_file(statement: Parsed<'_>) -> Option<&'static str> {
    const MODES: [&str; 4] =
        ["transaction", "transaction_isolation", "transaction_read_only", "transaction_deferrable"];
    if statement.first != "set" {
        return None;
    }
    let mut rest = statement.iter().skip(1).filter(|token| !token.is("local") && !token.is("session"));
    let what = rest.next()?;
    if MODES.iter().any(|mode| what.is(mode)) {
        return Some("SET TRANSACTION");
    }
    (what.is("constraints") && next_is(rest, "all")).then_some("SET CONSTRAINTS ALL")
}

/// The part of a statement that the server refuses inside a transaction block; None if it may run in one.
///
/// Source: `PostgreSQL`'s reference pages ("cannot be executed inside a transaction block") and the callers of
/// `PreventInTransactionBlock` in its source.
pub(in super::super) fn demand(statement: Parsed<'_>) -> Option<&'static str> {
    let rest = statement.iter().skip(1);
    match statement.first {
        "vacuum" => Some("VACUUM"),
        "cluster" => cluster(rest),
        "reindex" => reindex(rest),
        "create" => create(statement),
        "drop" => drop(statement),
        "alter" => alter(statement),
        _ => None,
    }
}

fn cluster<'a>(mut rest: impl Iterator<Item = Token<'a>>) -> Option<&'static str> {
    let names_a_table = rest.any(|token| token.depth == 0 && !token.is("verbose") && !token.is_parenthesis());
    (!names_a_table).then_some("CLUSTER without a table")
}

fn reindex<'a>(mut rest: impl Iterator<Item = Token<'a>> + Clone) -> Option<&'static str> {
    if is_concurrent(rest.clone()) {
        return Some("REINDEX CONCURRENTLY");
    }
    let what = rest.find(|token| token.depth == 0 && !token.is_parenthesis());
    let whole = what.is_some_and(|token| token.is("schema") || token.is("database") || token.is("system"));
    whole.then_some("REINDEX SCHEMA, DATABASE or SYSTEM")
}

fn create(statement: Parsed<'_>) -> Option<&'static str> {
    if Ddl::creates(statement.ddl, ObjectKind::Index).is_some_and(|index| index.says(Modifier::Concurrently)) {
        Some(CREATE_CONCURRENTLY)
    } else if statement.is(1, &["database"]) {
        Some("CREATE DATABASE")
    } else if statement.is(1, &["tablespace"]) {
        Some("CREATE TABLESPACE")
    } else if statement.is(1, &["subscription"]) {
        let no_slot = follow(statement.iter(), |[option, equals, value]| {
            (option.is("create_slot") || option.is("connect")) && equals.is("=") && value.is("false")
        });
        (!no_slot).then_some("CREATE SUBSCRIPTION with create_slot")
    } else {
        None
    }
}

fn drop(statement: Parsed<'_>) -> Option<&'static str> {
    if Ddl::drops(statement.ddl, ObjectKind::Index).is_some_and(|index| index.says(Modifier::Concurrently)) {
        Some(DROP_CONCURRENTLY)
    } else if statement.is(1, &["database"]) {
        Some("DROP DATABASE")
    } else {
        statement.is(1, &["tablespace"]).then_some("DROP TABLESPACE")
    }
}

fn alter(statement: Parsed<'_>) -> Option<&'static str> {
    if statement.is(1, &["system"]) {
        Some("ALTER SYSTEM")
    } else if statement.is(1, &["database"]) {
        let moves = follow(statement.iter(), |[a, b]| a.is("set") && b.is("tablespace"));
        moves.then_some("ALTER DATABASE … SET TABLESPACE")
    } else {
        let Some(Ddl::Alter(alter)) = statement.ddl else { return None };
        let detaches = |action: &Action| matches!(action.change, Change::Detach { concurrently: true, .. });
        alter.actions.iter().any(detaches).then_some(DETACH_CONCURRENTLY)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::statements::split;
    use super::*;
    use crate::sql::Dialect;
    use crate::sql::reading::tests::mode;
    use crate::sql::transaction::TransactionMode;

    fn execution(sql: &str) -> Execution {
        Parsed::ask(sql, Dialect::Postgres, super::execution)
    }

    fn created(name: &str, table: &str) -> Execution {
        Execution::Alone(Trace::CreatedIndex { name: name.into(), table: table.into() })
    }

    fn dropped(name: &str) -> Execution {
        Execution::Alone(Trace::DroppedIndex { name: name.into() })
    }

    fn detached(table: &str, partition: &str) -> Execution {
        Execution::Alone(Trace::DetachedPartition { table: table.into(), partition: partition.into() })
    }

    #[rstest]
    #[case("create index concurrently i on t (a)", created("i", "t"))]
    #[case(
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I x\" ON ONLY s . \"T\" USING gin (a)",
        created("\"I x\"", "s.\"T\"")
    )]
    #[case("create index concurrently U&\"d\\0061t\" on s.t (a)", created("\"dat\"", "s.t"))]
    #[case("create index concurrently on t (a)", Execution::NamelessIndex)]
    #[case("drop index concurrently if exists s.i cascade", dropped("s.i"))]
    #[case("drop index concurrently i", dropped("i"))]
    #[case("reindex (verbose) index concurrently s.i", Execution::Alone(Trace::ReindexedIndex { name: "s.i".into() }))]
    #[case("reindex (concurrently) table t", Execution::Alone(Trace::ReindexedTable { name: "t".into() }))]
    #[case("reindex schema s", Execution::Alone(Trace::Repeatable))]
    #[case("vacuum analyze t", Execution::Alone(Trace::Repeatable))]
    #[case("alter system reset all", Execution::Alone(Trace::Repeatable))]
    #[case("create database d", UNKNOWN)]
    #[case("call p()", PARTS)]
    #[case("alter table s.t detach partition p concurrently", detached("s.t", "p"))]
    #[case("reindex (concurrently) schema s", Execution::Alone(Trace::ReindexedMany))]
    #[case("reindex (concurrently off, verbose) schema s", Execution::Alone(Trace::Repeatable))]
    #[case("reindex (concurrently false) table t", Execution::Transaction)]
    #[case("do $$ begin insert into t values (1); COMMIT; end $$", PARTS)]
    #[case("do $$ begin perform 1; end $$", Execution::Transaction)]
    #[case("set lock_timeout = 0", Execution::Setting)]
    #[case("select pg_catalog.set_config('search_path', '', false)", Execution::Setting)]
    #[case("select set_config", Execution::Setting)]
    #[case("alter type e add value 'x'", Execution::Transaction)]
    #[case("insert into t values (1)", Execution::Transaction)]
    fn executions(#[case] sql: &str, #[case] expected: Execution) {
        assert_eq!(execution(sql), expected);
    }

    #[rstest]
    #[case("set lock_timeout = 0", true)]
    #[case("set session work_mem to '1MB'", true)]
    #[case("reset all", true)]
    #[case("select pg_catalog.set_config('search_path', '', false)", true)]
    #[case("select pg_catalog.set_config('search_path', '', true)", false)]
    #[case("set local lock_timeout = 0", false)]
    #[case("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", false)]
    #[case("set constraints all deferred", false)]
    #[case("set session transaction_isolation = 'serializable'", false)]
    #[case("set session characteristics as transaction isolation level serializable", false)]
    #[case("set default_transaction_isolation to 'serializable'", false)]
    #[case("select 1", false)]
    #[case("analyze", false)]
    fn settings_that_mean_the_same_outside_a_transaction(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(Parsed::ask(sql, Dialect::Postgres, is_same_outside), expected);
    }

    #[rstest]
    #[case("create index concurrently i on t (a)", false, TransactionMode::PerStatement)]
    #[case("set lock_timeout = 0; vacuum; vacuum", false, TransactionMode::PerStatement)]
    #[case("create table t (); vacuum", false, TransactionMode::PerFile)]
    #[case("create table t ()", false, TransactionMode::PerFile)]
    #[case("set lock_timeout = 0", false, TransactionMode::PerFile)]
    #[case("", false, TransactionMode::PerFile)]
    #[case("create table t ()", true, TransactionMode::PerStatement)]
    fn modes(#[case] sql: &str, #[case] no_transaction: bool, #[case] expected: TransactionMode) {
        assert_eq!(mode(sql, &split(sql).statements, no_transaction, Dialect::Postgres), expected);
    }
}
