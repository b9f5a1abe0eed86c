//! What the cluster tests share: a sandbox for each test, waiting, and a look around after a failure. Asserts nothing
//! itself but the invariants that every status must keep.

#![allow(dead_code, reason = "each of the two test binaries uses its own part")]

pub mod admission;
pub mod canary;
pub mod database;
pub mod diagnosis;
pub mod environment;
pub mod kstatus;
pub mod memory;
pub mod operator;
pub mod postgres_server;
pub mod run;
pub mod sandbox;
pub mod source;
pub mod waiting;
pub mod witness;
