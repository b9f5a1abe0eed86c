//! The lock on a database file: a file beside it that one process has locked. The kernel gives it back when the process
//! ends, however that ends.
//!
//! SQLite itself knows only locks that end with a transaction, and a run has many.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The lock, held.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
    /// None once it is given back.
    path: Option<PathBuf>,
}

/// What came of a try.
#[derive(Debug)]
pub(super) enum LockTry {
    Taken(FileLock),
    /// Who holds it: what the holder wrote into the file.
    HeldBy(String),
}

impl FileLock {
    /// Tries to lock the database at `database` for `holder`. Never waits.
    pub(super) fn attempt(database: &Path, holder: &str) -> io::Result<LockTry> {
        let path = lock_path(database);
        loop {
            // No link is followed: what it leads to would be written over.
            let flags = OFlags::NOFOLLOW.bits().cast_signed();
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .custom_flags(flags)
                .open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(LockTry::HeldBy(read(&mut file)?)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The holder before may have taken the file away between our opening and our locking it.
            if !is_same(&file, &path)? {
                continue;
            }
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(holder.as_bytes())?;
            return Ok(LockTry::Taken(Self { file, path: Some(path) }));
        }
    }

    /// Who holds the lock; None where it is free.
    pub(super) fn holder(database: &Path) -> io::Result<Option<String>> {
        let mut file = match File::open(lock_path(database)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => read(&mut file).map(Some),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives the lock back.
    pub(super) fn release(mut self) -> io::Result<()> {
        self.take_away()?;
        self.file.unlock()
    }

    /// Only once, and while it is locked, so that no other file with this name can be locked in between unnoticed.
    fn take_away(&mut self) -> io::Result<()> {
        self.path.take().map_or(Ok(()), std::fs::remove_file)
    }
}

/// A run that is asked to stop while it takes over ends without giving the lock back.
impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = self.take_away();
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-schemaward-lock");
    PathBuf::from(path)
}

fn read(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text)?;
    Ok(text)
}

fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(there) => Ok(there.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{FileLock, LockTry};

    #[test]
    fn one_holds_it_and_the_next_is_shown_who() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("app.db");
        assert_eq!(FileLock::holder(&database).unwrap(), None);
        let LockTry::Taken(lock) = FileLock::attempt(&database, "first").unwrap() else { unreachable!() };
        let LockTry::HeldBy(holder) = FileLock::attempt(&database, "second").unwrap() else { unreachable!() };
        assert_eq!(holder, "first");
        assert_eq!(FileLock::holder(&database).unwrap().as_deref(), Some("first"));
        lock.release().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let third = FileLock::attempt(&database, "third").unwrap();
        assert!(matches!(third, LockTry::Taken(_)));
        drop(third);
        std::fs::write(folder.path().join("other"), "kept").unwrap();
        std::os::unix::fs::symlink("other", super::lock_path(&database)).unwrap();
        assert!(FileLock::attempt(&database, "fourth").is_err(), "a link is not followed");
        assert_eq!(std::fs::read_to_string(folder.path().join("other")).unwrap(), "kept");
        std::fs::remove_file(super::lock_path(&database)).unwrap();
        std::fs::remove_file(folder.path().join("other")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
