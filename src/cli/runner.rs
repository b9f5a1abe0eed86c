//! `schemaward runner`: one run in a Kubernetes Job's pod, with output for the operator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::engine_run::{RunFlags, log_to_stderr};
use super::flags::{ForeignHistoryFlag, Format, GapsFlag, OutOfOrderFlag, TargetFlag, invalid_settings, read_url_file};
use super::output::write_event;
use crate::api::Engine;
use crate::engine::Database;
use crate::migration::{MigrationFiles, SourceFile, source_hash};
use crate::plan::Goal;
use crate::report::{Event, Failure, Outcome, Reason, Summary};
use crate::run::failed_before_start;
use crate::source::{SourceFolder, parse_all, read_folder};
use crate::sql::Dialect;

/// Flags of `schemaward runner`.
#[derive(Args, Debug)]
pub(super) struct RunnerArguments {
    /// Which server it is.
    #[arg(long, value_name = "ENGINE", value_parser = engine)]
    engine: Engine,
    /// A file that holds the database's URL.
    #[arg(long, value_name = "FILE")]
    url_file: PathBuf,
    /// The folder that holds the migrations.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
    /// SHA-256 of the folder's files, in hex; any other content is refused.
    #[arg(long, value_name = "SHA256")]
    source_hash: String,
    /// The run's name.
    #[arg(long, value_name = "NAME")]
    run: String,
    /// Where the outcome is written, in at most 4096 bytes.
    #[arg(long, value_name = "FILE")]
    summary_file: PathBuf,
    #[command(flatten)]
    target: TargetFlag,
    #[command(flatten)]
    gaps: GapsFlag,
    #[command(flatten)]
    out_of_order: OutOfOrderFlag,
    #[command(flatten)]
    foreign_history: ForeignHistoryFlag,
    #[command(flatten)]
    flags: RunFlags,
}

fn engine(name: &str) -> Result<Engine, String> {
    match name {
        "postgres" => Ok(Engine::Postgres),
        "mysql" => Ok(Engine::Mysql),
        "mariadb" => Ok(Engine::Mariadb),
        other => Err(format!("{other:?} is no engine: postgres, mysql, mariadb")),
    }
}

/// Executes the run. Exit code 0 where it succeeded, 1 where it failed.
pub(super) fn main(arguments: &RunnerArguments) -> ExitCode {
    // A pod's log mixes stderr with the events on stdout.
    log_to_stderr(Format::Json);
    let mut warnings = Vec::new();
    let mut report = |mut event: Event| {
        match &mut event {
            Event::Warning { message } => warnings.push(message.clone()),
            Event::RunFinished { summary } => warnings.iter().for_each(|message| summary.warn(message)),
            _ => {}
        }
        write_event(&event);
    };
    let mut summary = execute(arguments, &mut report).unwrap_or_else(|failure| {
        let summary = failed_before_start(&arguments.run, failure.clone());
        report(Event::RunFailed { failure });
        report(Event::RunFinished { summary: summary.clone() });
        summary
    });
    for message in &warnings {
        summary.warn(message);
    }
    finish(&arguments.summary_file, &summary)
}

fn execute(arguments: &RunnerArguments, report: &mut dyn FnMut(Event)) -> Result<Summary, Failure> {
    let SourceFolder { files, warnings } = read_folder(&arguments.dir)?;
    for message in warnings {
        report(Event::Warning { message });
    }
    verify_source(&files, &arguments.source_hash)?;
    let rules = arguments.gaps.rules(arguments.engine.into());
    // All of them: the operator, which does not know what is applied, has looked into all.
    let set = MigrationFiles::sorted(files, rules).and_then(parse_all).map_err(|invalid| invalid.failure())?;
    let url = read_url_file(&arguments.url_file)?;
    verify_scheme(arguments.engine, &url)?;
    let database = arguments.flags.database(&url, &arguments.run)?;
    verify_engine(arguments.engine, database.dialect())?;
    let options = arguments.out_of_order.options(arguments.target.target.clone());
    let goal = Goal::Migrate { set: set.files(), options, on_foreign_history: arguments.foreign_history.rule() };
    arguments.flags.execute(&arguments.run, &database, &goal, Format::Json, report)
}

/// Refuses a URL whose scheme is unknown, in the resource's words: it has one engine, of which SQLite cannot be one.
fn verify_scheme(engine: Engine, url: &str) -> Result<(), Failure> {
    let scheme = url.trim().split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_known =
        ["postgres", "postgresql", "mysql", "mariadb", "sqlite"].iter().any(|s| scheme.as_deref() == Some(s));
    // What else is wrong with it is reported where it is read.
    if is_known || url.trim().is_empty() {
        return Ok(());
    }
    let engine = engine.as_str();
    let message = format!("the database's URL has no known scheme: for the engine {engine} it starts with {engine}://");
    Err(invalid_settings(message).hint(format!("write {engine}://user:password@host/name")))
}

/// Refuses a URL of another engine than the resource names: its files were read by that one's rules.
fn verify_engine(engine: Engine, named_by_url: Dialect) -> Result<(), Failure> {
    // MariaDB's clients take its URLs with MySQL's scheme, too.
    let alike = (engine, named_by_url) == (Engine::Mariadb, Dialect::Mysql);
    if alike || Dialect::from(engine) == named_by_url {
        return Ok(());
    }
    Err(Failure {
        hint: Some("set spec.database.engine to the URL's engine, or put the right URL in the Secret".to_owned()),
        ..invalid_settings(format!(
            "the engine is {}, but the database's URL is one of {}",
            engine.as_str(),
            named_by_url.engine()
        ))
    })
}

/// Refuses a folder with another content than the run was started for.
fn verify_source(files: &[SourceFile], expected: &str) -> Result<(), Failure> {
    let found = source_hash(files);
    if found.as_str() == expected {
        return Ok(());
    }
    Err(Failure::new(
        Reason::SourceChanged,
        format!("the mounted source has the SHA-256 {found}, but the run was started for {expected}; nothing was run"),
    ))
}

fn finish(file: &Path, summary: &Summary) -> ExitCode {
    if let Err(error) = std::fs::write(file, summary.to_message()) {
        tracing::error!(file = %file.display(), %error, "the summary could not be written");
        return ExitCode::FAILURE;
    }
    match summary.outcome {
        Outcome::Succeeded { .. } => ExitCode::SUCCESS,
        Outcome::Failed { .. } => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::{Engine, verify_scheme};

    #[test]
    fn a_url_without_a_known_scheme_is_refused_in_the_words_of_the_resource_s_engine() {
        for url in ["postgres://u@h/d", "postgresql://h/d", " MySQL://h/d\n", "mariadb://h/d", "sqlite:a.db", ""] {
            assert!(verify_scheme(Engine::Mariadb, url).is_ok(), "{url:?}");
        }
        for url in ["jdbc:mysql://secret:w0rd@h/d", "secret", "secret:w0rd@tcp(h)/d"] {
            let refused = verify_scheme(Engine::Mariadb, url).unwrap_err();
            let said = format!("{} {}", refused.message, refused.hint.unwrap_or_default());
            assert!(said.contains("mariadb://user:password@host/name"), "{said}");
            assert!(!said.contains("sqlite") && !said.contains("secret") && !said.contains("w0rd"), "{said}");
        }
    }
}
