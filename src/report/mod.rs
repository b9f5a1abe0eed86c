//! The language between a run and whatever watches it: events while it is running, a summary at its end, and the
//! failure that both of them contain. Data only: no I/O, no clock.
//!
//! The runner writes events to stdout, one JSON object a line, and the summary as the pod's termination message. The
//! operator trusts neither beyond these types.

mod event;
mod failure;
mod history_entry;
mod shell_word;
mod summary;

pub use event::{Event, LockBlocker, StatementProgress};
pub use failure::{ErrorClass, Failure, Place, Reason};
pub use history_entry::HistoryEntry;
pub use shell_word::shell_word;
pub use summary::{Outcome, Pending, SUMMARY_LIMIT, Summary, WARNING_LIMIT, WARNINGS_LIMIT};
