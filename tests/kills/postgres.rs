//! The plan for PostgreSQL: files that are one transaction, long and short, and files whose statements are committed
//! separately.

use crate::client::Client;
use crate::engine::{Engine, File, STATEMENTS, Waiting, table};
use crate::server::Server;

const FILES: &[File] = &[
    (
        "001_first.sql",
        "",
        &[
            "create table n# (like t#)",
            "alter table t# add column extra int not null default 2",
            "insert into t# values (100, 1)",
            "update t# set v = v + 1",
            "alter table t# rename column v to w",
            "create view v# as select n from t#",
            "create index i# on t# (n)",
            "insert into t# select n + 1, 1 from t#",
        ],
    ),
    (
        "002_rows.sql",
        "",
        &[
            "insert into t# values (200, 1)",
            "update t# set v = v + 1",
            "insert into t# select n + 1, 1 from t#",
            "update t# set n = n * 2",
        ],
    ),
    (
        "003_each_by_itself.sql",
        "-- schemaward: no-transaction\n",
        &[
            "create index concurrently i# on t# (n)",
            "insert into t# values (300, 1)",
            "drop index concurrently o#",
            "update t# set v = v + 1",
            "create unique index concurrently i# on t# (n)",
            "alter table t# add constraint c# check (n > 0)",
            "create table n# (like t#)",
            "reindex table concurrently t#",
            "vacuum t#",
            "insert into t# select n + 1, 1 from t#",
            "drop index concurrently o#",
        ],
    ),
    (
        "004_indexes.sql",
        "",
        &[
            "create index concurrently i# on t# (n)",
            "drop index concurrently o#",
            "create index concurrently i# on t# (v)",
        ],
    ),
    ("005_short.sql", "", &["create table n# (like t#)", "insert into t# values (400, 1)"]),
    ("006_short.sql", "", &["alter table t# alter column n type bigint", "update t# set v = v + 1"]),
    ("007_short.sql", "", &["drop table t#", "insert into t# values (500, 1)"]),
    ("008_short.sql", "", &["alter table t# rename to r#", "insert into t# values (600, 1)"]),
    ("009_short.sql", "", &["alter table t# drop column v", "update t# set v = v + 1"]),
    ("010_short.sql", "", &["drop index o#", "insert into t# values (800, 1)"]),
    (
        "011_last.sql",
        "-- schemaward: no-transaction\n",
        &["insert into t# values (900, 1)", "create index concurrently i# on t# (n)"],
    ),
];

/// Definitions and rows. Statistics and OIDs differ from run to run, and are not part of a schema.
const DUMP: &str = "
select 'column ' || c.relname || '.' || attname || ' ' || attnum || ' ' || format_type(atttypid, atttypmod) || ' '
       || attnotnull || ' ' || coalesce(pg_get_expr(adbin, adrelid), '') from pg_attribute a
       join pg_class c on c.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
       where c.relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
union all select 'index ' || indexdef || ' ' || indisvalid from pg_indexes
       join pg_index on indexrelid = (schemaname || '.' || indexname)::regclass where schemaname = 'public'
union all select 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
       where connamespace = 'public'::regnamespace
union all select 'view ' || viewname || ' ' || definition from pg_views where schemaname = 'public'
order by 1";

pub struct Postgres {
    server: Server,
}

impl Postgres {
    pub fn start(engine: &str, label: &str) -> Self {
        let server = Server::start(engine, &format!("kills-{label}"));
        let mut admin = Client::connect(&server.url("postgres")).unwrap();
        admin.rows("create database template_of_kills").unwrap();
        let mut client = Client::connect(&server.url("template_of_kills")).unwrap();
        for table in (1..=STATEMENTS).map(table) {
            let index = table.replacen('t', "o", 1);
            let sql = "create table T (n int, v int); create index I on T (v); insert into T values (1, 0)";
            client.rows(&sql.replace('T', &table).replace('I', &index)).unwrap();
        }
        Self { server }
    }
}

impl Engine for Postgres {
    fn server(&self) -> &Server {
        &self.server
    }

    fn files(&self) -> &'static [File] {
        FILES
    }

    fn create(&self, admin: &mut Client, database: &str) -> Result<(), String> {
        admin.rows(&format!("create database {database} template template_of_kills")).map(drop)
    }

    fn drop(&self, admin: &mut Client, database: &str) -> Result<(), String> {
        admin.rows(&format!("drop database {database} with (force)")).map(drop)
    }

    fn lock(&self, tables: &[String]) -> String {
        format!("begin; lock table {} in access exclusive mode", tables.join(", "))
    }

    fn lock_ledger(&self) -> String {
        "begin; lock table schemaward.schema_migrations, schemaward.statement_journal in share mode".to_owned()
    }

    fn unlock(&self) -> &'static str {
        "rollback"
    }

    fn waiting(&self, database: &str) -> String {
        format!(
            "select a.pid::text, l.relation::regclass::text from pg_locks l join pg_stat_activity a using (pid) \
             where not l.granted and l.relation is not null and a.datname = '{database}' \
             and a.application_name like 'schemaward %'"
        )
    }

    fn asking(&self, database: &str) -> String {
        format!(
            "select pid::text from pg_stat_activity where datname = '{database}' and wait_event_type = 'Lock' \
             and query like 'begin; lock table schemaward%'"
        )
    }

    fn is_at(&self, waiting: &Waiting, table: &str, _: &str) -> bool {
        waiting.what == table
    }

    fn end_connection(&self, connection: &str) -> String {
        format!("select pg_terminate_backend({connection})::text")
    }

    fn is_there(&self, connection: &str) -> String {
        format!("select pid::text from pg_stat_activity where pid = {connection}")
    }

    fn dump(&self, client: &mut Client) -> Result<Vec<String>, String> {
        let mut lines = client.rows(DUMP)?.concat();
        let tables = client.rows("select tablename::text from pg_tables where schemaname = 'public' order by 1")?;
        let rows = |table: &String| format!("select 'row {table} ' || x::text from {table} x");
        let rows: Vec<String> = tables.concat().iter().map(rows).collect();
        lines.extend(client.rows(&format!("{} order by 1", rows.join(" union all ")))?.concat());
        Ok(lines)
    }

    fn ledger_table(&self, name: &str) -> String {
        format!("schemaward.{name}")
    }
}
