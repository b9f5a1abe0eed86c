//! Which of `SQLite`'s statements cannot run in a transaction, or do nothing there. All others can, including DDL.
//!
//! Source: `SQLite`'s pages "VACUUM", "ATTACH DATABASE", "DETACH DATABASE" and "PRAGMA Statements".

use super::super::fit::ForeignKeys;
use super::super::tokens::Parsed;
use super::super::transaction::{Execution, Trace};
use super::session_effect::session_effect;

pub(super) const FOREIGN_KEYS_ON: &str = "PRAGMA foreign_keys = ON";

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
    let (name, value) = set_pragma(statement)?;
    match (name.as_str(), value.as_deref()) {
        ("foreign_keys", Some(value)) if !is_off(value) => Some(FOREIGN_KEYS_ON),
        ("journal_mode", Some(_)) => Some("PRAGMA journal_mode"),
        ("synchronous", Some(_)) => Some("PRAGMA synchronous"),
        ("wal_checkpoint", _) => Some("PRAGMA wal_checkpoint"),
        _ => None,
    }
}

/// A pragma's name and the value that it is given, in lower case and without quotes.
pub(super) fn set_pragma(statement: Parsed<'_>) -> Option<(String, Option<String>)> {
    if statement.first != "pragma" {
        return None;
    }
    let word = |index: usize| statement.tokens.get(index).map(|token| token.text.to_ascii_lowercase());
    let name_at = if statement.is(2, &["."]) { 3 } else { 1 };
    let value = word(name_at + 2).map(|value| value.trim_matches(['\'', '"']).to_owned());
    Some((word(name_at)?, value))
}

pub(super) fn is_off(value: &str) -> bool {
    ["off", "0", "false", "no"].contains(&value)
}

/// What foreign keys are to a statement. Source: `SQLite`'s pages "SQLite Foreign Key Support" (5) and "ALTER TABLE".
pub(in super::super) fn foreign_keys(statement: Parsed<'_>) -> ForeignKeys {
    let is = |index: usize, words: &[&str]| statement.is(index, words);
    let indifferent = match statement.first {
        "pragma" => match set_pragma(statement) {
            Some((name, Some(value))) if name == "foreign_keys" && is_off(&value) => return ForeignKeys::SwitchesOff,
            _ => true,
        },
        "select" | "values" | "explain" | "begin" | "commit" | "end" | "savepoint" | "release" | "analyze"
        | "reindex" | "vacuum" | "attach" | "detach" | "create" => true,
        "drop" => is(1, &["index", "view", "trigger"]),
        // A column that refers to another table may not have a default while they are enforced.
        "alter" => !statement.rest().iter().any(|token| token.is("references") || token.is("drop")),
        _ => false,
    };
    if indifferent { ForeignKeys::Indifferent } else { ForeignKeys::Obeys }
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
    #[case("insert into t values (1)", ForeignKeys::Obeys)]
    #[case("with x as (select 1) delete from t", ForeignKeys::Obeys)]
    #[case("replace into t values (1)", ForeignKeys::Obeys)]
    #[case("drop table t", ForeignKeys::Obeys)]
    #[case("alter table t add column a int references u default 1", ForeignKeys::Obeys)]
    #[case("alter table t drop column a", ForeignKeys::Obeys)]
    #[case("alter table t rename to u", ForeignKeys::Indifferent)]
    #[case("alter table t add column a int", ForeignKeys::Indifferent)]
    #[case("drop index i", ForeignKeys::Indifferent)]
    #[case("create unique index i on t (a)", ForeignKeys::Indifferent)]
    #[case("pragma main.foreign_keys = 'off'", ForeignKeys::SwitchesOff)]
    #[case("pragma foreign_keys(0)", ForeignKeys::SwitchesOff)]
    #[case("pragma foreign_keys = on", ForeignKeys::Indifferent)]
    #[case("pragma foreign_key_check", ForeignKeys::Indifferent)]
    fn what_foreign_keys_are_to_a_statement(#[case] sql: &str, #[case] expected: ForeignKeys) {
        assert_eq!(Parsed::ask(sql, Dialect::Sqlite, foreign_keys), expected);
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
