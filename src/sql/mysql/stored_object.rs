//! Which statements could have a body, so that the server's grammar could take what follows in the same message into
//! it. Judged by the first words; if in doubt, a statement may have a body.
//!
//! Source: `MySQL`, `sql/sql_yacc.yy`, and `MariaDB`'s, the uses of `sp_proc_stmt`.

use super::super::tokens::{Parsed, Token};

/// First words of statements that never contain others, on either server.
const PLAIN: &[&str] = &[
    "analyze",
    "cache",
    "call",
    "check",
    "checksum",
    "commit",
    "deallocate",
    "delete",
    "desc",
    "describe",
    "do",
    "drop",
    "execute",
    "explain",
    "flush",
    "grant",
    "handler",
    "help",
    "insert",
    "install",
    "kill",
    "load",
    "lock",
    "optimize",
    "prepare",
    "purge",
    "rename",
    "repair",
    "replace",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "signal",
    "start",
    "table",
    "truncate",
    "uninstall",
    "unlock",
    "update",
    "use",
    "values",
    "with",
];

/// Kinds of objects whose `CREATE` and `ALTER` contain no statements.
pub(super) const PLAIN_OBJECTS: &[&str] = &[
    "database",
    "index",
    "instance",
    "logfile",
    "resource",
    "role",
    "schema",
    "sequence",
    "server",
    "table",
    "tablespace",
    "user",
    "view",
];

/// Words that close or continue a block, or occur only inside one. No statement of either server begins with them.
const WITHIN_BODIES: &[&str] = &[
    "close",
    "else",
    "elseif",
    "elsif",
    "end",
    "exception",
    "fetch",
    "iterate",
    "leave",
    "open",
    "return",
    "then",
    "until",
    "when",
];

pub(in super::super) fn may_hold_body(statement: Parsed<'_>) -> bool {
    // To the server this is more than one statement, as between two delimiters or in a comment that is code.
    if statement.tokens.iter().any(|token| token.text == ";") {
        return true;
    }
    let mut words = statement.iter().skip_while(Token::is_parenthesis);
    let Some(first) = words.next() else { return false };
    let second = words.next();
    // In MariaDB any word can be a label.
    if second.is_some_and(|token| token.text == ":") {
        return true;
    }
    if first.is("set") {
        return second.is_some_and(|token| token.is("statement"));
    }
    if !(first.is("create") || first.is("alter")) {
        return !is_any(&first, PLAIN);
    }
    let mut words = second.into_iter().chain(words);
    while let Some(word) = words.next() {
        if is_any(&word, &["procedure", "function", "trigger", "event", "package"]) {
            return true;
        }
        if is_any(&word, PLAIN_OBJECTS) {
            return false;
        }
        // An account may be named like an object.
        if word.is("definer") {
            words.next();
            words.next();
        } else if word.text == "@" {
            words.next();
        }
    }
    true
}

/// The statement's first word, if it can only occur in a body.
pub(super) fn piece_of_body(head: &[Token<'_>]) -> Option<String> {
    let [first, rest @ ..] = head else { return None };
    let is_label = rest.first().is_some_and(|token| token.text == ":");
    (is_any(first, WITHIN_BODIES) && !is_label).then(|| first.text.to_ascii_uppercase())
}

fn is_any(token: &Token<'_>, words: &[&str]) -> bool {
    words.iter().any(|word| token.is(word))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::Dialect;

    fn may_hold_body(sql: &str, dialect: Dialect) -> bool {
        Parsed::ask(sql, dialect, super::may_hold_body)
    }

    #[rstest]
    #[case("create procedure p() select 1")]
    #[case("CREATE OR REPLACE DEFINER=`a`@`%` AGGREGATE FUNCTION f(x int) RETURNS int BEGIN END")]
    #[case("create definer = view@localhost trigger t before insert on x for each row set new.a = 1")]
    #[case("create definer = table @ user event e on schedule every 1 day do select 1")]
    #[case("create definer=current_user() procedure p() begin end")]
    #[case("alter event e do begin select 1")]
    #[case("alter definer=a@b event e disable")]
    #[case("alter procedure p comment 'x'")]
    #[case(
        "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t AFTER INSERT ON x FOR EACH ROW SET @a = 1 */"
    )]
    #[case("create package body p as end")]
    #[case("set statement max_statement_time=1 for create procedure p() begin end")]
    #[case("begin not atomic select 1; end")]
    #[case("if 1 then select 1")]
    #[case("do: loop leave do")]
    #[case("while 1 do select 1")]
    #[case("for i in 1..2 do select 1")]
    #[case("select 1; select 2")]
    #[case("/*!50003 select 1; select 2 */")]
    #[case("create something new")]
    #[case("frobnicate")]
    fn may_have_a_body(#[case] sql: &str, #[values(Dialect::Mysql, Dialect::Mariadb)] dialect: Dialect) {
        assert!(may_hold_body(sql, dialect));
    }

    #[rstest]
    #[case("create table event (procedure_name int)")]
    #[case("create temporary table t (a int)")]
    #[case("create unique index i on t (a)")]
    #[case("create algorithm=merge definer=`procedure`@`%` sql security invoker view v as select 1")]
    #[case("create definer=event@localhost view v as select 1")]
    #[case("alter table t add column c int")]
    #[case("create database d")]
    #[case("insert into t values ('create procedure p() begin; end')")]
    #[case("(select 1) union (select 2)")]
    #[case("set @a = 1")]
    #[case("drop procedure p")]
    #[case("call p()")]
    fn has_none(#[case] sql: &str, #[values(Dialect::Mysql, Dialect::Mariadb)] dialect: Dialect) {
        assert!(!may_hold_body(sql, dialect));
    }
}
