//! Taking over another tool's history: which tables it keeps, what they say is applied, and which of the folder's files
//! that are. Pure: the questions are texts, the answers rows of texts. Nothing here writes, and no foreign table is touched.
//!
//! One file a tool, each with the source of its format. `tests/adopt` makes the tables with the tools themselves.

mod adoption;
mod atlas;
mod beside;
mod checksum;
mod dbmate;
mod diesel;
mod flyway;
mod foreign_table;
mod golang_migrate;
mod goose;
mod history;
mod known_tool;
mod problem;
mod rails;
mod refinery;
mod sqlx_migrate;
mod tool;

pub use adoption::{Adoption, adoption};
pub use beside::{Beside, OtherHistory, Sighting, history_tables, sightings};
pub use checksum::ForeignChecksum;
pub use foreign_table::{ForeignTable, any_table_query, catalog_query, foreign_tables};
pub use history::{ForeignHistory, ForeignMigration};
pub use known_tool::KnownTool;
pub use problem::{AdoptProblem, ChangedFile};
pub use tool::{Found, Tool, find};
