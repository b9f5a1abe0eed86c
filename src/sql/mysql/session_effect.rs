//! What `MySQL`'s and `MariaDB`'s statements do to objects of their session.

use super::super::cursor::Cursor;
use super::super::ddl::{Ddl, Modifier, ObjectKind};
use super::super::name::Name;
use super::super::session_object::{
    Effect, NeededBy, SessionObject, puts_temporary_table_together, temporary_table, unknown_temporary_table, unquoted,
};
use super::super::tokens::{Parsed, Token};

pub(in super::super) fn session_effect(statement: Parsed<'_>) -> Effect {
    let Parsed { sql, tokens: all, first, ddl, .. } = statement;
    let name = |name: &Name| name.last().as_str().to_lowercase();
    let mut effect = Effect::default();
    match (ddl, first) {
        (Some(Ddl::Create(create)), _) if create.says(Modifier::Temporary) => {
            effect
                .makes
                .extend(create.name.iter().filter(|_| is_table(create.kind)).map(|it| temporary_table(name(it))));
        }
        (Some(Ddl::Drop(drop)), _) if is_table(drop.kind) => {
            effect.drops_if_there = drop.says(Modifier::IfExists) && drop.says(Modifier::Temporary);
            effect.drops = drop.names.iter().map(name).collect();
        }
        (_, "handler") => handler(statement.words(), &mut effect),
        (_, "set") if all.iter().any(|token| unquoted(token.text).contains("rand_seed")) => {
            let seed = SessionObject { what: "the seed of", name: "rand".to_owned(), needed_by: NeededBy::Name };
            effect.makes.push(seed);
        }
        _ => {}
    }
    if may_run_text(all) && puts_temporary_table_together(sql) {
        effect.makes.push(unknown_temporary_table());
    }
    effect
}

fn is_table(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Table | ObjectKind::Sequence)
}

/// Whether a string in the statement may be run, by it or by a later statement.
fn may_run_text(all: &[Token<'_>]) -> bool {
    let first = |words: &[&str]| all.first().is_some_and(|first| words.iter().any(|word| first.is(word)));
    first(&["set", "prepare", "execute", "call", "do", "begin", "if", "case"])
        || first(&["select", "with"]) && all.iter().any(|token| token.is("into") || token.text == ":=")
}

fn handler(mut words: Cursor<'_>, effect: &mut Effect) {
    let Some(table) = words.name() else { return };
    let table = table.last().as_str().to_lowercase();
    if words.eat(&["close"]) {
        effect.drops.push(table);
    } else if words.eat(&["open"]) {
        words.eat(&["as"]);
        let name = words.identifier().map_or(table, |name| name.as_str().to_lowercase());
        effect.makes.push(SessionObject { what: "the open HANDLER", name, needed_by: NeededBy::NameAlone });
    }
}
