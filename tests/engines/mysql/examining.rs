//! `schemaward doctor`.

use rstest::rstest;

use super::bed::{Bed, Engine};

/// The steps and their results, as `name result`.
fn steps(bed: &Bed) -> Vec<String> {
    let output = bed.command("doctor", &["--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report}"));
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    checks.iter().map(|check| format!("{} {}", word(&check["name"]), word(&check["result"]))).collect()
}

#[rstest]
fn a_database_that_is_ready_passes_every_step(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    // Without a ledger, and with one.
    for applied in [1, 0] {
        let found = steps(&bed);
        assert_eq!(found.len(), 12, "{found:?}");
        assert!(found.iter().all(|step| step.ends_with(" ok")), "{found:?}");
        assert_eq!(bed.run().applied(), applied);
    }
}

#[rstest]
fn what_is_wrong_is_reported_with_what_to_do(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(mut bed) = Bed::new(engine) else { return };
    let user = format!("reader{}", &bed.database[6..]);
    bed.sql(&format!(
        "create user {user}@'%' identified by 'canary'; grant select on {}.* to {user}@'%'",
        bed.database
    ));
    let right = bed.url.clone();
    bed.url = format!("{}://{user}:canary@{}/{}", engine.name(), bed.host(), bed.database);
    let output = String::from_utf8(bed.command("doctor", &[]).stdout).unwrap();
    assert!(output.contains("CREATE, INSERT, UPDATE") && output.contains("GRANT"), "{output}");
    bed.url = bed.url.replace(":canary@", ":other-canary@");
    let found = steps(&bed);
    assert!(found.contains(&"login notOk".to_owned()) && found.contains(&"lock skipped".to_owned()), "{found:?}");
    let output = bed.command("doctor", &[]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("canary"), "{output:?}");
    bed.url = right;
    bed.sql(&format!("drop user {user}@'%'"));
}

/// Parsed by the rules of the engine that the URL names, the files would lose statements on the other one.
#[rstest]
fn a_comment_that_is_code_for_one_engine_only_is_refused_where_the_url_names_the_other(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(mut bed) = Bed::new(engine) else { return };
    bed.files(&[
        ("001_a.sql", "create table a (id int);\n/*!40101 SET NAMES utf8mb4 */;\n"),
        ("002_b.sql", "create table b (id int);\n  /*M!100100 create table c (id int) */;\ncreate table d (id int);\n"),
    ]);
    let right = bed.url.clone();
    let (_, rest) = right.split_once("://").unwrap();
    let other = if engine == Engine::Mysql { "mariadb" } else { "mysql" };
    bed.url = format!("{other}://{rest}");
    for (command, flags) in [("plan", &[][..]), ("migrate", &[]), ("migrate", &["--dry-run"])] {
        let output = bed.command(command, flags);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("002_b.sql:2:3") && said.contains(&format!("write {}://", engine.name())), "{said}");
    }
    let status = bed.command("status", &["--check"]);
    assert_eq!(status.status.code(), Some(4), "{status:?}");
    let verified = bed.command("verify", &[]);
    assert_eq!(verified.status.code(), Some(4), "{verified:?}");
    assert!(String::from_utf8_lossy(&verified.stderr).contains("002_b.sql:2:3"), "{verified:?}");
    assert!(
        String::from_utf8_lossy(&bed.command("doctor", &[]).stdout).contains(&format!("write {}://", engine.name()))
    );
    // A file that both parse alike runs.
    assert_eq!(bed.command("migrate", &["--target", "1"]).status.code(), Some(0));
    bed.url = right;
    assert_eq!(bed.command("migrate", &[]).status.code(), Some(0));
    assert_eq!(bed.has("c"), engine == Engine::Mariadb);
    assert!(bed.has("d"));
}

/// The ledger's rollbacks are parsed again, by the rules of the engine that the URL names.
#[rstest]
fn stored_rollbacks_with_such_a_comment_are_refused_by_a_dry_run_too(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(mut bed) = Bed::new(engine) else { return };
    bed.files(&[(
        "001_a.sql",
        "create table a (id int);\n-- rollback:\n-- /*M!100100 drop table a */;\n-- select 1;\n",
    )]);
    assert_eq!(bed.command("migrate", &[]).status.code(), Some(0));
    let (_, rest) = bed.url.split_once("://").unwrap();
    bed.url = format!("{}://{rest}", if engine == Engine::Mysql { "mariadb" } else { "mysql" });
    for flags in [&["--to", "empty", "--yes"][..], &["--to", "empty", "--dry-run"]] {
        let output = bed.command("rollback", flags);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains("rollback of 001_a.sql:1:1") && said.contains("write "), "{flags:?}: {said}");
    }
    assert!(bed.has("a"));
}

#[rstest]
fn a_newer_ledger_is_reported(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    bed.sql("update schemaward_ledger set version = 99");
    assert!(steps(&bed).contains(&"ledgerRights notOk".to_owned()), "{:?}", steps(&bed));
    let output = bed.command("doctor", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("newer Schemaward"), "{output:?}");
}
