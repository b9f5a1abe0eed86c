//! What a person sees when the SQL, the history or the settings are wrong, and how the resource recovers.

use schemaward::api::condition;
use schemaward::migration::Checksum;
use serde_json::json;

use crate::support::kstatus::message;
use crate::support::operator;
use crate::support::run::in_sandbox;
use crate::support::sandbox::status;
use crate::support::source::{config_maps, files, inline};

#[test]
fn failing_sql_is_named_by_file_line_statement_and_sqlstate_until_the_config_map_is_fixed() {
    in_sandbox("sql", async |sandbox| {
        let _events = operator::undisturbed().await;
        let broken = "create table discounts (id int);\n\n-- the table is called products\ninsert into product (id)\nvalues (1);\n";
        let mut set = files([("001_products.sql", "create table products (id int);\n"), ("002_discounts.sql", broken)]);
        sandbox.config_map("set", &set).await;
        let applied = sandbox.apply("shop", config_maps(&["set"])).await;
        let resource = sandbox.wait_stalled("shop", "StatementFailed").await;

        let error = status(&resource).last_error.expect("the error");
        assert_eq!((error.class.as_str(), error.reason.as_str()), ("permanent", "StatementFailed"));
        assert_eq!(error.code.as_deref(), Some("42P01"));
        assert_eq!(error.version.as_deref(), Some("002"));
        assert_eq!(error.file.as_deref(), Some("002_discounts.sql"));
        assert_eq!((error.line, error.statement), (Some(4), Some(2)), "{error:?}");
        assert_eq!(error.retry_at, None);
        assert!(error.message.contains("product"), "{}", error.message);
        for kind in [condition::READY, condition::STALLED] {
            let message = message(&resource, kind);
            for part in ["002_discounts.sql", "4", "42P01", "product"] {
                assert!(message.contains(part), "{kind} does not say {part}: {message}");
            }
        }
        let event = sandbox.wait_event("shop", "Stalled").await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert!(event.message.unwrap_or_default().contains("002_discounts.sql"));

        assert_eq!(status(&resource).current_version.as_deref(), Some("001"));
        assert!(sandbox.database.has_table("products").await);
        assert!(!sandbox.database.has_table("discounts").await, "nothing of the failed file stays");
        assert_eq!(sandbox.database.ledger(true).await, ["001"]);
        assert_eq!(sandbox.database.ledger(false).await, ["002"], "the failed attempt is recorded");
        let recorded =
            sandbox.database.text("select error_message from schemaward.schema_migrations where not success").await;
        assert!(recorded.contains("product"), "{recorded}");

        set.insert("002_discounts.sql".into(), broken.replace("product (", "products ("));
        sandbox.config_map("set", &set).await;
        let resource = sandbox.wait_ready_with("shop", &set).await;
        assert_eq!(resource.metadata.generation, applied.metadata.generation, "the content alone has healed it");
        assert_eq!(status(&resource).last_error, None);
        assert_eq!(status(&resource).current_version.as_deref(), Some("002"));
        assert_eq!(sandbox.database.text("select count(*) from products").await, "1");
    });
}

#[test]
fn an_edited_applied_file_is_refused_with_both_checksums_until_it_is_restored() {
    in_sandbox("edited", async |sandbox| {
        let (original, edited) = ("create table a (id int);\n", "create table a (id bigint);\n");
        let mut set = files([("001_a.sql", original), ("002_b.sql", "create table b (id int);\n")]);
        sandbox.config_map("set", &set).await;
        sandbox.apply("app", config_maps(&["set"])).await;
        sandbox.wait_ready("app").await;

        set.insert("001_a.sql".into(), edited.into());
        set.insert("003_c.sql".into(), "create table c (id int);\n".into());
        sandbox.config_map("set", &set).await;
        let resource = sandbox.wait_stalled("app", "MigrationEdited").await;
        let message = message(&resource, condition::STALLED);
        for sql in [original, edited] {
            let checksum = Checksum::of(sql.as_bytes());
            assert!(message.contains(checksum.short()), "{message}");
        }
        assert!(message.contains("001_a.sql"), "{message}");
        assert_eq!(status(&resource).last_error.and_then(|error| error.file).as_deref(), Some("001_a.sql"));
        assert!(!sandbox.database.has_table("c").await, "nothing after it runs either");

        set.insert("001_a.sql".into(), original.into());
        sandbox.config_map("set", &set).await;
        let resource = sandbox.wait_ready_with("app", &set).await;
        assert_eq!(status(&resource).current_version.as_deref(), Some("003"));
        assert_eq!(sandbox.database.ledger(true).await, ["001", "002", "003"]);
    });
}

#[test]
fn the_retry_annotation_starts_another_attempt_after_a_stalled_one() {
    in_sandbox("retry", async |sandbox| {
        sandbox.apply("app", inline([("001_a.sql", "insert into settings values (1);")])).await;
        let stalled = sandbox.wait_stalled("app", "StatementFailed").await;
        let first = status(&stalled).run.expect("a run");
        sandbox
            .database
            .execute(&format!("create table settings (id int); grant all on settings to {}", sandbox.database.role))
            .await;

        let token = json!({"metadata": {"annotations": {"schemaward.dev/retry": "once more"}}});
        sandbox.patch("app", token).await;
        let resource = sandbox.wait_ready("app").await;
        let second = status(&resource).run.expect("a run");
        assert_eq!(second.retry_token, Some(schemaward::operator::names::token("once more")));
        assert_ne!(second.name, first.name, "another attempt is another Job");
        assert_eq!(sandbox.jobs("app").len(), 2);
        assert_eq!(sandbox.database.text("select count(*) from settings").await, "1");
    });
}
