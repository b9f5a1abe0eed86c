//! The same on real MySQL and MariaDB servers. tests/servers/servers.sh starts them, and tells where they are.

mod adopting;
mod applying;
pub mod bed;
mod bodies;
mod catalog;
mod examining;
mod failing;
mod foreign_history;
mod gate;
mod guarding;
mod interrupting;
mod isolating;
mod lock_tries;
mod packages;
mod planned_locks;
mod recording;
mod resumed_anywhere;
mod resuming;
mod rights;
mod skipping;
mod taking_over;
