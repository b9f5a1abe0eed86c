//! Which engine's rules a text is read by.

use std::fmt;

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
        self.grammar().engine()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.engine())
    }
}
