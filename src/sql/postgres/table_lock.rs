//! The locks on tables that a statement takes, if they can be seen from its kind. Nothing is said about what depends on
//! the database's state or is not documented.
//!
//! Source: `PostgreSQL` 13 to 18, 13.3.1 "Table-Level Locks", and the reference page ALTER TABLE.

use super::super::cursor::Cursor;
use super::super::ddl::{Action, Alter, Change, Constraint, ConstraintKind, Ddl, Element, Modifier, ObjectKind};
use super::super::lock_mode::TableLockMode;
use super::super::name::Name;
use super::super::statement_lock::{Locked, StatementLock};
use super::super::tokens::{Parsed, Token};
use super::second_lock::{Found, Locks, create_table, second_of_action};

/// The locks that a statement takes on what it names; None if they cannot be seen from its kind.
pub(super) fn table_lock(statement: Parsed<'_>) -> Option<StatementLock> {
    let mut words = statement.words();
    let found = match statement.first {
        "alter" => alter(statement),
        "cluster" => cluster(words),
        "comment" => comment(words),
        "create" => create(statement),
        "delete" => rows(words, "from"),
        "drop" => drop(statement),
        "insert" | "merge" => rows(words, "into"),
        "lock" => lock(words),
        "refresh" => refresh(words),
        "reindex" => reindex(words),
        "select" => select(words),
        "truncate" => {
            words.eat(&["table"]);
            Some(relations(TableLockMode::AccessExclusive, words.tables()?))
        }
        "update" => Some(Locks::one(TableLockMode::RowExclusive, words.table()?)),
        _ => None,
    };
    found.and_then(Locks::told)
}

fn relations(mode: TableLockMode, names: Vec<Name>) -> Locks {
    Locks::all(mode, names.into_iter().map(Locked::Relation))
}

fn rows(mut words: Cursor<'_>, preposition: &str) -> Found {
    let named = words.eat(&[preposition]);
    named.then(|| words.table())?.map(|on| Locks::one(TableLockMode::RowExclusive, on))
}

fn comment(mut words: Cursor<'_>) -> Found {
    let on = if words.eat_all(&["on", "table"]) {
        words.name()?
    } else if words.eat_all(&["on", "column"]) {
        words.name()?.parent()?
    } else {
        return None;
    };
    Some(Locks::one(TableLockMode::ShareUpdateExclusive, on))
}

fn create(statement: Parsed<'_>) -> Found {
    let Some(Ddl::Create(create)) = statement.ddl else { return None };
    let mode = match create.kind {
        ObjectKind::Table => return create_table(create, statement.words_from(create.rest)),
        ObjectKind::Statistics => {
            let table = statement.words().table_after("from")?;
            return Some(Locks::one(TableLockMode::ShareUpdateExclusive, table));
        }
        ObjectKind::Index if create.says(Modifier::Concurrently) => TableLockMode::ShareUpdateExclusive,
        ObjectKind::Index => TableLockMode::Share,
        ObjectKind::Policy | ObjectKind::Rule => TableLockMode::AccessExclusive,
        ObjectKind::Trigger => TableLockMode::ShareRowExclusive,
        _ => return None,
    };
    Some(Locks::one(mode, *create.on.clone()?))
}

fn drop(statement: Parsed<'_>) -> Found {
    let Some(Ddl::Drop(drop)) = statement.ddl else { return None };
    let names = drop.names.iter().cloned();
    let on: Vec<Locked> = match drop.kind {
        ObjectKind::Table => names.map(Locked::Relation).collect(),
        ObjectKind::Index if !drop.says(Modifier::Concurrently) => names.map(Locked::TableOf).collect(),
        ObjectKind::Policy | ObjectKind::Rule | ObjectKind::Trigger => vec![Locked::Relation(*drop.on.clone()?)],
        _ => return None,
    };
    Some(Locks::all(TableLockMode::AccessExclusive, on))
}

fn lock(mut words: Cursor<'_>) -> Found {
    words.eat(&["table"]);
    let on = words.tables()?;
    if !words.eat(&["in"]) {
        return Some(relations(TableLockMode::AccessExclusive, on));
    }
    let words = words.rest().iter().take_while(|token| !token.is("mode")).map(|token| token.text.to_ascii_uppercase());
    let mode = words.collect::<Vec<_>>().join(" ");
    TableLockMode::ALL.into_iter().find(|known| known.as_str() == mode).map(|mode| relations(mode, on))
}

fn refresh(mut words: Cursor<'_>) -> Found {
    if !words.eat_all(&["materialized", "view"]) {
        return None;
    }
    let mode = if words.eat(&["concurrently"]) { TableLockMode::Exclusive } else { TableLockMode::AccessExclusive };
    Some(Locks::one(mode, words.name()?))
}

/// `CLUSTER [VERBOSE | (options)] table [USING index]`, or `CLUSTER index ON table`.
fn cluster(mut words: Cursor<'_>) -> Found {
    words.eat_options();
    words.eat(&["verbose"]);
    let first = words.name()?;
    let on = if words.eat(&["on"]) { words.name()? } else { first };
    Some(Locks::one(TableLockMode::AccessExclusive, on))
}

/// Writes wait for the table. Reads wait for its indexes, since planning a query locks all of them.
fn reindex(mut words: Cursor<'_>) -> Found {
    words.eat_options();
    words.eat(&["verbose"]);
    let of_table = words.eat(&["table"]);
    if !of_table && !words.eat(&["index"]) {
        return None;
    }
    let (mode, name) = if words.eat(&["concurrently"]) {
        (TableLockMode::ShareUpdateExclusive, words.name()?)
    } else {
        (TableLockMode::AccessExclusive, words.name()?)
    };
    let (table, indexes) = if of_table {
        (Locked::Relation(name.clone()), Locked::IndexesOf(name))
    } else {
        (Locked::TableOf(name.clone()), Locked::Relation(name))
    };
    if mode == TableLockMode::AccessExclusive {
        Some(Locks(vec![(mode, indexes), (TableLockMode::Share, table)]))
    } else {
        Some(Locks::all(mode, [table]))
    }
}

/// `SELECT … FROM table … FOR UPDATE` and its like, of one table.
fn select(words: Cursor<'_>) -> Found {
    let mut locking = words.after("for")?;
    let strength: [&[&str]; 4] = [&["update"], &["share"], &["no", "key", "update"], &["key", "share"]];
    if !strength.into_iter().any(|strength| locking.eat_all(strength)) {
        return None;
    }
    let mut from = words.after("from")?;
    let on = from.table()?;
    let is_clause =
        |token: &Token<'_>| ["where", "order", "limit", "offset", "fetch", "for"].iter().any(|word| token.is(word));
    let others = from.rest().iter().take_while(|token| !is_clause(token));
    let one = { others }.all(|token| token.text != "," && token.text != "(" && !token.is("join"));
    one.then(|| Locks::one(TableLockMode::RowShare, on))
}

/// With several actions the strictest lock counts, as the reference page says.
fn alter(statement: Parsed<'_>) -> Found {
    let Some(Ddl::Alter(Alter { kind: ObjectKind::Table, name: Some(on), actions, .. })) = statement.ddl else {
        return None;
    };
    let words = |action: &Action| statement.words_of(&action.tokens);
    let modes = actions.iter().map(|action| action_mode(action, words(action))).collect::<Option<Vec<_>>>()?;
    let mut locks = Locks::one(modes.into_iter().max()?, on.clone());
    locks.add_foreign_keys(statement.words(), on);
    for action in actions {
        if let Some((mode, second)) = second_of_action(action, words(action)) {
            locks.add(mode, second);
        }
    }
    Some(locks)
}

/// The lock of one action of ALTER TABLE: ACCESS EXCLUSIVE unless the reference page says otherwise.
fn action_mode(action: &Action, mut words: Cursor<'_>) -> Option<TableLockMode> {
    let all = words;
    match &action.change {
        Change::Add(elements) if adds_foreign_key(elements) => return Some(TableLockMode::ShareRowExclusive),
        Change::Attach(_) | Change::Detach { concurrently: true, .. } => {
            return Some(TableLockMode::ShareUpdateExclusive);
        }
        _ => {}
    }
    let mode = match words.next()?.text.to_ascii_lowercase().as_str() {
        "add" | "drop" | "force" | "inherit" | "no" | "not" | "of" | "owner" | "rename" | "replica" => {
            TableLockMode::AccessExclusive
        }
        "alter" => alter_column(words)?,
        "attach" | "cluster" | "validate" => TableLockMode::ShareUpdateExclusive,
        "enable" | "disable" if all.has("trigger") => TableLockMode::ShareRowExclusive,
        "set" if words.eat_all(&["without", "cluster"]) => TableLockMode::ShareUpdateExclusive,
        // Most storage parameters need the weaker lock; for this one the page does not say so.
        "set" | "reset" if words.eat(&["("]) => {
            (!words.has("user_catalog_table")).then_some(TableLockMode::ShareUpdateExclusive)?
        }
        "detach" | "enable" | "disable" | "set" => TableLockMode::AccessExclusive,
        _ => return None,
    };
    Some(mode)
}

fn adds_foreign_key(elements: &[Element]) -> bool {
    let is_one = |element: &Element| {
        matches!(element, Element::Constraint(Constraint { kind: ConstraintKind::ForeignKey(_), .. }))
    };
    elements.iter().any(is_one)
}

fn alter_column(mut words: Cursor<'_>) -> Option<TableLockMode> {
    if words.eat(&["constraint"]) {
        return Some(TableLockMode::AccessExclusive);
    }
    words.eat(&["column"]);
    words.next()?;
    let weak = words.eat_all(&["set", "statistics"]) || words.eat_all(&["set", "("]) || words.eat_all(&["reset", "("]);
    Some(if weak { TableLockMode::ShareUpdateExclusive } else { TableLockMode::AccessExclusive })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Locked, StatementLock};
    use crate::sql::{Dialect, Identifier};

    fn table_lock(sql: &str) -> Option<StatementLock> {
        StatementLock::of(sql, Dialect::Postgres)
    }

    // tests/engines/postgres/planned_locks.rs compares these with a real server.
    #[rstest]
    #[case("alter table only s.t add column b int not null", "ACCESS EXCLUSIVE on s.t")]
    #[case("ALTER TABLE IF EXISTS \"T t\" VALIDATE CONSTRAINT c", "SHARE UPDATE EXCLUSIVE on \"T t\"")]
    #[case("alter table t validate constraint c, alter a drop not null", "ACCESS EXCLUSIVE on t")]
    #[case("alter table t add foreign key (a, b) references u (a, b)", "SHARE ROW EXCLUSIVE on t, u")]
    #[case("alter table t add constraint f foreign key (a) references s.u", "SHARE ROW EXCLUSIVE on t, s.u")]
    #[case("alter table t add foreign key (a) references t", "SHARE ROW EXCLUSIVE on t")]
    #[case("alter table t add b int references u", "ACCESS EXCLUSIVE on t, and SHARE ROW EXCLUSIVE on u")]
    #[case("alter table t attach partition p default", "ACCESS EXCLUSIVE on p, and SHARE UPDATE EXCLUSIVE on t")]
    #[case("alter table t detach partition p", "ACCESS EXCLUSIVE on t, p")]
    #[case("alter table t detach partition p concurrently", "ACCESS EXCLUSIVE on p, and SHARE UPDATE EXCLUSIVE on t")]
    #[case("alter table t inherit p", "ACCESS EXCLUSIVE on t, and SHARE UPDATE EXCLUSIVE on p")]
    #[case(
        "create table n (a int references u, b int references s.v (c), c int references n)",
        "SHARE ROW EXCLUSIVE on u, s.v"
    )]
    #[case("create unlogged table if not exists n partition of t default", "ACCESS EXCLUSIVE on t")]
    #[case("create table n () inherits (t, u)", "SHARE UPDATE EXCLUSIVE on t, u")]
    #[case("create policy p on s.t using (true)", "ACCESS EXCLUSIVE on s.t")]
    #[case("create or replace rule r as on insert to t do nothing", "ACCESS EXCLUSIVE on t")]
    #[case("drop trigger if exists g on t", "ACCESS EXCLUSIVE on t")]
    #[case("cluster (verbose) t using i", "ACCESS EXCLUSIVE on t")]
    #[case("cluster i on t", "ACCESS EXCLUSIVE on t")]
    #[case("reindex (verbose) table t", "ACCESS EXCLUSIVE on the indexes of t, and SHARE on t")]
    #[case("reindex index i", "ACCESS EXCLUSIVE on i, and SHARE on its table")]
    #[case("reindex table concurrently t", "SHARE UPDATE EXCLUSIVE on t")]
    #[case("select a from t as x where a = (select 1 from u) for no key update of x", "ROW SHARE on t")]
    #[case("alter table t alter column a set statistics 100", "SHARE UPDATE EXCLUSIVE on t")]
    #[case("alter table t set (fillfactor = 70)", "SHARE UPDATE EXCLUSIVE on t")]
    #[case("alter table t disable trigger all", "SHARE ROW EXCLUSIVE on t")]
    #[case("create unique index if not exists i on only t using btree (a)", "SHARE on t")]
    #[case("create index concurrently on s.t (a)", "SHARE UPDATE EXCLUSIVE on s.t")]
    #[case("create or replace trigger g after update of a on t execute function f()", "SHARE ROW EXCLUSIVE on t")]
    #[case("drop table if exists a, s.b cascade", "ACCESS EXCLUSIVE on a, s.b")]
    #[case("drop index i", "ACCESS EXCLUSIVE on the table of i")]
    #[case("truncate a, b", "ACCESS EXCLUSIVE on a, b")]
    #[case("/* all */ update only t set a = 1", "ROW EXCLUSIVE on t")]
    #[case("insert into s . t values (1)", "ROW EXCLUSIVE on s.t")]
    #[case("delete from t", "ROW EXCLUSIVE on t")]
    #[case("comment on column s.t.a is 'x'", "SHARE UPDATE EXCLUSIVE on s.t")]
    #[case("comment on column s.t.\"a.b\" is 'x'", "SHARE UPDATE EXCLUSIVE on s.t")]
    #[case("lock t in share row exclusive mode nowait", "SHARE ROW EXCLUSIVE on t")]
    #[case("lock table t", "ACCESS EXCLUSIVE on t")]
    #[case("refresh materialized view concurrently v", "EXCLUSIVE on v")]
    fn what_a_statement_s_kind_shows(#[case] sql: &str, #[case] expected: &str) {
        let lock = table_lock(sql).unwrap();
        assert_eq!(format!("{} on {}", lock.strongest.mode.as_str(), lock.on()), expected);
    }

    #[test]
    fn each_lock_names_what_it_is_on() {
        let lock =
            table_lock("alter table S.t add foreign key (a) references \"U\", attach partition p default").unwrap();
        let others: Vec<_> = lock.others.iter().map(|lock| (lock.mode.as_str(), &lock.on)).collect();
        let Locked::Relation(strongest) = &lock.strongest.on else { panic!("{lock:?}") };
        assert_eq!((lock.strongest.mode.as_str(), strongest.last().as_str()), ("ACCESS EXCLUSIVE", "p"));
        let [("SHARE ROW EXCLUSIVE", Locked::Relation(table)), ("SHARE ROW EXCLUSIVE", Locked::Relation(of_key))] =
            &others[..]
        else {
            panic!("{lock:?}")
        };
        assert_eq!(table.schema().map(Identifier::as_str), Some("s"));
        assert_eq!((table.last().as_str(), of_key.last().as_str()), ("t", "U"));
        assert_eq!(lock.on(), "p, and SHARE ROW EXCLUSIVE on S.t, \"U\"");
    }

    #[rstest]
    #[case("create table t (a int)")]
    #[case("select f()")]
    #[case("select substring(a for 2) from t")]
    #[case("select 1 from t, u for update")]
    #[case("cluster")]
    #[case("reindex schema s")]
    #[case("create table t as select 1")]
    #[case("create table \"t\" (a int primary key, b int references T (a))")]
    #[case("do $$ begin end $$")]
    #[case("alter type e add value 'x'")]
    #[case("alter table all in tablespace s set tablespace u")]
    #[case("alter table t set (user_catalog_table = true)")]
    #[case("alter table")]
    #[case("with x as (delete from t returning 1) select * from x")]
    #[case("")]
    fn what_is_not_known_is_not_said(#[case] sql: &str) {
        assert_eq!(table_lock(sql), None);
    }
}
