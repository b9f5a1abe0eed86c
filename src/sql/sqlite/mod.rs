//! What is `SQLite`'s own in reading a file.

mod file_lock;
mod grammar;
mod lexeme;
mod refusals;
mod session_effect;
mod statements;
mod transaction;

use grammar::SqliteGrammar;

/// What `SQLite` answers.
pub(super) const GRAMMAR: SqliteGrammar = SqliteGrammar;
