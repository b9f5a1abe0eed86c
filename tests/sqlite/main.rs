//! The engine on SQLite, through the binary: a file is all it needs.

#![expect(clippy::unwrap_used, reason = "a test's helper fails by panicking, too")]

mod applying;
mod asking;
mod bed;
mod foreign_history;
#[path = "../engine/generated.rs"]
mod generated;
mod guarding;
#[path = "../histories/tables.rs"]
mod histories;
mod interrupting;
mod isolating;
mod opening;
mod planned_locks;
mod repairing;
mod resumed_anywhere;
mod rolling_back;
mod taking_over;
