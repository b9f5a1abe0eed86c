//! All questions that are asked about a dialect. There are no default answers, so the compiler shows everything that a
//! new engine must answer. The answers are in each dialect's folder; nothing here parses SQL.

use super::fit::Fit;
use super::lexeme::Lexeme;
use super::session_object::Effect;
use super::statement_lock::StatementLock;
use super::statements::Split;
use super::tokens::{Parsed, Token};
use super::transaction::Execution;
use super::{Dialect, SessionChange, mysql, postgres, sqlite};

pub(crate) trait Grammar: Sync {
    /// The engine's name as its makers write it.
    fn engine(&self) -> &'static str;
    /// The command-line client that people run files with.
    fn client(&self) -> &'static str;
    /// The scheme of its databases' URLs.
    fn url_scheme(&self) -> &'static str;
    /// Whether unquoted names are case-insensitive and can be told from keywords.
    fn folds_case(&self) -> bool;
    /// Whether `"…"` is a name and not a string.
    fn double_quotes_names(&self) -> bool;
    /// The characters that can open a quoted name.
    fn quotes_of_names(&self) -> &'static [char];
    /// Whether functions take object names as strings: `nextval('s')`.
    fn takes_names_as_strings(&self) -> bool;
    /// Whether a database contains schemas; otherwise a schema is a database.
    fn has_schemas(&self) -> bool;
    /// Whether DDL commits implicitly, so that no file can be one transaction.
    fn ddl_commits(&self) -> bool;
    /// Whether `COMMIT` is accepted where no transaction is open.
    fn commits_alone(&self) -> bool;
    /// Whether `ALTER TABLE` can drop things that hold no column data: keys, partitions.
    fn alter_drops_keys(&self) -> bool;
    /// Whether lines for its client (`DELIMITER`) say where statements end.
    fn has_delimiter_lines(&self) -> bool;
    /// Whether leaving out a statement deserves a warning. It does not where only `BEGIN` and `COMMIT` are left out and
    /// what stands between them is one transaction all the same.
    fn warns_of_left_out(&self) -> bool;

    /// The tokens of `sql` from the byte `from` on, which must be on a character boundary.
    fn lexemes<'a>(&self, sql: &'a str, from: usize) -> Box<dyn Iterator<Item = Lexeme> + 'a>;
    /// The tokens of one statement, without comments and white space.
    fn tokens<'a>(&self, sql: &'a str, into: &mut Vec<Token<'a>>);
    fn split(&self, sql: &str) -> Split;
    /// The same for a text known to be one statement; None if that makes no difference.
    fn split_whole(&self, sql: &str) -> Option<Split>;
    /// Where a server of `server`'s dialect, which can be mistaken for this one, starts to read the text differently.
    fn read_otherwise(&self, sql: &str, server: Dialect) -> Option<usize>;

    // Questions about one statement. Each is asked once, when its file is parsed: see [`super::facts`]. Its lock is
    // asked for when a plan is shown.

    /// How it is executed where statements are committed separately.
    fn execution(&self, statement: Parsed<'_>) -> Execution;
    fn fit(&self, statement: Parsed<'_>, execution: &Execution) -> Fit;
    /// Whether the server's grammar could take what follows in the same message into a body of this statement. True if
    /// in doubt.
    fn may_hold_body(&self, statement: Parsed<'_>) -> bool;
    /// The strongest lock that it takes on what it names; None if that cannot be seen from its kind.
    fn statement_lock(&self, statement: Parsed<'_>) -> Option<StatementLock>;
    /// What it does to objects of the session.
    fn session_effect(&self, statement: Parsed<'_>) -> Effect;
    /// What it may change in the session that a resumed run has to restore.
    fn session_change(&self, statement: Parsed<'_>, execution: &Execution) -> SessionChange;
    /// What of it would reach into the next file of the same transaction, since nothing between two files undoes it; None
    /// where nothing would. Not one of a statement's facts: only runs in one transaction ask.
    fn outlasts_file(&self, statement: Parsed<'_>) -> Option<&'static str>;
    /// Whether a file with these statements may store or show the time at which its transaction began, which several files
    /// of one message share.
    fn reads_transaction_time(&self, sql: &str, statements: &mut dyn Iterator<Item = &str>) -> bool;
    /// Whether its effects cannot be seen in its text.
    fn is_hidden(&self, statement: Parsed<'_>, execution: &Execution) -> bool;
}

impl Dialect {
    pub(crate) fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::Postgres => &postgres::GRAMMAR,
            Self::Mysql => &mysql::MYSQL,
            Self::Mariadb => &mysql::MARIADB,
            Self::Sqlite => &sqlite::GRAMMAR,
        }
    }
}
