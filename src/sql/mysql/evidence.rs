//! What `information_schema` can tell of a statement whose end was not recorded, read from the statement alone: which
//! object to look for. Each statement here is atomic: on `MySQL` 8 and later all of it, on `MariaDB` 10.6 and later each
//! table of `DROP TABLE` by itself, so that there the last one tells.
//!
//! Source: `MySQL`'s manual, "Atomic Data Definition Statement Support"; `MariaDB`'s, "Atomic DDL".

use super::super::Dialect;
use super::super::transaction::{CatalogObject, Execution, Trace};
use super::alter::{Change, action, decisive};
use super::words::Words;

const REPEATABLE: Execution = Execution::Alone(Trace::Repeatable);
const UNKNOWN: Execution = Execution::Alone(Trace::Unknown);

/// What follows `CREATE`.
pub(super) fn created(mut words: Words<'_>) -> Execution {
    let replaces = words.eat(&["or", "replace"]);
    if words.is("temporary") {
        // No DDL to the server: it commits nothing.
        return Execution::Transaction;
    }
    // ALGORITHM, DEFINER and the like stand before the kind.
    let Some(kind) = kind(&mut words) else { return UNKNOWN };
    if words.eat(&["if", "not", "exists"]) || replaces {
        return REPEATABLE;
    }
    object(kind, &mut words).map_or(UNKNOWN, |object| Execution::Alone(Trace::Appears(object)))
}

/// What follows `DROP`.
pub(super) fn dropped(mut words: Words<'_>, dialect: Dialect) -> Execution {
    if words.is("temporary") {
        return Execution::Transaction;
    }
    let Some(kind) = kind(&mut words) else { return UNKNOWN };
    let repeatable = words.eat(&["if", "exists"]);
    let parts: Vec<Words<'_>> = words.parts().collect();
    let several = parts.len() > 1 && dialect == Dialect::Mariadb;
    if repeatable && !several {
        return REPEATABLE;
    }
    match parts.last().and_then(|last| object(kind, &mut { *last })) {
        Some(object) if several => Execution::Alone(Trace::LastDisappears(object)),
        Some(object) => Execution::Alone(Trace::Disappears(object)),
        None if repeatable => REPEATABLE,
        None => UNKNOWN,
    }
}

/// What follows `RENAME`.
pub(super) fn renamed(mut words: Words<'_>) -> Execution {
    if !words.eat_any(&["table", "tables"]) {
        return UNKNOWN;
    }
    if words.eat(&["if", "exists"]) {
        return UNKNOWN;
    }
    let pair = |mut words: Words<'_>| {
        let from = words.name()?;
        words.eat(&["to"]).then_some(())?;
        Some(Change::Renamed(CatalogObject::Table(from), CatalogObject::Table(words.name()?)))
    };
    let pairs: Option<Vec<Change>> = words.parts().map(pair).collect();
    pairs.map_or(UNKNOWN, |pairs| Execution::Alone(decisive(&pairs)))
}

/// What follows `ALTER`.
pub(super) fn altered(mut words: Words<'_>) -> Execution {
    words.eat(&["online"]);
    words.eat(&["ignore"]);
    if words.eat(&["table"]) {
        return altered_table(words).map_or(UNKNOWN, Execution::Alone);
    }
    let repeatable = match kind(&mut words) {
        Some(Kind::Event) => !words.has("rename"),
        Some(_) => true,
        None => words.eat_any(&["instance", "sequence"]),
    };
    if repeatable { REPEATABLE } else { UNKNOWN }
}

fn altered_table(mut words: Words<'_>) -> Option<Trace> {
    words.eat(&["if", "exists"]);
    let table = words.name()?;
    if words.eat(&["wait"]) {
        words.next();
    }
    words.eat(&["nowait"]);
    let actions: Vec<Change> = words.parts().map(|words| action(&table, words)).collect();
    Some(decisive(&actions))
}

/// What is created or dropped.
#[derive(Clone, Copy)]
enum Kind {
    Database,
    Table,
    View,
    Index,
    Procedure,
    Function,
    Trigger,
    Event,
    /// One that `information_schema` does not show to everybody.
    Account,
}

/// The first word that says what it is, taken with all before it.
fn kind(words: &mut Words<'_>) -> Option<Kind> {
    while let Some(token) = words.next() {
        let kind = match token.text.to_ascii_lowercase().as_str() {
            "database" | "schema" => Kind::Database,
            "table" | "tables" | "sequence" => Kind::Table,
            "view" | "views" => Kind::View,
            "index" => Kind::Index,
            "procedure" => Kind::Procedure,
            "function" => Kind::Function,
            "trigger" => Kind::Trigger,
            "event" => Kind::Event,
            "user" | "role" | "server" => Kind::Account,
            "tablespace" | "undo" | "logfile" | "resource" | "reference" | "library" | "package" => return None,
            _ => continue,
        };
        return Some(kind);
    }
    None
}

fn object(kind: Kind, words: &mut Words<'_>) -> Option<CatalogObject> {
    let object = match kind {
        Kind::Database => CatalogObject::Database(words.identifier()?),
        Kind::Table => CatalogObject::Table(words.name()?),
        Kind::View => CatalogObject::View(words.name()?),
        Kind::Index => {
            let name = words.identifier()?;
            if words.eat_any(&["using", "type"]) {
                words.next();
            }
            words.eat(&["on"]).then_some(())?;
            CatalogObject::Index { table: words.name()?, name }
        }
        Kind::Procedure => CatalogObject::Procedure(words.name()?),
        // One of a library is no routine to information_schema.
        Kind::Function if words.has("soname") => return None,
        Kind::Function => CatalogObject::Function(words.name()?),
        Kind::Trigger => CatalogObject::Trigger(words.name()?),
        Kind::Event => CatalogObject::Event(words.name()?),
        Kind::Account => return None,
    };
    Some(object)
}
