//! What the statement journal stops a run with, whichever engine keeps it.

use crate::engine::Attempt;
use crate::plan::Kind;
use crate::report::{Failure, Reason, shell_word};
use crate::sql::SessionBound;

/// The message for a run whose fence is not the highest any more.
pub(crate) const OVERTAKEN: &str = "another run has taken over: this one may commit nothing";

/// A statement of the journal, as errors show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun<'a> {
    pub(crate) excerpt: &'a str,
    /// The run that has started it.
    pub(crate) run: &'a str,
    /// When: RFC 3339, UTC.
    pub(crate) started_at: &'a str,
}

/// A statement has run, but the file has another one in its place. `index` counts from 0, `excerpt` is of what has run.
pub(crate) fn run_otherwise(attempt: Attempt<'_>, index: usize, excerpt: &str) -> Failure {
    Failure::new(
        Reason::MigrationEdited,
        format!(
            "statement {} of {} was run as `{excerpt}`, but the file now has different SQL there",
            index + 1,
            attempt.migration.file
        ),
    )
    .hint("put the statement back as it was; what did not run yet may change")
    .at(attempt.migration.place_of_statement(index))
}

/// A statement's end was not recorded, and only a person can find it out. `index` counts from 0.
pub(crate) fn needs_review(attempt: Attempt<'_>, index: usize, begun: &Begun<'_>) -> Failure {
    let (migration, statement) = (attempt.migration, index + 1);
    Failure::new(
        Reason::NeedsReview,
        format!(
            "statement {statement} of {} (`{}`) was started by the run {} at {}; its outcome was not recorded, and \
             the catalog does not show whether it ran",
            migration.file, begun.excerpt, begun.run, begun.started_at
        ),
    )
    .hint(format!(
        "look in the database whether it has had its effect, then say so: schemaward repair --version {} \
             --statement {statement} --as done (or --as not-done, to run it again)",
        migration.version
    ))
    .at(migration.place_of_statement(index))
}

/// What the session held that the file's statements had run in, and what of the file needs it. Statements count from 0.
#[derive(Clone, Debug)]
pub(crate) struct SessionGone {
    pub(crate) what: String,
    /// The statement that made it.
    pub(crate) made_by: Option<usize>,
    /// The statement that needs it.
    pub(crate) needed_by: Option<usize>,
    /// Whether that names it; else it cannot be seen into.
    pub(crate) named: bool,
}

impl From<SessionBound> for SessionGone {
    fn from(bound: SessionBound) -> Self {
        let SessionBound { what, made_by, needed_by, named } = bound;
        Self { what, made_by: Some(made_by), needed_by: Some(needed_by), named }
    }
}

/// A file cannot be resumed: a statement that has not run needs what went with the interrupted session.
pub(crate) fn session_gone(attempt: Attempt<'_>, gone: &SessionGone) -> Failure {
    let migration = attempt.migration;
    let line = |index: usize| {
        let line = migration.place_of_statement(index).line.map(|line| format!(" (line {line})")).unwrap_or_default();
        format!("statement {}{line}", index + 1)
    };
    let made = gone.made_by.map(|index| format!(" of {}", line(index))).unwrap_or_default();
    let needs = match (gone.needed_by, gone.named) {
        (Some(index), true) => format!("{}, which has not run, needs it", line(index)),
        (Some(index), false) => format!("{}, which has not run, may need it", line(index)),
        (None, _) => "the statements that have not run may need it".to_owned(),
    };
    Failure::new(
        Reason::NeedsReview,
        format!(
            "{} cannot be resumed: {}{made} went with the interrupted connection, and {needs}. Nothing was run",
            migration.file, gone.what
        ),
    )
    .hint(format!(
        "change the statements that have not run so that they do not need it, or create it again themselves, and start the \
             next run; or undo by hand what has run and say so: schemaward repair --abandon {}",
        abandoned_as(attempt)
    ))
    .at(gone.needed_by.map_or_else(|| migration.place(), |index| migration.place_of_statement(index)))
}

/// How `repair --abandon` names a file: a migration by its version, others by their names.
fn abandoned_as(attempt: Attempt<'_>) -> String {
    match attempt.kind {
        Kind::Repeatable | Kind::Rollback => shell_word(&attempt.migration.file),
        _ => attempt.migration.version.to_string(),
    }
}
