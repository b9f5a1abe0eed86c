//! Every question that is asked of a dialect, in one place. No question has a default answer, so the compiler leads whoever
//! adds an engine through all of them. The answers stand in each dialect's folder; nothing here reads SQL.

use super::fit::Fit;
use super::lexeme::Lexeme;
use super::session_object::Effect;
use super::statement_lock::StatementLock;
use super::statements::Split;
use super::tokens::{Parsed, Token};
use super::transaction::Execution;
use super::{Dialect, SessionChange, mysql, postgres, sqlite};

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
    /// What a name in quotes begins with.
    fn quotes_of_names(&self) -> &'static [char];
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
    /// The tokens of one statement that count.
    fn tokens<'a>(&self, sql: &'a str, into: &mut Vec<Token<'a>>);
    /// Divides SQL into statements.
    fn split(&self, sql: &str) -> Split;
    /// The same where it is known to be one statement; None where that is not read otherwise.
    fn split_whole(&self, sql: &str) -> Option<Split>;
    /// The byte where a server of another dialect, for which this one can be mistaken, begins to read the text otherwise.
    fn read_otherwise(&self, sql: &str, server: Dialect) -> Option<usize>;

    // Of one statement, each once, when its file is read: see [`super::facts`]. Its lock is asked for when a plan is shown.

    /// How it is executed where it is committed by itself.
    fn execution(&self, statement: Parsed<'_>) -> Execution;
    /// How it fits into its file.
    fn fit(&self, statement: Parsed<'_>, execution: &Execution) -> Fit;
    /// Whether its grammar could take into a body what is sent behind it in one message; on the safe side.
    fn may_hold_body(&self, statement: Parsed<'_>) -> bool;
    /// The strongest lock that it takes on what it names; None where its kind does not tell.
    fn statement_lock(&self, statement: Parsed<'_>) -> Option<StatementLock>;
    /// What it does to the objects of its session.
    fn session_effect(&self, statement: Parsed<'_>) -> Effect;
    /// What it may change in its session, where a run has to keep that to be resumed.
    fn session_change(&self, statement: Parsed<'_>, execution: &Execution) -> SessionChange;
    /// Whether what it does cannot be seen in it.
    fn is_hidden(&self, statement: Parsed<'_>, execution: &Execution) -> bool;
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
