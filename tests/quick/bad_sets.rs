//! docs/bad-input.md lists migration sets that are refused. Each of its rows is a set here, and the page must show the
//! actual message.

#![expect(clippy::unwrap_used, reason = "a page without its table fails the test, which is right")]

use schemaward::migration::{MigrationSet, SourceFile};
use schemaward::sql::Dialect;

const OK: &str = "create table a (id int);\n";

/// Names and contents.
type Set = Vec<(&'static str, &'static [u8])>;

/// Sets, each with one mistake.
fn sets() -> Vec<Set> {
    let one = |sql: &'static str| vec![("001_a.sql", sql.as_bytes())];
    let ok = OK.as_bytes();
    vec![
        vec![("notes.txt", b"to do")],
        vec![("users.sql", ok)],
        vec![("001_a.rollback.sql", ok)],
        vec![("V1.2.3.4.5.6.7.8.9__a.sql", ok)],
        vec![("2017-08-19_00_a.sql", ok)],
        vec![("initial/up.sql", ok)],
        vec![("R__views.sql", ok)],
        vec![("001_a.sql", ok), ("001_b.sql", ok)],
        vec![("001_a.sql", ok), ("003_c.sql", ok)],
        vec![("001_a.sql", ok), ("002_b.down.sql", ok)],
        vec![
            ("001_a.sql", b"create table a ();\n-- rollback:\n-- drop table a;\n"),
            ("001_a.down.sql", b"drop table a;"),
        ],
        one(
            "-- a\n\n\n\n-- rollback:\n-- -- What undoes the above, each line after two dashes. Remove this block if nothing can.\n",
        ),
        one("create table a ();\n-- rollback:\n-- drop table a;\ncreate table b ();\n"),
        one("-- +migrate Up\ncreate table a ();\n"),
        one("create table a ();\n-- +goose Up\ncreate table b ();\n"),
        vec![("001_a.sql", b"-- \xff")],
        vec![("001_a.sql", b"insert into t values (_binary '\xff')")],
        one("create table a ();\ninsert into b values ('open);\n"),
        one("create table a ();\n\\d\n"),
        one("\\connect shop\ncreate table a ();\n"),
        one("create table a ();\nCOPY a FROM stdin;\n"),
        one("create table a (id int);\ncreate index concurrently i on a (id);\n"),
        one("create index concurrently on a (id);\n"),
        one("-- schemaward: no-transaction\nbegin;\n"),
        one("-- schemaward: no-transactions\nvacuum;\n"),
        one("vacuum;\n-- schemaward: no-transaction\n"),
        one("create table a ();\nrollback;\ncreate table b ();\n"),
        one("begin isolation level serializable;\nselect 1;\ncommit;\n"),
        one("select 1;\nbegin;\nvacuum;\ncommit;\n"),
        one("-- atlas:txmode never\n\nselect 1;\n"),
        one("select pg_advisory_unlock_all();\n"),
        one("set standard_conforming_strings = off;\ninsert into a values ('\\\\');\n"),
        one("create table a ();\nset client_encoding = 'LATIN1';\n"),
        one("discard all;\n"),
    ]
}

/// Sets of one file each.
fn files(sqls: &[&'static str]) -> Vec<Set> {
    sqls.iter().map(|sql| vec![("001_a.sql", sql.as_bytes())]).collect()
}

fn sets_of_mysql() -> Vec<Set> {
    files(&[
        "use shop;\n",
        "select 1;\nsource other.sql\n",
        "load data local infile 'x' into table t;\n",
        "lock tables t write;\nupdate t set a = 1;\nunlock tables;\n",
        "rollback;\n",
        "set autocommit = 0, sql_mode = '';\n",
        "set sql_log_bin = 0;\n",
        "select get_lock('x', 1);\n",
        "kill 3;\n",
        "DELIMITER\n",
        "create procedure p() begin select 1;\n",
        "select `a;\n",
    ])
}

fn sets_of_sqlite() -> Vec<Set> {
    files(&[
        ".mode csv\n",
        "pragma foreign_keys = on;\ndrop table t;\n",
        "pragma journal_mode = wal;\ncreate table t (a);\n",
        "pragma encoding = 'UTF-16';\ncreate table t (a);\n",
        "pragma page_size = 8192;\ncreate table t (a);\n",
        "pragma query_only = on;\n",
        "select [a;\n",
        "select 1;\n/* why\nselect 2;\n",
    ])
}

#[test]
fn the_page_says_of_each_bad_set_what_is_said_of_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/bad-input.md");
    let page = std::fs::read_to_string(path).unwrap();
    hold(&page, "## Migration sets", &sets(), Dialect::Postgres);
    let of_mysql = "## Migration sets for MySQL and MariaDB";
    hold(&page, of_mysql, &sets_of_mysql(), Dialect::Mysql);
    hold(&page.replace("the mysql client", "the mariadb client"), of_mysql, &sets_of_mysql(), Dialect::Mariadb);
    hold(&page, "## Migration sets for SQLite", &sets_of_sqlite(), Dialect::Sqlite);
}

/// Compares the table under a heading with the messages for the sets.
fn hold(page: &str, heading: &str, sets: &[Set], dialect: Dialect) {
    let section = page.split_once(&format!("{heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    let documented: Vec<&str> = rows.map(|row| row.trim_end_matches(" |").rsplit(" | ").next().unwrap()).collect();
    let said: Vec<String> = sets
        .iter()
        .map(|set| {
            let file = |(name, bytes): &(&str, &[u8])| SourceFile { name: (*name).to_owned(), bytes: bytes.to_vec() };
            let problems = MigrationSet::read(set.iter().map(file), dialect).unwrap_err().problems;
            assert_eq!(problems.len(), 1, "{problems:?}");
            problems[0].to_string()
        })
        .collect();
    for (said, documented) in said.iter().zip(&documented) {
        assert_eq!(said, documented);
    }
    assert_eq!(said.len(), documented.len(), "a row for each set, and a set for each row");
}
