//! The tools whose histories can be taken over.

use std::fmt;

use clap::ValueEnum;

/// A tool whose history can be taken over.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Tool {
    /// Atlas' versioned migrations.
    Atlas,
    /// dbmate.
    Dbmate,
    /// diesel.
    Diesel,
    /// Flyway.
    Flyway,
    /// golang-migrate.
    GolangMigrate,
    /// goose.
    Goose,
    /// Prisma Migrate.
    Prisma,
    /// Rails' Active Record.
    Rails,
    /// refinery.
    Refinery,
    /// sqlx.
    Sqlx,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Atlas,
        Self::Dbmate,
        Self::Diesel,
        Self::Flyway,
        Self::GolangMigrate,
        Self::Goose,
        Self::Prisma,
        Self::Rails,
        Self::Refinery,
        Self::Sqlx,
    ];

    /// As its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Atlas => "Atlas",
            Self::Dbmate => "dbmate",
            Self::Diesel => "diesel",
            Self::Flyway => "Flyway",
            Self::GolangMigrate => "golang-migrate",
            Self::Goose => "goose",
            Self::Prisma => "Prisma",
            Self::Rails => "Rails",
            Self::Refinery => "refinery",
            Self::Sqlx => "sqlx",
        }
    }

    /// Whether its history may start with a baseline: a version that says what existed before, with or without a file.
    pub(super) fn keeps_baselines(self) -> bool {
        matches!(self, Self::Atlas | Self::Flyway)
    }

    /// As the command line writes it.
    #[must_use]
    pub fn flag(self) -> String {
        self.name().to_ascii_lowercase()
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
