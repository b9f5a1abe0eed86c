//! Each engine on a real server, through the binary that a pod runs; one folder for each engine. SQLite needs no
//! server; testbed/servers/servers.sh starts those for the others.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod generated;
mod histories;
mod mysql;
#[path = "../support/own_server.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod own_server;
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::{Duration, Instant};

/// Polls for a condition, with a time limit.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(3);
    while !condition() {
        assert!(Instant::now() < deadline, "not within three minutes: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
