//! Why a history cannot be taken over. Nothing was written.

use super::tool::Tool;
use crate::migration::Version;
use crate::report::{ErrorClass, Failure, Reason};

/// Why a history cannot be taken over. Nothing was written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdoptProblem {
    /// No tool's table is there.
    #[error("no table of {} is in this database; one of another name is given by --from and --table; schemaward baseline records a schema that no tool has a history of", asked(.0.as_ref()))]
    NotFound(Option<Tool>),
    /// No table of the name that a person has given.
    #[error(
        "there is no table {0} in this database, or this user cannot see it; give --table as the server spells it, \
         and --schema if it is not found"
    )]
    NoTable(String),
    /// It is there, and has other columns.
    #[error("the table {table} has the columns {}: {} keeps no history in such a table", .columns.join(", "), asked(.tool.as_ref()))]
    NotItsTable {
        /// The table, with its schema.
        table: String,
        /// Whose it should be.
        tool: Option<Tool>,
        columns: Vec<String>,
    },
    /// More than one is there.
    #[error("the histories of more than one tool are in this database: {}; say which by --from, and by --schema or --table where one tool's is there twice", .0.join(", "))]
    Several(Vec<String>),
    /// One is there that other tools, or an application, may have as well.
    #[error("the table {table} may be {tool}'s, by its name and its columns, which others have, too; where it is, say so: --from {}", .tool.flag())]
    Guessed {
        /// The table, with its schema.
        table: String,
        /// Whose it may be.
        tool: Tool,
    },
    /// The tool says itself that a migration has failed, or is half applied.
    #[error("{tool} says that its version {version} has failed or is half applied: {advice}; then adopt again")]
    Dirty {
        tool: Tool,
        version: String,
        /// What to do with the tool itself.
        advice: &'static str,
    },
    /// The table holds something that the tool does not write.
    #[error("the table of {tool} holds {what}, which is not understood")]
    NotUnderstood { tool: Tool, what: String },
    /// What is applied is not in the folder.
    #[error("{tool} has applied {}, which the folder does not have; add {}: the versions must be the tool's own", .versions.join(", "), if .versions.len() == 1 { "the file" } else { "the files" })]
    Missing { tool: Tool, versions: Vec<String> },
    /// Files are not those that the tool has applied.
    #[error(
        "{} than when {tool} applied {}, by its {method} checksums: {}; put the files back as they were, or, where only their looks \
         were changed, say --ignore-checksums", if .files.len() == 1 { "a file is another" } else { "files are others" },
        if .files.len() == 1 { "it" } else { "them" }, names(.files)
    )]
    Changed {
        tool: Tool,
        /// How it was found out.
        method: &'static str,
        files: Vec<ChangedFile>,
    },
    /// Schemaward's own ledger is not empty.
    #[error(
        "Schemaward's ledger is not empty: version {current} is in force; a history is taken over before the first migrate"
    )]
    LedgerInUse {
        /// The newest version in force, or the one that is half applied.
        current: Version,
    },
}

/// A file that is another than when it was applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChangedFile {
    pub file: String,
}

fn names(files: &[ChangedFile]) -> String {
    files.iter().map(|changed| changed.file.as_str()).collect::<Vec<_>>().join(", ")
}

fn asked(tool: Option<&Tool>) -> String {
    tool.map_or_else(|| "a tool that is known".to_owned(), ToString::to_string)
}

impl AdoptProblem {
    /// The problem as one word.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotFound(_)
            | Self::NoTable(_)
            | Self::NotItsTable { .. }
            | Self::Several(_)
            | Self::Guessed { .. } => Reason::InvalidSettings,
            Self::Dirty { .. } | Self::NotUnderstood { .. } => Reason::NeedsReview,
            Self::Missing { .. } => Reason::MigrationMissing,
            Self::Changed { .. } => Reason::MigrationEdited,
            Self::LedgerInUse { .. } => Reason::TargetUnreachable,
        }
    }

    /// The same as a failure.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::new(self.reason(), self.to_string()).class(ErrorClass::Permanent)
    }
}
