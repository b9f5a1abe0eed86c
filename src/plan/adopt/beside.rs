//! What lies beside a ledger in which nothing was ever recorded: other tools' histories, which no run goes over, and tables
//! that nobody has a history of. Pure, as all of this folder.

use std::fmt;

use super::catalog::ATLAS_DATABASE;
use super::foreign_table::{ForeignTable, Row};
use super::known_tool::{self, KnownTool};
use super::other_ledger::OtherLedger;
use super::problem::AdoptProblem;
use super::signature::By;
use super::tool::{self, Found, Tool, Wanted};
use crate::migration::{Dialect, MigrationFiles};
use crate::report::{ErrorClass, Failure, Reason};

/// What lies beside an empty ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beside {
    /// Histories in which something is applied.
    pub histories: Vec<OtherHistory>,
    /// How many tables of tools more there are, which were not read.
    pub unread: usize,
    /// Other ledgers of Schemaward's.
    pub ledgers: Vec<OtherLedger>,
    /// A table that is in the database, where no history is.
    pub table: Option<String>,
}

/// A table that another tool keeps its history in, and that nobody has read yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sighting {
    /// Of a tool whose history can be taken over.
    Adoptable(Found),
    /// Of one that is known by its table alone.
    Known(&'static KnownTool, ForeignTable, By),
}

/// Another tool's history in which something is applied, or which cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherHistory {
    /// The tool, as its makers write it.
    pub tool: &'static str,
    /// Its table; the schema is on `MySQL` and `MariaDB` the database.
    pub table: ForeignTable,
    /// How sure it is that the table is the tool's.
    pub by: By,
    /// The version that it names last; None where it cannot be read.
    pub version: Option<String>,
    /// Whether the tool itself says that this version has failed or is half applied.
    pub unfinished: bool,
    /// What takes the history over; None where it can only be recorded what the database has.
    pub adopted_from: Option<Tool>,
}

/// Other tools' tables among those that the catalog has found, those first whose names say so.
#[must_use]
pub fn sightings(tables: &[ForeignTable]) -> Vec<Sighting> {
    let adoptable = tool::all(tables, Wanted::default());
    let is_adoptable = |table: &ForeignTable, by: By| {
        let mut same = adoptable.iter().filter(|found| found.table == *table);
        same.any(|found| found.by == By::Name || by != By::Name)
    };
    let known: Vec<Sighting> = tables
        .iter()
        .filter_map(|table| {
            let (tool, by) = known_tool::keeper(table)?;
            (!is_adoptable(table, by)).then(|| Sighting::Known(tool, table.clone(), by))
        })
        .collect();
    let is_known = |found: &Found| known.iter().any(|sighting| *sighting.table() == found.table);
    let adoptable: Vec<Found> = adoptable.iter().filter(|found| !is_known(found)).cloned().collect();
    let mut all: Vec<Sighting> = adoptable.into_iter().map(Sighting::Adoptable).chain(known).collect();
    all.sort_by_key(|sighting| sighting.by() as u8);
    all
}

impl Sighting {
    /// The question for what is applied.
    #[must_use]
    pub fn query(&self, dialect: Dialect) -> String {
        match self {
            Self::Adoptable(found) => found.query(dialect),
            Self::Known(tool, table, _) => tool.query(table, dialect),
        }
    }

    /// The tool's table.
    #[must_use]
    pub fn table(&self) -> &ForeignTable {
        match self {
            Self::Adoptable(found) => &found.table,
            Self::Known(_, table, _) => table,
        }
    }

    fn by(&self) -> By {
        match self {
            Self::Adoptable(found) => found.by,
            Self::Known(_, _, by) => *by,
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
        let (tool, adopted_from) = match self {
            Self::Adoptable(found) => (found.tool.name(), Some(found.tool)),
            Self::Known(tool, ..) => (tool.name, None),
        };
        let (table, by) = (self.table().clone(), self.by());
        Some(OtherHistory { tool, table, by, version, unfinished, adopted_from })
    }

    fn newest(&self, rows: &[Row]) -> Newest {
        match self {
            Self::Known(..) => KnownTool::newest(rows).map_or(Newest::Nothing, Newest::Applied),
            // Two columns are little to know a table by, but none of that tool's has two rows.
            Self::Adoptable(found) if found.tool == Tool::GolangMigrate && found.by != By::Name && rows.len() > 1 => {
                Newest::Nothing
            }
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
        write!(f, "{} has a history here: its table {}.{} ", self.tool, self.table.schema, self.table.name)?;
        match (&self.version, self.unfinished) {
            (Some(version), false) => write!(f, "is at version {version}")?,
            (Some(version), true) => write!(f, "says that version {version} has failed or is half applied")?,
            (None, _) => f.write_str("cannot be read, so its version is not known")?,
        }
        match self.by {
            By::Name => Ok(()),
            By::Columns => f.write_str(" (known by its columns)"),
            By::Hint => f.write_str(" (guessed by its name and columns)"),
        }
    }
}

impl OtherHistory {
    /// The command that takes it over, `others` being all that there are.
    fn adopt(&self, others: &[Self]) -> Option<String> {
        let flag = self.adopted_from?.flag();
        let same = || others.iter().filter(|other| other.tool == self.tool && *other != self);
        let elsewhere = same().any(|other| other.table.schema != self.table.schema);
        let beside = same().any(|other| other.table.schema == self.table.schema);
        let schema = if elsewhere { format!(" --schema {}", word(&self.table.schema)) } else { String::new() };
        let is_said = beside || self.by != By::Name;
        let table = if is_said { format!(" --table {}", word(&self.table.name)) } else { String::new() };
        Some(format!("schemaward adopt --from {flag}{schema}{table}"))
    }
}

/// A name as a shell takes it.
fn word(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

impl Beside {
    /// From what was found, and a row of schema and table of any other table. The database that Atlas makes for itself on
    /// `MySQL` and `MariaDB` tells of all databases of the server: it says nothing of one that is empty. What is guessed
    /// counts where nothing is certain.
    #[must_use]
    pub fn new(
        histories: Vec<OtherHistory>,
        ledgers: Vec<OtherLedger>,
        other: Option<&[Option<String>]>,
        dialect: Dialect,
    ) -> Self {
        let table = match other {
            Some([Some(schema), Some(table)]) => Some(format!("{schema}.{table}")),
            _ => None,
        };
        let is_schema = matches!(dialect, Dialect::Postgres | Dialect::Sqlite);
        let is_of_here =
            |history: &OtherHistory| is_schema || table.is_some() || history.table.schema != ATLAS_DATABASE;
        let mut histories: Vec<OtherHistory> = histories.into_iter().filter(is_of_here).collect();
        let certain: Vec<(&str, String)> = histories
            .iter()
            .filter(|history| history.by != By::Hint)
            .map(|history| (history.tool, history.table.schema.clone()))
            .collect();
        let is_needed = |history: &OtherHistory| {
            let same = |(tool, schema): &(&str, String)| *tool == history.tool && *schema == history.table.schema;
            history.by != By::Hint || !certain.iter().any(same)
        };
        histories.retain(is_needed);
        Self { histories, unread: 0, ledgers, table }
    }

    /// Why nothing is run here; None where no other tool has a history, and no other ledger has a file of the source.
    #[must_use]
    pub fn failure(&self, set: &MigrationFiles<'_>) -> Option<Failure> {
        let told = self.told(set)?;
        Some(Failure {
            class: ErrorClass::Permanent,
            reason: Reason::ForeignHistory,
            code: None,
            message: format!(
                "{told}; Schemaward's ledger is empty, and a run would begin with the first file: nothing was run"
            ),
            hint: Some(self.advice(Some(set))),
            place: None,
        })
    }

    /// What keeps a run from beginning, in a sentence's beginning.
    #[must_use]
    pub fn told(&self, set: &MigrationFiles<'_>) -> Option<String> {
        let in_the_way = self.ledgers.iter().filter_map(|ledger| ledger.in_the_way(set));
        let told: Vec<String> = self.told_of_tools().into_iter().chain(in_the_way).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Other tools' histories in a sentence's beginning.
    #[must_use]
    pub fn told_of_tools(&self) -> Option<String> {
        let mut told: Vec<String> = self.histories.iter().map(ToString::to_string).collect();
        if self.unread > 0 {
            told.push(format!("and {} tables more of such tools were not read", self.unread));
        }
        (!self.histories.is_empty()).then(|| told.join("; "))
    }

    /// What to do; `set`: the source, where it is known.
    #[must_use]
    pub fn advice(&self, set: Option<&MigrationFiles<'_>>) -> String {
        let adopt: Vec<String> = self.histories.iter().filter_map(|history| history.adopt(&self.histories)).collect();
        let mut what = Vec::new();
        match adopt.as_slice() {
            [] if self.histories.is_empty() => {}
            [] => what.push(
                "record what the database has, up to the file that stands for that version: schemaward baseline \
                 --version VERSION"
                    .to_owned(),
            ),
            some => what.push(format!("take the history over: {}", some.join(", or "))),
        }
        let in_the_way = |ledger: &&OtherLedger| set.is_some_and(|set| ledger.in_the_way(set).is_some());
        what.extend(self.ledgers.iter().filter(in_the_way).map(OtherLedger::advice));
        format!(
            "{}; or, where that history is another application's and every file is to run, say \
             --ignore-foreign-history (in a resource spec.history.ignoreForeign: true)",
            what.join("; or ")
        )
    }

    /// What a person should know though it keeps nothing from being run; `set`: the source, where it is known.
    #[must_use]
    pub fn note(&self, set: Option<&MigrationFiles<'_>>) -> Option<String> {
        let is_out_of_the_way = |ledger: &&OtherLedger| set.is_none_or(|set| ledger.in_the_way(set).is_none());
        let ledgers: Vec<String> =
            self.ledgers.iter().filter(is_out_of_the_way).map(|ledger| ledger.note(set.is_some())).collect();
        if !ledgers.is_empty() {
            return Some(ledgers.join("; "));
        }
        let table = self.table.as_ref().filter(|_| self.histories.is_empty() && self.ledgers.is_empty())?;
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
    use crate::migration::SourceFile;

    fn table(name: &str, columns: &[&str]) -> ForeignTable {
        let columns = columns.iter().map(ToString::to_string).collect();
        ForeignTable { schema: "public".to_owned(), name: name.to_owned(), columns }
    }

    fn source() -> Vec<SourceFile> {
        vec![SourceFile { name: "001_a.sql".to_owned(), bytes: b"select 1".to_vec() }]
    }

    fn set(files: &[SourceFile]) -> MigrationFiles<'_> {
        MigrationFiles::sorted(files, Dialect::Postgres).unwrap()
    }

    fn keeper(name: &str, columns: &[&str]) -> Option<&'static str> {
        sightings(&[table(name, columns)]).first().map(|sighting| match sighting {
            Sighting::Adoptable(found) => found.tool.name(),
            Sighting::Known(tool, ..) => tool.name,
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
    #[case("schema_version", &["version"], Some("tern"))]
    #[case("schema_version", &["installed_rank", "version", "description", "type", "script", "checksum", "success"], Some("Flyway"))]
    #[case("__efmigrationshistory", &["MigrationId", "ProductVersion"], Some("Entity Framework Core"))]
    fn a_table_is_a_tool_s_by_its_name_and_its_columns(
        #[case] name: &str,
        #[case] columns: &[&str],
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(keeper(name, columns), expected);
    }

    /// Under any name at all.
    #[rstest]
    #[case(&["installed_rank", "version", "description", "type", "script", "checksum", "success"], Some("Flyway"))]
    #[case(&["version", "dirty"], Some("golang-migrate"))]
    #[case(&["id", "version_id", "is_applied", "tstamp"], Some("goose"))]
    #[case(&["version", "name", "applied_on", "checksum"], Some("refinery"))]
    #[case(&["version", "description", "installed_on", "success", "checksum", "execution_time"], Some("sqlx"))]
    #[case(&["VERSION_NUM"], Some("Alembic"))]
    #[case(&["id", "name", "batch", "migration_time"], Some("Knex"))]
    #[case(&["version", "executed_at", "execution_time"], Some("Doctrine"))]
    #[case(&["MigrationId", "ProductVersion"], Some("Entity Framework Core"))]
    // An application's own.
    #[case(&["id", "version", "dirty"], None)]
    #[case(&["id", "version_num"], None)]
    #[case(&["version"], None)]
    #[case(&["name"], None)]
    #[case(&["id", "name"], None)]
    #[case(&["id", "timestamp", "name"], None)]
    #[case(&["id", "name", "run_on"], None)]
    #[case(&["id", "applied_at"], None)]
    #[case(&["version", "executed_at"], None)]
    #[case(&["id", "version", "type", "applied", "total", "error"], None)]
    fn columns_that_are_a_tool_s_alone_tell_a_table_of_any_name(
        #[case] columns: &[&str],
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(keeper("documents", columns), expected);
    }

    /// What an application may have, too, counts where the name says that it keeps migrations.
    #[rstest]
    #[case("app_migrations", &["version"], Some("dbmate"))]
    #[case("app_migrations", &["version", "run_on"], Some("diesel"))]
    #[case("app_migrations", &["name"], Some("Sequelize"))]
    #[case("app_migrations", &["id", "timestamp", "name"], Some("TypeORM"))]
    #[case("AppMigrations", &["id", "name", "executed_at"], Some("MikroORM"))]
    #[case("app_migrations", &["id", "name"], None)]
    #[case("app_migrations", &["id", "species", "season"], None)]
    #[case("my_schema_version", &["version"], Some("tern"))]
    #[case("my_schema_versions", &["id", "applied"], None)]
    #[case("app_version", &["version"], None)]
    #[case("product_changelog", &["id", "timestamp", "name"], None)]
    fn a_name_that_says_so_is_enough_with_columns_that_others_have_too(
        #[case] name: &str,
        #[case] columns: &[&str],
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(keeper(name, columns), expected);
    }

    fn histories(tables: &[ForeignTable], rows: &[Row]) -> Vec<OtherHistory> {
        sightings(tables).iter().filter_map(|sighting| sighting.history(Some(rows))).collect()
    }

    #[test]
    fn what_is_guessed_counts_where_the_same_tool_has_no_table_that_is_certain() {
        let rows = vec![vec![Some("7".to_owned())]];
        let (own, guessed) = (table("schema_migrations", &["version"]), table("data_migrations", &["version"]));
        let both = Beside::new(histories(&[own, guessed.clone()], &rows), Vec::new(), None, Dialect::Postgres);
        assert_eq!(both.histories.len(), 1, "{both:?}");
        assert_eq!(both.advice(None).split(';').next(), Some("take the history over: schemaward adopt --from dbmate"));
        let alone = Beside::new(histories(&[guessed], &rows), Vec::new(), None, Dialect::Postgres);
        assert!(alone.advice(None).contains("schemaward adopt --from dbmate --table data_migrations"), "{alone:?}");
    }

    #[test]
    fn two_tables_of_one_tool_are_told_apart_by_their_names() {
        let rows = vec![vec![Some("7".to_owned()), Some("f".to_owned())]];
        let tables = [table("schema_migrations", &["version", "dirty"]), table("it's", &["version", "dirty"])];
        let beside = Beside::new(histories(&tables, &rows), Vec::new(), None, Dialect::Postgres);
        let advice = beside.advice(None);
        assert!(advice.contains("adopt --from golang-migrate --table schema_migrations, or"), "{advice}");
        assert!(advice.contains(r"adopt --from golang-migrate --table 'it'\''s'"), "{advice}");
    }

    #[test]
    fn a_table_of_two_columns_and_many_rows_is_an_application_s() {
        let rows = vec![vec![Some("7".to_owned()), Some("f".to_owned())]; 2];
        assert_eq!(histories(&[table("documents", &["version", "dirty"])], &rows), []);
    }

    #[test]
    fn a_table_that_cannot_be_read_counts_and_one_in_which_nothing_is_applied_does_not() {
        let seen = sightings(&[table("schema_migrations", &["version", "dirty"])]);
        let history = |rows: Option<&[Row]>| seen[0].history(rows);
        assert_eq!(history(Some(&[])), None);
        let text = |text: &str| Some(text.to_owned());
        let clean = history(Some(&[vec![text("7"), text("false")]])).unwrap();
        assert_eq!((clean.version.as_deref(), clean.unfinished), (Some("7"), false));
        assert_eq!(clean.adopt(&[]).as_deref(), Some("schemaward adopt --from golang-migrate"));
        let dirty = history(Some(&[vec![text("7"), text("true")]])).unwrap();
        assert!(dirty.unfinished && dirty.to_string().ends_with("version 7 has failed or is half applied"), "{dirty}");
        let histories = vec![history(None).unwrap()];
        let unread = Beside { histories, table: Some("public.t".to_owned()), ..Beside::default() };
        let files = source();
        let failure = unread.failure(&set(&files)).unwrap();
        assert!(failure.message.contains("cannot be read") && failure.reason == Reason::ForeignHistory, "{failure:?}");
        assert_eq!(unread.note(None), None);
    }

    #[test]
    fn what_atlas_keeps_for_all_databases_says_nothing_of_one_that_is_empty() {
        let history = OtherHistory {
            tool: "Atlas",
            table: ForeignTable { schema: ATLAS_DATABASE.to_owned(), ..table("atlas_schema_revisions", &[]) },
            by: By::Name,
            version: Some("2".to_owned()),
            unfinished: false,
            adopted_from: Some(Tool::Atlas),
        };
        let told = |other, dialect| Beside::new(vec![history.clone()], Vec::new(), other, dialect).told_of_tools();
        assert_eq!(told(None, Dialect::Mysql), None);
        assert!(told(None, Dialect::Postgres).is_some(), "a schema is the database's own");
        let table = [Some("shop".to_owned()), Some("customers".to_owned())];
        assert!(told(Some(&table), Dialect::Mysql).is_some());
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
        let beside = Beside { table: Some("public.customers".to_owned()), ..Beside::default() };
        let note = beside.note(None).unwrap();
        assert!(note.contains("public.customers") && note.contains("baseline"));
    }
}
