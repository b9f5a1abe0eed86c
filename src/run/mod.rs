//! The protocol of a run: connect, lock, plan under the lock, apply, record, cancel; and what a person does by hand to the
//! ledger. It speaks to databases through [`crate::engine`]'s contract only, and knows no engine's SQL.

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

mod abandoned;
mod ahead;
mod applying;
mod batch;
mod beside;
mod cancellation;
mod context;
mod following;
mod lock_ladder;
mod locked;
mod look_beside;
mod own_record;
mod pauses;
mod reading;
mod repair;
#[expect(clippy::module_inception, reason = "it holds the run itself, and files are named after what they hold")]
mod run;
mod run_failure;
mod tally;
mod undone;
mod unrun;

pub use abandoned::{Abandoned, abandon};
pub use ahead::Ahead;
pub use beside::examine;
pub use context::RunSettings;
pub use reading::{Back, Reading, RollbackReading, read, stored_rollbacks};
pub use repair::{Accepted, accept, repair};
pub use run::run;
pub use tally::failed_before_start;
pub use undone::record_undone;
pub use unrun::{foreign_history, ledger_state, record_unrun};
