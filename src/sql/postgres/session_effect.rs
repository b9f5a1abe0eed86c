//! What `PostgreSQL`'s statements do to objects of their session when each is committed separately.

use super::super::Dialect;
use super::super::ddl::{Ddl, Modifier, ObjectKind};
use super::super::scan::mentions_any;
use super::super::session_object::{Effect, NeededBy, SessionObject, has_word, temporary_table, unquoted};
use super::super::tokens::{Parsed, Token, follow};
use super::encoding::{begins_statement, block};

pub(in super::super) fn session_effect(statement: Parsed<'_>) -> Effect {
    let Parsed { sql, tokens: all, .. } = statement;
    let word = |at: usize| all.get(at).map(|token| token.text.to_ascii_lowercase()).unwrap_or_default();
    let mut effect = Effect::default();
    match statement.first {
        "create" => effect.makes.extend(created(statement)),
        "select" | "with" | "values" | "table" => effect.makes.extend(selected_into(all)),
        "prepare" => effect.makes.push(object("the prepared statement", &word(1))),
        "declare" if has_word(sql, "hold") => effect.makes.push(object("the cursor", &word(1))),
        "drop" => effect.drops = all.iter().skip(2).map(|token| unquoted(token.text)).collect(),
        "discard" => effect.drops_all = matches!(word(1).as_str(), "all" | "temp" | "temporary"),
        "deallocate" | "close" => {
            effect.drops = all.iter().skip(1).map(|token| unquoted(token.text)).collect();
            effect.drops_if_there = word(1) == "all" || word(2) == "all";
        }
        _ => {}
    }
    // What a routine's body does happens when the routine is called.
    let defines =
        statement.first == "create" && all.iter().take(4).any(|token| token.is("function") || token.is("procedure"));
    // The common case.
    if !mentions_any(sql, &["advisory", "set_config", "setseed", "pg_settings"]) && statement.first != "do" {
        return effect;
    }
    if !defines {
        effect.makes.extend(by_function(statement));
    }
    if has_word(sql, "pg_advisory_unlock") || has_word(sql, "pg_advisory_unlock_all") {
        effect.drops.push(String::new());
    }
    effect
}

fn object(what: &'static str, name: &str) -> SessionObject {
    SessionObject { what, name: unquoted(name), needed_by: NeededBy::Name }
}

/// `CREATE TEMPORARY …`, or the same by naming the schema for temporary objects.
fn created(statement: Parsed<'_>) -> Option<SessionObject> {
    let Some(Ddl::Create(create)) = statement.ddl else { return None };
    let name = create.name.as_ref()?;
    let in_schema = name.schema().is_some_and(|schema| schema.as_str() == "pg_temp");
    let ends_at_once =
        follow(statement.iter(), |[on, commit, drop]| on.is("on") && commit.is("commit") && drop.is("drop"));
    if !(create.says(Modifier::Temporary) || in_schema) || ends_at_once {
        return None;
    }
    let name = name.last().as_str();
    match create.kind {
        ObjectKind::Table => Some(temporary_table(name.to_lowercase())),
        ObjectKind::View => Some(object("the temporary view", name)),
        ObjectKind::Sequence => Some(object("the temporary sequence", name)),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Type | ObjectKind::Domain => {
            Some(object("in pg_temp,", name))
        }
        _ => None,
    }
}

fn selected_into(all: &[Token<'_>]) -> Option<SessionObject> {
    let into = all.iter().position(|token| token.depth == 0 && token.is("into"))?;
    let mut rest = all.iter().skip(into + 1);
    let temporary = rest.next().is_some_and(|token| token.is("temp") || token.is("temporary"));
    let name = rest.find(|token| !token.is("table"))?;
    temporary.then(|| temporary_table(unquoted(name.text)))
}

/// What functions leave in the session.
fn by_function(statement: Parsed<'_>) -> Option<SessionObject> {
    const LOCKS: [&str; 4] =
        ["pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"];
    let sql = statement.sql;
    let lasting = |what| Some(SessionObject { what, name: String::new(), needed_by: NeededBy::All });
    if LOCKS.iter().any(|name| has_word(sql, name)) {
        return lasting("the advisory lock");
    }
    if has_word(sql, "set_config") && !sets_literals(statement) && !sets_for_itself(statement) {
        return lasting("the setting by set_config");
    }
    if block(statement).is_some_and(|block| sets(&block) || runs_a_set(sql)) {
        return lasting("the setting in a DO block");
    }
    if has_word(sql, "update") && has_word(sql, "pg_settings") {
        return lasting("the setting in pg_settings");
    }
    has_word(sql, "setseed").then(|| object("the seed of", "random"))
}

/// Whether a routine with this body changes a setting beyond the statement that calls it.
pub(in super::super) fn routine_leaves_settings(body: &str) -> bool {
    Parsed::ask(body, Dialect::Postgres, |body| {
        let configures = has_word(body.sql, "set_config") && !sets_for_itself(body);
        body.is(0, &["set", "reset"]) || sets(body.tokens) || configures || runs_a_set(body.sql)
    })
}

/// Whether a body may run a SET whose text it builds, or writes to the view of all settings.
fn runs_a_set(body: &str) -> bool {
    has_word(body, "execute") && (has_word(body, "set") || has_word(body, "reset"))
        || has_word(body, "update") && has_word(body, "pg_settings")
}

/// Whether a block changes a setting beyond itself, by SET or RESET.
fn sets(block: &[Token<'_>]) -> bool {
    block.windows(3).any(|window| match window {
        [before, set, what] => {
            begins_statement(before)
                && (set.is("reset")
                    || set.is("set") && !["local", "constraints", "transaction"].iter().any(|w| what.is(w)))
        }
        _ => false,
    })
}

/// Whether every `set_config` of a statement only lasts for its transaction: the last argument is `true`.
fn sets_for_itself(statement: Parsed<'_>) -> bool {
    let block = block(statement);
    let all = block.as_deref().unwrap_or(statement.tokens);
    let is_local = |at: usize| {
        let open = all.get(at + 1).filter(|open| open.text == "(")?;
        let behind = all.iter().skip(at + 2).position(|token| token.text == ")" && token.depth == open.depth)?;
        let (comma, last) = (all.get(at + behind)?, all.get(at + behind + 1)?);
        (comma.text == "," && last.is("true")).then_some(())
    };
    let calls = all.iter().enumerate().filter(|(_, token)| unquoted(token.text) == "set_config");
    let local = calls.filter(|(at, _)| is_local(*at).is_some()).count();
    // A call in a string that is executed is not among the tokens.
    local == statement.sql.to_ascii_lowercase().matches("set_config").count()
}

/// Whether a statement only calls `set_config` with literal values, so that it can simply run again.
fn sets_literals(statement: Parsed<'_>) -> bool {
    let allowed = |token: &Token<'_>| {
        matches!(token.text, ")" | "," | ".")
            || token.text == "(" && token.depth == 0
            || token.text.starts_with('\'')
            || ["select", "pg_catalog", "set_config", "true", "false"].iter().any(|word| token.is(word))
    };
    statement.tokens.iter().all(allowed)
}
