//! Runs one test in a sandbox: sets it up, prints a diagnosis after a failure, and tears it down.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;

use super::diagnosis;
use super::environment::keep;
use super::sandbox::Sandbox;

/// The time limit for any test, including one that hangs unexpectedly.
const LIMIT: Duration = Duration::from_mins(4);

/// Runs `test` in a sandbox named after `slug`, a few letters.
pub fn in_sandbox(slug: &str, test: impl AsyncFnOnce(&Sandbox)) {
    in_sandbox_within(LIMIT, slug, test);
}

/// The same with another time limit.
pub fn in_sandbox_within(limit: Duration, slug: &str, test: impl AsyncFnOnce(&Sandbox)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sandbox = Sandbox::create(slug).await;
        let checked = async {
            let done = tokio::time::timeout(limit, test(&sandbox)).await;
            assert!(done.is_ok(), "the test did not end within {limit:?}");
            sandbox.witness.verify();
        };
        let outcome = AssertUnwindSafe(checked).catch_unwind().await;
        if outcome.is_err() {
            diagnosis::print(&sandbox).await;
        }
        if keep() {
            println!("KEEP=1: namespace {} and database {} stay", sandbox.namespace, sandbox.database.name);
        } else {
            sandbox.remove().await;
        }
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    });
}
