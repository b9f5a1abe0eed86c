//! What can be watched during and after a run: the status, the operator's log, its metrics.

use serde_json::Value;

use crate::support::kstatus::{Kstatus, kstatus};
use crate::support::operator;
use crate::support::run::in_sandbox;
use crate::support::sandbox::status;
use crate::support::source::inline;
use crate::support::waiting;

#[test]
fn a_run_shows_its_progress_in_status_log_and_metrics() {
    in_sandbox("progress", async |sandbox| {
        let _log = operator::undisturbed().await;
        let before = applied(&operator::metrics(&sandbox.client).await);
        let slow =
            "create table b (id int);\ninsert into b values (1);\nselect pg_sleep(20);\ninsert into b values (2);\n";
        sandbox.apply("app", inline([("001_a.sql", "create table a (id int);\n"), ("002_b.sql", slow)])).await;
        let running = sandbox
            .wait_for("app", "running 002", |seen| {
                let seen = status(seen);
                let progress = seen.run.and_then(|run| run.progress);
                let in_the_middle =
                    progress.is_some_and(|p| p.version == "002" && (p.statement, p.statements) == (2, 4));
                // The file before is reported as soon as a crash can no longer undo it, while this one is still
                // running.
                in_the_middle && seen.current_version.as_deref() == Some("001")
            })
            .await;
        assert_eq!(kstatus(&running), Kstatus::InProgress);
        let run = status(&running).run.expect("a run").name;
        let done = sandbox.wait_ready("app").await;
        assert_eq!(status(&done).run.expect("a run").progress, None);

        let name = format!("{}/app", sandbox.namespace);
        // The status is written first, the line after it.
        waiting::until("the operator's log has the run's start and end", async || {
            let log = operator::logs(&sandbox.client).await;
            let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let about_it = |line: &&Value| line.to_string().contains(&name) && line.to_string().contains(&run);
            let reasons: Vec<&Value> = lines.iter().filter(about_it).map(|line| &line["reason"]).collect();
            (reasons.contains(&&"Started".into()) && reasons.contains(&&"Applied".into())).then_some(())
        })
        .await;

        let after = applied(&operator::metrics(&sandbox.client).await);
        assert!(after >= before + 2, "two migrations more than {before}: {after}");
    });
}

fn applied(metrics: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix("schemaward_migrations_applied_total "));
    line.unwrap_or_else(|| panic!("no count of migrations in:\n{metrics}")).parse().expect("a number")
}
