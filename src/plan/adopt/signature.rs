//! What identifies a table as a tool's whatever its name is, since people rename them. Columns that no other tool has
//! are enough. Columns that an application's table could have, too, count only if the name suggests migrations.

use super::foreign_table::ForeignTable;

/// Which columns a table has, in any order and case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Columns {
    /// These and no others.
    Exactly(&'static [&'static str]),
    /// These among others: the tool has added some in later versions.
    Among(&'static [&'static str]),
}

/// What else is asked of a table that has another name than the tool's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Renamed {
    /// The tool's table cannot be renamed, or its columns say nothing.
    Never,
    /// The columns are the tool's alone; the catalog is asked for these of them, which few other tables have.
    Telling(&'static [&'static str]),
    /// An application may have such a table of its own: the name has one of these in it.
    Saying(&'static [&'static str]),
}

/// How sure it is that a table is a tool's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// It has the tool's own name, or a person says so.
    Name,
    /// It has columns that are the tool's alone.
    Columns,
    /// It has the columns, and a name as such tables have.
    Hint,
}

/// The part of a name that says that a table keeps migrations.
pub(super) const MIGRATIONS: &[&str] = &["migrat"];

impl Columns {
    pub(super) fn are_of(self, table: &ForeignTable) -> bool {
        let has = |name: &&str| column(table, name).is_some();
        match self {
            Self::Exactly(columns) => columns.len() == table.columns.len() && columns.iter().all(has),
            Self::Among(columns) => columns.iter().all(has),
        }
    }
}

impl Renamed {
    /// By what a table of any name and of the tool's columns is the tool's; None where it is not.
    pub(super) fn tells(self, columns: Columns, table: &ForeignTable) -> Option<By> {
        let by = match self {
            Self::Never => return None,
            Self::Telling(_) => By::Columns,
            Self::Saying(parts) => {
                let name = table.name.to_lowercase();
                parts.iter().any(|part| name.contains(part)).then_some(By::Hint)?
            }
        };
        columns.are_of(table).then_some(by)
    }
}

/// A column as the table has its name.
pub(super) fn column<'t>(table: &'t ForeignTable, name: &str) -> Option<&'t str> {
    table.columns.iter().map(String::as_str).find(|column| column.eq_ignore_ascii_case(name))
}
