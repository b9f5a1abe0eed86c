//! What `SQLite`'s statements do to objects of their connection.

use super::super::ddl::{Create, Ddl, Modifier, ObjectKind};
use super::super::session_object::{
    Effect, NeededBy, SessionObject, temporary_table, unknown_temporary_table, unquoted,
};
use super::super::tokens::{Parsed, Token};

pub(in super::super) fn session_effect(statement: Parsed<'_>) -> Effect {
    let all = statement.tokens;
    let mut effect = Effect::default();
    match (statement.ddl, statement.first) {
        (Some(Ddl::Create(create)), _) => effect.makes.extend(created(create)),
        (Some(Ddl::Drop(drop)), _) => {
            effect.drops = drop.names.iter().map(|name| name.last().as_str().to_lowercase()).collect();
        }
        (_, "attach") => effect.makes.extend(attached(all)),
        (_, "detach") => effect.drops.extend(all.last().map(|token| unquoted(token.text))),
        _ => {}
    }
    effect
}

fn created(create: &Create) -> Option<SessionObject> {
    // SQLite takes a string for a name, too.
    let Some(name) = &create.name else { return create.says(Modifier::Temporary).then(unknown_temporary_table) };
    let in_schema = name.schema().is_some_and(|schema| schema.as_str().eq_ignore_ascii_case("temp"));
    if !(create.says(Modifier::Temporary) || in_schema) {
        return None;
    }
    let name = name.last().as_str().to_lowercase();
    match create.kind {
        ObjectKind::Table => Some(temporary_table(name)),
        ObjectKind::View => Some(SessionObject { what: "the temporary view", name, needed_by: NeededBy::Name }),
        // Any change of its table fires it.
        ObjectKind::Trigger => Some(SessionObject { what: "the temporary trigger", name, needed_by: NeededBy::All }),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::Dialect;

    fn effect(sql: &str) -> Effect {
        Parsed::ask(sql, Dialect::Sqlite, session_effect)
    }

    #[rstest]
    #[case("create temp table T (a)", "the temporary table", "t", NeededBy::Name)]
    #[case("create temporary view if not exists v as select 1", "the temporary view", "v", NeededBy::Name)]
    #[case("create table Temp.t (a)", "the temporary table", "t", NeededBy::Name)]
    #[case("create temp trigger g after insert on t begin select 1", "the temporary trigger", "g", NeededBy::All)]
    #[case("attach ':memory:' as m", "the attached database", "m", NeededBy::Name)]
    fn what_ends_with_the_connection(
        #[case] sql: &str,
        #[case] what: &'static str,
        #[case] name: &str,
        #[case] needed_by: NeededBy,
    ) {
        assert_eq!(effect(sql).makes, [SessionObject { what, name: name.to_owned(), needed_by }]);
    }

    #[test]
    fn a_temporary_table_named_by_a_string_has_an_unknown_name() {
        assert_eq!(effect("create temp table 't' (a)").makes, [unknown_temporary_table()]);
    }

    #[rstest]
    #[case("create table main.temp (a)")]
    #[case("create index temp.i on t (a)")]
    #[case("create trigger g after insert on temp begin select 1")]
    #[case("attach 'a.db' as a")]
    fn what_stays(#[case] sql: &str) {
        assert_eq!(effect(sql), Effect::NONE);
    }

    #[rstest]
    #[case("drop table if exists main.\"T\"", "t")]
    #[case("drop trigger g", "g")]
    #[case("detach database m", "m")]
    fn what_is_dropped(#[case] sql: &str, #[case] name: &str) {
        assert_eq!(effect(sql).drops, [name]);
    }
}
