//! Statements whose outcome was not recorded: the catalog shows whether each has run.

use rstest::rstest;

use super::bed::{Bed, Engine};

/// The schema before each test.
const BEFORE: &str = "create table t (id int, v int, key t_v (v), constraint t_c check (v > 0));
create table old (id int); create view w as select 1; create procedure q() do 1; create trigger g before insert on t for each row set new.id = 1;";

/// Statements that leave a trace in the catalog, and what undoes each.
const TRACED: [(&str, &str); 14] = [
    ("create table n (id int)", "drop table n"),
    ("create view n as select 1", "drop view n"),
    ("create index n on t (id)", "drop index n on t"),
    ("alter table t add column n int", "alter table t drop column n"),
    ("alter table t add index n (id)", "alter table t drop index n"),
    ("alter table t add constraint n check (id > 0)", "alter table t drop constraint n"),
    ("create procedure n() do 1", "drop procedure n"),
    ("create trigger n before update on t for each row set new.id = 1", "drop trigger n"),
    ("rename table old to n", "rename table n to old"),
    ("drop table old", "create table old (id int)"),
    ("alter table t drop column id", "alter table t add column id int"),
    ("drop index t_v on t", "create index t_v on t (v)"),
    ("drop view w", "create view w as select 1"),
    ("drop procedure q", "create procedure q() do 1"),
];

/// As if the run had ended before it could record the statement's end.
const FORGET: &str = "delete from schemaward_schema_migrations where version = '001';
    update schemaward_statement_journal set state = 'started', ended_at = null, settled_by = null, migration_id = null";

#[rstest]
fn what_has_run_is_not_run_again_and_what_has_not_is(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    for (statement, back) in TRACED {
        let Some(bed) = Bed::with(engine, &[("001_a.sql", statement)]) else { return };
        bed.sql(BEFORE);
        assert_eq!(bed.run().applied(), 1, "{statement}");
        bed.sql(FORGET);
        // Running it again would be an error.
        assert_eq!(bed.run().applied(), 1, "{statement}");
        let settled = "select state, settled_by from schemaward_statement_journal";
        assert_eq!(bed.sql(settled), "finished|catalog", "{statement}");

        bed.sql(FORGET);
        bed.sql(back);
        assert_eq!(bed.run().applied(), 1, "{statement}");
        assert_eq!(bed.sql(settled), "finished|server", "{statement}");
        // It has run, so undoing it succeeds.
        bed.sql(back);
    }
}
