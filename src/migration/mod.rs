//! What a migration is: file names, formats, statements, checksums, sets. Pure: bytes in, data out.

mod checksum;
mod creation;
mod directive;
mod file_name;
mod lexeme;
#[expect(clippy::module_inception, reason = "it holds the type Migration, and files are named after what they hold")]
mod migration;
mod next_file;
mod position;
mod problem;
mod refusals;
mod rollback;
mod secret;
mod set;
mod source;
mod statements;
mod table_lock;
mod tokens;
mod transaction;
mod version;

pub use checksum::Checksum;
pub use creation::{Creating, Creation, last_part};
pub use file_name::NameError;
pub use lexeme::Construct;
pub use migration::Migration;
pub use next_file::{NewFile, NewFileError, next_file};
pub use position::Position;
pub use problem::{Problem, ProblemKind, no_migration, source_failure};
pub use refusals::Refusal;
pub use secret::without_passwords;
pub use set::MigrationSet;
pub use source::{SourceFile, source_hash};
pub use statements::Statement;
pub use table_lock::{LockMode, TableLock, table_lock};
pub use transaction::{Execution, Trace, TransactionMode};
pub use version::{InvalidVersion, Version};
