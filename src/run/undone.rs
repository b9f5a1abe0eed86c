//! Records that a person has undone a version by hand, where the rollback SQL that is stored cannot do it. Runs none of it.

use super::locked::{Locked, write_locked};
use crate::engine::stop_signal;
use crate::engine::{Attempt, Database, Session};
use crate::migration::{Migration, Problem, Version, source_failure};
use crate::plan::{Kind, LedgerRow, LedgerState, StoredRollback};
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// Records the newest version in force as rolled back, with what is open of it in the journal. Its file's name.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] where the version is not in force, is a baseline, or is not what was applied last;
/// [`Reason::LockHeld`] where a run is going on.
pub async fn record_undone<D: Database>(database: &D, version: &Version, run: &str) -> Result<String, Failure> {
    let dialect = database.dialect();
    let is_possible = |ledger: &LedgerState| undoable(ledger, version).map(drop);
    write_locked(database, run, is_possible, async |locked| write(locked, version, run, dialect).await).await
}

async fn write<S: Session>(
    locked: &mut Locked<S>,
    version: &Version,
    run: &str,
    dialect: Dialect,
) -> Result<String, Failure> {
    let row = undoable(&locked.ledger, version)?.clone();
    let stored = locked.session.stored_rollbacks(std::slice::from_ref(&row.version)).await?.into_iter().next();
    let migration = as_recorded(&row, stored.as_ref(), dialect)
        .map_err(|problems| source_failure(&problems).unwrap_or_else(|| refused("it has no name")))?;
    let (_, stop) = stop_signal();
    let attempt = Attempt { migration: &migration, kind: Kind::Rollback, run, fence: locked.fence, stop: &stop };
    locked.session.record_undone(attempt).await?;
    Ok(row.file)
}

/// The stored SQL, which is what was done; empty if none can be read.
fn as_recorded(row: &LedgerRow, stored: Option<&StoredRollback>, dialect: Dialect) -> Result<Migration, Vec<Problem>> {
    let file = stored.map_or_else(|| row.file.clone(), StoredRollback::rollback_file);
    let description = stored.map(|stored| stored.description.as_str()).unwrap_or_default();
    let of = |sql| Migration::of_rollback(&row.version, &file, description, sql, dialect);
    let sql = stored.and_then(|stored| stored.sql.as_deref()).unwrap_or_default();
    of(sql).or_else(|_| of(""))
}

/// The version's row, where it may be undone: last applied, first undone.
fn undoable<'a>(ledger: &'a LedgerState, version: &Version) -> Result<&'a LedgerRow, Failure> {
    let row = ledger.get(version).ok_or_else(|| refused(&format!("version {version} is not applied")))?;
    if row.kind == Kind::Baseline {
        return Err(refused(&format!("version {} is the baseline, which was there before Schemaward", row.version)));
    }
    match ledger.applied().iter().max_by_key(|row| row.id) {
        Some(last) if last.version != row.version => Err(refused(&format!(
            "version {} was applied after version {} and is in force: undo it first",
            last.version, row.version
        ))),
        _ => Ok(row),
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Reason::InvalidSettings, format!("nothing was recorded as undone: {why}"))
}
