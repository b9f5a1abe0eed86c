//! The engine on a real PostgreSQL, through the binary that a pod runs.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod acknowledging;
mod adopting;
mod applying;
mod baselining;
mod batching;
mod bed;
mod between;
mod examining;
mod failing;
mod foreign_history;
mod gate;
mod generated;
mod guarding;
#[path = "../histories/tables.rs"]
mod histories;
mod interrupting;
mod isolating;
mod journaling;
mod lock_tries;
mod marking;
mod mysql;
mod planned_locks;
mod proxy;
mod repairing;
mod repeating;
mod reporting;
mod resumed_anywhere;
mod rolling_back;
mod row_security;
mod server;
mod settings;
mod skew;
mod skipping;
mod upgrading;

use std::time::{Duration, Instant};

/// Waits for a condition, but not for ever.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(3);
    while !condition() {
        assert!(Instant::now() < deadline, "not within three minutes: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
