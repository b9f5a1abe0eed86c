//! What a run is asked for.

use std::fmt;
use std::str::FromStr;

use super::target::Target;
use crate::migration::{Checksum, InvalidVersion, MigrationFiles, Version};
use crate::policy::{OutOfOrder, TransactionScope};

/// What a run is asked for.
#[derive(Clone, Debug)]
pub enum Goal<'a> {
    /// To apply what is pending.
    Migrate {
        set: &'a MigrationFiles,
        /// How far, and by which rules.
        options: PlanOptions,
        /// How to treat another tool's history where the ledger has none.
        on_foreign_history: OnForeignHistory,
    },
    /// To undo what is newer than a version, by the rollback SQL that the ledger kept.
    Rollback {
        /// The version that stays.
        to: RollbackTarget,
        /// The hash of the plan that was shown: another one is refused. None where any is right.
        shown: Option<Checksum>,
    },
}

impl Goal<'_> {
    /// Which of the files share a transaction.
    #[must_use]
    pub fn transaction(&self) -> TransactionScope {
        match self {
            Self::Migrate { options, .. } => options.transaction,
            Self::Rollback { .. } => TransactionScope::File,
        }
    }
}

/// How far to migrate, and by which rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlanOptions {
    pub target: Target,
    /// How to treat a pending migration that is older than an applied one.
    pub out_of_order: OutOfOrder,
    /// Which of the files share a transaction.
    pub transaction: TransactionScope,
}

impl PlanOptions {
    /// To a target, by the rules that hold where nothing else is said.
    #[must_use]
    pub fn to(target: Target) -> Self {
        Self { target, out_of_order: OutOfOrder::Reject, transaction: TransactionScope::File }
    }
}

/// How to treat another tool's history.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnForeignHistory {
    /// It ends before anything is run.
    #[default]
    Refuse,
    /// The run continues: a person has said so.
    Ignore,
}

/// The version that a rollback leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RollbackTarget {
    /// Nothing is in force any more.
    Empty,
    /// This version stays, and what is older.
    Version(Version),
}

impl RollbackTarget {
    /// The word for an empty ledger.
    pub const EMPTY: &'static str = "empty";

    /// The version that stays; None where none does.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Empty => None,
            Self::Version(version) => Some(version),
        }
    }
}

impl FromStr for RollbackTarget {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::EMPTY { Ok(Self::Empty) } else { text.parse().map(Self::Version) }
    }
}

impl fmt::Display for RollbackTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(Self::EMPTY),
            Self::Version(version) => version.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Goal, OnForeignHistory, PlanOptions, RollbackTarget};
    use crate::migration::{MigrationFiles, SourceFile};
    use crate::plan::Target;
    use crate::policy::TransactionScope;
    use crate::sql::Dialect;

    #[test]
    fn files_share_a_transaction_where_a_migration_asks_for_it_and_a_rollback_never() {
        let file = SourceFile { name: "1_a.sql".to_owned(), bytes: b"select 1".to_vec() };
        let set = MigrationFiles::sorted(vec![file], Dialect::Postgres).unwrap();
        for transaction in [TransactionScope::All, TransactionScope::File] {
            let options = PlanOptions { transaction, ..PlanOptions::to(Target::Latest) };
            let goal = Goal::Migrate { set: &set, options, on_foreign_history: OnForeignHistory::default() };
            assert_eq!(goal.transaction(), transaction);
        }
        let rollback = Goal::Rollback { to: RollbackTarget::Empty, shown: None };
        assert_eq!(rollback.transaction(), TransactionScope::File);
    }
}
