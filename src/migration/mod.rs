//! What a migration is: file names, formats, statements, checksums, sets. Pure: bytes in, data out.

mod annotations;
mod checksum;
mod creation;
mod dialect;
mod directive;
mod file_name;
mod lexeme;
#[expect(clippy::module_inception, reason = "it holds the type Migration, and files are named after what they hold")]
mod migration;
mod mysql;
mod next_file;
mod position;
mod postgres;
mod problem;
mod refusals;
mod rollback;
mod scan;
mod secret;
mod set;
mod source;
mod source_rules;
mod sqlite;
mod statements;
mod tokens;
mod transaction;
mod version;

pub use annotations::BadAnnotation;
pub use checksum::Checksum;
pub use creation::{Creating, Creation, last_part};
pub use dialect::Dialect;
pub use file_name::NameError;
pub use lexeme::Construct;
pub use migration::Migration;
pub use mysql::{Added, AddedColumn, Addition, InScratch};
pub use next_file::{NewFile, NewFileError, next_file};
pub use position::Position;
pub use postgres::{LockMode, TableLock, table_lock};
pub use problem::{Problem, ProblemKind, no_migration, source_failure};
pub use refusals::Refusal;
pub use secret::without_passwords;
pub use set::MigrationSet;
pub use source::{SourceFile, source_hash};
pub use source_rules::{Gaps, SourceRules};
pub use statements::Statement;
pub use transaction::{CatalogObject, Execution, ObjectName, Trace, TransactionMode};
pub use version::{InvalidVersion, Version};
