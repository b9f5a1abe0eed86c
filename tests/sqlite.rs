//! The engine on SQLite, through the binary: a file is all it needs.

#![expect(clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Row};

/// A statement that works for longer than any test waits.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;";

struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    fn with(files: &[(&str, &str)]) -> Self {
        let bed = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(bed.folder.path().join("migrations")).unwrap();
        for (name, sql) in files {
            bed.file(name, sql);
        }
        bed
    }

    fn file(&self, name: &str, sql: &str) {
        std::fs::write(self.folder.path().join("migrations").join(name), sql).unwrap();
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(arguments).current_dir(self.folder.path()).env("DATABASE_URL", "sqlite:app.db");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn migrate(&self) {
        let output = self.run(&["migrate"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Starts a run and waits until it has begun its last file.
    fn start(&self, last: &str) -> Child {
        let mut command = self.command(&["migrate", "--format", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let begun = lines.any(|line| {
            let line = line.unwrap();
            line.contains("\"migrationStarted\"") && line.contains(last)
        });
        assert!(begun, "the run ended early");
        // Keeps the pipe open: what the run still writes must have somewhere to go.
        std::thread::spawn(move || lines.count());
        child
    }

    /// One value, as a text; rows divided by line breaks.
    fn query(&self, sql: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.database());
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
            let values: Vec<String> = rows.iter().map(|row| row.try_get_unchecked::<String, _>(0).unwrap()).collect();
            values.join("\n")
        })
    }

    fn versions(&self) -> String {
        self.query("SELECT version || ' ' || kind || ' ' || success FROM schemaward_schema_migrations ORDER BY id")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn files_are_applied_once_and_recorded() {
    let bed = Bed::with(&[
        (
            "001_a.sql",
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\nCREATE TABLE log (what TEXT);\n\
             CREATE TRIGGER t AFTER INSERT ON users BEGIN\n  INSERT INTO log VALUES ('a; b');\n  \
             INSERT INTO log VALUES (new.name);\nEND;\nINSERT INTO users (name) VALUES ('ann');",
        ),
        ("002_b.sql", "PRAGMA journal_mode = WAL;\nVACUUM;"),
    ]);
    let status = bed.run(&["status"]);
    assert!(status.status.success() && !bed.database().exists(), "reading makes no file");
    bed.migrate();
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1");
    assert_eq!(bed.query("SELECT what FROM log"), "a; b\nann");
    assert_eq!(bed.query("SELECT version FROM schemaward_get_current_schema_version"), "002");
    assert_eq!(bed.query("SELECT statements FROM schemaward_get_migration_history"), "4/4\n2/2");
    assert!(!bed.folder.path().join("app.db-schemaward-lock").exists());
}

#[test]
fn a_failed_file_leaves_nothing_but_its_attempt() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\nCREATE TABEL b (x);")]);
    let output = bed.run(&["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("migrations/001_a.sql:3:8"), "{}", text(&output.stderr));
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'a'"), "0");
    assert_eq!(bed.versions(), "001 migration 0");
    bed.file("001_a.sql", "CREATE TABLE a (x);");
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 0\n001 migration 1");
}

#[test]
fn an_edited_file_is_refused() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    bed.file("001_a.sql", "CREATE TABLE a (x, y);");
    assert_eq!(bed.run(&["migrate"]).status.code(), Some(4));
}

#[test]
fn a_rollback_comes_from_the_ledger_and_the_version_can_be_applied_again() {
    let bed = Bed::with(&[
        ("001_a.sql", "CREATE TABLE a (x);"),
        ("002_b.sql", "CREATE TABLE b (x);\n-- rollback:\n-- DROP TABLE b;"),
    ]);
    bed.migrate();
    std::fs::remove_file(bed.folder.path().join("migrations/002_b.sql")).unwrap();
    let output = bed.run(&["rollback", "--to", "001"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'b'"), "0");
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1\n002 rollback 1");
    bed.file("002_b.sql", "CREATE TABLE b (x);");
    bed.migrate();
    assert_eq!(bed.query("SELECT version FROM schemaward_get_current_schema_version"), "002");
}

#[test]
fn a_second_run_waits_and_is_told_for_whom() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);"), ("002_b.sql", ENDLESS)]);
    let mut first = bed.start("002_b.sql");
    let second = bed.run(&["migrate", "--lock-wait", "1s"]);
    assert_eq!(second.status.code(), Some(4));
    let said = text(&second.stderr);
    assert!(said.contains(&format!("process {}", first.id())), "{said}");
    assert!(text(&bed.run(&["status"]).stdout).contains(&first.id().to_string()));
    signal(&first, "-KILL");
    first.wait().unwrap();
    bed.file("002_b.sql", "CREATE TABLE b (x);");
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1");
}

#[test]
fn a_run_that_is_told_to_stop_ends_its_statement_and_records_the_attempt() {
    let bed = Bed::with(&[("001_a.sql", &format!("CREATE TABLE a (x);\n{ENDLESS}"))]);
    let mut run = bed.start("001_a.sql");
    let began = Instant::now();
    signal(&run, "-TERM");
    assert_eq!(run.wait().unwrap().code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(bed.versions(), "001 migration 0");
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'a'"), "0");
}

#[test]
fn a_run_that_was_overtaken_commits_nothing() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    // What a new holder does who believes this one to be dead; it comes between two of this run's transactions.
    let overtaken = "UPDATE schemaward_migration_locks SET fence = fence + 1;";
    bed.file("002_b.sql", &format!("-- schemaward: no-transaction\n{overtaken}\nCREATE TABLE d (x);"));
    let output = bed.run(&["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("another run has taken over"), "{}", text(&output.stderr));
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'd'"), "0");
    assert_eq!(bed.versions(), "001 migration 1");
}

/// Kills a run before and after each of many statements; whatever is there is recorded, and the rest follows.
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

#[test]
fn settings_and_temporary_tables_do_not_leak_into_the_next_file() {
    let bed = Bed::with(&[
        ("001_a.sql", "-- schemaward: no-transaction\nPRAGMA foreign_keys = ON;\nCREATE TEMP TABLE t (x);"),
        (
            "002_b.sql",
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p);\nINSERT INTO c VALUES (7);\n\
             CREATE TABLE found AS SELECT count(*) AS n FROM sqlite_temp_master;",
        ),
    ]);
    bed.migrate();
    assert_eq!(bed.query("SELECT n FROM found"), "0");
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    std::fs::write(bed.database(), "this is a text and surely no database, long enough to have a header of its own")
        .unwrap();
    let output = bed.run(&["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("app.db"), "{}", text(&output.stderr));
    let output = bed.command(&["migrate"]).env("DATABASE_URL", "sqlite:none/app.db").output().unwrap();
    assert!(text(&output.stderr).contains("none/app.db"), "{}", text(&output.stderr));
}

#[test]
fn a_terminal_gets_a_progress_bar_and_a_pipe_plain_lines() {
    let slow =
        "SELECT (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n);";
    let files = [("001_a.sql", "CREATE TABLE a (x);"), ("002_slow.sql", slow)];
    let piped = text(&Bed::with(&files).run(&["migrate"]).stdout);
    assert!(piped.contains("  002_slow.sql") && !piped.contains(['\r', '\u{1b}']), "{piped}");
    let bed = Bed::with(&files);
    let mut terminal = Command::new("script");
    let run = format!("{} migrate", env!("CARGO_BIN_EXE_schemaward"));
    terminal.args(["-qec", &run, "/dev/null"]).current_dir(bed.folder.path());
    terminal.env("DATABASE_URL", "sqlite:app.db").env("TERM", "xterm").stdin(Stdio::null());
    let shown = text(&terminal.output().unwrap().stdout);
    assert!(shown.contains("] 1/2 ") && shown.contains("  002_slow.sql"), "{shown:?}");
    assert!(shown.contains("The schema is at version 002; 2 migrations applied."), "{shown:?}");
}
