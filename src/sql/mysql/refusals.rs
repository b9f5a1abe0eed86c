//! Which of `MySQL`'s and `MariaDB`'s statements cannot run as part of their file. None of them defines anything, so they
//! are recognised by their words.

use super::super::refusals::Refusal;
use super::super::tokens::{Parsed, Token, follow};
use super::left_out::{Autocommit, autocommit};
use super::stored_object::piece_of_body;

/// Why a statement cannot run; None if it can.
pub(in super::super) fn refusal(statement: Parsed<'_>) -> Option<Refusal> {
    let is = |index: usize, word: &str| statement.is(index, &[word]);
    let rest = || statement.rest().iter();
    if let Some(word) = piece_of_body(statement.tokens) {
        return Some(Refusal::PieceOfBody(word));
    }
    match statement.first {
        "use" => Some(Refusal::Use),
        "load" if is(1, "data") || is(1, "xml") => rest().take(3).any(|t| t.is("local")).then_some(Refusal::LoadLocal),
        "lock" if is(1, "table") || is(1, "tables") => Some(Refusal::LockTables("LOCK TABLES")),
        "flush" if rest().any(|token| token.is("lock") || token.is("export")) => {
            Some(Refusal::LockTables("FLUSH TABLES … WITH READ LOCK"))
        }
        "commit" => Some(Refusal::NoTransactions("COMMIT with CHAIN or RELEASE")),
        "rollback" => Some(Refusal::NoTransactions("ROLLBACK")),
        "savepoint" => Some(Refusal::NoTransactions("SAVEPOINT")),
        "release" if is(1, "savepoint") => Some(Refusal::NoTransactions("RELEASE SAVEPOINT")),
        "xa" => Some(Refusal::NoTransactions("XA")),
        "kill" => Some(Refusal::Server("KILL")),
        "shutdown" => Some(Refusal::Server("SHUTDOWN")),
        "restart" if statement.tokens.len() == 1 => Some(Refusal::Server("RESTART")),
        "set" | "start" if reads_only(statement) => Some(Refusal::ReadOnly("this")),
        "set" if binary_log(statement).is_some() => binary_log(statement).map(Refusal::BinaryLog),
        "set" if autocommit(statement) == Some(Autocommit::Mixed) => Some(Refusal::Autocommit),
        // What a routine's body does happens when the routine is called.
        "create" | "alter" => None,
        _ => named_lock(statement).map(Refusal::NamedLock),
    }
}

/// Whether it makes transactions read-only: by its words, or by setting a variable to anything but off.
fn reads_only(statement: Parsed<'_>) -> bool {
    let by_words = follow(statement.iter(), |[read, only]| read.is("read") && only.is("only"));
    let says_no = |value: &Token<'_>| ["0", "off", "false", "default", "'off'"].iter().any(|no| value.is(no));
    let by_variable = follow(statement.iter(), |[name, equals, value]| {
        // With its scope it is a single word, as in @@session.tx_read_only.
        let name = name.text.to_ascii_lowercase();
        (name.ends_with("transaction_read_only") || name.ends_with("tx_read_only"))
            && equals.text == "="
            && !says_no(&value)
    });
    by_words || by_variable
}

/// A variable of the binary log that is set: what GTIDs were executed elsewhere, or whether this session is logged.
fn binary_log(statement: Parsed<'_>) -> Option<&'static str> {
    let mut found = None;
    follow(statement.iter(), |[name, equals]| {
        let name = name.text.to_ascii_lowercase();
        found = match name.strip_prefix("@@").unwrap_or(&name).rsplit('.').next() {
            Some("sql_log_bin") => Some("SET sql_log_bin"),
            Some("gtid_purged") => Some("SET gtid_purged"),
            _ => None,
        };
        // `:=` is two tokens.
        found = found.filter(|_| equals.text == "=" || equals.text == ":");
        found.is_some()
    });
    found
}

/// A function that takes or releases named locks, of which the run's own lock is one.
fn named_lock(statement: Parsed<'_>) -> Option<&'static str> {
    const FUNCTIONS: [&str; 3] = ["GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS"];
    let mut found = None;
    follow(statement.iter(), |[function, parenthesis]| {
        if parenthesis.text == "(" {
            found = FUNCTIONS.into_iter().find(|name| function.is(name));
        }
        found.is_some()
    });
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::Dialect;

    fn refusal(sql: &str, dialect: Dialect) -> Option<Refusal> {
        Parsed::ask(sql, dialect, super::refusal)
    }

    #[rstest]
    #[case("use d")]
    #[case("load data local infile 'x' into table t")]
    #[case("LOAD DATA LOW_PRIORITY LOCAL INFILE 'x' INTO TABLE t")]
    #[case("load xml local infile 'x' into table t")]
    #[case("lock tables t write")]
    #[case("flush tables with read lock")]
    #[case("flush tables t for export")]
    #[case("rollback")]
    #[case("commit and chain")]
    #[case("savepoint a")]
    #[case("release savepoint a")]
    #[case("xa start 'x'")]
    #[case("kill 3")]
    #[case("shutdown")]
    #[case("restart")]
    #[case("set autocommit = 0, sql_mode = ''")]
    #[case("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '1f1e:1-5'")]
    #[case("SET @@SESSION.SQL_LOG_BIN= 0")]
    #[case("SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN")]
    #[case("set sql_log_bin := 0")]
    #[case("select release_all_locks()")]
    #[case("set session transaction read only")]
    #[case("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY")]
    #[case("start transaction read only")]
    #[case("set @a = 1, @@session.transaction_read_only = 1")]
    #[case("set tx_read_only = on")]
    #[case("END IF")]
    #[case("end")]
    #[case("else set @a = 1")]
    #[case("elseif a then b")]
    #[case("elsif a then b")]
    #[case("until a end repeat")]
    #[case("when 1 then select 1")]
    #[case("return 1")]
    #[case("leave l")]
    #[case("do get_lock('x', 1)")]
    #[case("set @a = RELEASE_LOCK ('x')")]
    fn refused(#[case] sql: &str, #[values(Dialect::Mysql, Dialect::Mariadb)] dialect: Dialect) {
        assert!(refusal(sql, dialect).is_some());
    }

    #[rstest]
    #[case("load data infile 'local' into table t")]
    #[case("flush privileges")]
    #[case("set session transaction read write")]
    #[case("set transaction_read_only = 0")]
    #[case("create table lock_tables (use_it int)")]
    #[case("create procedure p() begin do get_lock('x', 1); rollback; end")]
    #[case("insert into t values ('release_all_locks()')")]
    #[case("set sql_mode = ''")]
    #[case("SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN")]
    #[case("set @sql_log_bin = 0")]
    #[case("lock instance for backup")]
    #[case("end: begin not atomic select 1; end")]
    fn allowed(#[case] sql: &str, #[values(Dialect::Mysql, Dialect::Mariadb)] dialect: Dialect) {
        assert_eq!(refusal(sql, dialect), None);
    }
}
