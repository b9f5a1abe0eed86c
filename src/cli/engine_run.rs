//! What `migrate`, `rollback` and `runner` share: flags of the engine, signals, the deadline, the run itself.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::Instrument;

use super::flags::{Format, LedgerFlag, invalid_settings};
use super::log_lines::LogLines;
use super::no_result::NoResult;
use super::source::while_reading;
use crate::duration::{self, InvalidDuration};
use crate::engine::{AnyDatabase, Database, DatabaseSettings, Stop, StopReason, StopSender, stop_signal};
use crate::migration::MigrationFiles;
use crate::plan::Goal;
use crate::policy::AlreadyExists;
use crate::report::{Event, Failure, Summary};
use crate::run::{Ahead, RunSettings, run};
use crate::source::parse_all;

/// As resources have it, and less than any server takes.
const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_hours(24);

/// Flags that a run takes wherever it is started.
#[derive(Args, Debug)]
pub(super) struct RunFlags {
    /// How long a statement may wait for a table's lock, such as 5s; then its file is rolled back and tried again after
    /// a pause, until the deadline, or else for as long as --lock-wait.
    #[arg(long, value_name = "DURATION", env = "SCHEMAWARD_LOCK_TIMEOUT", hide_env_values = true, default_value = "5s", value_parser = lock_timeout)]
    lock_timeout: Duration,
    /// How to treat a statement that would create what already exists: fail, or skip it where the existing definition is
    /// the one it would create.
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        env = "SCHEMAWARD_ALREADY_EXISTS",
        hide_env_values = true,
        default_value_t
    )]
    already_exists: AlreadyExists,
    /// How long to wait for another run on the same database, such as 10m.
    #[arg(long, value_name = "DURATION", env = "SCHEMAWARD_LOCK_WAIT", hide_env_values = true, default_value = "10m", value_parser = duration)]
    lock_wait: Duration,
    /// How long the run may take in all, such as 4h; then it is cancelled and rolled back.
    #[arg(long, value_name = "DURATION", env = "SCHEMAWARD_DEADLINE", hide_env_values = true, value_parser = deadline)]
    deadline: Option<Duration>,
    #[command(flatten)]
    pub(super) ledger: LedgerFlag,
}

/// Never zero: to the server that would mean without an end.
fn lock_timeout(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(Duration::ZERO) => Err("the lock timeout must be greater than 0".to_owned()),
        Ok(long) if long > LONGEST_LOCK_TIMEOUT => Err("give 24h or less".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

/// Never zero: nothing could be done in it.
fn deadline(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(Duration::ZERO) => Err("the deadline must be greater than 0".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    duration::parse(text)
}

impl RunFlags {
    /// The database, out of the URL's text and these flags.
    pub(super) fn database(&self, url: &str, run: &str) -> Result<AnyDatabase, Failure> {
        let history_schema = &self.ledger.history_schema;
        let already_exists = self.already_exists;
        AnyDatabase::new(url, DatabaseSettings { run, lock_timeout: self.lock_timeout, history_schema, already_exists })
    }

    /// Whether all files can be one transaction by these flags.
    pub(super) fn check_one_transaction(&self) -> Result<(), Failure> {
        match self.already_exists {
            AlreadyExists::Fail => Ok(()),
            AlreadyExists::SkipIfIdentical => Err(invalid_settings(
                "--transaction all cannot be combined with --already-exists skip-if-identical: an error ends the \
                 transaction, so nothing can be skipped in it; leave one of them out"
                    .to_owned(),
            )),
        }
    }

    /// Executes a run to its end, on a runtime of its own.
    pub(super) fn execute(
        &self,
        name: &str,
        database: &AnyDatabase,
        goal: &Goal<'_>,
        format: Format,
        report: &mut dyn FnMut(Event),
    ) -> Result<Summary, Failure> {
        Ok(self.start()?.execute(name, database, Ahead::default(), goal, format, report))
    }

    /// Makes a runtime, on which signals and the deadline are listened to from now on.
    pub(super) fn start(&self) -> Result<Started<'_>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| invalid_settings(format!("cannot start: {error}")))?;
        let entered = runtime.enter();
        let stop = self.stop()?;
        drop(entered);
        Ok(Started { flags: self, runtime, stop })
    }

    /// A stop signal that SIGTERM, SIGINT and the deadline give. A second signal ends the process.
    fn stop(&self) -> Result<Stop, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| invalid_settings(format!("cannot listen for signals: {error}")));
        let signals = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let (sender, stop) = stop_signal();
        if let Some(deadline) = self.deadline {
            let sender = sender.clone();
            tokio::spawn(async move {
                tokio::time::sleep(deadline).await;
                sender.stop(StopReason::DeadlineExceeded);
            });
        }
        tokio::spawn(listen_for_signals(signals, sender));
        Ok(stop)
    }
}

/// What a run needs to take place.
pub(super) struct Started<'f> {
    flags: &'f RunFlags,
    runtime: tokio::runtime::Runtime,
    stop: Stop,
}

impl Started<'_> {
    /// Reads a folder while the database is being connected to. Where that fails, any file may be pending, so all of
    /// them are looked into: what is wrong with one is reported before a database that is missing.
    pub(super) fn read_while_connecting<D: Database>(
        &self,
        database: &D,
        read: impl FnOnce() -> Result<MigrationFiles, NoResult> + Send,
    ) -> Result<(MigrationFiles, Ahead<D>), NoResult> {
        let (files, ahead) = while_reading(&self.runtime, read, Ahead::connect(database, &self.stop))?;
        let files = if ahead.is_connected() { files } else { parse_all(files)?.into() };
        Ok((files, ahead))
    }

    /// Executes the run to its end.
    pub(super) fn execute<D: Database>(
        &self,
        name: &str,
        database: &D,
        ahead: Ahead<D>,
        goal: &Goal<'_>,
        format: Format,
        report: &mut dyn FnMut(Event),
    ) -> Summary {
        let settings = RunSettings {
            run: name.to_owned(),
            lock_wait: self.flags.lock_wait,
            // The deadline limits the tries; without one, they end when waiting for another run would.
            lock_tries: self.flags.deadline.unwrap_or(self.flags.lock_wait),
            // People are not shown it.
            tells_history: format == Format::Json,
        };
        let span = tracing::info_span!("run", run = name, database = %database.address());
        self.runtime.block_on(run(database, ahead, goal, &settings, &self.stop, report).instrument(span))
    }
}

async fn listen_for_signals((mut terminate, mut interrupt): (Signal, Signal), sender: StopSender) {
    let mut asked = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if asked {
            tracing::warn!("a second signal: ending at once, the server rolls back");
            std::process::exit(1);
        }
        asked = true;
        tracing::info!(
            "stopping: cancelling the running statement and rolling back uncommitted work; a second signal exits \
             immediately"
        );
        sender.stop(StopReason::Cancelled);
    }
}

/// Logs to stderr: warnings of a run, and what the server warns of. `RUST_LOG` asks for more.
pub(super) fn log_to_stderr(format: Format) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("schemaward=info,sqlx::postgres::notice=warn"));
    // NO_COLOR counts unless it is empty. Source: no-color.org.
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = std::io::stderr().is_terminal() && !unwanted;
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // Fails only where a subscriber already exists.
    let _ = match format {
        Format::Text if std::env::var_os("RUST_LOG").is_none() => logger.event_format(LogLines).try_init(),
        Format::Text => logger.try_init(),
        // One record is one line, whatever line breaks a migration puts into its notices.
        Format::Json => logger.json().with_ansi(false).try_init(),
    };
}
