//! Which of `SQLite`'s statements cannot run as part of their file.

use super::super::refusals::{Refusal, Refusals, Wrapper};
use super::super::tokens::Parsed;
use super::transaction::demand;

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
        _ => return Refusals { per_file: demand(statement).map(in_transaction), per_statement: None },
    };
    Refusals {
        per_file: (!divides).then_some(Refusal::TransactionControl(what)),
        per_statement: Some(Refusal::WithoutTransaction(what)),
    }
}

fn in_transaction(what: &'static str) -> Refusal {
    if what.starts_with("PRAGMA") { Refusal::WithoutEffect(what) } else { Refusal::MixedFile(what) }
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
    fn refused(#[case] sql: &str, #[case] mode: TransactionMode) {
        assert!(refusal(sql, mode).is_some());
    }

    #[rstest]
    #[case("savepoint a", FILE)]
    #[case("rollback transaction to savepoint a", FILE)]
    #[case("release a", FILE)]
    #[case("pragma foreign_keys = off", FILE)]
    #[case("vacuum", STATEMENT)]
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
