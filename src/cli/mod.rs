//! The command line: one file per subcommand, no logic of its own.
//!
//! Exit codes: 0 done or nothing to do, 1 failed, 2 wrong usage, 4 refused (an applied file was
//! edited, the lock is held, …: nothing was changed and a person has to decide).

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod crd;
mod engine_run;
mod migrate;
mod operator;
mod runner;
mod terminal;

/// Takes a relational database from one schema version to the next, safely.
#[derive(Debug, Parser)]
#[command(name = "schemaward", version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// A line a subcommand; each is defined in the file of its name.
#[derive(Debug, Subcommand)]
enum Command {
    /// Print the CustomResourceDefinition of SchemaMigration as YAML.
    Crd,
    /// Apply the pending migrations of a folder to a database.
    Migrate(migrate::MigrateArguments),
    /// Run the controller in a cluster.
    Operator(operator::OperatorArguments),
    /// Execute one run in a Kubernetes Job's pod. The operator starts it; people use `migrate`.
    Runner(runner::RunnerArguments),
}

/// Reads the arguments and runs the subcommand.
///
/// Wrong usage ends the process here, with clap's message and exit code 2.
#[must_use]
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Crd => crd::main(),
        Command::Migrate(arguments) => migrate::main(&arguments),
        Command::Operator(arguments) => operator::main(arguments),
        Command::Runner(arguments) => runner::main(&arguments),
    }
}
