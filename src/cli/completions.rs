//! `schemaward completions`: prints a shell's completion script.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::output;

/// Flags of `schemaward completions`.
#[derive(Args, Debug)]
pub(super) struct CompletionsArguments {
    /// Which shell.
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Prints the script for a command.
pub(super) fn main(arguments: &CompletionsArguments, mut command: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "schemaward", &mut script);
    output::text(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}
