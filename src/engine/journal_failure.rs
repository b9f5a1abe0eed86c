//! What the statement journal stops a run with, whichever engine keeps it.

use super::session::Attempt;
use crate::report::{ErrorClass, Failure, Reason};

/// What a run is told whose fence is not the highest any more.
pub(super) const OVERTAKEN: &str = "another run has taken over: this one may commit nothing";

/// A statement of the journal, as errors tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun<'a> {
    /// Its first line.
    pub(super) excerpt: &'a str,
    /// The run that has started it.
    pub(super) run: &'a str,
    /// When: RFC 3339, UTC.
    pub(super) started_at: &'a str,
}

/// A statement has run, but the file has another one in its place. `index` counts from 0, `excerpt` is of what has run.
pub(super) fn run_otherwise(attempt: Attempt<'_>, index: usize, excerpt: &str) -> Failure {
    Failure {
        class: ErrorClass::Permanent,
        reason: Reason::MigrationEdited,
        code: None,
        message: format!(
            "statement {} of {} has run as `{excerpt}`, but is another now",
            index + 1,
            attempt.migration.file
        ),
        hint: Some("put the statement back as it was; what did not run yet may change".to_owned()),
        place: Some(attempt.migration.place_of_statement(index)),
    }
}

/// A statement's end was not recorded, and nothing but a person can tell it. `index` counts from 0.
pub(super) fn needs_review(attempt: Attempt<'_>, index: usize, begun: &Begun<'_>) -> Failure {
    let (migration, statement) = (attempt.migration, index + 1);
    Failure {
        class: ErrorClass::Permanent,
        reason: Reason::NeedsReview,
        code: None,
        message: format!(
            "statement {statement} of {} (`{}`) was started by the run {} at {}, and how it ended was not recorded; the \
             catalog cannot tell whether it has run",
            migration.file, begun.excerpt, begun.run, begun.started_at
        ),
        hint: Some(format!(
            "look in the database whether it has had its effect, then say so: schemaward repair --version {} \
             --statement {statement} --as done (or --as not-done, to run it again)",
            migration.version
        )),
        place: Some(migration.place_of_statement(index)),
    }
}
