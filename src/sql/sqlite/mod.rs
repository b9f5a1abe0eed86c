//! Parsing for `SQLite`.

mod file_lock;
mod grammar;
mod lexeme;
mod refusals;
mod session_effect;
mod statements;
mod transaction;

use grammar::SqliteGrammar;

pub(super) const GRAMMAR: SqliteGrammar = SqliteGrammar;
