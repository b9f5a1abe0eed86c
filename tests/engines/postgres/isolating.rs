//! What a file does to its session is gone when the next file runs, and never prevents recording the file.

use crate::postgres::bed::Bed;

#[test]
fn settings_and_roles_do_not_leak_into_the_next_file() {
    let bed = Bed::new();
    let role = format!("other_{}", bed.database);
    bed.files(&[
        (
            "001_leaky.sql",
            &format!(
                "create schema elsewhere; set search_path = elsewhere; set lock_timeout = 0; set datestyle = german; \
                 create role {role}; create temp table leftover (); prepare p as select 1; listen channel; \
                 set check_function_bodies = off; set standard_conforming_strings = off; \
                 set session_replication_role = replica; set role {role};"
            ),
        ),
        (
            "002_clean.sql",
            "create table here (backslash text default '\\');\n\
             create table found as select current_user::text as who, current_setting('lock_timeout') as lock_timeout, \
             current_setting('search_path') as search_path, current_setting('check_function_bodies') as bodies, \
             current_setting('datestyle') as datestyle, current_setting('session_replication_role') as replication, \
             to_regclass('leftover') is null as temp_gone, (select count(*) from pg_prepared_statements) as prepared, \
             (select count(*) from pg_listening_channels()) as channels;",
        ),
    ]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.psql("select * from public.found"), "postgres|5s|\"$user\", public|on|ISO, MDY|origin|t|0|0");
    assert!(bed.has("public.here"));
    bed.psql(&format!("drop role {role}"));
}

#[test]
fn a_dump_with_an_emptied_search_path_goes_in() {
    let dump = "SET statement_timeout = 0;\nSET lock_timeout = 0;\nSET client_encoding = 'UTF8';\n\
                SET standard_conforming_strings = on;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
                SET check_function_bodies = false;\nSET row_security = off;\nSET default_tablespace = '';\n\
                CREATE TABLE public.t (\n    id integer NOT NULL,\n    \"größe\" text\n);\n\
                ALTER TABLE public.t OWNER TO postgres;\n\
                ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n";
    let bed = Bed::with(&[("001_dump.sql", dump), ("002_next.sql", "insert into t values (1, 'ü')")]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.psql("select \"größe\" from t"), "ü");
}

#[test]
fn a_file_that_shadows_operators_and_ends_in_a_comment_is_recorded() {
    let bed = Bed::with(&[(
        "001_shadow.sql",
        "create schema evil;\ncreate function evil.minus(timestamptz, timestamptz) returns interval language sql as \
         $$ select null::interval $$;\ncreate operator evil.- (leftarg = timestamptz, rightarg = timestamptz, function \
         = evil.minus);\nset search_path = evil, pg_catalog;\nselect 1 -- no semicolon, no line break",
    )]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select execution_time_ms is not null from schemaward.schema_migrations"), "t");
}

#[test]
fn files_without_statements_are_recorded_too() {
    let bed = Bed::with(&[
        ("001_note.sql", "-- kept as a placeholder"),
        ("002_wrapped.sql", "BEGIN;\ncreate table t ();\nCOMMIT;\n"),
    ]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(
        bed.psql("select string_agg(statements_total::text, ',' order by id) from schemaward.schema_migrations"),
        "0,1"
    );
}

/// Session state that the next file must not find.
const STATE: &str = "select current_user::text || '|' || session_user || '|' || current_setting('search_path') || '|' || \
                     current_setting('work_mem') || '|' || current_setting('default_transaction_isolation') || '|' || \
                     current_setting('synchronous_commit') || '|' || coalesce(current_setting('my.own', true), '') || '|' \
                     || (select count(*) from pg_prepared_statements) || '|' || (select count(*) from pg_cursors where \
                     is_holdable) || '|' || coalesce(to_regclass('pg_temp.leftover')::text, 'none')";

#[test]
fn whatever_way_a_file_changes_its_session_the_next_one_of_the_same_message_does_not_see_it() {
    let bed = Bed::new();
    let role = format!("another_{}", bed.database);
    bed.psql(&format!(
        "create role {role}; create table seen (n int, state text); create table t (a int);
         create function in_function() returns int language sql as $$ select set_config('work_mem', '65kB', false); \
         select set_config('my.own', 'function', false); select 1 $$;
         create function in_trigger() returns trigger language plpgsql as $$ begin \
         perform set_config('search_path', 'nowhere', false); return new; end $$;
         create trigger in_trigger before insert on t for each row execute function in_trigger();"
    ));
    let leaks = [
        "select in_function();".to_owned(),
        "insert into t values (1);".to_owned(),
        "do $$ begin set work_mem = '66kB'; perform set_config('my.own', 'do', false); end $$;".to_owned(),
        format!("set role {role};"),
        format!("set session authorization {role};"),
        "set default_transaction_isolation = 'serializable'; set synchronous_commit = off;".to_owned(),
        "set default_transaction_read_only = on;".to_owned(),
        "create temp table leftover (a int) on commit preserve rows; insert into leftover values (1);".to_owned(),
        "prepare p as select 1; declare c cursor with hold for select 1;".to_owned(),
        "begin; set local search_path = nowhere; set constraints all deferred; commit;".to_owned(),
    ];
    bed.file("000_state.sql", format!("insert into seen select 0, ({STATE});").as_bytes());
    for (n, leak) in (1..).zip(&leaks) {
        bed.file(&format!("{:03}_leak.sql", 2 * n - 1), leak.as_bytes());
        bed.file(&format!("{:03}_state.sql", 2 * n), format!("insert into seen select {n}, ({STATE});").as_bytes());
    }
    assert_eq!(bed.run().applied(), 1 + 2 * i64::try_from(leaks.len()).unwrap());
    let clean = bed.psql("select state from seen where n = 0");
    assert!(clean.starts_with("postgres|postgres|\"$user\", public|"), "{clean}");
    assert_eq!(bed.psql(&format!("select n, state from seen where state <> '{clean}'")), "");
    bed.psql(&format!("drop role {role}"));
}

#[test]
fn a_role_whose_transactions_are_serializable_runs_every_file_of_a_message() {
    let mut bed = Bed::new();
    let role = format!("strict_{}", bed.database);
    bed.psql(&format!(
        "create role {role} superuser login; alter role {role} set default_transaction_isolation = 'serializable'"
    ));
    bed.url = bed.server.url_as(&role, &bed.database);
    for n in 1..=4 {
        bed.file(&format!("{n:03}_t.sql"), b"create temp table x (a int); declare c cursor for select 1; listen y;");
    }
    assert_eq!(bed.run().applied(), 4);
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn the_ledger_s_own_sequence_does_not_show_whichever_file_it_is_of_its_message() {
    let asks = "do $$ begin insert into told values (lastval()::text); exception when others then \
                insert into told values (sqlstate); end $$";
    let bed = Bed::with(&[("001_a.sql", asks), ("002_b.sql", asks)]);
    bed.psql("create table told (what text)");
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.psql("select * from told"), "55000\n55000");
}

#[test]
fn a_file_may_choose_its_transactions_mode_whichever_it_is_of_its_message() {
    let reads = "insert into seen values (current_setting('transaction_isolation'))";
    let serializable = format!("set transaction isolation level serializable; {reads}");
    let bed = Bed::with(&[("001_a.sql", &serializable), ("002_b.sql", &serializable), ("003_c.sql", reads)]);
    bed.psql("create table seen (mode text)");
    assert_eq!(bed.run().applied(), 3);
    assert_eq!(bed.psql("select * from seen"), "serializable\nserializable\nread committed");
}

#[test]
fn what_a_file_defers_to_its_commit_runs_with_the_settings_of_the_file() {
    let bed = Bed::with(&[
        (
            "001_items.sql",
            "create schema shop; set search_path = shop; create table items (n int); create table counted (n bigint);
             create function count_items() returns trigger language plpgsql as $$ begin
             insert into counted select count(*) from items; return null; end $$;
             create constraint trigger counts after insert on items deferrable initially deferred
             for each row execute function count_items();",
        ),
        ("002_fill.sql", "set search_path = shop; insert into items values (1); insert into items values (2);"),
    ]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.psql("select string_agg(n::text, ' ') from shop.counted"), "2 2");
}

#[test]
fn an_advisory_lock_that_a_file_takes_for_its_session_stays_until_the_run_s_end_unless_a_file_releases_it() {
    let held = "(select string_agg(objid::text, ' ' order by objid) from pg_locks where locktype = 'advisory' and classid = 0 \
                and pid = pg_backend_pid() and objid in (41, 42, 43))";
    let bed = Bed::with(&[
        ("001_takes.sql", "select pg_advisory_lock(41), pg_advisory_lock(42), pg_advisory_xact_lock(43);"),
        (
            "002_sees.sql",
            &format!("create table seen as select 2 as file, {held} as locks; select pg_advisory_unlock(41);"),
        ),
        ("003_sees.sql", &format!("insert into seen select 3, {held};")),
    ]);
    assert_eq!(bed.run().applied(), 3);
    assert_eq!(bed.psql("select file, locks from seen order by file"), "2|41 42\n3|42");
    let left = "select count(*) from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and \
                d.datname = current_database()";
    crate::wait_until("the session is gone, and its locks with it", || bed.psql(left) == "0");
}
