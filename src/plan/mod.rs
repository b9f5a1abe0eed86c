//! From the ledger's state and a migration set to the ordered steps between them. Pure.

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

pub mod adopt;
mod baseline;
mod files;
mod goal;
mod half_applied;
mod kind;
mod ledger_row;
mod ledger_state;
mod one_transaction;
mod other_engine;
mod overview;
#[expect(clippy::module_inception, reason = "it holds the type Plan, and files are named after what they hold")]
mod plan;
#[cfg(test)]
mod planning_tests;
mod problem;
#[cfg(test)]
mod problem_tests;
mod recounted;
mod rollback;
mod step;
mod target;
mod warning;

pub use baseline::baseline;
pub use files::{edited, needed, to_run};
pub use goal::{Goal, OnForeignHistory, PlanOptions, RollbackTarget};
pub use kind::Kind;
pub use ledger_row::LedgerRow;
pub use ledger_state::{BegunStatement, LedgerState, StatementState};
pub use other_engine::read_otherwise;
pub use overview::{OpenStatement, Overview, SettledBy, open_statement};
pub use plan::{Plan, plan};
pub use problem::{NotUndoable, PlanProblem, plan_failure};
pub use rollback::{StoredRollback, rollback_plan, steps_back, to_undo};
pub use step::Step;
pub use target::Target;
pub use warning::PlanWarning;
