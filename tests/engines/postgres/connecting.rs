//! What a run asks of a server before it begins, and what a server may do to its sessions.

use std::time::{Duration, Instant};

use rstest::rstest;
use schemaward::report::{ErrorClass, Reason};

use crate::postgres::bed::Bed;
use crate::postgres::proxy::BlackHole;
use crate::postgres::server::Server;
use crate::wait_until;

const WRITES_ON: &str = "options=-c%20default_transaction_read_only%3Doff";

/// Whether the server's version is at least this one.
fn is_at_least(bed: &Bed<'_>, major: u32) -> bool {
    bed.psql(&format!("select current_setting('server_version_num')::int >= {major}0000")) == "t"
}

/// What `doctor` says.
fn doctor(bed: &Bed<'_>) -> String {
    String::from_utf8_lossy(&bed.command("doctor", &[]).stdout).into_owned()
}

#[test]
fn a_standby_is_transient_with_the_hint_and_can_be_read() {
    let primary = Server::start();
    let bed = Bed::on(&primary);
    bed.file("001_a.sql", b"create table a ()");
    assert_eq!(bed.run().applied(), 1);
    let empty = Bed::on(&primary);
    empty.file("001_a.sql", b"create table a ()");

    let standby = primary.restart_as_standby();
    assert_eq!(bed.run().applied(), 0, "nothing is pending, so nothing is written");
    assert_eq!(bed.command("status", &[]).status.code(), Some(0));
    bed.file("002_b.sql", b"create table b ()");
    for bed in [&bed, &empty] {
        let ended = bed.run();
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed), "{failure:?}");
        assert_eq!(failure.code.as_deref(), Some("25006"));
        assert!(failure.hint.as_deref().unwrap_or_default().contains("connect to the primary"), "{failure:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains("no transaction in progress"), "{said}");
        assert!(doctor(bed).contains("is a standby"));
    }
    // After a failover the same address is the primary's.
    assert_eq!(standby.psql("postgres", "select pg_promote()"), "t");
    assert_eq!((bed.run().applied(), empty.run().applied()), (1, 1));
    drop((bed, empty));
}

#[test]
fn where_transactions_are_read_only_by_default_a_run_writes_only_if_the_url_asks_for_it() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    let (role, database) = (format!("careful_{}", bed.database), bed.database.clone());
    bed.psql(&format!(
        "create role {role} login; grant all on database {database} to {role}; grant all on schema public to {role}"
    ));
    let plain = bed.server.url_as(&role, &database);
    let of_the_url = format!("{plain}?{}", WRITES_ON.replace("off", "on"));
    let cases = [
        (format!("alter database {database} set default_transaction_read_only = on"), &plain, "on for the database"),
        (format!("alter role {role} set default_transaction_read_only = on"), &plain, "on for the user"),
        ("select 1".to_owned(), &of_the_url, "by the URL's options"),
    ];
    for (set, url, why) in cases {
        bed.server.psql("postgres", &set);
        bed.url.clone_from(url);
        let ended = bed.run();
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed), "{failure:?}");
        assert!(failure.message.contains(why), "{failure:?}");
        assert!(failure.hint.as_deref().unwrap_or_default().contains(WRITES_ON), "{failure:?}");
        let doctor = doctor(&bed);
        assert!(doctor.contains(why) && doctor.contains(WRITES_ON), "{doctor}");
        bed.server.psql("postgres", &format!("alter database {database} reset all; alter role {role} reset all"));
    }
    assert!(!bed.has("schemaward.schema_migrations"));

    bed.server.psql("postgres", &format!("alter role {role} set default_transaction_read_only = on"));
    bed.url = format!("{plain}?{WRITES_ON}");
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[
        ("002_b.sql", "-- schemaward: no-transaction\ncreate table b (); insert into b default values;"),
        ("003_c.sql", "reset all; create table c ();"),
    ]);
    assert_eq!(bed.run().applied(), 2);
    bed.url = bed.server.url(&database);
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn the_timeouts_of_a_role_for_sessions_and_transactions_end_no_run() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    if !is_at_least(&bed, 14) {
        return;
    }
    assert_eq!(bed.run().applied(), 1);
    let (role, own) = (format!("hasty_{}", bed.database), bed.url.clone());
    bed.psql(&format!("create role {role} login superuser; alter role {role} set idle_session_timeout = '700ms'"));
    if is_at_least(&bed, 17) {
        bed.psql(&format!("alter role {role} set transaction_timeout = '700ms'"));
    }
    // Longer than either: a transaction, a statement outside any, a wait for a table's lock, a wait for another run.
    bed.files(&[
        ("002_b.sql", "select pg_sleep(1.2); create table b ();"),
        ("003_c.sql", "-- schemaward: no-transaction\nselect pg_sleep(1.2); create table c ();"),
        ("004_d.sql", "alter table a add d int"),
    ]);
    let run_lock = bed.hold("do $$ begin perform pg_advisory_lock(-897558564798234901); end $$");
    let table = bed.hold("lock table a");
    bed.url = bed.server.url_as(&role, &bed.database);
    let run = bed.start_with("hasty", &["--lock-timeout", "300ms"]);
    // The timeouts pass while the run waits.
    let has_waited = "select count(*) from pg_stat_activity where application_name = 'schemaward hasty' and \
                      state = 'idle' and clock_timestamp() - state_change > '1 s'";
    let own_session = |sql: &str| bed.server.psql(&bed.database, sql);
    wait_until("it has waited for the other run", || own_session(has_waited) == "1");
    run_lock.let_go();
    let third = "select count(*) from schemaward.schema_migrations where version = '003' and success";
    wait_until("the third file is applied", || own_session(third) == "1");
    wait_until("it has waited for the table", || own_session(has_waited) == "1");
    table.let_go();
    assert_eq!(run.end().applied(), 3);
    bed.url = own;
    bed.psql(&format!("reassign owned by {role} to postgres; drop owned by {role}; drop role {role}"));
}

#[test]
fn a_limit_that_a_statement_exceeds_is_the_statement_s_failure() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "set temp_file_limit = '100kB'; set work_mem = '64kB';\n\
         select count(*) from (select g from generate_series(1, 300000) g order by g desc) x;",
    )]);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::StatementFailed), "{failure:?}");
    assert_eq!(failure.code.as_deref(), Some("53400"));
}

#[test]
fn the_server_asks_whether_a_run_s_client_is_there() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "create table seen as select name, setting from pg_settings where name like 'tcp\\_keepalives\\_%'",
    )]);
    assert_eq!(bed.run().applied(), 1);
    let seen = bed.psql("select string_agg(setting, ' ' order by name) from seen");
    assert_eq!(seen, "6 60 10", "count, idle, interval");
}

/// Longer than a lost connection is looked at, and shorter than anybody would wait.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);

#[rstest]
#[case::transaction("")]
#[case::no_transaction("-- schemaward: no-transaction\n")]
fn a_connection_that_dies_in_silence_is_noticed_and_the_ledger_asked(#[case] first_line: &str) {
    let mut bed = Bed::with(&[("001_a.sql", "create table a (n int)")]);
    let slow = format!("{first_line}insert into a values (1); select pg_sleep(3); insert into a values (2);");
    bed.files(&[("002_b.sql", &slow), ("003_c.sql", "insert into a values (3)")]);
    let hole = BlackHole::start(bed.server.host());
    let own = std::mem::replace(&mut bed.url, format!("postgres://postgres@{}/{}", hole.address, bed.database));
    let run = bed.start("silent");
    wait_until("the statement runs", || bed.server.psql(&bed.database, SLEEPING) == "1");
    hole.be_silent();
    let began = Instant::now();
    let ended = run.end();
    assert!(began.elapsed() < NOTICED_WITHIN, "{:?}", began.elapsed());
    bed.url = own;
    if first_line.is_empty() {
        // The server was farther than its answers.
        assert_eq!(ended.applied(), 3, "{}", ended.stderr);
    } else {
        // What was done is committed; what was to come was never sent.
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed), "{failure:?}");
        assert!(failure.message.contains("lost in silence"), "{failure:?}");
        assert_eq!(bed.run().applied(), 2);
    }
    assert_eq!(bed.psql("select string_agg(n::text, ',' order by n) from a"), "1,2,3");
    let left = "select count(*) from pg_stat_activity where application_name = 'schemaward silent'";
    wait_until("the lost session has ended", || bed.psql(left) == "0");
}

#[test]
fn a_session_that_ends_where_its_client_hears_nothing_is_noticed() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a (n int); select pg_sleep(300);")]);
    let hole = BlackHole::start(bed.server.host());
    let own = std::mem::replace(&mut bed.url, format!("postgres://postgres@{}/{}", hole.address, bed.database));
    let run = bed.start("silent");
    wait_until("the statement runs", || bed.server.psql(&bed.database, SLEEPING) == "1");
    hole.be_silent();
    bed.server.psql(&bed.database, "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()");
    let ended = run.end();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed), "{failure:?}");
    assert!(failure.message.contains("no such session any more"), "{failure:?}");
    bed.url = own;
    assert!(!bed.has("a"));
}

const SLEEPING: &str =
    "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
