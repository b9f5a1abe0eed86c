//! What the subcommands that only read have in common: the folder's files, the database, the runtime.

use clap::Args;

use super::flags::{DatabaseFlags, FolderFlag, FormatFlag, OutOfOrderFlag, TargetFlag, invalid_settings};
use super::no_result::NoResult;
use super::output;
use super::source::{read_source, while_reading};
use crate::engine::Database;
use crate::migration::MigrationFiles;
use crate::plan::PlanOptions;
use crate::report::Failure;
use crate::run::{Reading, read};

/// What the ledger and the lock say, with the database's address.
pub(super) type LedgerRead = Result<(Reading, String), Failure>;

/// Flags of a subcommand that compares a folder with a ledger.
#[derive(Args, Debug)]
pub(super) struct CompareFlags {
    #[command(flatten)]
    pub(super) database: DatabaseFlags,
    #[command(flatten)]
    pub(super) folder: FolderFlag,
    #[command(flatten)]
    pub(super) target: TargetFlag,
    #[command(flatten)]
    pub(super) out_of_order: OutOfOrderFlag,
    #[command(flatten)]
    pub(super) format: FormatFlag,
}

impl CompareFlags {
    /// How far, and by which rules.
    pub(super) fn options(&self) -> PlanOptions {
        self.out_of_order.options(self.target.target.clone())
    }

    /// Reads the folder and, meanwhile, the ledger with the database's address. `judge` says which folder leaves no result:
    /// the ledger is not waited for then.
    pub(super) fn folder_and_ledger<T: Send, E: From<Failure> + Send>(
        &self,
        command: &str,
        judge: impl FnOnce(Result<MigrationFiles, NoResult>) -> Result<T, E> + Send,
    ) -> Result<(T, LedgerRead), E> {
        let database = self.database.database(command)?;
        let read_folder = || judge(read_source(&self.folder, database.dialect(), output::warning));
        let (set, read) = while_reading(&runtime()?, read_folder, read(&database, Some(0)))?;
        Ok((set, read.map(|reading| (reading, database.address())).map_err(Failure::from)))
    }
}

/// Reads the ledger and the lock, with the newest `attempts` attempts; also returns the database's address.
pub(super) fn ledger(
    flags: &DatabaseFlags,
    command: &str,
    attempts: Option<u32>,
) -> Result<(Reading, String), Failure> {
    let database = flags.database(command)?;
    let reading = wait_for(read(&database, attempts))?.map_err(|error| error.failure)?;
    Ok((reading, database.address()))
}

/// Runs to its end, on a runtime of its own, what reads a database.
pub(super) fn wait_for<T>(reading: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(runtime()?.block_on(reading))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| invalid_settings(format!("cannot start: {error}")))
}
