//! The actions of `ALTER TABLE`. The statement is atomic, so one well-chosen action shows whether all of them were
//! done.
//!
//! Source: `MySQL`'s and `MariaDB`'s manuals, "ALTER TABLE".

use super::super::cursor::Cursor;
use super::super::ddl::{Change, Constraint, ConstraintKind, Element, Part};
use super::super::name::Identifier;
use super::super::tokens::Token;
use super::super::transaction::{CatalogObject, ObjectName, Trace};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum CatalogChange {
    Appears(CatalogObject),
    Disappears(CatalogObject),
    Renamed(CatalogObject, CatalogObject),
    /// Doing it twice has the same effect as once.
    Repeatable,
    /// No change that could be observed.
    Unknown,
}

impl CatalogChange {
    fn objects(&self) -> Vec<String> {
        let objects = match self {
            Self::Appears(object) | Self::Disappears(object) => vec![object],
            Self::Renamed(from, to) => vec![from, to],
            Self::Repeatable | Self::Unknown => Vec::new(),
        };
        // Most names are case-insensitive; for the others this only means giving up a little.
        objects.into_iter().map(|object| format!("{object:?}").to_lowercase()).collect()
    }

    fn renames_a_table(&self) -> bool {
        matches!(self, Self::Renamed(CatalogObject::Table(_), _))
    }

    fn trace(&self) -> Trace {
        match self.clone() {
            Self::Appears(object) => Trace::Appears(object),
            Self::Disappears(object) => Trace::Disappears(object),
            Self::Renamed(from, to) => Trace::Renamed { from: Box::new(from), to: Box::new(to) },
            Self::Repeatable => Trace::Repeatable,
            Self::Unknown => Trace::Unknown,
        }
    }
}

/// The change that shows whether the statement was done: the last one whose objects no other change names. (A column
/// that is dropped and added again exists before and after.) A new name for the table takes precedence, since
/// everything else is then found under that name.
pub(super) fn decisive(changes: &[CatalogChange]) -> Trace {
    if let [only] = changes {
        return only.trace();
    }
    let tells = |(index, change): &(usize, &CatalogChange)| {
        let own = change.objects();
        let others = changes.iter().enumerate().filter(|(other, _)| other != index);
        !own.is_empty() && !others.flat_map(|(_, other)| other.objects()).any(|object| own.contains(&object))
    };
    let telling: Vec<&CatalogChange> = changes.iter().enumerate().filter(tells).map(|(_, change)| change).collect();
    let renames_a_table = changes.iter().any(CatalogChange::renames_a_table);
    match telling.iter().rev().find(|change| change.renames_a_table() || !renames_a_table) {
        Some(change) => change.trace(),
        None if changes.iter().all(|change| *change == CatalogChange::Repeatable) => Trace::Repeatable,
        None => Trace::Unknown,
    }
}

/// What one action of `ALTER TABLE` changes in the catalog. `words`: the action's tokens.
pub(super) fn catalog_change(table: &ObjectName, change: &Change, mut words: Cursor<'_>) -> CatalogChange {
    match change {
        Change::Add(elements) => {
            elements.first().and_then(|element| added(table, element)).unwrap_or(CatalogChange::Unknown)
        }
        Change::Drop { if_exists: true, .. } | Change::Rename { if_exists: true, .. } => CatalogChange::Repeatable,
        Change::Drop { what, name, .. } => CatalogChange::Disappears(part(table, *what, name)),
        Change::DropPrimaryKey => CatalogChange::Disappears(primary_key(table)),
        Change::Rename { what, from, to, .. } => {
            CatalogChange::Renamed(part(table, *what, from), part(table, *what, to))
        }
        Change::RenameTo(name) => {
            let mut to = ObjectName::of(name);
            // Without a database, the new name stays in the table's.
            to.database = to.database.or_else(|| table.database.clone());
            CatalogChange::Renamed(CatalogObject::Table(table.clone()), CatalogObject::Table(to))
        }
        Change::Redefine { from, to: Some(to), if_exists: false }
            if from.as_str().to_lowercase() != to.as_str().to_lowercase() =>
        {
            CatalogChange::Renamed(part(table, Part::Column, from), part(table, Part::Column, to))
        }
        Change::Redefine { .. } | Change::ChangeType(_) | Change::SetNotNull(_) => CatalogChange::Repeatable,
        Change::Attach(_) | Change::Detach { .. } => CatalogChange::Unknown,
        Change::Other => other(words.next(), words),
    }
}

fn other(first: Option<&Token<'_>>, words: Cursor<'_>) -> CatalogChange {
    const REPEATABLE: [&str; 17] = [
        "modify",
        "alter",
        "convert",
        "default",
        "character",
        "charset",
        "collate",
        "engine",
        "comment",
        "order",
        "force",
        "enable",
        "disable",
        "algorithm",
        "lock",
        "row_format",
        "auto_increment",
    ];
    let Some(first) = first else { return CatalogChange::Repeatable };
    // Any other table option.
    let is_repeatable = REPEATABLE.iter().any(|word| first.is(word)) || words.sees(&["="]);
    if is_repeatable { CatalogChange::Repeatable } else { CatalogChange::Unknown }
}

fn part(table: &ObjectName, what: Part, name: &Identifier) -> CatalogObject {
    let (table, name) = (table.clone(), name.as_str().into());
    match what {
        Part::Column => CatalogObject::Column { table, name },
        Part::Index => CatalogObject::Index { table, name },
        Part::Constraint => CatalogObject::Constraint { table, name },
    }
}

fn primary_key(table: &ObjectName) -> CatalogObject {
    CatalogObject::Index { table: table.clone(), name: "PRIMARY".into() }
}

/// None if what is added has no name here, or cannot be looked up.
fn added(table: &ObjectName, element: &Element) -> Option<CatalogChange> {
    let (object, if_not_exists) = match element {
        Element::Column(column) => (part(table, Part::Column, &column.name), column.if_not_exists),
        Element::Index { name, if_not_exists, .. } => (part(table, Part::Index, name.as_ref()?), *if_not_exists),
        Element::Constraint(Constraint { kind, name, if_not_exists, .. }) => {
            let object = match kind {
                ConstraintKind::PrimaryKey => primary_key(table),
                ConstraintKind::Unique => part(table, Part::Index, name.as_ref()?),
                ConstraintKind::NotNull => return None,
                _ => part(table, Part::Constraint, name.as_ref()?),
            };
            (object, *if_not_exists)
        }
        Element::Other => return None,
    };
    Some(if if_not_exists { CatalogChange::Repeatable } else { CatalogChange::Appears(object) })
}
