//! A quiet cluster costs nothing: while resources are Ready the operator writes nothing at all, by the API server's own
//! audit log. Runs alone, since it counts all of the operator's writes.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use support::environment::OPERATOR_USER;
use support::run::in_sandbox;
use support::sandbox::Sandbox;
use support::source::inline;

const QUIET: Duration = Duration::from_mins(1);
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// The audit log from an offset on.
struct Audit {
    path: PathBuf,
    offset: u64,
}

#[derive(Debug, Default)]
struct Counted {
    lines: usize,
    of_operator: usize,
    /// The operator's writes, each in a few words.
    writes: Vec<String>,
}

impl Audit {
    fn from_now(path: &Path) -> Self {
        let offset = std::fs::metadata(path).expect("the audit log").len();
        Self { path: path.to_owned(), offset }
    }

    fn read(&self) -> Counted {
        let mut file = std::fs::File::open(&self.path).expect("the audit log");
        let length = file.metadata().expect("the audit log").len();
        assert!(length >= self.offset, "the audit log was rotated: lines would be missing");
        file.seek(SeekFrom::Start(self.offset)).expect("seeking");
        let mut counted = Counted::default();
        for line in BufReader::new(file).lines() {
            // The last line may be incomplete.
            let Ok(entry) = serde_json::from_str::<Value>(&line.expect("reading")) else { continue };
            counted.lines += 1;
            if entry["user"]["username"] != OPERATOR_USER {
                continue;
            }
            counted.of_operator += 1;
            if WRITES.iter().any(|verb| entry["verb"] == *verb) {
                counted.writes.push(format!("{} {}", entry["verb"], entry["requestURI"]));
            }
        }
        counted
    }
}

#[test]
fn ready_resources_cause_no_write_in_a_minute() {
    in_sandbox("quiet", async |sandbox| {
        let Some(path) = sandbox.environment.audit_log.clone() else {
            println!("SKIPPED: AUDIT_LOG is not set, so nothing can be counted");
            return;
        };
        for number in 1..=5 {
            run(sandbox, number).await;
        }
        let stalled = inline([("001_a.sql", "select * from nowhere;")]);
        sandbox.apply_with("stalled", stalled, serde_json::json!({"history": {"schema": "stalled"}})).await;
        sandbox.wait_stalled("stalled", "StatementFailed").await;
        // Writes that follow a run, such as the Lease's release, belong to the run.
        settled(&path).await;

        let audit = Audit::from_now(&path);
        tokio::time::sleep(QUIET).await;
        let quiet = audit.read();
        println!(
            "{QUIET:?}: {} audit lines, {} of the operator, its writes: {:?}",
            quiet.lines, quiet.of_operator, quiet.writes
        );
        assert!(quiet.lines > 0, "the audit log does not grow");
        assert_eq!(quiet.writes, [""; 0], "the operator wrote while nothing happened");

        let audit = Audit::from_now(&path);
        run(sandbox, 6).await;
        let busy = audit.read();
        println!(
            "one run: {} audit lines, {} of the operator, {} writes",
            busy.lines,
            busy.of_operator,
            busy.writes.len()
        );
        assert!(busy.writes.iter().any(|write| write.contains("jobs")), "the count does not see a run: {busy:?}");
    });
}

async fn run(sandbox: &Sandbox, number: u8) {
    let name = format!("ready-{number}");
    let sql = format!("create table quiet_{number} (id int);");
    let history = serde_json::json!({"history": {"schema": format!("ledger_{number}")}});
    // If another ledger here had the same files, this one would be refused.
    sandbox.apply_with(&name, inline([(&format!("001_{number}.sql"), &sql)]), history).await;
    sandbox.wait_ready(&name).await;
}

/// Waits until the operator has written nothing for three seconds.
async fn settled(path: &Path) {
    let waiting = async {
        loop {
            let audit = Audit::from_now(path);
            tokio::time::sleep(Duration::from_secs(3)).await;
            if audit.read().writes.is_empty() {
                return;
            }
        }
    };
    // If it never settles, the count itself says why.
    let _ = tokio::time::timeout(Duration::from_secs(20), waiting).await;
}
