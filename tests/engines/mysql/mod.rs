//! The engine on real MySQL and MariaDB servers, which testbed/servers/servers.sh starts and announces.

mod adopting;
mod applying;
pub mod bed;
mod bodies;
mod catalog;
mod connecting;
mod dumps;
mod examining;
mod failing;
mod folders;
mod foreign_history;
mod gate;
mod guarding;
mod interrupting;
mod isolating;
mod lock_tries;
mod numbering;
mod packages;
mod planned_locks;
mod progressing;
mod recording;
mod resumed_anywhere;
mod resuming;
mod rights;
mod skipping;
mod taking_over;
