//! The engine on SQLite, through the binary: a file is all it needs.

mod applying;
mod asking;
mod bed;
mod foreign_history;
mod guarding;
mod interrupting;
mod isolating;
mod opening;
mod planned_locks;
mod repairing;
mod resumed_anywhere;
mod rolling_back;
mod taking_over;
