//! Which of `SQLite`'s statements cannot run as a part of their file.

use super::super::refusals::{Refusal, Wrapper};
use super::super::transaction::TransactionMode;
use super::tokens;
use super::transaction::demand;

/// Whether a statement is one that may wrap a whole file.
pub(in super::super) fn wrapper(sql: &str) -> Option<Wrapper> {
    let mut words = tokens(sql).map(|token| token.text.to_ascii_lowercase());
    let first = words.next()?;
    let kind = match first.as_str() {
        "begin" => Wrapper::Begin,
        "commit" | "end" => Wrapper::Commit,
        _ => return None,
    };
    let manner = |word: &String| matches!(word.as_str(), "deferred" | "immediate" | "exclusive");
    let rest: Vec<String> = words.take(3).skip_while(|word| kind == Wrapper::Begin && manner(word)).collect();
    matches!(rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), [] | ["transaction"]).then_some(kind)
}

/// Why a statement cannot run in a file of this mode; None where nothing speaks against it.
pub(in super::super) fn refusal(sql: &str, mode: TransactionMode) -> Option<Refusal> {
    let mut words = tokens(sql);
    let first = words.next()?.text.to_ascii_lowercase();
    let (what, divides) = match first.as_str() {
        "begin" => ("BEGIN", false),
        "commit" => ("COMMIT", false),
        "end" => ("END", false),
        "rollback" if words.any(|token| token.is("to")) => ("ROLLBACK TO", true),
        "rollback" => ("ROLLBACK", false),
        "savepoint" => ("SAVEPOINT", true),
        "release" => ("RELEASE", true),
        _ if mode == TransactionMode::PerFile => {
            let is_pragma = |what: &str| what.starts_with("PRAGMA");
            return demand(sql)
                .map(|what| if is_pragma(what) { Refusal::WithoutEffect(what) } else { Refusal::MixedFile(what) });
        }
        _ => return None,
    };
    match (mode, divides) {
        (TransactionMode::PerStatement, _) => Some(Refusal::WithoutTransaction(what)),
        (TransactionMode::PerFile, false) => Some(Refusal::TransactionControl(what)),
        (TransactionMode::PerFile, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

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
