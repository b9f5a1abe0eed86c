//! Flags that several subcommands take: which database, which ledger, which files, which output.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::engine::{AnyDatabase, Database, DatabaseSettings};
use crate::migration::{InvalidVersion, SourceRules};
use crate::plan::{OnForeignHistory, PlanOptions, Target};
use crate::policy::AlreadyExists;
use crate::policy::{Gaps, OutOfOrder, TransactionScope};
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// Environment variables that name the database where no flag does, in the order they are looked at.
pub(super) const URL_FILE_VARIABLE: &str = "SCHEMAWARD_URL_FILE";
pub(super) const URL_VARIABLES: [&str; 2] = ["SCHEMAWARD_URL", "DATABASE_URL"];

/// How long a statement that only reads waits for a table's lock.
const READ_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Which database. The environment variables are read here and not by clap, which would report them as conflicting with
/// the other flag, and might show a value.
#[derive(Args, Clone, Debug)]
pub(super) struct UrlFlags {
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "url",
        help = "A file that holds the database's URL, such as postgres://user:password@host:5432/name \
                [env: SCHEMAWARD_URL_FILE]"
    )]
    url_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "URL",
        help = "The database's URL [env: SCHEMAWARD_URL, DATABASE_URL]. It is taken out of the list of \
                processes at once, but stays in your shell's history: rather use the file or the environment"
    )]
    url: Option<String>,
}

impl UrlFlags {
    /// The URL's text: from a flag, or else from the environment.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where nothing names it or its file cannot be read.
    pub(super) fn text(&self) -> Result<String, Failure> {
        if let Some(file) = &self.url_file {
            return read_url_file(file);
        }
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        if let Some(file) = std::env::var_os(URL_FILE_VARIABLE) {
            return read_url_file(Path::new(&file));
        }
        // One that is set to nothing names nothing.
        let named = |name: &&str| std::env::var(name).ok().filter(|url| !url.trim().is_empty());
        URL_VARIABLES.iter().find_map(named).ok_or_else(|| Failure {
            hint: Some("such as postgres://user:password@host:5432/name".to_owned()),
            ..invalid_settings(
                "no database is named: give --url-file or --url, or set SCHEMAWARD_URL_FILE, SCHEMAWARD_URL or \
                 DATABASE_URL"
                    .to_owned(),
            )
        })
    }
}

/// Which ledger in the database.
#[derive(Args, Clone, Debug)]
pub(super) struct LedgerFlag {
    /// The schema that holds the ledger.
    #[arg(
        long,
        value_name = "SCHEMA",
        env = "SCHEMAWARD_HISTORY_SCHEMA",
        hide_env_values = true,
        default_value = "schemaward"
    )]
    pub(super) history_schema: String,
}

/// Which version to reach.
#[derive(Args, Clone, Debug)]
pub(super) struct TargetFlag {
    /// The version to reach: `latest`, or one of the folder's.
    #[arg(long, value_name = "VERSION", env = "SCHEMAWARD_TARGET", hide_env_values = true, default_value = "latest", value_parser = target)]
    pub(super) target: Target,
}

fn target(text: &str) -> Result<Target, String> {
    text.parse().map_err(|error: InvalidVersion| format!("{error}; or {}, the newest one", Target::Latest))
}

/// How to treat migrations that are out of order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum OutOfOrderRule {
    /// Nothing is run.
    #[default]
    Reject,
    /// They are applied, in version order with the others that are pending.
    Apply,
}

/// How to treat migrations that are out of order.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct OutOfOrderFlag {
    /// A pending migration that is older than an applied one: refuse it, or apply it.
    #[arg(
        long,
        value_enum,
        value_name = "RULE",
        env = "SCHEMAWARD_OUT_OF_ORDER",
        hide_env_values = true,
        default_value_t
    )]
    out_of_order: OutOfOrder,
}

impl OutOfOrderFlag {
    /// With a target.
    pub(super) fn options(self, target: Target) -> PlanOptions {
        PlanOptions { out_of_order: self.out_of_order, ..PlanOptions::to(target) }
    }
}

/// Which of the files share a transaction.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct TransactionFlag {
    /// What is one transaction: each file, or all pending files together, so that all of them are applied or none.
    #[arg(
        long,
        value_enum,
        value_name = "SCOPE",
        env = "SCHEMAWARD_TRANSACTION",
        hide_env_values = true,
        default_value_t
    )]
    pub(super) transaction: TransactionScope,
}

/// How to treat another tool's history.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct ForeignHistoryFlag {
    /// Run every file although another tool has a history in the database and Schemaward's ledger has none: where that
    /// history is another application's.
    #[arg(long, env = "SCHEMAWARD_IGNORE_FOREIGN_HISTORY", hide_env_values = true)]
    ignore_foreign_history: bool,
}

impl ForeignHistoryFlag {
    /// As a rule.
    pub(super) fn rule(self) -> OnForeignHistory {
        if self.ignore_foreign_history { OnForeignHistory::Ignore } else { OnForeignHistory::Refuse }
    }
}

/// Which files.
#[derive(Args, Clone, Debug)]
pub(super) struct FolderFlag {
    /// The folder that holds the migrations.
    #[arg(
        long,
        value_name = "FOLDER",
        env = "SCHEMAWARD_DIR",
        hide_env_values = true,
        default_value = "migrations",
        value_parser = folder()
    )]
    pub(super) dir: PathBuf,
    #[command(flatten)]
    pub(super) gaps: GapsFlag,
}

/// Reads a folder's path. A URL is refused: it may hold a password, which errors about the folder would repeat.
pub(super) fn folder() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        if is_url(&path) { Err("a folder belongs here; the database's URL is given by --url") } else { Ok(path) }
    })
}

/// Whether what is given as a path looks like a URL.
fn is_url(path: &Path) -> bool {
    path.to_string_lossy().contains("://")
}

/// How to treat gaps in the numbering.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct GapsFlag {
    /// How to treat gaps in the numbering of files.
    #[arg(long, value_enum, value_name = "RULE", env = "SCHEMAWARD_GAPS", hide_env_values = true, default_value_t)]
    gaps: Gaps,
}

impl GapsFlag {
    /// With the engine that the files are for.
    pub(super) fn rules(self, dialect: Dialect) -> SourceRules {
        SourceRules { dialect, gaps: self.gaps }
    }
}

/// How the result is written.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct FormatFlag {
    /// Text for people, or JSON for programs.
    #[arg(long, value_enum, value_name = "FORMAT", env = "SCHEMAWARD_FORMAT", hide_env_values = true, default_value_t)]
    pub(super) format: Format,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: docs/command-line.md describes it.
    Json,
}

/// A database and its ledger, to read from.
#[derive(Args, Debug)]
pub(super) struct DatabaseFlags {
    #[command(flatten)]
    pub(super) url: UrlFlags,
    #[command(flatten)]
    pub(super) ledger: LedgerFlag,
}

impl DatabaseFlags {
    /// By which rules files for this database are read.
    ///
    /// # Errors
    ///
    /// As [`Self::database`].
    pub(super) fn dialect(&self) -> Result<Dialect, Failure> {
        Ok(self.database("dialect")?.dialect())
    }

    /// The database. `command` is what the server shows as its user's program.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where the URL or the schema's name is not usable.
    pub(super) fn database(&self, command: &str) -> Result<AnyDatabase, Failure> {
        let run = format!("{command}-{}", std::process::id());
        let history_schema = &self.ledger.history_schema;
        let settings = DatabaseSettings {
            run: &run,
            lock_timeout: READ_LOCK_TIMEOUT,
            history_schema,
            already_exists: AlreadyExists::Fail,
        };
        AnyDatabase::new(&self.url.text()?, settings)
    }
}

/// The text of a file that holds a URL. Its content is in no error, nor is a URL that is given in place of the file.
pub(super) fn read_url_file(path: &Path) -> Result<String, Failure> {
    if is_url(path) {
        return Err(Failure {
            hint: Some("give the URL itself by --url, SCHEMAWARD_URL or DATABASE_URL".to_owned()),
            ..invalid_settings(format!(
                "cannot read the database's URL from the file (a URL): --url-file and {URL_FILE_VARIABLE} name a file \
                 that holds it"
            ))
        });
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        invalid_settings(format!("cannot read the database's URL from the file {}: {error}", path.display()))
    })?;
    // As some editors begin a file.
    let url = text.trim_start_matches('\u{feff}').trim();
    match url.lines().count() {
        0 => Err(invalid_settings(format!("the file {} is empty: it must hold the database's URL", path.display()))),
        1 => Ok(url.to_owned()),
        lines => Err(invalid_settings(format!("the file {} has {lines} lines: it must hold one URL", path.display()))),
    }
}

pub(super) fn invalid_settings(message: String) -> Failure {
    Failure::new(Reason::InvalidSettings, message)
}
