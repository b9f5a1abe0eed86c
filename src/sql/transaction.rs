//! Which transactions a file's statements run in: the file as one, or each statement by itself; and what a statement
//! that cannot run in any transaction would leave in the catalog. Says what is to be done, does nothing.

use super::name::Name;

/// Which transactions a file's statements run in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TransactionMode {
    /// The whole file is one transaction, with its row in the ledger.
    PerFile,
    /// Each statement is committed by itself, with its row in the statement journal.
    PerStatement,
}

/// How a statement of a [`TransactionMode::PerStatement`] file is executed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Execution {
    /// In a transaction with its row in the journal: both or neither.
    Transaction,
    /// The same. It changes the session alone, so it runs again where a run resumes behind it.
    Setting,
    /// The same outside any transaction, where alone it has an effect: a `PRAGMA` of `SQLite`. No row tells of it.
    SettingAlone,
    /// In no transaction, between a row *started* and its end. What is left of it where the end was not recorded, the
    /// catalog tells, or nobody.
    Alone(Trace),
    /// `CREATE INDEX CONCURRENTLY` without a name: refused.
    NamelessIndex,
}

/// What an interrupted statement leaves in the catalog. Names are as the file writes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trace {
    /// `MySQL`, `MariaDB`: the object is there where the statement came to its end, if it was not before.
    Appears(CatalogObject),
    /// `MySQL`, `MariaDB`: the object is gone where the statement came to its end, if it was there before.
    Disappears(CatalogObject),
    /// `MariaDB`: the same of the last of several, which are dropped one by one.
    LastDisappears(CatalogObject),
    /// `MySQL`, `MariaDB`: the first object is gone and the second is there where the statement came to its end, if it
    /// was the other way round before.
    Renamed {
        /// As it was called.
        from: Box<CatalogObject>,
        /// As it is to be called.
        to: Box<CatalogObject>,
    },
    /// `CREATE INDEX CONCURRENTLY`: an index, which is not valid unless the statement came to its end.
    CreatedIndex {
        name: String,
        /// The table, in whose schema the index lies.
        table: String,
    },
    /// `DROP INDEX CONCURRENTLY`: the index is gone where it came to its end.
    DroppedIndex { name: String },
    /// `REINDEX CONCURRENTLY` of an index: half-built copies, and it may run again.
    ReindexedIndex { name: String },
    /// `REINDEX CONCURRENTLY` of a table: half-built copies, and it may run again.
    ReindexedTable { name: String },
    /// Nothing that matters: to run it twice is to run it once (`VACUUM`, `ALTER SYSTEM`, …).
    Repeatable,
    /// Nothing that could be relied on.
    Unknown,
    /// The same of one that may commit in its middle, so that a part of it stays where the server refuses the rest
    /// (`CALL`, …).
    Parts,
}

impl Trace {
    /// Whether nothing in the catalog tells how the statement ended.
    #[must_use]
    pub fn tells_nothing(&self) -> bool {
        matches!(self, Self::Unknown | Self::Parts)
    }
}

/// Something that `information_schema` can tell of. Names are without quotes, in the file's own letters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum CatalogObject {
    /// A database, which is also called schema.
    Database(String),
    /// A table, or a sequence of `MariaDB`, which is one to `information_schema.tables`.
    Table(ObjectName),
    View(ObjectName),
    /// A column of a table.
    Column {
        table: ObjectName,
        name: String,
    },
    /// An index of a table; the primary key's name is `PRIMARY`.
    Index {
        table: ObjectName,
        name: String,
    },
    /// A foreign key or a check of a table.
    Constraint {
        table: ObjectName,
        name: String,
    },
    Procedure(ObjectName),
    Function(ObjectName),
    Trigger(ObjectName),
    /// An event of the scheduler.
    Event(ObjectName),
}

/// A name in a database.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ObjectName {
    /// The database; None for the session's.
    pub database: Option<String>,
    /// The name in it.
    pub name: String,
}

impl ObjectName {
    pub(crate) fn of(name: &Name) -> Self {
        Self { database: name.schema().map(|schema| schema.as_str().to_owned()), name: name.last().as_str().to_owned() }
    }
}
