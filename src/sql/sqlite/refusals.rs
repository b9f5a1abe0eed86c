//! Which of `SQLite`'s statements cannot run as part of their file.

use super::super::refusals::{Refusal, Refusals, Wrapper};
use super::super::tokens::Parsed;
use super::transaction::{FOREIGN_KEYS_ON, demand, is_off, set_pragma};

/// Whether a statement can be part of a BEGIN and COMMIT around a whole file.
pub(in super::super) fn wrapper(statement: Parsed<'_>) -> Option<Wrapper> {
    let kind = match statement.first {
        "begin" => Wrapper::Begin,
        "commit" | "end" => Wrapper::Commit,
        _ => return None,
    };
    let manner = |word: &String| matches!(word.as_str(), "deferred" | "immediate" | "exclusive");
    let words = statement.rest().iter().map(|token| token.text.to_ascii_lowercase());
    let rest: Vec<String> = words.take(3).skip_while(|word| kind == Wrapper::Begin && manner(word)).collect();
    matches!(rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), [] | ["transaction"]).then_some(kind)
}

pub(in super::super) fn refusals(statement: Parsed<'_>) -> Refusals {
    let (what, divides) = match statement.first {
        "begin" => ("BEGIN", false),
        "commit" => ("COMMIT", false),
        "end" => ("END", false),
        "rollback" if statement.rest().iter().any(|token| token.is("to")) => ("ROLLBACK TO", true),
        "rollback" => ("ROLLBACK", false),
        "savepoint" => ("SAVEPOINT", true),
        "release" => ("RELEASE", true),
        _ => {
            let always = without_effect(statement);
            let per_file = always.clone().or_else(|| demand(statement).map(in_transaction));
            return Refusals { per_file, per_statement: always };
        }
    };
    Refusals {
        per_file: (!divides).then_some(Refusal::TransactionControl(what)),
        per_statement: Some(Refusal::WithoutTransaction(what)),
    }
}

fn in_transaction(what: &'static str) -> Refusal {
    match what {
        FOREIGN_KEYS_ON => Refusal::ForeignKeysOn,
        _ if what.starts_with("PRAGMA") => Refusal::WithoutEffect(what),
        _ => Refusal::MixedFile(what),
    }
}

/// A pragma about how the file is laid out, which a file that has tables keeps as it is; the ledger's are there first. One
/// that only repeats what every file begins with is fine. Source: `SQLite`'s page "PRAGMA Statements".
fn without_effect(statement: Parsed<'_>) -> Option<Refusal> {
    let (name, value) = set_pragma(statement)?;
    match (name.as_str(), value?.as_str()) {
        ("encoding", value) if !["utf8", "utf-8"].contains(&value) => Some(Refusal::Encoding),
        ("page_size", value) if value != "4096" => Some(Refusal::NeedsVacuum("PRAGMA page_size")),
        ("auto_vacuum", value) if !["0", "none"].contains(&value) => Some(Refusal::NeedsVacuum("PRAGMA auto_vacuum")),
        ("query_only", value) if !is_off(value) => Some(Refusal::ReadOnly("PRAGMA query_only")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::{Dialect, TransactionMode};

    fn refusal(sql: &str, mode: TransactionMode) -> Option<Refusal> {
        Parsed::ask(sql, Dialect::Sqlite, super::refusals).of(mode)
    }

    fn wrapper(sql: &str) -> Option<Wrapper> {
        Parsed::ask(sql, Dialect::Sqlite, super::wrapper)
    }

    const FILE: TransactionMode = TransactionMode::PerFile;
    const STATEMENT: TransactionMode = TransactionMode::PerStatement;

    #[rstest]
    #[case("begin immediate", FILE)]
    #[case("COMMIT", FILE)]
    #[case("end transaction", FILE)]
    #[case("rollback", FILE)]
    #[case("vacuum", FILE)]
    #[case("pragma foreign_keys = 1", FILE)]
    #[case("detach x", FILE)]
    #[case("begin", STATEMENT)]
    #[case("savepoint a", STATEMENT)]
    #[case("rollback to a", STATEMENT)]
    #[case("pragma encoding = 'UTF-16'", FILE)]
    #[case("PRAGMA main.encoding = \"UTF-16le\"", STATEMENT)]
    #[case("pragma page_size = 8192", STATEMENT)]
    #[case("pragma auto_vacuum(full)", FILE)]
    #[case("pragma query_only = 1", FILE)]
    fn refused(#[case] sql: &str, #[case] mode: TransactionMode) {
        assert!(refusal(sql, mode).is_some());
    }

    #[rstest]
    #[case("savepoint a", FILE)]
    #[case("rollback transaction to savepoint a", FILE)]
    #[case("release a", FILE)]
    #[case("pragma foreign_keys = off", FILE)]
    #[case("vacuum", STATEMENT)]
    #[case("pragma encoding = 'UTF-8'", FILE)]
    #[case("pragma encoding", FILE)]
    #[case("pragma page_size = 4096", FILE)]
    #[case("pragma auto_vacuum = none", FILE)]
    #[case("pragma query_only = off", FILE)]
    #[case("create table t (a)", STATEMENT)]
    fn allowed(#[case] sql: &str, #[case] mode: TransactionMode) {
        assert_eq!(refusal(sql, mode), None);
    }

    #[rstest]
    #[case("begin", Some(Wrapper::Begin))]
    #[case("BEGIN IMMEDIATE TRANSACTION", Some(Wrapper::Begin))]
    #[case("end transaction", Some(Wrapper::Commit))]
    #[case("commit", Some(Wrapper::Commit))]
    #[case("rollback", None)]
    #[case("commit immediate", None)]
    fn wrappers(#[case] sql: &str, #[case] expected: Option<Wrapper>) {
        assert_eq!(wrapper(sql), expected);
    }
}
