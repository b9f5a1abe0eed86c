//! SIGKILL of the runner, of its connection and of the server, before and after every statement of a plan of forty:
//! nothing is lost, nothing is repeated, nothing is half recorded, and every run resumes.
//!
//! These checks do find what they look for: `judge` is tested on made-up results, and on 2026-11-23 engines broken on
//! purpose were reported correctly. Journal row before the statement: lost. Resumed one too early: repeated. One too
//! late: lost. The ledger's row outside its file's transaction: repeated. A row left at *started*: half recorded.
//!
//! By default a sample runs, which is reported; `KILLS=all` runs every case, `KILLS=7,9` those of these statements.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod case;
mod client;
mod engine;
mod judge;
mod mysql;
mod postgres;
#[path = "../support/own_server.rs"]
#[allow(dead_code, reason = "the script is not asked for more")]
mod server;

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Bed;
use engine::{Engine, Fault, STATEMENTS};
use judge::{At, Case, Found};
use mysql::Mysql;
use postgres::Postgres;

/// One statement in this many, if not all are asked for.
const EVERY: usize = 8;
const SIDE_BY_SIDE: usize = 3;

fn say(text: &str) {
    // Bypasses the test harness, which swallows the output of tests that pass.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The results of one fault's cases on one engine.
#[derive(Default)]
struct Counts {
    lost: usize,
    repeated: usize,
    half_recorded: usize,
    not_resumed: usize,
    not_finished: usize,
    went_on: usize,
    wrong: Vec<String>,
}

impl Counts {
    fn add(&mut self, case: Case, found: Result<Found, String>) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.not_finished += 1;
                return self.note(format!("{case:?}: {error}"));
            }
        };
        self.lost += usize::from(!found.lost.is_empty());
        self.repeated += usize::from(!found.repeated.is_empty());
        self.half_recorded += usize::from(!found.half_recorded.is_empty());
        self.not_resumed += usize::from(!found.not_resumed.is_empty());
        self.went_on += usize::from(found.went_on);
        if !found.is_right() {
            self.note(format!("{case:?}: {found:?}"));
        }
    }

    /// Printed at once, since the others take their time.
    fn note(&mut self, wrong: String) {
        say(&wrong);
        self.wrong.push(wrong);
    }
}

/// All cases of one fault on one engine, several at a time if the fault leaves the server running.
fn kill(engine: &dyn Engine, name: &str, fault: Fault) {
    let asked = std::env::var("KILLS").unwrap_or_default();
    let wanted = |statement: &usize| match asked.as_str() {
        "" => statement % EVERY == fault as usize,
        "all" => true,
        some => some.split(',').any(|one| one == statement.to_string()),
    };
    let statements = (1..=STATEMENTS).filter(wanted);
    let case = |statement| [At::Before, At::After].map(|at| Case { statement, at, fault });
    let cases: Vec<Case> = statements.flat_map(case).collect();
    let bed = Bed::new(engine).unwrap();
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(Counts::default()));
    std::thread::scope(|scope| {
        for _ in 0..if matches!(fault, Fault::Runner | Fault::Connection) { SIDE_BY_SIDE } else { 1 } {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = bed.execute(*case);
                    counts.lock().unwrap().add(*case, found);
                }
            });
        }
    });
    let Counts { lost, repeated, half_recorded, not_resumed, not_finished, went_on, wrong } =
        counts.into_inner().unwrap();
    let left_out = 2 * STATEMENTS - cases.len();
    let left_out = if left_out == 0 { String::new() } else { format!(" ({left_out} left out: KILLS=all runs them)") };
    say(&format!(
        "{name}: {} kills of the {fault:?}{left_out}: {lost} lost, {repeated} repeated, {half_recorded} half recorded, \
         {not_resumed} not resumed behind what was done, {not_finished} not finished; {went_on} runs went on by themselves",
        cases.len()
    ));
    assert!(wrong.is_empty(), "{name}, {fault:?}:\n{}", wrong.join("\n"));
}

fn postgres(fault: Fault) {
    let engine = std::env::var("KILLS_POSTGRES").unwrap_or_else(|_| "postgres15".to_owned());
    kill(&Postgres::start(&engine, &format!("{fault:?}").to_lowercase()), &engine, fault);
}

fn mysql(engine: &str, fault: Fault) {
    kill(&Mysql::start(engine, &format!("{fault:?}").to_lowercase()), engine, fault);
}

#[test]
fn postgres_resumes_after_its_runner_was_killed() {
    postgres(Fault::Runner);
}

#[test]
fn postgres_resumes_after_its_connection_was_ended() {
    postgres(Fault::Connection);
}

#[test]
fn postgres_resumes_after_its_backend_was_killed() {
    postgres(Fault::Backend);
}

#[test]
fn postgres_resumes_after_the_server_was_killed() {
    postgres(Fault::Server);
}

#[test]
fn mariadb_resumes_after_its_runner_was_killed() {
    mysql("mariadb", Fault::Runner);
}

#[test]
fn mariadb_resumes_after_its_connection_was_ended() {
    mysql("mariadb", Fault::Connection);
}

#[test]
fn mariadb_resumes_after_the_server_was_killed() {
    mysql("mariadb", Fault::Server);
}

#[test]
fn mysql_resumes_after_its_runner_was_killed() {
    mysql("mysql", Fault::Runner);
}

#[test]
fn mysql_resumes_after_its_connection_was_ended() {
    mysql("mysql", Fault::Connection);
}

#[test]
fn mysql_resumes_after_the_server_was_killed() {
    mysql("mysql", Fault::Server);
}
