//! A database and a role for one test on a PostgreSQL server.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Row};
use url::Url;

use super::waiting;

/// A database and a superuser's connection to it, with the URL of the role that owns it.
pub struct Database {
    pub name: String,
    pub role: String,
    /// The URL for a pod, including the password.
    pub pod_url: String,
    server: PgPool,
    pool: PgPool,
}

impl Database {
    /// Creates the database and its owner.
    pub async fn create(server_url: &Url, pod_url: &Url, name: &str, password: &str) -> Self {
        let server = connect(server_url).await;
        let role = format!("{name}_owner");
        for sql in
            [format!("create role {role} login password '{password}'"), format!("create database {name} owner {role}")]
        {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&server).await.expect("making the test's database");
        }
        let mut url = server_url.clone();
        url.set_path(name);
        let pool = connect(&url).await;
        let pod_url = Self::pod_url(pod_url, name, password).into();
        Self { name: name.to_owned(), role, pod_url, server, pool }
    }

    /// The URL of such a database for a pod, whether it is there or not.
    pub fn pod_url(server: &Url, name: &str, password: &str) -> Url {
        let mut url = server.clone();
        url.set_path(name);
        url.set_username(&format!("{name}_owner")).expect("a URL with a host");
        url.set_password(Some(password)).expect("a URL with a host");
        url
    }

    /// Drops both, whoever is connected.
    pub async fn remove(&self) {
        self.pool.close().await;
        for sql in [format!("drop database if exists {} with (force)", self.name), format!("drop role {}", self.role)] {
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.server).await {
                eprintln!("cleaning up {}: {error}", self.name);
            }
        }
    }

    pub async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    pub async fn texts(&self, sql: &str) -> Vec<String> {
        self.try_texts(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn try_texts(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        // One text for each row, so that a test need not care for types.
        let sql = format!(
            "select concat_ws(' ', variadic array(select v from json_each_text(row_to_json(q)) e(k, v)))::text from ({sql}) q"
        );
        let rows: Vec<PgRow> = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| row.get::<String, _>(0)).collect())
    }

    pub async fn text(&self, sql: &str) -> String {
        self.texts(sql).await.join("\n")
    }

    pub async fn has_table(&self, name: &str) -> bool {
        self.text(&format!("select to_regclass('{name}') is not null as there")).await == "true"
    }

    /// Versions of the ledger's rows with this outcome, in the order they were recorded.
    pub async fn ledger(&self, success: bool) -> Vec<String> {
        let sql = format!(
            "select version from schemaward.schema_migrations where success = {success} order by applied_at, version"
        );
        self.texts(&sql).await
    }

    /// Waits until a session of the test's role runs a statement that contains `fragment`.
    pub async fn wait_for_statement(&self, fragment: &str) {
        let sql = format!(
            "select pid from pg_stat_activity where datname = '{}' and pid <> pg_backend_pid()
             and state = 'active' and wait_event = 'PgSleep' and query like '%{fragment}%'",
            self.name
        );
        waiting::until(&format!("a session that runs {fragment}"), async || self.texts(&sql).await.first().cloned())
            .await;
    }

    pub async fn sessions(&self) -> Vec<String> {
        self.texts(&format!("select pid, state, query from pg_stat_activity where usename = '{}'", self.role)).await
    }
}

async fn connect(url: &Url) -> PgPool {
    PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_secs(10))
        // A pool must not hand out connections to a server that was restarted in the meantime.
        .test_before_acquire(true)
        .connect(url.as_str())
        .await
        .expect("connecting to the test's PostgreSQL")
}
