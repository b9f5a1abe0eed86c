//! What went wrong, where, and what kind of wrong it is.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// What an error means for the next step. Found from SQLSTATE or errno, never from text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorClass {
    /// It may recover without help: connection lost, deadlock, lock timeout. Retried with a growing pause.
    Transient,
    /// It stays until a person changes the spec, the source, the database or the retry annotation.
    Permanent,
    /// The object to be created already exists.
    AlreadyExists,
    /// The connection broke while the answer to COMMIT was due, and the ledger could not be asked.
    /// Retried: the next run reads the ledger first, and the ledger decides.
    UnknownOutcome,
}

impl ErrorClass {
    /// Whether another attempt may end differently without any change.
    #[must_use]
    pub fn is_retried(self) -> bool {
        matches!(self, Self::Transient | Self::UnknownOutcome)
    }
}

/// Why a run failed, as one word a machine can match on. Condition reasons and events carry it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The database refused a statement of a migration.
    StatementFailed,
    /// The database could not be reached, or the connection was lost.
    ConnectionFailed,
    /// The database refused the user, the password or the database's name.
    AuthenticationFailed,
    /// Another run held the lock in the database for as long as this one waited.
    LockHeld,
    /// A statement did not get a table's lock in time, in as many tries as the run's time allowed.
    LockTimedOut,
    /// A newer holder of the lock has raised the fence; this run may commit nothing.
    Fenced,
    /// An applied migration's file has changed.
    MigrationEdited,
    /// An applied migration is missing in the middle of the source.
    MigrationMissing,
    /// A pending migration is older than one that is applied.
    OutOfOrder,
    /// It is unknown whether a statement outside any transaction has run, or something is half done and has to be
    /// finished first; a person has to look.
    NeedsReview,
    /// The target version is not in the source, or lower than the ledger's; or no rollback leads there.
    TargetUnreachable,
    /// Another tool has a history in the database, and the ledger has none: a run would go over it from its beginning.
    ForeignHistory,
    /// The set of migrations is not valid: a name, a duplicate version, a gap, bytes that are not UTF-8.
    InvalidSource,
    /// The mounted source is not the one the run was started for.
    SourceChanged,
    /// The ledger's tables cannot be read or made, or were written by a newer Schemaward.
    LedgerUnusable,
    /// The run was asked to stop (SIGTERM) and has rolled back.
    Cancelled,
    /// The run did not end within its active deadline.
    DeadlineExceeded,
    /// A setting of the run itself is wrong: the URL, a path, a flag.
    InvalidSettings,
}

impl Reason {
    /// The class of a failure with this reason, unless it says otherwise.
    #[must_use]
    pub const fn usual_class(self) -> ErrorClass {
        match self {
            Self::ConnectionFailed
            | Self::LockHeld
            | Self::LockTimedOut
            | Self::Fenced
            | Self::SourceChanged
            | Self::Cancelled => ErrorClass::Transient,
            Self::StatementFailed
            | Self::AuthenticationFailed
            | Self::MigrationEdited
            | Self::MigrationMissing
            | Self::OutOfOrder
            | Self::NeedsReview
            | Self::TargetUnreachable
            | Self::ForeignHistory
            | Self::InvalidSource
            | Self::LedgerUnusable
            | Self::DeadlineExceeded
            | Self::InvalidSettings => ErrorClass::Permanent,
        }
    }
}

/// Where in the migration set a failure arose.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The migration's version as its file name writes it.
    pub version: String,
    /// The file's name, without a folder.
    pub file: String,
    /// Line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// Column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<i64>,
    /// The statement's number in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<i64>,
    /// The statement's first line, cut to a length a status can hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// An error with all that a person needs to act on it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What it means for the next step.
    pub class: ErrorClass,
    /// Why, as one word.
    pub reason: Reason,
    /// SQLSTATE or errno, where the database gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened, in a sentence; never a password.
    pub message: String,
    /// What to do next, where more is known than the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where it arose, where that is one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Failure {
    /// A failure of the reason's usual class.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let class = reason.usual_class();
        Self { class, reason, code: None, message: message.into(), hint: None, place: None }
    }

    /// Of another class than the reason's usual one.
    #[must_use]
    pub fn class(self, class: ErrorClass) -> Self {
        Self { class, ..self }
    }

    /// With SQLSTATE or errno.
    #[must_use]
    pub fn code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With what to do next beside what is said of that already.
    #[must_use]
    pub fn also_hint(self, hint: impl Display) -> Self {
        let hint = match &self.hint {
            // The server's own is a sentence.
            Some(before) => format!("{}; {hint}", before.trim_end_matches('.')),
            None => hint.to_string(),
        };
        Self { hint: Some(hint), ..self }
    }

    /// In one file.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The message without the file and line it may begin with, for where the place is shown beside it.
    #[must_use]
    pub fn message_without_place(&self) -> &str {
        let message = self.message.as_str();
        let Some(place) = &self.place else { return message };
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        message.strip_prefix(&format!("{}{line}: ", place.file)).unwrap_or(message)
    }
}
