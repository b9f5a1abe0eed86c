use super::super::Dialect;
use super::super::SessionChange;
use super::super::fit::{Fit, Omission};
use super::super::grammar::Grammar;
use super::super::lexeme::Lexeme;
use super::super::session_object::Effect;
use super::super::statement_lock::StatementLock;
use super::super::statements::Split;
use super::super::tokens::{Parsed, Token, counted};
use super::super::transaction::Execution;
use super::{file_lock, lexeme, refusals, session_effect, statements, transaction};

pub(in super::super) struct SqliteGrammar;

impl Grammar for SqliteGrammar {
    fn engine(&self) -> &'static str {
        "SQLite"
    }

    fn url_scheme(&self) -> &'static str {
        "sqlite"
    }

    fn client(&self) -> &'static str {
        "the sqlite3 shell"
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn double_quotes_names(&self) -> bool {
        false
    }

    fn quotes_of_names(&self) -> &'static [char] {
        &['"', '`', '[']
    }

    fn takes_names_as_strings(&self) -> bool {
        false
    }

    fn has_schemas(&self) -> bool {
        true
    }

    fn ddl_commits(&self) -> bool {
        false
    }

    fn commits_alone(&self) -> bool {
        false
    }

    fn alter_drops_keys(&self) -> bool {
        false
    }

    fn has_delimiter_lines(&self) -> bool {
        false
    }

    fn warns_of_left_out(&self) -> bool {
        false
    }

    fn lexemes<'a>(&self, sql: &'a str, from: usize) -> Box<dyn Iterator<Item = Lexeme> + 'a> {
        Box::new(lexeme::Lexer::new(sql, from))
    }

    fn tokens<'a>(&self, sql: &'a str, into: &mut Vec<Token<'a>>) {
        into.extend(counted(lexeme::Lexer::new(sql, 0), sql));
    }

    fn split(&self, sql: &str) -> Split {
        statements::split(sql)
    }

    fn split_whole(&self, _sql: &str) -> Option<Split> {
        None
    }

    fn read_otherwise(&self, _sql: &str, _server: Dialect) -> Option<usize> {
        None
    }

    fn execution(&self, statement: Parsed<'_>) -> Execution {
        transaction::execution(statement)
    }

    fn fit(&self, statement: Parsed<'_>, _execution: &Execution) -> Fit {
        Fit {
            demands_none: transaction::demand(statement).is_some(),
            is_setting: transaction::is_setting(statement),
            is_same_outside: transaction::is_same_outside(statement),
            wrapper: refusals::wrapper(statement),
            omission: Omission::Never,
            foreign_keys: transaction::foreign_keys(statement),
            refusals: refusals::refusals(statement),
        }
    }

    fn may_hold_body(&self, _statement: Parsed<'_>) -> bool {
        false
    }

    fn statement_lock(&self, statement: Parsed<'_>) -> Option<StatementLock> {
        file_lock::file_lock(statement)
    }

    fn session_effect(&self, statement: Parsed<'_>) -> Effect {
        session_effect::session_effect(statement)
    }

    fn session_change(&self, _statement: Parsed<'_>, _execution: &Execution) -> SessionChange {
        SessionChange::NONE
    }

    fn outlasts_file(&self, statement: Parsed<'_>) -> Option<&'static str> {
        transaction::outlasts_file(statement)
    }

    /// Each statement has a time of its own.
    fn reads_transaction_time(&self, _sql: &str, _statements: &mut dyn Iterator<Item = &str>) -> bool {
        false
    }

    fn is_hidden(&self, _statement: Parsed<'_>, _execution: &Execution) -> bool {
        false
    }
}
