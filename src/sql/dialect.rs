use std::fmt;

/// The engine whose rules a text is parsed by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// `PostgreSQL` 13 and later.
    Postgres,
    /// `MySQL` 8 and later.
    Mysql,
    /// `MariaDB` 10.6 and later. The same as `MySQL`, except for which version comments are code.
    Mariadb,
    /// `SQLite` 3.
    Sqlite,
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Mariadb, Self::Sqlite];

    /// The engine's name as its makers write it.
    #[must_use]
    pub fn engine(self) -> &'static str {
        self.grammar().engine()
    }

    /// Whether DDL commits implicitly, so that nothing with DDL in it can be one transaction.
    #[must_use]
    pub fn ddl_commits(self) -> bool {
        self.grammar().ddl_commits()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.engine())
    }
}
