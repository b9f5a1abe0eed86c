//! How each kind of statement is executed where all DDL commits by itself.
//!
//! Source: `MySQL`'s manual, "Statements That Cause an Implicit Commit"; `MariaDB`'s, "SQL statements That Cause an
//! Implicit Commit".

use super::super::Dialect;
use super::super::tokens::{Token, follow, tokens};
use super::super::transaction::{Execution, Trace};
use super::evidence::{altered, created, dropped, renamed};
use super::words::Words;

const REPEATABLE: Execution = Execution::Alone(Trace::Repeatable);
const UNKNOWN: Execution = Execution::Alone(Trace::Unknown);

/// How a statement is executed. What is not known is executed alone: it may commit.
///
/// A statement that changes rows shares a transaction with its row in the journal, which holds for tables of `InnoDB`.
pub(in super::super) fn execution(sql: &str, dialect: Dialect) -> Execution {
    let mut rest = tokens(sql, dialect);
    let first = rest.find(|token| !token.is_parenthesis()).map(|token| token.text.to_ascii_lowercase());
    let all = || tokens(sql, dialect).collect::<Vec<Token<'_>>>();
    let second = |words: &[&str]| tokens(sql, dialect).nth(1).is_some_and(|token| words.iter().any(|w| token.is(w)));
    match first.unwrap_or_default().as_str() {
        "set" => set(sql, dialect),
        "prepare" | "deallocate" => Execution::Setting,
        "select" | "with" | "values" | "table" => reading(rest),
        "load" if second(&["index"]) => REPEATABLE,
        "analyze" | "optimize" | "repair" if !second(&["table", "local", "no_write_to_binlog", "tables"]) => UNKNOWN,
        "analyze" | "optimize" | "repair" | "truncate" | "check" | "flush" | "grant" | "cache" => REPEATABLE,
        "insert" | "update" | "delete" | "replace" | "load" | "do" | "show" | "explain" | "describe" | "desc"
        | "checksum" | "help" | "signal" | "handler" | "get" => Execution::Transaction,
        "create" => created(Words(all().get(1..).unwrap_or_default())),
        "alter" => altered(Words(all().get(1..).unwrap_or_default())),
        "drop" if second(&["prepare"]) => Execution::Setting,
        "drop" => dropped(Words(all().get(1..).unwrap_or_default())),
        "rename" => renamed(Words(all().get(1..).unwrap_or_default())),
        // A procedure may commit, and so may what EXECUTE executes.
        _ => UNKNOWN,
    }
}

fn set(sql: &str, dialect: Dialect) -> Execution {
    let mut words = tokens(sql, dialect).skip(1);
    let first = words.next().map(|token| token.text.to_ascii_lowercase()).unwrap_or_default();
    match first.as_str() {
        "password" | "default" => REPEATABLE,
        // MariaDB: SET STATEMENT … FOR any statement.
        "statement" => UNKNOWN,
        _ => Execution::Setting,
    }
}

/// `SELECT` and the like: one that fills variables runs again where a run resumes behind it.
fn reading<'a>(rest: impl Iterator<Item = Token<'a>>) -> Execution {
    let (mut variables, mut file) = (false, false);
    follow(rest, |[into, target]| {
        let is_target = into.is("into");
        variables = variables || is_target && target.text.starts_with('@');
        file = file || is_target && (target.is("outfile") || target.is("dumpfile"));
        false
    });
    match (file, variables) {
        (true, _) => UNKNOWN,
        (false, true) => Execution::Setting,
        (false, false) => Execution::Transaction,
    }
}
