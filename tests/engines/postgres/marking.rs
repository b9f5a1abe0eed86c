//! The ledger says what is applied, and our own marks say where a file ends. So however many answers the server gives
//! to a file's text, a failed file is never taken for an applied one, and nothing runs after it.

use schemaward::report::{ErrorClass, Event, Reason};

use crate::postgres::bed::{Bed, Ended};

/// The versions that the run has reported as applied.
fn reported(ended: &Ended) -> Vec<String> {
    let version = |event: &Event| match event {
        Event::MigrationApplied { version, .. } => Some(version.clone()),
        _ => None,
    };
    ended.events.iter().filter_map(version).collect()
}

/// A body whose labels open and close bodies elsewhere, and this many statements after it.
fn label(how: &str, statements: usize) -> String {
    let body = format!("create function g() returns setof int language sql begin atomic {how} end;\n");
    body + &"select 1;\n".repeat(statements)
}

#[test]
fn a_failed_file_after_a_body_with_odd_labels_is_never_reported_as_applied_whatever_its_length() {
    let version = Bed::new().psql("show server_version_num");
    if version.parse::<u32>().unwrap() < 140_000 {
        return eprintln!("skipped: bodies of SQL in a function's own words came with version 14");
    }
    for how in ["select 1 as case;", "select a.case from (select 1) a (\"case\");", "select 1 end; select 2 as begin;"]
    {
        for statements in [0, 3, 10, 16, 22, 28, 40, 80] {
            let bed = Bed::new();
            bed.file("001_a.sql", label(how, statements).as_bytes());
            bed.file("002_b.sql", b"create table b (x int);\nselect 1/0;");
            bed.file("003_c.sql", b"create table c (x int);");
            let ended = bed.run();
            let what = format!("{how}, {statements} statements: {:?}", ended.summary);
            assert_eq!(ended.failure().code.as_deref(), Some("22012"), "{what}");
            let place = ended.failure().place.as_ref().unwrap();
            assert_eq!((place.file.as_str(), place.line, place.statement), ("002_b.sql", Some(2), Some(2)), "{what}");
            assert_eq!(reported(&ended), ["001"], "{what}");
            assert_eq!(bed.applied(), ["001"], "{what}");
            assert!(!bed.has("b") && !bed.has("c"), "{what}");
            let failed = "select version, statements_done from schemaward.schema_migrations where not success";
            assert_eq!(bed.psql(failed), "002|1", "{what}");
        }
    }
}

#[test]
fn a_file_whose_last_row_is_taken_out_of_the_ledger_ends_the_run_and_is_not_applied_again() {
    for n in [1, 3] {
        let bed = Bed::new();
        bed.file("000_t.sql", b"create table log (n int)");
        assert_eq!(bed.run().applied(), 1);
        bed.psql(
            "create function forget() returns trigger language plpgsql as $$ begin \
             delete from schemaward.schema_migrations where id = new.id; return null; end $$; \
             create trigger forget after insert on schemaward.schema_migrations for each row \
             when (new.filename like '%_last.sql') execute function forget()",
        );
        for n in 1..n {
            bed.file(&format!("00{n}_t.sql"), b"insert into log values (0)");
        }
        let last = format!("00{n}_last.sql");
        bed.file(&last, b"insert into log values (9)");
        let ended = bed.run();
        let failure = ended.failure();
        assert_eq!(
            (failure.class, failure.reason),
            (ErrorClass::UnknownOutcome, Reason::LedgerUnusable),
            "{failure:?}"
        );
        assert!(failure.message.contains(&last) && failure.message.contains("no row"), "{failure:?}");
        assert_eq!(reported(&ended).len(), n - 1);
        assert_eq!(bed.psql("select count(*) from log where n = 9"), "1", "sent once");
    }
}

#[test]
fn an_error_that_the_ledger_and_the_answers_disagree_on_names_the_first_file_without_a_row() {
    let bed = Bed::new();
    bed.file("000_t.sql", b"create table u ()");
    assert_eq!(bed.run().applied(), 1);
    bed.psql(
        "create function forget() returns trigger language plpgsql as $$ begin \
         delete from schemaward.schema_migrations where id = new.id; return null; end $$; \
         create trigger forget after insert on schemaward.schema_migrations for each row when (new.version = '002') \
         execute function forget()",
    );
    for n in 1..=4 {
        bed.file(&format!("00{n}_t.sql"), format!("create table t{n} ()").as_bytes());
    }
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.code.as_deref(), failure.reason), (Some("SW003"), Reason::LedgerUnusable));
    assert_eq!(failure.place.as_ref().map(|place| (place.file.as_str(), place.line)), Some(("002_t.sql", None)));
    assert_eq!(reported(&ended), ["001"]);
    assert!(bed.has("t2") && !bed.has("t3") && !bed.has("t4"));
}

#[test]
fn rules_and_queries_of_many_rows_are_one_answer_each_and_a_late_error_has_its_line() {
    let bed = Bed::with(&[
        (
            "001_a.sql",
            "create table t (a int); create table l (a int);\n\
             create rule r as on insert to t do (insert into l values (new.a); insert into l values (new.a));\n\
             insert into t values (1);\nselect generate_series(1, 20000);\n;;\nupdate t set a = 2",
        ),
        ("002_b.sql", "insert into t values (1);\n;\nselect 1 as \"schemaward.behind_0\";\nselect 1/(select 0);"),
    ]);
    let ended = bed.run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line, place.statement), ("002_b.sql", Some(4), Some(3)));
    assert_eq!(reported(&ended), ["001"]);
}
