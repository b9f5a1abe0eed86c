//! A session under the lock, for what is written in one step beside a run.

use std::time::Duration;

use super::run_failure::lock_held;
use crate::engine::{Database, Fence, LockAttempt, Session};
use crate::plan::LedgerState;
use crate::report::Failure;

/// A session that holds the lock, and has raised the fence.
pub(super) struct Locked<S> {
    pub(super) session: S,
    pub(super) fence: Fence,
    /// The ledger as it is under the lock.
    pub(super) ledger: LedgerState,
}

/// Connects and takes the lock over; does not wait for a run that holds it. Makes or upgrades the ledger where that is due.
///
/// # Errors
///
/// [`crate::report::Reason::LockHeld`] where a run is going on.
pub(super) async fn lock<D: Database>(database: &D, run: &str) -> Result<Locked<D::Session>, Failure> {
    let mut session = database.connect().await?;
    if let LockAttempt::HeldBy(holder) = session.try_lock().await? {
        return Err(lock_held(&holder, Duration::ZERO));
    }
    let (fence, ledger) = session.take_over(run).await?;
    Ok(Locked { session, fence, ledger })
}

/// Writes something under the lock. What is refused by the ledger as it is before, needs no lock.
///
/// # Errors
///
/// What `is_possible` or `write` say; [`crate::report::Reason::LockHeld`] where a run is going on.
pub(super) async fn write_locked<D: Database, T>(
    database: &D,
    run: &str,
    is_possible: impl Fn(&LedgerState) -> Result<(), Failure>,
    write: impl AsyncFnOnce(&mut Locked<D::Session>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut session = database.connect().await?;
    let state = session.read_ledger().await?;
    session.close().await;
    is_possible(&state)?;
    let mut locked = lock(database, run).await?;
    let written = write(&mut locked).await;
    let released = locked.release().await;
    let written = written?;
    released?;
    Ok(written)
}

impl<S: Session> Locked<S> {
    /// Gives the lock back and ends the connection.
    pub(super) async fn release(mut self) -> Result<(), Failure> {
        let released = self.session.release(self.fence).await;
        self.session.close().await;
        released?;
        Ok(())
    }
}
