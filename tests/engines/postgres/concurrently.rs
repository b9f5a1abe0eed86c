//! Statements that run CONCURRENTLY on a busy server: they wait for older transactions for as long as the run may, which
//! says for whom; and what they leave where they end before that.

use rstest::rstest;
use schemaward::report::{ErrorClass, Event, LockBlocker, Reason, StatementProgress};

use crate::postgres::bed::{Bed, Ended, Held, Running};

const INDEX: &str = "create index concurrently t_id on t (id)";

/// A database with a table of some rows and another one, and a file that is to run.
fn bed(sql: &str) -> Bed<'static> {
    let bed = Bed::with(&[("001_a.sql", sql)]);
    bed.psql("create table t (id int); insert into t select generate_series(1, 100); create table unrelated (id int)");
    bed
}

/// A transaction of another session that is older than the lock timeouts here.
fn old(bed: &Bed<'_>, sql: &str) -> Held {
    let held = bed.hold(sql);
    let old = "select count(*) from pg_stat_activity where datname = current_database() and xact_start < now() - interval '1s'";
    crate::wait_until("it is old", || bed.psql(old) != "0");
    held
}

/// A snapshot in a transaction that never touches the table.
fn old_snapshot(bed: &Bed<'_>) -> Held {
    old(bed, "set transaction isolation level repeatable read; do 'begin perform 1 from unrelated; end'")
}

/// What a run reports of its statement.
fn progress(event: Event) -> Option<StatementProgress> {
    if let Event::StatementProgress { progress, .. } = event { Some(progress) } else { None }
}

fn has_begun(progress: &StatementProgress) -> bool {
    progress.phase.as_deref() != Some("not started yet")
}

/// Waits until the run says for whom it waits, before its statement has begun, or in the server.
fn holder(running: &mut Running, begun: bool) -> LockBlocker {
    running.until("whom it waits for", |event| {
        progress(event).filter(|progress| has_begun(progress) == begun).and_then(|progress| progress.waiting_for)
    })
}

/// How many indexes are valid, and how many are not.
fn indexes(bed: &Bed<'_>) -> String {
    bed.psql("select count(*) filter (where indisvalid), count(*) filter (where not indisvalid) from pg_index where indrelid = 't'::regclass")
}

fn journal(bed: &Bed<'_>) -> String {
    bed.psql("select count(*) from schemaward.statement_journal")
}

#[test]
fn an_index_is_built_once_an_old_snapshot_is_gone_however_short_the_lock_timeout() {
    let bed = bed("-- schemaward: no-transaction
create index concurrently t_id on t (id);
create table seen as select current_setting('lock_timeout') as lock_timeout;");
    let held = old_snapshot(&bed);
    let mut running = bed.start_with("run", &["--lock-timeout", "300ms"]);
    // First outside the server, then in it.
    for begun in [false, true] {
        let holder = holder(&mut running, begun);
        assert_eq!(holder.user.as_deref(), Some("postgres"), "{holder:?}");
        assert_eq!(holder.application.as_deref(), Some("psql"), "{holder:?}");
        assert_eq!(holder.state.as_deref(), Some("idle in transaction"), "{holder:?}");
        assert!(holder.pid > 0 && holder.age_ms.is_some_and(|age| age >= 300), "{holder:?}");
        assert!(holder.query.as_ref().is_some_and(|query| query.contains("unrelated")), "{holder:?}");
    }
    assert_eq!(indexes(&bed), "0|1", "it waits in the server");
    held.let_go();
    assert_eq!(running.end().applied(), 1);
    assert_eq!(indexes(&bed), "1|0");
    assert_eq!(bed.psql("select lock_timeout from seen"), "300ms", "what follows has its limit");
}

#[test]
fn nothing_is_begun_while_the_run_waits_outside_the_server() {
    let bed = bed(INDEX);
    let held = old_snapshot(&bed);
    let mut running = bed.start_with("run", &["--lock-timeout", "1s"]);
    holder(&mut running, false);
    assert_eq!((indexes(&bed), journal(&bed)), ("0|0".to_owned(), "0".to_owned()));
    let own = "select count(*) from pg_stat_activity where application_name = 'schemaward run' and datname = current_database() and state <> 'idle'";
    crate::wait_until("it has no snapshot between two looks", || bed.psql(own) == "0");
    held.let_go();
    assert_eq!(running.end().applied(), 1);
    assert_eq!(indexes(&bed), "1|0");
}

#[test]
fn a_run_that_is_stopped_while_it_waits_outside_leaves_nothing() {
    let bed = bed(INDEX);
    let _held = old_snapshot(&bed);
    let mut running = bed.start_with("run", &["--lock-timeout", "1s"]);
    holder(&mut running, false);
    running.terminate();
    assert_eq!(running.end().failure().reason, Reason::Cancelled);
    assert_eq!((indexes(&bed), journal(&bed)), ("0|0".to_owned(), "0".to_owned()));
}

/// Ends a run while its statement waits in the server for an old snapshot.
fn ended_in_the_server(bed: &Bed<'_>, flags: &[&str], terminate: bool) -> Ended {
    let held = old_snapshot(bed);
    let mut running = bed.start_with("ended", &[&["--lock-timeout", "100ms"], flags].concat());
    holder(&mut running, true);
    if terminate {
        running.terminate();
    }
    let ended = running.end();
    held.let_go();
    ended
}

#[rstest]
#[case::deadline(&["--deadline", "10s"], Reason::DeadlineExceeded)]
#[case::sigterm(&[], Reason::Cancelled)]
fn the_run_s_end_ends_the_wait_and_the_next_run_builds_the_index(#[case] flags: &[&str], #[case] reason: Reason) {
    let bed = bed(INDEX);
    let ended = ended_in_the_server(&bed, flags, reason == Reason::Cancelled);
    assert_eq!(ended.failure().reason, reason);
    assert_eq!(indexes(&bed), "0|1");
    // What is left is dropped under the same rule: a reader of the table holds that up.
    let reader = bed.hold("lock table t in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "100ms"]);
    let holder = holder(&mut running, true);
    assert!(holder.query.as_ref().is_some_and(|query| query.contains("access share")), "{holder:?}");
    reader.let_go();
    assert_eq!(running.end().applied(), 1);
    assert_eq!(indexes(&bed), "1|0");
}

#[rstest]
#[case::another("200ms")]
#[case::the_run_s_own("100ms")]
fn a_limit_that_the_file_has_set_stays(#[case] limit: &str) {
    let bed = bed(&format!("set lock_timeout = '{limit}';\n{INDEX}"));
    let held = old_snapshot(&bed);
    let ended = bed.run_with(&["--lock-timeout", "100ms"]);
    let failure = ended.failure();
    assert_eq!((failure.reason, failure.code.as_deref()), (Reason::LockTimedOut, Some("55P03")));
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("INVALID")), "{failure:?}");
    held.let_go();
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(indexes(&bed), "1|0");
}

#[test]
fn a_second_run_waits_for_the_first_one_and_holds_nothing_up() {
    let bed = bed(INDEX);
    let held = old_snapshot(&bed);
    let mut first = bed.start_with("first", &["--lock-timeout", "100ms"]);
    holder(&mut first, true);
    let mut second = bed.start("second");
    second.until_it_waits();
    held.let_go();
    assert_eq!(first.end().applied(), 1);
    assert_eq!(second.end().applied(), 0);
    assert_eq!(indexes(&bed), "1|0");
}

#[test]
fn who_may_not_see_other_users_transactions_is_not_stuck() {
    let mut bed = bed(INDEX);
    let role = format!("{}_plain", bed.database);
    bed.psql(&format!(
        "create role {role} login; grant create on database {0} to {role}; grant all on schema public to {role}; alter table t owner to {role}",
        bed.database
    ));
    let owner = bed.url.clone();
    bed.url = owner.replace("postgres://postgres@", &format!("postgres://{role}@"));
    assert_ne!(bed.url, owner);
    let held = old_snapshot(&bed);
    let mut running = bed.start_with("run", &["--lock-timeout", "300ms"]);
    let holder = holder(&mut running, true);
    assert!(holder.pid > 0 && holder.age_ms.is_none() && holder.state.is_none(), "{holder:?}");
    held.let_go();
    let ended = running.end();
    assert_eq!(ended.applied(), 1);
    assert!(ended.events.into_iter().filter_map(progress).all(|progress| has_begun(&progress)), "it saw nobody");
    bed.psql(&format!("reassign owned by {role} to postgres; drop owned by {role}; drop role {role}"));
}

#[rstest]
#[case::drop("drop index concurrently t_old")]
#[case::reindex_index("reindex index concurrently t_old")]
#[case::reindex_table("reindex table concurrently t")]
#[case::reindex_schema("reindex schema concurrently public")]
fn indexes_are_dropped_and_rebuilt_under_the_same_rule(#[case] sql: &str) {
    let bed = bed(sql);
    bed.psql("create index t_old on t (id)");
    let held = bed.hold("lock table t in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "300ms"]);
    holder(&mut running, true);
    held.let_go();
    assert_eq!(running.end().applied(), 1);
    let left = if sql.starts_with("drop") { "0|0" } else { "1|0" };
    assert_eq!(indexes(&bed), left);
}

/// None, which is said, where the server cannot detach a partition this way.
fn partitioned() -> Option<Bed<'static>> {
    let bed = Bed::with(&[("001_a.sql", "alter table p detach partition p1 concurrently")]);
    bed.psql("create table p (id int) partition by list (id); create table p1 partition of p for values in (1)");
    if bed.psql("show server_version_num").parse::<u32>().unwrap() < 140_000 {
        eprintln!("skipped: PostgreSQL 14 is the first with DETACH PARTITION … CONCURRENTLY");
        return None;
    }
    Some(bed)
}

#[test]
fn a_partition_is_not_detached_before_those_who_read_the_table_are_done() {
    let Some(bed) = partitioned() else { return };
    let held = old(&bed, "lock table only p in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "1s"]);
    holder(&mut running, false);
    held.let_go();
    assert_eq!(running.end().applied(), 1);
    assert_eq!(bed.psql("select count(*) from pg_inherits"), "0");
}

#[test]
fn a_partition_s_readers_wait_no_longer_than_one_try() {
    let Some(bed) = partitioned() else { return };
    let held = bed.hold("lock table p1 in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "2s"]);
    let waiting = |mode: &str| {
        bed.psql(&format!(
            "select count(*) from pg_locks where relation = 'p1'::regclass and not granted and mode = '{mode}'"
        )) != "0"
    };
    crate::wait_until("the last step waits", || waiting("AccessExclusiveLock"));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| bed.psql("set lock_timeout = '1min'; select count(*) from p1"));
        crate::wait_until("a query queues after it", || reader.is_finished() || waiting("AccessShareLock"));
        // The holder is still there.
        assert_eq!(reader.join().unwrap(), "0");
    });
    running.until("its end", |event| matches!(event, Event::RunFailed { .. }).then_some(()));
    let ended = running.end();
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::LockTimedOut);
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("FINALIZE")), "{failure:?}");
    held.let_go();
    bed.psql("alter table p detach partition p1 finalize");
    let repaired = bed.command("repair", &["--version", "001", "--statement", "1", "--as", "done"]);
    assert_eq!(repaired.status.code(), Some(0), "{repaired:?}");
    assert_eq!(bed.run().applied(), 1);
}

/// A table with an index that another tool has left invalid.
fn with_an_invalid_index(sql: &str) -> Bed<'static> {
    let bed = bed(sql);
    bed.psql("insert into t values (1)");
    let refused = bed.server.psql_try(&bed.database, "create unique index concurrently t_id on t (id)");
    assert!(refused.is_err());
    bed.psql("delete from t where ctid = (select max(ctid) from t)");
    assert_eq!(indexes(&bed), "0|1");
    bed
}

#[rstest]
#[case::dropped("drop index t_id")]
#[case::rebuilt("reindex index concurrently t_id")]
fn an_invalid_index_of_another_tool_does_not_count_as_created(#[case] corrected: &str) {
    let bed = with_an_invalid_index("create unique index concurrently if not exists t_id on t (id)");
    for _ in 0..2 {
        let ended = bed.run();
        let failure = ended.failure();
        assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::StatementFailed));
        assert!(failure.message.contains("public.t_id") && failure.message.contains("INVALID"), "{failure:?}");
        assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("DROP INDEX CONCURRENTLY public.t_id")));
        assert_eq!(failure.place.as_ref().unwrap().statement, Some(1));
        assert_eq!(indexes(&bed), "0|1", "it is not ours to drop");
    }
    bed.psql(corrected);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(indexes(&bed), "1|0");
}

#[test]
fn a_name_that_is_taken_by_an_invalid_index_says_so() {
    let bed = with_an_invalid_index(INDEX);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.code.as_deref()), (ErrorClass::AlreadyExists, Some("42P07")));
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("REINDEX INDEX CONCURRENTLY public.t_id")));
}

#[test]
fn a_valid_index_that_was_there_before_counts_under_if_not_exists() {
    let bed = bed("create index concurrently if not exists t_id on t (id)");
    bed.psql("create index t_id on t (id)");
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(indexes(&bed), "1|0");
}

#[test]
fn a_name_with_unicode_escapes_is_looked_up_as_what_it_means() {
    let bed = Bed::with(&[("001_a.sql", "create schema s; create table s.t (a int)")]);
    bed.file("002_b.sql", b"create index concurrently U&\"d\\0061t\" on s.t (a);");
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.psql("select indisvalid from pg_index where indexrelid = 's.dat'::regclass"), "t");
}
