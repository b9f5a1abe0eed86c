//! What to do next where no other attempt follows: what starts a run automatically, and what has to be asked for.

use super::message::{ASK_AGAIN, capitalised, sentence, told};
use crate::operator::why::Why;
use crate::report::{ErrorClass, Failure, Reason};

pub(super) fn stalled(what: &str, failure: &Failure, stalled: Why, attempt: i32) -> String {
    let hint = failure.hint.as_deref().map(|hint| sentence(&capitalised(hint)));
    if stalled == Why::RetryLimitReached {
        let hint = hint.map(|hint| format!("{hint} ")).unwrap_or_default();
        let next = format!(
            "This was attempt {attempt}, the last one that spec.retry.limit allows. {hint}Put the cause right, then \
             {ASK_AGAIN}."
        );
        return told(what, &next);
    }
    match hint {
        // What is to be fixed is not in the resource or its source: the operator does not see it happen.
        Some(hint) if is_outside(failure.reason) => told(what, &format!("{hint} Then {ASK_AGAIN}.")),
        Some(hint) => told(what, &format!("{hint} {}", next_step(failure))),
        None => told(what, &next_step(failure)),
    }
}

/// Whether what causes such a failure lies in the database or a Secret.
fn is_outside(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NeedsReview
            | Reason::ForeignHistory
            | Reason::LedgerUnusable
            | Reason::AuthenticationFailed
            | Reason::ConnectionFailed
    )
}

/// What to do next, where the runner did not say more.
fn next_step(failure: &Failure) -> String {
    let corrected = "a run starts automatically";
    match (failure.reason, failure.class) {
        (_, ErrorClass::AlreadyExists) => {
            format!(
                "The object already exists: remove the statement, and {corrected}; or drop the object and {ASK_AGAIN}."
            )
        }
        (Reason::StatementFailed, _) => {
            format!("Correct the migration, and {corrected}; or fix the database and {ASK_AGAIN}.")
        }
        // Their messages say themselves what is to be corrected.
        (
            Reason::MigrationEdited
            | Reason::MigrationMissing
            | Reason::OutOfOrder
            | Reason::TargetUnreachable
            | Reason::InvalidSource,
            _,
        ) => format!(
            "Once the spec or the source is corrected, {corrected}; after schemaward repair, schemaward rollback or \
             another change in the database {ASK_AGAIN}."
        ),
        (Reason::DeadlineExceeded, _) => {
            format!(
                "Raise spec.activeDeadline, or divide the migration, and {corrected}; or fix what slowed it down and \
                 {ASK_AGAIN}."
            )
        }
        (Reason::InvalidSettings, _) => {
            format!("Correct the Secret or the spec; after a change of the Secret alone {ASK_AGAIN}.")
        }
        _ => format!("Put the cause right, then {ASK_AGAIN}."),
    }
}
