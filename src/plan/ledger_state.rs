//! What a ledger says is in force.

use super::kind::Kind;
use super::step::Step;
use crate::migration::{Checksum, Version};

/// A migration that is in force: the ledger's successful row, which no rollback has undone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppliedRow {
    pub version: Version,
    /// Its file's name when it was applied.
    pub file: String,
    /// Of its file's bytes then.
    pub checksum: Checksum,
    /// Of its tokens then; see [`Checksum::of_tokens`].
    pub token_checksum: Checksum,
    /// Whether it was run, and by whom: [`Kind::Migration`], [`Kind::Baseline`] or [`Kind::Adopted`].
    pub kind: Kind,
    /// The row's number: rows are numbered in the order they came.
    pub id: i64,
}

/// A repeatable file as it last ran.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RepeatableRow {
    /// The file's name, by which it is known.
    pub file: String,
    /// Of its bytes then.
    pub checksum: Checksum,
    /// Of its tokens then; see [`Checksum::of_tokens`].
    pub token_checksum: Checksum,
}

/// A statement of a file that is begun and has not come to its end: a row of the statement journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BegunStatement {
    /// What it belongs to: [`Kind::Migration`], [`Kind::Repeatable`] or [`Kind::Rollback`].
    pub kind: Kind,
    /// The migration's version; None of a repeatable file.
    pub version: Option<Version>,
    pub file: String,
    /// The statement's number in its file, from 1.
    pub number: usize,
    /// Of its tokens when it ran; see [`Checksum::of_tokens`].
    pub checksum: Checksum,
    pub state: StatementState,
    /// Whether it may have left a part of its work although the server refused it. False of one that was not refused.
    pub left_a_part: bool,
}

/// Where a statement of the statement journal is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatementState {
    /// It was sent; its end was not recorded.
    Started,
    Finished,
    /// The server refused it.
    Failed,
}

/// All migrations in force, in version order, what is begun, and the repeatable files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LedgerState {
    applied: Vec<AppliedRow>,
    repeatables: Vec<RepeatableRow>,
    begun: Vec<BegunStatement>,
}

impl LedgerState {
    /// From a ledger's rows in any order. Of two rows of one version the later one counts.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = AppliedRow>) -> Self {
        let mut applied: Vec<AppliedRow> = Vec::new();
        let mut rows: Vec<AppliedRow> = rows.into_iter().collect();
        // Stable, so that rows of one version stay in the order they came in.
        rows.sort_by(|a, b| a.version.cmp(&b.version));
        for row in rows {
            match applied.last_mut() {
                Some(last) if last.version == row.version => *last = row,
                _ => applied.push(row),
            }
        }
        Self { applied, repeatables: Vec::new(), begun: Vec::new() }
    }

    /// The same with the statements of files that are begun and have not come to their end.
    #[must_use]
    pub fn with_begun(self, begun: Vec<BegunStatement>) -> Self {
        Self { begun, ..self }
    }

    /// The same with the repeatable files as they last ran.
    #[must_use]
    pub fn with_repeatables(self, repeatables: Vec<RepeatableRow>) -> Self {
        Self { repeatables, ..self }
    }

    /// The statements of a step's file that is begun and has not come to its end.
    pub fn begun_of<'a>(&'a self, step: &'a Step<'_>) -> impl Iterator<Item = &'a BegunStatement> {
        let migration = step.migration.as_ref();
        self.all_begun().iter().filter(move |statement| {
            statement.kind == step.kind
                && match step.kind {
                    Kind::Repeatable => statement.file == migration.file,
                    _ => statement.version.as_ref() == Some(&migration.version),
                }
        })
    }

    /// Everything that is begun and has not come to its end, in the order of its rows.
    #[must_use]
    pub fn all_begun(&self) -> &[BegunStatement] {
        &self.begun
    }

    /// What is begun and has left something, or may have: most statements that the server refuses have left nothing.
    pub fn half_done(&self) -> impl Iterator<Item = &BegunStatement> {
        self.all_begun().iter().filter(|statement| match statement.state {
            StatementState::Started | StatementState::Finished => true,
            StatementState::Failed => statement.left_a_part && !self.is_settled_since(statement),
        })
    }

    /// Whether a refused statement's version has got there another way: its file was corrected into one transaction.
    fn is_settled_since(&self, refused: &BegunStatement) -> bool {
        let in_force = refused.version.as_ref().map(|version| self.get(version).is_some());
        match refused.kind {
            Kind::Migration => in_force == Some(true),
            Kind::Rollback => in_force == Some(false),
            _ => false,
        }
    }

    /// A repeatable file as it last ran.
    #[must_use]
    pub fn repeatable(&self, file: &str) -> Option<&RepeatableRow> {
        self.repeatables.iter().find(|row| row.file == file)
    }

    /// The repeatable files as they last ran.
    #[must_use]
    pub fn repeatables(&self) -> &[RepeatableRow] {
        &self.repeatables
    }

    /// The rows in version order.
    #[must_use]
    pub fn applied(&self) -> &[AppliedRow] {
        &self.applied
    }

    /// The row of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&AppliedRow> {
        let index = self.applied.binary_search_by(|row| row.version.cmp(version)).ok()?;
        self.applied.get(index)
    }

    /// What shows that Schemaward has been at work here: the newest version in force, or else one that is half done.
    #[must_use]
    pub fn in_use(&self) -> Option<&Version> {
        self.current().or_else(|| self.half_done().find_map(|begun| begun.version.as_ref()))
    }

    /// Whether it shows nothing that Schemaward has done. Something may have been undone; only the attempts tell.
    #[must_use]
    pub fn shows_nothing(&self) -> bool {
        self.applied.is_empty() && self.repeatables.is_empty() && self.half_done().next().is_none()
    }

    /// The newest version applied.
    #[must_use]
    pub fn current(&self) -> Option<&Version> {
        self.applied.last().map(|row| &row.version)
    }
}
