//! Runs that are killed or asked to stop.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sqlite::bed::{Bed, ENDLESS, signal, text};

#[test]
fn a_run_that_is_asked_to_stop_ends_its_statement_and_records_the_attempt() {
    let bed = Bed::with(&[("001_a.sql", &format!("CREATE TABLE a (x);\n{ENDLESS}"))]);
    let mut run = bed.start("001_a.sql");
    signal(&run, "-TERM");
    // Without the signal the statement would never end.
    assert_eq!(run.wait().unwrap().code(), Some(1));
    assert_eq!(bed.versions(), "001 migration 0");
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'a'"), "0");
}

/// Kills a run before and after each of many statements. What exists is recorded, and the next run does the rest.
#[test]
fn a_run_that_is_killed_at_any_statement_resumes_there() {
    let slow = "INSERT INTO log SELECT @ WHERE (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                LIMIT 20000) SELECT max(i) FROM n) > 0;";
    let statements: Vec<String> = (1..=40).map(|n| slow.replace('@', &n.to_string())).collect();
    let bed = Bed::with(&[
        ("001_log.sql", "CREATE TABLE log (n INTEGER);"),
        ("002_many.sql", &format!("-- schemaward: no-transaction\n{}", statements.join("\n"))),
    ]);
    let mut kills = 0;
    loop {
        let mut command = bed.command(&["migrate", "--format", "json"]);
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
        // Each run gets a few statements further than the one before.
        let mut seen = Vec::new();
        let finished = lines.by_ref().filter(|line| {
            let line = line.as_ref().unwrap();
            seen.push(line.clone());
            line.contains("\"statementFinished\"")
        });
        if finished.take(3 + kills * 2).count() < 3 + kills * 2 {
            assert!(run.wait().unwrap().success(), "{seen:#?}");
            break;
        }
        kills += 1;
        run.kill().unwrap();
        run.wait().unwrap();
    }
    assert!(kills > 5, "{kills}");
    let all: Vec<String> = (1..=40).map(|n| n.to_string()).collect();
    assert_eq!(bed.query("SELECT n FROM log ORDER BY rowid"), all.join("\n"));
    assert_eq!(bed.query("SELECT count(*) FROM schemaward_statement_journal WHERE state = 'finished'"), "40");
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1");
}

/// Everything that a plan leaves, except times and names of runs.
fn everything(bed: &Bed) -> String {
    let queries = [
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%_statement_journal%' ORDER BY name",
        "SELECT n, last FROM log ORDER BY rowid",
        "SELECT version, filename, kind, checksum, statements_done, statements_total FROM schemaward_schema_migrations \
         WHERE success AND undone_by IS NULL ORDER BY id",
        "SELECT version, statement, state, trace, last_insert_rowid, migration_id IS NULL FROM \
         schemaward_statement_journal ORDER BY version, statement",
    ];
    queries.map(|sql| bed.query(sql)).join("\n\n")
}

const PLAN: &[(&str, &str)] = &[
    (
        "001_log.sql",
        "CREATE TABLE log (n INTEGER, last INTEGER);\nINSERT INTO log VALUES (1, 0);\nCREATE TABLE a (x);\n\
         CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO log VALUES (new.x, 0); END;\nINSERT INTO a VALUES (2);",
    ),
    (
        "002_each.sql",
        "-- schemaward: no-transaction\nINSERT INTO log (rowid, n, last) VALUES (30, 3, 0);\n\
         INSERT INTO log VALUES (4, last_insert_rowid());\nALTER TABLE a ADD COLUMN y;\nVACUUM;\n\
         INSERT INTO log VALUES (5, last_insert_rowid());\nCREATE INDEX log_n ON log (n);\nDROP TABLE a;",
    ),
];

/// SIGKILL before each system call that changes a file, one for each run: the next run has only what is on the disk
/// then.
#[test]
fn a_run_that_is_killed_before_any_write_is_resumed() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: there is no strace, which kills the run at each of its writes");
        return;
    }
    let undisturbed = Bed::with(PLAN);
    undisturbed.migrate();
    let expected = everything(&undisturbed);
    let (next, writes) = (AtomicUsize::new(1), AtomicUsize::new(usize::MAX));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while writes.load(Ordering::Relaxed) == usize::MAX {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !is_resumed_after(number, &expected) {
                        writes.fetch_min(number - 1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let writes = writes.into_inner();
    assert!(writes > 60, "{writes}");
    eprintln!("{writes} kills, each resumed");
}

/// Kills a run before one of its writes, and starts it again. False if it finishes before that write.
fn is_resumed_after(write: usize, expected: &str) -> bool {
    let bed = Bed::with(PLAN);
    let run = bed.command(&["migrate"]);
    let inject = format!("--inject=pwrite64,ftruncate,unlink:signal=KILL:when={write}");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", "/dev/null", "--trace=pwrite64,ftruncate,unlink", &inject]);
    traced.arg(run.get_program()).args(run.get_args()).current_dir(bed.folder()).env("DATABASE_URL", "sqlite:app.db");
    let ended = traced.output().unwrap();
    let killed = ended.status.signal() == Some(9);
    assert!(killed || ended.status.success(), "{}", text(&ended.stderr));
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(code, Some(0), "write {write}: {said}");
    assert_eq!(everything(&bed), expected, "write {write}");
    killed
}
