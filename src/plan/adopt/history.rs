//! What another tool's history says.

use super::checksum::ForeignChecksum;
use super::problem::AdoptProblem;

/// What another tool's history says is applied.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ForeignHistory {
    /// Everything up to this version, whatever the folder has there: the tool keeps one number only, or has a baseline.
    pub up_to: Option<String>,
    /// Each of these.
    pub each: Vec<ForeignMigration>,
}

/// A migration in another tool's history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignMigration {
    /// Its version, as the tool writes it.
    pub version: String,
    /// What the tool has kept of its file.
    pub checksum: Option<ForeignChecksum>,
}

impl ForeignHistory {
    /// Each of some versions, of whose files nothing is kept.
    pub(super) fn versions(versions: impl IntoIterator<Item = String>) -> Self {
        let each = versions.into_iter().map(|version| ForeignMigration { version, checksum: None }).collect();
        Self { up_to: None, each }
    }
}

/// What reading a history gives.
pub(super) type Read = Result<ForeignHistory, AdoptProblem>;
