//! `schemaward runner`: one run in a Kubernetes Job's pod, with output for the operator.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Flags of `schemaward runner`.
#[derive(Args, Debug)]
pub(super) struct RunnerArguments {
    /// A file that holds the database's URL.
    #[arg(long, value_name = "FILE")]
    url_file: PathBuf,
    /// The folder that holds the migrations.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
}

/// Executes the run.
pub(super) fn main(_arguments: &RunnerArguments) -> ExitCode {
    ExitCode::FAILURE
}
