//! The engine on SQLite, through the binary; it needs only a file.

mod applying;
mod asking;
mod bed;
mod blocks;
mod folders;
mod foreign_history;
mod guarding;
mod interrupting;
mod isolating;
mod numbering;
mod one_transaction;
mod opening;
mod planned_locks;
mod pragmas;
mod repairing;
mod resumed_anywhere;
mod rolling_back;
mod taking_over;
