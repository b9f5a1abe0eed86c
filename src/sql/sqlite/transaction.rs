//! Which of `SQLite`'s statements cannot run in a transaction, or do nothing there. All others can, including DDL.
//!
//! Source: `SQLite`'s pages "VACUUM", "ATTACH DATABASE", "DETACH DATABASE" and "PRAGMA Statements".

use super::super::tokens::Parsed;
use super::super::transaction::{Execution, Trace};
use super::session_effect::session_effect;

/// The part of a statement that cannot be in a transaction; None if it may run in one.
pub(in super::super) fn demand(statement: Parsed<'_>) -> Option<&'static str> {
    let first = statement.tokens.first()?;
    if first.is("vacuum") {
        Some("VACUUM")
    } else if first.is("attach") {
        Some("ATTACH")
    } else if first.is("detach") {
        Some("DETACH")
    } else if first.is("pragma") {
        pragma(statement)
    } else {
        None
    }
}

/// A pragma that is refused or ignored inside a transaction. `foreign_keys = OFF` is fine, since each session starts
/// with it.
fn pragma(statement: Parsed<'_>) -> Option<&'static str> {
    let words: Vec<_> = statement.iter().skip(1).map(|token| token.text.to_ascii_lowercase()).collect();
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

pub(in super::super) fn is_setting(statement: Parsed<'_>) -> bool {
    statement.is(0, &["pragma", "attach", "detach"])
}

/// Whether a setting means the same outside a transaction and inside one.
pub(in super::super) fn is_same_outside(statement: Parsed<'_>) -> bool {
    statement.is(0, &["pragma"]) && demand(statement).is_none()
}

/// What of a statement stays with the connection, which is opened again between files that are not one transaction: a
/// setting, a temporary object.
pub(in super::super) fn outlasts_file(statement: Parsed<'_>) -> Option<&'static str> {
    // These only read, or are kept in the file itself.
    const HARMLESS: [&str; 6] =
        ["foreign_keys", "foreign_key_check", "integrity_check", "quick_check", "user_version", "application_id"];
    if !session_effect(statement).makes.is_empty() {
        return Some("a temporary object");
    }
    let named = |name: &&str| statement.iter().skip(1).take(3).any(|token| token.is(name));
    (statement.is(0, &["pragma"]) && !HARMLESS.iter().any(named)).then_some("a PRAGMA")
}

pub(in super::super) fn execution(statement: Parsed<'_>) -> Execution {
    match (demand(statement), is_setting(statement)) {
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
    use crate::sql::reading::tests::mode;
    use crate::sql::transaction::TransactionMode;

    fn execution(sql: &str) -> Execution {
        Parsed::ask(sql, Dialect::Sqlite, super::execution)
    }

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
        assert_eq!(mode(sql, &split(sql).statements, no_transaction, Dialect::Sqlite), expected);
    }
}
