//! Schemaward takes a relational database from one schema version to the next, safely, and reports truthfully where it
//! is.
//!
//! Arrows point one way: `cli` → `run` → `engine` → `plan` → `migration` → `sql`, and `cli` → `operator` → `api`. The
//! SQL side knows nothing of Kubernetes, and the operator cannot reach a database: a run is a Job of its own.
//! Everything may use `report`, which is data. `api`, `sql`, `migration`, `plan`, `report` and `operator::decide`
//! import no Kubernetes client, no database driver and no async runtime; `tests/quick/layers.rs` checks that.

#[cfg(feature = "operator")]
pub mod api;
pub mod cli;
pub mod duration;
pub mod engine;
pub mod migration;
#[cfg(feature = "operator")]
pub mod operator;
pub mod plan;
pub mod policy;
pub mod report;
pub mod run;
pub mod source;
pub mod sql;
