//! What Schemaward sends around and between a file's statements has no effect on them: no snapshot, no role, no search
//! path, no encoding, in whatever way the file is applied.

use schemaward::report::{ErrorClass, Reason};

use crate::postgres::bed::Bed;

/// Each is applied as by psql, with and without more files in the message and more statements after it.
#[test]
fn a_file_may_set_its_transactions_mode_after_whatever_takes_no_snapshot() {
    for before in [
        "set local lock_timeout = '2s';",
        "set search_path = public; set local work_mem = '1MB'; reset statement_timeout;",
        "show work_mem;",
        "lock table seen in access share mode;",
        "set constraints all deferred; listen x; unlisten x;",
        "set role postgres; set session authorization default;",
    ] {
        for mode in [
            "set transaction isolation level serializable",
            "set transaction_isolation = serializable",
            "set transaction read write, isolation level serializable",
        ] {
            let bed = Bed::new();
            bed.psql("create table seen (mode text)");
            let sql = format!(
                "{before}\n{mode};\ninsert into seen values (current_setting('transaction_isolation'));\nselect 1;"
            );
            bed.file("001_a.sql", sql.as_bytes());
            bed.file("002_b.sql", b"insert into seen values (current_setting('transaction_isolation'))");
            bed.file("003_c.sql", sql.as_bytes());
            assert_eq!(bed.run().applied(), 3, "{sql}");
            assert_eq!(bed.psql("select string_agg(mode, ' ') from seen"), "serializable read committed serializable");
        }
    }
}

#[test]
fn a_file_that_locks_first_reads_what_was_committed_while_it_waited() {
    for (n, lock) in [
        "set transaction isolation level repeatable read;\nlock table t in share row exclusive mode;",
        "set local search_path = public;\nset transaction isolation level serializable;\nset local lock_timeout = '60s';\nlock table t in access exclusive mode;",
    ]
    .into_iter()
    .enumerate()
    {
        let bed = Bed::new();
        bed.psql("create table t (a int); create table summary (n bigint)");
        bed.file("001_sum.sql", format!("{lock}\ninsert into summary select count(*) from t;\nselect 1;").as_bytes());
        let held = bed.hold("insert into t values (99)");
        let running = bed.start_with("run", &["--lock-timeout", "60s"]);
        let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        crate::wait_until("the file waits for the lock", || bed.psql(waits) == "1");
        held.commit();
        assert_eq!(running.end().applied(), 1);
        assert_eq!(bed.psql("select n from summary"), "1", "{n}");
    }
}

#[test]
fn progress_needs_no_right_of_the_role_that_a_file_takes() {
    let bed = Bed::new();
    let role = format!("nobody_{}", bed.database);
    bed.psql(&format!(
        "create role {role}; revoke all on schema public from public; revoke usage on language plpgsql from public"
    ));
    bed.file(
        "001_a.sql",
        format!("set role {role};\nselect 1;\nselect 2;\nset search_path = '';\nselect 3;").as_bytes(),
    );
    bed.file("002_b.sql", format!("set session authorization {role};\nselect 1;\nselect 2;\nselect 1/0;").as_bytes());
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("22012"));
    assert_eq!(ended.failure().place.as_ref().unwrap().line, Some(4));
    assert_eq!(bed.applied(), ["001"]);
    bed.psql(&format!("drop role {role}"));
}

/// A trigger at the commit that records its role and search path.
fn deferring(bed: &Bed<'_>, role: &str) {
    bed.psql(&format!(
        "create role {role}; create schema shop; create table shop.audit (who text, path text); create table shop.t (a int);
         grant all on schema shop to {role}; grant all on all tables in schema shop to {role};
         create function shop.note() returns trigger language plpgsql as $$ begin
         insert into audit values (current_user, current_setting('search_path')); return null; end $$;
         create constraint trigger notes after insert on shop.t deferrable initially deferred for each row \
         execute function shop.note();"
    ));
}

#[test]
fn what_is_deferred_runs_under_the_file_s_role_and_search_path_on_every_path() {
    let file = |role: &str| format!("set role {role};\nset search_path = shop;\ninsert into t values (2);");
    let cases: [(&str, &str, &[&str]); 4] = [
        ("an ordinary file", "", &[]),
        ("no transaction", "-- schemaward: no-transaction\n", &[]),
        ("skip-if-identical", "create table there (a int);\n", &["--already-exists", "skip-if-identical"]),
        (
            "skip-if-identical, no transaction",
            "-- schemaward: no-transaction\ncreate table there (a int);\n",
            &["--already-exists", "skip-if-identical"],
        ),
    ];
    for (what, before, flags) in cases {
        let bed = Bed::new();
        let role = format!("owner_{}", bed.database);
        deferring(&bed, &role);
        bed.psql("create table there (a int)");
        bed.file("001_a.sql", format!("{}{}", before, file(&role)).as_bytes());
        if flags.is_empty() {
            bed.psql("drop table there");
        }
        assert_eq!(bed.run_with(flags).applied(), 1, "{what}");
        assert_eq!(bed.psql("select * from shop.audit"), format!("{role}|shop"), "{what}");
        bed.psql(&format!("drop owned by {role}; drop role {role}"));
    }
}

#[test]
fn what_is_deferred_by_a_rollback_runs_under_its_role_and_search_path() {
    for directive in ["", "-- schemaward: no-transaction\n"] {
        let bed = Bed::new();
        let role = format!("undoer_{}", bed.database);
        deferring(&bed, &role);
        let undo = format!("-- set role {role};\n-- set search_path = shop;\n-- insert into t values (3);\n");
        bed.file("001_a.sql", format!("{directive}create table x ();\n-- rollback:\n{undo}").as_bytes());
        assert_eq!(bed.run().applied(), 1);
        let undone = bed.command("rollback", &["--to", "empty", "--yes"]);
        assert!(undone.status.success(), "{}", String::from_utf8_lossy(&undone.stderr));
        assert_eq!(bed.psql("select * from shop.audit"), format!("{role}|shop"), "{directive}");
        bed.psql(&format!("drop owned by {role}; drop role {role}"));
    }
}

#[test]
fn what_fails_at_the_commit_is_reported_as_such_on_every_path() {
    for (directive, flags) in [
        ("", &[][..]),
        ("-- schemaward: no-transaction\n", &[][..]),
        ("create table there (a int);\n", &["--already-exists", "skip-if-identical"][..]),
    ] {
        let bed = Bed::new();
        bed.psql(
            "create table a (n int primary key); create table b (n int references a deferrable initially deferred)",
        );
        if !flags.is_empty() {
            bed.psql("create table there (a int)");
        }
        bed.file("001_a.sql", format!("{directive}insert into b values (7);\n").as_bytes());
        let ended = bed.run_with(flags);
        let failure = ended.failure();
        assert_eq!((failure.code.as_deref(), failure.reason), (Some("23503"), Reason::StatementFailed), "{failure:?}");
        assert!(failure.message.starts_with("at COMMIT: "), "{failure:?}");
        assert_eq!(bed.psql("select count(*) from b"), "0");
    }
}

#[test]
fn a_file_sets_its_mode_first_also_where_it_is_applied_step_by_step() {
    let bed = Bed::new();
    bed.psql("create table t (a int); create table seen (mode text)");
    bed.file(
        "001_a.sql",
        b"set transaction isolation level serializable;\ncreate table t (a int);\nsavepoint s;\ninsert into seen values ('lost');\n\
          rollback to s;\ninsert into seen values (current_setting('transaction_isolation'));",
    );
    assert_eq!(bed.run_with(&["--already-exists", "skip-if-identical"]).applied(), 1);
    assert_eq!(bed.psql("select * from seen"), "serializable");
}

#[test]
fn a_role_that_the_connection_begins_with_is_ourselves_everywhere() {
    for by_url in [true, false] {
        let mut bed = Bed::new();
        let (owner, login) = (format!("owner_{}", bed.database), format!("login_{}", bed.database));
        let inherits = if bed.psql("show server_version_num").parse::<u32>().unwrap() >= 160_000 {
            format!("grant {owner} to {login} with inherit false, set true")
        } else {
            format!("grant {owner} to {login}")
        };
        bed.psql(&format!(
            "create role {owner}; create role {login} login noinherit; {inherits}; alter database {} owner to {owner}; \
             alter schema public owner to {owner}",
            bed.database
        ));
        bed.url = bed.server.url_as(&login, &bed.database);
        if by_url {
            bed.url =
                format!("{}{}options=-c%20role%3D{owner}", bed.url, if bed.url.contains('?') { "&" } else { "?" });
        } else {
            bed.psql(&format!("alter role {login} set role = {owner}"));
        }
        bed.files(&[
            ("001_a.sql", "create table t (a int);"),
            ("002_i.sql", "create index concurrently i on t (a);"),
            ("003_n.sql", "-- schemaward: no-transaction\ninsert into t values (1);\ncreate table u (a int);"),
            ("004_bad.sql", "select 1;\nselect 1/0;"),
        ]);
        let ended = bed.run();
        assert_eq!(ended.failure().code.as_deref(), Some("22012"), "{:?}", ended.failure());
        assert_eq!(
            bed.psql("select version from schemaward.schema_migrations where not success"),
            "004",
            "recorded, too"
        );
        bed.file("004_bad.sql", b"select 1; -- mended");
        assert_eq!(bed.run().applied(), 1);
        bed.file("001_a.sql", b"create table t (a int); -- edited");
        for (command, flags) in [("doctor", &[][..]), ("repair", &["--accept", "1"][..]), ("verify", &[][..])] {
            let done = bed.command(command, flags);
            assert!(
                done.status.success(),
                "{command}: {}{}",
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr)
            );
        }
        let owners = "select distinct pg_get_userbyid(relowner) from pg_class c join pg_namespace n on n.oid = relnamespace \
                      where nspname in ('public', 'schemaward')";
        assert_eq!(bed.psql(owners), owner);
        bed.psql(&format!("reassign owned by {owner} to postgres; drop owned by {owner}, {login}"));
        bed.url = bed.server.url(&bed.database);
    }
}

#[test]
fn another_encoding_than_utf_8_is_refused_before_anything_runs() {
    for (line, sql) in [
        (2, "create table a (t text);\nset client_encoding = 'LATIN1';\ninsert into a values ('crème');"),
        (2, "-- schemaward: no-transaction\nset names 'latin1';\ncreate table a (t text);"),
        (2, "create table a (t text);\nselect set_config('client_encoding', 'win1252', true);"),
        (1, "do $$ begin set client_encoding = 'LATIN1'; end $$; create table a (t text);"),
    ] {
        let bed = Bed::with(&[("001_a.sql", sql)]);
        let refused = bed.migrate(&[]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{said}");
        assert!(said.contains(&format!("001_a.sql:{line}")) && said.contains("UTF8"), "{said}");
        assert!(!bed.has("a"));
    }
    let bed = Bed::with(&[("001_a.sql", "SET client_encoding = 'UTF8';\ncreate table a (t text default 'crème');")]);
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn a_query_of_millions_of_rows_is_not_kept_in_memory_whatever_the_file_is() {
    for directive in ["", "-- schemaward: no-transaction\n"] {
        let bed = Bed::new();
        bed.file(
            "001_a.sql",
            format!("{directive}select repeat('x', 100) from generate_series(1, 1000000);").as_bytes(),
        );
        let running = bed.start("rows");
        let id = running.child.id();
        let mut most = 0;
        let status = format!("/proc/{id}/status");
        crate::wait_until("the run has ended, or grown", || {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let peak = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            most = most.max(peak.unwrap_or(0));
            peak.is_none()
        });
        assert_eq!(running.end().applied(), 1);
        assert!(most < 100_000, "{most} kB");
    }
}

#[test]
fn nothing_is_said_of_transactions_that_did_not_exist() {
    let bed = Bed::new();
    bed.psql("create table t (a int)");
    bed.file("001_a.sql", b"create table t (a int);\nselect 1;");
    bed.file("002_b.sql", b"-- schemaward: no-transaction\nselect nothing;");
    let ended = bed.run_with(&["--already-exists", "skip-if-identical"]);
    assert_eq!(ended.failure().class, ErrorClass::Permanent);
    assert!(!ended.stderr.contains("no transaction in progress"), "{}", ended.stderr);
}
