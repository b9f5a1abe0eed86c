//! SQL text by dialect: tokens, statements, transactions, refusals, locks, secrets. Pure: text in, data out. Knows
//! nothing of files, ledgers, servers or Kubernetes. [`grammar`] holds the questions that a dialect answers.

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

mod blocks;
mod change;
mod cursor;
mod data_loss;
pub(crate) mod ddl;
mod definition;
mod dialect;
mod facts;
mod fit;
pub(crate) mod foreign_sql;
pub(crate) mod grammar;
pub(crate) mod lexeme;
mod lock_mode;
mod mysql;
mod name;
pub(crate) mod position;
mod postgres;
#[cfg(test)]
mod questions_tests;
pub(crate) mod reading;
pub(crate) mod refusals;
pub(crate) mod scan;
mod secret;
pub(crate) mod session_bound;
mod session_object;
mod sqlite;
mod statement_lock;
pub(crate) mod statements;
mod tokens;
pub(crate) mod transaction;

pub use data_loss::DataLoss;
pub use ddl::{
    Action, Alter, Change, Column, Constraint, ConstraintKind, Create, Ddl, Drop, Element, Modifier, Modifiers,
    ObjectKind, Part, Rename,
};
pub use dialect::Dialect;
pub use facts::Facts;
pub use foreign_sql::ForeignSign;
pub use lexeme::Construct;
pub use lock_mode::TableLockMode;
pub use mysql::{
    Added, AddedColumn, Addition, CLOCK_FREED, InScratch, Prepared, PreparedInBody, PreparedText, SessionChange, Sight,
    Source, is_for_newer_server, variables_in_text,
};
pub use name::{Identifier, Name};
pub use position::Position;
pub use postgres::{Creating, Creation};
pub use reading::Statement;
pub use refusals::Refusal;
pub use secret::{line_without_passwords, message_without_passwords, without_passwords};
pub use session_bound::{SessionBound, routines_that_leave_settings};
pub use session_object::{puts_temporary_table_together, temporary_tables_in};
pub use statement_lock::{FileLockMode, Lock, LockMode, Locked, MetadataLockMode, Others, StatementLock};
pub use statements::Span;
pub use tokens::token_ends;
pub use transaction::{CatalogObject, Execution, ObjectName, Trace, TransactionMode, outlasts_file};
