//! The command line: one file per subcommand, no logic of its own. Exit codes: [`exit`].

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod adopt;
mod baseline;
mod completions;
mod confirmation;
#[cfg(feature = "operator")]
mod crd;
mod doctor;
mod engine_run;
mod exit;
mod flags;
mod history;
mod log_lines;
mod man;
mod migrate;
mod new;
mod no_result;
#[cfg(feature = "operator")]
mod operator;
mod output;
mod plan;
mod process_list;
mod progress_bar;
mod reading;
mod repair;
mod rollback;
#[cfg(feature = "operator")]
mod runner;
mod source;
mod status;
mod terminal;
mod unrun;
mod usage;
mod verify;

/// Takes a relational database from one schema version to the next, safely.
#[derive(Debug, Parser)]
#[command(
    name = "schemaward",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = exit::HELP
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// A line a subcommand; each is defined in the file of its name.
#[derive(Debug, Subcommand)]
enum Command {
    /// Apply the pending migrations of a folder to a database.
    Migrate(migrate::MigrateArguments),
    /// Undo what is newer than a version, by the rollback SQL that the ledger kept.
    Rollback(rollback::RollbackArguments),
    /// Show what `migrate` would do, statement by statement, with the locks; writes nothing.
    Plan(plan::PlanArguments),
    /// Show a database's version, what is pending, and what blocks a run.
    Status(status::StatusArguments),
    /// Show every attempt in the ledger, failed ones too, newest first.
    History(history::HistoryArguments),
    /// Compare the folder's files with what was applied; writes nothing.
    Verify(verify::VerifyArguments),
    /// Record migrations as already applied, on a database that is older than its history; runs nothing.
    Baseline(baseline::BaselineArguments),
    /// Take over the history of another tool, such as Flyway, golang-migrate or Rails; runs nothing.
    Adopt(adopt::AdoptArguments),
    /// Write the next migration's file, with a rollback block.
    New(new::NewArguments),
    /// Check step by step why a database cannot be reached or migrated.
    Doctor(doctor::DoctorArguments),
    /// Print a shell's completion script.
    Completions(completions::CompletionsArguments),
    /// Print the manual page, or write all of them to a folder.
    Man(man::ManArguments),
    /// Print the CustomResourceDefinition of SchemaMigration as YAML.
    #[cfg(feature = "operator")]
    Crd,
    /// Run the controller in a cluster.
    #[cfg(feature = "operator")]
    Operator(operator::OperatorArguments),
    /// List what is half applied; record the outcome of an interrupted statement; accept an edited file.
    Repair(repair::RepairArguments),
    /// Execute one run in a Kubernetes Job's pod. The operator starts it; people use `migrate`.
    #[cfg(feature = "operator")]
    Runner(runner::RunnerArguments),
}

/// Reads the arguments and runs the subcommand.
#[must_use]
pub fn main() -> ExitCode {
    // The flags' variables, too: clap repeats their values as it does the arguments.
    let variables = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SCHEMAWARD_"));
    let given = std::env::args_os().chain(variables.map(|(_, value)| value));
    let given: Vec<String> = given.map(|text| text.to_string_lossy().into_owned()).collect();
    let parsed = Arguments::command().try_get_matches();
    let command = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments.command,
        Err(error) => return usage::show(&error, &given),
    };
    // Only what was understood: a message about a mistake shows what was written.
    process_list::hide_url(std::env::args_os().collect());
    match command {
        Command::Adopt(arguments) => adopt::main(&arguments),
        Command::Baseline(arguments) => baseline::main(&arguments),
        Command::Completions(arguments) => completions::main(&arguments, Arguments::command()),
        #[cfg(feature = "operator")]
        Command::Crd => crd::main(),
        Command::Doctor(arguments) => doctor::main(&arguments),
        Command::History(arguments) => history::main(&arguments),
        Command::Man(arguments) => man::main(&arguments, Arguments::command()),
        Command::Migrate(arguments) => migrate::main(&arguments),
        Command::New(arguments) => new::main(&arguments),
        #[cfg(feature = "operator")]
        Command::Operator(arguments) => operator::main(arguments),
        Command::Plan(arguments) => plan::main(&arguments),
        Command::Repair(arguments) => repair::main(&arguments),
        Command::Rollback(arguments) => rollback::main(&arguments),
        #[cfg(feature = "operator")]
        Command::Runner(arguments) => runner::main(&arguments),
        Command::Status(arguments) => status::main(&arguments),
        Command::Verify(arguments) => verify::main(&arguments),
    }
}
