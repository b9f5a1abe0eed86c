//! Statements and files that the server, or the plan, refuses.

use schemaward::report::{ErrorClass, Event, Reason};

use crate::postgres::bed::Bed;

#[test]
fn a_failing_statement_is_named_and_nothing_of_its_file_is_left() {
    let bed = Bed::with(&[
        ("001_a.sql", "create table a (id int primary key);"),
        (
            "002_b.sql",
            "-- größe\ncreate table b (id int);\n\ninsert into b\n  values ('ü', größe);\ncreate table c ();\n",
        ),
    ]);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::StatementFailed));
    assert_eq!(failure.code.as_deref(), Some("42703"));
    let place = failure.place.as_ref().unwrap();
    assert_eq!((place.version.as_str(), place.file.as_str()), ("002", "002_b.sql"));
    assert_eq!((place.line, place.column, place.statement), (Some(5), Some(16), Some(2)));
    assert_eq!(place.excerpt.as_deref(), Some("insert into b"));
    assert!(bed.has("a") && !bed.has("b") && !bed.has("c"));
    assert_eq!(ended.summary.current_version.as_deref(), Some("001"));
    assert_eq!((ended.summary.pending.count, ended.summary.pending.first.as_deref()), (1, Some("002")));
    assert!(!ended.summary.history[0].success);
    assert_eq!(
        bed.psql("select version, success, error_code, error_message, statements_done, statements_total from schemaward.schema_migrations order by id desc limit 1"),
        "002|f|42703|column \"größe\" does not exist|1|3"
    );

    bed.file("002_b.sql", b"create table b (id int);");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.applied(), ["001", "002"]);
}

#[test]
fn a_syntax_error_late_in_the_file_is_found_before_anything_runs() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();\ncreate table b ();\n\n  create tabel c ();\n")]);
    let ended = bed.run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!(ended.failure().code.as_deref(), Some("42601"));
    assert_eq!((place.line, place.column, place.statement), (Some(4), Some(10), Some(3)));
    assert!(!bed.has("a"));
    assert_eq!(bed.psql("select statements_done from schemaward.schema_migrations"), "0");
    assert!(!ended.stderr.contains("no transaction"), "{}", ended.stderr);
}

#[test]
fn an_incomplete_last_statement_points_to_its_end() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();\nselect 1 +")]);
    let ended = bed.run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!((place.line, place.statement), (Some(2), Some(2)));
}

#[test]
fn constraints_name_their_statement_and_deferred_ones_the_commit() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "create table a (id int primary key);\ninsert into a values (1);\ninsert into a\n  values (1);\n",
    )]);
    let ended = bed.run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!(ended.failure().code.as_deref(), Some("23505"));
    assert!(ended.failure().message.contains("Key (id)=(1) already exists"), "{}", ended.failure().message);
    assert_eq!((place.line, place.statement), (Some(3), Some(3)));

    let bed = Bed::with(&[(
        "001_a.sql",
        "create table a (id int primary key, b int references a deferrable initially deferred);\ninsert into a values (1, 2);\n",
    )]);
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("23503"));
    assert!(ended.failure().message.starts_with("at COMMIT: "), "{}", ended.failure().message);
    assert_eq!(ended.failure().place.as_ref().unwrap().statement, None);
    assert!(!bed.has("a"));
}

#[test]
fn an_error_inside_a_function_names_the_statement_that_called_it() {
    let function = "create function f() returns void language plpgsql as $$\nbegin\n  perform 1/0;\nend $$;\nselect 1;\n\nselect f();\n";
    let bed = Bed::with(&[("001_f.sql", function)]);
    let ended = bed.run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!(ended.failure().code.as_deref(), Some("22012"));
    assert!(ended.failure().message.contains("function f() line 3"), "{}", ended.failure().message);
    assert_eq!((place.line, place.statement), (Some(7), Some(3)));
}

#[test]
fn what_exists_already_is_a_class_of_its_own() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    bed.psql("create table a ()");
    assert_eq!(bed.run().failure().class, ErrorClass::AlreadyExists);
}

#[test]
fn an_edited_file_is_refused_with_both_checksums_and_a_cosmetic_edit_warned_of() {
    let bed = Bed::with(&[("001_a.sql", "create table a (id int);")]);
    assert_eq!(bed.run().applied(), 1);
    let applied = bed.psql("select checksum from schemaward.schema_migrations");

    bed.file("001_a.sql", b"-- a comment\ncreate table  a (id int);");
    let ended = bed.run();
    assert_eq!(ended.applied(), 0);
    assert!(ended.events.iter().any(|e| matches!(e, Event::Warning { message } if message.contains("001_a.sql"))));

    let edited = b"create table a (id bigint);";
    bed.file("001_a.sql", edited);
    bed.file("002_b.sql", b"create table b ()");
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::MigrationEdited));
    let found = schemaward::migration::Checksum::of(edited);
    assert!(failure.message.contains(&applied) && failure.message.contains(found.as_str()), "{}", failure.message);
    assert!(!bed.has("b"));
    assert_eq!(bed.migrate(&[]).status.code(), Some(4));
}

#[test]
fn a_missing_file_and_one_out_of_order_are_refused() {
    let bed = Bed::with(&[("1_a.sql", "select 1"), ("3_c.sql", "select 1"), ("20200101000000_d.sql", "select 1")]);
    bed.remove("3_c.sql");
    assert_eq!(bed.run().applied(), 2);
    bed.file("20190101000000_late.sql", b"select 1");
    assert_eq!(bed.run().failure().reason, Reason::OutOfOrder);
    bed.remove("20190101000000_late.sql");
    bed.remove("1_a.sql");
    assert_eq!(bed.run().failure().reason, Reason::MigrationMissing);
}

#[test]
fn a_source_of_another_hash_is_refused() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    let ended = bed.start_on("run", &"0".repeat(64), &[]).end();
    assert_eq!(ended.failure().reason, Reason::SourceChanged);
    assert!(!bed.has("a"));
}

#[test]
fn a_user_without_rights_learns_which_grant_is_missing() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    let role = format!("nobody_{}", bed.database);
    bed.psql(&format!("create role {role} login"));
    bed.url = bed.server.url_as(&role, &bed.database);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::LedgerUnusable));
    assert_eq!(failure.code.as_deref(), Some("42501"));
    assert!(failure.hint.as_ref().unwrap().contains(&format!("AUTHORIZATION \"{role}\"")), "{failure:?}");

    // An administrator creates the schema; the right to create others is not needed.
    bed.psql(&format!("create schema schemaward authorization {role}; grant create on schema public to {role}"));
    assert_eq!(bed.run().applied(), 1);
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn what_cannot_be_connected_to_is_named_without_its_password() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    bed.psql(
        "do $$ begin create role with_password login password 'right'; exception when duplicate_object then end $$",
    );
    let host = bed.server.host();
    let cases = [
        (
            format!("postgres://with_password:canary@{host}/{}", bed.database),
            ErrorClass::Transient,
            Reason::AuthenticationFailed,
        ),
        (
            format!("postgres://postgres:canary@{host}/no_such_database"),
            ErrorClass::Transient,
            Reason::AuthenticationFailed,
        ),
        ("postgres://postgres:canary@127.0.0.1:1/x".to_owned(), ErrorClass::Transient, Reason::ConnectionFailed),
        (
            "postgres://postgres:canary@no-such-host.invalid/x".to_owned(),
            ErrorClass::Transient,
            Reason::ConnectionFailed,
        ),
        ("canary".to_owned(), ErrorClass::Permanent, Reason::InvalidSettings),
    ];
    for (url, class, reason) in cases {
        bed.url.clone_from(&url);
        let ended = bed.run();
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (class, reason), "{url}: {}", failure.message);
        let migrated = bed.migrate(&[]);
        let shown = [ended.stdout.as_bytes(), ended.stderr.as_bytes(), &migrated.stdout, &migrated.stderr].concat();
        let shown = String::from_utf8(shown).unwrap();
        assert!(!shown.contains("canary"), "{url}: {shown}");
    }
    bed.url = format!("postgres://with_password:right@{host}/{}?sslmode=disable", bed.database);
    bed.psql("grant all on schema public to with_password; create schema schemaward authorization with_password");
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_do_not_shift_the_place() {
    let bed = Bed::with(&[("001_a.sql", "\u{feff}create table \"größe\" ();\r\n\r\n\tselect ü from \"größe\";\r\n")]);
    let ended = bed.run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!(ended.failure().code.as_deref(), Some("42703"));
    assert_eq!((place.line, place.column, place.statement), (Some(3), Some(9), Some(2)));
}

#[test]
fn the_command_line_shows_the_line_and_says_by_its_exit_code_what_to_do() {
    let bed = Bed::with(&[("001_a.sql", "create table a ();\ncreate tabel b ();\n")]);
    let output = bed.migrate(&[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("error[42601]: syntax error at or near \"tabel\""), "{stderr}");
    assert!(stderr.contains("001_a.sql:2:8\n  |\n2 | create tabel b ();\n  |        ^\n"), "{stderr}");
    assert_eq!(output.status.code(), Some(1));

    bed.file("001_a.sql", b"create table a ();");
    let output = bed.migrate(&[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout.ends_with("The schema is at version 001; 1 migration applied.\n"), "{stdout}");
    assert_eq!(bed.migrate(&["--target", "7"]).status.code(), Some(4), "no such version: refused");
    assert_eq!(bed.migrate(&["--target", "x"]).status.code(), Some(2), "no version: wrong usage");
    bed.file("003_gap.sql", b"select 1");
    assert_eq!(bed.migrate(&[]).status.code(), Some(4), "a gap: refused");
}

#[test]
fn a_run_that_has_not_read_the_ledger_claims_nothing_about_it() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a (x int);")]);
    assert_eq!(bed.run().applied(), 1);
    let refused = bed.run_with(&["--target", "9"]);
    assert!(refused.summary.ledger_read, "{refused:?}");
    assert_eq!(refused.summary.current_version.as_deref(), Some("001"));
    assert!(!bed.start_on("run", &"0".repeat(64), &[]).end().summary.ledger_read);
    bed.url = "postgres://u@127.0.0.1:1/x".to_owned();
    assert!(!bed.run().summary.ledger_read);
    let migrate = bed.migrate(&[]);
    let shown = String::from_utf8(migrate.stdout).unwrap();
    assert!(shown.contains("which version the database has is not known"), "{shown}");
    assert!(!shown.contains("pending"), "{shown}");
}

#[test]
fn what_a_migration_says_cannot_pass_for_an_event() {
    let forged = r#"{"event":"migrationApplied","version":"666","file":"666_x.sql","executionTimeMs":1}"#;
    let bed = Bed::with(&[("001_a.sql", &format!("do $$begin raise warning E'x\\n{forged}\\n'; end$$"))]);
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    let lines: Vec<&str> = ended.stdout.lines().chain(ended.stderr.lines()).collect();
    assert!(lines.iter().any(|line| line.contains("666")), "the warning is logged: {lines:?}");
    let events: Vec<Event> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(events, ended.events, "every event is the runner's own");
    assert!(!format!("{events:?}").contains("666"));
}

#[test]
fn a_password_that_the_server_quotes_is_starred_in_every_output_and_in_the_ledger() {
    for (directive, sql) in [
        ("", "alter role nobody login password = 'topsecret9';"),
        ("-- schemaward: no-transaction\n", "alter role nobody login password = 'topsecret9';"),
        ("", "do $$ begin\nalter role no_such_role password 'topsecret9';\nend $$;"),
    ] {
        let bed = Bed::with(&[("001_a.sql", &format!("{directive}select 1;\n{sql}"))]);
        let mut said = String::new();
        for (command, flags) in
            [("migrate", &[][..]), ("migrate", &["--format", "json"]), ("history", &[]), ("status", &[])]
        {
            let output = bed.command(command, flags);
            said += &String::from_utf8_lossy(&output.stdout);
            said += &String::from_utf8_lossy(&output.stderr);
        }
        assert!(said.contains("**********"), "{said}");
        said += &bed.psql("select string_agg(error_message, ' ') from schemaward.schema_migrations");
        said += &bed.psql("select string_agg(error_message, ' ') from schemaward.statement_journal");
        assert!(!said.contains("topsecret"), "{said}");
    }
}

#[test]
fn a_file_that_looks_like_another_engine_s_is_reported_as_such() {
    for (sql, sign) in [
        ("create table `users` (id int)", "MySQL's or MariaDB's SQL (line 1 has a name in backticks)"),
        ("create table users (id integer primary key autoincrement)", "SQLite's SQL (line 1 has AUTOINCREMENT)"),
        (
            "DELIMITER //\ncreate procedure p() begin select 1; end//",
            "MySQL's or MariaDB's SQL (line 1 has a line DELIMITER)",
        ),
    ] {
        let bed = Bed::with(&[("001_a.sql", "select 1"), ("002_b.sql", sql)]);
        let ended = bed.run();
        let hint = ended.failure().hint.as_deref().unwrap_or_default();
        assert!(hint.contains(sign) && hint.contains("names PostgreSQL"), "{:?}", ended.failure());
    }
    let ended = Bed::with(&[("001_a.sql", "create tabel users (id int)")]).run();
    assert_eq!(ended.failure().hint, None);
}

#[test]
fn an_applied_file_that_was_changed_is_refused_as_edited_though_it_cannot_be_read_any_more() {
    for changed in ["select 'unclosed", "discard all"] {
        let bed = Bed::with(&[("001_a.sql", "select 1")]);
        assert_eq!(bed.run().applied(), 1);
        bed.file("001_a.sql", changed.as_bytes());
        for command in ["migrate", "plan", "status"] {
            let output = bed.command(command, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("001_a.sql") && said.contains("was changed after it was applied"), "{output:?}");
        }
    }
}

/// As a CONCURRENTLY that another tool began and that failed has left it.
#[test]
fn an_invalid_index_that_if_not_exists_passes_over_fails_the_file() {
    let bed = Bed::with(&[
        ("001_a.sql", "create schema s; create table s.t (a int); insert into s.t values (1), (1)"),
        (
            "002_b.sql",
            "set search_path = s;\ncreate index if not exists there on t (a);\ncreate unique index if not exists \"I\" on t (a);\n",
        ),
    ]);
    assert_eq!(bed.run_with(&["--target", "001"]).applied(), 1);
    assert!(bed.server.psql_try(&bed.database, "create unique index concurrently \"I\" on s.t (a)").is_err());
    assert_eq!(bed.psql("select indisvalid from pg_index where indexrelid = 's.\"I\"'::regclass"), "f");
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!(
        failure.message,
        "the index s.\"I\" existed before and is invalid: IF NOT EXISTS passes over it, and no query uses it"
    );
    assert!(failure.hint.as_deref().unwrap().contains("REINDEX INDEX CONCURRENTLY s.\"I\""), "{failure:?}");
    assert_eq!(failure.place.as_ref().unwrap().line, Some(3));
    assert!(!bed.has("s.there") && bed.applied() == ["001"]);
    let file = "create index if not exists there on s.t (a);\ncreate unique index if not exists \"I\" on s.t (a);\n";
    for (before, after) in [("begin;\n", "commit;\n"), ("", "")] {
        let file = format!("-- schemaward: no-transaction\n{before}{file}{after}");
        bed.file("002_b.sql", file.as_bytes());
        let ended = bed.run();
        assert!(ended.failure().message.starts_with("the index s.\"I\" existed before"), "{:?}", ended.failure());
        assert!(ended.failure().place.as_ref().unwrap().line.unwrap() >= 3, "{:?}", ended.failure());
    }
    bed.psql("drop index s.\"I\"; delete from s.t");
    assert_eq!(bed.run().applied(), 1);
    // Of a partitioned table: an index on it alone is invalid until its partitions have theirs.
    bed.file(
        "003_c.sql",
        b"create table p (a int) partition by range (a); create table q partition of p default;\n\
        create index i on only p (a); create index if not exists i on only p (a);",
    );
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn a_file_that_drops_what_it_is_recorded_in_says_so() {
    let bed = Bed::with(&[("001_a.sql", "create table a (id int)"), ("002_b.sql", "drop owned by current_user")]);
    bed.psql("create role dropper login; grant all on schema public to dropper");
    let url = bed.server.url_as("dropper", &bed.database);
    bed.psql(&format!("grant create on database {} to dropper", bed.database));
    let (code, said) = bed.said_to(&url, &["migrate"]);
    assert!(code == Some(1) && said.contains("the file has dropped the ledger"), "{said}");
    bed.psql("drop owned by dropper; drop role dropper");
}

#[test]
fn a_procedure_that_commits_has_the_advice_that_lets_it() {
    let file = "create procedure p() language plpgsql as $$ begin commit; end $$;\ncall p();\n";
    let bed = Bed::with(&[("001_a.sql", file)]);
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("2D000"));
    assert!(
        ended.failure().hint.as_deref().unwrap().contains("-- schemaward: no-transaction"),
        "{:?}",
        ended.failure()
    );
    bed.file("001_a.sql", format!("-- schemaward: no-transaction\n{file}").as_bytes());
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn a_limit_that_a_statement_exceeds_is_not_the_connection_s() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "set temp_file_limit = '64kB'; set work_mem = '64kB';\nselect * from generate_series(1, 100000) g order by g % 7, g",
    )]);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!(
        (failure.code.as_deref(), failure.reason, failure.class),
        (Some("53400"), Reason::StatementFailed, ErrorClass::Permanent)
    );
}
