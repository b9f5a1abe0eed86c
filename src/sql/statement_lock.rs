//! Which lock a statement takes, and whom that keeps waiting, in the words of its engine. What the statement's kind alone
//! does not tell stays unsaid.

/// What becomes of others' reads or writes while a lock is held.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Others {
    /// They go on, but perhaps for a moment.
    GoOn,
    /// They may have to wait: the statement alone does not tell.
    MayWait,
    Wait,
}

impl Others {
    /// As JSON writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoOn => "goOn",
            Self::MayWait => "mayWait",
            Self::Wait => "wait",
        }
    }
}

/// A lock, what it is on, and whom it keeps waiting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementLock {
    /// Its mode, as the engine writes it.
    pub mode: &'static str,
    /// What it is on, as the statement writes it.
    pub on: String,
    /// Others' reads of it.
    pub reads: Others,
    /// Others' writes to it.
    pub writes: Others,
}

impl StatementLock {
    /// What the mode's name does not say, as the end of a line; empty where it says all.
    #[must_use]
    pub fn remark(&self) -> &'static str {
        match (self.mode, self.reads, self.writes) {
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
    use crate::sql::{Dialect, Facts};

    fn statement_lock(sql: &str, dialect: Dialect) -> Option<StatementLock> {
        Facts::of(sql, dialect).lock
    }

    #[rstest]
    #[case("alter table t add b int", Others::Wait, Others::Wait)]
    #[case("create index i on t (a)", Others::GoOn, Others::Wait)]
    #[case("alter table t add foreign key (a) references u", Others::GoOn, Others::Wait)]
    #[case("create index concurrently i on t (a)", Others::GoOn, Others::GoOn)]
    #[case("insert into t values (1)", Others::GoOn, Others::GoOn)]
    fn whom_a_lock_of_postgresql_keeps_waiting(#[case] sql: &str, #[case] reads: Others, #[case] writes: Others) {
        let lock = statement_lock(sql, Dialect::Postgres).unwrap();
        assert_eq!((lock.reads, lock.writes, lock.remark()), (reads, writes, ""));
    }

    #[rstest]
    #[case("create table t (a)", Some("RESERVED on the database file, writes wait"))]
    #[case("vacuum", Some("EXCLUSIVE on the database file, reads and writes wait"))]
    #[case("pragma journal_mode = wal", None)]
    #[case("attach 'x' as x", None)]
    fn sqlite_locks_the_whole_file(#[case] sql: &str, #[case] expected: Option<&str>) {
        let lock = statement_lock(sql, Dialect::Sqlite);
        let told = lock.map(|lock| format!("{} on {}{}", lock.mode, lock.on, lock.remark()));
        assert_eq!(told.as_deref(), expected);
    }
}
