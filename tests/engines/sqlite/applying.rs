//! Files applied, recorded, and shown.

use std::process::{Command, Stdio};

use rstest::rstest;

use crate::sqlite::bed::{Bed, text};

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

/// SQLite's own shell reports the same places.
#[rstest]
#[case::again("CREATE TABLE t (id int)\nCREATE TABLE v (id int);", "2:1")]
#[case::misspelled("CREATE TABEL t (id int);", "1:8")]
#[case::of_many("INSERT INTO t VALUES (1, 2), (3, 4), (5,, 6);", "1:41")]
#[case::after_letters("SELECT 'é', 1 FROM t t t;", "1:24")]
#[case::in_a_trigger(
    "CREATE TABLE t (x);\nCREATE TRIGGER r AFTER INSERT ON t BEGIN\n  SELECT 1;\n  SELECT FROM t;\nEND;",
    "4:10"
)]
#[case::operator("SELECT 1 <= 2,\n 3 <= <= 4;", "2:7")]
#[case::no_token("SELECT 1, 1 # 2;", "1:13")]
#[case::too_short("SELECT (1 + 2", "1:13")]
fn a_syntax_error_is_reported_with_its_place(#[case] sql: &str, #[case] place: &str) {
    let bed = Bed::with(&[("001_t.sql", sql)]);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(1) && said.contains(&format!("001_t.sql:{place}\n")), "{said}");
}

#[test]
fn what_a_terminal_would_obey_is_not_handed_on() {
    let bed = Bed::with(&[("001_t.sql", "SELECT '\u{1b}[31m' FROM\t\"\u{1b}]0;x\u{7}\";")]);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(1) && said.contains("no such table: \u{fffd}]0;x\u{fffd}"), "{said}");
    assert!(said.contains("1 | SELECT '\u{fffd}[31m' FROM\t\""), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
}

#[test]
fn a_comment_without_an_end_is_refused() {
    let bed = Bed::with(&[("001_t.sql", "CREATE TABLE t (x);\n/* why\nCREATE TABLE u (x);\n")]);
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("a comment that begins here never ends"), "{said}");
    assert!(said.contains("001_t.sql:2:1\n"), "{said}");
    assert!(!bed.database().exists());
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

#[test]
fn folders_with_sql_files_that_are_not_read_are_named() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    let within = bed.folder().join("migrations/v2");
    std::fs::create_dir_all(within.join("deeper")).unwrap();
    std::fs::create_dir_all(bed.folder().join("migrations/.git")).unwrap();
    std::fs::write(bed.folder().join("migrations/.git/003_c.sql"), "").unwrap();
    std::fs::write(within.join("README.md"), "").unwrap();
    let flags = ["plan", "status", "verify", "migrate"];
    for command in flags {
        assert_eq!(text(&bed.run(&[command, "--format", "json"]).stderr), "", "{command}: nothing is passed over");
    }
    std::fs::write(within.join("deeper/002_b.sql"), "CREATE TABLE b (x);").unwrap();
    let warning = "migrations/v2 holds .sql files, which are not read: only those in migrations itself are, and up.sql, \
                   down.sql or migration.sql in a migration's own folder; move them there, or name their folder with --dir";
    for command in flags {
        let stderr = text(&bed.run(&[command]).stderr);
        assert_eq!(stderr, format!("warning: {warning}\n"), "{command}: once");
    }
    for command in ["plan", "status", "verify"] {
        let output = bed.run(&[command, "--format", "json"]);
        assert_eq!(text(&output.stderr), format!("warning: {warning}\n"), "{command}");
        assert!(!text(&output.stdout).contains("migrations/v2"), "{command}");
    }
    let output = bed.run(&["migrate", "--format", "json"]);
    let event = format!(r#"{{"event":"warning","message":"{warning}"}}"#);
    assert_eq!(text(&output.stdout).lines().next(), Some(event.as_str()));
    assert_eq!(text(&output.stderr), "");

    std::fs::remove_file(bed.folder().join("migrations/001_a.sql")).unwrap();
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(4) && said.contains("contains no migrations") && said.contains(warning), "{said}");
}

#[test]
fn a_file_that_looks_like_another_engine_s_is_reported_as_such() {
    let mysql = "CREATE TABLE a (x INTEGER PRIMARY KEY AUTO_INCREMENT);";
    let postgres = "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n  RETURN 1;\nEND;\n$$ LANGUAGE plpgsql;";
    for (sql, code, hint) in [
        (
            mysql,
            1,
            "looks like MySQL's or MariaDB's SQL (line 1 has AUTO_INCREMENT), but the database's URL names SQLite",
        ),
        (postgres, 4, "looks like PostgreSQL's SQL (line 1 has a dollar quote), but the database's URL names SQLite"),
    ] {
        let (ended, said) = Bed::with(&[("001_a.sql", sql)]).said(&["migrate"]);
        assert!(ended == Some(code) && said.contains(hint), "{said}");
    }
    // The file looks like another engine's, but there is no syntax error: the table exists already.
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x timestamptz);")]);
    bed.query("CREATE TABLE a (x)");
    let (ended, said) = bed.said(&["migrate"]);
    assert!(ended == Some(1) && !said.contains("looks like"), "{said}");
    let (ended, said) = Bed::with(&[("001_a.sql", "CREATE TABEL a (x);")]).said(&["migrate"]);
    assert!(ended == Some(1) && !said.contains("looks like"), "{said}");
}

#[test]
fn the_time_that_is_reported_is_the_one_in_the_ledger() {
    let names: Vec<String> = (1..=40).map(|number| format!("{number:03}_a.sql")).collect();
    let sql = |name: &str| {
        let in_transaction = name.ends_with("1_a.sql").then(|| format!("CREATE TABLE t{} (x);", &name[..3]));
        in_transaction.unwrap_or_else(|| "-- schemaward: no-transaction\nVACUUM;\nPRAGMA user_version = 1;".to_owned())
    };
    let files: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), sql(name))).collect();
    let bed = Bed::with(&files.iter().map(|(name, sql)| (*name, sql.as_str())).collect::<Vec<_>>());
    let output = text(&bed.run(&["migrate", "--format", "json"]).stdout);
    let events = output.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let applied = events.filter(|event| event["event"] == "migrationApplied");
    let reported: Vec<String> = applied.map(|event| event["executionTimeMs"].to_string()).collect();
    let ledger = bed.query("SELECT execution_time_ms FROM schemaward_schema_migrations ORDER BY id");
    assert_eq!(reported, ledger.lines().collect::<Vec<_>>());
    assert_eq!(reported.len(), 40);
}
