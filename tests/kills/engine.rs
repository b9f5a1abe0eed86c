//! What the kill tests need of an engine: a plan, a lock that stops one of its statements, who waits, and what is there.

use crate::client::{Client, Rows};
use crate::server::Server;

/// How many statements a plan has.
pub const STATEMENTS: usize = 40;

/// A migration: name, first line, statements. `#` stands for `_` and the statement's number in the plan: each works on a
/// table of its own, `t#`, whose lock it has to wait for before it does anything.
///
/// None of them can be executed twice unnoticed: the second time it fails, or changes rows again. (`VACUUM` and `REINDEX`
/// aside, of which twice is as good as once.)
pub type File = (&'static str, &'static str, &'static [&'static str]);

/// What is ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// SIGKILL of the process that runs the migrations.
    Runner,
    /// The server ends the connection.
    Connection,
    /// SIGKILL of the server's process that serves the connection, where it has one.
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
    /// A database with the tables that the plan works on.
    fn create(&self, admin: &mut Client, database: &str) -> Result<(), String>;
    fn drop(&self, admin: &mut Client, database: &str) -> Result<(), String>;
    /// Locks tables against everything, until [`Self::unlock`].
    fn lock(&self, tables: &[String]) -> String;
    /// Locks the ledger's rows against being written.
    fn lock_ledger(&self) -> String;
    fn unlock(&self) -> &'static str;
    /// Connections that wait for a lock, other than those of the tests.
    fn waiting(&self, database: &str) -> String;
    /// Connections of the tests that wait for what [`Self::lock_ledger`] asks for.
    fn asking(&self, database: &str) -> String;
    fn is_at(&self, waiting: &Waiting, table: &str, statement: &str) -> bool;
    /// Ends the connection by the server's own means.
    fn end_connection(&self, connection: &str) -> String;
    /// A row as long as the connection is there.
    fn is_there(&self, connection: &str) -> String;
    /// Definitions and rows, one a line.
    fn dump(&self, client: &mut Client) -> Result<Vec<String>, String>;
    /// The ledger's table of this name, as the database has it.
    fn ledger_table(&self, name: &str) -> String;
    /// Queries of the ledger: `SELECT` aside, the same for every engine.
    fn ledger(&self, client: &mut Client, columns: &str, table: &str, rest: &str) -> Result<Rows, String> {
        client.rows(&format!("SELECT {columns} FROM {} {rest}", self.ledger_table(table)))
    }
}

pub fn table(statement: usize) -> String {
    format!("t_{statement:02}")
}
