//! Which of `SQLite`'s statements cannot run in a transaction, or do nothing there. All else can, DDL too.
//!
//! Source: `SQLite`'s pages "VACUUM", "ATTACH DATABASE", "DETACH DATABASE" and "PRAGMA Statements".

use super::super::transaction::{Execution, Trace};
use super::tokens;

/// What about a statement has no place in a transaction; None where it may run in one.
pub(in super::super) fn demand(sql: &str) -> Option<&'static str> {
    let mut words = tokens(sql);
    let first = words.next()?;
    if first.is("vacuum") {
        Some("VACUUM")
    } else if first.is("attach") {
        Some("ATTACH")
    } else if first.is("detach") {
        Some("DETACH")
    } else if first.is("pragma") {
        pragma(sql)
    } else {
        None
    }
}

/// A pragma that is refused or does nothing inside a transaction. `foreign_keys = OFF` is none: each session begins so.
fn pragma(sql: &str) -> Option<&'static str> {
    let words: Vec<_> = tokens(sql).skip(1).map(|token| token.text.to_ascii_lowercase()).collect();
    let name_at = if words.get(1).is_some_and(|word| word == ".") { 2 } else { 0 };
    let (name, value) = (words.get(name_at)?, words.get(name_at + 2).map(|value| value.trim_matches(['\'', '"'])));
    match (name.as_str(), value) {
        ("foreign_keys", Some(value)) if !["off", "0", "false", "no"].contains(&value) => {
            Some("PRAGMA foreign_keys = ON")
        }
        ("journal_mode", Some(_)) => Some("PRAGMA journal_mode"),
        ("synchronous", Some(_)) => Some("PRAGMA synchronous"),
        ("wal_checkpoint", _) => Some("PRAGMA wal_checkpoint"),
        _ => None,
    }
}

/// Whether a statement changes the session's settings and nothing else.
pub(in super::super) fn is_setting(sql: &str) -> bool {
    let first = tokens(sql).next();
    first.is_some_and(|first| ["pragma", "attach", "detach"].iter().any(|word| first.is(word)))
}

/// How a statement is executed.
pub(in super::super) fn execution(sql: &str) -> Execution {
    match (demand(sql), is_setting(sql)) {
        (Some(_), true) => Execution::SettingAlone,
        (Some(_), false) => Execution::Alone(Trace::Repeatable),
        (None, true) => Execution::Setting,
        (None, false) => Execution::Transaction,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::statements::split;
    use super::*;
    use crate::sql::Dialect;
    use crate::sql::transaction::TransactionMode;

    #[rstest]
    #[case("vacuum", Execution::Alone(Trace::Repeatable))]
    #[case("PRAGMA foreign_keys = ON", Execution::SettingAlone)]
    #[case("pragma main.journal_mode(wal)", Execution::SettingAlone)]
    #[case("attach 'x' as y", Execution::SettingAlone)]
    #[case("pragma foreign_keys=off", Execution::Setting)]
    #[case("pragma foreign_keys", Execution::Setting)]
    #[case("pragma user_version = 3", Execution::Setting)]
    #[case("create table t (a)", Execution::Transaction)]
    #[case("insert into t values (1)", Execution::Transaction)]
    fn executions(#[case] sql: &str, #[case] expected: Execution) {
        assert_eq!(execution(sql), expected);
    }

    #[rstest]
    #[case("create table t (a); drop table u", false, TransactionMode::PerFile)]
    #[case("vacuum", false, TransactionMode::PerStatement)]
    #[case("pragma journal_mode = wal; pragma user_version = 1", false, TransactionMode::PerStatement)]
    #[case("pragma foreign_keys = on; drop table t", false, TransactionMode::PerFile)]
    #[case("create table t (a)", true, TransactionMode::PerStatement)]
    fn modes(#[case] sql: &str, #[case] no_transaction: bool, #[case] expected: TransactionMode) {
        assert_eq!(TransactionMode::of(sql, &split(sql).statements, false, no_transaction, Dialect::Sqlite), expected);
    }
}
