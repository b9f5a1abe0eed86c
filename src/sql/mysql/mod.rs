//! Parsing for `MySQL` and `MariaDB`.

mod addition;
mod alter;
mod body;
mod condition;
mod evidence;
mod grammar;
mod header;
mod left_out;
mod lexeme;
mod metadata_lock;
mod newer;
mod otherwise;
mod refusals;
mod session_change;
mod session_effect;
mod statements;
mod stored_object;
mod transaction;

pub use addition::{Added, AddedColumn, Addition, InScratch};
pub use newer::is_for_newer_server;
pub use session_change::{
    CLOCK_FREED, Prepared, PreparedInBody, PreparedText, SessionChange, Sight, Source, variables_in_text,
};

use super::Dialect;
use grammar::MysqlGrammar;

pub(super) const MYSQL: MysqlGrammar = MysqlGrammar(Dialect::Mysql);
pub(super) const MARIADB: MysqlGrammar = MysqlGrammar(Dialect::Mariadb);
