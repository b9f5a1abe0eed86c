//! Runs that succeed.

use std::sync::atomic::Ordering;

use schemaward::report::Event;

use crate::postgres::bed::Bed;
use crate::postgres::proxy::{Cut, Proxy};

#[test]
fn pending_migrations_are_applied_recorded_and_reported() {
    let bed = Bed::with(&[
        ("001_users.sql", "create table users (id int primary key);\ninsert into users values (1), (2);\n"),
        ("002_orders.sql", "create table orders (id int);\n-- rollback:\n-- drop table orders;\n"),
    ]);
    let ended = bed.run();
    assert_eq!(ended.applied(), 2);
    assert_eq!(bed.psql("select count(*) from users"), "2");
    assert_eq!(ended.summary.current_version.as_deref(), Some("002"));
    assert_eq!(ended.summary.target_version.as_deref(), Some("002"));
    assert_eq!(ended.summary.pending.count, 0);
    let history: Vec<_> = ended.summary.history.iter().map(|row| (row.version.as_str(), row.success)).collect();
    assert_eq!(history, [("002", true), ("001", true)]);

    let rows = bed.psql(
        "select version, filename, description, kind, length(checksum), length(token_checksum), success, \
         statements_done, statements_total, rtrim(rollback_sql, e'\\n'), run, fence, applied_by, error_code is null \
         from schemaward.schema_migrations order by id",
    );
    assert_eq!(
        rows,
        "001|001_users.sql|users|migration|64|64|t|2|2||run|1|postgres|t\n\
         002|002_orders.sql|orders|migration|64|64|t|1|1|drop table orders;|run|1|postgres|t"
    );
    assert_eq!(bed.psql("select schemaward.get_current_schema_version()"), "002");
    assert_eq!(bed.psql("select count(*) from schemaward.get_migration_history()"), "2");
    let names: Vec<&str> = ended.events.iter().map(name).collect();
    assert_eq!(names.first(), Some(&"runStarted"));
    assert_eq!(names.last(), Some(&"runFinished"));
    assert_eq!(names.iter().filter(|name| **name == "migrationApplied").count(), 2);
    let last_statements = ended
        .events
        .iter()
        .filter(|e| matches!(e, Event::StatementFinished { statement, statements, .. } if statement == statements));
    assert_eq!(last_statements.count(), 2, "each file's last statement is reported");
    assert_eq!(bed.psql("select released_at is not null from schemaward.migration_locks"), "t");
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::RunStarted { .. } => "runStarted",
        Event::WaitingForLock { .. } => "waitingForLock",
        Event::LockTimedOut { .. } => "lockTimedOut",
        Event::MigrationStarted { .. } => "migrationStarted",
        Event::StatementSkipped { .. } => "statementSkipped",
        Event::StatementProgress { .. } => "statementProgress",
        Event::StatementFinished { .. } => "statementFinished",
        Event::MigrationApplied { .. } => "migrationApplied",
        Event::Warning { .. } => "warning",
        Event::RunFailed { .. } => "runFailed",
        Event::RunFinished { .. } => "runFinished",
    }
}

/// From here on, runs connect through a proxy that counts.
fn by_a_proxy(bed: &mut Bed) -> Proxy {
    let proxy = Proxy::start(bed.server.host(), Cut::NEVER, true);
    bed.url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, bed.database);
    proxy
}

#[test]
fn with_nothing_pending_a_run_takes_one_round_trip_after_its_login() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()"), ("002_b.sql", "create table b ()")]);
    assert_eq!(bed.run().applied(), 2);
    let proxy = by_a_proxy(&mut bed);
    assert!(bed.command("migrate", &[]).status.success());
    // The startup, and one message that reads the ledger.
    assert_eq!(proxy.round_trips.load(Ordering::SeqCst), 2);
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 1);
    let proxy = by_a_proxy(&mut bed);
    let ended = bed.run();
    assert_eq!((ended.applied(), ended.summary.history.len()), (0, 2));
    assert_eq!(proxy.round_trips.load(Ordering::SeqCst), 3, "and what a program gets of the newest attempts");
}

#[test]
fn a_hundred_pending_files_take_few_round_trips() {
    let mut bed = Bed::new();
    for n in 1..=100 {
        bed.file(&format!("{n:03}_t.sql"), format!("create table t{n} (); select {n};").as_bytes());
    }
    let proxy = by_a_proxy(&mut bed);
    assert_eq!(bed.run().applied(), 100);
    let trips = proxy.round_trips.load(Ordering::SeqCst);
    assert!(trips <= 12, "{trips} round trips");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations where execution_time_ms < 0"), "0");
}

/// The lock's key. It must never change: two versions of Schemaward must exclude each other.
const LOCK_KEY: &str = "-897558564798234901";

#[test]
fn with_nothing_pending_there_is_no_lock_and_no_write() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    assert_eq!(bed.run().applied(), 1);
    // A user who may only read, and whose every write the server refuses.
    let role = format!("reader_{}", bed.database);
    bed.psql(&format!(
        "create role {role} login; alter role {role} set default_transaction_read_only = on; \
         grant usage on schema schemaward to {role}; grant select on all tables in schema schemaward to {role}"
    ));
    bed.url = bed.server.url_as(&role, &bed.database);
    // Another session holds the lock: a run that wanted it would wait.
    let holder = std::thread::scope(|scope| {
        let sql = format!("select pg_advisory_lock({LOCK_KEY}); select pg_sleep(60)");
        let (server, database) = (bed.server, bed.database.clone());
        let holding = scope.spawn(move || std::panic::catch_unwind(|| server.psql(&database, &sql)).is_err());
        crate::wait_until("the lock is held", || bed.sleeping());
        let before = bed
            .psql("select (select xmin from schemaward.migration_locks), count(*) from schemaward.schema_migrations");
        let ended = bed.run();
        assert_eq!(ended.applied(), 0);
        assert_eq!(ended.summary.current_version.as_deref(), Some("001"));
        assert_eq!(ended.summary.history.len(), 1);
        assert_eq!(ended.events.len(), 1, "only the end is reported: {}", ended.stdout);
        let after = bed
            .psql("select (select xmin from schemaward.migration_locks), count(*) from schemaward.schema_migrations");
        assert_eq!(before, after);
        bed.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid() and datname = current_database()");
        holding.join().unwrap()
    });
    assert!(holder, "the holder was there until it was ended");
    bed.url = bed.server.url(&bed.database);
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn a_run_stops_at_its_target() {
    let bed = Bed::with(&[
        ("1_a.sql", "create table a ()"),
        ("2_b.sql", "create table b ()"),
        ("3_c.sql", "create table c ()"),
    ]);
    let ended = bed.run_with(&["--target", "2"]);
    assert_eq!(ended.applied(), 2);
    assert_eq!(bed.applied(), ["1", "2"]);
    assert!(!bed.has("c"));
    assert_eq!(bed.run().applied(), 1);
}

#[test]
fn the_ledger_is_made_again_without_change_and_lies_where_it_is_asked_for() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    let schema = "Größe \"x\" it's";
    assert_eq!(bed.run_with(&["--history-schema", schema]).applied(), 1);
    bed.file("002_b.sql", b"create table b ()");
    // As an older version's ledger appears to this one.
    bed.psql("update \"Größe \"\"x\"\" it's\".schemaward_ledger set version = 0");
    assert_eq!(bed.run_with(&["--history-schema", schema]).applied(), 1);
    let versions =
        "select string_agg(version::text, ',' order by version) from \"Größe \"\"x\"\" it's\".schemaward_ledger";
    assert_eq!(bed.psql(versions), "0,5");
    assert_eq!(bed.psql("select count(*) from \"Größe \"\"x\"\" it's\".get_migration_history()"), "2");
    assert!(!bed.has("schemaward.schema_migrations"));
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    assert_eq!(bed.run().applied(), 1);
    bed.psql("insert into schemaward.schemaward_ledger (version, tool_version) values (999, '99')");
    let ended = bed.run();
    assert!(ended.failure().message.contains("999"), "{:?}", ended.failure());
    assert_eq!(ended.failure().reason, schemaward::report::Reason::LedgerUnusable);
}

#[test]
fn another_tool_s_table_of_the_same_name_is_never_touched() {
    let bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    bed.psql("create table schema_migrations (version varchar primary key); insert into schema_migrations values ('20200101')");
    let ended = bed.run_with(&["--history-schema", "public"]);
    assert_eq!(ended.failure().reason, schemaward::report::Reason::ForeignHistory);
    let ended = bed.run_with(&["--history-schema", "public", "--ignore-foreign-history"]);
    assert_eq!(ended.failure().reason, schemaward::report::Reason::LedgerUnusable);
    assert!(ended.failure().message.contains("another tool"), "{}", ended.failure().message);
    assert_eq!(bed.psql("select version from schema_migrations"), "20200101");
    assert!(!bed.has("migration_locks"));
    let status = bed.command("status", &["--history-schema", "public"]);
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let ended = bed.run_with(&["--ignore-foreign-history"]);
    assert_eq!(ended.applied(), 1, "with its own schema it goes well");
}

#[test]
fn a_large_file_goes_in_as_one() {
    let text = "x".repeat(90);
    let insert = |n| format!("insert into big values ({n}, '{text}');\n");
    let rows = ["create table big (id int, text text);\n".to_owned()].into_iter().chain((0..45_000).map(insert));
    let rows: String = rows.collect();
    assert!(rows.len() > 5_000_000);
    let bed = Bed::with(&[("001_big.sql", &rows)]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.psql("select count(*) from big"), "45000");
    assert_eq!(bed.psql("select statements_done from schemaward.schema_migrations"), "45001");
}

#[test]
fn versions_of_any_width_are_compared_as_numbers() {
    let bed = Bed::with(&[
        ("20240101000000000000000000000000_b.sql", "create table b ()"),
        ("20230101000000_a.sql", "create table a ()"),
    ]);
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.psql("select schemaward.get_current_schema_version()"), "20240101000000000000000000000000");
}
