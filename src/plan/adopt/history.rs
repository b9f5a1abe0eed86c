//! What another tool's history says.

use super::checksum::ForeignChecksum;
use super::problem::AdoptProblem;

/// What another tool's history says is applied.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ForeignHistory {
    /// Everything up to this version, whatever the folder has there: the tool keeps one number only, or has a baseline.
    pub up_to: Option<String>,
    pub each: Vec<ForeignMigration>,
}

/// A migration in another tool's history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignMigration {
    /// Its version, as the tool writes it.
    pub version: String,
    /// What the tool has kept of its file.
    pub checksum: Option<ForeignChecksum>,
    /// Whether the tool itself has one of this version: it counts only where the folder has a file of it.
    pub may_be_its_own: bool,
}

impl ForeignMigration {
    /// One that can be none of the tool's own.
    pub(super) fn new(version: String, checksum: Option<ForeignChecksum>) -> Self {
        Self { version, checksum, may_be_its_own: false }
    }
}

impl ForeignHistory {
    /// Each of some versions, of whose files nothing is kept.
    pub(super) fn versions(versions: impl IntoIterator<Item = String>) -> Self {
        let each = versions.into_iter().map(|version| ForeignMigration::new(version, None)).collect();
        Self { up_to: None, each }
    }

    /// The version that it names last; None where nothing is applied, but perhaps for what the tool itself has made.
    #[must_use]
    pub fn newest(&self) -> Option<&str> {
        let each = self.each.iter().rev().find(|migration| !migration.may_be_its_own);
        each.map(|migration| migration.version.as_str()).or(self.up_to.as_deref())
    }
}

/// What reading a history gives.
pub(super) type Read = Result<ForeignHistory, AdoptProblem>;
