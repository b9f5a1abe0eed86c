//! Statements that are the file's, but are not sent: each statement is committed by itself here, so that what begins or
//! ends a transaction has nothing to do, and what locks tables would keep the run from writing its journal.

use super::super::Dialect;
use super::super::statements::Statement;
use super::super::tokens::{Token, tokens};

/// Whether each statement is left out: `START TRANSACTION`, `BEGIN`, `COMMIT`, `SET autocommit`, `UNLOCK TABLES`, and
/// `LOCK TABLES` where up to `UNLOCK TABLES` there is only what mysqldump writes there. Where a `LOCK TABLES` guards
/// anything else it is kept, and refused.
pub(in super::super) fn left_out(sql: &str, statements: &[Statement], dialect: Dialect) -> Vec<bool> {
    let kinds: Vec<Kind> = statements.iter().map(|statement| kind(statement.text(sql), dialect)).collect();
    let fills_only = |from: usize| {
        let guarded = kinds.iter().skip(from + 1).take_while(|kind| **kind != Kind::Unlock);
        guarded.into_iter().all(|kind| matches!(kind, Kind::Fill | Kind::Transaction | Kind::Lock))
    };
    let is_left_out = |(index, kind): (usize, &Kind)| match kind {
        Kind::Transaction | Kind::Unlock => true,
        Kind::Lock => fills_only(index),
        Kind::Fill | Kind::Other => false,
    };
    kinds.iter().enumerate().map(is_left_out).collect()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Begins or ends a transaction.
    Transaction,
    Lock,
    Unlock,
    /// As mysqldump writes it between the two.
    Fill,
    Other,
}

fn kind(sql: &str, dialect: Dialect) -> Kind {
    let head: Vec<Token<'_>> = tokens(sql, dialect).take(3).collect();
    let is = |index: usize, words: &[&str]| head.get(index).is_some_and(|token| words.iter().any(|w| token.is(w)));
    let length = head.len();
    let plain = length == 1 || length == 2 && is(1, &["work"]);
    if is(0, &["begin", "commit"]) && plain || is(0, &["start"]) && is(1, &["transaction"]) {
        Kind::Transaction
    } else if is(0, &["lock"]) && is(1, &["table", "tables"]) {
        Kind::Lock
    } else if is(0, &["unlock"]) && is(1, &["table", "tables"]) {
        Kind::Unlock
    } else if is(0, &["insert", "replace", "set"]) {
        if autocommit(sql, dialect) == Some(Autocommit::Alone) { Kind::Transaction } else { Kind::Fill }
    } else if is(0, &["alter"]) && tokens(sql, dialect).any(|token| token.is("keys")) {
        Kind::Fill
    } else {
        Kind::Other
    }
}

/// How a statement `SET` changes autocommit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Autocommit {
    /// And nothing else but variables of the file's own.
    Alone,
    /// And other settings.
    Mixed,
}

/// How a statement changes autocommit, if it does.
pub(super) fn autocommit(sql: &str, dialect: Dialect) -> Option<Autocommit> {
    if !tokens(sql, dialect).next()?.is("set") {
        return None;
    }
    let all: Vec<Token<'_>> = tokens(sql, dialect).skip(1).collect();
    let assigned = all.split(|token| token.depth == 0 && token.text == ",").map(|assignment| {
        let target = assignment.iter().find(|token| !["session", "local"].iter().any(|word| token.is(word)));
        target.map(|token| token.text.to_ascii_lowercase()).unwrap_or_default()
    });
    let (mut found, mut others) = (false, false);
    for target in assigned {
        let variable = target.strip_prefix("@@").map(|name| name.rsplit('.').next().unwrap_or(name));
        if variable.unwrap_or(&target) == "autocommit" {
            found = true;
        } else {
            others = others || variable.is_some() || !target.starts_with('@');
        }
    }
    found.then_some(if others { Autocommit::Mixed } else { Autocommit::Alone })
}
