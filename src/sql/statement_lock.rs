//! The locks that a statement takes, on what, and whom they block. Nothing is said about what cannot be seen from the
//! statement's kind.

use super::Dialect;
use super::lock_mode::TableLockMode;
use super::name::Name;
use super::tokens::Parsed;

/// What happens to others' reads or writes while a lock is held.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Others {
    /// They continue, except perhaps for a moment.
    GoOn,
    /// They may have to wait; the statement alone does not show it.
    MayWait,
    Wait,
}

impl Others {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoOn => "goOn",
            Self::MayWait => "mayWait",
            Self::Wait => "wait",
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementLock {
    pub strongest: Lock,
    /// Locks on other objects, strongest first.
    pub others: Vec<Lock>,
    /// Others' reads of what the strongest lock is on.
    pub reads: Others,
    /// Others' writes to it.
    pub writes: Others,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lock {
    pub mode: LockMode,
    pub on: Locked,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockMode {
    /// On a table of `PostgreSQL`.
    Table(TableLockMode),
    /// On the metadata of a table of `MySQL` or `MariaDB`.
    Metadata(MetadataLockMode),
    /// On a database file of `SQLite`.
    File(FileLockMode),
}

/// The modes of metadata locks that statements here take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetadataLockMode {
    SharedWrite,
    Exclusive,
}

/// The modes of file locks that statements here hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileLockMode {
    Reserved,
    Exclusive,
}

impl LockMode {
    /// As the engine writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table(mode) => mode.as_str(),
            Self::Metadata(MetadataLockMode::SharedWrite) => "SHARED_WRITE",
            Self::File(FileLockMode::Reserved) => "RESERVED",
            Self::Metadata(MetadataLockMode::Exclusive) | Self::File(FileLockMode::Exclusive) => "EXCLUSIVE",
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Locked {
    /// A table, index or view.
    Relation(Name),
    /// The table of an index or a trigger.
    TableOf(Name),
    /// The indexes of a table.
    IndexesOf(Name),
    DatabaseFile,
}

impl Locked {
    /// The text for people. `before`: what was listed before it, and whether in the same mode.
    fn told(&self, before: Option<(&Self, bool)>) -> String {
        match (self, before) {
            (Self::TableOf(name), Some((Self::TableOf(_), true))) | (Self::Relation(name), _) => name.to_string(),
            (Self::TableOf(name), Some((Self::Relation(index), _))) if index == name => "its table".to_owned(),
            (Self::TableOf(name), _) => format!("the table of {name}"),
            (Self::IndexesOf(name), _) => format!("the indexes of {name}"),
            (Self::DatabaseFile, _) => "the database file".to_owned(),
        }
    }
}

impl StatementLock {
    /// The locks of a statement; None if they cannot be seen from its kind.
    #[must_use]
    pub fn of(sql: &str, dialect: Dialect) -> Option<Self> {
        Parsed::ask(sql, dialect, |statement| dialect.grammar().statement_lock(statement))
    }

    /// Several locks in the same mode; None if there are none.
    pub(crate) fn of_one_mode(mode: LockMode, on: Vec<Locked>, reads: Others, writes: Others) -> Option<Self> {
        let mut locks = on.into_iter().map(|on| Lock { mode, on });
        Some(Self { strongest: locks.next()?, others: locks.collect(), reads, writes })
    }

    /// What the locks are on, for people: `t, and SHARE ROW EXCLUSIVE on u`.
    #[must_use]
    pub fn on(&self) -> String {
        let mut text = self.strongest.on.told(None);
        let mut before = &self.strongest;
        for lock in &self.others {
            let is_alike = lock.mode == before.mode;
            text.push_str(", ");
            if !is_alike {
                text.extend(["and ", lock.mode.as_str(), " on "]);
            }
            text.push_str(&lock.on.told(Some((&before.on, is_alike))));
            before = lock;
        }
        text
    }

    /// What the mode's name does not say, for the end of a line; empty if there is nothing to add.
    #[must_use]
    pub fn remark(&self) -> &'static str {
        match (self.strongest.mode.as_str(), self.reads, self.writes) {
            ("EXCLUSIVE", Others::GoOn, Others::GoOn) => ", writes go on",
            ("EXCLUSIVE", Others::GoOn, Others::MayWait) => ", writes may wait",
            ("EXCLUSIVE", Others::GoOn, Others::Wait) | ("RESERVED", ..) => ", writes wait",
            ("EXCLUSIVE", Others::Wait, Others::Wait) => ", reads and writes wait",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("alter table t add b int", Others::Wait, Others::Wait)]
    #[case("create index i on t (a)", Others::GoOn, Others::Wait)]
    #[case("alter table t add foreign key (a) references u", Others::GoOn, Others::Wait)]
    #[case("create index concurrently i on t (a)", Others::GoOn, Others::GoOn)]
    #[case("insert into t values (1)", Others::GoOn, Others::GoOn)]
    fn whom_a_lock_of_postgresql_keeps_waiting(#[case] sql: &str, #[case] reads: Others, #[case] writes: Others) {
        let lock = StatementLock::of(sql, Dialect::Postgres).unwrap();
        assert_eq!((lock.reads, lock.writes, lock.remark()), (reads, writes, ""));
    }

    #[rstest]
    #[case("create table t (a)", Some("RESERVED on the database file, writes wait"))]
    #[case("vacuum", Some("EXCLUSIVE on the database file, reads and writes wait"))]
    #[case("pragma journal_mode = wal", None)]
    #[case("attach 'x' as x", None)]
    fn sqlite_locks_the_whole_file(#[case] sql: &str, #[case] expected: Option<&str>) {
        let lock = StatementLock::of(sql, Dialect::Sqlite);
        let told = lock.map(|lock| format!("{} on {}{}", lock.strongest.mode.as_str(), lock.on(), lock.remark()));
        assert_eq!(told.as_deref(), expected);
    }
}
