//! `doctor`: what it finds, step by step, on healthy servers and on others.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::postgres::bed::Bed;
use crate::postgres::server::{Server, as_postgres, free_port};
use crate::wait_until;

/// The steps' results and the exit code.
fn doctor(bed: &Bed<'_>) -> (Value, i32) {
    let output = bed.command("doctor", &["--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    (found, output.status.code().unwrap())
}

fn step<'a>(found: &'a Value, name: &str) -> &'a Value {
    found["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

/// The first step that is not ok; all later ones that depend on it are skipped.
fn first_trouble(bed: &Bed<'_>) -> (String, String) {
    let (found, code) = doctor(bed);
    assert_eq!((&found["ok"], code), (&false.into(), 1), "{found}");
    let trouble = found["checks"].as_array().unwrap().iter().find(|check| check["result"] == "notOk").unwrap();
    assert!(!trouble["advice"].as_str().unwrap().is_empty());
    (trouble["name"].as_str().unwrap().to_owned(), trouble["detail"].as_str().unwrap().to_owned())
}

#[test]
fn a_database_that_is_well_is_well_in_every_step_before_and_after_a_run() {
    let bed = Bed::with(&[("001_a.sql", "select 1")]);
    let (found, code) = doctor(&bed);
    assert_eq!((&found["ok"], code), (&true.into(), 0), "{found}");
    assert_eq!(found["checks"].as_array().unwrap().len(), 11);
    assert!(step(&found, "ledgerRights")["detail"].as_str().unwrap().contains("no ledger yet"));
    assert!(!bed.has("schemaward.schema_migrations"), "doctor writes nothing");
    assert_eq!(bed.run().applied(), 1);
    let (found, _) = doctor(&bed);
    assert!(step(&found, "ledgerRights")["detail"].as_str().unwrap().contains("can be read and written"), "{found}");
    assert_eq!(step(&found, "pooler")["result"], "ok");
}

#[test]
fn the_step_that_fails_is_named() {
    let mut bed = Bed::new();
    let (host, database) = (bed.server.host(), bed.database.clone());
    bed.psql(
        "do $$ begin create role with_password login password 'right'; exception when duplicate_object then end $$",
    );
    let cases = [
        ("oracle://u@h/d".to_owned(), "url"),
        ("postgres://u@no-such-host.invalid/d".to_owned(), "dns"),
        ("postgres://u@127.0.0.1:1/d".to_owned(), "tcp"),
        (format!("postgres://postgres@{host}/{database}?sslmode=require"), "tls"),
        (format!("postgres://with_password:wrong@{host}/{database}"), "login"),
        (format!("postgres://postgres@{host}/no_such_database"), "login"),
    ];
    for (url, name) in cases {
        bed.url = url;
        let (found, detail) = first_trouble(&bed);
        assert_eq!(found, name, "{}: {detail}", bed.url);
        assert_eq!(step(&doctor(&bed).0, "pooler")["result"], "skipped");
    }
}

#[test]
fn missing_rights_and_a_held_lock_are_reported_each_in_its_step() {
    let mut bed = Bed::with(&[("001_a.sql", "select pg_sleep(300)")]);
    let role = format!("nobody_{}", bed.database);
    let own = bed.url.clone();
    bed.psql(&format!("create role {role} login"));
    bed.url = bed.server.url_as(&role, &bed.database);
    assert_eq!(first_trouble(&bed).0, "ledgerRights");
    bed.psql(&format!("create schema schemaward authorization {role}"));
    assert_eq!(doctor(&bed).1, 0, "the schema is the role's");
    bed.psql(&format!("alter role {role} reset all; drop schema schemaward; drop role {role}"));

    bed.url = own;
    let run = bed.start("first");
    wait_until("the run works", || bed.sleeping());
    let (name, detail) = first_trouble(&bed);
    assert!(name == "lock" && detail.contains("schemaward first"), "{name}: {detail}");
    run.terminate();
    run.end();
}

#[test]
fn a_reader_without_rights_learns_which_to_grant_and_can_then_read() {
    let mut bed = Bed::with(&[("001_a.sql", "select 1")]);
    assert_eq!(bed.run().applied(), 1);
    let role = format!("reader_{}", bed.database);
    bed.psql(&format!("create role {role} login"));
    let own = std::mem::replace(&mut bed.url, bed.server.url_as(&role, &bed.database));
    let status = bed.command("status", &[]);
    let said = String::from_utf8_lossy(&status.stderr).into_owned();
    assert!(said.contains("may not read the ledger") && said.contains("GRANT USAGE ON SCHEMA"), "{said}");
    let (name, detail) = first_trouble(&bed);
    assert!(name == "ledgerRights" && detail.contains("may not write the ledger"), "{name}: {detail}");
    bed.psql(&format!(
        "grant usage on schema schemaward to {role}; grant select on all tables in schema schemaward to {role}"
    ));
    assert_eq!(bed.command("status", &[]).status.code(), Some(0), "{:?}", bed.command("status", &[]));
    bed.url = own;
    bed.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn a_newer_ledger_is_reported() {
    let bed = Bed::with(&[("001_a.sql", "select 1")]);
    assert_eq!(bed.run().applied(), 1);
    bed.psql("update schemaward.schemaward_ledger set version = 99");
    let (name, detail) = first_trouble(&bed);
    assert!(name == "ledgerRights" && detail.contains("newer Schemaward"), "{name}: {detail}");
}

/// A pooler in front of the tests' server; it ends with this value.
struct PgBouncer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    fn start(server: &Server, pool_mode: &str) -> Self {
        Self::start_with(server, pool_mode, "")
    }

    fn start_with(server: &Server, pool_mode: &str, settings_more: &str) -> Self {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| Path::new(path).exists());
        let program = program.expect("this test needs PgBouncer (Debian: apt-get install pgbouncer)");
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let (host, server_port) = server.host().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {pool_mode}\n\
             ignore_startup_parameters = extra_float_digits\n{settings_more}"
        );
        std::fs::write(&settings, text).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let process = as_postgres().arg(program).arg("-q").arg(settings).spawn().unwrap();
        wait_until("PgBouncer answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { process, port, _folder: folder }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_run_through_a_pooler_in_transaction_mode_is_refused_before_anything_is_written() {
    for (pool_mode, code) in [("transaction", 2), ("session", 0)] {
        let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
        let direct = bed.url.clone();
        let pooler = PgBouncer::start(bed.server, pool_mode);
        bed.url = format!("postgres://postgres@127.0.0.1:{}/{}", pooler.port, bed.database);
        // The pool has been used before, like an application's.
        assert_eq!(bed.command("status", &[]).status.code(), Some(0));
        let old = "select count(*) from pg_stat_activity where datname = current_database() and backend_start < now() - \
                   interval '2 s'";
        let any =
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        wait_until("the pool's server process is not a new one", || {
            // A pool may end a server process that is idle.
            if bed.server.psql(&bed.database, any) == "0" {
                bed.command("status", &[]);
            }
            bed.server.psql(&bed.database, old) != "0"
        });
        let output = bed.migrate(&[]);
        assert_eq!(output.status.code(), Some(code), "{pool_mode}: {output:?}");
        // The pool's server process serves others, too.
        let shown = Command::new("psql").args(["-qXAt", &bed.url, "-c", "show lock_timeout"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&shown.stdout), "0\n", "{pool_mode}: {shown:?}");
        bed.url = direct;
        assert_eq!(bed.has("a"), code == 0);
        if code != 0 {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("a pooler in transaction mode") && said.contains("session mode"), "{said}");
            assert!(!bed.has("schemaward.schema_migrations"));
        }
    }
}

#[test]
fn the_first_runs_in_a_pool_in_transaction_mode_are_refused_too_each_of_several_at_once() {
    for settings in ["", "server_round_robin = 1\n", "default_pool_size = 1\n", "default_pool_size = 3\n"] {
        for at_once in [1, 4] {
            let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
            let direct = bed.url.clone();
            let pooler = PgBouncer::start_with(bed.server, "transaction", settings);
            bed.url = format!("postgres://postgres@127.0.0.1:{}/{}", pooler.port, bed.database);
            let outputs = std::thread::scope(|scope| {
                let runs: Vec<_> = (0..at_once).map(|_| scope.spawn(|| bed.command("migrate", &[]))).collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
            });
            let all = format!("{settings:?}, {at_once} at once: {outputs:?}");
            for output in outputs {
                assert_eq!(output.status.code(), Some(2), "{settings:?}, {at_once} at once: {output:?}");
                assert!(String::from_utf8_lossy(&output.stderr).contains("a pooler in transaction mode"), "{output:?}");
            }
            bed.url = direct;
            assert!(!bed.has("a") && !bed.has("schemaward.schema_migrations"));
            let locks = "select count(*) from pg_locks l join pg_database d on d.oid = l.database where l.locktype = \
                         'advisory' and d.datname = current_database()";
            assert_eq!(bed.psql(locks), "0", "{all}");
        }
    }
}

/// Clients that keep a pool busy: each query of another client waits for one of each of theirs.
struct Busy {
    stop: Arc<AtomicBool>,
    clients: Vec<std::thread::JoinHandle<()>>,
}

impl Busy {
    fn start(bed: &Bed<'_>, clients: usize, sleep: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let url = bed.url.clone();
        let client = |_| {
            let (stop, url) = (Arc::clone(&stop), url.clone());
            let query = format!("select pg_sleep({sleep})");
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    Command::new("psql").args(["-qXAt", &url, "-c", &query]).output().unwrap();
                }
            })
        };
        let busy = Self { clients: (0..clients).map(client).collect(), stop };
        wait_until("the pool is busy", || bed.sleeping());
        busy
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

#[test]
fn a_run_in_a_busy_pool_in_transaction_mode_waits_for_the_answer_and_is_refused() {
    let mut bed = Bed::with(&[("001_a.sql", "create table a ()")]);
    let direct = bed.url.clone();
    let pooler = PgBouncer::start_with(bed.server, "transaction", "default_pool_size = 1\n");
    bed.url = format!("postgres://postgres@127.0.0.1:{}/{}", pooler.port, bed.database);
    // If the pool may be in session mode, a second session is waited for longer than that.
    let busy = Busy::start(&bed, 4, "1.5");
    let output = bed.migrate(&[]);
    drop(busy);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("a pooler in transaction mode"), "{said}");
    bed.url = direct;
    assert!(!bed.has("a") && !bed.has("schemaward.schema_migrations"));
}

#[test]
fn the_first_run_in_a_pool_in_session_mode_is_let_through_with_its_settings_even_in_a_pool_of_one() {
    // The pooler refuses settings at login, or ignores them.
    let ignores = "ignore_startup_parameters = extra_float_digits, options\n";
    for settings in ["", "default_pool_size = 1\n", ignores] {
        let reads =
            "create table read as select current_setting('lock_timeout') l, current_setting('statement_timeout') s";
        let changes = "create table a (); set lock_timeout = '7s'; set statement_timeout = '8s'";
        let mut bed = Bed::with(&[("001_a.sql", changes), ("002_b.sql", reads)]);
        let direct = bed.url.clone();
        let pooler = PgBouncer::start_with(bed.server, "session", settings);
        bed.url = format!("postgres://postgres@127.0.0.1:{}/{}", pooler.port, bed.database);
        let began = Instant::now();
        let output = bed.migrate(&["--lock-timeout", "3s"]);
        assert!(began.elapsed() < Duration::from_secs(10), "{settings:?}: {:?}", began.elapsed());
        assert_eq!(output.status.code(), Some(0), "{settings:?}: {output:?}");
        bed.url = direct;
        assert_eq!(bed.psql("select * from read"), "3s|0", "{settings:?}");
    }
}

#[test]
fn a_pooler_in_transaction_mode_is_distinguished_from_one_in_session_mode() {
    let mut bed = Bed::new();
    for (pool_mode, result) in [("transaction", "notOk"), ("session", "ok")] {
        let pooler = PgBouncer::start(bed.server, pool_mode);
        bed.url = format!("postgres://postgres@127.0.0.1:{}/{}", pooler.port, bed.database);
        let found = doctor(&bed).0;
        assert_eq!(step(&found, "pooler")["result"], result, "{pool_mode}: {found}");
    }
}
