//! What a person settles by hand.

use std::process::Output;

use rstest::rstest;

use crate::postgres::bed::{Bed, Ended};

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_edit_is_accepted_with_a_trace_of_what_was_before() {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int)"), ("002_b.sql", "create table b ()")]);
    assert_eq!(bed.run().applied(), 2);
    let before = bed.psql("select checksum from schemaward.schema_migrations where version = '001'");
    bed.psql("alter table a alter n type bigint");
    bed.file("001_a.sql", b"create table a (n bigint)");
    assert_eq!(bed.migrate(&[]).status.code(), Some(4));

    let (code, out, err) = text(&bed.command("repair", &["--accept", "1"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("001_a.sql is accepted as it is now") && out.contains(&before), "{out}");
    assert_eq!(bed.run().applied(), 0);
    assert_eq!(text(&bed.command("verify", &[])).0, Some(0));
    let kept = "select e.version, e.checksum_before = '{}', e.checksum = m.checksum, e.checksum <> e.checksum_before, \
                e.accepted_by, e.run like 'repair-%' from schemaward.accepted_edits e \
                join schemaward.schema_migrations m on m.id = e.migration_id";
    assert_eq!(bed.psql(&kept.replace("{}", &before)), "001|t|t|t|postgres|t");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations"), "2", "nothing was run");

    for (version, why) in [("1", "as it was applied"), ("3", "not applied")] {
        let (code, _, err) = text(&bed.command("repair", &["--accept", version]));
        assert_eq!(code, Some(2));
        assert!(err.contains(why), "{err}");
    }
}

#[test]
fn what_is_open_is_listed() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "-- schemaward: no-transaction\ncreate table t ();\ncreate index concurrently x on t (nothing);\n",
    )]);
    let (code, out, _) = text(&bed.command("repair", &[]));
    assert!(code == Some(0) && out.starts_with("No half-applied migrations"), "{out}");
    bed.run().failure();
    let (code, out, _) = text(&bed.command("repair", &["--format", "json"]));
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        json["open"],
        serde_json::json!([
            {"kind": "migration", "version": "001", "file": "001_a.sql", "statement": 1, "state": "finished"},
            {"kind": "migration", "version": "001", "file": "001_a.sql", "statement": 2, "state": "failed"},
        ])
    );
    assert_eq!(text(&bed.command("repair", &["--version", "1"])).0, Some(2), "a statement and its end are asked for");
}

#[test]
fn a_half_applied_file_is_abandoned_once_it_is_undone_by_hand() {
    let half = "-- schemaward: no-transaction\ncreate table a ();\ninsert into nowhere values (1);\n";
    let bed = Bed::with(&[("001_a.sql", half)]);
    let (code, _, err) = text(&bed.migrate(&[]));
    assert!(code == Some(1) && err.contains("schemaward repair --abandon 001_a.sql"), "{err}");
    bed.remove("001_a.sql");
    bed.file("002_b.sql", b"create table b ()");
    assert_eq!(bed.migrate(&[]).status.code(), Some(4));
    bed.psql("drop table a");
    let (code, out, err) = text(&bed.command("repair", &["--abandon", "001"]));
    assert!(code == Some(0) && out.starts_with("001_a.sql is abandoned: 1 of its statements"), "{out}{err}");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(
        bed.psql(
            "select success, error_message like 'abandoned%', applied_by from schemaward.schema_migrations where id = 2"
        ),
        "f|t|postgres"
    );
    let (code, _, err) = text(&bed.command("repair", &["--abandon", "001"]));
    assert!(code == Some(2) && err.contains("001 is not half applied"), "{err}");
}

/// Runs a file that stops in the middle, and again with another middle part.
fn resumed(file: impl Fn(&str) -> String, middle: &str) -> (Bed<'static>, Ended) {
    let bed = Bed::with(&[("001_a.sql", &file("select * from nowhere"))]);
    bed.run().failure();
    bed.file("001_a.sql", file(middle).as_bytes());
    let ended = bed.run();
    (bed, ended)
}

/// No statement of the file shows the temporary table: the server is asked which ones exist.
#[rstest]
#[case::block("do $$ begin create temp table customers (x int); end $$")]
#[case::dynamic("do $$ begin execute 'create temp ' || 'table customers (x int)'; end $$")]
#[case::in_a_called_procedure(
    "create procedure inner_p() language plpgsql as $$ begin create temp table customers (x int); end $$; create procedure \
     p() language plpgsql as $$ begin call inner_p(); end $$; call p()"
)]
fn a_temporary_table_that_only_the_server_knows_of_never_lets_the_real_one_be_changed(#[case] made: &str) {
    let file = |middle: &str| {
        format!(
            "-- schemaward: no-transaction\ncreate table customers (x int);\ninsert into customers values (99);\n{made};\n\
             {middle};\ndelete from customers;\n"
        )
    };
    let (bed, ended) = resumed(file, "select 1");
    let failure = ended.failure();
    assert_eq!(failure.reason, schemaward::report::Reason::NeedsReview, "{failure:?}");
    assert!(failure.message.contains("the temporary table customers"), "{failure:?}");
    assert_eq!(bed.psql("select x from customers"), "99");
}

/// The server's information about the routines decides: the file does not show what they set.
#[rstest]
#[case::set_config("language plpgsql as $$ begin perform set_config('my.own', 'x', false); end $$", true)]
#[case::set("language plpgsql as 'begin set my.own = 5; end'", true)]
#[case::sql("language sql as $$ select set_config('my.own', 'x', 1 = 2) $$", true)]
#[case::put_together("language plpgsql as $$ begin execute format('set my.own = %L', 'x'); end $$", true)]
#[case::for_its_transaction("language plpgsql as $$ begin perform set_config('my.own', 'x', true); end $$", false)]
#[case::local("language plpgsql as 'begin set local my.own = 5; update t set a = 1; end'", false)]
fn what_a_called_routine_may_have_set_stops_a_resumed_run_before_anything_runs(
    #[case] body: &str,
    #[case] stops: bool,
) {
    let returns = if body.contains("language sql") { "text" } else { "void" };
    let file = |middle: &str| {
        format!(
            "-- schemaward: no-transaction\ncreate table t (a int);\ncreate function \"Sets\"() returns {returns} {body};\n\
             select \"Sets\"();\n{middle};\ncreate table later ();\n"
        )
    };
    let (bed, ended) = resumed(file, "select 1");
    assert_eq!(bed.has("later"), !stops, "{}", ended.stdout);
    if stops {
        let failure = ended.failure();
        assert_eq!(failure.reason, schemaward::report::Reason::NeedsReview, "{failure:?}");
        assert!(failure.message.contains("what the routine Sets may have set of statement 3 (line 4)"), "{failure:?}");
    }
}

#[test]
fn a_temporary_table_that_is_still_needed_stops_the_run_before_anything_runs() {
    let file = |middle: &str| {
        format!(
            "-- schemaward: no-transaction\ncreate temp table k as select 1 as id;\n{middle};\ncreate table t as select id from k;\n"
        )
    };
    let (bed, ended) = resumed(file, "create table between_them ()");
    let failure = ended.failure();
    assert_eq!(failure.reason, schemaward::report::Reason::NeedsReview, "{failure:?}");
    assert!(failure.message.contains("the temporary table k of statement 1 (line 2)"), "{failure:?}");
    assert!(!bed.has("between_them"), "nothing has run");
}
