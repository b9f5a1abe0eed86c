//! The answers of `MySQL` and `MariaDB`. They differ in which comments are code, in dollar quotes, and in some locks.

use super::super::Dialect;
use super::super::fit::{Fit, ForeignKeys};
use super::super::grammar::Grammar;
use super::super::lexeme::Lexeme;
use super::super::refusals::Refusals;
use super::super::session_object::Effect;
use super::super::statement_lock::StatementLock;
use super::super::statements::Split;
use super::super::tokens::{Parsed, Token, counted};
use super::super::transaction::{Execution, Trace};
use super::session_change::SessionChange;
use super::{
    left_out, lexeme, metadata_lock, otherwise, refusals, session_effect, statements, stored_object, transaction,
};

/// The grammar of one of the two.
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

    /// Table names are case-sensitive on case-sensitive file systems, and without a list of keywords they cannot be
    /// told from those.
    fn folds_case(&self) -> bool {
        false
    }

    fn double_quotes_names(&self) -> bool {
        false
    }

    /// Double quotes with `ANSI_QUOTES`; without it, no string can be where a name is expected.
    fn quotes_of_names(&self) -> &'static [char] {
        &['`', '"']
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

    fn commits_alone(&self) -> bool {
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

    fn tokens<'a>(&self, sql: &'a str, into: &mut Vec<Token<'a>>) {
        into.extend(counted(lexeme::Lexer::new(sql, 0, self.0), sql));
    }

    fn split(&self, sql: &str) -> Split {
        statements::split(sql, self.0)
    }

    fn split_whole(&self, sql: &str) -> Option<Split> {
        Some(statements::split_whole(sql, self.0))
    }

    fn read_otherwise(&self, sql: &str, server: Dialect) -> Option<usize> {
        match server {
            Dialect::Mysql | Dialect::Mariadb => otherwise::read_otherwise(sql, self.0, server),
            Dialect::Postgres | Dialect::Sqlite => None,
        }
    }

    fn execution(&self, statement: Parsed<'_>) -> Execution {
        transaction::execution(statement)
    }

    fn fit(&self, statement: Parsed<'_>, execution: &Execution) -> Fit {
        let refusal = refusals::refusal(statement);
        Fit {
            demands_none: false,
            is_setting: *execution == Execution::Setting,
            is_same_outside: false,
            // BEGIN and COMMIT are left out wherever they are.
            wrapper: None,
            omission: left_out::omission(statement),
            foreign_keys: ForeignKeys::Indifferent,
            refusals: Refusals { per_file: refusal.clone(), per_statement: refusal },
        }
    }

    fn may_hold_body(&self, statement: Parsed<'_>) -> bool {
        stored_object::may_hold_body(statement)
    }

    fn statement_lock(&self, statement: Parsed<'_>) -> Option<StatementLock> {
        metadata_lock::metadata_lock(statement)
    }

    fn session_effect(&self, statement: Parsed<'_>) -> Effect {
        session_effect::session_effect(statement)
    }

    fn session_change(&self, statement: Parsed<'_>, execution: &Execution) -> SessionChange {
        SessionChange::of(statement, execution)
    }

    fn outlasts_file(&self, _statement: Parsed<'_>) -> Option<&'static str> {
        None
    }

    /// Each statement has a time of its own.
    fn reads_transaction_time(&self, _sql: &str, _statements: &mut dyn Iterator<Item = &str>) -> bool {
        false
    }

    fn is_hidden(&self, _statement: Parsed<'_>, execution: &Execution) -> bool {
        *execution == Execution::Alone(Trace::Parts)
    }
}
