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

    /// A step back.
    #[must_use]
    pub fn back(rollback: Migration) -> Self {
        Self { kind: Kind::Rollback, migration: Cow::Owned(rollback) }
    }
}
