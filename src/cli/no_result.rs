//! Why a subcommand has no result, and how that is shown.

use std::process::ExitCode;

use super::exit;
use super::flags::{FolderFlag, Format};
use super::terminal::{Terminal, show_failures};
use crate::migration::{InvalidSource, Problem, SourceFile};
use crate::report::Failure;

/// Why a subcommand has no result.
pub(super) enum NoResult {
    /// For one reason.
    Failed(Failure),
    /// The files are no migration set.
    InvalidSource(InvalidSource),
}

impl From<Failure> for NoResult {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<InvalidSource> for NoResult {
    fn from(invalid: InvalidSource) -> Self {
        Self::InvalidSource(invalid)
    }
}

impl NoResult {
    /// Each reason.
    pub(super) fn failures(&self) -> Vec<Failure> {
        match self {
            Self::Failed(failure) => vec![failure.clone()],
            Self::InvalidSource(invalid) => invalid.problems.iter().map(Problem::failure).collect(),
        }
    }

    /// All of it as one failure.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Failed(failure) => failure.clone(),
            Self::InvalidSource(invalid) => invalid.failure(),
        }
    }

    /// The files that the failures point to.
    pub(super) fn files(&self) -> &[SourceFile] {
        match self {
            Self::Failed(_) => &[],
            Self::InvalidSource(invalid) => &invalid.files,
        }
    }

    /// Shows why, and turns it into the exit code.
    pub(super) fn show(&self, format: Format, folder: &FolderFlag) -> ExitCode {
        show_failures(format, &Terminal::new(&folder.dir, self.files()), &self.failures());
        exit::code_of(self.failure().reason)
    }
}
