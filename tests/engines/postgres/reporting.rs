//! The subcommands that show the state of a database: each writes nothing, and each says the same in JSON.

use std::process::Output;

use schemaward::report::{Event, Reason};
use serde_json::Value;

use crate::postgres::bed::Bed;
use crate::wait_until;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A subcommand's JSON and exit code.
fn json(bed: &Bed<'_>, subcommand: &str, flags: &[&str]) -> (Value, i32) {
    let output = bed.command(subcommand, &[flags, &["--format", "json"]].concat());
    let text = stdout(&output);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (value, output.status.code().unwrap())
}

fn shop() -> Bed<'static> {
    Bed::with(&[
        ("001_a.sql", "create table a (id int);\n-- rollback:\n-- drop table a;"),
        ("002_b.sql", "create table b (id int);\ncreate index on a (id);"),
    ])
}

#[test]
fn status_goes_from_an_empty_database_to_one_that_is_ahead() {
    let bed = shop();
    let (status, code) = json(&bed, "status", &[]);
    assert_eq!(code, 0);
    assert_eq!(status["currentVersion"], Value::Null);
    assert_eq!(status["targetVersion"], "002");
    assert_eq!(
        status["pending"][1],
        serde_json::json!({
            "kind": "migration", "version": "002", "file": "002_b.sql", "statements": 2, "statementsDone": 0,
            "openStatement": null
        })
    );
    assert_eq!((&status["lastFailure"], &status["lock"]), (&Value::Null, &Value::Null));
    assert_eq!(bed.command("status", &["--check"]).status.code(), Some(3));
    assert!(!bed.has("schemaward.schema_migrations"), "status writes nothing");

    assert_eq!(bed.migrate(&["--target", "1"]).status.code(), Some(0));
    assert_eq!(bed.command("status", &["--check"]).status.code(), Some(3));
    assert_eq!(bed.command("status", &["--check", "--target", "001"]).status.code(), Some(0));
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
    assert_eq!(bed.command("status", &["--check"]).status.code(), Some(0));

    bed.remove("002_b.sql");
    let (status, _) = json(&bed, "status", &[]);
    assert_eq!((&status["currentVersion"], &status["ahead"][0]), (&"002".into(), &"002".into()));
    let shown = stdout(&bed.command("status", &[]));
    assert!(shown.contains("Ahead         002: applied, and newer than all files\n"), "{shown}");
}

#[test]
fn status_shows_what_blocks_a_run_and_the_last_failure() {
    let bed = shop();
    bed.file("003_c.sql", b"create table c ();\nselect oops;");
    assert_eq!(bed.migrate(&[]).status.code(), Some(1));
    let (status, _) = json(&bed, "status", &[]);
    assert_eq!((&status["lastFailure"]["version"], &status["lastFailure"]["resolved"]), (&"003".into(), &false.into()));
    assert_eq!(status["lastFailure"]["errorCode"], "42703");
    bed.file("003_c.sql", b"create table c ();");
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
    let (status, _) = json(&bed, "status", &[]);
    assert_eq!(status["lastFailure"]["resolved"], true);

    bed.file("001_a.sql", b"create table a (id bigint);");
    bed.remove("002_b.sql");
    let (status, code) = json(&bed, "status", &["--check"]);
    // Without 002 there is a gap, so that the folder is not a valid migration set at all.
    assert_eq!((&status["problems"][0]["reason"], code), (&"InvalidSource".into(), 4));
    assert_eq!((&status["currentVersion"], &status["targetVersion"]), (&"003".into(), &Value::Null));
    bed.file("002_b.sql", b"create table b (id int);\ncreate index on a (id);");
    let (status, code) = json(&bed, "status", &["--check"]);
    assert_eq!((&status["problems"][0]["reason"], code), (&"MigrationEdited".into(), 4));
    assert_eq!(bed.command("status", &[]).status.code(), Some(0), "without --check it is a report");
}

#[test]
fn status_names_the_lock_s_holder() {
    let bed = Bed::with(&[("001_a.sql", "select pg_sleep(300)")]);
    let run = bed.start("first");
    wait_until("the run works", || bed.sleeping());
    let (status, _) = json(&bed, "status", &[]);
    let holder = status["lock"]["holder"].as_str().unwrap();
    assert!(holder.contains("schemaward first"), "{holder}");
    run.terminate();
    run.end();
}

#[test]
fn history_shows_every_attempt_newest_first() {
    let bed = shop();
    assert_eq!(
        stdout(&bed.command("history", &[])),
        format!("Nothing was ever applied to {}/{}.\n", bed.server.host(), bed.database)
    );
    bed.file("002_b.sql", b"select oops\n;");
    assert_eq!(bed.migrate(&[]).status.code(), Some(1));
    bed.file("002_b.sql", b"select 1");
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
    let (history, code) = json(&bed, "history", &[]);
    let attempts = history["attempts"].as_array().unwrap();
    let reported: Vec<_> =
        attempts.iter().map(|a| (a["version"].as_str().unwrap(), a["success"].as_bool().unwrap())).collect();
    assert_eq!((reported, code), (vec![("002", true), ("002", false), ("001", true)], 0));
    assert_eq!((&attempts[1]["statementsDone"], &attempts[1]["statementsTotal"]), (&0.into(), &1.into()));
    assert_eq!(attempts[0]["appliedBy"], "postgres");
    let shown = stdout(&bed.command("history", &["--limit", "2"]));
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(
        shown.contains("  failed        002_b.sql  ") && shown.contains("after 0 of 1 statements: [42703] "),
        "{shown}"
    );
}

#[test]
fn plan_shows_statements_and_locks_and_its_hash_is_the_run_s() {
    let bed = shop();
    let (plan, code) = json(&bed, "plan", &[]);
    assert_eq!((code, &plan["fromVersion"], &plan["toVersion"]), (0, &Value::Null, &"002".into()));
    let step = &plan["steps"][1];
    assert_eq!((&step["transactionMode"], &step["hasRollback"]), (&"transaction".into(), &false.into()));
    assert_eq!(step["statements"][0]["lock"], Value::Null);
    let lock = serde_json::json!({"mode": "SHARE", "on": "a", "blocksReads": false, "writes": "wait"});
    let expected = serde_json::json!({"line": 2, "firstLine": "create index on a (id)", "lock": lock});
    assert_eq!(step["statements"][1], expected);
    let shown = stdout(&bed.command("plan", &[]));
    assert!(shown.contains("\n002_b.sql  2 statements in one transaction, no rollback\n"), "{shown}");
    assert!(!bed.has("schemaward.schema_migrations"), "plan writes nothing");
    assert_eq!(bed.run().summary.plan_hash.as_deref(), plan["planHash"].as_str());

    assert!(stdout(&bed.command("plan", &[])).starts_with("Nothing to do: "));
    bed.file("001_a.sql", b"create table a (id bigint);");
    let (refused, code) = json(&bed, "plan", &[]);
    assert_eq!((&refused["failures"][0]["reason"], code), (&"MigrationEdited".into(), 4));
}

#[test]
fn verify_refuses_edits_and_missing_files_and_only_those() {
    let bed = shop();
    assert_eq!(bed.command("verify", &[]).status.code(), Some(0), "nothing is applied");
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
    bed.file("003_c.sql", b"select 1");
    let (verified, code) = json(&bed, "verify", &[]);
    assert_eq!((&verified["applied"], &verified["problems"], code), (&2.into(), &serde_json::json!([]), 0));
    bed.file("002_b.sql", b"create table b (id int); /* why */ create index on a (id);");
    let (verified, code) = json(&bed, "verify", &[]);
    assert_eq!((verified["warnings"].as_array().unwrap().len(), code), (1, 0), "a comment is no edit");
    bed.file("002_b.sql", b"create table b (id int); create index on a (id, id);");
    let output = bed.command("verify", &[]);
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("version 002 was changed after it was applied"), "{stderr}");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations"), "2", "verify writes nothing");
}

#[test]
fn a_ledger_that_may_not_be_read_is_a_failure_with_its_remedy() {
    let mut bed = shop();
    assert_eq!(bed.migrate(&[]).status.code(), Some(0));
    let role = format!("reader_{}", bed.database);
    bed.psql(&format!("create role {role} login"));
    bed.url = bed.server.url_as(&role, &bed.database);
    for subcommand in ["status", "history", "plan", "verify"] {
        let (refused, code) = json(&bed, subcommand, &[]);
        assert_eq!((&refused["failures"][0]["reason"], code), (&"LedgerUnusable".into(), 1), "{subcommand}");
        assert!(refused["failures"][0]["hint"].as_str().unwrap().contains(&role), "{refused}");
    }
    // Reading needs fewer rights than writing.
    bed.psql(&format!(
        "grant usage on schema schemaward to {role}; grant select on all tables in schema schemaward to {role}"
    ));
    for subcommand in ["status", "history", "plan", "verify"] {
        assert_eq!(json(&bed, subcommand, &[]).1, 0, "{subcommand}");
    }
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn a_pipe_gets_no_colours_and_no_control_characters() {
    let bed = shop();
    bed.file("003_c.sql", b"do $$ begin raise exception E'red \\x1b[31m\\nnext line'; end $$");
    assert_eq!(bed.migrate(&[]).status.code(), Some(1));
    for subcommand in ["status", "history", "plan"] {
        let shown = stdout(&bed.command(subcommand, &[]));
        assert!(!shown.contains('\u{1b}'), "{subcommand}: {shown:?}");
    }
    assert!(stdout(&bed.command("history", &["--limit", "1"])).contains("next line"));
}

#[test]
fn no_password_is_shown_whatever_fails() {
    let mut bed = shop();
    bed.psql(
        "do $$ begin create role with_password login password 'right'; exception when duplicate_object then end $$",
    );
    let host = bed.server.host();
    for url in [
        format!("postgres://with_password:canary@{host}/{}", bed.database),
        format!("postgres://postgres:canary@{host}/no_such_database"),
        format!("postgres://postgres:canary@{host}/{}", bed.database),
        "postgres://postgres:canary@127.0.0.1:1/x".to_owned(),
        "postgres://postgres:canary@no-such-host.invalid/x".to_owned(),
        "postgres://postgres:can/canary@host/x".to_owned(),
        "canary".to_owned(),
    ] {
        bed.url.clone_from(&url);
        for subcommand in ["status", "history", "plan", "verify", "doctor"] {
            for flags in [&[][..], &["--format", "json"], &["--url", &url]] {
                let output = bed.command(subcommand, flags);
                let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
                assert!(!shown.contains("canary"), "{subcommand} {url}: {shown}");
                assert!(!shown.is_empty());
            }
        }
    }
}

#[test]
fn migrate_reports_its_events_as_json_and_its_dry_run_is_the_plan() {
    let bed = shop();
    let dry = bed.command("migrate", &["--dry-run", "--format", "json"]);
    assert_eq!(stdout(&dry), stdout(&bed.command("plan", &["--format", "json"])));
    assert!(!bed.has("a"), "a dry run does nothing");
    let migrate = |flags: &[&str]| {
        let output = bed.command("migrate", &[flags, &["--format", "json"]].concat());
        let events: Vec<Event> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (events, output.status.code().unwrap())
    };
    let (events, code) = migrate(&[]);
    assert!(matches!(events.first(), Some(Event::RunStarted { steps: 2, .. })), "{events:?}");
    assert!(matches!(events.last(), Some(Event::RunFinished { .. })), "{events:?}");
    assert_eq!(code, 0);
    bed.remove("001_a.sql");
    bed.file("1.sql", b"");
    let (events, code) = migrate(&[]);
    let Some(Event::RunFailed { failure }) = events.first() else { panic!("{events:?}") };
    assert_eq!((failure.reason, code), (Reason::InvalidSource, 4));
}

#[test]
fn a_password_inside_a_file_is_shown_nowhere() {
    let bed = Bed::with(&[("001_role.sql", "select 1;\nalter role no_such_role password 'canary';")]);
    for (subcommand, flags) in [("plan", &[][..]), ("plan", &["--format", "json"]), ("migrate", &[]), ("status", &[])] {
        let output = bed.command(subcommand, flags);
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!shown.contains("canary"), "{subcommand}: {shown}");
        assert!(shown.contains("role"), "{subcommand}: {shown}");
    }
}
