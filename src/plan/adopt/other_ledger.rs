//! A ledger of Schemaward's own beside the one that a run is to keep: another application's, or this one's under the name
//! that the settings had before. The files show which of the two it is.

use super::foreign_table::{ForeignTable, Row, as_text};
use super::signature::Columns;
use crate::migration::{MigrationFile, MigrationFiles, Version};
use crate::sql::Dialect;

/// What a ledger's table of attempts is called; on engines without schemas it begins with the ledger's name.
const TABLE: &str = "schema_migrations";
const COLUMNS: Columns =
    Columns::Among(&["version", "filename", "kind", "checksum", "token_checksum", "success", "undone_by", "fence"]);

/// Another ledger that has not been read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerSighting {
    /// What it is called: what the settings name it by.
    pub ledger: String,
    table: ForeignTable,
}

/// Another ledger in which something is recorded, or which cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherLedger {
    /// What the settings name it by.
    pub ledger: String,
    /// Its table of attempts, with the schema.
    pub table: String,
    /// What is in force or half applied there; None if it cannot be read.
    pub files: Option<Vec<LedgerFile>>,
}

/// A file in another ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerFile {
    version: String,
    file: String,
    checksum: String,
}

/// The ledgers among tables that the catalog has found, but for the one that is called `own`.
#[must_use]
pub fn other_ledgers(tables: &[ForeignTable], own: &str, dialect: Dialect) -> Vec<LedgerSighting> {
    let named = |table: &ForeignTable| match dialect {
        Dialect::Postgres => (table.name == TABLE).then(|| table.schema.clone()),
        Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite => {
            table.name.strip_suffix(TABLE)?.strip_suffix('_').map(str::to_owned)
        }
    };
    let ledgers = tables.iter().filter(|table| COLUMNS.are_of(table));
    let ledgers = ledgers.filter_map(|table| Some(LedgerSighting { ledger: named(table)?, table: table.clone() }));
    ledgers.filter(|sighting| sighting.ledger != own).collect()
}

impl LedgerSighting {
    /// The query for what is in force, and what is half applied.
    #[must_use]
    pub fn query(&self, dialect: Dialect) -> String {
        let journal = match dialect {
            Dialect::Postgres => "statement_journal".to_owned(),
            Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite => format!("{}_statement_journal", self.ledger),
        };
        let journal = ForeignTable { name: journal, ..self.table.clone() };
        let text = |expression| as_text(expression, dialect);
        let columns = |checksum| format!("{}, {}, {}", text("version"), text("filename"), text(checksum));
        format!(
            "SELECT {} FROM {} WHERE success AND undone_by IS NULL AND kind <> 'rollback' UNION \
             SELECT {} FROM {} WHERE migration_id IS NULL AND state <> 'failed'",
            columns("checksum"),
            self.table.quoted(dialect),
            columns("''"),
            journal.quoted(dialect)
        )
    }

    /// What its rows say, `rows` being None where it cannot be read; None where nothing is recorded.
    #[must_use]
    pub fn read(&self, rows: Option<&[Row]>) -> Option<OtherLedger> {
        let file = |row: &Row| match row.as_slice() {
            [Some(version), Some(file), checksum] => Some(LedgerFile {
                version: version.clone(),
                file: file.clone(),
                checksum: checksum.clone().unwrap_or_default(),
            }),
            _ => None,
        };
        let files: Option<Vec<LedgerFile>> = rows.map(|rows| rows.iter().filter_map(file).collect());
        let is_filled = files.as_ref().is_none_or(|files| !files.is_empty());
        let table = format!("{}.{}", self.table.schema, self.table.name);
        is_filled.then(|| OtherLedger { ledger: self.ledger.clone(), table, files })
    }
}

impl OtherLedger {
    /// The newest version that it has.
    #[must_use]
    pub fn newest(&self) -> Option<String> {
        let versions = self.files.iter().flatten().filter_map(|file| file.version.parse::<Version>().ok());
        versions.max().map(|version| version.to_string())
    }

    /// A file that the source has, too: by its version and its bytes. Names say nothing: two applications may each have a
    /// `001_init.sql`. Nor does what has only started, whose bytes are not known: a run may be applying it.
    #[must_use]
    pub fn shared(&self, set: &MigrationFiles) -> Option<&str> {
        let is_same = |file: &MigrationFile, known: &LedgerFile| file.checksum().to_string() == known.checksum;
        let is_shared = |known: &&LedgerFile| match known.version.parse::<Version>() {
            Ok(version) => set.get(&version).is_some_and(|file| is_same(file, known)),
            Err(_) => set.repeatables().iter().any(|file| is_same(file, known)),
        };
        self.files.iter().flatten().find(is_shared).map(|known| known.file.as_str())
    }

    /// Why a source is not run beside it; None where it is another application's. So is one that this user may not read:
    /// two applications with a user each share a database.
    pub(super) fn in_the_way(&self, set: &MigrationFiles) -> Option<String> {
        let file = self.shared(set)?;
        Some(format!("{}, and has {file}, as the source has", self.told()))
    }

    /// What to do about one that blocks a run.
    pub(super) fn advice(&self) -> String {
        format!(
            "go on with the ledger that is there: say --history-schema {} (in a resource spec.history.schema)",
            self.ledger
        )
    }

    /// What is reported of one that blocks nothing; `compared`: whether the source was compared with it.
    pub(super) fn note(&self, compared: bool) -> String {
        if self.files.is_none() {
            return format!(
                "Schemaward has another ledger here: its table {} cannot be read; where it is this application's, say \
                 --history-schema {}",
                self.table, self.ledger
            );
        }
        let whose = if compared { "none of the source's files, so that it is another application's" } else { "files" };
        format!("{}, and has {whose}; where it is this one's, say --history-schema {}", self.told(), self.ledger)
    }

    fn told(&self) -> String {
        let at = self.newest().map_or_else(|| "is not empty".to_owned(), |version| format!("is at version {version}"));
        format!("Schemaward has another ledger here: its table {} {at}", self.table)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::migration::{Checksum, SourceFile};

    fn ledgers(schema: &str, name: &str, own: &str, dialect: Dialect) -> Vec<String> {
        let columns =
            ["id", "version", "filename", "kind", "checksum", "token_checksum", "success", "undone_by", "fence"];
        let columns = columns.iter().map(ToString::to_string).collect();
        let table = ForeignTable { schema: schema.to_owned(), name: name.to_owned(), columns };
        other_ledgers(&[table], own, dialect).into_iter().map(|other| other.ledger).collect()
    }

    #[test]
    fn a_ledger_is_known_by_its_table_and_called_as_the_settings_call_it() {
        assert_eq!(ledgers("other", "schema_migrations", "schemaward", Dialect::Postgres), ["other"]);
        assert!(ledgers("schemaward", "schema_migrations", "schemaward", Dialect::Postgres).is_empty());
        assert!(ledgers("other", "schema_migrations_copy", "schemaward", Dialect::Postgres).is_empty());
        assert_eq!(ledgers("shop", "other_schema_migrations", "schemaward", Dialect::Mysql), ["other"]);
        assert!(ledgers("main", "schemaward_schema_migrations", "schemaward", Dialect::Sqlite).is_empty());
    }

    #[rstest]
    #[case::the_same_file("001", "001_a.sql", "select 1", true)]
    #[case::padded_differently("1", "001_a.sql", "select 1", true)]
    #[case::renamed("001", "001_b.sql", "select 1", true)]
    #[case::another_application_s("001", "001_b.sql", "select 2", false)]
    #[case::another_application_s_of_the_same_name("001", "001_a.sql", "select 2", false)]
    #[case::another_version("002", "001_a.sql", "select 1", false)]
    #[case::begun("001", "001_a.sql", "", false)]
    #[case::repeatable("R", "R__v.sql", "select 1", true)]
    #[case::another_repeatable("R", "R__v.sql", "select 2", false)]
    fn a_file_is_the_source_s_by_its_version_and_its_bytes(
        #[case] version: &str,
        #[case] file: &str,
        #[case] sql: &str,
        #[case] expected: bool,
    ) {
        let source = |name: &str| SourceFile { name: name.to_owned(), bytes: b"select 1".to_vec() };
        let files = vec![source("001_a.sql"), source("R__v.sql")];
        let set = MigrationFiles::sorted(files, Dialect::Postgres).unwrap();
        let checksum = if sql.is_empty() { String::new() } else { Checksum::of(sql.as_bytes()).to_string() };
        let known = LedgerFile { version: version.to_owned(), file: file.to_owned(), checksum };
        let other = |files| OtherLedger { ledger: "l".to_owned(), table: "l.t".to_owned(), files };
        assert_eq!(other(Some(vec![known])).in_the_way(&set).is_some(), expected);
        assert!(other(None).in_the_way(&set).is_none() && other(None).note(true).contains("cannot be read"));
    }

    fn sighting() -> LedgerSighting {
        let table = ForeignTable { schema: "app".to_owned(), name: TABLE.to_owned(), columns: Vec::new() };
        LedgerSighting { ledger: "app".to_owned(), table }
    }

    fn rows(rows: &[[Option<&str>; 3]]) -> Vec<Row> {
        rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect()
    }

    #[test]
    fn a_ledger_s_rows_are_its_files_and_one_without_rows_is_nothing() {
        let checksum = Checksum::of(b"select 1").to_string();
        let rows = rows(&[
            [Some("1"), Some("1_a.sql"), Some(&checksum)],
            // Half applied: its bytes are not known.
            [Some("2"), Some("2_b.sql"), None],
            [None, Some("3_c.sql"), None],
        ]);
        let file = |version: &str, file: &str, checksum: &str| LedgerFile {
            version: version.to_owned(),
            file: file.to_owned(),
            checksum: checksum.to_owned(),
        };
        let files = Some(vec![file("1", "1_a.sql", &checksum), file("2", "2_b.sql", "")]);
        let table = "app.schema_migrations".to_owned();
        let expected = OtherLedger { ledger: "app".to_owned(), table, files };
        assert_eq!(sighting().read(Some(&rows)), Some(expected.clone()));
        assert_eq!(sighting().read(None), Some(OtherLedger { files: None, ..expected }));
        assert_eq!(sighting().read(Some(&[])), None);
    }

    #[rstest]
    #[case::by_number_and_not_by_text(&["9", "10", "R"], Some("10"))]
    #[case::without_versions(&["R"], None)]
    fn a_ledger_s_newest_version_is_the_greatest(#[case] versions: &[&str], #[case] expected: Option<&str>) {
        let cells: Vec<_> = versions.iter().map(|version| [Some(*version), Some("x.sql"), None]).collect();
        let ledger = sighting().read(Some(&rows(&cells))).unwrap();
        assert_eq!(ledger.newest().as_deref(), expected);
    }

    #[test]
    fn another_ledger_is_told_with_how_to_use_it() {
        let checksum = Checksum::of(b"select 1").to_string();
        let ledger = sighting().read(Some(&rows(&[[Some("1"), Some("1_a.sql"), Some(&checksum)]]))).unwrap();
        let source = SourceFile { name: "1_a.sql".to_owned(), bytes: b"select 1".to_vec() };
        let set = MigrationFiles::sorted(vec![source], Dialect::Postgres).unwrap();
        assert_eq!(
            ledger.in_the_way(&set).as_deref(),
            Some(
                "Schemaward has another ledger here: its table app.schema_migrations is at version 1, and has 1_a.sql, \
                 as the source has"
            )
        );
        assert_eq!(
            ledger.advice(),
            "go on with the ledger that is there: say --history-schema app (in a resource spec.history.schema)"
        );
        assert_eq!(
            ledger.note(true),
            "Schemaward has another ledger here: its table app.schema_migrations is at version 1, and has none of the \
             source's files, so that it is another application's; where it is this one's, say --history-schema app"
        );
        let repeatable = sighting().read(Some(&rows(&[[Some("R"), Some("R__v.sql"), None]]))).unwrap();
        assert_eq!(
            repeatable.note(false),
            "Schemaward has another ledger here: its table app.schema_migrations is not empty, and has files; where it \
             is this one's, say --history-schema app"
        );
        assert_eq!(
            sighting().read(None).unwrap().note(true),
            "Schemaward has another ledger here: its table app.schema_migrations cannot be read; where it is this \
             application's, say --history-schema app"
        );
    }
}
