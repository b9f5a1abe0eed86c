//! Parsing for `PostgreSQL`.

mod creation;
mod encoding;
mod grammar;
mod lexeme;
mod refusals;
mod second_lock;
mod session_effect;
mod statements;
mod table_lock;
mod transaction;
mod transaction_time;

pub use creation::{Creating, Creation};
pub(super) use session_effect::routine_leaves_settings;

use super::Dialect;
use super::tokens::Token;
use grammar::PostgresGrammar;

pub(super) const GRAMMAR: PostgresGrammar = PostgresGrammar;

/// The tokens of one statement, without comments and white space.
fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    super::tokens::tokens(sql, Dialect::Postgres)
}
