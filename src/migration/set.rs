use super::files::{MigrationFiles, invalid_files};
use super::migration::Migration;
use super::problem::InvalidSource;
use super::{SourceFile, SourceRules, Version};

/// [`MigrationFiles`] of which every file is known to be valid.
#[derive(Clone, Debug)]
pub struct MigrationSet(MigrationFiles);

impl MigrationSet {
    /// Checks the files one at a time and does not keep what it parsed, so that checking a source needs no more memory
    /// than its largest file.
    ///
    /// # Errors
    ///
    /// At most `most` problems, ordered by file and line.
    pub fn verified(files: MigrationFiles, most: usize) -> Result<Self, InvalidSource> {
        let mut problems = Vec::new();
        for file in files.all() {
            problems.extend(file.problems());
            problems.truncate(most);
        }
        if problems.is_empty() { Ok(Self(files)) } else { Err(files.invalid(problems)) }
    }

    /// Parses all files of a source.
    ///
    /// # Errors
    ///
    /// Every [`super::Problem`], ordered by file and line.
    pub fn read(
        files: impl IntoIterator<Item = SourceFile>,
        rules: impl Into<SourceRules>,
    ) -> Result<Self, InvalidSource> {
        let files = MigrationFiles::sorted(files.into_iter().collect(), rules)?;
        match invalid_files(files.all()) {
            problems if problems.is_empty() => Ok(Self(files)),
            problems => Err(files.invalid(problems)),
        }
    }

    /// In version order; never empty.
    pub fn migrations(&self) -> impl Iterator<Item = &Migration> {
        // Drops nothing: every file is valid.
        self.0.migrations().iter().filter_map(|file| file.parsed().ok())
    }

    /// The files `R__name.sql`, ordered by name. Each runs after all migrations, and again whenever it has changed.
    /// They have no version; see [`Version::of_repeatable`].
    pub fn repeatables(&self) -> impl Iterator<Item = &Migration> {
        self.0.repeatables().iter().filter_map(|file| file.parsed().ok())
    }

    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&Migration> {
        self.0.get(version)?.parsed().ok()
    }

    #[must_use]
    pub fn files(&self) -> &MigrationFiles {
        &self.0
    }
}

impl From<MigrationSet> for MigrationFiles {
    fn from(set: MigrationSet) -> Self {
        set.0
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
        MigrationSet::read(files(&named), Dialect::Postgres)
            .map_err(|invalid| invalid.problems.iter().map(ToString::to_string).collect())
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
        let found: Vec<_> = set.migrations().map(|m| (m.file.as_str(), m.rollback_sql.as_deref())).collect();
        let expected = [("9_i.up.sql", Some("select -9")), ("010_j.sql", None), ("011_k.sql", Some("select -11;\n"))];
        assert_eq!(found, expected);
        assert_eq!(set.files().newest().as_str(), "011");
        assert_eq!(set.get(&"10".parse().unwrap()).map(|m| m.description.as_str()), Some("j"));
    }

    fn in_order(named: &[(&str, &str)]) -> Vec<(String, String)> {
        let set = read(named).unwrap();
        set.migrations().map(|migration| (migration.version.to_string(), migration.file.clone())).collect()
    }

    #[test]
    fn folders_of_prisma_that_share_a_time_are_ordered_and_told_apart_by_their_names() {
        let names = [
            "20240528214728_add_cursor_index_02/migration.sql",
            "20240304123642_traces_view_improvement/migration.sql",
            "20240528214728_add_cursor_index_01/migration.sql",
            "20240304123642_traces_view/migration.sql",
            "20240528214728_add_cursor_index_03.migration.sql",
            "0_init/migration.sql",
        ];
        let found = in_order(&names.map(|name| (name, "select 1")));
        let expected = [
            ("0", "0_init/migration.sql"),
            ("20240304123642", "20240304123642_traces_view/migration.sql"),
            ("20240304123642.1", "20240304123642_traces_view_improvement/migration.sql"),
            ("20240528214728", "20240528214728_add_cursor_index_01/migration.sql"),
            ("20240528214728.1", "20240528214728_add_cursor_index_02/migration.sql"),
            ("20240528214728.2", "20240528214728_add_cursor_index_03.migration.sql"),
        ];
        assert_eq!(found, expected.map(|(version, file)| (version.to_owned(), file.to_owned())));
    }

    #[test]
    fn a_down_file_in_a_folder_is_of_the_file_that_goes_forward_there() {
        let set = read(&[
            ("20250625_a/migration.sql", "select 1"),
            ("20250625_a/down.sql", "select -1"),
            ("20250625_b/down.sql", "select -2"),
            ("20250625_b/migration.sql", "select 2"),
            ("2024-03-13_170000_c/up.sql", "select 0"),
            ("2024-03-13_170000_c/down.sql", "select -0"),
        ])
        .unwrap();
        let found: Vec<_> =
            set.migrations().map(|m| (m.version.as_str(), m.rollback_sql.as_deref().unwrap())).collect();
        assert_eq!(
            found,
            [("20240313000000", "select -0"), ("20250625999999", "select -1"), ("20250625999999.1", "select -2")]
        );
    }

    #[test]
    fn a_folder_and_the_same_as_a_config_map_s_keys_are_the_same_migrations() {
        let folder =
            [("2024-03-13_170000_a", "up"), ("2025-11-19-091444-0001_b", "up"), ("20240528214728_c", "migration")];
        let slash: Vec<_> = folder.iter().map(|(name, file)| format!("{name}/{file}.sql")).collect();
        let dot: Vec<_> = folder.iter().map(|(name, file)| format!("{name}.{file}.sql")).collect();
        let versions = |names: &[String]| {
            let named: Vec<_> = names.iter().map(|name| (name.as_str(), "select 1")).collect();
            in_order(&named).into_iter().map(|(version, _)| version).collect::<Vec<_>>()
        };
        assert_eq!(versions(&slash), versions(&dot));
    }

    #[test]
    fn a_file_beside_it_may_say_that_a_migration_is_no_transaction() {
        let sql = "create table t (a int);\ncreate index concurrently i on t (a);";
        for (file, beside, says) in [
            ("2024-03-13-000000_a/up.sql", "2024-03-13-000000_a/metadata.toml", "run_in_transaction = false\n"),
            ("V1__a.sql", "V1__a.sql.conf", "executeInTransaction=false\n"),
        ] {
            assert!(read(&[(file, sql)]).is_err());
            let set = read(&[(file, sql), (beside, says)]).unwrap();
            assert_eq!(set.migrations().next().unwrap().mode, crate::sql::TransactionMode::PerStatement);
            assert_eq!(set.files().sources().count(), 2);
        }
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
        let found: Vec<_> = set.migrations().map(|m| (m.version.as_str(), m.rollback_sql.as_deref())).collect();
        assert_eq!(found, [("1", Some("select -1")), ("002", Some("select -2;\n")), ("3", None)]);
        let second = set.migrations().nth(1).unwrap();
        assert_eq!(second.statement_sql(0), "select 2");
        assert_eq!(second.place_of_statement(0).line, Some(2));
        let again: Vec<_> = set.repeatables().map(|m| (m.version.as_str(), m.description.as_str())).collect();
        assert_eq!(again, [("R", "a_views"), ("R", "b_views")]);
        assert_eq!(set.files().newest().as_str(), "3");
    }

    #[test]
    fn numbers_left_out_are_allowed_where_the_source_says_so() {
        let files = files(&[("1_a.sql", b"a"), ("5_b.sql", b"b")]);
        assert!(MigrationSet::read(files.clone(), Dialect::Postgres).is_err());
        let rules = SourceRules { dialect: Dialect::Postgres, gaps: Gaps::Allow };
        assert_eq!(MigrationSet::read(files, rules).unwrap().migrations().count(), 2);
    }

    #[rstest]
    #[case::time_stamps(&["20240101_a.sql", "20240301_b.sql", "20240102030405_c.sql"])]
    #[case::a_set_may_begin_anywhere(&["041_a.sql", "042_b.sql"])]
    #[case::numbers_then_time_stamps(&["1_a.sql", "2_b.sql", "20240102030405_c.sql"])]
    #[case::versions_of_several_numbers(&["V1.1__a.sql", "V3.7__b.sql", "V5__c.sql", "V7.0__d.sql"])]
    #[case::names_of_golang_migrate(&["20150100000001000000_networks.postgres.up.sql"])]
    fn versions_without_a_gap(#[case] names: &[&str]) {
        let named: Vec<_> = names.iter().map(|name| (*name, "select 1")).collect();
        assert_eq!(read(&named).map(|set| set.migrations().count()), Ok(names.len()));
    }

    #[rstest]
    #[case::nothing(&[("README.md", "")], "the source contains no migrations: its only file does not end in .sql")]
    #[case::naming(&[("v1__a.sql", "")], "v1__a.sql: not a valid migration name; ")]
    #[case::only_repeatable(&[("R__a.sql", "")], "the source contains only repeatable files (R__…); ")]
    #[case::undo_of_nothing(&[("V1__a.sql", ""), ("U2__b.sql", "")], "U2__b.sql: there is no migration with version 2 ")]
    #[case::annotation(&[("1_a.sql", "select 1;\n-- +migrate Up\n")], "1_a.sql:2: `-- +migrate Up` is a line for sql-migrate, ")]
    #[case::two_rollbacks_of_goose(
        &[("1_a.sql", "-- +goose Up\nx;\n-- +goose Down\ny;"), ("1_a.down.sql", "x")],
        "1_a.down.sql: the rollback is also in 1_a.sql; "
    )]
    #[case::same_version_of_diesel_s(
        &[("2024-03-13-000000_a/up.sql", "a"), ("2024-03-13_b/up.sql", "b")],
        "2024-03-13_b/up.sql: version 20240313000000 is also used by 2024-03-13-000000_a/up.sql; "
    )]
    #[case::folder_without_a_number(
        &[("old/up.sql", "a")],
        "old/up.sql: the folder \"old\" does not have a migration's name"
    )]
    #[case::same_version(&[("1_a.sql", ""), ("001_b.sql", "")], "1_a.sql: version 1 is also used by 001_b.sql; ")]
    #[case::up_and_plain(&[("1_a.sql", ""), ("1_a.up.sql", "")], "1_a.up.sql: version 1 is also used by 1_a.sql; ")]
    #[case::two_downs(
        &[("1_a.sql", ""), ("1_a.down.sql", ""), ("1_b.down.sql", "")],
        "1_b.down.sql: version 1 is also used by 1_a.down.sql; "
    )]
    #[case::gap_of_one(&[("1_a.sql", ""), ("3_c.sql", "")], "3_c.sql: version 2 is missing between 1_a.sql and this file; ")]
    #[case::gap_of_more(&[("01_a.sql", ""), ("05_c.sql", "")], "05_c.sql: versions 2 to 4 are missing between 01_a.sql ")]
    #[case::gap_below_a_padded_number(&[("00000001_a.sql", ""), ("00000003_c.sql", "")], "00000003_c.sql: version 2 is missing ")]
    #[case::orphan(&[("1_a.sql", ""), ("2_b.down.sql", "")], "2_b.down.sql: there is no migration with version 2 ")]
    #[case::two_rollbacks(
        &[("1_a.sql", "-- rollback:\n-- x"), ("1_a.down.sql", "x")],
        "1_a.down.sql: the rollback is also in 1_a.sql; "
    )]
    #[case::in_a_down_file(
        &[("1_a.sql", "a"), ("1_a.down.sql", "a;\n\n\\d\n")],
        r"1_a.down.sql:3: `\d` is a command of psql"
    )]
    #[case::in_a_rollback_block(&[("1_a.sql", "a;\n\n-- rollback:\n-- b;\n\n--   \\d\n")], r"1_a.sql:6: `\d` is a command of psql")]
    #[case::on_the_marker_s_line(&[("1_a.sql", "a;\n-- rollback: \\d\n-- b")], r"1_a.sql:2: `\d` is a command of psql")]
    #[case::in_goose_s_down(
        &[("1_a.sql", "-- +goose Up\na;\n-- +goose Down\nb;\n\\d\n")],
        r"1_a.sql:5: `\d` is a command of psql"
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
    #[case::a_rollback_inside(&[("1_a.sql", "a;\nrollback;\nb")], "1_a.sql:2: ROLLBACK would start or end a transaction, ")]
    #[case::begin_without_commit(&[("1_a.sql", "begin;\na")], "1_a.sql:1: BEGIN would start or end a transaction, ")]
    fn one_problem(#[case] named: &[(&str, &str)], #[case] expected: &str) {
        let problems = read(named).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with(expected), "{problems:#?}");
    }

    #[test]
    fn a_mistake_in_a_rollback_is_reported_at_its_place_in_the_file() {
        let at = |sql: &str| {
            let problems =
                MigrationSet::read(files(&[("1_a.sql", sql.as_bytes())]), Dialect::Postgres).unwrap_err().problems;
            let at = problems[0].position.unwrap();
            (at.line, at.column)
        };
        assert_eq!(at("a;\n-- rollback:\n-- b;\n--  c; select 'x\n"), (4, 15));
        assert_eq!(at("a;\n-- rollback: select 'x\n"), (2, 21));
        assert_eq!(at("-- migrate:up\na;\n-- migrate:down\n\n  select 'x\n"), (5, 10));
    }

    #[test]
    fn down_files_of_diesel_s_that_cannot_be_used_leave_a_migration_without_a_rollback() {
        let mixed = "create table t (a int);\ncreate index concurrently i on t (a);";
        let named = |folder: bool, down: &str| {
            let (up, back) = if folder {
                ("2024-01-01-000000_a/up.sql", "2024-01-01-000000_a/down.sql")
            } else {
                ("1_a.up.sql", "1_a.down.sql")
            };
            let set = read(&[(up, "select 1"), (back, down)])?;
            let migration = set.migrations().next().unwrap().clone();
            Ok::<_, Vec<String>>((migration.rollback_sql, migration.down_file.unwrap()))
        };
        let (sql, file) = named(true, mixed).unwrap();
        assert_eq!((sql, file.is_empty), (None, false));
        assert!(
            file.problem.unwrap().to_string().starts_with("2024-01-01-000000_a/down.sql:2: CREATE INDEX CONCURRENTLY")
        );
        assert!(named(false, mixed).unwrap_err()[0].starts_with("1_a.down.sql:2: CREATE INDEX CONCURRENTLY"));
        // diesel does not revert by an empty file; others do, and change nothing.
        let (sql, file) = named(true, "\n").unwrap();
        assert!(sql.is_none() && file.is_empty && file.problem.is_none());
        let (sql, file) = named(false, "\n").unwrap();
        assert!(sql.is_some() && file.is_empty);
        let (sql, file) = named(true, "-- nothing to undo").unwrap();
        assert!(sql.is_some() && !file.is_empty);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_named_with_their_line() {
        let bytes = b"\xc3\xa9\n--\xfc\n";
        let InvalidSource { problems, .. } =
            MigrationSet::read(files(&[("1_a.sql", bytes)]), Dialect::Postgres).unwrap_err();
        assert_eq!(problems[0].to_string(), "1_a.sql:2: byte 5 of the file is not UTF-8; save the file as UTF-8");
    }

    #[test]
    fn all_problems_are_reported_by_file_and_line() {
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

    #[test]
    fn whatever_the_source_delivered_is_given_back() {
        let names = |files: &[SourceFile]| {
            let mut names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
            names.sort();
            names
        };
        let valid = ["..data", "1_a.down.sql", "1_a.sql", "2_b.sql", "README.md", "R__v.sql"];
        let source = |names: &[&str]| files(&names.iter().map(|name| (*name, &b""[..])).collect::<Vec<_>>());
        let set = MigrationSet::read(source(&valid), Dialect::Postgres).unwrap();
        assert_eq!(set.files().sources().count(), valid.len());
        assert_eq!(names(&MigrationFiles::from(set).into_sources()), valid);
        let invalid =
            [".x", "1_a.down.sql", "1_b.down.sql", "2_b.sql", "3_c.down.sql", "README.md", "R__v.sql", "x.sql"];
        let found = MigrationFiles::sorted(source(&invalid), Dialect::Postgres).unwrap_err();
        assert_eq!(names(&found.files), invalid);
    }

    #[test]
    fn a_file_that_is_only_verified_is_reported_like_one_that_is_parsed() {
        let source = files(&[("1_a.sql", b"select 'a"), ("2_b.sql", b"select 'b"), ("3_c.sql", b"select 3")]);
        let sorted = || MigrationFiles::sorted(source.clone(), Dialect::Postgres).unwrap();
        let all = MigrationSet::read(source.clone(), Dialect::Postgres).unwrap_err().problems;
        assert_eq!(all.len(), 2);
        let verified = sorted();
        assert_eq!(MigrationSet::verified(verified, 1000).unwrap_err().problems, all);
        assert_eq!(MigrationSet::verified(sorted(), 1).unwrap_err().problems, all[..1]);
    }
}
