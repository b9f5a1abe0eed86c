//! What to look for in `information_schema` to learn whether a statement has run whose end was not recorded, judged by
//! the statement alone. Each statement here is atomic: on `MySQL` 8 and later as a whole; on `MariaDB` 10.6 and later
//! `DROP TABLE` drops its tables one by one, so the last one decides.
//!
//! Source: `MySQL`'s manual, "Atomic Data Definition Statement Support"; `MariaDB`'s, "Atomic DDL".

use super::super::Dialect;
use super::super::ddl::{Action, Ddl, Modifier, ObjectKind, Rename};
use super::super::name::Name;
use super::super::tokens::Parsed;
use super::super::transaction::{CatalogObject, Execution, ObjectName, Trace};
use super::alter::{CatalogChange, catalog_change, decisive};

const REPEATABLE: Execution = Execution::Alone(Trace::Repeatable);
const UNKNOWN: Execution = Execution::Alone(Trace::Unknown);

pub(super) fn created(statement: Parsed<'_>) -> Execution {
    let Some(Ddl::Create(create)) = statement.ddl else { return UNKNOWN };
    if create.says(Modifier::Temporary) {
        // For the server this is not DDL: it commits nothing.
        return Execution::Transaction;
    }
    if !is_known(create.kind) {
        UNKNOWN
    } else if create.says(Modifier::IfNotExists) || create.says(Modifier::OrReplace) {
        REPEATABLE
    } else {
        // information_schema does not list a function from a library.
        let is_of_library = || statement.tokens.iter().any(|token| token.depth == 0 && token.is("soname"));
        let found = create.name.as_ref().filter(|_| create.kind != ObjectKind::Function || !is_of_library());
        let object = found.and_then(|name| object(create.kind, name, create.on.as_deref()));
        object.map_or(UNKNOWN, |object| Execution::Alone(Trace::Appears(object)))
    }
}

pub(super) fn dropped(statement: Parsed<'_>) -> Execution {
    let Some(Ddl::Drop(drop)) = statement.ddl else { return UNKNOWN };
    if drop.says(Modifier::Temporary) {
        return Execution::Transaction;
    }
    let several = drop.names.len() > 1 && statement.dialect == Dialect::Mariadb;
    if !is_known(drop.kind) {
        return UNKNOWN;
    }
    if drop.says(Modifier::IfExists) && !several {
        return REPEATABLE;
    }
    match drop.names.last().and_then(|last| object(drop.kind, last, drop.on.as_deref())) {
        Some(object) if several => Execution::Alone(Trace::LastDisappears(object)),
        Some(object) => Execution::Alone(Trace::Disappears(object)),
        None if drop.says(Modifier::IfExists) => REPEATABLE,
        None => UNKNOWN,
    }
}

pub(super) fn renamed(statement: Parsed<'_>) -> Execution {
    let Some(Ddl::Rename(Rename { tables, if_exists: false })) = statement.ddl else { return UNKNOWN };
    let table = |name: &Name| CatalogObject::Table(ObjectName::of(name));
    let pairs: Vec<CatalogChange> =
        tables.iter().map(|(from, to)| CatalogChange::Renamed(table(from), table(to))).collect();
    Execution::Alone(decisive(&pairs))
}

pub(super) fn altered(statement: Parsed<'_>) -> Execution {
    let Some(Ddl::Alter(alter)) = statement.ddl else {
        return if statement.is(1, &["instance"]) { REPEATABLE } else { UNKNOWN };
    };
    match (alter.kind, &alter.name) {
        (ObjectKind::Table, Some(name)) => {
            let table = ObjectName::of(name);
            let of = |action: &Action| catalog_change(&table, &action.change, statement.words_of(&action.tokens));
            let changes: Vec<CatalogChange> = alter.actions.iter().map(of).collect();
            Execution::Alone(decisive(&changes))
        }
        (ObjectKind::Table, None) => UNKNOWN,
        (ObjectKind::Event, _) if statement.tokens.iter().any(|token| token.is("rename")) => UNKNOWN,
        (kind, _) => {
            if is_known(kind) {
                REPEATABLE
            } else {
                UNKNOWN
            }
        }
    }
}

/// Whether both servers have this kind of object, and create and drop it atomically.
fn is_known(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Database
        | ObjectKind::Schema
        | ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::Sequence
        | ObjectKind::Index
        | ObjectKind::Procedure
        | ObjectKind::Function
        | ObjectKind::Trigger
        | ObjectKind::Event
        | ObjectKind::Account => true,
        ObjectKind::MaterializedView
        | ObjectKind::Type
        | ObjectKind::Domain
        | ObjectKind::Extension
        | ObjectKind::Policy
        | ObjectKind::Rule
        | ObjectKind::Statistics
        | ObjectKind::Other => false,
    }
}

/// What `information_schema` shows; None for objects that it does not show to everybody.
fn object(kind: ObjectKind, name: &Name, on: Option<&Name>) -> Option<CatalogObject> {
    let named = ObjectName::of(name);
    Some(match kind {
        ObjectKind::Database | ObjectKind::Schema => CatalogObject::Database(named.name),
        ObjectKind::Table | ObjectKind::Sequence => CatalogObject::Table(named),
        ObjectKind::View => CatalogObject::View(named),
        ObjectKind::Index => CatalogObject::Index { table: ObjectName::of(on?), name: named.name },
        ObjectKind::Procedure => CatalogObject::Procedure(named),
        ObjectKind::Function => CatalogObject::Function(named),
        ObjectKind::Trigger => CatalogObject::Trigger(named),
        ObjectKind::Event => CatalogObject::Event(named),
        _ => return None,
    })
}
