//! Which tables are other tools' histories, and what their rows say of where they are. Pure, as all of this folder.

use std::fmt;

use super::foreign_table::{ForeignTable, Row};
use super::known_tool::{self, KnownTool};
use super::problem::AdoptProblem;
use super::registry::{self, Found, Wanted};
use super::signature::By;
use super::tool::Tool;
use crate::report::shell_word;
use crate::sql::Dialect;

/// A table that contains another tool's history and has not been read.
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
    let adoptable = registry::all(tables, Wanted::default());
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
    pub(super) fn adopt(&self, others: &[Self]) -> Option<String> {
        let flag = self.adopted_from?.flag();
        let same = || others.iter().filter(|other| other.tool == self.tool && *other != self);
        let elsewhere = same().any(|other| other.table.schema != self.table.schema);
        let beside = same().any(|other| other.table.schema == self.table.schema);
        let schema = if elsewhere { format!(" --schema {}", shell_word(&self.table.schema)) } else { String::new() };
        let is_said = beside || self.by != By::Name;
        let table = if is_said { format!(" --table {}", shell_word(&self.table.name)) } else { String::new() };
        Some(format!("schemaward adopt --from {flag}{schema}{table}"))
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
    #[case(&["name", "batch", "migration_time"], Some("Knex"))]
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

    #[test]
    fn what_a_tool_made_for_itself_is_not_a_history() {
        let diesel = sightings(&[table("__diesel_schema_migrations", &["version", "run_on"])]);
        assert_eq!(diesel[0].history(Some(&[vec![Some("00000000000000".to_owned())]])), None);
        let goose = sightings(&[table("goose_db_version", &["id", "version_id", "is_applied", "tstamp"])]);
        assert_eq!(goose[0].history(Some(&[vec![Some("0".to_owned()), Some("t".to_owned())]])), None);
    }

    /// In the order in which they are read: what is certain first.
    #[test]
    fn each_table_is_one_tool_s() {
        let tables = [
            table("app_migrations", &["version"]),
            table("documents", &["version", "dirty"]),
            table("alembic_version", &["version_num"]),
            table("orders", &["id"]),
            table("goose_db_version", &["id", "version_id", "is_applied", "tstamp"]),
        ];
        let seen: Vec<(String, By)> =
            sightings(&tables).iter().map(|sighting| (sighting.table().name.clone(), sighting.by())).collect();
        let expected = [
            ("goose_db_version", By::Name),
            ("alembic_version", By::Name),
            ("documents", By::Columns),
            ("app_migrations", By::Hint),
        ];
        assert_eq!(seen, expected.map(|(name, by)| (name.to_owned(), by)));
    }

    /// dbmate's only column is Pop's and tern's, too.
    #[rstest]
    #[case::a_name_that_is_pop_s_own("schema_migration", "Pop")]
    #[case::a_name_that_both_may_have("migrations_schema_version", "dbmate")]
    fn of_two_tools_the_one_whose_name_it_is_counts_before_the_one_that_can_be_adopted(
        #[case] name: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(sightings(&[table(name, &["version"])]).len(), 1);
        assert_eq!(keeper(name, &["version"]), Some(expected));
    }

    const GOOSE: &[&str] = &["id", "version_id", "is_applied", "tstamp"];
    const GOLANG_MIGRATE: &[&str] = &["version", "dirty"];

    /// Of each table two rows are read.
    #[rstest]
    #[case::by_its_name(
        "goose_db_version",
        GOOSE,
        2,
        Some("goose has a history here: its table public.goose_db_version is at version 2")
    )]
    #[case::by_its_columns(
        "documents",
        GOOSE,
        2,
        Some("goose has a history here: its table public.documents is at version 2 (known by its columns)")
    )]
    #[case::by_a_hint("app_migrations", &["version"], 2, Some("dbmate has a history here: its table public.app_migrations is at version 2 (guessed by its name and columns)"))]
    #[case::a_known_tool_s_first_row("alembic_version", &["version_num"], 2, Some("Alembic has a history here: its table public.alembic_version is at version 1"))]
    #[case::of_one_row(
        "documents",
        GOLANG_MIGRATE,
        1,
        Some(
            "golang-migrate has a history here: its table public.documents says that version 1 has failed or is half applied (known by its columns)"
        )
    )]
    #[case::of_too_many_rows("documents", GOLANG_MIGRATE, 2, None)]
    #[case::of_too_many_rows_under_its_own_name(
        "schema_migrations",
        GOLANG_MIGRATE,
        2,
        Some(
            "golang-migrate has a history here: its table public.schema_migrations says that version 1 has failed or is half applied"
        )
    )]
    fn a_history_is_told_with_its_newest_version_and_how_it_is_known(
        #[case] name: &str,
        #[case] columns: &[&str],
        #[case] count: usize,
        #[case] expected: Option<&str>,
    ) {
        let cells = columns.len().min(2);
        let row = |version: &str| [version, "t"].iter().take(cells).map(|cell| Some((*cell).to_owned())).collect();
        let rows: Vec<Row> = ["1", "2"].map(row).into();
        let told = sightings(&[table(name, columns)])[0].history(rows.get(..count)).map(|history| history.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    fn goose(schema: &str, name: &str) -> OtherHistory {
        let table = ForeignTable { schema: schema.to_owned(), ..table(name, GOOSE) };
        sightings(&[table])[0].history(None).unwrap()
    }

    /// Of goose's `a.goose_db_version`, with what else is there.
    #[rstest]
    #[case::alone(&[], "schemaward adopt --from goose")]
    #[case::in_another_schema(&[goose("b c", "goose_db_version")], "schemaward adopt --from goose --schema a")]
    #[case::beside_it(&[goose("a", "old")], "schemaward adopt --from goose --table goose_db_version")]
    #[case::both(
        &[goose("b c", "goose_db_version"), goose("a", "old")],
        "schemaward adopt --from goose --schema a --table goose_db_version"
    )]
    #[case::another_tool_s(&[OtherHistory { tool: "Alembic", ..goose("a", "old") }], "schemaward adopt --from goose")]
    fn the_command_that_adopts_a_history_says_which_where_there_are_others(
        #[case] others: &[OtherHistory],
        #[case] expected: &str,
    ) {
        let own = goose("a", "goose_db_version");
        let all: Vec<OtherHistory> = others.iter().chain([&own]).cloned().collect();
        assert_eq!(own.adopt(&all).as_deref(), Some(expected));
    }

    #[test]
    fn a_history_under_another_name_is_adopted_by_its_table_and_one_that_cannot_be_adopted_not_at_all() {
        let renamed = goose("a", "old versions");
        assert_eq!(renamed.adopt(&[]).as_deref(), Some("schemaward adopt --from goose --table 'old versions'"));
        let alembic = sightings(&[table("alembic_version", &["version_num"])])[0].history(None).unwrap();
        assert_eq!(alembic.adopt(&[]), None);
        assert_eq!(
            alembic.to_string(),
            "Alembic has a history here: its table public.alembic_version cannot be read, so its version is not known"
        );
    }
}
