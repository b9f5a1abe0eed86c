//! Settles by hand what only a person can find out: whether a statement has run whose end was not recorded, and whether an
//! edit of an applied file is right.

use super::locked::write_locked;
use crate::engine::{ByHand, Database, Session};
use crate::migration::{
    Checksum, Migration, MigrationFiles, Problem, Version, are_alike, no_migration, source_failure,
};
use crate::plan::{BegunStatement, LedgerState, StatementState};
use crate::report::{Failure, Reason};

/// Writes down what a person found out, under the lock, so that no run is going on meanwhile.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] where no such statement waits for it, [`Reason::LockHeld`] where a run is going on.
pub async fn repair<D: Database>(database: &D, by_hand: ByHand<'_>) -> Result<(), Failure> {
    let refusal = |ledger: &LedgerState| Err(nothing_open(ledger, &by_hand));
    let is_possible = |ledger: &LedgerState| if is_open(ledger, &by_hand) { Ok(()) } else { refusal(ledger) };
    write_locked(database, by_hand.run, is_possible, async |locked| {
        if locked.session.settle(locked.fence, &by_hand).await? { Ok(()) } else { refusal(&locked.ledger) }
    })
    .await
}

/// Accepts the file of an applied version as it is now: its checksums become the ledger's, and the old ones are kept with
/// who did so and when. Runs nothing: the database stays as the earlier file has made it.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] where the version is not applied, not in the set, or its file is as it was or another one;
/// [`Reason::InvalidSource`] where the file is not valid, and [`Reason::LockHeld`] where a run is going on.
pub async fn accept<'a, D: Database>(
    database: &D,
    set: &'a MigrationFiles,
    version: &Version,
    run: &str,
) -> Result<Accepted<'a>, Failure> {
    let is_possible = |ledger: &LedgerState| acceptable(set, ledger, version).map(drop);
    write_locked(database, run, is_possible, async |locked| {
        let accepted = acceptable(set, &locked.ledger, version)?;
        if locked.session.accept_edit(locked.fence, run, accepted.migration).await? {
            return Ok(accepted);
        }
        Err(nothing_to_accept(&format!("the file of version {version} is what the ledger has")))
    })
    .await
}

/// A file that was accepted as it is now.
#[derive(Clone, Debug)]
pub struct Accepted<'a> {
    pub migration: &'a Migration,
    /// The checksum it had in the ledger.
    pub before: Checksum,
}

fn acceptable<'a>(set: &'a MigrationFiles, ledger: &LedgerState, version: &Version) -> Result<Accepted<'a>, Failure> {
    let row = ledger.get(version).ok_or_else(|| nothing_to_accept(&format!("version {version} is not applied")))?;
    let file = set.get(version).ok_or_else(|| nothing_to_accept(&format!("the folder has no version {version}")))?;
    if row.checksum == *file.checksum() {
        return Err(nothing_to_accept(&format!("the file of version {version} is as it was applied")));
    }
    if !are_alike(&row.file, file.file()) {
        return Err(nothing_to_accept(&format!(
            "version {version} was applied as {}, and {} is another file; if it is the same migration, give it its \
             earlier name until it is accepted",
            row.file,
            file.file()
        )));
    }
    let migration = file.parsed().map_err(|problems| not_valid(file.file(), problems))?;
    Ok(Accepted { migration, before: row.checksum.clone() })
}

/// The ledger stores a checksum of a file's SQL without its comments, which an invalid file does not have.
fn not_valid(file: &str, problems: &[Problem]) -> Failure {
    let told = source_failure(problems).unwrap_or_else(no_migration);
    told.also_hint(format!("{file} has to be valid before it can be accepted; nothing was changed"))
}

fn nothing_to_accept(why: &str) -> Failure {
    Failure::new(Reason::InvalidSettings, format!("there is nothing to accept: {why}"))
}

fn is_open(ledger: &LedgerState, by_hand: &ByHand<'_>) -> bool {
    open(ledger, by_hand).any(|statement| i32::try_from(statement.number) == Ok(by_hand.statement))
}

/// The statements of the version whose outcome a person may record, forward or back: it was not recorded, or the server
/// refused the statement and the person has done its work by hand. A wrong stored rollback can only be completed this
/// way.
fn open<'a>(ledger: &'a LedgerState, by_hand: &'a ByHand<'_>) -> impl Iterator<Item = &'a BegunStatement> {
    ledger.all_begun().iter().filter(|statement| {
        let version = statement.version.clone().unwrap_or_else(Version::of_repeatable);
        version == *by_hand.version
            && match statement.state {
                StatementState::Started => true,
                StatementState::Failed => by_hand.has_run || statement.left_a_part,
                StatementState::Finished => false,
            }
    })
}

fn nothing_open(ledger: &LedgerState, by_hand: &ByHand<'_>) -> Failure {
    let open: Vec<String> = open(ledger, by_hand).map(|statement| statement.number.to_string()).collect();
    Failure {
        hint: (!open.is_empty()).then(|| format!("of this version, statement {} is", open.join(", "))),
        ..Failure::new(
            Reason::InvalidSettings,
            format!(
                "nothing to settle: the outcome of statement {} of version {} is already recorded",
                by_hand.statement, by_hand.version
            ),
        )
    }
}
