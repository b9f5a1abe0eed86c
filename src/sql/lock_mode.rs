//! The modes of `PostgreSQL`'s locks on tables.
//!
//! Source: `PostgreSQL` 13 to 18, 13.3.1 "Table-Level Locks".

use std::fmt;

/// A lock's mode, the weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TableLockMode {
    /// Stands only against those that stop reads.
    AccessShare,
    /// SELECT … FOR UPDATE.
    RowShare,
    RowExclusive,
    /// Against other changes of the schema; reads and writes go on.
    ShareUpdateExclusive,
    Share,
    /// Writes wait, and others of its kind.
    ShareRowExclusive,
    /// Only reads go on.
    Exclusive,
    /// Reads and writes wait.
    AccessExclusive,
}

impl TableLockMode {
    pub(crate) const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// As `PostgreSQL` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

impl fmt::Display for TableLockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
