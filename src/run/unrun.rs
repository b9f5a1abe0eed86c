//! Records what is there without having been run: a baseline, or another tool's history.

use super::beside::history_tables;
use super::locked::lock;
use crate::engine::{Database, Session, Unrun};
use crate::migration::Migration;
use crate::plan::adopt::{AdoptProblem, ForeignHistory, Found, Wanted, find, foreign_tables, wanted_query};
use crate::plan::{Kind, LedgerState};
use crate::report::Failure;

/// What a ledger says is in force, for a plan of what to record.
///
/// # Errors
///
/// Where the database cannot be reached, or its ledger cannot be read.
pub async fn ledger_state<D: Database>(database: &D) -> Result<LedgerState, Failure> {
    let mut session = database.connect().await?;
    let state = session.read_ledger().await?;
    session.close().await;
    Ok(state)
}

/// Finds another tool's history in a database and reads it; also what Schemaward's own ledger says. Writes nothing.
///
/// # Errors
///
/// Every [`AdoptProblem`] of finding and reading, and what keeps the database from being read.
pub async fn foreign_history<D: Database>(
    database: &D,
    wanted: Wanted<'_>,
) -> Result<(LedgerState, Found, ForeignHistory), Failure> {
    let mut session = database.connect().await?;
    let state = session.read_ledger().await?;
    if let Some(current) = state.in_use() {
        return Err(AdoptProblem::LedgerInUse { current: current.clone() }.failure());
    }
    let dialect = database.dialect();
    let tables = match wanted.table {
        Some(_) => foreign_tables(&session.text_rows(&wanted_query(wanted, dialect)).await?),
        None => history_tables(&mut session, dialect).await?,
    };
    let found = find(&tables, wanted).map_err(|problem| problem.failure())?;
    let rows = session.text_rows(&found.query(dialect)).await?;
    session.close().await;
    let history = found.read(&rows).map_err(|problem| problem.failure())?;
    Ok((state, found, history))
}

/// Records migrations as in force, under the lock, where the ledger is as empty as it was when they were chosen.
///
/// # Errors
///
/// [`crate::report::Reason::LockHeld`] where a run is going on, `in_use` where there was one meanwhile.
pub async fn record_unrun<D: Database>(
    database: &D,
    kind: Kind,
    migrations: &[&Migration],
    run: &str,
    in_use: impl Fn(&LedgerState) -> Option<Failure>,
) -> Result<(), Failure> {
    let mut locked = lock(database, run).await?;
    let recorded = if let Some(failure) = in_use(&locked.ledger) {
        Err(failure)
    } else {
        let unrun = Unrun { kind, migrations, run, fence: locked.fence };
        locked.session.record_unrun(unrun).await.map_err(Failure::from)
    };
    let released = locked.release().await;
    recorded.and(released)
}
