//! What `PostgreSQL` answers.

use super::super::Dialect;
use super::super::grammar::Grammar;
use super::super::lexeme::Lexeme;
use super::super::refusals::{Refusal, Wrapper};
use super::super::session_object::Effect;
use super::super::statement_lock::{Others, StatementLock};
use super::super::statements::{Split, Statement};
use super::super::transaction::{Execution, TransactionMode};
use super::lexeme::lexemes;
use super::lock_mode::LockMode;
use super::table_lock::table_lock;
use super::{refusals, session_effect, statements, transaction};

pub(in super::super) struct PostgresGrammar;

impl Grammar for PostgresGrammar {
    fn engine(&self) -> &'static str {
        "PostgreSQL"
    }

    fn url_scheme(&self) -> &'static str {
        "postgres"
    }

    fn client(&self) -> &'static str {
        "psql"
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn double_quotes_names(&self) -> bool {
        true
    }

    fn takes_names_as_strings(&self) -> bool {
        true
    }

    fn has_schemas(&self) -> bool {
        true
    }

    fn ddl_commits(&self) -> bool {
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
        Box::new(lexemes(sql, from))
    }

    fn split(&self, sql: &str) -> Split {
        statements::split(sql)
    }

    fn split_whole(&self, _sql: &str) -> Option<Split> {
        None
    }

    fn execution(&self, sql: &str) -> Execution {
        transaction::execution(sql)
    }

    fn demand(&self, sql: &str) -> Option<&'static str> {
        transaction::demand(sql)
    }

    fn is_setting(&self, sql: &str) -> bool {
        transaction::is_setting(sql)
    }

    fn wrapper(&self, sql: &str) -> Option<Wrapper> {
        refusals::wrapper(sql)
    }

    fn refusal(&self, sql: &str, mode: TransactionMode) -> Option<Refusal> {
        refusals::refusal(sql, mode)
    }

    fn left_out(&self, _sql: &str, _statements: &[Statement]) -> Vec<bool> {
        Vec::new()
    }

    fn may_hold_body(&self, _sql: &str) -> bool {
        false
    }

    fn read_otherwise(&self, _sql: &str, _server: Dialect) -> Option<usize> {
        None
    }

    fn statement_lock(&self, sql: &str) -> Option<StatementLock> {
        table_lock(sql).map(|lock| StatementLock {
            mode: lock.mode.as_str(),
            on: lock.on,
            reads: waits_from(lock.mode, LockMode::AccessExclusive),
            // Source: PostgreSQL, "Conflicting Lock Modes": what stands against ROW EXCLUSIVE.
            writes: waits_from(lock.mode, LockMode::Share),
        })
    }

    fn session_effect(&self, sql: &str) -> Effect {
        session_effect::session_effect(sql)
    }

    fn is_hidden(&self, first: &str, _sql: &str) -> bool {
        matches!(first, "call" | "execute")
    }
}

fn waits_from(mode: LockMode, weakest: LockMode) -> Others {
    if mode >= weakest { Others::Wait } else { Others::GoOn }
}
