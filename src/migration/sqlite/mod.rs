//! What is `SQLite`'s own in reading a file.

mod file_lock;
mod lexeme;
mod refusals;
mod session_effect;
mod statements;
mod transaction;

pub(super) use file_lock::file_lock;
pub(super) use lexeme::Lexer;
pub(super) use refusals::{refusal, wrapper};
pub(super) use session_effect::session_effect;
pub(super) use statements::split;
pub(super) use transaction::{demand, execution, is_setting};

use super::Dialect;
use super::tokens::Token;

/// The tokens of one statement that count.
fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    super::tokens::tokens(sql, Dialect::Sqlite)
}
