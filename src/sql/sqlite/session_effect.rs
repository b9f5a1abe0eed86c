//! What `SQLite`'s statements do to objects of their connection.

use super::super::session_object::{Effect, NeededBy, SessionObject, temporary_table, unquoted};
use super::super::tokens::{Parsed, Token};

pub(in super::super) fn session_effect(statement: Parsed<'_>) -> Effect {
    let all = statement.tokens;
    let mut effect = Effect::default();
    match all.first() {
        Some(first) if first.is("create") => effect.makes.extend(created(all)),
        Some(first) if first.is("attach") => effect.makes.extend(attached(all)),
        Some(first) if first.is("detach") => effect.drops.extend(all.last().map(|token| unquoted(token.text))),
        Some(first) if first.is("drop") => effect.drops.extend(all.last().map(|token| unquoted(token.text))),
        _ => {}
    }
    effect
}

fn created(all: &[Token<'_>]) -> Option<SessionObject> {
    let kind_at = all.iter().position(|token| ["table", "view", "trigger"].iter().any(|kind| token.is(kind)))?;
    let temporary = all.get(1..kind_at)?.iter().any(|token| token.is("temp") || token.is("temporary"));
    let mut rest = all.iter().skip(kind_at + 1).skip_while(|token| ["if", "not", "exists"].iter().any(|w| token.is(w)));
    let (first, dot, second) = (rest.next()?, rest.next(), rest.next());
    let qualified = dot.is_some_and(|dot| dot.text == ".");
    if !(temporary || qualified && unquoted(first.text) == "temp") {
        return None;
    }
    let name = unquoted(if qualified { second?.text } else { first.text });
    let kind = all.get(kind_at)?;
    Some(if kind.is("table") {
        temporary_table(name)
    } else if kind.is("view") {
        SessionObject { what: "the temporary view", name, needed_by: NeededBy::Name }
    } else {
        // Any change of its table fires it.
        SessionObject { what: "the temporary trigger", name, needed_by: NeededBy::All }
    })
}

/// A database that is not a file is gone with the connection. Which file an expression names is unknown.
fn attached(all: &[Token<'_>]) -> Option<SessionObject> {
    let mut rest = all.iter().skip(1).filter(|token| !token.is("database"));
    let (file, next) = (rest.next()?, rest.next()?);
    let literal = file.text.starts_with('\'') && next.is("as");
    let memory = file.text.to_ascii_lowercase();
    let is_file = literal && memory != "''" && !memory.contains(":memory:") && !memory.contains("mode=memory");
    let name = unquoted(all.last()?.text.trim_matches('\''));
    (!is_file).then_some(SessionObject { what: "the attached database", name, needed_by: NeededBy::Name })
}
