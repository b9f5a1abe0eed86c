//! Migrations as files: names, formats, directives, rollback blocks, checksums, sets of files. Pure: bytes in, data
//! out. What the SQL in them means is up to [`crate::sql`].

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

mod annotation_line;
mod annotations;
mod checksum;
mod directive;
mod file_name;
mod files;
mod foreign_directive;
#[expect(clippy::module_inception, reason = "it holds the type Migration, and files are named after what they hold")]
mod migration;
mod next_file;
mod problem;
#[cfg(test)]
mod reading_tests;
mod rollback;
mod set;
mod sorted;
mod source;
mod source_rules;
mod untransacted;
mod version;

pub use annotations::BadAnnotation;
pub use checksum::Checksum;
pub use file_name::{NameError, are_alike, diesel_version, ends_as_migration, stem};
pub use files::{MigrationFile, MigrationFiles, invalid_files};
pub use migration::{DownFile, Migration};
pub use next_file::{NewFile, NewFileError, next_file};
pub use problem::{InvalidSource, Problem, ProblemKind, no_migration, source_failure};
pub use rollback::ROLLBACK_OF;
pub use set::MigrationSet;
pub use source::{SourceFile, source_hash};
pub use source_rules::SourceRules;
pub use version::{InvalidVersion, Version};
