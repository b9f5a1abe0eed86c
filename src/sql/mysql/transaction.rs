//! How each kind of statement is executed when all DDL commits implicitly.
//!
//! Source: `MySQL`'s manual, "Statements That Cause an Implicit Commit"; `MariaDB`'s, "SQL statements That Cause an
//! Implicit Commit".

use super::super::tokens::{Parsed, Token, follow};
use super::super::transaction::{Execution, Trace};
use super::evidence::{altered, created, dropped, renamed};

const REPEATABLE: Execution = Execution::Alone(Trace::Repeatable);
const UNKNOWN: Execution = Execution::Alone(Trace::Unknown);
const PARTS: Execution = Execution::Alone(Trace::Parts);

/// How a statement is executed. Unknown statements are executed alone, since they may commit.
///
/// A statement that changes rows shares a transaction with its row in the journal. That holds for `InnoDB` tables.
pub(in super::super) fn execution(statement: Parsed<'_>) -> Execution {
    let mut rest = statement.iter();
    // A query may be in parentheses.
    let first = rest.find(|token| !token.is_parenthesis()).map(|token| token.text.to_ascii_lowercase());
    let second = |words: &[&str]| statement.is(1, words);
    match first.unwrap_or_default().as_str() {
        "set" => set(statement),
        "prepare" | "deallocate" => Execution::Setting,
        "select" | "with" | "values" | "table" => reading(rest),
        "load" if second(&["index"]) => REPEATABLE,
        "analyze" | "optimize" | "repair" if !second(&["table", "local", "no_write_to_binlog", "tables"]) => UNKNOWN,
        "analyze" | "optimize" | "repair" | "truncate" | "check" | "flush" | "grant" | "cache" => REPEATABLE,
        "insert" | "update" | "delete" | "replace" | "load" | "do" | "show" | "explain" | "describe" | "desc"
        | "checksum" | "help" | "signal" | "handler" | "get" => Execution::Transaction,
        "create" => created(statement),
        "alter" => altered(statement),
        "drop" if second(&["prepare"]) => Execution::Setting,
        "drop" => dropped(statement),
        "rename" => renamed(statement),
        // A procedure may commit, and so may EXECUTE and MariaDB's compound statements.
        "call" | "execute" | "begin" | "if" | "case" | "loop" | "while" | "repeat" | "for" => PARTS,
        _ => UNKNOWN,
    }
}

fn set(statement: Parsed<'_>) -> Execution {
    if statement.is(1, &["password", "default"]) {
        REPEATABLE
    } else if statement.is(1, &["statement"]) {
        // MariaDB: SET STATEMENT … FOR any statement.
        PARTS
    } else {
        Execution::Setting
    }
}

/// `SELECT` and the like. One that sets variables runs again when a run is resumed after it.
fn reading<'a>(rest: impl Iterator<Item = Token<'a>>) -> Execution {
    let (mut variables, mut file) = (false, false);
    follow(rest, |[into, target]| {
        let is_target = into.is("into");
        variables = variables || is_target && target.text.starts_with('@');
        file = file || is_target && (target.is("outfile") || target.is("dumpfile"));
        false
    });
    match (file, variables) {
        (true, _) => UNKNOWN,
        (false, true) => Execution::Setting,
        (false, false) => Execution::Transaction,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::Dialect;
    use crate::sql::transaction::{CatalogObject, ObjectName};

    fn execution(sql: &str, dialect: Dialect) -> Execution {
        Parsed::ask(sql, dialect, super::execution)
    }

    fn name(text: &str) -> ObjectName {
        match text.split_once('.') {
            Some((database, name)) => ObjectName { database: Some(database.into()), name: name.into() },
            None => ObjectName { database: None, name: text.into() },
        }
    }

    fn table(text: &str) -> CatalogObject {
        CatalogObject::Table(name(text))
    }

    fn column(table: &str, column: &str) -> CatalogObject {
        CatalogObject::Column { table: name(table), name: column.into() }
    }

    fn index(table: &str, index: &str) -> CatalogObject {
        CatalogObject::Index { table: name(table), name: index.into() }
    }

    fn constraint(table: &str, constraint: &str) -> CatalogObject {
        CatalogObject::Constraint { table: name(table), name: constraint.into() }
    }

    fn told(sql: &str) -> Execution {
        let [mysql, mariadb] = [Dialect::Mysql, Dialect::Mariadb].map(|dialect| execution(sql, dialect));
        assert_eq!(mysql, mariadb);
        mysql
    }

    #[rstest]
    #[case("create table t (a int)", table("t"))]
    #[case("create table soname (a int)", table("soname"))]
    #[case("create table \"T t\" (a int)", table("T t"))]
    #[case("create definer=event@localhost view v as select 1", CatalogObject::View(name("v")))]
    #[case("CREATE TABLE `d x`.`t``y` (a int)", CatalogObject::Table(ObjectName { database: Some("d x".into()), name: "t`y".into() }))]
    #[case("create table t like u", table("t"))]
    #[case("create table d.t select 1", table("d.t"))]
    #[case("create sequence s", table("s"))]
    #[case("create unique index i on d.t (a)", index("d.t", "i"))]
    #[case("create fulltext index i using btree on t (a)", index("t", "i"))]
    #[case(
        "create algorithm = merge definer = `a`@`b` sql security invoker view v as select 1",
        CatalogObject::View(name("v"))
    )]
    #[case("create database d character set utf8mb4", CatalogObject::Database("d".into()))]
    #[case("create schema d", CatalogObject::Database("d".into()))]
    #[case("create definer=current_user() procedure d.p() begin end", CatalogObject::Procedure(name("d.p")))]
    #[case("create aggregate function f(x int) returns int begin end", CatalogObject::Function(name("f")))]
    #[case(
        "/*!50003 create*/ /*!50017 definer=`a`@`b`*/ /*!50003 trigger t before insert on x for each row begin end */",
        CatalogObject::Trigger(name("t"))
    )]
    #[case("create event e on schedule every 1 day do select 1", CatalogObject::Event(name("e")))]
    #[case("alter table t add column c int", column("t", "c"))]
    #[case("alter table d.t add c int first, add index (c)", column("d.t", "c"))]
    #[case("alter table t add (c int, d int)", column("t", "c"))]
    #[case("alter table t add index i (a)", index("t", "i"))]
    #[case("alter table t add key `i x` (a)", index("t", "i x"))]
    #[case("alter table t add unique (a), add unique key u (a, b)", index("t", "u"))]
    #[case("alter table t add constraint c unique (a)", index("t", "c"))]
    #[case("alter table t add constraint c unique key k (a)", index("t", "k"))]
    #[case("alter table t add primary key (a)", index("t", "PRIMARY"))]
    #[case("alter table t add constraint f foreign key (a) references u (a)", constraint("t", "f"))]
    #[case("alter table t add constraint c check (a > 0)", constraint("t", "c"))]
    #[case("alter table t add fulltext key i (a), algorithm=inplace, lock=none", index("t", "i"))]
    #[case("alter online table t add c int", column("t", "c"))]
    #[case("alter table t drop column a, add column a int, add column b int", column("t", "b"))]
    fn what_appears(#[case] sql: &str, #[case] object: CatalogObject) {
        assert_eq!(told(sql), Execution::Alone(Trace::Appears(object)));
    }

    #[rstest]
    #[case("drop table t", table("t"))]
    #[case("drop tables `b` cascade", table("b"))]
    #[case("drop view v", CatalogObject::View(name("v")))]
    #[case("drop index i on t", index("t", "i"))]
    #[case("drop index `PRIMARY` on d.t algorithm = copy", index("d.t", "PRIMARY"))]
    #[case("drop database d", CatalogObject::Database("d".into()))]
    #[case("drop procedure p", CatalogObject::Procedure(name("p")))]
    #[case("drop function d.f", CatalogObject::Function(name("d.f")))]
    #[case("drop trigger d.t", CatalogObject::Trigger(name("d.t")))]
    #[case("drop event e", CatalogObject::Event(name("e")))]
    #[case("alter table t drop c", column("t", "c"))]
    #[case("alter table t drop column c, modify d int", column("t", "c"))]
    #[case("alter table t drop index i", index("t", "i"))]
    #[case("alter table t drop primary key", index("t", "PRIMARY"))]
    #[case("alter table t drop foreign key f", constraint("t", "f"))]
    #[case("alter table t drop check c", constraint("t", "c"))]
    #[case("alter table t drop constraint c", constraint("t", "c"))]
    fn what_disappears(#[case] sql: &str, #[case] object: CatalogObject) {
        assert_eq!(told(sql), Execution::Alone(Trace::Disappears(object)));
    }

    #[rstest]
    #[case("drop table a, d.b", table("d.b"), Trace::Disappears(table("d.b")))]
    #[case("drop table if exists a, b", table("b"), Trace::Repeatable)]
    #[case("drop view a, b", CatalogObject::View(name("b")), Trace::Disappears(CatalogObject::View(name("b"))))]
    fn several_disappear_one_by_one_on_mariadb(#[case] sql: &str, #[case] last: CatalogObject, #[case] mysql: Trace) {
        assert_eq!(execution(sql, Dialect::Mariadb), Execution::Alone(Trace::LastDisappears(last)));
        assert_eq!(execution(sql, Dialect::Mysql), Execution::Alone(mysql));
    }

    #[rstest]
    #[case("rename table a to b", table("a"), table("b"))]
    #[case("rename table t to t_old, t_new to t, x to y", table("x"), table("y"))]
    #[case("alter table a rename b", table("a"), table("b"))]
    #[case("alter table d.a add c int, rename to b", table("d.a"), table("d.b"))]
    #[case("alter table t rename column a to b", column("t", "a"), column("t", "b"))]
    #[case("alter table t rename index a to b", index("t", "a"), index("t", "b"))]
    #[case("alter table t change a b int", column("t", "a"), column("t", "b"))]
    #[case("alter table t change column `a` `b` int not null", column("t", "a"), column("t", "b"))]
    fn what_is_renamed(#[case] sql: &str, #[case] from: CatalogObject, #[case] to: CatalogObject) {
        assert_eq!(told(sql), Execution::Alone(Trace::Renamed { from: Box::new(from), to: Box::new(to) }));
    }

    #[rstest]
    #[case("create table if not exists t (a int)")]
    #[case("CREATE TABLE /*!32312 IF NOT EXISTS*/ t (a int)")]
    #[case("create or replace view v as select 1")]
    #[case("create database if not exists d")]
    #[case("create user if not exists a")]
    #[case("drop procedure if exists p")]
    #[case("alter table t modify a bigint")]
    #[case("alter table t change a A bigint")]
    #[case("alter table t alter a set default 1, comment 'x'")]
    #[case("alter table t engine=innodb, row_format=dynamic, stats_persistent=1")]
    #[case("alter table t convert to character set utf8mb4 collate utf8mb4_bin")]
    #[case("alter table t add column if not exists c int")]
    #[case("alter table t drop index if exists i")]
    #[case("/*!40000 ALTER TABLE `t` DISABLE KEYS */")]
    #[case("alter view v as select 1")]
    #[case("alter database d character set utf8mb4")]
    #[case("truncate table t")]
    #[case("analyze table t")]
    #[case("optimize local table t")]
    #[case("flush privileges")]
    #[case("grant select on d.* to a")]
    #[case("set password for a = 'x'")]
    fn what_may_run_twice(#[case] sql: &str) {
        assert_eq!(told(sql), REPEATABLE);
    }

    #[rstest]
    #[case("alter table t add index (a)")]
    #[case("alter table t add foreign key (a) references u (a)")]
    #[case("alter table t drop column a, add column a int")]
    #[case("alter table t drop index I, add index i (a)")]
    #[case("alter table t add partition (partition p values less than (1))")]
    #[case("alter table t reorganize partition p into (partition q values in (1))")]
    #[case("rename table a to b, b to a")]
    #[case("rename user a to b")]
    #[case("create user a")]
    #[case("create function f returns string soname 'f.so'")]
    #[case("alter event e rename to f")]
    #[case("revoke select on d.* from a")]
    #[case("select 1 into outfile '/x'")]
    #[case("analyze format=json update t set a = 1")]
    #[case("install plugin p soname 'x'")]
    #[case("drop tabel t")]
    fn what_leaves_no_evidence(#[case] sql: &str) {
        assert_eq!(told(sql), UNKNOWN);
    }

    #[rstest]
    #[case("call p()")]
    #[case("execute s")]
    #[case("set statement max_statement_time=1 for update t set a = 1")]
    #[case("begin not atomic update t set a = 1; end")]
    #[case("if @a then update t set a = 1; end if")]
    fn what_may_commit_in_its_middle(#[case] sql: &str) {
        assert_eq!(told(sql), PARTS);
    }

    #[rstest]
    #[case("insert into t values (1)", Execution::Transaction)]
    #[case("with x as (select 1) select * from x", Execution::Transaction)]
    #[case("(select 1) union (select 2)", Execution::Transaction)]
    #[case("replace into t select 1", Execution::Transaction)]
    #[case("update t set a = 1", Execution::Transaction)]
    #[case("delete from t", Execution::Transaction)]
    #[case("load data infile 'x' into table t", Execution::Transaction)]
    #[case("create temporary table t (a int)", Execution::Transaction)]
    #[case("drop temporary table if exists t", Execution::Transaction)]
    #[case("set names utf8mb4", Execution::Setting)]
    #[case("/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */", Execution::Setting)]
    #[case("select count(*) into @n from t", Execution::Setting)]
    #[case("prepare s from @sql", Execution::Setting)]
    #[case("deallocate prepare s", Execution::Setting)]
    #[case("drop prepare s", Execution::Setting)]
    fn what_commits_nothing(#[case] sql: &str, #[case] expected: Execution) {
        assert_eq!(told(sql), expected);
    }
}
