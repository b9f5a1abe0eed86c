//! Who may use a file, and when.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rstest::rstest;

use crate::sqlite::bed::{Bed, ENDLESS, signal, text};

#[test]
fn a_second_run_waits_and_learns_for_whom() {
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
fn a_run_that_was_overtaken_commits_nothing() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    // A new holder that takes this one for dead does this, between two of this run's transactions.
    let overtaken = "UPDATE schemaward_migration_locks SET fence = fence + 1;";
    bed.file("002_b.sql", &format!("-- schemaward: no-transaction\n{overtaken}\nCREATE TABLE d (x);"));
    let output = bed.run(&["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("another run has taken over"), "{}", text(&output.stderr));
    assert_eq!(bed.query("SELECT count(*) FROM sqlite_master WHERE name = 'd'"), "0");
    assert_eq!(bed.versions(), "001 migration 1");
}

#[test]
fn of_several_runs_at_once_each_file_is_applied_by_one() {
    let files: Vec<(String, String)> = (1..=25)
        .map(|n| (format!("{n:03}_t.sql"), format!("CREATE TABLE t{n} (x);\nINSERT INTO t{n} VALUES ({n});")))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    let bed = Bed::with(&files);
    // How long each keeps the others from the file depends on the disk.
    let flags = ["migrate", "--format", "json", "--lock-timeout", "1m"];
    let start = || bed.command(&flags).stdout(Stdio::piped()).spawn().unwrap();
    let runs: Vec<_> = (0..4).map(|_| start()).collect();
    let mut applied = 0;
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let said = text(&output.stdout);
        assert!(output.status.success(), "{said}");
        applied += said.matches("\"migrationApplied\"").count();
    }
    assert_eq!(applied, files.len());
    assert_eq!(bed.query("SELECT count(*), count(DISTINCT version) FROM schemaward_schema_migrations"), "25|25");
    assert_eq!(bed.query("SELECT count(*) FROM t25"), "1");
}

#[test]
fn a_file_that_another_program_writes_to_is_waited_for_and_then_reported() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    let mut other = bed.client();
    other.query("CREATE TABLE theirs (x); BEGIN IMMEDIATE; INSERT INTO theirs VALUES (1)");
    let (code, said) = bed.said(&["migrate", "--lock-timeout", "100ms", "--lock-wait", "100ms"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot write app.db: database is locked by another process"), "{said}");
    assert!(said.contains("SQLite does not say whose it is"), "{said}");
    let (code, said) = bed.said(&["doctor"]);
    assert!(code == Some(1) && said.contains("locked by another process"), "{said}");
    other.query("COMMIT");
    bed.migrate();
    assert_eq!(bed.query("SELECT x FROM theirs"), "1");
}

#[rstest]
#[case::from_writing("BEGIN IMMEDIATE")]
#[case::from_reading("BEGIN EXCLUSIVE")]
#[case::from_committing("BEGIN; SELECT * FROM theirs")]
fn a_run_begins_once_another_program_s_transaction_has_ended(
    #[case] begin: &str,
    #[values(false, true)] has_ledger: bool,
) {
    let bed = Bed::with(&[("001_b.sql", "CREATE TABLE b (x);")]);
    if has_ledger {
        bed.migrate();
    }
    bed.file("002_a.sql", "CREATE TABLE a (x);");
    let mut other = bed.client();
    other.query("CREATE TABLE theirs (x)");
    other.query(begin);
    let mut command = bed.command(&["migrate", "--lock-timeout", "100ms"]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("locked by another process; trying again")), "the run ended");
    other.query("COMMIT");
    let rest: Vec<String> = lines.collect();
    assert!(run.wait().unwrap().success(), "{rest:#?}");
    assert!(bed.has("a"));
}

/// Another program reads, and so keeps the file's first COMMIT from finishing. It has to start reading between the
/// file's start, which is reported, and that COMMIT. If it is too late, the file is made slower.
fn a_commit_waits_for_a_reader(file: &str) {
    let in_time = (0..6).any(|step| a_reader_came_in_time(file, 1_000_000 << (2 * step)));
    assert!(in_time, "the run never waited for its slow statement");
}

/// False if the file was committed before the other program read.
fn a_reader_came_in_time(file: &str, slow: u32) -> bool {
    let slow = format!(
        "INSERT INTO log SELECT 7 WHERE (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {slow}) \
         SELECT max(i) FROM n) > 0;"
    );
    let bed = Bed::with(&[("001_log.sql", "CREATE TABLE log (n);")]);
    bed.migrate();
    bed.file("002_slow.sql", &file.replace("SLOW", &slow));
    let mut command = bed.command(&["migrate", "--format", "json", "--lock-timeout", "100ms"]);
    let mut run = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"migrationStarted\"")));
    let mut other = bed.client();
    let in_time = other.query("BEGIN; SELECT count(*) FROM log") == "0";
    if in_time {
        assert!(lines.any(|line| line.contains("\"lockTimedOut\"")), "the run ended");
    }
    other.query("COMMIT");
    let rest: Vec<String> = lines.collect();
    assert!(run.wait().unwrap().success() || !in_time, "{rest:#?}");
    if in_time {
        assert_eq!(bed.query("SELECT n FROM log"), "7");
        assert_eq!(bed.versions(), "001 migration 1\n002 migration 1");
    }
    in_time
}

#[test]
fn a_file_that_another_program_reads_is_tried_again() {
    a_commit_waits_for_a_reader("SLOW");
}

#[test]
fn a_statement_whose_commit_another_program_s_reading_keeps_back_is_tried_again() {
    a_commit_waits_for_a_reader("-- schemaward: no-transaction\nSLOW\nVACUUM;");
}

#[test]
fn a_newer_ledger_is_left_alone_and_an_older_one_is_read_and_upgraded() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    // As in version 3 of the ledger, the first for SQLite.
    bed.query(
        "ALTER TABLE schemaward_statement_journal DROP COLUMN last_insert_rowid; \
         UPDATE schemaward_ledger SET version = 3",
    );
    assert!(bed.said(&["status"]).1.contains("001"), "an older ledger is read as it is");
    bed.file("002_b.sql", "-- schemaward: no-transaction\nCREATE TABLE b (x);");
    bed.migrate();
    assert_eq!(bed.versions(), "001 migration 1\n002 migration 1");
    assert_eq!(bed.query("SELECT version FROM schemaward_ledger ORDER BY version"), "3\n4");
    bed.query("INSERT INTO schemaward_ledger (version, tool_version) VALUES (99, '9')");
    bed.file("003_c.sql", "CREATE TABLE c (x);");
    let (code, said) = bed.said(&["migrate"]);
    assert!(code == Some(1) && said.contains("version 99") && said.contains("newer"), "{said}");
    assert!(!bed.has("c"));
}

#[test]
fn the_index_refuses_a_second_row_of_an_applied_version() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    let columns = "filename, description, kind, checksum, token_checksum, execution_time_ms, success, statements_done, \
                   statements_total, run, fence, tool_version, applied_by";
    let again = format!(
        "INSERT OR IGNORE INTO schemaward_schema_migrations (version, {columns}) \
         SELECT '1', {columns} FROM schemaward_schema_migrations; SELECT changes()"
    );
    assert_eq!(bed.query(&again), "0", "1 and 001 are one version");
}
