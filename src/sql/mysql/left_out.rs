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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::statements::split;
    use super::*;

    /// What is left of a file.
    fn kept(sql: &str) -> Vec<&str> {
        let statements = split(sql, Dialect::Mysql).statements;
        let left_out = left_out(sql, &statements, Dialect::Mysql);
        let kept = statements.iter().zip(left_out).filter(|(_, left_out)| !left_out);
        kept.map(|(statement, _)| statement.text(sql)).collect()
    }

    #[rstest]
    #[case::transactions("begin; a; commit; start transaction read write; b; commit work", &["a", "b"])]
    #[case::autocommit("set autocommit=0; a; SET @@session.autocommit = 1; b", &["a", "b"])]
    #[case::autocommit_of_a_dump("SET @OLD_AUTOCOMMIT=@@AUTOCOMMIT, @@AUTOCOMMIT=0; a; SET AUTOCOMMIT=@OLD_AUTOCOMMIT", &["a"])]
    #[case::other_settings("set @autocommit = 1; set autocommit = 0, sql_mode = ''", &["set @autocommit = 1", "set autocommit = 0, sql_mode = ''"])]
    #[case::commit_and_more("commit and chain; rollback", &["commit and chain", "rollback"])]
    #[case::a_dump(
        "LOCK TABLES `t` WRITE; /*!40000 ALTER TABLE `t` DISABLE KEYS */; INSERT INTO `t` VALUES (1); \
         /*!40000 ALTER TABLE `t` ENABLE KEYS */; UNLOCK TABLES; select 1",
        &[
            "/*!40000 ALTER TABLE `t` DISABLE KEYS */",
            "INSERT INTO `t` VALUES (1)",
            "/*!40000 ALTER TABLE `t` ENABLE KEYS */",
            "select 1"
        ]
    )]
    #[case::a_guard("lock tables t write; update t set a = 1; unlock tables", &["lock tables t write", "update t set a = 1"])]
    #[case::never_unlocked("lock tables t write; insert into t values (1)", &["insert into t values (1)"])]
    fn what_is_kept(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(kept(sql), expected);
    }
}
