//! Which statements cannot run as a part of their file. Found before anything runs, so that no file is half applied
//! for a reason that could have been known.

use super::transaction::TransactionMode;

/// Why a statement cannot run here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Data would come from, or go to, a client that is not there.
    #[error(
        "COPY … {0} needs a client that streams the data; write the rows as INSERT statements, or load them outside \
         the migrations"
    )]
    Copy(&'static str),
    /// The server refuses it inside a transaction block, and its file is one transaction.
    #[error(
        "{0} cannot run inside a transaction, but the other statements make this file one; move it to its own file, \
         or put the line `-- schemaward: no-transaction` first: each statement is then committed separately, and \
         an interrupted run resumes after the last one that ran"
    )]
    MixedFile(&'static str),
    /// What an interrupted run left of it could not be told from other indexes.
    #[error(
        "CREATE INDEX CONCURRENTLY needs a name for the index here; write one after CONCURRENTLY: without it, the \
         index that an interrupted run leaves could not be found"
    )]
    NamelessIndex,
    /// It would make, or end, a transaction in a file that is none.
    #[error(
        "{0} has no place in a file whose statements are each committed separately; remove it, or move what belongs \
         in one transaction to its own file"
    )]
    WithoutTransaction(&'static str),
    /// It would begin or end a transaction in the middle of the file's own.
    #[error(
        "{0} would start or end a transaction, but a file is already one transaction; remove it, or split the file \
         in two (SAVEPOINT and ROLLBACK TO are allowed; so is a plain BEGIN as first statement with COMMIT as last)"
    )]
    TransactionControl(&'static str),
    /// It would drop the session's locks.
    #[error("DISCARD ALL would drop the lock this run holds; remove it: the session is reset between files anyway")]
    DiscardAll,
    /// It would come too late for the strings behind it.
    #[error(
        "standard_conforming_strings = off has no effect here: the file is one transaction, and the server reads \
         all of it before it runs the first statement; remove it and write strings with backslash escapes as \
         E'...', or put the line `-- schemaward: no-transaction` first: each statement is then committed separately"
    )]
    StringsOtherwise,
    /// Its texts, and the server's errors, would be read in another encoding than they are written in.
    #[error(
        "client_encoding is UTF8 in every run, since files are read as UTF-8: in another one the server would take letters \
         for others, and its errors could not be read; remove this, and write the file in UTF-8"
    )]
    ClientEncoding,
    /// It would act on a transaction where there is none.
    #[error(
        "{0} has no transaction to act on: on MySQL and MariaDB each statement is committed separately, since DDL \
         would commit whatever is open; remove it"
    )]
    NoTransactions(&'static str),
    /// Nothing could be written down of what runs behind it.
    #[error(
        "{0} would make the session's transactions read-only, in which no row of the journal can be written; remove it"
    )]
    ReadOnly(&'static str),
    /// A pragma that counts outside a transaction only.
    #[error(
        "{0} does nothing inside a transaction, and this file is one; put the line `-- schemaward: no-transaction` \
         first: each statement is then committed separately"
    )]
    WithoutEffect(&'static str),
    /// It would change the session's database.
    #[error(
        "USE would change the database that this run works in, for later files too; remove it, and qualify the \
         tables of another database with its name, such as other.customers"
    )]
    Use,
    /// The client would send a file of its own.
    #[error(
        "LOAD DATA LOCAL needs a client that sends the file; write the rows as INSERT statements, or load them \
         outside the migrations"
    )]
    LoadLocal,
    /// The run could not write its journal under it.
    #[error(
        "{0} would keep this run from recording what it has done; remove it: an ALTER TABLE locks its table itself, and \
         what must change together fits into one UPDATE or INSERT"
    )]
    LockTables(&'static str),
    /// It would take or release locks as the run's own.
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
    /// It belongs to a body that was not read as one.
    #[error(
        "no statement starts with {0}: this is part of the body of a routine, trigger or event that was not read as \
         one; put the line `DELIMITER //` before the statement that creates it, `//` after its end, and `DELIMITER \
         ;` after that"
    )]
    PieceOfBody(String),
    /// It is about the server, not about the schema.
    #[error("{0} ends connections or the server, this run's perhaps; remove it")]
    Server(&'static str),
}

/// Why a statement cannot run, by the mode of its file; None where nothing speaks against it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Refusals {
    /// In a file that is one transaction.
    pub(crate) per_file: Option<Refusal>,
    /// In one whose statements are each committed by itself.
    pub(crate) per_statement: Option<Refusal>,
}

impl Refusals {
    pub(crate) fn of(self, mode: TransactionMode) -> Option<Refusal> {
        match mode {
            TransactionMode::PerFile => self.per_file,
            TransactionMode::PerStatement => self.per_statement,
        }
    }
}

/// A plain statement that may wrap a whole file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wrapper {
    /// `BEGIN`, `BEGIN WORK`, `BEGIN TRANSACTION`, `START TRANSACTION`.
    Begin,
    /// `COMMIT` or `END`, with `WORK` or `TRANSACTION`.
    Commit,
}
