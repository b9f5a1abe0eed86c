use crate::policy::Gaps;
use crate::sql::Dialect;

/// The rules by which the files of a source are parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceRules {
    pub dialect: Dialect,
    /// Whether gaps in the numbering are allowed.
    pub gaps: Gaps,
}

impl From<Dialect> for SourceRules {
    fn from(dialect: Dialect) -> Self {
        Self { dialect, gaps: Gaps::default() }
    }
}
