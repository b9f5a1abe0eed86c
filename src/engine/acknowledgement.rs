//! What a person has taken upon themselves, and the ledger keeps so that it can be asked about later. Knows no SQL.

use super::fence::Fence;
use crate::migration::Version;

/// What it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AcknowledgementKind {
    /// That another tool's history lies in the database, and this ledger begins beside it all the same.
    ForeignHistory,
    /// A half-applied file was abandoned: its statements were undone by hand.
    Abandoned,
}

impl AcknowledgementKind {
    /// As the ledger writes it. These words are stored: they never change.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ForeignHistory => "foreign-history",
            Self::Abandoned => "abandoned",
        }
    }
}

/// One that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement<'a> {
    pub kind: AcknowledgementKind,
    /// The migration it is about, where it is about one.
    pub version: Option<&'a Version>,
    pub detail: &'a str,
    /// The run that writes it down.
    pub run: &'a str,
    /// What the fence must still be at.
    pub fence: Fence,
}

/// One that the ledger keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Acknowledged {
    /// The migration it is about, where it is about one.
    pub version: Option<Version>,
    pub detail: String,
    /// RFC 3339, UTC, whole seconds.
    pub made_at: String,
    pub made_by: String,
    pub run: String,
}
