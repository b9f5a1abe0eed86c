//! By which rules the files of a source are read.

use crate::policy::Gaps;
use crate::sql::Dialect;

/// By which rules the files of a source are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceRules {
    /// The engine they are for.
    pub dialect: Dialect,
    /// What becomes of numbers that are left out.
    pub gaps: Gaps,
}

impl From<Dialect> for SourceRules {
    fn from(dialect: Dialect) -> Self {
        Self { dialect, gaps: Gaps::default() }
    }
}
