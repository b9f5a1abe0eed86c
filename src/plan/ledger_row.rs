//! A row of the ledger.

use super::kind::Kind;
use crate::migration::{Checksum, Version};

/// A row of the ledger: which file it is about. Of those in force a plan is made, and each attempt has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerRow {
    /// The row's number: rows are numbered in the order they came.
    pub id: i64,
    /// Whether it was run, which way, and by whom.
    pub kind: Kind,
    /// As in the file's name; for a repeatable file, the placeholder.
    pub version: Version,
    /// The file's name then.
    pub file: String,
    /// Of the file's bytes then.
    pub checksum: Checksum,
    /// Of its tokens then; see [`Checksum::of_tokens`].
    pub token_checksum: Checksum,
}

impl LedgerRow {
    /// Whether another row is about the same: the version, or the repeatable file, and the way it goes.
    #[must_use]
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        let is_same_file = self.kind != Kind::Repeatable || self.file == other.file;
        self.kind == other.kind && self.version == other.version && is_same_file
    }
}
