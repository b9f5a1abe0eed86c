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
}
