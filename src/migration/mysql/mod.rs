//! What is `MySQL`'s and `MariaDB`'s own in reading a file.

mod addition;
mod alter;
mod body;
mod condition;
mod evidence;
mod header;
mod left_out;
mod lexeme;
mod metadata_lock;
mod otherwise;
mod refusals;
mod session_change;
mod session_effect;
mod statements;
mod stored_object;
mod transaction;
mod words;

pub use addition::{Added, AddedColumn, Addition, InScratch};
pub(super) use left_out::left_out;
pub(super) use lexeme::Lexer;
pub(super) use metadata_lock::metadata_lock;
pub(super) use otherwise::read_otherwise;
pub(super) use refusals::refusal;
pub use session_change::{
    CLOCK_FREED, Prepared, PreparedInBody, PreparedText, SessionChange, Sight, Source, variables_in_text,
};
pub(super) use session_effect::session_effect;
pub(super) use statements::{split, split_whole};
pub(super) use stored_object::may_hold_body;
pub(super) use transaction::execution;
