//! What a file does to its session is gone when the next file runs, and never keeps it from being recorded.

use crate::bed::Bed;

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
