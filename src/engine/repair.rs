//! Settles by hand what nobody but a person can tell: whether a statement has run whose end was not recorded.

use super::locked::lock;
use super::session::{ByHand, Database, Session};
use crate::plan::{BegunStatement, LedgerState, StatementState};
use crate::report::{ErrorClass, Failure, Reason};

/// Writes down what a person found out, under the lock, so that no run is at work meanwhile.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] where no such statement waits for it, [`Reason::LockHeld`] where a run is at work.
pub async fn repair<D: Database>(database: &D, by_hand: ByHand<'_>) -> Result<(), Failure> {
    let mut session = database.connect().await?;
    let state = session.read_ledger().await?.state;
    session.close().await;
    if !is_open(&state, &by_hand) {
        return Err(nothing_open(&state, &by_hand));
    }
    let mut locked = lock(database, by_hand.run).await?;
    let settled = locked.session.settle(locked.fence, &by_hand).await;
    let view = std::mem::take(&mut locked.view);
    let released = locked.release().await;
    if !settled? {
        return Err(nothing_open(&view.state, &by_hand));
    }
    released
}

fn is_open(ledger: &LedgerState, by_hand: &ByHand<'_>) -> bool {
    open(ledger, by_hand).any(|statement| i32::try_from(statement.number) == Ok(by_hand.statement))
}

/// The statements of the version whose end was not recorded, whichever way they go.
fn open<'a>(ledger: &'a LedgerState, by_hand: &'a ByHand<'_>) -> impl Iterator<Item = &'a BegunStatement> {
    ledger.all_begun().iter().filter(|statement| {
        statement.version.as_ref() == Some(by_hand.version) && statement.state == StatementState::Started
    })
}

fn nothing_open(ledger: &LedgerState, by_hand: &ByHand<'_>) -> Failure {
    let open: Vec<String> = open(ledger, by_hand).map(|statement| statement.number.to_string()).collect();
    Failure {
        class: ErrorClass::Permanent,
        reason: Reason::InvalidSettings,
        code: None,
        message: format!(
            "there is nothing to settle: the end of statement {} of version {} is not open",
            by_hand.statement, by_hand.version
        ),
        hint: (!open.is_empty()).then(|| format!("of this version, statement {} is", open.join(", "))),
        place: None,
    }
}
