//! What is `PostgreSQL`'s own in reading a file.

mod encoding;
mod lexeme;
mod refusals;
mod second_lock;
mod session_effect;
mod statements;
mod table_lock;
mod transaction;

pub(super) use lexeme::lexemes;
pub(super) use refusals::{refusal, wrapper};
pub(super) use session_effect::{routine_leaves_settings, session_effect};
pub(super) use statements::split;
pub use table_lock::{LockMode, TableLock, table_lock};
pub(super) use transaction::{demand, execution, is_setting};

use super::Dialect;
use super::tokens::Token;

/// The tokens of one statement that count.
fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    super::tokens::tokens(sql, Dialect::Postgres)
}
