//! Connections that die in silence, and logins that need TLS.

use std::time::{Duration, Instant};

use rstest::rstest;
use schemaward::report::{ErrorClass, Reason};

use super::bed::{Bed, Engine};
use crate::postgres::proxy::BlackHole;
use crate::wait_until;

#[rstest]
fn a_connection_that_dies_in_silence_is_noticed_and_the_ledger_asked(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let slow = "insert into a values (1); do sleep(3); insert into a values (2);";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (n int)"), ("002_b.sql", slow)]) else { return };
    let hole = BlackHole::start(bed.host().to_owned());
    let run = bed.start_by(&bed.url_by(&hole.address), "silent", &[]);
    wait_until("the statement runs", || bed.sleeping());
    hole.be_silent();
    let began = Instant::now();
    let ended = run.end();
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    if ended.status.success() {
        assert_eq!(ended.applied(), 2);
    } else {
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Transient, Reason::ConnectionFailed), "{failure:?}");
        assert_eq!(bed.run().applied(), 1);
    }
    assert_eq!(bed.sql("select group_concat(n order by n) from a"), "1,2");
}

#[rstest]
fn the_server_s_time_limit_for_a_statement_ends_no_run(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(server) = engine.own_server("hasty") else { return };
    let bed = Bed::on(
        engine,
        &server,
        &[("001_a.sql", "create table a (n int); insert into a select sleep(1.2); select sleep(1.2) from a;")],
    );
    let limit = match engine {
        Engine::Mysql => "set global max_execution_time = 500",
        Engine::Mariadb => "set global max_statement_time = 0.5",
    };
    bed.sql(limit);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select n from a"), "0");
}

/// The password is in no cache yet, and would go over the line as it is.
#[test]
fn a_first_login_without_tls_says_what_is_missing() {
    let Some(mut bed) = Bed::with(Engine::Mysql, &[("001_a.sql", "create table a (n int)")]) else { return };
    let user = format!("cold_{}", bed.database);
    bed.sql(&format!(
        "create user {user}@'%' identified with caching_sha2_password by 'canary'; grant all on *.* to {user}@'%'"
    ));
    let secure = format!("mysql://{user}:canary@{}/{}", bed.host(), bed.database);
    bed.url = format!("{secure}?ssl-mode=disabled");
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::InvalidSettings, "{failure:?}");
    assert!(failure.message.contains("over a secure connection, and this one has no TLS"), "{failure:?}");
    let doctor = String::from_utf8_lossy(&bed.command("doctor", &[]).stdout).into_owned();
    assert!(doctor.contains("leave ssl-mode in the URL at its default") && !doctor.contains("canary"), "{doctor}");
    bed.url = secure;
    assert_eq!(bed.run().applied(), 1);
    bed.sql(&format!("drop user {user}@'%'"));
}
