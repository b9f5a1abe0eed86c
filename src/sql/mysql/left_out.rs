//! Statements of a file that are not sent. Each statement is committed separately here, so those that begin or end a
//! transaction have nothing to do, and those that lock tables would keep the run from writing its journal. They are
//! recognised by their words, including `ALTER TABLE … DISABLE KEYS` of a dump.

use super::super::fit::Omission;
use super::super::tokens::Parsed;

/// Whether a statement is left out: `START TRANSACTION`, `BEGIN`, `COMMIT`, `SET autocommit`, `UNLOCK TABLES`, and
/// `LOCK TABLES` if there is nothing up to `UNLOCK TABLES` but what mysqldump writes there.
pub(in super::super) fn omission(statement: Parsed<'_>) -> Omission {
    let is = |index: usize, words: &[&str]| statement.is(index, words);
    let length = statement.tokens.len();
    let plain = length == 1 || length == 2 && is(1, &["work"]);
    if is(0, &["begin", "commit"]) && plain || is(0, &["start"]) && is(1, &["transaction"]) {
        Omission::Always
    } else if is(0, &["lock"]) && is(1, &["table", "tables"]) {
        Omission::Lock
    } else if is(0, &["unlock"]) && is(1, &["table", "tables"]) {
        Omission::Unlock
    } else if is(0, &["insert", "replace", "set"]) {
        if autocommit(statement) == Some(Autocommit::Alone) { Omission::Always } else { Omission::Fill }
    } else if is(0, &["alter"]) && statement.tokens.iter().any(|token| token.is("keys")) {
        Omission::Fill
    } else {
        Omission::Never
    }
}

/// How a `SET` statement changes autocommit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Autocommit {
    /// Nothing else is set except user variables.
    Alone,
    Mixed,
}

pub(super) fn autocommit(statement: Parsed<'_>) -> Option<Autocommit> {
    if !statement.is(0, &["set"]) {
        return None;
    }
    let assigned = statement.rest().split(|token| token.depth == 0 && token.text == ",").map(|assignment| {
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
    use crate::sql::Dialect;
    use crate::sql::reading::Reading;

    fn kept(sql: &str) -> Vec<&str> {
        let reading = Reading::of(sql, &split(sql, Dialect::Mysql).statements, false, Dialect::Mysql);
        reading.statements.iter().map(|statement| statement.text(sql)).collect()
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
