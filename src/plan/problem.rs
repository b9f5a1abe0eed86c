//! Why there is no way from a ledger's state to the target.

use super::goal::RollbackTarget;
use super::ledger_row::LedgerRow;
use super::ledger_state::BegunStatement;
use crate::migration::{Checksum, Problem, Version};
use crate::report::{ErrorClass, Failure, Place, Reason, shell_word};

/// Why there is no way from the ledger's state to the target. Nothing has run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanProblem {
    /// A file that is to be run, or that has changed, is not valid.
    #[error(transparent)]
    InvalidFile(Problem),
    /// The SQL of an applied file is another than when it was applied.
    #[error(
        "{file}: version {version} was changed after it was applied (applied with checksum {applied}, now {found}{}); \
         restore the file, and make the change in a new migration; or, if the database is as the file now says, \
         accept it: schemaward repair --accept {version}{}",
        if *.line_ends { ", which differ in line ends alone: LF in one, CRLF in the other, as Git's core.autocrlf makes them" }
        else { "" },
        not_yet(.invalid.as_deref())
    )]
    Edited {
        version: Version,
        /// The file as it is named now.
        file: String,
        /// The checksum in the ledger.
        applied: Checksum,
        /// The checksum of the file.
        found: Checksum,
        /// Whether its line ends are all that was changed.
        line_ends: bool,
        /// What is wrong with it as it is now, first of all; absent where it could be run.
        invalid: Option<Box<Problem>>,
    },
    /// Another file has the version of one that is applied or half applied: not an edit, but another migration.
    #[error(
        "{file}: version {version} is {} already, as {applied_file}, which is another file; if two resources or folders \
         share this ledger by mistake, give one of them a ledger of its own (spec.history.schema, --history-schema) or \
         another database; else give {file} a version of its own; or, if {applied_file} was renamed and edited, restore \
         both", if .row.is_some() { "applied" } else { "half applied" }
    )]
    AnotherFile {
        version: Version,
        /// The file that has the version now.
        file: String,
        /// The one that was applied.
        applied_file: String,
        /// The number of its row; none where it is half applied.
        row: Option<i64>,
    },
    /// An applied version is not in the source, though newer ones are.
    #[error(
        "{file}: version {version} is applied but missing in the source, which goes on to {last}; put the file back as \
         it was"
    )]
    Missing {
        version: Version,
        /// The file's name when it was applied.
        file: String,
        /// The source's last version.
        last: Version,
    },
    /// A file shares its version with applied ones, and its name sorts before theirs.
    #[error(
        "{file}: the folder has the same time as that of {applied_file}, which is applied, and its name sorts before it; \
         give it a later time"
    )]
    CameBetween { version: Version, file: String, applied_file: String },
    /// A statement that was committed separately has changed in the file.
    #[error(
        "{file}: statement {statement} of version {version} {}, but the file has changed there; restore that \
         statement in its place, with each statement still committed separately: what has not run yet may change{}",
        if *.has_run { "has run already and is committed" } else { "was started, and how it ended was not recorded" },
        if *.has_run { String::new() } else { format!("; or look whether it has had its effect, and say so: schemaward repair \
         --version {version} --statement {statement} --as done (or --as not-done)") }
    )]
    EditedWhileBegun {
        version: Version,
        file: String,
        /// The statement's number in the file, from 1.
        statement: usize,
        /// Whether it has run; else its end was not recorded.
        has_run: bool,
    },
    /// A file is half applied, and is not in the source any more.
    #[error(
        "{file}: {} is half applied, each statement committed separately, but the file is missing in the source; \
         restore it: what has run must stay as it was, what has not run may change or go (schemaward repair lists \
         half-applied files); or undo by hand what has run, and record that: schemaward repair --abandon {}", named(.version), shell_word(.file)
    )]
    MissingWhileBegun {
        /// The version, or that of repeatable files.
        version: Version,
        /// The file's name when it was started.
        file: String,
    },
    /// Only a person can find out whether a statement has run.
    #[error(
        "{file}: statement {statement} was started, and how it ended was not recorded; look in the database whether it has \
         had its effect, then say so: schemaward repair --version {version} --statement {statement} --as done (or --as \
         not-done, to run it again)"
    )]
    EndUnknown {
        /// The version, or that of repeatable files.
        version: Version,
        file: String,
        /// The statement's number in the file, from 1.
        statement: usize,
    },
    /// A pending migration is older than an applied one.
    #[error(
        "{file}: version {version} is not applied, but the newer {newer_file} is; give the file a version above {current}, \
         or let it be applied late with --out-of-order apply"
    )]
    OutOfOrder {
        version: Version,
        file: String,
        /// The oldest applied file above it.
        newer_file: String,
        /// The newest version applied.
        current: Version,
    },
    /// A file that cannot share one transaction with others, where all files are to be one.
    #[error(
        "{}: the file cannot be part of one transaction with others: {why}; apply it in a run without --transaction all, \
         with --target before and after it", .place.file
    )]
    StandsAlone {
        /// The file, and the statement where one is the reason.
        place: Box<Place>,
        why: String,
    },
    /// All files are to be one transaction, which the engine cannot do.
    #[error(
        "{engine} commits each DDL statement separately, so files cannot be one transaction; run without --transaction all"
    )]
    NoTransactionOverFiles { engine: &'static str },
    /// The target is not in the source.
    #[error("the target version {target} is not in the source, which ends with {last}{}; add it, or choose another target", near(.nearest.as_ref()))]
    TargetNotInSource {
        target: Version,
        /// The source's last version.
        last: Version,
        /// The newest version of the source below the target, where it is not the last.
        nearest: Option<Version>,
    },
    /// The target is older than what is applied.
    #[error(
        "the target version {target} is lower than {current}, which is applied, and migrate only goes forward; set the \
         target to {current} or above or to latest, or go back with schemaward rollback --to {target}"
    )]
    TargetBelowCurrent {
        target: Version,
        /// The newest applied version.
        current: Version,
    },
    /// Some of what a rollback would have to undo came without rollback SQL.
    #[error(
        "no rollback was stored for {}: the files had none when they were applied; nothing was undone: undo them by a new \
         migration, or by hand and with schemaward repair --undone, newest first{}", list(.versions), or_above(.last, .current.as_ref())
    )]
    NoRollback {
        /// All of them, in version order.
        versions: Vec<NotUndoable>,
        /// The newest of them.
        last: Version,
        /// The newest version in force.
        current: Option<Version>,
    },
    /// A rollback would pass the baseline.
    #[error(
        "version {baseline} is the baseline: it was there before Schemaward, which does not undo it{}",
        or_above(.baseline, .current.as_ref())
    )]
    RollbackOfBaseline {
        /// Where it was to lead.
        target: RollbackTarget,
        /// The newest version of the baseline.
        baseline: Version,
        /// The newest version in force.
        current: Option<Version>,
    },
    /// The version that a rollback is to lead to is not in force.
    #[error("version {target} is not applied, so nothing can be rolled back to it; {}", where_to(.target, .current.as_ref(), .nearest.as_ref()))]
    RollbackTargetNotApplied {
        target: Version,
        /// The newest version in force.
        current: Option<Version>,
        /// The newest version in force below the target.
        nearest: Option<Version>,
    },
    /// More steps back than there are migrations in force.
    #[error("{} back cannot be taken: {}", steps_of(*.steps), all_there_is(*.in_force))]
    TooManySteps {
        /// How many were asked for.
        steps: usize,
        /// How many are in force.
        in_force: usize,
    },
    /// Stored rollback SQL that cannot be run.
    #[error(transparent)]
    InvalidRollback(Problem),
    /// A baseline is asked for where Schemaward has already run.
    #[error(
        "Schemaward's ledger is not empty: version {current} is applied or half applied; a baseline is recorded \
         before the first migrate"
    )]
    LedgerInUse {
        /// The newest version in force, or the one that is half applied.
        current: Version,
    },
    /// A file without a transaction is half applied.
    #[error(
        "{file}: version {version} is half applied, each statement committed separately; finish it with schemaward \
         migrate before rolling back; or, if one refused statement left only a part, remove that part by hand, and \
         record that: schemaward repair --version {version} --statement N --as not-done; or undo by hand all that \
         has run, and say so: schemaward repair --abandon {version}"
    )]
    MigrationUnfinished { version: Version, file: String },
    /// A rollback without a transaction is half done.
    #[error(
        "{file}: the rollback of version {version} is half done, each statement committed separately; finish it \
         with schemaward rollback to a version below {version}; if the server refuses one of its statements, do by \
         hand what it should do, and then schemaward repair --version {version} --statement N --as done"
    )]
    RollbackUnfinished {
        version: Version,
        /// What the ledger calls it.
        file: String,
    },
}

/// A version in force without rollback SQL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotUndoable {
    pub version: Version,
    /// The file's name when it was applied.
    pub file: String,
}

/// What keeps an edit from being accepted.
fn not_yet(invalid: Option<&Problem>) -> String {
    invalid.map(|problem| format!(", once it is valid, which it is not: {problem}")).unwrap_or_default()
}

/// As an error's sentence begins.
fn named(version: &Version) -> String {
    if *version == Version::of_repeatable() { "this file".to_owned() } else { format!("version {version}") }
}

fn list(versions: &[NotUndoable]) -> String {
    let versions: Vec<String> = versions.iter().map(|found| format!("{} ({})", found.version, found.file)).collect();
    versions.join(", ")
}

fn steps_of(steps: usize) -> String {
    if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") }
}

fn all_there_is(in_force: usize) -> String {
    let undo_all = format!("to undo everything, say --to {}", RollbackTarget::EMPTY);
    match in_force {
        0 => "no migration is in force".to_owned(),
        1 => format!("1 migration is in force; {undo_all}"),
        many => format!("{many} migrations are in force; {undo_all}"),
    }
}

/// How far one can go back instead; empty if that is not possible either.
fn or_above(lowest: &Version, current: Option<&Version>) -> String {
    let above = current.filter(|current| *current > lowest);
    above.map(|_| format!("; to go back as far as can be, roll back to {lowest}")).unwrap_or_default()
}

fn where_to(target: &Version, current: Option<&Version>, nearest: Option<&Version>) -> String {
    match (current, nearest) {
        (None, _) => "nothing is applied at all".to_owned(),
        (Some(current), _) if current < target => {
            format!("the newest version applied is {current}: to go forward, use schemaward migrate")
        }
        (_, Some(nearest)) => format!("the nearest below it is {nearest}"),
        (_, None) => format!("to undo everything, say {}", RollbackTarget::EMPTY),
    }
}

fn near(nearest: Option<&Version>) -> String {
    nearest.map(|version| format!(" and has {version} below it")).unwrap_or_default()
}

impl PlanProblem {
    /// A target that a source, whose versions these are in order, does not have.
    pub(super) fn not_in_source<'v>(
        versions: impl DoubleEndedIterator<Item = &'v Version>,
        last: &Version,
        target: &Version,
    ) -> Self {
        let below = versions.rev().find(|version| *version < target);
        let nearest = below.filter(|version| *version != last).cloned();
        Self::TargetNotInSource { target: target.clone(), last: last.clone(), nearest }
    }

    /// The file of an applied version is missing in a source that goes on to `last`.
    pub(super) fn missing(row: &LedgerRow, last: &Version) -> Self {
        Self::Missing { version: row.version.clone(), file: row.file.clone(), last: last.clone() }
    }

    /// The file of a started statement is missing.
    pub(super) fn missing_while_begun(begun: &BegunStatement) -> Self {
        let version = begun.version.clone().unwrap_or_else(Version::of_repeatable);
        Self::MissingWhileBegun { version, file: begun.file.clone() }
    }

    /// The problem as one word.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Edited { .. } | Self::AnotherFile { .. } | Self::EditedWhileBegun { .. } => Reason::MigrationEdited,
            Self::Missing { .. } | Self::MissingWhileBegun { .. } => Reason::MigrationMissing,
            Self::OutOfOrder { .. } | Self::CameBetween { .. } => Reason::OutOfOrder,
            Self::TargetNotInSource { .. }
            | Self::TargetBelowCurrent { .. }
            | Self::NoRollback { .. }
            | Self::RollbackOfBaseline { .. }
            | Self::RollbackTargetNotApplied { .. }
            | Self::TooManySteps { .. }
            | Self::LedgerInUse { .. } => Reason::TargetUnreachable,
            Self::InvalidFile(_) | Self::InvalidRollback(_) | Self::StandsAlone { .. } => Reason::InvalidSource,
            Self::NoTransactionOverFiles { .. } => Reason::InvalidSettings,
            Self::MigrationUnfinished { .. } | Self::RollbackUnfinished { .. } | Self::EndUnknown { .. } => {
                Reason::NeedsReview
            }
        }
    }

    /// The same as a failure of a run.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let place = match self {
            Self::InvalidFile(problem) | Self::InvalidRollback(problem) => return problem.failure(),
            Self::StandsAlone { place, .. } => Some(Place::clone(place)),
            Self::Edited { version, file, .. }
            | Self::AnotherFile { version, file, .. }
            | Self::EditedWhileBegun { version, file, .. }
            | Self::Missing { version, file, .. }
            | Self::MissingWhileBegun { version, file }
            | Self::EndUnknown { version, file, .. }
            | Self::OutOfOrder { version, file, .. }
            | Self::CameBetween { version, file, .. }
            | Self::MigrationUnfinished { version, file }
            | Self::RollbackUnfinished { version, file } => {
                Some(Place { version: version.to_string(), file: file.clone(), ..Place::default() })
            }
            Self::TargetNotInSource { .. }
            | Self::TargetBelowCurrent { .. }
            | Self::NoRollback { .. }
            | Self::RollbackOfBaseline { .. }
            | Self::RollbackTargetNotApplied { .. }
            | Self::TooManySteps { .. }
            | Self::NoTransactionOverFiles { .. }
            | Self::LedgerInUse { .. } => None,
        };
        Failure { place, ..Failure::new(self.reason(), self.to_string()).class(ErrorClass::Permanent) }
    }
}

/// All problems as one failure: the first in full, and how many more there are.
#[must_use]
pub fn plan_failure(problems: &[PlanProblem]) -> Option<Failure> {
    let mut failure = problems.first()?.failure();
    if let Some(next) = problems.get(1) {
        failure.hint = Some(format!("{} more, the next one: {next}", problems.len() - 1));
    }
    Some(failure)
}
