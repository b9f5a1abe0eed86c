//! The actions of `ALTER TABLE`, and which of them tells whether all of them were done: the statement is atomic.
//!
//! Source: `MySQL`'s and `MariaDB`'s manuals, "ALTER TABLE".

use super::super::transaction::{CatalogObject, ObjectName, Trace};
use super::words::Words;

/// What one action changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Change {
    Appears(CatalogObject),
    Disappears(CatalogObject),
    Renamed(CatalogObject, CatalogObject),
    /// To do it twice is to do it once.
    Repeatable,
    /// Nothing that could be told.
    Unknown,
}

impl Change {
    fn objects(&self) -> Vec<String> {
        let objects = match self {
            Self::Appears(object) | Self::Disappears(object) => vec![object],
            Self::Renamed(from, to) => vec![from, to],
            Self::Repeatable | Self::Unknown => Vec::new(),
        };
        // Most names mean the same in capitals; where they do not, nothing is lost by taking them for the same.
        objects.into_iter().map(|object| format!("{object:?}").to_lowercase()).collect()
    }

    fn renames_a_table(&self) -> bool {
        matches!(self, Self::Renamed(CatalogObject::Table(_), _))
    }

    fn trace(&self) -> Trace {
        match self.clone() {
            Self::Appears(object) => Trace::Appears(object),
            Self::Disappears(object) => Trace::Disappears(object),
            Self::Renamed(from, to) => Trace::Renamed { from, to },
            Self::Repeatable => Trace::Repeatable,
            Self::Unknown => Trace::Unknown,
        }
    }
}

/// What tells of all changes of one statement: the last one that names objects no other change names. (A column that is
/// dropped and added again is there before and after.) A table's new name comes first, since all else is found
/// under it afterwards.
pub(super) fn decisive(changes: &[Change]) -> Trace {
    if let [only] = changes {
        return only.trace();
    }
    let tells = |(index, change): &(usize, &Change)| {
        let own = change.objects();
        let others = changes.iter().enumerate().filter(|(other, _)| other != index);
        !own.is_empty() && !others.flat_map(|(_, other)| other.objects()).any(|object| own.contains(&object))
    };
    let telling: Vec<&Change> = changes.iter().enumerate().filter(tells).map(|(_, change)| change).collect();
    let renames_a_table = changes.iter().any(Change::renames_a_table);
    match telling.iter().rev().find(|change| change.renames_a_table() || !renames_a_table) {
        Some(change) => change.trace(),
        None if changes.iter().all(|change| *change == Change::Repeatable) => Trace::Repeatable,
        None => Trace::Unknown,
    }
}

/// What one action of `ALTER TABLE` changes.
pub(super) fn action(table: &ObjectName, mut words: Words<'_>) -> Change {
    let Some(first) = words.next() else { return Change::Repeatable };
    let found = match first.text.to_ascii_lowercase().as_str() {
        "add" => add(table, words),
        "drop" => drop(table, words),
        "rename" => rename(table, words),
        "change" => change(table, words),
        "modify" | "alter" | "convert" | "default" | "character" | "charset" | "collate" | "engine" | "comment"
        | "order" | "force" | "enable" | "disable" | "algorithm" | "lock" | "row_format" | "auto_increment" => {
            Some(Change::Repeatable)
        }
        // Any other option of a table.
        _ => words.is("=").then_some(Change::Repeatable),
    };
    found.unwrap_or(Change::Unknown)
}

fn index(table: &ObjectName, name: String) -> CatalogObject {
    CatalogObject::Index { table: table.clone(), name }
}

fn column(table: &ObjectName, name: String) -> CatalogObject {
    CatalogObject::Column { table: table.clone(), name }
}

fn constraint(table: &ObjectName, name: String) -> CatalogObject {
    CatalogObject::Constraint { table: table.clone(), name }
}

fn add(table: &ObjectName, mut words: Words<'_>) -> Option<Change> {
    let mut repeatable = false;
    let mut symbol = None;
    if words.eat(&["constraint"]) {
        repeatable = words.eat(&["if", "not", "exists"]);
        if !is_kind_of_constraint(words) {
            symbol = Some(words.identifier()?);
        }
    }
    let object = if words.eat(&["primary", "key"]) {
        index(table, "PRIMARY".to_owned())
    } else if words.eat_any(&["unique", "fulltext", "spatial", "vector"]) || words.is("index") || words.is("key") {
        words.eat_any(&["index", "key"]);
        repeatable |= words.eat(&["if", "not", "exists"]);
        let nameless = words.is("(") || words.is("using");
        index(table, if nameless { symbol? } else { words.identifier()? })
    } else if words.eat(&["foreign", "key"]) {
        repeatable |= words.eat(&["if", "not", "exists"]);
        constraint(table, symbol?)
    } else if words.is("check") {
        constraint(table, symbol?)
    } else if words.is("partition") || words.is("period") || words.is("system") {
        return None;
    } else {
        words.eat(&["column"]);
        repeatable |= words.eat(&["if", "not", "exists"]);
        words.eat(&["("]);
        column(table, words.identifier()?)
    };
    Some(if repeatable { Change::Repeatable } else { Change::Appears(object) })
}

fn is_kind_of_constraint(words: Words<'_>) -> bool {
    ["primary", "unique", "foreign", "check"].iter().any(|kind| words.is(kind))
}

type MakeObject = fn(&ObjectName, String) -> CatalogObject;

fn drop(table: &ObjectName, mut words: Words<'_>) -> Option<Change> {
    if words.eat(&["primary", "key"]) {
        return Some(Change::Disappears(index(table, "PRIMARY".to_owned())));
    }
    let make: MakeObject = if words.eat_any(&["index", "key"]) {
        index
    } else if words.eat(&["foreign", "key"]) || words.eat_any(&["constraint", "check"]) {
        constraint
    } else if words.is("partition") || words.is("period") || words.is("system") {
        return None;
    } else {
        words.eat(&["column"]);
        column
    };
    if words.eat(&["if", "exists"]) {
        return Some(Change::Repeatable);
    }
    Some(Change::Disappears(make(table, words.identifier()?)))
}

fn rename(table: &ObjectName, mut words: Words<'_>) -> Option<Change> {
    let is_column = words.eat(&["column"]);
    if is_column || words.eat_any(&["index", "key"]) {
        if words.eat(&["if", "exists"]) {
            return Some(Change::Repeatable);
        }
        let make = if is_column { column } else { index };
        let from = words.identifier()?;
        words.eat(&["to"]).then_some(())?;
        return Some(Change::Renamed(make(table, from), make(table, words.identifier()?)));
    }
    words.eat_any(&["to", "as", "="]);
    let mut to = words.name()?;
    // A new name without a database stays in the table's.
    to.database = to.database.or_else(|| table.database.clone());
    Some(Change::Renamed(CatalogObject::Table(table.clone()), CatalogObject::Table(to)))
}

fn change(table: &ObjectName, mut words: Words<'_>) -> Option<Change> {
    words.eat(&["column"]);
    if words.eat(&["if", "exists"]) {
        return Some(Change::Repeatable);
    }
    let (from, to) = (words.identifier()?, words.identifier()?);
    if from.to_lowercase() == to.to_lowercase() {
        return Some(Change::Repeatable);
    }
    Some(Change::Renamed(column(table, from), column(table, to)))
}
