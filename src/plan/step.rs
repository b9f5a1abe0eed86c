//! One step of a plan.

use std::borrow::Cow;

use super::kind::Kind;
use crate::migration::Migration;

/// One step of a plan: SQL to run and to record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step<'a> {
    /// Which way, and why: [`Kind::Migration`], [`Kind::Repeatable`] or [`Kind::Rollback`].
    pub kind: Kind,
    /// The source's file; of a rollback, the SQL that the ledger kept, in the form of a file of its own.
    pub migration: Cow<'a, Migration>,
}

impl<'a> Step<'a> {
    /// A step forward.
    #[must_use]
    pub fn forward(migration: &'a Migration) -> Self {
        Self { kind: Kind::Migration, migration: Cow::Borrowed(migration) }
    }

    /// A repeatable file that has changed, or has never run.
    #[must_use]
    pub fn again(repeatable: &'a Migration) -> Self {
        Self { kind: Kind::Repeatable, migration: Cow::Borrowed(repeatable) }
    }

    /// What identifies it among the plan's steps: the version, or a repeatable file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.kind {
            Kind::Repeatable => &self.migration.file,
            _ => self.migration.version.as_str(),
        }
    }

    /// A step back.
    #[must_use]
    pub fn back(rollback: Migration) -> Self {
        Self { kind: Kind::Rollback, migration: Cow::Owned(rollback) }
    }
}
