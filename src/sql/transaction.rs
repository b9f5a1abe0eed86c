//! In which transactions a file's statements run: all in one, or each in its own; and what a statement that cannot run
//! in a transaction leaves in the catalog. Only describes this; executes nothing.

use super::Dialect;
use super::name::Name;
use super::tokens::Parsed;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TransactionMode {
    /// The whole file is one transaction, which includes its row in the ledger.
    PerFile,
    /// Each statement is committed separately, with its row in the statement journal.
    PerStatement,
}

/// How a statement of a [`TransactionMode::PerStatement`] file is executed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Execution {
    /// In a transaction with its row in the journal: both or neither.
    Transaction,
    /// The same. It only changes the session, so it runs again when a run is resumed after it.
    Setting,
    /// The same outside any transaction, since it has no effect inside one: a `PRAGMA` of `SQLite`. It has no row in
    /// the journal.
    SettingAlone,
    /// In no transaction, between a row *started* and the record of its end. If the end was not recorded, only the
    /// catalog can show what the statement has done, if anything can.
    Alone(Trace),
    /// `CREATE INDEX CONCURRENTLY` without a name: refused.
    NamelessIndex,
}

/// What of a statement would reach into the next file of the same transaction; None where nothing would.
#[must_use]
pub fn outlasts_file(sql: &str, dialect: Dialect) -> Option<&'static str> {
    Parsed::ask(sql, dialect, |statement| dialect.grammar().outlasts_file(statement))
}

/// What an interrupted statement leaves in the catalog. Names are as the file writes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trace {
    /// `MySQL`, `MariaDB`: the object exists if the statement finished, provided that it did not exist before.
    Appears(CatalogObject),
    /// `MySQL`, `MariaDB`: the object is gone if the statement finished, provided that it existed before.
    Disappears(CatalogObject),
    /// `MariaDB`: the same for the last of several objects, which are dropped one by one.
    LastDisappears(CatalogObject),
    /// `MySQL`, `MariaDB`: the first object is gone and the second exists if the statement finished, provided that it
    /// was the other way round before.
    Renamed { from: Box<CatalogObject>, to: Box<CatalogObject> },
    /// `CREATE INDEX CONCURRENTLY`: an index, which is invalid unless the statement finished.
    CreatedIndex {
        name: String,
        /// The table, whose schema is also the index's.
        table: String,
    },
    /// `DROP INDEX CONCURRENTLY`: the index is gone if it finished.
    DroppedIndex { name: String },
    /// `REINDEX CONCURRENTLY` of an index: half-built copies; it may run again.
    ReindexedIndex { name: String },
    /// `REINDEX CONCURRENTLY` of a table: half-built copies; it may run again.
    ReindexedTable { name: String },
    /// `REINDEX CONCURRENTLY` of a schema or a database: the same, anywhere in it.
    ReindexedMany,
    /// `DETACH PARTITION CONCURRENTLY`: a partition that is pending, which only `FINALIZE` can detach.
    DetachedPartition { table: String, partition: String },
    /// Nothing that matters: running it twice has the same effect as once (`VACUUM`, `ALTER SYSTEM`, …).
    Repeatable,
    /// Nothing that can be relied on.
    Unknown,
    /// The same, for a statement that may commit in the middle, so that part of it stays even if the server refuses the
    /// rest (`CALL`, …).
    Parts,
}

impl Trace {
    /// Whether nothing in the catalog shows how the statement ended.
    #[must_use]
    pub fn tells_nothing(&self) -> bool {
        matches!(self, Self::Unknown | Self::Parts | Self::DetachedPartition { .. })
    }
}

/// An object that `information_schema` shows. Names are without quotes, in the case that the file uses.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum CatalogObject {
    /// A database, also called a schema.
    Database(Box<str>),
    /// A table, or a sequence of `MariaDB`, which `information_schema.tables` lists as well.
    Table(ObjectName),
    View(ObjectName),
    Column {
        table: ObjectName,
        name: Box<str>,
    },
    /// An index of a table; the primary key's name is `PRIMARY`.
    Index {
        table: ObjectName,
        name: Box<str>,
    },
    /// A foreign key or a check constraint of a table.
    Constraint {
        table: ObjectName,
        name: Box<str>,
    },
    Procedure(ObjectName),
    Function(ObjectName),
    Trigger(ObjectName),
    /// An event of the scheduler.
    Event(ObjectName),
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ObjectName {
    /// None for the session's database.
    pub database: Option<Box<str>>,
    pub name: Box<str>,
}

impl ObjectName {
    pub(crate) fn of(name: &Name) -> Self {
        Self { database: name.schema().map(|schema| schema.as_str().into()), name: name.last().as_str().into() }
    }
}
