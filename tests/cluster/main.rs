//! The operator on a real cluster, as its users see it: each test applies resources and watches what happens to them.
//! Needs `make cluster-up`; `make test-cluster` does both.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_sets;
mod failures;
mod happy_path;
mod killed;
mod on_mariadb;
mod pods;
mod progress;
mod security;
mod side_by_side;
mod support;
mod transient;
mod truth;
mod waiting_for_input;
