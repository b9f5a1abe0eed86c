//! The lock that `plan` shows, compared with the one that a run takes.

use crate::sqlite::bed::{Bed, ENDLESS, signal, text};

#[test]
fn plan_shows_the_lock_on_the_whole_file_that_a_run_takes() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE a (x);")]);
    bed.migrate();
    bed.file("002_b.sql", &format!("PRAGMA cache_size = 100;\nINSERT INTO a VALUES (1);\n{ENDLESS}"));
    let shown = text(&bed.run(&["plan"]).stdout);
    assert_eq!(shown.matches("  RESERVED on the database file, writes wait\n").count(), 3, "{shown}");
    let plan: serde_json::Value = serde_json::from_slice(&bed.run(&["plan", "--format", "json"]).stdout).unwrap();
    let lock = serde_json::json!({
        "mode": "RESERVED", "on": "the database file", "blocksReads": false, "writes": "wait"
    });
    assert_eq!(plan["steps"][0]["statements"][1]["lock"], lock);

    let mut run = bed.start("002_b.sql");
    // A run reports that a file has started before its transaction begins.
    let mut client = bed.client();
    while client.try_at_once("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
        assert!(run.try_wait().unwrap().is_none(), "the run ended before it had the lock");
    }
    assert_eq!(bed.query("SELECT count(*) FROM a"), "0", "reads go on");
    let written = client.try_at_once("INSERT INTO a VALUES (2)");
    assert!(written.as_ref().is_err_and(|error| error.contains("locked")), "{written:?}");
    signal(&run, "-KILL");
    run.wait().unwrap();
}
