//! Repeatable files: they run after all versions, and again whenever they have changed.

use std::process::Output;

use schemaward::report::Event;

use crate::postgres::bed::Bed;

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn bed() -> Bed<'static> {
    Bed::with(&[
        ("R__a_view.sql", "create or replace view v as select n from t;\ninsert into log values ('a');\n"),
        ("R__b_view.sql", "create or replace view w as select n from v;\ninsert into log values ('b');\n"),
        ("001_t.sql", "create table t (n int); create table log (what text);"),
        ("002_u.sql", "create table u ();"),
    ])
}

fn log(bed: &Bed<'_>) -> String {
    bed.psql("select string_agg(what, '') from log")
}

#[test]
fn they_run_after_all_versions_in_the_order_of_their_names_and_again_when_they_change() {
    let bed = bed();
    let ended = bed.run();
    assert_eq!((ended.applied(), ended.summary.current_version.as_deref()), (4, Some("002")));
    let files: Vec<&str> = ended
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MigrationApplied { file, .. } => Some(file.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(files, ["001_t.sql", "002_u.sql", "R__a_view.sql", "R__b_view.sql"]);
    assert_eq!(bed.psql("select schemaward.get_current_schema_version()"), "002");
    assert_eq!(bed.run().applied(), 0);

    // A cosmetic change does not count.
    bed.file("R__a_view.sql", b"-- why\ncreate or replace view v as select n from t; insert into log values ('a');");
    assert_eq!(bed.run().applied(), 0);
    bed.file("R__a_view.sql", b"create or replace view v as select n, 1 as m from t;\ninsert into log values ('c');\n");
    let (_, out, _) = text(&bed.command("status", &[]));
    assert!(out.contains("Pending       1 ") && out.contains("R__a_view.sql"), "{out}");
    let (code, out, _) = text(&bed.command("verify", &[]));
    assert!(code == Some(0) && out.contains("R__a_view.sql: changed since they last ran"), "{out}");
    let (_, out, _) = text(&bed.command("plan", &[]));
    assert!(out.contains("R__a_view.sql  2 statements in one transaction, repeatable"), "{out}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(log(&bed), "abc");
    assert_eq!(
        bed.psql("select string_agg(concat_ws(' ', kind, version, filename), ',' order by id) from schemaward.schema_migrations where kind <> 'migration'"),
        "repeatable R R__a_view.sql,repeatable R R__b_view.sql,repeatable R R__a_view.sql"
    );
}

#[test]
fn they_wait_for_the_newest_version_and_what_fails_is_recorded_and_run_again() {
    let bed = bed();
    assert_eq!(bed.run_with(&["--target", "1"]).applied(), 1);
    assert!(!bed.has("v"));
    bed.file("R__b_view.sql", b"create or replace view w as select nothing from v");
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("42703"));
    assert_eq!(ended.failure().place.as_ref().unwrap().file, "R__b_view.sql");
    assert_eq!((ended.summary.pending.count, ended.summary.pending.first.as_deref()), (1, Some("R__b_view.sql")));
    assert!(bed.has("v") && !bed.has("w"));
    bed.file("R__b_view.sql", b"create or replace view w as select n from v");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(log(&bed), "a");
}

#[test]
fn one_without_a_transaction_is_journaled_and_resumed_each_time() {
    let bed = bed();
    assert_eq!(bed.run().applied(), 4);
    let wrong = "-- schemaward: no-transaction\ninsert into log values ('d');\nvacuum log;\nselect nothing;\n";
    bed.file("R__c.sql", wrong.as_bytes());
    bed.run().failure();
    bed.file("R__c.sql", wrong.replace("select nothing", "select 1").as_bytes());
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(log(&bed), "abd");
    bed.file("R__c.sql", wrong.replace("select nothing", "select 2").as_bytes());
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(log(&bed), "abdd");
}
