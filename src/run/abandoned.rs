//! Records that a person has given up a file that is half applied, once its statements were undone by hand: nothing of it is
//! open any more. Runs none of it.

use std::time::Duration;

use super::locked::{Locked, write_locked};
use crate::engine::stop_signal;
use crate::engine::{Acknowledgement, AcknowledgementKind};
use crate::engine::{Attempt, Database, FailedAttempt, Session};
use crate::migration::{Migration, Problem, Version, source_failure};
use crate::plan::{BegunStatement, Kind, LedgerState};
use crate::report::{Failure, Reason, shell_word};
use crate::sql::Dialect;

/// A half-applied file that was given up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Abandoned {
    /// Its name, as the ledger has it.
    pub file: String,
    pub kind: Kind,
    /// How many of its statements the ledger knew.
    pub statements: usize,
}

/// Closes what is open of a file in the journal, with a row in the ledger that says so. `name`: a version whose migration
/// is half applied, or the name of a file, which may be a repeatable one or a rollback.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] where nothing of it was started, [`Reason::LockHeld`] where a run is going on.
pub async fn abandon<D: Database>(database: &D, name: &str, run: &str) -> Result<Abandoned, Failure> {
    let dialect = database.dialect();
    let is_possible = |ledger: &LedgerState| open(ledger, name).map(drop);
    write_locked(database, run, is_possible, async |locked| write(locked, name, run, dialect).await).await
}

async fn write<S: Session>(
    locked: &mut Locked<S>,
    name: &str,
    run: &str,
    dialect: Dialect,
) -> Result<Abandoned, Failure> {
    let found = open(&locked.ledger, name)?;
    let Some(first) = found.first() else { return Err(refused(&format!("{name} is not half applied"))) };
    let abandoned = Abandoned { file: first.file.clone(), kind: first.kind, statements: found.len() };
    let migration = as_recorded(first, dialect)
        .map_err(|problems| source_failure(&problems).unwrap_or_else(|| refused("it has no name")))?;
    let (_, stop) = stop_signal();
    let attempt = Attempt { migration: &migration, kind: first.kind, run, fence: locked.fence, stop: &stop };
    let failure = by_hand(found.len());
    let failed = FailedAttempt { failure: &failure, statements_done: 0, duration: Duration::ZERO };
    let version = (first.kind != Kind::Repeatable).then_some(&migration.version);
    let detail = format!("{}: {}", first.file, failure.message);
    let kind = AcknowledgementKind::Abandoned;
    let said = Acknowledgement { kind, version, detail: &detail, run, fence: locked.fence };
    locked.session.record_abandoned(attempt, failed, said).await?;
    Ok(abandoned)
}

/// What the ledger keeps of it, as the reason of an attempt that has not succeeded.
fn by_hand(statements: usize) -> Failure {
    Failure::new(
        Reason::NeedsReview,
        format!(
            "abandoned by schemaward repair: what had run of it was undone by hand ({statements} statements in the journal)"
        ),
    )
}

/// The file as the ledger knows it: its name, and nothing in it.
fn as_recorded(begun: &BegunStatement, dialect: Dialect) -> Result<Migration, Vec<Problem>> {
    let version = begun.version.clone().unwrap_or_else(Version::of_repeatable);
    Migration::of_rollback(&version, &begun.file, "", "", dialect)
}

/// The statements of one file that were started.
fn open<'a>(ledger: &'a LedgerState, name: &str) -> Result<Vec<&'a BegunStatement>, Failure> {
    let version: Option<Version> = name.parse().ok();
    let is_meant = |begun: &&BegunStatement| {
        begun.file == name || version.is_some() && begun.kind == Kind::Migration && begun.version == version
    };
    let found: Vec<&BegunStatement> = ledger.all_begun().iter().filter(is_meant).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let rollback = ledger.all_begun().iter().find(|begun| version.is_some() && begun.version == version);
    Err(match (rollback, version.and_then(|version| ledger.get(&version))) {
        (Some(begun), _) => {
            let mut failure = refused(&format!("the rollback of version {name} is half done"));
            failure.hint = Some(format!("schemaward repair --abandon {}", shell_word(&begun.file)));
            failure
        }
        (None, Some(_)) => refused(&format!("version {name} is applied, and nothing of it is open")),
        (None, None) => refused(&format!("{name} is not half applied")),
    })
}

fn refused(why: &str) -> Failure {
    Failure::new(Reason::InvalidSettings, format!("there is nothing to abandon: {why}"))
}
