//! Every question that is asked of a dialect, in one place. No question has a default answer, so the compiler leads whoever
//! adds an engine through all of them. The answers stand in each dialect's folder; nothing here reads SQL.

use super::lexeme::Lexeme;
use super::refusals::{Refusal, Wrapper};
use super::session_object::Effect;
use super::statement_lock::StatementLock;
use super::statements::{Split, Statement};
use super::transaction::{Execution, TransactionMode};
use super::{Dialect, mysql, postgres, sqlite};

/// What a dialect answers.
pub(crate) trait Grammar: Sync {
    /// The engine's name as its makers write it.
    fn engine(&self) -> &'static str;
    /// The command-line client that people run files with.
    fn client(&self) -> &'static str;
    /// What its databases' URLs begin with.
    fn url_scheme(&self) -> &'static str;
    /// Whether an unquoted name means the same in capitals, and a name can be told from a keyword.
    fn folds_case(&self) -> bool;
    /// Whether `"…"` is a name rather than a string.
    fn double_quotes_names(&self) -> bool;
    /// Whether a function takes an object's name as a string: `nextval('s')`.
    fn takes_names_as_strings(&self) -> bool;
    /// Whether a database has schemas of its own; else a schema is a database.
    fn has_schemas(&self) -> bool;
    /// Whether DDL commits by itself, so that no file can be one transaction.
    fn ddl_commits(&self) -> bool;
    /// Whether `ALTER TABLE` can drop what holds no data of a column's: keys, partitions.
    fn alter_drops_keys(&self) -> bool;
    /// Whether its client's lines say where statements end (`DELIMITER`).
    fn has_delimiter_lines(&self) -> bool;
    /// Whether a statement that is left out of a file deserves a warning: it is not merely the `BEGIN` and `COMMIT` around a file
    /// that is one transaction without them.
    fn warns_of_left_out(&self) -> bool;

    /// The tokens of `sql` from the byte `from` on, which must lie on a character's boundary.
    fn lexemes<'a>(&self, sql: &'a str, from: usize) -> Box<dyn Iterator<Item = Lexeme> + 'a>;
    /// Divides SQL into statements.
    fn split(&self, sql: &str) -> Split;
    /// The same where it is known to be one statement; None where that is not read otherwise.
    fn split_whole(&self, sql: &str) -> Option<Split>;
    /// How a statement that is committed by itself is executed.
    fn execution(&self, sql: &str) -> Execution;
    /// What about a statement the server refuses, or leaves without effect, inside a transaction; None where it may run in one.
    fn demand(&self, sql: &str) -> Option<&'static str>;
    /// Whether a statement changes the session's settings and nothing else.
    fn is_setting(&self, sql: &str) -> bool;
    /// Whether a statement is one that may wrap a whole file.
    fn wrapper(&self, sql: &str) -> Option<Wrapper>;
    /// Why a statement cannot run in a file of this mode; None where nothing speaks against it.
    fn refusal(&self, sql: &str, mode: TransactionMode) -> Option<Refusal>;
    /// For each statement of a file, whether it is not sent.
    fn left_out(&self, sql: &str, statements: &[Statement]) -> Vec<bool>;
    /// Whether the statement's grammar could take into a body what is sent behind it in one message; on the safe side.
    fn may_hold_body(&self, sql: &str) -> bool;
    /// The byte where a server of another dialect, for which this one can be mistaken, begins to read the text otherwise.
    fn read_otherwise(&self, sql: &str, server: Dialect) -> Option<usize>;
    /// The strongest lock that a statement takes on what it names; None where its kind does not tell.
    fn statement_lock(&self, sql: &str) -> Option<StatementLock>;
    /// What a statement does to the objects of its session.
    fn session_effect(&self, sql: &str) -> Effect;
    /// Whether what a statement does cannot be seen in it. `first`: its first word in small letters.
    fn is_hidden(&self, first: &str, sql: &str) -> bool;
}

impl Dialect {
    /// Who answers for it.
    pub(crate) fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::Postgres => &postgres::GRAMMAR,
            Self::Mysql => &mysql::MYSQL,
            Self::Mariadb => &mysql::MARIADB,
            Self::Sqlite => &sqlite::GRAMMAR,
        }
    }
}
