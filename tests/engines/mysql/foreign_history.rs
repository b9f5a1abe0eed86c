//! An empty ledger in a database with another tool's history: nothing is run. On these servers nothing could be rolled
//! back.

use std::process::Output;

use rstest::rstest;
use schemaward::report::{ErrorClass, Reason};

use super::bed::{Bed, Engine};
use crate::histories;

const PLANS: &str = "CREATE TABLE IF NOT EXISTS plans (id int AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL);\n\
    INSERT INTO plans (name) VALUES ('free'), ('pro');\n";
const RENAMED: &str =
    "ALTER TABLE plans MODIFY name varchar(200) NOT NULL;\nUPDATE plans SET name = concat(name, ' plan');\n";
const FILES: &[(&str, &str)] = &[("000001_plans.up.sql", PLANS), ("000002_renamed.up.sql", RENAMED)];

fn migrated_by(engine: Engine, history: &str) -> Option<Bed> {
    let bed = Bed::with(engine, FILES)?;
    for sql in format!("{PLANS}{RENAMED}{history}").split(';').filter(|sql| !sql.trim().is_empty()) {
        bed.sql(sql);
    }
    Some(bed)
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn assert_untouched(bed: &Bed, said: &str) {
    assert_eq!(bed.sql("select group_concat(name order by id) from plans"), "free plan,pro plan", "{said}");
    assert!(!bed.has("schemaward_schema_migrations"), "no ledger is made: {said}");
}

#[rstest]
fn every_tool_s_history_is_found_by_its_table(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    for history in histories::ALL {
        let Some(sql) = history.on("mysql") else { continue };
        let Some(bed) = migrated_by(engine, sql) else { return };
        let (code, text) = said(&bed.command("migrate", &[]));
        assert_eq!(code, Some(4), "{}: {text}", history.tool);
        assert!(history.is_reported(&text), "{}: {text}", history.tool);
        assert_untouched(&bed, &text);
    }
}

#[rstest]
fn a_run_in_the_cluster_is_refused_too_and_continues_once_the_history_is_taken_over(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let golang_migrate = histories::ALL.first().and_then(|history| history.on("mysql")).unwrap();
    let Some(bed) = migrated_by(engine, golang_migrate) else { return };
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::ForeignHistory), "{failure:?}");
    assert_untouched(&bed, &ended.stdout);
    let (code, text) = said(&bed.command("status", &["--check"]));
    assert!(code == Some(4) && text.contains("is at version 2"), "{text}");
    let (code, text) = said(&bed.command("doctor", &[]));
    assert!(code == Some(1) && text.contains("is at version 2"), "{text}");
    assert_eq!(said(&bed.command("adopt", &[])).0, Some(0));
    bed.files(&[("000003_more.up.sql", "INSERT INTO plans (name) VALUES ('more');\n")]);
    assert_eq!(bed.run().applied(), 1);
}

#[rstest]
fn a_history_is_found_under_any_name(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    for renamed in histories::renamed("mysql") {
        let Some(bed) = migrated_by(engine, &renamed.sql) else { return };
        let (code, text) = said(&bed.command("migrate", &[]));
        let tool = renamed.history.tool;
        assert_eq!(code, Some(4), "{tool}: {text}");
        assert!(renamed.is_reported(&text), "{tool}: {text}");
        assert_untouched(&bed, &text);
    }
}

#[rstest]
fn a_table_of_an_application_s_own_stops_nothing_though_a_tool_has_such_columns(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    for renamed in histories::inconspicuous("mysql") {
        // Rails' own second table would identify it.
        let sql = renamed.sql.replace("ar_internal_metadata", "app_settings");
        let Some(bed) = migrated_by(engine, &sql) else { return };
        let (code, text) = said(&bed.command("plan", &[]));
        assert_eq!(code, Some(0), "{}: {text}", renamed.history.tool);
    }
}

#[rstest]
fn a_history_is_taken_over_from_a_table_of_any_name(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    for (tool, table) in [
        ("golang-migrate", "(version bigint, dirty boolean); INSERT INTO State VALUES (2, false)"),
        ("dbmate", "(version varchar(128)); INSERT INTO State VALUES ('1'), ('2')"),
        (
            "refinery",
            "(version int, name varchar(255), applied_on varchar(255), checksum varchar(255)); INSERT INTO State \
                      VALUES (1, 'plans', '', NULL), (2, 'renamed', '', NULL)",
        ),
    ] {
        let Some(bed) = migrated_by(engine, &format!("CREATE TABLE State {table}")) else { return };
        let (code, text) = said(&bed.command("adopt", &["--from", tool, "--table", "State"]));
        assert!(code == Some(0) && text.contains("2 migrations recorded"), "{tool}: {text}");
        assert_eq!(bed.run().applied(), 0, "{tool}");
    }
}

#[rstest]
fn a_ledger_of_another_name_that_has_the_same_files_is_not_run_over(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, FILES) else { return };
    assert_eq!(bed.run().applied(), 2);
    let (code, text) = said(&bed.command("migrate", &["--history-schema", "elsewhere"]));
    assert!(code == Some(4) && text.contains("schemaward_schema_migrations is at version 000002"), "{text}");
    assert!(text.contains("--history-schema schemaward (in a resource spec.history.schema)"), "{text}");
    assert_eq!(bed.sql("select group_concat(name order by id) from plans"), "free plan,pro plan", "{text}");
    assert!(!bed.has("elsewhere_schema_migrations"), "no ledger is made: {text}");
}
