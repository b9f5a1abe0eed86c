//! PostgreSQL. The reference is the file as one message to the server, whose grammar finds the statements. Definitions
//! are compared as the catalog's own functions print them.

use fastrand::Rng;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::runtime::{Builder, Runtime};

use crate::engine::{Engine, texts};
use crate::file::{File, Mode};
use crate::postgres_text;
use crate::server::Server;

pub struct Postgres {
    server: Server,
}

impl Postgres {
    pub fn start() -> Self {
        Self {
            server: Server::start(
                &std::env::var("BODIES_POSTGRES").unwrap_or_else(|_| "postgres15".to_owned()),
                "bodies",
            ),
        }
    }

    fn execute(&self, database: &str, sql: &str) -> Result<(), String> {
        let (runtime, mut connection) = self.connect(database)?;
        let done = runtime.block_on(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection));
        let _ = runtime.block_on(connection.close());
        done.map(|_| ()).map_err(|error| error.to_string())
    }

    fn connect(&self, database: &str) -> Result<(Runtime, PgConnection), String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(PgConnection::connect(&self.url(database)));
        Ok((runtime, connection.map_err(|error| error.to_string())?))
    }
}

/// Functions, rules, triggers, views, the columns of tables, and rows.
const CATALOG: [&str; 6] = [
    "SELECT proname, prokind::text, pg_get_functiondef(oid), obj_description(oid) FROM pg_proc \
     WHERE pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'schemaward') AND prokind IN ('f', 'p') ORDER BY oid",
    "SELECT rulename, pg_get_ruledef(oid), ev_enabled::text FROM pg_rewrite WHERE ev_class >= 16384 AND rulename <> '_RETURN' ORDER BY oid",
    "SELECT tgname, pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY oid",
    "SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND oid >= 16384 AND relnamespace::regnamespace::text <> 'schemaward' ORDER BY oid",
    "SELECT relname, string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' ORDER BY attnum) \
     FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relkind = 'r' AND attnum > 0 AND pg_class.oid >= 16384 \
     AND relnamespace::regnamespace::text <> 'schemaward' GROUP BY relname",
    "SELECT file || '_', n, what FROM log ORDER BY file, n, what",
];

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    fn create(&self, database: &str) -> Result<(), String> {
        self.execute("postgres", &format!("CREATE DATABASE {database}"))
    }

    fn drop(&self, database: &str) {
        let _ = self.execute("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
    }

    fn base(&self) -> String {
        postgres_text::BASE.to_owned()
    }

    fn whole_file(&self, database: &str, text: &str) -> Result<(), String> {
        self.execute(database, text)
    }

    fn rows(&self, database: &str) -> Result<Vec<Vec<String>>, String> {
        let (runtime, mut connection) = self.connect(database)?;
        let mut found = Vec::new();
        for sql in CATALOG {
            let rows =
                runtime.block_on(sqlx::raw_sql(sql).fetch_all(&mut connection)).map_err(|error| error.to_string())?;
            found.extend(texts(&rows));
        }
        let _ = runtime.block_on(connection.close());
        Ok(found)
    }

    fn generate(&self, id: usize, rng: &mut Rng, _: Mode) -> File {
        postgres_text::generate(id, rng)
    }
}
