//! What a database's ledger and its lock say at one moment, for people to look at. Takes no lock and writes nothing.

use super::beside::beside;
use crate::engine::LedgerIdentity;
use crate::engine::RecordedAttempt;
use crate::engine::{Database, Session, SessionError, StoredRollback};
use crate::migration::Version;
use crate::plan::adopt::Beside;
use crate::plan::{Kind, LedgerState, RollbackTarget, steps_back, to_undo};
use crate::report::Failure;
use crate::sql::Dialect;

/// What the ledger and the lock say.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub ledger: LedgerState,
    /// The newest attempts, newest first, as many as were asked for.
    pub attempts: Vec<RecordedAttempt>,
    /// The newest attempt that failed.
    pub last_failure: Option<RecordedAttempt>,
    /// The kind of the attempt that has done since what that one could not, whatever has become of it later.
    pub settled_by: Option<Kind>,
    /// Who holds the lock: user, process, program, connected since when. Empty where they are not known any more;
    /// None where the lock is free.
    pub lock_holder: Option<String>,
    /// The server's own engine, whatever the URL's scheme says.
    pub server: Option<Dialect>,
    /// What lies beside the ledger, where nothing was ever recorded in it.
    pub beside: Option<Beside>,
    /// The identity of the ledger and its place. None if there is no ledger, or if this user may not read it.
    pub identity: Option<LedgerIdentity>,
}

/// Reads what is applied, the newest `attempts` attempts or all of them, the newest failure, and who holds the lock.
///
/// # Errors
///
/// Where the database cannot be reached, or its ledger cannot be read or was written by a newer Schemaward. A ledger
/// that does not exist is empty.
pub async fn read<D: Database>(database: &D, attempts: Option<u32>) -> Result<Reading, SessionError> {
    let mut session = database.connect().await?;
    let server = Some(session.server_dialect());
    let ledger = session.read_ledger().await?;
    let lock_holder = session.lock_holder().await?;
    let (attempts, last_failure) = session.attempts(attempts).await?;
    let settled_by = match &last_failure {
        Some(failed) => settled_since(failed, &session.attempts(Some(SEARCHED)).await?.0),
        None => None,
    };
    let beside = beside(database, &mut session, &ledger).await?;
    // Of no weight: what it lies in came later than the rights that a reader was given.
    let identity = match session.identity().await {
        Err(error) if error.connection_lost => return Err(error),
        answered => answered.ok().flatten(),
    };
    session.close().await;
    Ok(Reading { ledger, attempts, last_failure, settled_by, lock_holder, server, beside, identity })
}

/// How many attempts are searched for one that has settled a failure.
const SEARCHED: u32 = 1000;

fn settled_since(failed: &RecordedAttempt, attempts: &[RecordedAttempt]) -> Option<Kind> {
    let settles = |attempt: &&RecordedAttempt| {
        attempt.success && attempt.row.id > failed.row.id && attempt.row.is_of_the_same(&failed.row)
    };
    attempts.iter().find(settles).map(|attempt| attempt.row.kind)
}

/// What a ledger says of a way back.
#[derive(Clone, Debug)]
pub struct RollbackReading {
    /// What is in force.
    pub state: LedgerState,
    /// The version that is to stay.
    pub to: RollbackTarget,
    /// What it keeps to undo what is newer than the version asked for.
    pub stored: Vec<StoredRollback>,
    /// The server's own engine, whatever the URL's scheme says.
    pub server: Dialect,
}

/// How far back a rollback is to go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Back {
    To(RollbackTarget),
    Steps(usize),
}

/// Reads what is in force and what the ledger keeps to undo what is newer than a version.
///
/// # Errors
///
/// As [`read`], and where there are fewer steps to take.
pub async fn stored_rollbacks<D: Database>(database: &D, back: &Back) -> Result<RollbackReading, Failure> {
    let mut session = database.connect().await?;
    let server = session.server_dialect();
    let state = session.read_ledger().await?;
    let to = match back {
        Back::To(to) => to.clone(),
        Back::Steps(steps) => steps_back(&state, *steps).map_err(|problem| problem.failure())?,
    };
    let versions: Vec<Version> = to_undo(&state, &to).into_iter().map(|row| row.version.clone()).collect();
    let stored = session.stored_rollbacks(&versions).await?;
    session.close().await;
    Ok(RollbackReading { state, to, stored, server })
}
