//! From `kubectl apply` to the applied version in the status.

use schemaward::api::condition;
use schemaward::migration::Checksum;
use serde_json::json;

use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;

use crate::support::kstatus::{find, message};
use crate::support::operator;
use crate::support::run::in_sandbox;
use crate::support::sandbox::{Sandbox, status};
use crate::support::source::{Files, config_maps, files, hash, inline};
use crate::support::waiting;

fn shop() -> (Files, Files) {
    let core = files([
        ("001_customers.sql", "create table customers (id bigint primary key, name text not null);\n"),
        (
            "002_orders.sql",
            "create table orders (id bigint primary key, customer bigint references customers);\ncreate index orders_customer on orders (customer);\n",
        ),
    ]);
    let later = files([
        ("003_products.sql", "create table products (id bigint primary key);\ninsert into products values (1), (2);\n"),
        ("004_view.sql", "create view busy as select customer, count(*) from orders group by customer;\n"),
    ]);
    (core, later)
}

#[test]
fn migrations_of_two_config_maps_are_applied_and_the_status_says_so() {
    in_sandbox("happy", async |sandbox| {
        let _events = operator::undisturbed().await;
        let (core, later) = shop();
        sandbox.config_map("core", &core).await;
        sandbox.config_map("later", &later).await;
        sandbox.apply("shop", config_maps(&["core", "later"])).await;
        let resource = sandbox.wait_ready("shop").await;

        let all: Files = core.into_iter().chain(later).collect();
        let status = status(&resource);
        assert_eq!(status.observed_generation, resource.metadata.generation);
        let kinds: Vec<&str> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(kinds, [condition::READY]);
        assert!(message(&resource, condition::READY).contains("004"), "{}", message(&resource, condition::READY));
        assert_eq!(status.current_version.as_deref(), Some("004"));
        assert_eq!(status.target_version.as_deref(), Some("004"));
        assert_eq!(status.pending.unwrap_or_default().count, 0);
        assert_eq!(status.last_error, None);
        assert_eq!(status.source_hash, Some(hash(&all)));

        let run = status.run.expect("the last run");
        assert_eq!(run.attempt, 1);
        assert_eq!(run.plan_hash.map(|hash| hash.len()), Some(64));
        assert!(run.started_at.is_some() && run.finished_at.is_some() && run.progress.is_none());

        let versions: Vec<&str> = status.history.iter().map(|row| row.version.as_str()).collect();
        assert_eq!(versions, ["004", "003", "002", "001"], "newest first");
        for row in &status.history {
            assert!(row.success && row.execution_time_ms >= 0 && row.applied_at.ends_with('Z'), "{row:?}");
            assert_eq!(row.checksum, Checksum::of(all[&row.file].as_bytes()).short(), "{row:?}");
        }
        verify_database(sandbox).await;
        verify_what_was_made(sandbox, &run.name).await;
        sandbox.wait_event("shop", "Started").await;
        let event = sandbox.wait_event("shop", "Applied").await;
        assert_eq!(event.type_.as_deref(), Some("Normal"));
    });
}

async fn verify_database(sandbox: &Sandbox) {
    let database = &sandbox.database;
    assert_eq!(database.text("select schemaward.get_current_schema_version() as v").await, "004");
    assert_eq!(database.ledger(true).await, ["001", "002", "003", "004"]);
    assert_eq!(database.text("select count(*) from schemaward.get_migration_history()").await, "4");
    assert_eq!(database.text("select count(*) from products").await, "2");
    assert!(database.has_table("busy").await);
    let locks = database.text("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())").await;
    assert_eq!(locks, "0", "the lock is released");
}

async fn verify_what_was_made(sandbox: &Sandbox, run: &str) {
    let jobs = sandbox.jobs("shop");
    assert_eq!(jobs.len(), 1, "one attempt, one Job");
    assert_eq!(jobs[0].name_any(), run);
    assert_eq!(jobs[0].labels().get("app.kubernetes.io/managed-by").map(String::as_str), Some("schemaward"));
    let spec = jobs[0].spec.as_ref().expect("a spec");
    assert_eq!(spec.backoff_limit, Some(0));
    assert_eq!(spec.pod_replacement_policy.as_deref(), Some("Failed"));
    assert_eq!(sandbox.pods("shop").len(), 1);

    let frozen = sandbox.frozen("shop");
    assert_eq!(frozen.len(), 1, "a small source is frozen in one ConfigMap");
    assert_eq!(frozen[0].immutable, Some(true));
    assert_eq!(frozen[0].owner_references()[0].kind, "SchemaMigration");

    assert_eq!(sandbox.leases().len(), 1, "the run held the database's Lease");
    waiting::until("the Lease is given back", async || {
        let leases: Vec<Lease> = sandbox.list().await;
        let held = |lease: &Lease| {
            lease.spec.as_ref().is_some_and(|spec| spec.holder_identity.as_deref().unwrap_or_default() != "")
        };
        (!leases.iter().any(held)).then_some(())
    })
    .await;
}

#[test]
fn migrations_inside_the_resource_are_applied() {
    in_sandbox("inline", async |sandbox| {
        sandbox
            .apply("small", inline([("1_a.sql", "create table a (id int);"), ("2_b.sql", "create table b (id int);")]))
            .await;
        let resource = sandbox.wait_ready("small").await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("2"), "as the file name writes it");
        assert!(sandbox.database.has_table("b").await);
    });
}

#[test]
fn three_hundred_files_of_more_than_a_mebibyte_are_frozen_in_several_config_maps() {
    in_sandbox("large", async |sandbox| {
        // Text that adds bytes but no work for the statement parser: one long comment and two statements.
        let filler =
            "-- a comment that is long, so that the whole set is larger than any ConfigMap may be\n".repeat(48);
        let mut parts = [Files::new(), Files::new(), Files::new()];
        for version in 1..=300 {
            let sql =
                format!("{filler}create table large_{version} (id int);\ninsert into large_{version} values (1);\n");
            parts[version % 3].insert(format!("{version:03}_large.sql"), sql);
        }
        let bytes: usize = parts.iter().flat_map(|part| part.values()).map(String::len).sum();
        assert!(bytes > 1024 * 1024, "{bytes}");
        for (number, part) in parts.iter().enumerate() {
            sandbox.config_map(&format!("part-{number}"), part).await;
        }
        sandbox.apply("large", config_maps(&["part-0", "part-1", "part-2"])).await;
        let resource = sandbox.wait_ready("large").await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("300"));
        assert_eq!(status(&resource).history.first().map(|row| row.version.clone()).as_deref(), Some("300"));
        assert!(sandbox.frozen("large").len() >= 2);
        let tables = "select count(*) from pg_tables where tablename like 'large_%'";
        assert_eq!(sandbox.database.text(tables).await, "300");
    });
}

#[test]
fn a_fixed_target_version_stops_there_until_a_later_one_is_asked_for() {
    in_sandbox("target", async |sandbox| {
        let source = inline([
            ("001_a.sql", "create table a (id int);"),
            ("002_b.sql", "create table b (id int);"),
            ("003_c.sql", "create table c (id int);"),
        ]);
        sandbox.apply_with("stepwise", source.clone(), json!({"targetVersion": "002"})).await;
        let resource = sandbox.wait_ready("stepwise").await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("002"));
        assert_eq!(status(&resource).target_version.as_deref(), Some("002"));
        assert!(!sandbox.database.has_table("c").await);

        sandbox.apply_with("stepwise", source, json!({"targetVersion": "latest"})).await;
        let resource = sandbox.wait_ready("stepwise").await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("003"));
        assert!(sandbox.database.has_table("c").await);
        assert_eq!(sandbox.database.ledger(true).await, ["001", "002", "003"]);
    });
}

#[test]
fn new_content_of_a_config_map_alone_starts_a_run() {
    in_sandbox("content", async |sandbox| {
        let mut set = files([("001_a.sql", "create table a (id int);")]);
        sandbox.config_map("set", &set).await;
        let first = sandbox.apply("app", config_maps(&["set"])).await;
        sandbox.wait_ready("app").await;
        set.insert("002_b.sql".into(), "create table b (id int);".into());
        sandbox.config_map("set", &set).await;
        let resource = sandbox.wait_ready_with("app", &set).await;
        assert_eq!(resource.metadata.generation, first.metadata.generation, "the resource itself was not touched");
        assert_eq!(status(&resource).current_version.as_deref(), Some("002"));
        assert!(sandbox.database.has_table("b").await);
        assert_eq!(status(&resource).run.map(|run| run.attempt), Some(1), "new content starts a new count of attempts");
        assert!(find(&resource, condition::READY).is_some());
    });
}
