//! Files applied, recorded, and shown.

use std::process::{Command, Stdio};

use crate::bed::{Bed, text};

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
    assert!(!bed.folder().join("app.db-schemaward-lock").exists());
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
fn a_terminal_gets_a_progress_bar_and_a_pipe_plain_lines() {
    let slow =
        "SELECT (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n);";
    let files = [("001_a.sql", "CREATE TABLE a (x);"), ("002_slow.sql", slow)];
    let piped = text(&Bed::with(&files).run(&["migrate"]).stdout);
    assert!(piped.contains("  002_slow.sql") && !piped.contains(['\r', '\u{1b}']), "{piped}");
    let bed = Bed::with(&files);
    let mut terminal = Command::new("script");
    let run = format!("{} migrate", env!("CARGO_BIN_EXE_schemaward"));
    terminal.args(["-qec", &run, "/dev/null"]).current_dir(bed.folder());
    terminal.env("DATABASE_URL", "sqlite:app.db").env("TERM", "xterm").stdin(Stdio::null());
    let shown = text(&terminal.output().unwrap().stdout);
    assert!(shown.contains("] 1/2 ") && shown.contains("  002_slow.sql"), "{shown:?}");
    assert!(shown.contains("The schema is at version 002; 2 migrations applied."), "{shown:?}");
}
