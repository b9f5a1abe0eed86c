//! What `MySQL`'s and `MariaDB`'s statements do to objects of their session.

use super::super::session_object::{
    Effect, NeededBy, SessionObject, puts_temporary_table_together, temporary_table, unknown_temporary_table, unquoted,
};
use super::super::tokens::{Parsed, Token};
use super::words::Words;

/// Reads it from a statement.
pub(in super::super) fn session_effect(statement: Parsed<'_>) -> Effect {
    let Parsed { sql, tokens: all, .. } = statement;
    let mut words = Words(all);
    let mut effect = Effect::default();
    if words.eat(&["create"]) {
        words.eat(&["or", "replace"]);
        if words.eat(&["temporary"]) && words.eat_any(&["table", "sequence"]) {
            words.eat(&["if", "not", "exists"]);
            effect.makes.extend(words.name().map(|name| temporary_table(name.name.to_lowercase())));
        }
    } else if words.eat(&["drop"]) {
        let temporary = words.eat(&["temporary"]);
        if words.eat_any(&["table", "tables", "sequence"]) {
            effect.drops_if_there = words.eat(&["if", "exists"]) && temporary;
            effect.drops =
                words.parts().filter_map(|mut part| part.name()).map(|name| name.name.to_lowercase()).collect();
        }
    } else if words.eat(&["handler"]) {
        handler(words, &mut effect);
    } else if words.is("set") && all.iter().any(|token| unquoted(token.text).contains("rand_seed")) {
        effect.makes.push(SessionObject { what: "the seed of", name: "rand".to_owned(), needed_by: NeededBy::Name });
    }
    if may_run_text(all) && puts_temporary_table_together(sql) {
        effect.makes.push(unknown_temporary_table());
    }
    effect
}

/// Whether a string in a statement may be run, by itself or by one behind it.
fn may_run_text(all: &[Token<'_>]) -> bool {
    let first = |words: &[&str]| all.first().is_some_and(|first| words.iter().any(|word| first.is(word)));
    first(&["set", "prepare", "execute", "call", "do", "begin", "if", "case"])
        || first(&["select", "with"]) && all.iter().any(|token| token.is("into") || token.text == ":=")
}

fn handler(mut words: Words<'_>, effect: &mut Effect) {
    let Some(table) = words.name() else { return };
    if words.eat(&["close"]) {
        effect.drops.push(table.name.to_lowercase());
    } else if words.eat(&["open"]) {
        words.eat(&["as"]);
        let name = words.identifier().unwrap_or(table.name).to_lowercase();
        effect.makes.push(SessionObject { what: "the open HANDLER", name, needed_by: NeededBy::NameAlone });
    }
}
