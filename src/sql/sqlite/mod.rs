//! What is `SQLite`'s own in reading a file.

mod file_lock;
mod grammar;
mod lexeme;
mod refusals;
mod session_effect;
mod statements;
mod transaction;

use super::Dialect;
use super::tokens::Token;
use grammar::SqliteGrammar;

/// What `SQLite` answers.
pub(super) const GRAMMAR: SqliteGrammar = SqliteGrammar;

/// The tokens of one statement that count.
fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    super::tokens::tokens(sql, Dialect::Sqlite)
}
