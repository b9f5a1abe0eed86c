//! Why a subcommand has no result, and how that is shown.

use std::process::ExitCode;

use super::exit;
use super::flags::{FolderFlag, Format};
use super::terminal::{Terminal, show_failures};
use crate::migration::{Problem, SourceFile};
use crate::report::{Failure, Reason};

/// Why a subcommand has no result.
pub(super) enum NoResult {
    /// For one reason.
    Failed(Failure),
    /// The files are no migration set.
    InvalidSource(Vec<SourceFile>, Vec<Problem>),
}

impl From<Failure> for NoResult {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl NoResult {
    /// Shows why, and turns it into the exit code.
    pub(super) fn show(self, format: Format, folder: &FolderFlag) -> ExitCode {
        match self {
            Self::Failed(failure) => show_failure(failure, format, folder),
            Self::InvalidSource(files, problems) => {
                let found: Vec<Failure> = problems.iter().map(Problem::failure).collect();
                show_failures(format, &Terminal::new(&folder.dir, &files), &found);
                exit::code_of(Reason::InvalidSource)
            }
        }
    }
}

/// Shows why a subcommand has no result, and turns it into the exit code.
pub(super) fn show_failure(failure: Failure, format: Format, folder: &FolderFlag) -> ExitCode {
    let reason = failure.reason;
    show_failures(format, &Terminal::new(&folder.dir, &[]), &[failure]);
    exit::code_of(reason)
}
