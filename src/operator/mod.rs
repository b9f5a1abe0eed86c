//! The controller: watches → queue → a turn: observe (reads) → decide (pure) → act (writes).
//!
//! What a decision depends on is written to the status before the effect that cannot be undone. Every
//! object has a name that follows from what it is for, so after a crash between any two writes the next pass
//! does the same and finds it done.

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

mod act;
mod answers;
mod backoff;
mod complaints;
mod conditions;
mod controller;
pub mod decide;
pub mod decision;
mod desk;
mod gather;
mod health;
mod index;
mod job;
mod leader;
mod lease;
mod metrics;
pub mod names;
mod notify;
mod observe;
mod observe_error;
pub mod observed;
mod pod;
mod progress;
mod queue;
pub mod refusal;
mod room;
mod seen;
mod shelf;
pub mod source;
pub mod standing;
pub mod status;
pub mod task;
mod text;
mod turn;
mod watches;
mod why;

pub use controller::{OperatorError, Settings, run};
