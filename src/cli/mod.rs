//! The command line: one file per subcommand, no logic of its own.

use std::process::ExitCode;

/// Reads the arguments and runs the subcommand.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
