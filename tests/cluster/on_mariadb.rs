//! On MariaDB: from `kubectl apply` through a pod to the applied version in the status.

use std::process::Command;

use schemaward::api::condition;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::support::environment::repository_file;
use crate::support::kstatus::message;
use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, status};
use crate::support::source::{config_maps, files};

/// The URL of the test bed's MariaDB server, without a database.
fn server() -> String {
    let script = repository_file("testbed/cluster/mariadb.sh");
    let output = Command::new(&script).arg("start").output().expect("mariadb.sh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = String::from_utf8_lossy(&output.stderr);
    text.lines().find_map(|line| line.strip_prefix("URL=")).unwrap_or_else(|| panic!("{problem}")).to_owned()
}

async fn query(url: &str, sql: &str) -> Vec<String> {
    let url = url.replacen("mariadb://", "mysql://", 1);
    let mut connection = sqlx::MySqlConnection::connect(&url).await.expect("the bed's MariaDB");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.expect(sql);
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn migrations_are_applied_on_mariadb_and_a_failed_one_resumes_after_what_has_run() {
    in_sandbox("mariadb", async |sandbox| {
        if !sandbox.environment.local {
            println!("skipped: the bed's own MariaDB is needed, and CLUSTER=existing has none");
            return;
        }
        let server = server();
        let name = &sandbox.database.name;
        let root = format!("{server}/mysql");
        query(&root, &format!("CREATE DATABASE {name}")).await;
        let url = format!("{server}/{name}");
        sandbox.secret("mariadb", KEY, &url).await;
        let database = json!({"database": {"engine": "mariadb", "urlSecretRef": {"name": "mariadb", "key": KEY}}});

        let broken = "CREATE TABLE orders (id INT PRIMARY KEY);\nINSERT INTO orders VALUES (1);\nCREATE TABEL order_lines (id INT);\n";
        let core = ("001_customers.sql", "CREATE TABLE customers (id INT PRIMARY KEY);\n");
        sandbox.config_map("shop", &files([core, ("002_orders.sql", broken)])).await;
        sandbox.apply_with("shop", config_maps(&["shop"]), database.clone()).await;
        let resource = sandbox.wait_stalled("shop", "StatementFailed").await;
        let error = status(&resource).last_error.expect("the error");
        assert_eq!((error.file.as_deref(), error.line, error.statement), (Some("002_orders.sql"), Some(3), Some(3)));
        assert_eq!(status(&resource).current_version.as_deref(), Some("001"));

        let fixed = broken.replace("TABEL", "TABLE");
        let all = files([core, ("002_orders.sql", &fixed)]);
        sandbox.config_map("shop", &all).await;
        let resource = sandbox.wait_ready_with("shop", &all).await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("002"));
        assert!(message(&resource, condition::READY).contains("002"), "{}", message(&resource, condition::READY));
        assert_eq!(query(&url, "SELECT CAST(id AS CHAR) FROM orders").await, ["1"], "the row was not inserted twice");
        let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name NOT LIKE \
                      'schemaward%'";
        let mut tables = query(&url, tables).await;
        // The server's collation sorts _ differently.
        tables.sort();
        assert_eq!(tables, ["customers", "order_lines", "orders"]);
        query(&root, &format!("DROP DATABASE {name}")).await;
    });
}

#[test]
fn a_url_of_another_engine_stalls_and_says_which() {
    in_sandbox("engine", async |sandbox| {
        let database = json!({"database": {"engine": "mysql", "urlSecretRef": {"name": "database", "key": KEY}}});
        let files = files([("001_a.sql", "create table a (id int);\n")]);
        sandbox.config_map("shop", &files).await;
        sandbox.apply_with("shop", config_maps(&["shop"]), database).await;
        let resource = sandbox.wait_stalled("shop", "InvalidSettings").await;
        let said = message(&resource, condition::STALLED);
        assert!(said.contains("the engine is mysql") && said.contains("PostgreSQL"), "{said}");
    });
}
