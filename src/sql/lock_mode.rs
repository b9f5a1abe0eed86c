//! The modes of `PostgreSQL`'s locks on tables.
//!
//! Source: `PostgreSQL` 13 to 18, 13.3.1 "Table-Level Locks".

use std::fmt;

/// Weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TableLockMode {
    /// Conflicts only with modes that block reads.
    AccessShare,
    /// SELECT … FOR UPDATE.
    RowShare,
    RowExclusive,
    /// Blocks other schema changes; reads and writes continue.
    ShareUpdateExclusive,
    Share,
    /// Blocks writes, and itself.
    ShareRowExclusive,
    /// Only reads continue.
    Exclusive,
    /// Blocks reads and writes.
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
