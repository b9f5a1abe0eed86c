//! The failure of a run that was asked to stop. Pure.

use crate::engine::StopReason;
use crate::migration::Migration;
use crate::report::{ErrorClass, Failure, Reason};

/// The failure of a run that was asked to stop; `cause` is what the server said of it.
pub(crate) fn stopped(reason: StopReason, cause: Option<&Failure>) -> Failure {
    let (reason, what) = match reason {
        StopReason::Cancelled => (Reason::Cancelled, "the run was asked to stop"),
        StopReason::DeadlineExceeded => (Reason::DeadlineExceeded, "the run's time was over"),
    };
    // A migration that takes longer than it may would do so again; what kept it from beginning may pass.
    let class = match (reason, cause) {
        (Reason::DeadlineExceeded, Some(_)) => ErrorClass::Permanent,
        _ => ErrorClass::Transient,
    };
    Failure {
        code: cause.and_then(|cause| cause.code.clone()),
        place: cause.and_then(|cause| cause.place.clone()),
        ..Failure::new(reason, cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {}", cause.message)))
            .class(class)
    }
}

/// The failure of a run that was asked to stop before it began a statement, whose index counts from 0.
pub(crate) fn stopped_before(reason: StopReason, migration: &Migration, index: usize) -> Failure {
    let told = stopped(reason, None);
    let next = Failure {
        message: format!("statement {} of {} was not started", index + 1, migration.file),
        place: Some(migration.place_of_statement(index)),
        ..told
    };
    stopped(reason, Some(&next))
}
