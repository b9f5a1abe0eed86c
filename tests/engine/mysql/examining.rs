//! `schemaward doctor`.

use rstest::rstest;

use super::bed::{Bed, Engine};

/// The steps and what came of each, as `name result`.
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
        assert_eq!(found.len(), 10, "{found:?}");
        assert!(found.iter().all(|step| step.ends_with(" ok")), "{found:?}");
        assert_eq!(bed.run().applied(), applied);
    }
}

#[rstest]
fn what_is_wrong_is_told_with_what_to_do(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
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
