//! What a ledger says is in force.

use std::collections::BTreeMap;

use super::kind::Kind;
use super::ledger_row::LedgerRow;
use super::step::Step;
use crate::migration::{Checksum, Version};

/// A statement of a file that was started and is not complete: a row of the statement journal.
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

/// All migrations in force, in version order, what is half applied, and the repeatable files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LedgerState {
    applied: Vec<LedgerRow>,
    repeatables: BTreeMap<String, LedgerRow>,
    begun: Vec<BegunStatement>,
}

impl LedgerState {
    /// From the ledger's rows that have succeeded and were not undone, in any order. Of two rows of one version, or of one
    /// repeatable file, the later one counts.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = LedgerRow>) -> Self {
        let mut state = Self::default();
        let mut rows: Vec<LedgerRow> = rows.into_iter().collect();
        rows.sort_by_key(|row| row.id);
        let mut applied = Vec::with_capacity(rows.len());
        for row in rows {
            match row.kind {
                Kind::Migration | Kind::Baseline | Kind::Adopted => applied.push(row),
                Kind::Repeatable => drop(state.repeatables.insert(row.file.clone(), row)),
                // What it has undone is in no row here.
                Kind::Rollback => {}
            }
        }
        // Stable, so that rows of one version stay in the order they came in.
        applied.sort_by(|a, b| a.version.cmp(&b.version));
        for row in applied {
            match state.applied.last_mut() {
                Some(last) if last.version == row.version => *last = row,
                _ => state.applied.push(row),
            }
        }
        state
    }

    /// The same with the statements of files that were started and are not complete.
    #[must_use]
    pub fn with_begun(self, begun: Vec<BegunStatement>) -> Self {
        Self { begun, ..self }
    }

    /// The statements of a step's file that was started and is not complete.
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

    /// All statements that belong to no complete file, in the order of their rows.
    #[must_use]
    pub fn all_begun(&self) -> &[BegunStatement] {
        &self.begun
    }

    /// Those of them that have left something, or may have: most statements that the server refuses have left nothing.
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
    pub fn repeatable(&self, file: &str) -> Option<&LedgerRow> {
        self.repeatables.get(file)
    }

    /// The rows in version order.
    #[must_use]
    pub fn applied(&self) -> &[LedgerRow] {
        &self.applied
    }

    /// The row of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&LedgerRow> {
        let index = self.applied.binary_search_by(|row| row.version.cmp(version)).ok()?;
        self.applied.get(index)
    }

    /// What shows that Schemaward has run here: the newest version in force, or else one that is half applied.
    #[must_use]
    pub fn in_use(&self) -> Option<&Version> {
        self.current().or_else(|| self.half_done().find_map(|begun| begun.version.as_ref()))
    }

    /// Whether it shows nothing that Schemaward has done. Something may have been undone; only the attempts show that.
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn row(id: i64, kind: Kind, version: &str, file: &str) -> LedgerRow {
        let version = if kind == Kind::Repeatable { Version::of_repeatable() } else { version.parse().unwrap() };
        let checksum = Checksum::of(&id.to_be_bytes());
        LedgerRow { id, kind, version, file: file.to_owned(), token_checksum: checksum.clone(), checksum }
    }

    #[test]
    fn of_rows_in_any_order_the_later_one_counts() {
        let state = LedgerState::new([
            row(7, Kind::Adopted, "010", "010_j.sql"),
            row(5, Kind::Repeatable, "", "R__v.sql"),
            row(6, Kind::Migration, "2", "2_b.sql"),
            row(4, Kind::Repeatable, "", "R__v.sql"),
            row(3, Kind::Rollback, "9", "9_i.sql"),
            row(2, Kind::Repeatable, "", "R__w.sql"),
            row(1, Kind::Baseline, "002", "002_b.sql"),
        ]);
        let applied: Vec<_> = state.applied().iter().map(|row| (row.id, row.version.as_str())).collect();
        assert_eq!(applied, [(6, "2"), (7, "010")]);
        let last_ran = |file| state.repeatable(file).map(|row| row.id);
        assert_eq!((last_ran("R__v.sql"), last_ran("R__w.sql"), last_ran("R__x.sql")), (Some(5), Some(2), None));
        assert_eq!(state.current().map(Version::as_str), Some("010"));
    }

    #[test]
    fn rows_are_of_the_same_by_version_or_by_file() {
        let migration = row(1, Kind::Migration, "1", "1_a.sql");
        assert!(migration.is_of_the_same(&row(2, Kind::Migration, "001", "001_renamed.sql")));
        assert!(!migration.is_of_the_same(&row(2, Kind::Rollback, "1", "1_a.sql")));
        assert!(!migration.is_of_the_same(&row(2, Kind::Migration, "2", "1_a.sql")));
        let repeatable = row(1, Kind::Repeatable, "", "R__v.sql");
        assert!(repeatable.is_of_the_same(&row(2, Kind::Repeatable, "", "R__v.sql")));
        assert!(!repeatable.is_of_the_same(&row(2, Kind::Repeatable, "", "R__w.sql")));
    }

    fn refused(kind: Kind, version: Option<&str>, left_a_part: bool) -> BegunStatement {
        BegunStatement {
            kind,
            version: version.map(|version| version.parse().unwrap()),
            file: "a.sql".to_owned(),
            number: 1,
            checksum: Checksum::of(b""),
            state: StatementState::Failed,
            left_a_part,
        }
    }

    #[rstest]
    #[case::it_left_nothing(refused(Kind::Migration, Some("2"), false), false)]
    #[case::it_left_a_part(refused(Kind::Migration, Some("2"), true), true)]
    #[case::its_version_is_in_force_since(refused(Kind::Migration, Some("1"), true), false)]
    #[case::the_version_is_not_undone_yet(refused(Kind::Rollback, Some("1"), true), true)]
    #[case::the_version_is_undone_since(refused(Kind::Rollback, Some("2"), true), false)]
    #[case::of_a_repeatable_file(refused(Kind::Repeatable, None, true), true)]
    #[case::it_was_not_refused(BegunStatement { state: StatementState::Started, ..refused(Kind::Migration, Some("2"), false) }, true)]
    fn a_refused_statement_counts_where_it_left_a_part_and_nothing_settled_that(
        #[case] begun: BegunStatement,
        #[case] counts: bool,
    ) {
        let state = LedgerState::new([row(1, Kind::Migration, "1", "1_a.sql")]).with_begun(vec![begun]);
        assert_eq!(state.half_done().count(), usize::from(counts));
    }

    #[test]
    fn a_ledger_shows_something_where_any_row_is_in_force_or_half_done() {
        assert!(LedgerState::default().shows_nothing());
        assert!(!LedgerState::new([row(1, Kind::Migration, "1", "1_a.sql")]).shows_nothing());
        assert!(!LedgerState::new([row(1, Kind::Repeatable, "", "R__v.sql")]).shows_nothing());
        let begun = |left| LedgerState::default().with_begun(vec![refused(Kind::Migration, Some("1"), left)]);
        assert!(!begun(true).shows_nothing() && begun(false).shows_nothing());
    }

    #[test]
    fn begun_statements_are_a_step_s_by_its_kind_and_version_or_file() {
        let name = |name: &str| crate::migration::SourceFile { name: name.into(), bytes: "select 1".into() };
        let set = crate::migration::MigrationFiles::sorted(
            vec![name("1_a.sql"), name("R__v.sql")],
            crate::sql::Dialect::Postgres,
        );
        let set = set.unwrap();
        let step = |kind, file: &'static str| {
            let of = |files: &'_ [crate::migration::MigrationFile]| {
                files.iter().find(|found| found.file() == file).map(|found| found.parsed().unwrap().clone())
            };
            let migration = of(set.migrations()).or_else(|| of(set.repeatables())).unwrap();
            Step { kind, migration: std::borrow::Cow::Owned(migration) }
        };
        let named = |kind, version, file: &str| BegunStatement { file: file.into(), ..refused(kind, version, true) };
        let state = LedgerState::default().with_begun(vec![
            named(Kind::Migration, Some("001"), "1_old_name.sql"),
            named(Kind::Rollback, Some("1"), "1_a.down.sql"),
            named(Kind::Repeatable, None, "R__v.sql"),
            named(Kind::Repeatable, None, "R__w.sql"),
            named(Kind::Migration, Some("2"), "1_a.sql"),
        ]);
        let files = |step: &Step<'_>| state.begun_of(step).map(|begun| begun.file.clone()).collect::<Vec<_>>();
        assert_eq!(files(&step(Kind::Migration, "1_a.sql")), ["1_old_name.sql"]);
        assert_eq!(files(&step(Kind::Rollback, "1_a.sql")), ["1_a.down.sql"]);
        assert_eq!(files(&step(Kind::Repeatable, "R__v.sql")), ["R__v.sql"]);
    }
}
