//! What is wrong with a source, where, and what to do about it.

use std::fmt;

use super::annotations::BadAnnotation;
use super::file_name::NameError;
use super::source::SourceFile;
use super::version::Version;
use crate::report::{Failure, Place, Reason};
use crate::sql::Dialect;
use crate::sql::foreign_sql::ForeignSign;
use crate::sql::lexeme::Construct;
use crate::sql::position::Position;
use crate::sql::refusals::Refusal;

/// One thing that keeps a source from being a migration set. Shown as `file:line: what; what to do`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}{what}", Prefix(.file.as_deref(), .position.as_ref()))]
pub struct Problem {
    /// The file; absent where it is the source as a whole.
    pub file: Option<String>,
    /// The file's version, where its name has one.
    pub version: Option<Version>,
    /// Where in the file; absent where it is the file as a whole.
    pub position: Option<Position>,
    /// What is wrong and what to do.
    #[source]
    pub what: ProblemKind,
    /// Another engine whose SQL the file looks like; of several problems of a file only the first has it.
    pub looks_like: Option<ForeignSign>,
}

/// What can be wrong with a source.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    /// No file ends in `.sql`.
    #[error(
        "the source holds no migration: none of its {files} files ends in .sql; add one, such as 001_core_tables.sql"
    )]
    Empty {
        /// How many files there are.
        files: usize,
    },
    /// The name is none a migration may have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two files have one version.
    #[error("version {version} is also that of {other}; give one of the two another version")]
    DuplicateVersion {
        /// The version, as this file writes it.
        version: Version,
        other: String,
    },
    /// Numbers are left out between two files.
    #[error(
        "{missing} missing between {before} and this file; add what is missing (where it is applied already: its file as it was), or renumber what is applied nowhere yet, or allow gaps where they are meant (--gaps allow; in a resource spec.source.gaps)"
    )]
    Gap {
        /// `version 3 is` or `versions 3 to 5 are`.
        missing: String,
        /// The file before the gap.
        before: String,
    },
    /// A rollback without a migration.
    #[error("there is no migration of version {0} that this could roll back; add it, or remove this file")]
    OrphanDown(Version),
    /// Two rollbacks for one migration.
    #[error("the rollback is in {0} too; keep it in one of the two places")]
    TwoRollbacks(String),
    /// SQL after the rollback block's marker.
    #[error(
        "SQL after the line `-- rollback:`; from that line to the end of the file every line is a comment that holds \
         rollback SQL: put `-- ` before this line, or move it up"
    )]
    SqlAfterRollback,
    /// Bytes that are no UTF-8.
    #[error("byte {byte} of the file is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// Counted from 0.
        byte: usize,
    },
    /// A byte that no SQL text may hold.
    #[error("byte {byte} of the file is a NUL, which SQL text cannot hold; save the file as UTF-8 text")]
    NulByte {
        /// Counted from 0.
        byte: usize,
    },
    /// Something opened here is never closed.
    #[error("{} that begins here never ends; close it with {}", .0.name(), .0.end())]
    Unterminated(Construct),
    /// A line for the engine's client.
    #[error("`{command}` is a command of {}, not of the server; {}", .dialect.grammar().client(), instead_of(.command))]
    MetaCommand { command: String, dialect: Dialect },
    /// A line `DELIMITER` that names none.
    #[error("DELIMITER needs what is to end statements from here on, without a backslash, such as DELIMITER //")]
    Delimiter,
    /// A body whose end cannot be told.
    #[error(
        "the body of a routine, trigger or event cannot be read from here on, so its end is not known; put the line \
         `DELIMITER //` before the statement that creates it, `//` after its end, and `DELIMITER ;` after that"
    )]
    Body,
    /// A line `-- schemaward: …` that asks for nothing known.
    #[error("unknown directive `{0}`; the only one is `-- schemaward: no-transaction`")]
    UnknownDirective(String),
    /// A line `-- schemaward: …` behind the first statement.
    #[error("this line counts only before the file's first statement; move it to the first line, or remove it")]
    LateDirective,
    /// A line of another tool that is out of place.
    #[error(transparent)]
    Annotation(#[from] BadAnnotation),
    /// Repeatable files, and nothing that they could follow.
    #[error("the source holds repeatable files (R__…) only; add a migration with a version, which runs before them")]
    OnlyRepeatable,
    /// A statement that cannot run here.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ProblemKind {
    /// Whether it is about the SQL, and not about the file's name, bytes or lines for Schemaward.
    pub(super) fn is_of_sql(&self) -> bool {
        matches!(
            self,
            Self::Unterminated(_) | Self::MetaCommand { .. } | Self::Delimiter | Self::Body | Self::Refused(_)
        )
    }
}

impl Problem {
    /// The same as a failure of a run.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let place = self.file.as_ref().map(|file| Place {
            version: self.version.as_ref().map(ToString::to_string).unwrap_or_default(),
            file: file.clone(),
            line: self.position.map(|at| signed(at.line)),
            column: self.position.map(|at| signed(at.column)),
            statement: None,
            excerpt: None,
        });
        Failure {
            hint: self.looks_like.as_ref().map(ToString::to_string),
            place,
            ..Failure::new(Reason::InvalidSource, self.to_string())
        }
    }
}

/// Files that are no migration set, with what is wrong with them.
#[derive(Clone, Debug)]
pub struct InvalidSource {
    /// All that the source delivered, in no order.
    pub files: Vec<SourceFile>,
    /// Ordered by file and line.
    pub problems: Vec<Problem>,
}

impl InvalidSource {
    /// As one failure.
    #[must_use]
    pub fn failure(&self) -> Failure {
        source_failure(&self.problems).unwrap_or_else(no_migration)
    }
}

/// The failure of a source that holds nothing to run.
#[must_use]
pub fn no_migration() -> Failure {
    Failure::new(Reason::InvalidSource, "the source holds no migration")
}

/// All problems of a source as one failure: the first in full, and how many more there are.
#[must_use]
pub fn source_failure(problems: &[Problem]) -> Option<Failure> {
    let mut failure = problems.first()?.failure();
    if let Some(next) = problems.get(1) {
        let more = format!("{} more in the source, the next one: {next}", problems.len() - 1);
        failure.hint = Some(failure.hint.map_or_else(|| more.clone(), |hint| format!("{hint}; {more}")));
    }
    Some(failure)
}

/// What to do instead of giving the client a command.
fn instead_of(command: &str) -> &'static str {
    match command.to_ascii_lowercase().as_str() {
        "source" | "\\." | ".read" | "\\i" | "\\ir" | "\\include" => {
            "put that file's content here, or make it a migration of its own"
        }
        _ => "remove it, or write it as SQL",
    }
}

/// As the report's integers are.
pub(super) fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

struct Prefix<'a>(Option<&'a str>, Option<&'a Position>);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(file), Some(at)) => write!(f, "{file}:{}: ", at.line),
            (Some(file), None) => write!(f, "{file}: "),
            (None, _) => Ok(()),
        }
    }
}
