//! Several files in one message: whatever fails, stops or breaks in the middle concerns one file. The files before it
//! stay applied, and none after it runs.

use std::time::Duration;

use schemaward::engine::{
    Address, ApplyError, ApplyOutcome, Attempt, Database, DatabaseSettings, LockAttempt, Postgres, Progress, Session,
    stop_signal,
};
use schemaward::migration::{MigrationSet, SourceFile};
use schemaward::plan::Kind;
use schemaward::policy::AlreadyExists;
use schemaward::report::{Event, Reason};
use schemaward::sql::Dialect;

use crate::postgres::bed::{Bed, Ended};
use crate::postgres::proxy::{Cut, Proxy};
use crate::postgres::server::Server;

/// Each file inserts a row into an existing table `log`, so that running one twice shows.
fn logging(n: usize, then: &str) -> String {
    format!("create table t{n} (id int);\ninsert into log values ({n});\n{then}")
}

fn with_log(files: &[(usize, &str)]) -> Bed<'static> {
    let bed = Bed::new();
    bed.psql("create table log (n int, at timestamptz default clock_timestamp())");
    for (n, then) in files {
        bed.file(&format!("{n:03}_t.sql"), logging(*n, then).as_bytes());
    }
    bed
}

fn log(bed: &Bed<'_>) -> String {
    bed.psql("select string_agg(n::text, ' ' order by n) from log")
}

/// The versions that the run has reported as applied.
fn reported(ended: &Ended) -> Vec<String> {
    let version = |event: &Event| match event {
        Event::MigrationApplied { version, .. } => Some(version.clone()),
        _ => None,
    };
    ended.events.iter().filter_map(version).collect()
}

/// A primary key of times: psql runs each file in a transaction of its own, and none is refused.
#[test]
fn a_file_that_fails_by_the_time_that_its_message_shares_is_sent_again_and_applied() {
    let bed = Bed::new();
    bed.psql("create table at (at timestamptz primary key default now())");
    for n in 1..=5 {
        bed.file(
            &format!("{n:03}_a.sql"),
            format!("create table t{n} (id int); insert into at default values").as_bytes(),
        );
    }
    let ended = bed.run();
    assert_eq!(ended.applied(), 5);
    assert_eq!(reported(&ended), ["001", "002", "003", "004", "005"]);
    let started = ended.events.iter().filter(|event| matches!(event, Event::MigrationStarted { .. }));
    assert_eq!(started.count(), 5, "each is reported once: {:?}", ended.events);
    assert_eq!(bed.psql("select count(distinct at) from at"), "5");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations where not success"), "0");
}

#[test]
fn files_that_name_the_time_have_times_of_their_own() {
    let bed = Bed::with(&[
        (
            "001_a.sql",
            "create table price (id int, amount int, valid tstzrange not null default tstzrange(now(), null) \
             check (not isempty(valid)))",
        ),
        ("002_b.sql", "insert into price (id, amount) values (1, 10)"),
        (
            "003_c.sql",
            "update price set valid = tstzrange(lower(valid), now()) where id = 1; insert into price (id, amount) values (1, 12)",
        ),
        ("004_d.sql", "insert into price values (2, 1, tstzrange(CURRENT_TIMESTAMP, null))"),
    ]);
    assert_eq!(bed.run().applied(), 4);
    assert_eq!(bed.psql("select count(distinct lower(valid)) from price"), "3");
}

#[test]
fn a_file_that_fails_for_good_is_recorded_once_though_it_was_sent_again() {
    let bed = with_log(&[(1, ""), (2, "select 1 / 0"), (3, "")]);
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("22012"));
    assert_eq!(log(&bed), "1");
    assert_eq!(bed.psql("select version, success from schemaward.schema_migrations order by id"), "001|t\n002|f");
    let started = ended.events.iter().filter(|event| matches!(event, Event::MigrationStarted { .. }));
    assert_eq!(started.count(), 2);
}

#[test]
fn an_error_in_the_middle_keeps_the_files_before_it_and_runs_none_after_it() {
    for (mistake, code, place, done) in [
        ("select 'ü';\n\nselect 1 /\n  0;", "22012", (5, 1, 4), "3"),
        ("select 'ü', nowhere;", "42703", (3, 13, 3), "2"),
        ("select 'ü';\nselect oops from;", "42601", (4, 17, 4), "0"),
        ("select 'ü';\nselect 1 +", "42601", (4, 11, 4), "0"),
    ] {
        let bed = with_log(&[(1, ""), (2, "select 'é'"), (3, mistake), (4, ""), (5, "")]);
        let ended = bed.run();
        let found = ended.failure().place.as_ref().unwrap();
        assert_eq!(ended.failure().code.as_deref(), Some(code), "{mistake}");
        let at = (found.line.unwrap(), found.column.unwrap(), found.statement.unwrap());
        assert_eq!((found.file.as_str(), at), ("003_t.sql", place), "{mistake}");
        assert_eq!(reported(&ended), ["001", "002"], "{mistake}");
        assert_eq!(ended.summary.current_version.as_deref(), Some("002"));
        assert_eq!((ended.summary.pending.count, ended.summary.pending.first.as_deref()), (3, Some("003")));
        assert_eq!(log(&bed), "1 2", "{mistake}");
        let failed = "select version, statements_done from schemaward.schema_migrations where not success";
        assert_eq!(bed.psql(failed), format!("003|{done}"), "{mistake}");
        bed.file("003_t.sql", logging(3, "").as_bytes());
        assert_eq!(bed.run().applied(), 3);
        assert_eq!(log(&bed), "1 2 3 4 5");
    }
}

#[test]
fn a_text_that_is_not_understood_without_a_place_is_still_found() {
    // Nested too deeply for the server's parser, which does not say where.
    let deep = format!("select {}1{};", "(".repeat(40_000), ")".repeat(40_000));
    let bed = with_log(&[(1, ""), (2, ""), (3, &deep), (4, "")]);
    let ended = bed.run();
    assert_eq!(ended.failure().place.as_ref().unwrap().file, "003_t.sql", "{:?}", ended.failure());
    assert_eq!((log(&bed).as_str(), reported(&ended).len()), ("1 2", 2));
}

#[test]
fn a_connection_cut_before_any_answer_leaves_nothing_half_done_and_nothing_runs_twice() {
    for answer in 1.. {
        let mut bed = with_log(&[(1, "")]);
        assert_eq!(bed.run().applied(), 1);
        for n in [2, 3] {
            bed.file(&format!("{n:03}_t.sql"), logging(n, "").as_bytes());
        }
        let proxy = Proxy::start(bed.server.host(), Cut { answer, saying: "" }, true);
        let direct = bed.url.clone();
        bed.url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, bed.database);
        let ended = bed.run();
        bed.url = direct;
        let what = format!("cut before answer {answer}: {}", ended.stdout);
        let reported = reported(&ended);
        let reported_count = i64::try_from(reported.len()).unwrap();
        let recorded = bed.applied();
        assert_eq!(recorded[1..], reported, "what is reported exists, and all of it: {what}");
        assert_eq!(
            ended.summary.pending.count + reported_count,
            if ended.summary.ledger_read { 2 } else { 0 },
            "{what}"
        );
        assert_eq!(bed.run().applied() + reported_count, 2, "{what}");
        assert_eq!(log(&bed), "1 2 3", "{what}");
        assert_eq!(bed.applied(), ["001", "002", "003"], "{what}");
        if proxy.connections.load(std::sync::atomic::Ordering::SeqCst) == 1 && ended.status.success() {
            // Two files with BEGIN, two statements and what follows them.
            assert!(answer > 2 * 15, "{what}");
            return;
        }
    }
}

#[test]
fn a_stop_in_the_middle_ends_the_file_that_runs_and_keeps_those_before_it() {
    let bed = with_log(&[(1, ""), (2, ""), (3, "select pg_sleep(60);"), (4, "")]);
    let mut running = bed.start("stopped");
    // The running file is reported at once.
    running.until("of 003's second statement", |event| {
        matches!(event, Event::StatementFinished { version, statement: 2, .. } if version == "003").then_some(())
    });
    crate::wait_until("the third runs", || bed.sleeping());
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.failure().reason, Reason::Cancelled);
    assert_eq!(ended.failure().place.as_ref().unwrap().statement, Some(3));
    assert_eq!((log(&bed).as_str(), reported(&ended)), ("1 2", vec!["001".to_owned(), "002".to_owned()]));
    let failed = "select version, error_code, statements_done from schemaward.schema_migrations where not success";
    assert_eq!(bed.psql(failed), "003|57014|2");
    assert_eq!(bed.psql("select released_at is not null from schemaward.migration_locks"), "t");
}

#[test]
fn a_long_file_does_not_delay_the_reports_of_those_before_it() {
    let bed = with_log(&[(1, ""), (2, ""), (3, "select pg_sleep(60);"), (4, "")]);
    let mut running = bed.start("long");
    running.until("of 002", |event| {
        matches!(event, Event::MigrationApplied { version, .. } if version == "002").then_some(())
    });
    crate::wait_until("the third file runs", || bed.sleeping());
    running.terminate();
    assert_eq!(running.end().failure().reason, Reason::Cancelled);
}

fn now(bed: &Bed<'_>) -> String {
    bed.psql("select clock_timestamp()")
}

/// The files for which a longer time is recorded than passed between the rows in `log` of the files before and after
/// it. `before` is a time before the run; the last file counts until now.
fn longer_than_their_own(bed: &Bed<'_>, before: &str) -> String {
    bed.psql(&format!(
        "select string_agg(version || ' ' || ms, ', ') from (select m.version, m.execution_time_ms as ms, extract(epoch from \
         coalesce(lead(l.at) over files, clock_timestamp()) - coalesce(lag(l.at) over files, '{before}')) * 1000 + 1 as \
         most from schemaward.schema_migrations m join log l on l.n = m.version::int where m.success \
         window files as (order by l.n)) f where ms > most"
    ))
}

#[test]
fn of_hundreds_of_files_the_running_one_and_each_duration_are_reported() {
    let bed = with_log(&[]);
    for n in 1..=250 {
        let then = if n == 100 { "select pg_sleep(0.3)" } else { "" };
        bed.file(&format!("{n:03}_t.sql"), logging(n, then).as_bytes());
    }
    bed.file("220_t.sql", logging(220, "select pg_sleep(60)").as_bytes());
    let before = now(&bed);
    let mut running = bed.start("hundreds");
    let mut applied = Vec::new();
    running.until("of 220", |event| match event {
        Event::MigrationApplied { version, execution_time_ms, .. } => {
            applied.push((version, execution_time_ms));
            None
        }
        Event::MigrationStarted { version, .. } => (version == "220").then_some(()),
        _ => None,
    });
    crate::wait_until("220 runs", || bed.sleeping());
    let too_long = longer_than_their_own(&bed, &before);
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.failure().reason, Reason::Cancelled);
    assert_eq!(ended.failure().place.as_ref().unwrap().file, "220_t.sql");
    let applied: Vec<String> = applied.into_iter().map(|(version, ms)| format!("{version}|{ms}")).collect();
    let recorded = "select version, execution_time_ms from schemaward.schema_migrations where success order by id";
    assert_eq!(applied, bed.psql(recorded).lines().collect::<Vec<_>>());
    assert_eq!(applied.len(), 219);
    assert_eq!(too_long, "");
    let slept = "select execution_time_ms >= 300 from schemaward.schema_migrations where version = '100'";
    assert_eq!(bed.psql(slept), "t");
}

#[test]
fn a_file_that_fails_among_hundreds_is_recorded_with_its_own_duration() {
    let bed = with_log(&[]);
    for n in 1..=250 {
        bed.file(&format!("{n:03}_t.sql"), logging(n, if n == 2 { "select pg_sleep(1.5)" } else { "" }).as_bytes());
    }
    bed.file("220_t.sql", b"select pg_sleep(0.6); select 1 / 0");
    let ended = bed.run();
    assert_eq!((ended.failure().code.as_deref(), reported(&ended).len()), (Some("22012"), 219));
    let took = "select execution_time_ms >= 200 and execution_time_ms <= extract(epoch from clock_timestamp() - at) * 1000 + 1 \
                from schemaward.schema_migrations, log where not success and n = 219";
    assert_eq!(bed.psql(took), "t");
}

#[test]
fn a_fence_that_rises_in_the_middle_lets_nothing_from_there_on_commit() {
    let bed = Bed::new();
    let rises = "create table b (); update schemaward.migration_locks set fence = fence + 1;";
    let sqls = ["create table a ();", rises, "create table c ();", "create table d ();"];
    let file =
        |(n, sql): (usize, &&str)| SourceFile { name: format!("{:03}_x.sql", n + 1), bytes: sql.as_bytes().to_vec() };
    let files: Vec<SourceFile> = sqls.iter().enumerate().map(file).collect();
    let set = MigrationSet::read(files, Dialect::Postgres).unwrap();
    let settings = DatabaseSettings {
        run: "old",
        lock_timeout: Duration::from_secs(5),
        history_schema: "schemaward",
        already_exists: AlreadyExists::Fail,
    };
    let database = Postgres::new(Address::parse(&bed.url).unwrap(), settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut session = database.connect().await.unwrap();
        assert_eq!(session.try_lock().await.unwrap(), LockAttempt::Taken);
        let (fence, _) = session.take_over("old").await.unwrap();
        let (_, stop) = stop_signal();
        let attempt = |migration| Attempt { migration, kind: Kind::Migration, run: "old", fence, stop: &stop };
        let batch: Vec<Attempt<'_>> = set.migrations().map(attempt).collect();
        let mut applied = Vec::new();
        let mut progress = |index, progress| {
            if matches!(progress, Progress::Applied(_)) {
                applied.push(index);
            }
        };
        let outcome = session.apply_batch(&batch, &mut progress).await;
        let Err(ApplyError { failure, outcome: ApplyOutcome::Refused, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.reason, Reason::Fenced);
        assert_eq!(applied, [0]);
    });
    assert!(bed.has("a") && !bed.has("b") && !bed.has("c") && !bed.has("d"));
    assert_eq!(bed.applied(), ["001"]);
}

#[test]
fn a_predecessor_that_is_not_recorded_stops_what_follows_it() {
    let rid = "delete from schemaward.schema_migrations where version = '001'";
    let bed = with_log(&[(1, ""), (2, rid), (3, "")]);
    // The second file deletes the first one's row.
    assert_eq!(bed.run().failure().code.as_deref(), Some("SW003"));
    assert!(bed.has("t1") && !bed.has("t2"));
    let bed = with_log(&[(1, ""), (2, ""), (3, "")]);
    bed.file("000_t.sql", b"create table u ()");
    assert_eq!(bed.run_with(&["--target", "0"]).applied(), 1);
    bed.psql(
        "create function forget() returns trigger language plpgsql as $$ begin \
         delete from schemaward.schema_migrations where id = new.id; return null; end $$; \
         create trigger forget after insert on schemaward.schema_migrations for each row when (new.version = '002') \
         execute function forget()",
    );
    let ended = bed.run();
    assert_eq!(ended.failure().reason, Reason::LedgerUnusable, "{:?}", ended.failure());
    assert!(bed.has("t2") && !bed.has("t3"));
}

#[test]
fn a_lock_in_the_middle_is_retried_alone_and_the_others_continue() {
    let bed = with_log(&[(1, ""), (2, ""), (3, "alter table held add column b int;"), (4, ""), (5, "")]);
    bed.psql("create table held (a int)");
    let held = bed.hold("lock table held in access share mode");
    let mut running = bed.start_with("run", &["--lock-timeout", "1s"]);
    running.until_the_lock_s_holder_is_visible(2);
    held.let_go();
    let ended = running.end();
    assert_eq!(ended.applied(), 5);
    assert_eq!((log(&bed).as_str(), reported(&ended).len()), ("1 2 3 4 5", 5));
    let tries = ended.events.iter().filter_map(|event| match event {
        Event::LockTimedOut { version, statement, .. } => Some((version.as_str(), *statement)),
        _ => None,
    });
    let tries: Vec<_> = tries.collect();
    assert!(tries.len() >= 2 && tries.iter().all(|tried| *tried == ("003", Some(3))), "{tries:?}");
    let started =
        ended.events.iter().filter(|e| matches!(e, Event::MigrationStarted { version, .. } if version == "003"));
    assert_eq!(started.count(), 1, "reported once, however many tries");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations where not success"), "0");
}

#[test]
fn files_without_a_transaction_run_between_batches() {
    let bed = with_log(&[(1, ""), (2, ""), (4, ""), (5, "")]);
    bed.file("003_index.sql", b"create index concurrently on_t1 on t1 (id);");
    let ended = bed.run();
    assert_eq!(reported(&ended), ["001", "002", "003", "004", "005"]);
    assert!(bed.has("on_t1"));
}

#[test]
fn what_was_reported_as_applied_survives_a_crash_of_the_server() {
    let server = Server::start();
    let bed = Bed::on(&server);
    bed.psql("create table log (n int)");
    let files = 120;
    for n in 1..=files {
        // The last one does not finish before the crash.
        let seconds = if n == files { "60" } else { "0.02" };
        bed.file(&format!("{n:03}_t.sql"), logging(n, &format!("select pg_sleep({seconds});")).as_bytes());
    }
    let mut running = bed.start("crash");
    let mut applied = 0;
    running.until("of sixty files", |event| {
        applied += usize::from(matches!(event, Event::MigrationApplied { .. }));
        (applied == 60).then_some(())
    });
    server.crash();
    let (again, ended) = std::thread::scope(|scope| {
        // The runner reconnects to the server, and the ledger shows what happened to the files.
        let again = scope.spawn(|| server.restart());
        let ended = running.end();
        (again.join().unwrap(), ended)
    });
    let (reported, recorded) = (reported(&ended), bed.applied());
    assert!(recorded.len() < files, "the crash came in the middle");
    assert_eq!(ended.summary.current_version.as_ref(), recorded.last());
    assert!(
        reported.iter().all(|version| recorded.contains(version)),
        "reported: {reported:?}, recorded: {recorded:?}"
    );
    bed.file("120_t.sql", logging(120, "").as_bytes());
    let rest = bed.run().applied();
    assert_eq!(usize::try_from(rest).unwrap() + recorded.len(), files);
    let all: Vec<String> = (1..=files).map(|n| n.to_string()).collect();
    assert_eq!(log(&bed), all.join(" "));
    drop(bed);
    drop(again);
}

#[test]
fn each_file_has_its_own_duration() {
    let bed = with_log(&[(1, ""), (2, "select pg_sleep(0.3);"), (3, "")]);
    let before = now(&bed);
    let ended = bed.run();
    assert_eq!(longer_than_their_own(&bed, &before), "");
    let slept = "select execution_time_ms >= 300 from schemaward.schema_migrations where version = '002'";
    assert_eq!(bed.psql(slept), "t");
    let reported = ended.events.iter().filter_map(|event| match event {
        Event::MigrationApplied { execution_time_ms, .. } => Some(execution_time_ms.to_string()),
        _ => None,
    });
    let recorded = bed.psql("select execution_time_ms from schemaward.schema_migrations order by id");
    assert_eq!(reported.collect::<Vec<_>>(), recorded.lines().collect::<Vec<_>>());
}

#[test]
fn a_commit_waits_for_the_disk_as_the_user_has_set_it() {
    let bed = with_log(&[(1, ""), (2, ""), (3, "")]);
    bed.psql(&format!("alter database {} set synchronous_commit = local", bed.database));
    bed.psql("create table seen (n int, value text)");
    bed.file("004_t.sql", b"insert into seen values (4, current_setting('synchronous_commit'));");
    bed.file("005_t.sql", b"insert into seen values (5, current_setting('synchronous_commit'));");
    assert_eq!(bed.run().applied(), 5);
    assert_eq!(bed.psql("select string_agg(value, ' ' order by n) from seen"), "local local");
}
