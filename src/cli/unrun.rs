//! What `baseline` and `adopt` show: which migrations are recorded as being there, without having been run.

use std::fmt::Write as _;

use serde::Serialize;

use super::flags::Format;
use super::output::{self, counted, line};
use crate::migration::Migration;

/// Which migrations are recorded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UnrunReport {
    pub(super) database: String,
    /// Whether nothing was written.
    pub(super) dry_run: bool,
    /// The newest version recorded; null where none is.
    version: Option<String>,
    migrations: Vec<UnrunMigration>,
    /// In place of the list, where a person reads: what was done.
    #[serde(skip)]
    pub(super) headline: String,
}

#[derive(Serialize)]
struct UnrunMigration {
    version: String,
    file: String,
    checksum: String,
}

impl UnrunReport {
    pub(super) fn new(database: String, dry_run: bool, migrations: &[&Migration], why: &str) -> Self {
        let version = migrations.last().map(|last| last.version.to_string());
        let count = counted(migrations.len(), "migration");
        let headline = match (&version, dry_run) {
            (None, _) => format!("Nothing to record in {database}: {why}."),
            (Some(version), true) => {
                format!("Would record {count} up to version {version} in {database}, and run none: {why}:")
            }
            (Some(version), false) => {
                format!("{database} is at version {version}: {count} recorded, none of them run: {why}:")
            }
        };
        let migration = |migration: &&Migration| UnrunMigration {
            version: migration.version.to_string(),
            file: migration.file.clone(),
            checksum: migration.checksum.short().to_owned(),
        };
        Self { database, dry_run, version, migrations: migrations.iter().map(migration).collect(), headline }
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", line(&self.headline));
        for migration in &self.migrations {
            let _ = writeln!(text, "  {}", migration.file);
        }
        text
    }

    pub(super) fn show(&self, format: Format) {
        match format {
            Format::Json => output::json(self),
            Format::Text => output::text(&self.text()),
        }
    }
}
