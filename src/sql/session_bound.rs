//! Whether a statement needs something that an earlier one left in the session. In a new session that is gone.

use std::ops::Range;

use super::reading::Statement;
use super::session_object::{
    Effect, NeededBy, SessionObject, has_word, temporary_table, temporary_tables_in, unknown_temporary_table, unquoted,
};
use super::tokens::{Token, tokens};
use super::{Dialect, postgres};

/// Something in a session that a later statement needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionBound {
    /// What it is, with its name.
    pub what: String,
    /// The statement that created it, from 0.
    pub made_by: usize,
    /// The first statement that needs it, or may need it, from 0.
    pub needed_by: usize,
    /// Whether that statement names it; otherwise its effects cannot be seen in its text.
    pub named: bool,
}

/// A file's statements in the order they run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileStatements<'a> {
    /// The file's text.
    pub(crate) sql: &'a str,
    pub(crate) statements: &'a [Statement],
    /// Those that are one transaction.
    pub(crate) blocks: &'a [Range<usize>],
    pub(crate) dialect: Dialect,
}

impl FileStatements<'_> {
    fn statement_sql(&self, index: usize) -> &str {
        self.statements.get(index).map_or("", |statement| statement.text(self.sql))
    }

    /// Something that the statements that have run left in their session and that one that has not run needs; None if a
    /// new session will do. `made_elsewhere`: temporary tables created by routines that the file calls; an empty name
    /// if the routine builds the name at run time.
    pub(crate) fn session_bound(
        &self,
        has_run: impl Fn(usize) -> bool,
        made_elsewhere: &[String],
    ) -> Option<SessionBound> {
        let mut live: Vec<(SessionObject, usize)> = Vec::new();
        let elsewhere =
            |name: &String| if name.is_empty() { unknown_temporary_table() } else { temporary_table(name.clone()) };
        let mut in_bodies: Vec<SessionObject> = made_elsewhere.iter().map(elsewhere).collect();
        for (index, statement) in self.statements.iter().enumerate() {
            let sql = statement.text(self.sql);
            let Effect { makes, drops, drops_all, drops_if_there } = statement.facts.session_effect();
            let hidden = statement.facts.is_hidden;
            if has_run(index) {
                live.retain(|(object, _)| !drops_all && !drops.contains(&object.name));
                if !hidden {
                    in_bodies.extend(temporary_tables_in(sql).into_iter().map(temporary_table));
                }
                let renamed =
                    live.iter().filter_map(|(object, _)| renamed(sql, object, self.dialect)).collect::<Vec<_>>();
                live.extend(renamed.into_iter().map(|object| (object, index)));
                let called = in_bodies.iter().filter(|_| hidden).cloned();
                live.extend(makes.iter().cloned().chain(called).map(|object| (object, index)));
                continue;
            }
            if *drops_if_there {
                live.retain(|(object, _)| !drops.contains(&object.name));
            }
            let needed = live
                .iter()
                .find_map(|(object, made_by)| Some((object, *made_by, needs(sql, hidden, object, self.dialect)?)));
            if let Some((object, made_by, named)) = needed {
                let what = format!("{} {}", object.what, object.name).trim_end().to_owned();
                return Some(SessionBound { what, made_by, needed_by: index, named });
            }
        }
        None
    }

    /// The first statement that has run and may have called one of `routines`, with statements after it that have not
    /// run. What such a routine left in the session is unknown.
    pub(crate) fn calls_before_the_rest(
        &self,
        has_run: impl Fn(usize) -> bool,
        routines: &[String],
    ) -> Option<SessionBound> {
        // These name a routine without calling it.
        const ABOUT_IT: [&str; 7] = ["create", "alter", "drop", "comment", "grant", "revoke", "security"];
        let called = |index: usize| {
            let sql = self.statement_sql(index);
            let is_about_it =
                tokens(sql, self.dialect).next().is_some_and(|first| ABOUT_IT.iter().any(|word| first.is(word)));
            routines.iter().find(|name| !is_about_it && has_word(sql, &name.to_lowercase()))
        };
        let run = (0..self.statements.len()).filter(|index| has_run(*index));
        let (made_by, name) = run.into_iter().find_map(|index| Some((index, called(index)?)))?;
        let needed_by = (made_by..self.statements.len()).find(|index| !has_run(*index))?;
        let what = format!("what the routine {name} may have set");
        Some(SessionBound { what, made_by, needed_by, named: false })
    }

    /// An object that the server reported as temporary after the last statement that has run, that no statement visibly
    /// creates, and that later statements may need: a routine or a block created it. `there`: names of tables, views
    /// and sequences.
    pub(crate) fn temporary_before_the_rest(
        &self,
        has_run: impl Fn(usize) -> bool,
        there: &[&str],
    ) -> Option<SessionBound> {
        let run: Vec<usize> = (0..self.statements.len()).filter(|index| has_run(*index)).collect();
        let is_shown = |name: &&&str| {
            run.iter().filter_map(|index| self.statements.get(*index)).any(|statement| {
                let sql = statement.text(self.sql);
                let makes =
                    statement.facts.session_effect().makes.iter().any(|object| object.name == name.to_lowercase());
                // ON COMMIT DROP: it existed when the row was written, and does no longer.
                makes || has_word(sql, &name.to_lowercase()) && has_word(sql, "commit") && has_word(sql, "drop")
            })
        };
        let name = there.iter().find(|name| !is_shown(name))?;
        let made_by = run.last().copied()?;
        let needed_by = (0..self.statements.len()).find(|index| !has_run(*index))?;
        let named = has_word(self.statement_sql(needed_by), &name.to_lowercase());
        Some(SessionBound { what: format!("the temporary table {name}"), made_by, needed_by, named })
    }

    /// A temporary table that several statements use although each is committed separately; None if there is none. A
    /// run that is interrupted between them cannot be resumed.
    pub(crate) fn temporary_table_over_statements(&self) -> Option<SessionBound> {
        let makes_one = |statement: &Statement| {
            let makes = &statement.facts.session_effect().makes;
            makes.iter().any(|object| object.what.starts_with("the temporary"))
                || !temporary_tables_in(statement.text(self.sql)).is_empty()
        };
        let mut makers = self.statements.iter().enumerate().filter(|(_, statement)| makes_one(statement));
        makers.find_map(|(maker, _)| {
            let end = self.blocks.iter().find(|block| block.contains(&maker)).map_or(maker + 1, |block| block.end);
            self.session_bound(|index| index < end, &[])
        })
    }
}

/// Given names and bodies of `PostgreSQL` routines: the names of those that change a setting beyond the statement that
/// calls them, or that may call such a routine.
#[must_use]
pub fn routines_that_leave_settings(routines: &[(String, String)]) -> Vec<String> {
    let (mut found, mut rest): (Vec<_>, Vec<_>) =
        routines.iter().partition(|(_, body)| postgres::routine_leaves_settings(body));
    let mut from = 0;
    while from < found.len() {
        let known: Vec<String> = found.iter().skip(from).map(|(name, _)| name.to_lowercase()).collect();
        from = found.len();
        let (calling, other): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(_, body)| known.iter().any(|name| has_word(body, name)));
        found.extend(calling);
        rest = other;
    }
    found.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Whether a statement needs an object: Some(true) if it names it, Some(false) if it may need it.
fn needs(sql: &str, hidden: bool, object: &SessionObject, dialect: Dialect) -> Option<bool> {
    let first = tokens(sql, dialect).next().map(|token| token.text.to_ascii_lowercase()).unwrap_or_default();
    // Their strings may be SQL.
    let dynamic = matches!(first.as_str(), "set" | "prepare" | "do" | "execute" | "call" | "create" | "begin" | "if");
    let as_strings = dialect.grammar().takes_names_as_strings();
    let names = |token: &Token<'_>| {
        let is_string = token.text.starts_with('\'') || token.text.starts_with('$');
        let text = token.text;
        let named = as_strings && text.trim_matches('\'').to_lowercase() == object.name;
        unquoted(text) == object.name || named || dynamic && is_string && has_word(token.text, &object.name)
    };
    if object.needed_by == NeededBy::All {
        return Some(false);
    }
    if !object.name.is_empty() && tokens(sql, dialect).any(|token| names(&token)) {
        return Some(true);
    }
    (object.needed_by == NeededBy::Name && hidden).then_some(false)
}

/// The object under the new name that a statement gave it.
fn renamed(sql: &str, object: &SessionObject, dialect: Dialect) -> Option<SessionObject> {
    let mut words = tokens(sql, dialect).skip_while(|token| unquoted(token.text) != object.name).skip(1);
    words.find(|token| token.is("rename") || token.is("to"))?;
    let name = words.find(|token| !token.is("to") && !token.is("as"))?;
    let is_renaming = tokens(sql, dialect).take(3).any(|token| token.is("alter") || token.is("rename"));
    is_renaming.then(|| SessionObject { name: unquoted(name.text), ..object.clone() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::reading::Reading;
    use crate::sql::statements::split;

    fn bound(sql: &str, run: usize, dialect: Dialect) -> Option<(String, usize, usize)> {
        let found = ask(sql, dialect, |file| file.session_bound(|index| index < run, &[]))?;
        Some((found.what, found.made_by, found.needed_by))
    }

    const TEMPORARY: &str = "the temporary table k";

    #[rstest]
    #[case("create temporary table k (a int); insert into k values (1)", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temporary table `K` (a int); select 1; insert into t select a from d.k", 1, Some((TEMPORARY, 0, 2)))]
    #[case("create temporary table k (a int); drop temporary table k; insert into k values (1)", 2, None)]
    #[case("create temporary table k (a int); drop temporary table if exists k; select 1", 1, None)]
    #[case("create temporary table k (a int); drop table if exists k; select 1", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temporary table k (a int); insert into t values ('k')", 1, None)]
    #[case("create temporary table k (a int); prepare s from 'select * from k'", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temporary table k (a int); call p()", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temporary table k (a int); insert into k values (1)", 0, None)]
    #[case("create procedure p() create temporary table k (a int); call p(); select * from k", 2, Some((TEMPORARY, 1, 2)))]
    #[case("handler t open as h; handler h read first", 1, Some(("the open HANDLER h", 0, 1)))]
    #[case("create temporary table k (a int); alter table k rename to m; select * from m", 2, Some(("the temporary table m", 1, 2)))]
    fn on_mysql(
        #[case] sql: &str,
        #[case] run: usize,
        #[case] expected: Option<(&str, usize, usize)>,
        #[values(Dialect::Mysql, Dialect::Mariadb)] dialect: Dialect,
    ) {
        assert_eq!(bound(sql, run, dialect), expected.map(|(what, made, needed)| (what.to_owned(), made, needed)));
    }

    #[rstest]
    #[case("create temp table k (a int); insert into k values (1)", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temporary table if not exists pg_temp.k (a int); select * from \"k\"", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create table pg_temp.k (a int); select * from k", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temp table k (a int) on commit drop; select * from k", 1, None)]
    #[case("select 1 as a into temp k; select * from k", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temp table k (a int); discard temp; select * from k", 2, None)]
    #[case("create temp table k (a int); do $$ begin insert into k values (1); end $$", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temp view k as select 1; select * from k", 1, Some(("the temporary view k", 0, 1)))]
    #[case("create temp sequence k; select nextval('k')", 1, Some(("the temporary sequence k", 0, 1)))]
    #[case("prepare q as select 1; execute q", 1, Some(("the prepared statement q", 0, 1)))]
    #[case("declare c cursor with hold for select 1; fetch c", 1, Some(("the cursor c", 0, 1)))]
    #[case("select pg_advisory_lock(1); create table t (a int)", 1, Some(("the advisory lock", 0, 1)))]
    #[case("select pg_advisory_lock(1); select pg_advisory_unlock(1); create table t (a int)", 2, None)]
    #[case("select pg_advisory_xact_lock(1); create table t (a int)", 1, None)]
    #[case("select set_config('a.b', (select 'x'), false); select 1", 1, Some(("the setting by set_config", 0, 1)))]
    #[case("select set_config('a.b', 'x', false); select 1", 1, None)]
    #[case("select set_config('a.b', f('x'), true); select 1", 1, None)]
    #[case(
        "create or replace function f() returns text language sql as $$ select set_config('a', b, false) $$; select 1",
        1,
        None
    )]
    #[case("create table t as select set_config('a.b', f('x'), false); select 1", 1, Some(("the setting by set_config", 0, 1)))]
    #[case("do $$ begin perform set_config('a.b', 'x', true); end $$; select 1", 1, None)]
    #[case("do $$ begin perform set_config('a.b', 'x', false); end $$; select 1", 1, Some(("the setting by set_config", 0, 1)))]
    #[case("do $$ begin perform set_config('a.b', 'x', true), set_config('a.c', 'x', 'f'); end $$; select 1", 1, Some(("the setting by set_config", 0, 1)))]
    #[case("do $$ begin execute 'select set_config(''a.b'', ''x'', true)'; end $$; select 1", 1, Some(("the setting by set_config", 0, 1)))]
    #[case("do $$ begin set work_mem = '66kB'; end $$; select 1", 1, Some(("the setting in a DO block", 0, 1)))]
    #[case("do 'begin perform 1; reset work_mem; end'; select 1", 1, Some(("the setting in a DO block", 0, 1)))]
    #[case("do $$ begin execute format('SET my.w = %L', 'x'); end $$; select 1", 1, Some(("the setting in a DO block", 0, 1)))]
    #[case("update pg_settings set setting = 'UTC' where name = 'TimeZone'; select 1", 1, Some(("the setting in pg_settings", 0, 1)))]
    #[case("do $$ begin set local work_mem = '66kB'; update t set a = 1; end $$; select 1", 1, None)]
    fn on_postgres(#[case] sql: &str, #[case] run: usize, #[case] expected: Option<(&str, usize, usize)>) {
        let expected = expected.map(|(what, made, needed)| (what.to_owned(), made, needed));
        assert_eq!(bound(sql, run, Dialect::Postgres), expected);
    }

    #[rstest]
    #[case("create temp table k (a int); insert into k values (1)", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create table temp.k (a int); insert into k values (1)", 1, Some((TEMPORARY, 0, 1)))]
    #[case("create temp table k (a int); drop table k; select * from k", 2, None)]
    #[case("create temp trigger r after insert on t begin select 1; end; insert into t values (1)", 1, Some(("the temporary trigger r", 0, 1)))]
    #[case("attach ':memory:' as m; create table m.t (a)", 1, Some(("the attached database m", 0, 1)))]
    #[case("attach 'file.db' as m; create table m.t (a)", 1, None)]
    fn on_sqlite(#[case] sql: &str, #[case] run: usize, #[case] expected: Option<(&str, usize, usize)>) {
        let expected = expected.map(|(what, made, needed)| (what.to_owned(), made, needed));
        assert_eq!(bound(sql, run, Dialect::Sqlite), expected);
    }

    fn ask<T>(sql: &str, dialect: Dialect, question: impl FnOnce(FileStatements<'_>) -> T) -> T {
        let Reading { statements, blocks, .. } = Reading::of(sql, &split(sql, dialect).statements, true, dialect);
        question(FileStatements { sql, statements: &statements, blocks: &blocks, dialect })
    }

    /// A run that has ended after `run` statements, in a database with the routine `leaves`.
    #[rstest]
    #[case::called("select leaves(); select 1", 1, Some((0, 1)))]
    #[case::called_in_the_middle("select 1; select LEAVES(); select 2; select 3", 3, Some((1, 3)))]
    #[case::called_and_nothing_is_left("select leaves(); select 1", 2, None)]
    #[case::not_called_yet("select 1; select leaves()", 1, None)]
    #[case::another_routine("select leaves_not(); select 1", 1, None)]
    #[case::made("create or replace function leaves() returns int as $$ $$ language sql; select 1", 1, None)]
    #[case::described("comment on function leaves() is 'x'; select 1", 1, None)]
    #[case::dropped("drop function leaves(); select 1", 1, None)]
    #[case::granted("grant execute on function leaves() to a; select 1", 1, None)]
    fn what_a_routine_may_have_set_is_lost_where_a_run_ends_after_its_call(
        #[case] sql: &str,
        #[case] run: usize,
        #[case] expected: Option<(usize, usize)>,
    ) {
        let what = || "what the routine leaves may have set".to_owned();
        let bound = |(made_by, needed_by)| SessionBound { what: what(), made_by, needed_by, named: false };
        let found = ask(sql, Dialect::Postgres, |file| {
            file.calls_before_the_rest(|index| index < run, &["other".to_owned(), "leaves".to_owned()])
        });
        assert_eq!(found, expected.map(bound));
    }

    /// A run that has ended after `run` statements, when the server has reported the temporary table `K`.
    #[rstest]
    #[case::not_needed_by_name("select f(); select 1", 1, Some((0, 1, false)))]
    #[case::needed_by_name("select 1; select f(); insert into k values (1)", 2, Some((1, 2, true)))]
    #[case::nothing_is_left("select f(); select 1", 2, None)]
    #[case::nothing_has_run("select f(); select 1", 0, None)]
    #[case::made_in_sight("create temp table k (a int); select 1", 1, None)]
    #[case::dropped_when_its_transaction_ended("create temp table k (a int) on commit drop; select 1", 1, None)]
    #[case::another_one_in_sight("create temp table m (a int) on commit drop; select 1", 1, Some((0, 1, false)))]
    #[case::named_alone("select k(); select 1", 1, Some((0, 1, false)))]
    fn a_temporary_table_that_no_statement_visibly_makes_comes_from_a_routine(
        #[case] sql: &str,
        #[case] run: usize,
        #[case] expected: Option<(usize, usize, bool)>,
    ) {
        let bound = |(made_by, needed_by, named)| SessionBound {
            what: "the temporary table K".to_owned(),
            made_by,
            needed_by,
            named,
        };
        let found = ask(sql, Dialect::Postgres, |file| file.temporary_before_the_rest(|index| index < run, &["K"]));
        assert_eq!(found, expected.map(bound));
    }

    #[rstest]
    #[case::one("create temporary table k as select 1; insert into t select * from k", Some((0, 1)))]
    #[case::the_second(
        "create temporary table a (x int); drop temporary table if exists a; create temporary table k (x int); select * from k",
        Some((2, 3))
    )]
    #[case::beside_one_in_a_procedure(
        "create procedure p() create temporary table k (a int); create temporary table m (a int); select * from m",
        Some((1, 2))
    )]
    #[case::not_used("create temporary table k (a int); select 1", None)]
    #[case::not_temporary("create table k (a int); insert into k values (1)", None)]
    #[case::of_another_kind("handler t open as h; handler h read first", None)]
    fn a_temporary_table_that_later_statements_use_is_found_before_the_run(
        #[case] sql: &str,
        #[case] expected: Option<(usize, usize)>,
    ) {
        let found = ask(sql, Dialect::Mysql, |file| file.temporary_table_over_statements());
        assert_eq!(found.map(|found| (found.made_by, found.needed_by)), expected);
    }

    #[rstest]
    #[case("begin; create temp table k (a int); insert into k values (1); commit; select 1", None)]
    #[case("begin; create temp table k (a int); commit; insert into k values (1)", Some((0, 1)))]
    fn a_temporary_table_is_used_freely_in_the_transaction_that_makes_it(
        #[case] sql: &str,
        #[case] expected: Option<(usize, usize)>,
    ) {
        let found = ask(sql, Dialect::Postgres, |file| file.temporary_table_over_statements());
        assert_eq!(found.map(|found| (found.made_by, found.needed_by)), expected);
    }

    #[test]
    fn a_routine_leaves_settings_where_it_calls_one_that_does() {
        let routine = |name: &str, body: &str| (name.to_owned(), body.to_owned());
        let routines = [
            routine("calls_b", "begin perform B(); end"),
            routine("B", "begin perform sets(); end"),
            routine("sets", "begin set work_mem = '1MB'; end"),
            routine("sets_locally", "begin set local work_mem = '1MB'; end"),
            routine("calls_another", "begin perform sets_locally(); end"),
        ];
        assert_eq!(routines_that_leave_settings(&routines), ["sets", "B", "calls_b"]);
    }
}
