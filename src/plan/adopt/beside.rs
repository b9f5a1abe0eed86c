//! What lies beside a ledger in which nothing was ever recorded: other tools' histories, which no run goes over, and tables
//! that nobody has a history of. Pure, as all of this folder.

use std::fmt;

use super::foreign_table::{ATLAS_DATABASE, ForeignTable, Row};
use super::known_tool::{self, KnownTool};
use super::problem::AdoptProblem;
use super::tool::{self, Found, Tool};
use crate::migration::Dialect;
use crate::report::{ErrorClass, Failure, Reason};

/// What lies beside an empty ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beside {
    /// Histories in which something is applied.
    pub histories: Vec<OtherHistory>,
    /// A table that is in the database, where no history is.
    pub table: Option<String>,
}

/// A table that another tool keeps its history in, and that nobody has read yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sighting {
    /// Of a tool whose history can be taken over.
    Adoptable(Found),
    /// Of one that is known by its table alone.
    Known(&'static KnownTool, ForeignTable),
}

/// Another tool's history in which something is applied, or which cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherHistory {
    /// The tool, as its makers write it.
    pub tool: &'static str,
    /// The schema that its table lies in; on `MySQL` and `MariaDB` the database.
    pub schema: String,
    /// Its table, with the schema.
    pub table: String,
    /// The version that it names last; None where it cannot be read.
    pub version: Option<String>,
    /// Whether the tool itself says that this version has failed or is half applied.
    pub unfinished: bool,
    /// The command that takes the history over, or records what the database has.
    pub command: String,
}

/// The tables that histories are told by.
#[must_use]
pub fn history_tables() -> Vec<&'static str> {
    Tool::tables().into_iter().chain(known_tool::ALL.iter().map(|tool| tool.table)).collect()
}

/// Other tools' tables among those that the catalog has found.
#[must_use]
pub fn sightings(tables: &[ForeignTable]) -> Vec<Sighting> {
    let adoptable = tool::all(tables, None, None);
    let known = tables.iter().filter(|table| !adoptable.iter().any(|found| found.table == **table));
    let known: Vec<Sighting> =
        known.filter_map(|table| Some(Sighting::Known(known_tool::keeper(table)?, table.clone()))).collect();
    adoptable.into_iter().map(Sighting::Adoptable).chain(known).collect()
}

impl Sighting {
    /// The question for what is applied.
    #[must_use]
    pub fn query(&self, dialect: Dialect) -> String {
        match self {
            Self::Adoptable(found) => found.query(dialect),
            Self::Known(tool, table) => tool.query(table, dialect),
        }
    }

    /// The tool's table.
    #[must_use]
    pub fn table(&self) -> &ForeignTable {
        match self {
            Self::Adoptable(found) => &found.table,
            Self::Known(_, table) => table,
        }
    }

    /// What its rows say, `rows` being None where it cannot be read; None where nothing is applied.
    #[must_use]
    pub fn history(&self, rows: Option<&[Row]>) -> Option<OtherHistory> {
        let (version, unfinished) = match rows.map(|rows| self.newest(rows)) {
            Some(Newest::Nothing) => return None,
            Some(Newest::Applied(version)) => (Some(version), false),
            Some(Newest::Unfinished(version)) => (Some(version), true),
            None | Some(Newest::Unknown) => (None, false),
        };
        let table = self.table();
        let (tool, command) = match self {
            Self::Adoptable(found) => (found.tool.name(), format!("schemaward adopt --from {}", found.tool.flag())),
            Self::Known(tool, _) => (tool.name, "schemaward baseline --version VERSION".to_owned()),
        };
        let (schema, table) = (table.schema.clone(), format!("{}.{}", table.schema, table.name));
        Some(OtherHistory { tool, schema, table, version, unfinished, command })
    }

    fn newest(&self, rows: &[Row]) -> Newest {
        match self {
            Self::Known(..) => KnownTool::newest(rows).map_or(Newest::Nothing, Newest::Applied),
            Self::Adoptable(found) => match found.read(rows) {
                Ok(history) => history.newest().map_or(Newest::Nothing, |newest| Newest::Applied(newest.to_owned())),
                Err(AdoptProblem::Dirty { version, .. }) => Newest::Unfinished(version),
                Err(_) => Newest::Unknown,
            },
        }
    }
}

/// What the rows of a history end with.
enum Newest {
    Nothing,
    Applied(String),
    Unfinished(String),
    Unknown,
}

impl fmt::Display for OtherHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has a history here: its table {} ", self.tool, self.table)?;
        match (&self.version, self.unfinished) {
            (Some(version), false) => write!(f, "is at version {version}"),
            (Some(version), true) => write!(f, "says that version {version} has failed or is half applied"),
            (None, _) => f.write_str("cannot be read, so its version is not known"),
        }
    }
}

impl Beside {
    /// From what was found, and a row of schema and table of any other table. The database that Atlas makes for itself on
    /// `MySQL` and `MariaDB` tells of all databases of the server: it says nothing of one that is empty.
    #[must_use]
    pub fn new(histories: Vec<OtherHistory>, other: Option<&[Option<String>]>, dialect: Dialect) -> Self {
        let table = match other {
            Some([Some(schema), Some(table)]) => Some(format!("{schema}.{table}")),
            _ => None,
        };
        let is_schema = matches!(dialect, Dialect::Postgres | Dialect::Sqlite);
        let is_of_here = |history: &OtherHistory| is_schema || table.is_some() || history.schema != ATLAS_DATABASE;
        Self { histories: histories.into_iter().filter(is_of_here).collect(), table }
    }

    /// Why nothing is run here; None where no other tool has a history.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let told = self.told()?;
        Some(Failure {
            class: ErrorClass::Permanent,
            reason: Reason::ForeignHistory,
            code: None,
            message: format!(
                "{told}; Schemaward's ledger is empty, and a run would begin with the first file: nothing was run"
            ),
            hint: Some(self.advice()),
            place: None,
        })
    }

    /// The histories in a sentence's beginning.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let told: Vec<String> = self.histories.iter().map(ToString::to_string).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// What to do about the histories.
    #[must_use]
    pub fn advice(&self) -> String {
        let takes_over = |history: &&OtherHistory| !history.command.contains("baseline");
        let which = |history: &OtherHistory| {
            let of_same_tool = self.histories.iter().filter(|other| other.tool == history.tool).count();
            let schema = if of_same_tool > 1 { format!(" --schema {}", history.schema) } else { String::new() };
            format!("{}{schema}", history.command)
        };
        let adopt: Vec<String> = self.histories.iter().filter(takes_over).map(which).collect();
        let what = match adopt.as_slice() {
            [] => "record what the database has, up to the file that stands for that version: schemaward baseline \
                 --version VERSION"
                .to_owned(),
            some => format!("take the history over: {}", some.join(", or ")),
        };
        format!(
            "{what}; or, where that history is another application's and every file is to run, say \
             --ignore-foreign-history (in a resource spec.history.ignoreForeign: true)"
        )
    }

    /// What a person should know where tables are there and no history.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let table = self.table.as_ref().filter(|_| self.histories.is_empty())?;
        Some(format!(
            "the ledger is empty, but the database is not: it has the table {table}; where it is what the first files make, \
             record that in place of running them: schemaward baseline --version VERSION"
        ))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn table(name: &str, columns: &[&str]) -> ForeignTable {
        let columns = columns.iter().map(ToString::to_string).collect();
        ForeignTable { schema: "public".to_owned(), name: name.to_owned(), columns }
    }

    fn keeper(name: &str, columns: &[&str]) -> Option<&'static str> {
        sightings(&[table(name, columns)]).first().map(|sighting| match sighting {
            Sighting::Adoptable(found) => found.tool.name(),
            Sighting::Known(tool, _) => tool.name,
        })
    }

    #[rstest]
    #[case("alembic_version", &["version_num"], Some("Alembic"))]
    #[case("alembic_version", &["version_num", "mine"], None)]
    #[case("changelog", &["ID", "APPLIED_AT", "DESCRIPTION"], Some("MyBatis Migrations"))]
    #[case("changelog", &["id", "title", "body"], None)]
    #[case("migrations", &["id", "migration", "batch"], Some("Laravel"))]
    #[case("migrations", &["id", "timestamp", "name"], Some("TypeORM"))]
    #[case("migrations", &["id", "animal", "season"], None)]
    #[case("schema_migrations", &["version", "inserted_at"], Some("Ecto"))]
    #[case("schema_migrations", &["version"], Some("dbmate"))]
    #[case("schema_migrations", &["id", "version", "filename", "checksum"], None)]
    #[case("__efmigrationshistory", &["MigrationId", "ProductVersion"], Some("Entity Framework Core"))]
    fn a_table_is_a_tool_s_by_its_name_and_its_columns(
        #[case] name: &str,
        #[case] columns: &[&str],
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(keeper(name, columns), expected);
    }

    #[test]
    fn a_table_that_cannot_be_read_counts_and_one_in_which_nothing_is_applied_does_not() {
        let seen = sightings(&[table("schema_migrations", &["version", "dirty"])]);
        let history = |rows: Option<&[Row]>| seen[0].history(rows);
        assert_eq!(history(Some(&[])), None);
        let text = |text: &str| Some(text.to_owned());
        let clean = history(Some(&[vec![text("7"), text("false")]])).unwrap();
        assert_eq!((clean.version.as_deref(), clean.unfinished), (Some("7"), false));
        assert_eq!(clean.command, "schemaward adopt --from golang-migrate");
        let dirty = history(Some(&[vec![text("7"), text("true")]])).unwrap();
        assert!(dirty.unfinished && dirty.to_string().ends_with("version 7 has failed or is half applied"), "{dirty}");
        let unread = Beside { histories: vec![history(None).unwrap()], table: Some("public.t".to_owned()) };
        let failure = unread.failure().unwrap();
        assert!(failure.message.contains("cannot be read") && failure.reason == Reason::ForeignHistory, "{failure:?}");
        assert_eq!(unread.note(), None);
    }

    #[test]
    fn what_atlas_keeps_for_all_databases_says_nothing_of_one_that_is_empty() {
        let history = OtherHistory {
            tool: "Atlas",
            schema: ATLAS_DATABASE.to_owned(),
            table: "atlas_schema_revisions.atlas_schema_revisions".to_owned(),
            version: Some("2".to_owned()),
            unfinished: false,
            command: "schemaward adopt --from atlas".to_owned(),
        };
        let alone = |dialect| Beside::new(vec![history.clone()], None, dialect).failure();
        assert_eq!(alone(Dialect::Mysql), None);
        assert!(alone(Dialect::Postgres).is_some(), "a schema is the database's own");
        let table = [Some("shop".to_owned()), Some("customers".to_owned())];
        assert!(Beside::new(vec![history.clone()], Some(&table), Dialect::Mysql).failure().is_some());
    }

    #[test]
    fn what_a_tool_made_for_itself_is_no_history() {
        let diesel = sightings(&[table("__diesel_schema_migrations", &["version", "run_on"])]);
        assert_eq!(diesel[0].history(Some(&[vec![Some("00000000000000".to_owned())]])), None);
        let goose = sightings(&[table("goose_db_version", &["id", "version_id", "is_applied", "tstamp"])]);
        assert_eq!(goose[0].history(Some(&[vec![Some("0".to_owned()), Some("t".to_owned())]])), None);
    }

    #[test]
    fn tables_without_a_history_are_a_note() {
        let beside = Beside { histories: Vec::new(), table: Some("public.customers".to_owned()) };
        assert_eq!(beside.failure(), None);
        assert!(beside.note().unwrap().contains("public.customers") && beside.note().unwrap().contains("baseline"));
    }
}
