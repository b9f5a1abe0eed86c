//! Which engine's rules a text is read by.

use std::fmt;

use crate::api::Engine;

/// Which engine's rules a text is read by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// `PostgreSQL` 13 and later.
    Postgres,
    /// `MySQL` 8 and later.
    Mysql,
    /// `MariaDB` 10.6 and later. As `MySQL`, but for which of the comments with a version in them are code.
    Mariadb,
    /// `SQLite` 3.
    Sqlite,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Mariadb, Self::Sqlite];

    /// The engine's name as its makers write it.
    #[must_use]
    pub fn engine(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }

    /// The command-line client that people run files with.
    pub(super) fn client(self) -> &'static str {
        match self {
            Self::Postgres => "psql",
            Self::Mysql => "the mysql client",
            Self::Mariadb => "the mariadb client",
            Self::Sqlite => "the sqlite3 shell",
        }
    }

    /// Whether an unquoted name means the same in capitals. On `MySQL` and `MariaDB` a table's name does not where the
    /// server's file system tells cases apart, and without a list of the keywords a name cannot be told from one.
    pub(super) fn folds_case(self) -> bool {
        matches!(self, Self::Postgres | Self::Sqlite)
    }
}

impl From<Engine> for Dialect {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self::Postgres,
            Engine::Mysql => Self::Mysql,
            Engine::Mariadb => Self::Mariadb,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.engine())
    }
}
