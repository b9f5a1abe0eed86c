//! Ledgers from earlier versions: read as they are, and upgraded by the next run that has something to do.

use crate::postgres::bed::Bed;

/// Turns a ledger into what layout 6 created.
const AS_LAYOUT_6: &str = "
alter domain schemaward.migration_version drop constraint migration_version_has_parts;
alter domain schemaward.migration_version
    add constraint migration_version_check check (value ~ '^([0-9]{1,32}|R)$');
drop index schemaward.schema_migrations_applied_once;
create unique index schema_migrations_applied_once on schemaward.schema_migrations ((version::numeric))
    where success and undone_by is null and kind in ('migration', 'baseline', 'adopted');
alter table schemaward.statement_journal drop constraint statement_journal_version_check,
    add constraint statement_journal_version_check
        check (case when kind = 'repeatable' then version = 'R' else version ~ '^[0-9]{1,32}$' end);
update schemaward.ledger_identity set layout = 6;";

/// Turns a ledger into what version 5 created, except for the constraints that layout 7 changed.
pub const AS_VERSION_5: &str = "
drop table schemaward.ledger_identity;
drop table schemaward.runs;
drop table schemaward.acknowledgements;
drop function schemaward.server_identity();
alter table schemaward.schema_migrations drop column plan_hash, drop column approved_by, drop column backup;
alter table schemaward.statement_journal drop column session_state;";

/// Turns a ledger of version 5 into one of version 4.
const AS_VERSION_4: &str = "
create or replace procedure schemaward.assert_fence(expected bigint) language plpgsql as 'begin raise info ''4''; end';
create or replace procedure schemaward.record_success(
    predecessor text, commit_waits text, file_version text, file_name text, file_description text, attempt_kind text,
    file_checksum text, file_token_checksum text, statements integer, file_rollback_sql text, run_name text,
    run_fence bigint, tool text) language plpgsql as 'begin raise exception ''4''; end';
drop index schemaward.schema_migrations_applied_once;
alter table schemaward.schema_migrations alter kind type text, alter version type text,
    add constraint schema_migrations_kind_check
        check (kind in ('migration', 'repeatable', 'rollback', 'baseline', 'adopted')),
    add constraint schema_migrations_version_check
        check (case when kind = 'repeatable' then version = 'R' else version ~ '^[0-9]{1,32}$' end);
create unique index schema_migrations_applied_once on schemaward.schema_migrations ((version::numeric))
    where success and undone_by is null and kind in ('migration', 'baseline', 'adopted');
drop domain schemaward.migration_kind;
drop domain schemaward.migration_version;
update schemaward.schemaward_ledger set version = 4;";

/// Turns a ledger of version 4 into one of version 3.
const AS_VERSION_3: &str = "
drop routine schemaward.record_success;
drop routine schemaward.assert_fence(bigint);
create function schemaward.assert_fence(expected bigint) returns void language sql as 'select 1 / 0';
create function schemaward.assert_fence(expected bigint, predecessor text) returns void language sql as 'select 1 / 0';
update schemaward.schemaward_ledger set version = 3;";

/// Turns a ledger of version 3 into one of version 2.
const AS_VERSION_2: &str = "
drop table schemaward.accepted_edits;
drop function schemaward.get_migration_history();
create function schemaward.get_migration_history() returns table (version text, filename text)
    language sql as 'select version, filename from schemaward.schema_migrations order by id';
drop index schemaward.schema_migrations_applied_once;
alter table schemaward.schema_migrations drop column undone_by,
    drop constraint schema_migrations_kind_check, drop constraint schema_migrations_version_check,
    add constraint schema_migrations_kind_check check (kind in ('migration')),
    add constraint schema_migrations_version_check check (version ~ '^[0-9]{1,32}$');
create unique index schema_migrations_applied_once on schemaward.schema_migrations ((version::numeric))
    where success and kind = 'migration';
drop index schemaward.statement_journal_begun_once;
alter table schemaward.statement_journal drop column kind,
    add constraint statement_journal_version_check check (version ~ '^[0-9]{1,32}$');
create unique index statement_journal_begun_once on schemaward.statement_journal ((version::numeric), statement)
    where migration_id is null;
update schemaward.schemaward_ledger set version = 2;";

/// The columns, constraints and indexes of the ledger's tables, in any order.
fn shape(bed: &Bed<'_>) -> String {
    bed.psql(
        "select string_agg(line, e'\n' order by line collate \"C\") from (
            select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable as line
                from information_schema.columns where table_schema = 'schemaward'
            union all select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
                from pg_constraint where connamespace = 'schemaward'::regnamespace
            union all select attrelid::regclass || ' ' || attname || ' ' || format_type(atttypid, null)
                from pg_attribute join pg_class on pg_class.oid = attrelid
                where relnamespace = 'schemaward'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
            union all select indexdef from pg_indexes where schemaname = 'schemaward'
            union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'schemaward'::regnamespace) x",
    )
}

fn assert_upgraded(older: &str, version: &str) {
    let bed = Bed::with(&[("001_a.sql", "select 1")]);
    assert_eq!(bed.run().applied(), 1);
    let new = shape(&bed);
    bed.psql(older);
    let before = shape(&bed);
    assert_ne!(before, new);
    let ended = bed.run();
    assert_eq!((ended.applied(), ended.summary.history.len()), (0, 1));
    assert_eq!(shape(&bed), before, "nothing was pending: nothing is written");
    for command in ["status", "history", "plan", "verify"] {
        let output = bed.command(command, &[]);
        assert_eq!(output.status.code(), Some(0), "{command}: {output:?}");
    }
    bed.file("002_b.sql", b"vacuum");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(shape(&bed), new);
    let versions = "select string_agg(version::text, ',' order by version) from schemaward.schemaward_ledger";
    assert_eq!(bed.psql(versions), if version == "5" { "5".to_owned() } else { format!("{version},5") });
    assert_eq!(bed.psql("select layout from schemaward.ledger_identity"), "7");
    assert_eq!(bed.psql("select string_agg(state, ',') from schemaward.statement_journal"), "finished");
    assert_eq!(
        bed.psql("select version, kind, undone_at is null from schemaward.get_migration_history()"),
        "001|migration|t\n002|migration|t"
    );
}

#[test]
fn a_ledger_of_the_first_version_is_upgraded() {
    assert_upgraded(
        &format!(
            "{AS_VERSION_5} {AS_VERSION_4} {AS_VERSION_3} {AS_VERSION_2} drop table schemaward.statement_journal; update schemaward.schemaward_ledger set version = 1"
        ),
        "1",
    );
}

#[test]
fn a_ledger_of_the_second_version_is_upgraded() {
    assert_upgraded(&format!("{AS_VERSION_5} {AS_VERSION_4} {AS_VERSION_3} {AS_VERSION_2}"), "2");
}

#[test]
fn a_ledger_of_the_third_version_is_upgraded() {
    assert_upgraded(&format!("{AS_VERSION_5} {AS_VERSION_4} {AS_VERSION_3}"), "3");
}

#[test]
fn a_ledger_of_the_fourth_version_is_upgraded() {
    assert_upgraded(&format!("{AS_LAYOUT_6} {AS_VERSION_5} {AS_VERSION_4}"), "4");
}

#[test]
fn a_ledger_of_the_fifth_version_is_upgraded_and_stays_open_to_its_program() {
    assert_upgraded(AS_VERSION_5, "5");
}

#[test]
fn a_ledger_of_the_sixth_layout_is_upgraded_and_takes_versions_of_several_numbers() {
    assert_upgraded(AS_LAYOUT_6, "5");
    let bed = Bed::with(&[("V2__a.sql", "select 2")]);
    assert_eq!(bed.run().applied(), 1);
    bed.psql(AS_LAYOUT_6);
    bed.file("V2.1__b.sql", b"-- schemaward: no-transaction\nselect 21");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.applied(), ["2", "2.1"]);
}

#[test]
fn a_file_started_under_the_second_version_is_resumed() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "-- schemaward: no-transaction\ncreate table t (id int);\ncreate index concurrently t_id on t (nothing);\n",
    )]);
    assert_eq!(bed.run().failure().code.as_deref(), Some("42703"));
    bed.psql(&format!("{AS_VERSION_5} {AS_VERSION_4} {AS_VERSION_3} {AS_VERSION_2}"));
    bed.file(
        "001_a.sql",
        b"-- schemaward: no-transaction\ncreate table t (id int);\ncreate index concurrently t_id on t (id);\n",
    );
    assert_eq!(bed.run().applied(), 1);
}
