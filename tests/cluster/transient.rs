//! A database that goes away and comes back: the resource recovers without help.

use schemaward::api::condition;
use serde_json::json;

use crate::support::database::Database;
use crate::support::environment::unique;
use crate::support::kstatus::message;
use crate::support::operator;
use crate::support::postgres_server::PostgresServer;
use crate::support::run::in_sandbox;
use crate::support::sandbox::{KEY, SECRET, Sandbox, status};
use crate::support::source::{config_maps, inline, marking};

#[test]
fn a_database_that_is_down_at_first_is_tried_again_until_it_answers() {
    in_sandbox("down", async |sandbox| {
        let _events = operator::undisturbed().await;
        let Some((server, database)) = own_server(sandbox).await else { return };
        server.stop();
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);")])).await;
        let resource = sandbox.wait_retrying("app").await;
        let error = status(&resource).last_error.expect("the error");
        assert_eq!((error.class.as_str(), error.reason.as_str()), ("transient", "ConnectionFailed"));
        assert!(!message(&resource, condition::RECONCILING).is_empty());
        sandbox.wait_event("app", "Retrying").await;

        server.start();
        let resource = sandbox.wait_ready("app").await;
        assert!(status(&resource).run.is_some_and(|run| run.attempt > 1));
        assert_eq!(status(&resource).last_error, None);
        assert!(database.has_table("a").await);
    });
}

#[test]
fn a_database_that_dies_in_the_middle_of_a_migration_loses_nothing_and_repeats_nothing() {
    in_sandbox("dies", async |sandbox| {
        let Some((server, database)) = own_server(sandbox).await else { return };
        sandbox.config_map("set", &marking(4, 3, 15)).await;
        sandbox.apply("app", config_maps(&["set"])).await;
        database.wait_for_statement("pg_sleep").await;
        server.stop();
        let resource = sandbox.wait_retrying("app").await;
        let class = status(&resource).last_error.expect("the error").class;
        assert!(["transient", "unknownOutcome"].contains(&class.as_str()), "{class}");

        server.start();
        sandbox.wait_ready("app").await;
        assert_eq!(database.ledger(true).await, ["001", "002", "003", "004"]);
        assert_eq!(database.texts("select version from marks order by at").await, ["2", "3", "4"]);
    });
}

/// A preview environment creates its database at the same time as the resource.
#[test]
fn a_login_and_a_database_that_are_created_later_are_found_within_seconds() {
    in_sandbox("later", async |sandbox| {
        let (environment, name) = (&sandbox.environment, format!("later_{}", unique()));
        let url = Database::pod_url(&environment.postgres_pod_url, &name, "password");
        sandbox.secret(SECRET, KEY, url.as_str()).await;
        // As by default, where a refused login had to wait for maxDelay.
        let retry = json!({"retry": {"limit": 8, "initialDelay": "5s", "maxDelay": "5m"}});
        sandbox.apply_with("app", inline([("001_a.sql", "create table a (id int);")]), retry).await;
        let resource = sandbox.wait_retrying("app").await;
        let error = status(&resource).last_error.expect("the error");
        assert_eq!((error.class.as_str(), error.reason.as_str()), ("transient", "AuthenticationFailed"));
        let said = message(&resource, condition::READY);
        assert!(said.contains(&format!("Secret {SECRET:?} with the key {KEY:?}")), "{said}");
        let (server, pod) = (&environment.postgres_url, &environment.postgres_pod_url);
        let database = Database::create(server, pod, &name, "password").await;
        sandbox.wait_ready("app").await;
        assert!(database.has_table("a").await);
        database.remove().await;
    });
}

/// A server that the test may stop, with the sandbox's Secret pointing to a database on it.
async fn own_server(sandbox: &Sandbox) -> Option<(PostgresServer, Database)> {
    if !sandbox.environment.local {
        println!("SKIPPED: a server that can be stopped needs the test bed on this machine");
        return None;
    }
    let server = PostgresServer::start_new();
    let database = Database::create(&server.url, &server.url, "app", "password").await;
    sandbox.secret(SECRET, KEY, &database.pod_url).await;
    Some((server, database))
}
