//! Which statements cannot run as part of their file. They are found before anything runs, so that no file is left half
//! applied for a reason that could have been known.

use super::transaction::TransactionMode;

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no client to send the data, or to receive them.
    #[error(
        "COPY … {0} needs a client that streams the data; write the rows as INSERT statements (pg_dump --inserts does), \
         or load them outside the migrations"
    )]
    Copy(&'static str),
    /// The server refuses it inside a transaction block, and its file is one transaction.
    #[error(
        "{0} cannot run inside a transaction, but the other statements make this file one; move it to its own file, \
         or put the line `-- schemaward: no-transaction` first: each statement is then committed separately, and \
         an interrupted run resumes after the last one that ran"
    )]
    MixedFile(&'static str),
    /// The index of an interrupted run could not be told from other indexes.
    #[error(
        "CREATE INDEX CONCURRENTLY needs a name for the index here; write one after CONCURRENTLY: without it, the \
         index left by an interrupted run could not be found"
    )]
    NamelessIndex,
    /// It would begin or end a transaction in a file without one.
    #[error(
        "{0} has no place in a file whose statements are each committed separately; remove it, or put a plain BEGIN \
         before the statements that belong in one transaction, and COMMIT after them"
    )]
    WithoutTransaction(&'static str),
    /// It would begin or end a transaction inside the file's own.
    #[error(
        "{0} would start or end a transaction, but a file is already one transaction; remove it, or split the file \
         in two (SAVEPOINT and ROLLBACK TO are allowed; so is a plain BEGIN with a COMMIT for each)"
    )]
    TransactionControl(&'static str),
    /// A transaction's mode in the statement that begins it.
    #[error(
        "{0} with a mode of the transaction is not supported; write a plain BEGIN, and SET TRANSACTION with the mode \
         as the first statement after it"
    )]
    TransactionModes(&'static str),
    /// The server refuses or ignores it inside a transaction, and it is in one of the file's own.
    #[error("{0} cannot run between BEGIN and COMMIT; move it before the BEGIN or after the COMMIT")]
    InsideBlock(&'static str),
    #[error("DISCARD ALL would drop the lock this run holds; remove it: the session is reset between files anyway")]
    DiscardAll,
    /// It would have no effect on the strings that follow.
    #[error(
        "standard_conforming_strings = off has no effect here: the file is one transaction, and the server reads \
         all of it before it runs the first statement; remove it and write strings with backslash escapes as \
         E'...', or put the line `-- schemaward: no-transaction` first: each statement is then committed separately"
    )]
    StringsOtherwise,
    /// The file's text, and the server's errors, would be misread.
    #[error(
        "client_encoding is UTF8 in every run, since files are read as UTF-8: with another one the server would misread the \
         file's text, and its errors could not be decoded; remove this, and save the file as UTF-8"
    )]
    ClientEncoding,
    /// There is no transaction that it could act on.
    #[error(
        "{0} has no transaction to act on: on MySQL and MariaDB each statement is committed separately, since DDL \
         would commit whatever is open; remove it"
    )]
    NoTransactions(&'static str),
    /// The journal could not be written afterwards.
    #[error("{0} would make the session's transactions read-only, so that the journal could not be written; remove it")]
    ReadOnly(&'static str),
    /// A pragma that is ignored inside a transaction.
    #[error(
        "{0} does nothing inside a transaction, and this file is one; put the line `-- schemaward: no-transaction` \
         first: each statement is then committed separately"
    )]
    WithoutEffect(&'static str),
    #[error(
        "PRAGMA foreign_keys = ON does nothing inside a transaction, and this file is one; remove it if what follows does \
         not need foreign keys (each file starts without them, and the setting ends with it), or put the line \
         `-- schemaward: no-transaction` first: each statement is then committed separately"
    )]
    ForeignKeysOn,
    /// A pragma about a file without tables; the ledger's are there first.
    #[error(
        "PRAGMA encoding does nothing in a file that has tables, and the ledger's are there before the first migration; \
         remove it, and create the file with it first: sqlite3 app.db \"PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a); DROP \
         TABLE t\""
    )]
    Encoding,
    #[error(
        "{0} does nothing in a file that has tables, such as the ledger's, before the next VACUUM; write VACUUM after it, both \
         in a file of their own"
    )]
    NeedsVacuum(&'static str),
    #[error(
        "USE would change the database that this run works in, for later files too; remove it, and qualify the \
         tables of another database with its name, such as other.customers"
    )]
    Use,
    /// There is no client to send the file.
    #[error(
        "LOAD DATA LOCAL needs a client that sends the file; write the rows as INSERT statements, or load them \
         outside the migrations"
    )]
    LoadLocal,
    /// The run could not write its journal while the tables are locked.
    #[error(
        "{0} would keep this run from recording what it has done; remove it: each statement locks the table that it \
         changes; rows that must not change between two statements need one statement for both (ALTER TABLE … MODIFY \
         instead of ADD, UPDATE and DROP), or no writers while this file runs"
    )]
    LockTables(&'static str),
    /// What mysqldump writes for a server that is restored as a whole.
    #[error(
        "{0} is about a whole server that is restored, and the rows that record this run must reach its replicas; remove \
         it, or dump without it (mysqldump --set-gtid-purged=OFF)"
    )]
    BinaryLog(&'static str),
    /// It would take or release locks of the same kind as the run's own.
    #[error(
        "{0}() could release the lock this run holds; remove it: no other run uses this database at the same \
             time"
    )]
    NamedLock(&'static str),
    /// It would change how the run's own statements are committed.
    #[error(
        "SET autocommit has no effect here, where each statement is committed separately; write the other settings \
         as a separate statement"
    )]
    Autocommit,
    /// It belongs to a body that was not recognised as one.
    #[error(
        "no statement starts with {0}: this is part of the body of a routine, trigger or event that was not recognised as \
         one; put the line `DELIMITER //` before the statement that creates it, `//` after its end, and `DELIMITER \
         ;` after that"
    )]
    PieceOfBody(String),
    /// It is about the server, not about the schema.
    #[error("{0} ends connections or the server, perhaps this run's own; remove it")]
    Server(&'static str),
}

/// Why a statement cannot run, by the mode of its file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Refusals {
    /// In a file that is one transaction.
    pub(crate) per_file: Option<Refusal>,
    /// In a file whose statements are committed separately.
    pub(crate) per_statement: Option<Refusal>,
}

impl Refusals {
    /// In a transaction of the file's own, among others.
    pub(crate) fn in_block(self) -> Option<Refusal> {
        self.per_file.map(|why| match why {
            Refusal::MixedFile(what) | Refusal::WithoutEffect(what) => Refusal::InsideBlock(what),
            other => other,
        })
    }

    pub(crate) fn of(self, mode: TransactionMode) -> Option<Refusal> {
        match mode {
            TransactionMode::PerFile => self.per_file,
            TransactionMode::PerStatement => self.per_statement,
        }
    }
}

/// What begins or ends a transaction of a file's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wrapper {
    /// `BEGIN`, `BEGIN WORK`, `BEGIN TRANSACTION`, `START TRANSACTION`.
    Begin,
    /// `COMMIT` or `END`, with or without `WORK` or `TRANSACTION`.
    Commit,
    /// `COMMIT AND CHAIN`.
    CommitAndBegin,
}
