//! The plan for MySQL and MariaDB, where every statement is committed separately: DDL of every kind that leaves a trace
//! in the catalog, between rows.

use crate::client::Client;
use crate::engine::{Engine, File, STATEMENTS, Waiting, table};
use crate::server::Server;

const FILES: &[File] = &[
    (
        "001_mixed.sql",
        "",
        &[
            "create table n# like t#",
            "insert into t# values (100, 1)",
            "alter table t# add column extra int not null default 2",
            "update t# set v = v + 1",
            "alter table t# drop column v",
            "create index i# on t# (n)",
            "insert into t# select n + 1, 1 from t#",
            "drop index o# on t#",
            "alter table t# rename column v to w",
            "update t# set v = v + 1",
        ],
    ),
    (
        "002_mixed.sql",
        "",
        &[
            "alter table t# add constraint c# check (n > 0)",
            "insert into t# values (200, 1)",
            "create view v# as select n from t#",
            "insert into t# select n + 1, 1 from t#",
            "rename table t# to r#",
            "update t# set n = n * 2",
            "alter table t# add index i# (n)",
            "insert into t# values (300, 1)",
            "drop table t#",
            "update t# set v = v + 1",
        ],
    ),
    (
        "003_rows.sql",
        "",
        &[
            "insert into t# values (400, 1)",
            "update t# set v = v + 1",
            "insert into t# select n + 1, 1 from t#",
            "insert into t# values (500, 1)",
        ],
    ),
    (
        "004_definitions.sql",
        "",
        &[
            "create table n# like t#",
            "alter table t# add column extra int",
            "create unique index i# on t# (n)",
            "alter table t# add constraint c# unique (v)",
            "alter table t# drop index o#",
            "create view v# as select v from t#",
            "alter table t# rename to r#",
            "drop table t#",
        ],
    ),
    ("005_short.sql", "", &["alter table t# add column extra int", "insert into t# values (600, 1)"]),
    ("006_short.sql", "", &["insert into t# values (700, 1)", "create index i# on t# (n)"]),
    ("007_short.sql", "", &["rename table t# to r#"]),
    ("008_short.sql", "", &["update t# set v = v + 1"]),
    (
        "009_last.sql",
        "",
        &["create trigger g# before insert on t# for each row set new.v = 9", "insert into t# values (800, 1)"],
    ),
];

pub struct Mysql {
    server: Server,
}

impl Mysql {
    pub fn start(engine: &str, label: &str) -> Self {
        Self { server: Server::start(engine, &format!("kills-{label}")) }
    }
}

impl Engine for Mysql {
    fn server(&self) -> &Server {
        &self.server
    }

    fn files(&self) -> &'static [File] {
        FILES
    }

    fn create(&self, admin: &mut Client, database: &str) -> Result<(), String> {
        let tables = (1..=STATEMENTS).map(table).map(|table| {
            let index = table.replacen('t', "o", 1);
            format!(
                "create table {database}.{table} (n int, v int, key {index} (v)); \
                 insert into {database}.{table} values (1, 0);"
            )
        });
        let sql = format!("create database {database}; {}", tables.collect::<String>());
        admin.rows(&sql).map(drop)
    }

    fn drop(&self, admin: &mut Client, database: &str) -> Result<(), String> {
        admin.rows(&format!("drop database {database}")).map(drop)
    }

    fn lock(&self, tables: &[String]) -> String {
        let tables: Vec<String> = tables.iter().map(|table| format!("{table} write")).collect();
        format!("lock tables {}", tables.join(", "))
    }

    fn lock_ledger(&self) -> String {
        self.lock(&[self.ledger_table("schema_migrations"), self.ledger_table("statement_journal")])
    }

    fn unlock(&self) -> &'static str {
        "unlock tables"
    }

    fn waiting(&self, database: &str) -> String {
        format!(
            "select id, info from information_schema.processlist where db = '{database}' \
             and state like 'Waiting for %lock' and info not like 'lock tables%'"
        )
    }

    fn asking(&self, database: &str) -> String {
        format!(
            "select id from information_schema.processlist where db = '{database}' \
             and state like 'Waiting for %lock' and info like 'lock tables schemaward%'"
        )
    }

    fn is_at(&self, waiting: &Waiting, _: &str, statement: &str) -> bool {
        waiting.what.trim() == statement
    }

    fn end_connection(&self, connection: &str) -> String {
        format!("kill {connection}")
    }

    fn is_there(&self, connection: &str) -> String {
        format!("select id from information_schema.processlist where id = {connection}")
    }

    fn dump(&self, client: &mut Client) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        let tables = "select table_name from information_schema.tables where table_schema = database() \
                      and table_name not like 'schemaward%' order by 1";
        for table in client.rows(tables)?.concat() {
            lines.push(client.rows(&format!("show create table {table}"))?.concat().join(" "));
            for row in client.rows(&format!("select * from {table} order by 1"))? {
                lines.push(format!("row {table} {row:?}"));
            }
        }
        let triggers = "select trigger_name, action_statement from information_schema.triggers \
                        where trigger_schema = database() order by 1";
        lines.extend(client.rows(triggers)?.into_iter().map(|row| row.join(" ")));
        Ok(lines)
    }

    fn ledger_table(&self, name: &str) -> String {
        format!("schemaward_{name}")
    }
}
