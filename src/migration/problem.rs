//! What is wrong with a source, where, and how to fix it.

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

/// One reason why a source is not a valid migration set. Displayed as `file:line: problem; fix`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}{what}", Prefix(.file.as_deref(), .position.as_ref()))]
pub struct Problem {
    /// None if the problem is the source as a whole.
    pub file: Option<String>,
    /// None if the file's name has no version.
    pub version: Option<Version>,
    /// None if the problem is the file as a whole.
    pub position: Option<Position>,
    #[source]
    pub what: ProblemKind,
    /// The engine whose SQL this seems to be, if it is another one. Set on the first problem of a file only.
    pub looks_like: Option<ForeignSign>,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    #[error("the source contains no migrations: {}; add one, such as 001_core_tables.sql", without_sql(*.files))]
    Empty { files: usize },
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("version {version} is also used by {other}; renumber one of the two")]
    DuplicateVersion { version: Version, other: String },
    #[error(
        "{missing} missing between {before} and this file; add the missing file (unchanged, if it has already been applied), or renumber files that have not been applied anywhere, or allow gaps if they are intentional (--gaps allow; in a resource spec.source.gaps)"
    )]
    Gap {
        /// `version 3 is` or `versions 3 to 5 are`.
        missing: String,
        before: String,
    },
    /// A rollback file without its migration.
    #[error("there is no migration with version {0} for this file to roll back; add it, or remove this file")]
    OrphanDown(Version),
    #[error("the rollback is also in {0}; keep only one of the two")]
    TwoRollbacks(String),
    #[error(
        "SQL after the line `-- rollback:`; from that line to the end of the file, every line must be a comment \
         with rollback SQL: put `-- ` before this line, or move it up"
    )]
    SqlAfterRollback,
    #[error("byte {byte} of the file is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// Counted from 0.
        byte: usize,
    },
    /// The same in a value such as mysqldump writes: another encoding would change it.
    #[error(
        "byte {byte} of the file is not UTF-8; write binary values in hexadecimal, as x'…' (mysqldump --hex-blob does): \
         saving the file as UTF-8 would change them"
    )]
    BinaryValue {
        /// Counted from 0.
        byte: usize,
    },
    #[error("byte {byte} of the file is a NUL, which SQL text cannot hold; save the file as UTF-8 text")]
    NulByte {
        /// Counted from 0.
        byte: usize,
    },
    /// Still as [`super::next_file`] made it.
    #[error("the file is as schemaward new wrote it, without a statement; write the migration, or remove the file")]
    Unwritten,
    #[error("{} that begins here never ends; close it with {}", .0.name(), .0.end())]
    Unterminated(Construct),
    /// A command for the engine's command-line client.
    #[error("`{command}` is a command of {}, not of the server; {}", .dialect.grammar().client(), instead_of(.command))]
    MetaCommand { command: String, dialect: Dialect },
    /// `DELIMITER` without a delimiter.
    #[error("DELIMITER needs the text that ends statements from here on, without a backslash, such as DELIMITER //")]
    Delimiter,
    /// A body whose end cannot be found.
    #[error(
        "the body of a routine, trigger or event cannot be parsed from here on, so its end is unknown; put the line \
         `DELIMITER //` before the statement that creates it, `//` after its end, and `DELIMITER ;` after that"
    )]
    Body,
    #[error("unknown directive `{0}`; the only one is `-- schemaward: no-transaction`")]
    UnknownDirective(String),
    #[error("`-- atlas:txmode {0}` is not a mode of Atlas; write none, or remove the line")]
    UnknownTransactionMode(String),
    /// A directive after the first statement.
    #[error("this line counts only before the file's first statement; move it to the first line, or remove it")]
    LateDirective,
    /// Another tool's annotation in the wrong place.
    #[error(transparent)]
    Annotation(#[from] BadAnnotation),
    /// Repeatable files, but no migration for them to follow.
    #[error("the source contains only repeatable files (R__…); add a versioned migration, which runs before them")]
    OnlyRepeatable,
    /// A statement that cannot be run here.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ProblemKind {
    /// Whether the problem is in the SQL, and not in the file's name, its bytes or a directive.
    pub(super) fn is_of_sql(&self) -> bool {
        matches!(
            self,
            Self::Unterminated(_) | Self::MetaCommand { .. } | Self::Delimiter | Self::Body | Self::Refused(_)
        )
    }
}

/// What a source without migrations has.
fn without_sql(files: usize) -> String {
    match files {
        0 => "it has no files".to_owned(),
        1 => "its only file does not end in .sql".to_owned(),
        files => format!("none of its {files} files ends in .sql"),
    }
}

impl Problem {
    /// As the failure of a run.
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

/// The files of an invalid source, and what is wrong with them.
#[derive(Clone, Debug)]
pub struct InvalidSource {
    /// Everything the source delivered, in no particular order.
    pub files: Vec<SourceFile>,
    /// Ordered by file and line.
    pub problems: Vec<Problem>,
}

impl InvalidSource {
    /// As the failure of a run.
    #[must_use]
    pub fn failure(&self) -> Failure {
        source_failure(&self.problems).unwrap_or_else(no_migration)
    }
}

#[must_use]
pub fn no_migration() -> Failure {
    Failure::new(Reason::InvalidSource, "the source contains no migrations")
}

/// All problems as one failure: the first in full, and how many more there are.
#[must_use]
pub fn source_failure(problems: &[Problem]) -> Option<Failure> {
    let failure = problems.first()?.failure();
    Some(match problems.get(1) {
        Some(next) => failure.also_hint(format!("{} more in the source, the next one: {next}", problems.len() - 1)),
        None => failure,
    })
}

/// What to do instead of using a client command.
fn instead_of(command: &str) -> &'static str {
    match command.to_ascii_lowercase().as_str() {
        "source" | "\\." | ".read" | "\\i" | "\\ir" | "\\include" => {
            "put that file's content here, or make it a migration of its own"
        }
        "\\connect" | "\\c" | "connect" => {
            "a run works in the database that its URL names: remove it, and what creates that database"
        }
        "\\copy" => "write the rows as INSERT statements (pg_dump --inserts does), or load them outside the migrations",
        _ => "remove it, or write it as SQL",
    }
}

/// Reports use signed integers.
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
