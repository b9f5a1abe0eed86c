//! What a ledger says is in force.

use crate::migration::{Checksum, Version};

/// A migration that was applied and is in force: the ledger's successful row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppliedRow {
    /// Its version.
    pub version: Version,
    /// Its file's name when it was applied.
    pub file: String,
    /// Of its file's bytes then.
    pub checksum: Checksum,
    /// Of its tokens then; see [`Checksum::of_tokens`].
    pub token_checksum: Checksum,
}

/// All migrations in force, in version order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LedgerState {
    applied: Vec<AppliedRow>,
}

impl LedgerState {
    /// From a ledger's rows in any order. Of two rows of one version the later one counts.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = AppliedRow>) -> Self {
        let mut applied: Vec<AppliedRow> = Vec::new();
        let mut rows: Vec<AppliedRow> = rows.into_iter().collect();
        // Stable, so that rows of one version stay in the order they came in.
        rows.sort_by(|a, b| a.version.cmp(&b.version));
        for row in rows {
            match applied.last_mut() {
                Some(last) if last.version == row.version => *last = row,
                _ => applied.push(row),
            }
        }
        Self { applied }
    }

    /// The rows in version order.
    #[must_use]
    pub fn applied(&self) -> &[AppliedRow] {
        &self.applied
    }

    /// The row of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&AppliedRow> {
        let index = self.applied.binary_search_by(|row| row.version.cmp(version)).ok()?;
        self.applied.get(index)
    }

    /// The newest version applied.
    #[must_use]
    pub fn current(&self) -> Option<&Version> {
        self.applied.last().map(|row| &row.version)
    }
}
