//! The engine on SQLite, through the binary: a file is all it needs.

#![expect(clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod applying;
mod bed;
mod foreign_history;
mod guarding;
mod interrupting;
mod isolating;
mod opening;
mod planned_locks;
mod repairing;
mod rolling_back;
mod taking_over;
