//! The locks that `plan` shows, compared with those that a server takes.

use schemaward::sql::{Dialect, StatementLock};

use crate::postgres::bed::Bed;

/// Statements, each with the relation on which its lock is looked up.
const STATEMENTS: &[(&str, &str)] = &[
    ("alter table t add column b int", "t"),
    ("alter table t drop column a", "t"),
    ("alter table t rename to x", "t"),
    ("alter table t rename column a to x", "t"),
    ("alter table t owner to current_user", "t"),
    ("alter table t set schema public", "t"),
    ("alter table t add constraint k check (a > 0) not valid", "t"),
    ("alter table t add primary key (id)", "t"),
    ("alter table t add constraint f foreign key (a) references u (id)", "t"),
    ("alter table t add foreign key (a) references u (id)", "t"),
    ("alter table t validate constraint c", "t"),
    ("alter table t validate constraint c, alter a drop not null", "t"),
    ("alter table t alter column a set statistics 100", "t"),
    ("alter table t alter a set (n_distinct = 5)", "t"),
    ("alter table t alter a reset (n_distinct)", "t"),
    ("alter table t alter a type bigint", "t"),
    ("alter table t alter a set default 3", "t"),
    ("alter table t set (fillfactor = 70)", "t"),
    ("alter table t reset (fillfactor)", "t"),
    ("alter table t set without cluster", "t"),
    ("alter table t cluster on t_a", "t"),
    ("alter table t disable trigger all", "t"),
    ("alter table t enable row level security", "t"),
    ("alter table t replica identity full", "t"),
    ("alter table parts attach partition part for values in (1)", "part"),
    ("alter table parts detach partition part_2", "parts"),
    ("alter table parts detach partition part_2", "part_2"),
    ("alter table t add constraint f foreign key (a) references u (id)", "u"),
    ("create table n (a int references u)", "u"),
    ("create table n (a int, foreign key (a) references u)", "u"),
    ("create table n partition of parts for values in (3)", "parts"),
    ("create table n () inherits (t)", "t"),
    ("create policy p on t using (true)", "t"),
    ("drop policy old on t", "t"),
    ("create rule r as on insert to t do nothing", "t"),
    ("drop rule old on u", "u"),
    ("drop trigger old on t", "t"),
    ("cluster t using t_a", "t"),
    ("reindex table t", "t_a"),
    ("reindex index t_a", "t_a"),
    ("select a from t for update", "t"),
    ("select a from t where a = 1 for key share", "t"),
    ("create index on t (a)", "t"),
    ("create unique index i on t (id)", "t"),
    ("create trigger g after update of a on t for each row execute function g()", "t"),
    ("create constraint trigger g after update on t for each row execute function g()", "t"),
    ("create statistics s on a, id from t", "t"),
    ("comment on table t is 'x'", "t"),
    ("comment on column t.a is 'x'", "t"),
    ("drop table t", "t"),
    ("drop index t_a", "t"),
    ("truncate table t", "t"),
    ("insert into t (id, a) values (1, 1)", "t"),
    ("update t set a = 1", "t"),
    ("delete from t", "t"),
    ("lock table t in share row exclusive mode", "t"),
    ("lock t", "t"),
    ("refresh materialized view v", "v"),
];

#[test]
fn the_locks_that_plan_shows_are_those_the_server_takes() {
    let bed = Bed::new();
    bed.psql(
        "create table t (id int not null, a int); create index t_a on t (a); create table u (id int primary key); \
         alter table t add constraint c check (a > 0) not valid; create materialized view v as select 1 as x; \
         create table parts (p int) partition by list (p); create table part (p int); \
         create table part_2 partition of parts for values in (2); create policy old on t using (true); \
         create rule old as on update to u do nothing; create trigger old after update on t for each row execute \
         function suppress_redundant_updates_trigger(); \
         create function g() returns trigger language plpgsql as 'begin return new; end'",
    );
    let before_14 = bed.psql("select current_setting('server_version_num')::int < 140000") == "t";
    for (sql, relation) in STATEMENTS {
        // The relation's OID is read first: the statement may rename or drop it.
        let held = bed.psql(&format!(
            "begin; create temp table wanted as select '{relation}'::regclass::oid as relation; {sql}; select mode from \
             pg_locks where locktype = 'relation' and pid = pg_backend_pid() and relation = (select w.relation from \
             wanted w)"
        ));
        let held: Vec<String> = held.lines().map(as_documented).collect();
        let planned = planned(sql);
        let strongest = held.iter().map(|mode| strength(mode)).max();
        // Before version 14 a partition that is detached is locked less than the table it leaves; `plan` shows the
        // newer behaviour.
        let expected =
            if *relation == "part_2" && before_14 { "SHARE UPDATE EXCLUSIVE" } else { planned.strongest.mode.as_str() };
        assert_eq!(
            strongest,
            Some(strength(expected)),
            "{sql}: planned {}, held {held:?}",
            planned.strongest.mode.as_str()
        );
    }
}

/// The weaker of two locks, on the second relation.
#[test]
fn the_second_lock_that_plan_shows_is_the_one_the_server_takes() {
    let bed = Bed::new();
    bed.psql(
        "create table t (id int, a int); create index t_a on t (a); create table u (id int primary key); create table \
         parts (p int) partition by list (p); create table part (p int); create table parent (id int)",
    );
    for (sql, mode, relation) in [
        ("alter table t add b int references u", "SHARE ROW EXCLUSIVE", "u"),
        ("alter table parts attach partition part for values in (1)", "SHARE UPDATE EXCLUSIVE", "parts"),
        ("alter table t inherit parent", "SHARE UPDATE EXCLUSIVE", "parent"),
        ("reindex table t", "SHARE", "t"),
    ] {
        let held = bed.psql(&format!(
            "begin; {sql}; select mode from pg_locks where locktype = 'relation' and pid = pg_backend_pid() and \
             relation = '{relation}'::regclass"
        ));
        let strongest = held.lines().map(as_documented).max_by_key(|mode| strength(mode));
        assert_eq!(strongest.as_deref(), Some(mode), "{sql}");
        let planned = planned(sql);
        assert!(planned.on().ends_with(&format!(", and {mode} on {relation}")), "{sql}: {}", planned.on());
    }
}

fn planned(sql: &str) -> StatementLock {
    StatementLock::of(sql, Dialect::Postgres).unwrap_or_else(|| panic!("no lock is known for {sql}"))
}

fn as_documented(mode: &str) -> String {
    let words = mode.trim_end_matches("Lock").chars().flat_map(|c| {
        let space = c.is_uppercase().then_some(' ');
        space.into_iter().chain(std::iter::once(c.to_ascii_uppercase()))
    });
    words.collect::<String>().trim_start().to_owned()
}

fn strength(mode: &str) -> usize {
    const WEAKEST_FIRST: [&str; 8] = [
        "ACCESS SHARE",
        "ROW SHARE",
        "ROW EXCLUSIVE",
        "SHARE UPDATE EXCLUSIVE",
        "SHARE",
        "SHARE ROW EXCLUSIVE",
        "EXCLUSIVE",
        "ACCESS EXCLUSIVE",
    ];
    WEAKEST_FIRST.iter().position(|known| *known == mode).unwrap_or_else(|| panic!("{mode}"))
}
