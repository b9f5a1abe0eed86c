//! Taking over another tool's history: which tables it keeps, what they say is applied, and which of the folder's files
//! that are. Pure: the questions are texts, the answers rows of texts. Nothing here writes, and no foreign table is touched.
//!
//! One file a tool, each with the source of its format. `testbed/histories` makes the tables with the tools themselves.

mod adoption;
mod atlas;
mod beside;
mod catalog;
#[cfg(test)]
mod catalog_tests;
mod checksum;
mod dbmate;
mod diesel;
mod flyway;
mod foreign_table;
mod golang_migrate;
mod goose;
mod history;
#[cfg(test)]
mod history_tests;
mod known_tool;
mod other_ledger;
mod prisma;
mod problem;
#[cfg(test)]
mod query_tests;
mod rails;
mod reader;
mod refinery;
mod registry;
mod sighting;
mod signature;
mod sqlx_migrate;
mod tool;
mod version_list;

pub use adoption::{Adoption, adoption};
pub use beside::Beside;
pub use catalog::{any_table_query, foreign_tables, histories_query, telling_query, wanted_query};
pub use checksum::ForeignChecksum;
pub use foreign_table::ForeignTable;
pub use history::{ForeignHistory, ForeignMigration};
pub use known_tool::KnownTool;
pub use other_ledger::{LedgerFile, LedgerSighting, OtherLedger, other_ledgers};
pub use problem::{AdoptProblem, ChangedFile};
pub use registry::{Found, Wanted, find};
pub use sighting::{OtherHistory, Sighting, sightings};
pub use signature::By;
pub use tool::Tool;
