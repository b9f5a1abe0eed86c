//! A folder's files, read on other threads while the database is being connected to: a run that finds nothing to do
//! mostly does these two.

use std::path::Path;
use std::sync::OnceLock;
use std::thread;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::flags::invalid_settings;
use super::no_result::NoResult;
use crate::migration::{MigrationFiles, Problem, SourceFile, SourceRules};
use crate::report::Failure;
use crate::source::{SourceFolder, read_folder, take_checksums};

/// A folder's files and, borrowing from them, their order; each is there once it is read.
pub(super) struct Source<'f> {
    files: &'f OnceLock<Vec<SourceFile>>,
    sorted: OnceLock<MigrationFiles<'f>>,
}

impl<'f> Source<'f> {
    /// One that is not read yet, and where to put its files.
    pub(super) fn new(files: &'f OnceLock<Vec<SourceFile>>) -> Self {
        Self { files, sorted: OnceLock::new() }
    }

    /// Reads a folder, and takes the names apart. `warn` gets what a person should know of it.
    pub(super) fn read(
        &self,
        folder: &Path,
        rules: SourceRules,
        warn: impl FnOnce(&str),
    ) -> Result<&MigrationFiles<'f>, NoResult> {
        let SourceFolder { files, warning } = read_folder(folder)?;
        if let Some(warning) = warning {
            warn(&warning);
        }
        let sorted = self.told(MigrationFiles::sorted(self.files.get_or_init(|| files), rules))?;
        take_checksums(&sorted);
        Ok(self.sorted.get_or_init(|| sorted))
    }

    /// The files; none before they are read.
    pub(super) fn files(&self) -> &'f [SourceFile] {
        self.files.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// What is wrong with the files, with the files.
    pub(super) fn told<T>(&self, looked_into: Result<T, Vec<Problem>>) -> Result<T, NoResult> {
        looked_into.map_err(|problems| NoResult::InvalidSource(self.files().to_vec(), problems))
    }
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
            // Nobody waits for it any more where the run was told to stop.
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
