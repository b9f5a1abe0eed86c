//! Each tool's reader, and which tools' tables a database has.

use super::foreign_table::{ForeignTable, Row};
use super::history::Read;
use super::problem::AdoptProblem;
use super::reader::{Asked, Reader};
use super::signature::By;
use super::tool::Tool;
use super::{atlas, dbmate, diesel, flyway, golang_migrate, goose, prisma, rails, refinery, sqlx_migrate};
use crate::sql::Dialect;

/// A tool's table in a database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    pub tool: Tool,
    pub table: ForeignTable,
    /// How sure that is.
    pub by: By,
}

/// What a person has said of the history that is to be taken over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    pub tool: Option<Tool>,
    /// The schema that its table lies in.
    pub schema: Option<&'a str>,
    /// Its table, with the schema or without.
    pub table: Option<&'a str>,
}

impl Tool {
    pub(super) fn reader(self) -> Reader {
        match self {
            Self::Atlas => atlas::READER,
            Self::Dbmate => dbmate::READER,
            Self::Diesel => diesel::READER,
            Self::Flyway => flyway::READER,
            Self::GolangMigrate => golang_migrate::READER,
            Self::Goose => goose::READER,
            Self::Prisma => prisma::READER,
            Self::Rails => rails::READER,
            Self::Refinery => refinery::READER,
            Self::Sqlx => sqlx_migrate::READER,
        }
    }
}

impl Found {
    /// The question for the history's rows.
    #[must_use]
    pub fn query(&self, dialect: Dialect) -> String {
        (self.tool.reader().query)(&self.table, dialect)
    }

    /// What the rows say.
    ///
    /// # Errors
    ///
    /// Where the tool itself says that something has failed.
    pub fn read(&self, rows: &[Row]) -> Read {
        (self.tool.reader().read)(rows)
    }
}

/// Finds the tool whose history is to be taken over.
///
/// # Errors
///
/// Where none is there, or more than one.
pub fn find(tables: &[ForeignTable], wanted: Wanted<'_>) -> Result<Found, AdoptProblem> {
    let mut found = all(tables, wanted);
    // A name that says little is nothing beside a table that is the tool's for certain.
    let is_certain = |other: &Found| other.by != By::Hint;
    if found.iter().any(is_certain) {
        found.retain(is_certain);
    }
    match (found.len(), found.pop()) {
        (1, Some(guessed)) if guessed.by == By::Hint && wanted.tool.is_none() => {
            let table = format!("{}.{}", guessed.table.schema, guessed.table.name);
            Err(AdoptProblem::Guessed { table, tool: guessed.tool })
        }
        (1, Some(found)) => Ok(found),
        (_, None) => Err(not_found(tables, wanted)),
        (_, Some(last)) => {
            found.push(last);
            let told = |found: &Found| format!("{} ({}.{})", found.tool, found.table.schema, found.table.name);
            Err(AdoptProblem::Several(found.iter().map(told).collect()))
        }
    }
}

fn not_found(tables: &[ForeignTable], wanted: Wanted<'_>) -> AdoptProblem {
    let Some(asked) = wanted.table else { return AdoptProblem::NotFound(wanted.tool) };
    let Some(table) = tables.iter().find(|table| wanted.is_of(table)) else {
        return AdoptProblem::NoTable(asked.to_owned());
    };
    let name = format!("{}.{}", table.schema, table.name);
    AdoptProblem::NotItsTable { table: name, tool: wanted.tool, columns: table.columns.clone() }
}

impl Wanted<'_> {
    /// Its table without the schema that may precede it.
    #[must_use]
    pub fn table_name(&self) -> Option<&str> {
        self.table.map(|table| table.rsplit_once('.').map_or(table, |(_, name)| name))
    }

    /// Whether what is said of schema and table is so of this one; servers may have a name in another case.
    fn is_of(&self, table: &ForeignTable) -> bool {
        let full = format!("{}.{}", table.schema, table.name);
        let is = |asked: &str| [&full, &table.name].iter().any(|name| name.eq_ignore_ascii_case(asked));
        self.schema.is_none_or(|schema| schema == table.schema) && self.table.is_none_or(is)
    }

    /// By what a table is a tool's.
    fn tells(&self, reader: &Reader, table: &ForeignTable, all: &[ForeignTable]) -> Option<By> {
        let by = if self.table.is_some() || table.name == reader.table {
            By::Name
        } else {
            reader.renamed.tells(reader.columns, table)?
        };
        let is_said = if self.tool.is_some() { Asked::Yes } else { Asked::No };
        (reader.is)(table, all, is_said).then_some(by)
    }
}

/// All tables of tools whose histories can be taken over.
pub(super) fn all(tables: &[ForeignTable], wanted: Wanted<'_>) -> Vec<Found> {
    let is_asked = |tool: &Tool| wanted.tool.is_none_or(|asked| asked == *tool);
    let mut found = Vec::new();
    for tool in Tool::ALL.into_iter().filter(is_asked) {
        let reader = tool.reader();
        let of_it = |table: &ForeignTable| {
            let by = wanted.tells(&reader, table, tables)?;
            Some(Found { tool, table: table.clone(), by })
        };
        found.extend(tables.iter().filter(|table| wanted.is_of(table)).filter_map(of_it));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use rstest::rstest;

    use super::*;

    fn table(schema: &str, name: &str, columns: &[&str]) -> ForeignTable {
        let columns = columns.iter().map(ToString::to_string).collect();
        ForeignTable { schema: schema.to_owned(), name: name.to_owned(), columns }
    }

    fn tool(tables: &[ForeignTable], asked: Option<Tool>, schema: Option<&str>) -> Result<Tool, String> {
        let wanted = Wanted { tool: asked, schema, table: None };
        find(tables, wanted).map(|found| found.tool).map_err(|problem| problem.to_string())
    }

    #[test]
    fn three_tools_with_a_table_of_the_same_name_are_distinguished_and_our_own_is_not_one() {
        let versions = table("public", "schema_migrations", &["version"]);
        let metadata = table("public", "ar_internal_metadata", &["key", "value", "created_at", "updated_at"]);
        let own = table("schemaward", "schema_migrations", &["id", "version", "filename"]);
        assert_eq!(tool(&[own.clone(), versions.clone()], None, None), Ok(Tool::Dbmate));
        assert_eq!(tool(&[metadata, versions.clone()], None, None), Ok(Tool::Rails));
        assert_eq!(
            tool(&[table("public", "schema_migrations", &["version", "dirty"])], None, None),
            Ok(Tool::GolangMigrate)
        );
        assert!(tool(&[own], None, None).unwrap_err().contains("schemaward baseline"));
        // A person who names the tool knows better: Rails before version 5 had no metadata table.
        assert_eq!(tool(&[versions], Some(Tool::Rails), None), Ok(Tool::Rails));
    }

    #[test]
    fn of_several_a_person_says_which() {
        let goose = ["id", "version_id", "is_applied", "tstamp"];
        let tables = [
            table("a", "goose_db_version", &goose),
            table("b", "goose_db_version", &goose),
            table("b", "schema_migrations", &["version"]),
        ];
        let told = tool(&tables, None, None).unwrap_err();
        assert!(
            told.contains("dbmate (b.schema_migrations), goose (a.goose_db_version), goose (b.goose_db_version)"),
            "{told}"
        );
        assert!(tool(&tables, Some(Tool::Goose), None).unwrap_err().contains("--schema"));
        assert_eq!(tool(&tables, Some(Tool::Goose), Some("b")), Ok(Tool::Goose));
        assert_eq!(tool(&tables, Some(Tool::Dbmate), None), Ok(Tool::Dbmate));
        assert_eq!(tool(&tables, None, Some("a")), Ok(Tool::Goose));
    }

    /// The tools' own names are not enough: an application may have such a table.
    #[rstest]
    #[case("atlas_schema_revisions", &["id", "version", "type", "applied", "total"])]
    #[case("flyway_schema_history", &["id", "version", "type", "script", "checksum", "success"])]
    #[case("goose_db_version", &["id", "version_id", "is_applied"])]
    fn a_table_without_the_tool_s_columns_is_not_its_history(#[case] name: &str, #[case] columns: &[&str]) {
        let told = tool(&[table("public", name, columns)], None, None).unwrap_err();
        assert_eq!(
            told,
            "no table of a tool that is known is in this database; one of another name is given by --from and \
             --table; schemaward baseline records a schema that no tool has a history of"
        );
    }

    #[test]
    fn what_is_guessed_is_adopted_where_a_person_names_the_tool_and_no_table_is_certain() {
        let guessed = table("public", "app_migrations", &["version"]);
        assert_eq!(
            tool(from_ref(&guessed), None, None).unwrap_err(),
            "the table public.app_migrations may be dbmate's, by its name and its columns, which others have, too; \
             where it is, say so: --from dbmate"
        );
        assert_eq!(tool(from_ref(&guessed), Some(Tool::Dbmate), None), Ok(Tool::Dbmate));
        let own = table("public", "schema_migrations", &["version"]);
        for tables in [[guessed.clone(), own.clone()], [own.clone(), guessed]] {
            assert_eq!(find(&tables, Wanted::default()).map(|found| found.table), Ok(own.clone()));
        }
    }

    /// As the server has it, in another case, with the schema or without.
    #[rstest]
    #[case("Versions", "Versions", Ok(()))]
    #[case("versions", "versions", Ok(()))]
    #[case("ops.VERSIONS", "VERSIONS", Ok(()))]
    #[case(
        "public.versions",
        "versions",
        Err(
            "there is no table public.versions in this database, or this user cannot see it; give --table as the server spells it, and --schema if it is not found"
        )
    )]
    #[case(
        "ops.orders",
        "orders",
        Err("the table ops.orders has the columns id: dbmate keeps no history in such a table")
    )]
    fn a_table_of_any_name_is_the_tool_s_where_a_person_says_so(
        #[case] asked: &str,
        #[case] name: &str,
        #[case] expected: Result<(), &str>,
    ) {
        let wanted = Wanted { tool: Some(Tool::Dbmate), schema: None, table: Some(asked) };
        assert_eq!(wanted.table_name(), Some(name));
        let versions = table("ops", "Versions", &["version"]);
        let found = find(&[versions.clone(), table("ops", "orders", &["id"])], wanted);
        let certain = Found { tool: Tool::Dbmate, table: versions, by: By::Name };
        assert_eq!(found.map_err(|problem| problem.to_string()), expected.map(|()| certain).map_err(str::to_owned));
    }
}
