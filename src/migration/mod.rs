//! What a migration is: file names, formats, statements, checksums, sets. Pure: bytes in, data out.

mod annotations;
mod checksum;
mod creation;
mod data_loss;
mod dialect;
mod directive;
mod file_name;
mod files;
mod foreign_sql;
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
mod session_object;
mod set;
mod source;
mod source_rules;
mod sqlite;
mod statement_lock;
mod statements;
mod tokens;
mod transaction;
mod version;

pub use annotations::BadAnnotation;
pub use checksum::Checksum;
pub use creation::{Creating, Creation, last_part, may_create};
pub use data_loss::{DataLoss, data_loss};
pub use dialect::Dialect;
pub use file_name::{NameError, ends_as_migration};
pub use files::{MigrationFile, MigrationFiles, invalid_files};
pub use foreign_sql::ForeignSign;
pub use lexeme::Construct;
pub use migration::Migration;
pub use mysql::{
    Added, AddedColumn, Addition, CLOCK_FREED, InScratch, Prepared, PreparedInBody, PreparedText, SessionChange, Sight,
    Source, variables_in_text,
};
pub use next_file::{NewFile, NewFileError, next_file};
pub use position::Position;
pub use postgres::{LockMode, TableLock, table_lock};
pub use problem::{Problem, ProblemKind, no_migration, source_failure};
pub use refusals::Refusal;
pub use rollback::ROLLBACK_OF;
pub use secret::{message_without_passwords, without_passwords};
pub use session_object::{
    SessionBound, puts_temporary_table_together, routines_that_leave_settings, temporary_tables_in,
};
pub use set::MigrationSet;
pub use source::{SourceFile, source_hash};
pub use source_rules::{Gaps, SourceRules};
pub use statement_lock::{Others, StatementLock, statement_lock};
pub use statements::Statement;
pub use tokens::token_ends;
pub use transaction::{CatalogObject, Execution, ObjectName, Trace, TransactionMode};
pub use version::{InvalidVersion, Version};
