//! `schemaward migrate`: the engine on a laptop or in CI, with output for people.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Flags of `schemaward migrate`.
#[derive(Args, Debug)]
pub(super) struct MigrateArguments {
    /// A file that holds the database's URL, such as `postgres://user:password@host:5432/name`.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    url_file: Option<PathBuf>,
    /// The database's URL. Other users of this machine see it in the list of processes: prefer
    /// `--url-file` or the environment variable where it holds a password.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    url: Option<String>,
    /// The folder that holds the migrations.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
}

/// Applies what is pending.
pub(super) fn main(_arguments: &MigrateArguments) -> ExitCode {
    ExitCode::FAILURE
}
