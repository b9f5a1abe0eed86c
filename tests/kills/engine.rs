//! What the kill tests need from an engine: a plan, a lock that stops one of its statements, who waits, and what
//! exists.

use crate::client::{Client, Rows};
use crate::server::Server;

pub const STATEMENTS: usize = 40;

/// A migration: name, first line, statements. `#` stands for `_` and the statement's number in the plan: each statement
/// works on a table of its own, `t#`, whose lock it has to wait for before it does anything.
///
/// None of them can be executed twice unnoticed: the second time it fails, or changes rows again. (Except `VACUUM` and
/// `REINDEX`, for which twice is as good as once.)
pub type File = (&'static str, &'static str, &'static [&'static str]);

/// What is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// SIGKILL of the process that runs the migrations.
    Runner,
    /// The server ends the connection.
    Connection,
    /// SIGKILL of the server's process for the connection, if it has one.
    Backend,
    /// SIGKILL of all the server's processes.
    Server,
}

/// A session that waits for a lock.
#[derive(Debug)]
pub struct Waiting {
    pub connection: String,
    /// The table or the statement.
    pub what: String,
}

pub trait Engine: Sync {
    fn server(&self) -> &Server;
    fn files(&self) -> &'static [File];
    /// Creates a database with the tables that the plan uses.
    fn create(&self, admin: &mut Client, database: &str) -> Result<(), String>;
    fn drop(&self, admin: &mut Client, database: &str) -> Result<(), String>;
    /// Locks tables against everything, until [`Self::unlock`].
    fn lock(&self, tables: &[String]) -> String;
    /// Locks the ledger's rows against writes.
    fn lock_ledger(&self) -> String;
    fn unlock(&self) -> &'static str;
    /// Connections that wait for a lock, except those of the tests.
    fn waiting(&self, database: &str) -> String;
    /// Connections of the tests that wait for the lock of [`Self::lock_ledger`].
    fn asking(&self, database: &str) -> String;
    fn is_at(&self, waiting: &Waiting, table: &str, statement: &str) -> bool;
    /// Ends the connection as an administrator would.
    fn end_connection(&self, connection: &str) -> String;
    /// Returns a row while the connection exists.
    fn is_there(&self, connection: &str) -> String;
    /// Definitions and rows, one on each line.
    fn dump(&self, client: &mut Client) -> Result<Vec<String>, String>;
    /// The full name of a ledger's table.
    fn ledger_table(&self, name: &str) -> String;
    /// Queries the ledger; apart from table names, the same for every engine.
    fn ledger(&self, client: &mut Client, columns: &str, table: &str, rest: &str) -> Result<Rows, String> {
        client.rows(&format!("SELECT {columns} FROM {} {rest}", self.ledger_table(table)))
    }
}

pub fn table(statement: usize) -> String {
    format!("t_{statement:02}")
}
