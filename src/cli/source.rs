//! A folder's files, read on another thread while the database is being connected to: a run that finds nothing to do
//! mostly does these two.

use std::thread;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::flags::{FolderFlag, invalid_settings};
use super::no_result::NoResult;
use crate::migration::MigrationFiles;
use crate::report::Failure;
use crate::source::{SourceFolder, read_folder, take_checksums};
use crate::sql::Dialect;

/// Reads a folder, and takes the names apart. `warn` gets what a person should know of it.
pub(super) fn read_source(
    folder: &FolderFlag,
    dialect: Dialect,
    warn: impl Fn(&str),
) -> Result<MigrationFiles, NoResult> {
    let SourceFolder { files, warnings } = read_folder(&folder.dir)?;
    for warning in &warnings {
        warn(warning);
    }
    let files = MigrationFiles::sorted(files, folder.gaps.rules(dialect))?;
    take_checksums(&files);
    Ok(files)
}

/// Reads a source on another thread while this one connects, which is given up where the former fails.
pub(super) fn while_reading<T: Send, E: From<Failure> + Send, C>(
    runtime: &Runtime,
    read: impl FnOnce() -> Result<T, E> + Send,
    connecting: impl Future<Output = C>,
) -> Result<(T, C), E> {
    let cannot_start = |error: &dyn std::fmt::Display| E::from(invalid_settings(format!("cannot start: {error}")));
    let (send, receive) = oneshot::channel();
    thread::scope(|scope| {
        let reading = || {
            // Nobody waits for it any more if the run is to stop.
            let _ = send.send(read());
        };
        thread::Builder::new().spawn_scoped(scope, reading).map_err(|error| cannot_start(&error))?;
        runtime.block_on(async {
            // It sends nothing only where it panics, which the scope hands on.
            let read = async { receive.await.unwrap_or_else(|error| Err(cannot_start(&error))) };
            tokio::try_join!(read, async { Ok(connecting.await) })
        })
    })
}
