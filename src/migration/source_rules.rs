//! By which rules the files of a source are read.

use crate::sql::Dialect;

/// By which rules the files of a source are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceRules {
    /// The engine they are for.
    pub dialect: Dialect,
    /// What becomes of numbers that are left out.
    pub gaps: Gaps,
}

/// What becomes of numbers that are left out between two versions. A version made of a time counts nothing and leaves
/// none out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Gaps {
    /// The source is refused: a file may have been lost.
    #[default]
    Reject,
    /// They are taken as meant.
    Allow,
}

impl From<Dialect> for SourceRules {
    fn from(dialect: Dialect) -> Self {
        Self { dialect, gaps: Gaps::default() }
    }
}
