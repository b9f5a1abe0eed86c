//! What `MySQL` and `MariaDB` answer: the same, but for the comments that are code, dollar quotes, and some locks.

use super::super::Dialect;
use super::super::grammar::Grammar;
use super::super::lexeme::Lexeme;
use super::super::refusals::{Refusal, Wrapper};
use super::super::session_object::Effect;
use super::super::statement_lock::StatementLock;
use super::super::statements::{Split, Statement};
use super::super::transaction::{Execution, Trace, TransactionMode};
use super::{
    left_out, lexeme, metadata_lock, otherwise, refusals, session_effect, statements, stored_object, transaction,
};

/// One of the two.
pub(in super::super) struct MysqlGrammar(pub(super) Dialect);

impl Grammar for MysqlGrammar {
    fn engine(&self) -> &'static str {
        if self.0 == Dialect::Mariadb { "MariaDB" } else { "MySQL" }
    }

    fn url_scheme(&self) -> &'static str {
        if self.0 == Dialect::Mariadb { "mariadb" } else { "mysql" }
    }

    fn client(&self) -> &'static str {
        if self.0 == Dialect::Mariadb { "the mariadb client" } else { "the mysql client" }
    }

    /// A table's name does not where the server's file system tells cases apart, and without a list of the keywords a name
    /// cannot be told from one.
    fn folds_case(&self) -> bool {
        false
    }

    fn double_quotes_names(&self) -> bool {
        false
    }

    fn takes_names_as_strings(&self) -> bool {
        false
    }

    fn has_schemas(&self) -> bool {
        false
    }

    fn ddl_commits(&self) -> bool {
        true
    }

    fn alter_drops_keys(&self) -> bool {
        true
    }

    fn has_delimiter_lines(&self) -> bool {
        true
    }

    fn warns_of_left_out(&self) -> bool {
        true
    }

    fn lexemes<'a>(&self, sql: &'a str, from: usize) -> Box<dyn Iterator<Item = Lexeme> + 'a> {
        Box::new(lexeme::Lexer::new(sql, from, self.0))
    }

    fn split(&self, sql: &str) -> Split {
        statements::split(sql, self.0)
    }

    fn split_whole(&self, sql: &str) -> Option<Split> {
        Some(statements::split_whole(sql, self.0))
    }

    fn execution(&self, sql: &str) -> Execution {
        transaction::execution(sql, self.0)
    }

    fn demand(&self, _sql: &str) -> Option<&'static str> {
        None
    }

    fn is_setting(&self, sql: &str) -> bool {
        matches!(self.execution(sql), Execution::Setting)
    }

    /// Each is left out wherever it stands.
    fn wrapper(&self, _sql: &str) -> Option<Wrapper> {
        None
    }

    fn refusal(&self, sql: &str, _mode: TransactionMode) -> Option<Refusal> {
        refusals::refusal(sql, self.0)
    }

    fn left_out(&self, sql: &str, statements: &[Statement]) -> Vec<bool> {
        left_out::left_out(sql, statements, self.0)
    }

    fn may_hold_body(&self, sql: &str) -> bool {
        stored_object::may_hold_body(sql, self.0)
    }

    fn read_otherwise(&self, sql: &str, server: Dialect) -> Option<usize> {
        match server {
            Dialect::Mysql | Dialect::Mariadb => otherwise::read_otherwise(sql, self.0, server),
            Dialect::Postgres | Dialect::Sqlite => None,
        }
    }

    fn statement_lock(&self, sql: &str) -> Option<StatementLock> {
        metadata_lock::metadata_lock(sql, self.0)
    }

    fn session_effect(&self, sql: &str) -> Effect {
        session_effect::session_effect(sql, self.0)
    }

    fn is_hidden(&self, _first: &str, sql: &str) -> bool {
        self.execution(sql) == Execution::Alone(Trace::Parts)
    }
}
