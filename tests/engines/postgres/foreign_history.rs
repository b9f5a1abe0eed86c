//! An empty ledger in a database with another tool's history: nothing is run, whoever starts the run.

use std::process::Output;

use schemaward::report::{ErrorClass, Event, Reason};

use crate::histories;
use crate::postgres::bed::Bed;

const PLANS: &str = "CREATE TABLE IF NOT EXISTS plans (id serial PRIMARY KEY, name text NOT NULL);\n\
    INSERT INTO plans (name) VALUES ('free'), ('pro');\n";
const RENAMED: &str = "UPDATE plans SET name = name || ' plan';\n";
const FILES: &[(&str, &str)] = &[("000001_plans.up.sql", PLANS), ("000002_renamed.up.sql", RENAMED)];
const GOLANG_MIGRATE: &str = "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null); \
    INSERT INTO schema_migrations VALUES (2, false);";
/// As in `src/engine/postgres/ledger.rs`.
const LOCK: &str = "do $$ begin perform pg_advisory_lock(-897558564798234901); end $$";

fn migrated_by(history: &str) -> Bed<'static> {
    let bed = Bed::with(FILES);
    bed.psql(&format!("{PLANS}{RENAMED}{history}"));
    bed
}

fn names(bed: &Bed) -> String {
    bed.psql("select string_agg(name, ',' order by id) from plans")
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn assert_untouched(bed: &Bed, said: &str) {
    assert_eq!(names(bed), "free plan,pro plan", "{said}");
    assert_eq!(bed.psql("select to_regnamespace('schemaward') is null"), "t", "no ledger is made: {said}");
}

#[test]
fn every_tool_s_history_is_found_by_its_table() {
    for history in histories::ALL {
        let Some(sql) = history.on("postgres") else { continue };
        let bed = migrated_by(sql);
        let (code, text) = said(&bed.migrate(&[]));
        assert_eq!(code, Some(4), "{}: {text}", history.tool);
        assert!(history.is_reported(&text), "{}: {text}", history.tool);
        assert_untouched(&bed, &text);
    }
}

#[test]
fn a_run_in_the_cluster_is_refused_too_unless_its_spec_says_otherwise() {
    let bed = migrated_by(GOLANG_MIGRATE);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::ForeignHistory), "{failure:?}");
    assert!(failure.hint.as_ref().unwrap().contains("spec.history.ignoreForeign: true"), "{failure:?}");
    assert_untouched(&bed, &ended.stdout);
    let ended = bed.run_with(&["--ignore-foreign-history"]);
    assert_eq!(ended.applied(), 2);
    let is_reported = |event: &Event| matches!(event, Event::Warning { message } if message.contains("ignored because of --ignore-foreign-history"));
    assert!(ended.events.iter().any(is_reported), "{}", ended.stdout);
    let said = bed.psql("select kind || ' ' || run || ' ' || detail from schemaward.acknowledgements");
    assert!(said.starts_with("foreign-history run golang-migrate has a history here"), "{said}");
}

#[test]
fn a_history_in_another_schema_counts_and_so_does_one_that_may_not_be_read() {
    let mut bed = migrated_by("");
    bed.psql(&format!("create schema other; set search_path = other; {GOLANG_MIGRATE}"));
    let (code, text) = said(&bed.migrate(&[]));
    assert!(code == Some(4) && text.contains("its table other.schema_migrations is at version 2"), "{text}");
    let role = format!("{}_reader", bed.database);
    bed.psql(&format!("create role {role} login; grant create on database {} to {role}", bed.database));
    let url = bed.url.replace("postgres@", &format!("{role}@"));
    assert_ne!(url, bed.url);
    bed.url = url;
    let (code, text) = said(&bed.command("migrate", &[]));
    assert!(
        code == Some(4) && text.contains("other.schema_migrations cannot be read, so its version is not known"),
        "{text}"
    );
    assert_untouched(&bed, &text);
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn a_history_whose_rows_are_hidden_is_not_an_empty_one() {
    let mut bed = migrated_by(GOLANG_MIGRATE);
    let role = format!("{}_filtered", bed.database);
    bed.psql(&format!(
        "alter table schema_migrations enable row level security; create role {role} login; \
         grant select on all tables in schema public to {role}; grant create on database {} to {role}",
        bed.database
    ));
    bed.url = bed.url.replace("postgres@", &format!("{role}@"));
    let (code, text) = said(&bed.command("migrate", &[]));
    assert!(code == Some(4) && text.contains("cannot be read, so its version is not known"), "{text}");
    assert_untouched(&bed, &text);
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn two_histories_of_one_tool_are_distinguished_by_their_schema() {
    let bed = migrated_by(GOLANG_MIGRATE);
    bed.psql(&format!("create schema other; set search_path = other; {GOLANG_MIGRATE}"));
    let (_, text) = said(&bed.migrate(&[]));
    assert!(text.contains("schemaward adopt --from golang-migrate --schema other"), "{text}");
    assert!(text.contains("schemaward adopt --from golang-migrate --schema public"), "{text}");
}

#[test]
fn a_history_that_comes_while_a_run_waits_for_the_lock_is_seen() {
    let bed = Bed::with(FILES);
    let lock = bed.hold(LOCK);
    let mut run = bed.start("waits");
    run.until_it_waits();
    bed.psql(&format!("{PLANS}{RENAMED}{GOLANG_MIGRATE}"));
    lock.let_go();
    let ended = run.end();
    assert_eq!(ended.failure().reason, Reason::ForeignHistory);
    assert_untouched(&bed, &ended.stdout);
}

#[test]
fn an_extension_s_tables_and_the_ledger_s_own_are_not_noted() {
    let bed = Bed::with(&[("001_a.sql", "select 1;\n-- rollback: select 1;")]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(said(&bed.command("rollback", &["--to", "empty", "--yes"])).0, Some(0));
    bed.psql("delete from schemaward.schema_migrations");
    let (code, text) = said(&bed.command("status", &[]));
    assert!(code == Some(0) && !text.contains("Warning"), "{text}");
    bed.psql("create table customers ()");
    let (code, text) = said(&bed.command("status", &[]));
    assert!(code == Some(0) && text.contains("it has the table public.customers"), "{text}");
}

#[test]
fn a_history_is_found_under_any_name() {
    for renamed in histories::renamed("postgres") {
        let bed = migrated_by(&renamed.sql);
        let (code, text) = said(&bed.migrate(&[]));
        let tool = renamed.history.tool;
        assert_eq!(code, Some(4), "{tool}: {text}");
        assert!(renamed.is_reported(&text), "{tool}: {text}");
        assert_untouched(&bed, &text);
    }
}

#[test]
fn a_table_of_an_application_s_own_stops_nothing_though_a_tool_has_such_columns() {
    for renamed in histories::inconspicuous("postgres") {
        // Rails' own second table would identify it.
        let sql = renamed.sql.replace("ar_internal_metadata", "app_settings");
        let bed = migrated_by(&sql);
        let (code, text) = said(&bed.command("plan", &[]));
        assert_eq!(code, Some(0), "{}: {text}", renamed.history.tool);
    }
}

#[test]
fn a_history_is_taken_over_from_a_table_of_any_name() {
    for (tool, table) in [
        ("golang-migrate", "(version bigint, dirty boolean); insert into jobs.state values (2, false)"),
        ("dbmate", "(version varchar); insert into jobs.state values ('1'), ('2')"),
        (
            "goose",
            "(id int, version_id bigint, is_applied boolean, tstamp timestamp); insert into jobs.state values \
                   (1, 0, true), (2, 1, true), (3, 2, true)",
        ),
    ] {
        let bed = migrated_by(&format!("create schema jobs; create table jobs.state {table}"));
        let (code, text) = said(&bed.command("adopt", &["--from", tool, "--table", "jobs.state"]));
        assert!(code == Some(0) && text.contains("2 migrations recorded"), "{tool}: {text}");
        assert_eq!((bed.run().applied(), names(&bed).as_str()), (0, "free plan,pro plan"), "{tool}");
    }
}

#[test]
fn a_ledger_in_another_schema_that_has_the_same_files_is_not_run_over() {
    let mut bed =
        Bed::with(&[("001_a.sql", "create table if not exists a ()"), ("002_b.sql", "insert into a default values")]);
    assert_eq!(bed.run().applied(), 2);
    let elsewhere = ["--history-schema", "elsewhere"];
    let ended = bed.run_with(&elsewhere);
    let failure = ended.failure().clone();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::ForeignHistory), "{failure:?}");
    assert!(failure.message.contains("its table schemaward.schema_migrations is at version 002"), "{failure:?}");
    assert!(failure.hint.unwrap().contains("--history-schema schemaward (in a resource spec.history.schema)"));
    assert_eq!(bed.psql("select count(*) from a"), "1");
    assert_eq!(bed.psql("select to_regnamespace('elsewhere') is null"), "t", "no ledger is made");
    // A ledger that this user may not read belongs to someone else.
    let role = format!("{}_other", bed.database);
    bed.psql(&format!("create role {role} login; grant create on database {} to {role}", bed.database));
    bed.url = bed.url.replace("postgres@", &format!("{role}@"));
    let (code, text) = said(&bed.command("migrate", &elsewhere));
    assert!(code == Some(1) && text.contains("schemaward.schema_migrations cannot be read"), "{text}");
    assert!(text.contains("permission denied"), "{text}");
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn two_applications_with_a_ledger_each_share_a_database() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    assert_eq!(bed.run().applied(), 1);
    bed.remove("001_a.sql");
    bed.file("001_b.sql", b"create table b ()");
    let (code, text) = said(&bed.command("migrate", &["--history-schema", "billing"]));
    assert!(code == Some(0) && text.contains("none of the source's files"), "{text}");
    assert!(bed.has("b"));
}

#[test]
fn of_many_histories_few_are_read() {
    let bed = migrated_by(
        "do $$ begin for i in 1..40 loop execute format('create schema tenant_%s', i); execute format('create table \
         tenant_%s.app_state (version bigint, dirty boolean)', i); execute format('insert into tenant_%s.app_state values \
         (2, false)', i); end loop; end $$",
    );
    let (code, text) = said(&bed.migrate(&[]));
    assert!(code == Some(4) && text.contains("30 tables more of such tools were not read"), "{text}");
}
