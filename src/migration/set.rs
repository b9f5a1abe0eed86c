//! All migrations of one source, read, in version order.

use super::files::{MigrationFiles, Parts};
use super::migration::Migration;
use super::problem::Problem;
use super::{SourceFile, SourceRules, Version};

/// All migrations of one source: at least one, no version twice, no number left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MigrationSet {
    migrations: Vec<Migration>,
    repeatables: Vec<Migration>,
    newest: Version,
    ignored: Vec<String>,
}

impl MigrationSet {
    /// Reads the files of a source, all of them.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] there is, ordered by file and line.
    pub fn read(files: &[SourceFile], rules: impl Into<SourceRules>) -> Result<Self, Vec<Problem>> {
        let Parts { migrations, repeatables, newest, ignored } = MigrationFiles::sorted(files, rules)?.into_parts()?;
        Ok(Self { migrations, repeatables, newest, ignored })
    }

    /// The migrations in version order; never empty.
    #[must_use]
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// The files `R__name.sql`, ordered by that name: each runs behind all migrations, again whenever it has changed.
    /// Their version says no more than that they have none.
    #[must_use]
    pub fn repeatables(&self) -> &[Migration] {
        &self.repeatables
    }

    /// Names of files that are no migrations, since they do not end in `.sql`; sorted.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The migration of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&Migration> {
        let index = self.migrations.binary_search_by(|migration| migration.version.cmp(version)).ok()?;
        self.migrations.get(index)
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.newest
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::policy::Gaps;
    use crate::sql::Dialect;

    fn files(files: &[(&str, &[u8])]) -> Vec<SourceFile> {
        files.iter().map(|(name, bytes)| SourceFile { name: (*name).into(), bytes: (*bytes).into() }).collect()
    }

    fn read(named: &[(&str, &str)]) -> Result<MigrationSet, Vec<String>> {
        let named: Vec<_> = named.iter().map(|(name, sql)| (*name, sql.as_bytes())).collect();
        MigrationSet::read(&files(&named), Dialect::Postgres)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn migrations_come_in_version_order_with_their_rollbacks() {
        let set = read(&[
            ("010_j.sql", "select 10"),
            ("README.md", "how to"),
            ("..data", "a link of a mounted ConfigMap"),
            ("9_i.up.sql", "select 9"),
            ("9_i.down.sql", "select -9"),
            ("011_k.sql", "select 11;\n-- rollback:\n-- select -11;"),
        ])
        .unwrap();
        let found: Vec<_> = set.migrations().iter().map(|m| (m.file.as_str(), m.rollback_sql.as_deref())).collect();
        let expected = [("9_i.up.sql", Some("select -9")), ("010_j.sql", None), ("011_k.sql", Some("select -11;\n"))];
        assert_eq!(found, expected);
        assert_eq!(set.ignored(), ["README.md"]);
        assert_eq!(set.newest().as_str(), "011");
        assert_eq!(set.get(&"10".parse().unwrap()).map(|m| m.description.as_str()), Some("j"));
    }

    #[test]
    fn files_of_other_tools_stand_beside_our_own() {
        let set = read(&[
            ("R__b_views.sql", "create or replace view v as select 2"),
            ("R__a_views.sql", "create or replace view v as select 1"),
            ("V1__a.sql", "select 1"),
            ("U1__a.sql", "select -1"),
            ("002_b.sql", "-- +goose Up\nselect 2;\n-- +goose Down\nselect -2;\n"),
            ("3_c.sql", "select 3"),
        ])
        .unwrap();
        let found: Vec<_> = set.migrations().iter().map(|m| (m.version.as_str(), m.rollback_sql.as_deref())).collect();
        assert_eq!(found, [("1", Some("select -1")), ("002", Some("select -2;\n")), ("3", None)]);
        assert_eq!(set.migrations()[1].statement_sql(0), "select 2");
        assert_eq!(set.migrations()[1].place_of_statement(0).line, Some(2));
        let again: Vec<_> = set.repeatables().iter().map(|m| (m.version.as_str(), m.description.as_str())).collect();
        assert_eq!(again, [("R", "a_views"), ("R", "b_views")]);
        assert_eq!(set.newest().as_str(), "3");
    }

    #[test]
    fn numbers_left_out_are_allowed_where_the_source_says_so() {
        let files = files(&[("1_a.sql", b"a"), ("5_b.sql", b"b")]);
        assert!(MigrationSet::read(&files, Dialect::Postgres).is_err());
        let rules = SourceRules { dialect: Dialect::Postgres, gaps: Gaps::Allow };
        assert_eq!(MigrationSet::read(&files, rules).unwrap().migrations().len(), 2);
    }

    #[rstest]
    #[case::time_stamps(&["20240101_a.sql", "20240301_b.sql", "20240102030405_c.sql"])]
    #[case::a_set_may_begin_anywhere(&["041_a.sql", "042_b.sql"])]
    #[case::numbers_then_time_stamps(&["1_a.sql", "2_b.sql", "20240102030405_c.sql"])]
    #[case::names_of_golang_migrate(&["20150100000001000000_networks.postgres.up.sql"])]
    fn versions_without_a_gap(#[case] names: &[&str]) {
        let named: Vec<_> = names.iter().map(|name| (*name, "select 1")).collect();
        assert_eq!(read(&named).map(|set| set.migrations().len()), Ok(names.len()));
    }

    #[rstest]
    #[case::nothing(&[("README.md", "")], "the source holds no migration: none of its 1 files ends in .sql")]
    #[case::naming(&[("v1__a.sql", "")], "v1__a.sql: not a migration's name; ")]
    #[case::only_repeatable(&[("R__a.sql", "")], "the source holds repeatable files (R__…) only; ")]
    #[case::undo_of_nothing(&[("V1__a.sql", ""), ("U2__b.sql", "")], "U2__b.sql: there is no migration of version 2 ")]
    #[case::annotation(&[("1_a.sql", "select 1;\n-- +migrate Up\n")], "1_a.sql:2: `-- +migrate Up` is a line of sql-migrate, ")]
    #[case::two_rollbacks_of_goose(
        &[("1_a.sql", "-- +goose Up\nx;\n-- +goose Down\ny;"), ("1_a.down.sql", "x")],
        "1_a.down.sql: the rollback is in 1_a.sql too; "
    )]
    #[case::same_version(&[("1_a.sql", ""), ("001_b.sql", "")], "1_a.sql: version 1 is also that of 001_b.sql; ")]
    #[case::up_and_plain(&[("1_a.sql", ""), ("1_a.up.sql", "")], "1_a.up.sql: version 1 is also that of 1_a.sql; ")]
    #[case::two_downs(
        &[("1_a.sql", ""), ("1_a.down.sql", ""), ("1_b.down.sql", "")],
        "1_b.down.sql: version 1 is also that of 1_a.down.sql; "
    )]
    #[case::gap_of_one(&[("1_a.sql", ""), ("3_c.sql", "")], "3_c.sql: version 2 is missing between 1_a.sql and this file; ")]
    #[case::gap_of_more(&[("01_a.sql", ""), ("05_c.sql", "")], "05_c.sql: versions 2 to 4 are missing between 01_a.sql ")]
    #[case::gap_below_a_padded_number(&[("00000001_a.sql", ""), ("00000003_c.sql", "")], "00000003_c.sql: version 2 is missing ")]
    #[case::orphan(&[("1_a.sql", ""), ("2_b.down.sql", "")], "2_b.down.sql: there is no migration of version 2 ")]
    #[case::two_rollbacks(
        &[("1_a.sql", "-- rollback:\n-- x"), ("1_a.down.sql", "x")],
        "1_a.down.sql: the rollback is in 1_a.sql too; "
    )]
    #[case::sql_after_rollback(&[("1_a.sql", "x;\n-- rollback:\n-- y\nz;")], "1_a.sql:4: SQL after the line `-- rollback:`; ")]
    #[case::nul(&[("1_a.sql", "select 1;\n\0")], "1_a.sql:2: byte 10 of the file is a NUL")]
    #[case::never_closed(&[("1_a.sql", "select 1;\nselect 'a;\n")], "1_a.sql:2: a string that begins here never ends; close it with '")]
    #[case::psql(&[("1_a.sql", "select 1;\n\\connect other\n")], r"1_a.sql:2: `\connect` is a command of psql, not of the server; ")]
    #[case::copy(&[("1_a.sql", "copy t from stdin;\nit's\n\\.\n")], "1_a.sql:1: COPY … FROM stdin needs a client ")]
    #[case::concurrently(
        &[("1_a.sql", "create table t (a int);\n\ncreate index concurrently i on t (a)")],
        "1_a.sql:3: CREATE INDEX CONCURRENTLY cannot run inside a transaction, "
    )]
    #[case::a_commit_inside(&[("1_a.sql", "a;\ncommit;\nb")], "1_a.sql:2: COMMIT would start or end a transaction, ")]
    #[case::begin_without_commit(&[("1_a.sql", "begin;\na")], "1_a.sql:1: BEGIN would start or end a transaction, ")]
    fn one_problem(#[case] named: &[(&str, &str)], #[case] expected: &str) {
        let problems = read(named).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with(expected), "{problems:#?}");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_named_with_their_line() {
        let problems =
            MigrationSet::read(&files(&[("1_a.sql", b"\xc3\xa9\n--\xfc\n")]), Dialect::Postgres).unwrap_err();
        assert_eq!(problems[0].to_string(), "1_a.sql:2: byte 5 of the file is not UTF-8; save the file as UTF-8");
    }

    #[test]
    fn all_problems_are_told_by_file_and_line() {
        let problems = read(&[
            ("2_b.sql", "vacuum;\nselect 1;\nvacuum"),
            ("4_d.sql", ""),
            ("1_a.sql", "select 'a"),
            ("2_c.sql", ""),
        ])
        .unwrap_err();
        let places: Vec<_> = problems.iter().map(|p| p.split(": ").next().unwrap_or_default()).collect();
        assert_eq!(places, ["1_a.sql:1", "2_b.sql:1", "2_b.sql:3", "2_c.sql", "4_d.sql"]);
    }

    #[test]
    fn a_badly_named_file_is_not_reported_as_a_gap_too() {
        assert_eq!(read(&[("1_a.sql", ""), ("v2__b.sql", ""), ("3_c.sql", "")]).unwrap_err().len(), 1);
    }
}
