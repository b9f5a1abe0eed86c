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

/// A statement of a migration that is begun and not applied: a row of the statement journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BegunStatement {
    /// The migration's version.
    pub version: Version,
    /// The statement's number in its file, from 1.
    pub number: usize,
    /// Of its tokens when it ran; see [`Checksum::of_tokens`].
    pub checksum: Checksum,
    /// Where it is.
    pub state: StatementState,
}

/// Where a statement of the statement journal is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatementState {
    /// It was sent; its end was not recorded.
    Started,
    /// It has run.
    Finished,
    /// The server refused it.
    Failed,
}

/// All migrations in force, in version order, and what is begun.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LedgerState {
    applied: Vec<AppliedRow>,
    begun: Vec<BegunStatement>,
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
        Self { applied, begun: Vec::new() }
    }

    /// The same with the statements of migrations that are begun and not applied.
    #[must_use]
    pub fn with_begun(self, begun: Vec<BegunStatement>) -> Self {
        Self { begun, ..self }
    }

    /// The statements of a version that is begun and not applied.
    pub fn begun(&self, version: &Version) -> impl Iterator<Item = &BegunStatement> {
        self.begun.iter().filter(move |statement| statement.version == *version)
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
