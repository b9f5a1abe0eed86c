//! Which of `SQLite`'s statements cannot run as a part of their file.

use super::super::refusals::{Refusal, Wrapper};
use super::super::transaction::TransactionMode;
use super::{demand, tokens};

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
        _ if mode == TransactionMode::PerFile => return demand(sql).map(Refusal::MixedFile),
        _ => return None,
    };
    match (mode, divides) {
        (TransactionMode::PerStatement, _) => Some(Refusal::WithoutTransaction(what)),
        (TransactionMode::PerFile, false) => Some(Refusal::TransactionControl(what)),
        (TransactionMode::PerFile, true) => None,
    }
}
