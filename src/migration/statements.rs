//! A file's statements, and where each is. Where one ends and the next begins each dialect says in its own folder.

use super::lexeme::Construct;
use super::position::Position;
use super::secret::without_passwords;
use super::{Dialect, mysql, postgres, sqlite};

/// The longest excerpt of a statement, in characters.
const EXCERPT_LIMIT: usize = 80;

/// One statement of a file, without the semicolon that ends it. Empty statements are none: the server skips them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The first byte of its first token.
    pub start: usize,
    /// The byte after its last token.
    pub end: usize,
    /// Where its first token is.
    pub position: Position,
}

impl Statement {
    /// The statement's SQL in the text it was found in.
    #[must_use]
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.start..self.end).unwrap_or_default()
    }

    /// Its first line without passwords, cut to 80 characters.
    #[must_use]
    pub fn excerpt(&self, sql: &str) -> String {
        let line = without_passwords(self.text(sql).lines().next().unwrap_or_default().trim_end());
        match line.char_indices().nth(EXCERPT_LIMIT) {
            None => line,
            Some(_) => line.chars().take(EXCERPT_LIMIT - 1).chain(['…']).collect(),
        }
    }
}

/// Why a text cannot be divided into statements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Opened and never closed.
    Unterminated(Construct),
    /// A line for the engine's client, not for the server.
    MetaCommand,
    /// A line `DELIMITER` that names none.
    Delimiter,
}

/// A text's statements, and what is no SQL in it with the byte where it begins.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) statements: Vec<Statement>,
    pub(super) faults: Vec<(usize, Fault)>,
}

/// Divides SQL into statements.
pub(super) fn split(sql: &str, dialect: Dialect) -> Split {
    match dialect {
        Dialect::Postgres => postgres::split(sql),
        Dialect::Mysql | Dialect::Mariadb => mysql::split(sql, dialect),
        Dialect::Sqlite => sqlite::split(sql),
    }
}
