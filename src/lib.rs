//! Schemaward: takes a relational database from one schema version to the next, safely, and says
//! truthfully where it stands.
//!
//! Arrows point one way: `cli` and `operator` → `engine` → `plan` → `migration`. Everything may use
//! `report` and `api`, which are data. `api`, `migration`, `plan`, `report` and `operator::decide`
//! import no Kubernetes client, no database driver and no async runtime; `tests/layers.rs` holds
//! them to it.

pub mod api;
pub mod cli;
pub mod engine;
pub mod migration;
pub mod operator;
pub mod plan;
pub mod report;
