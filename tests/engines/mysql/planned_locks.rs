//! The locks that `plan` shows, compared with those that servers take.

use std::fs;

use rstest::rstest;
use schemaward::sql::{Dialect, Others, StatementLock};
use serde_json::Value;

use super::bed::{Bed, Engine};

const BEFORE: &str = "create table p (id int primary key);
create table t (id int not null, a int, b varchar(20), key t_a (a));
create table k (id int primary key, a int, p int, constraint k_p foreign key (p) references p (id));
create trigger g before insert on k for each row set new.a = 1;
insert into t values (1, 1, 'x'); insert into k values (1, 1, null);";

/// ALTER TABLE statements, which accept `LOCK = NONE`.
const ALTERING: [&str; 20] = [
    "alter table t add c int",
    "alter table t add (c int default 3, d varchar(9) not null)",
    "alter table t add c int first",
    "alter table t add c int as (a + 1) virtual",
    "alter table t add c int as (a + 1) stored",
    "alter table t add c int auto_increment unique",
    "alter table t add c int, add key c_a (c, a), drop column b",
    "alter table t drop column b",
    "alter table t drop index t_a",
    "alter table t rename index t_a to x",
    "alter table t rename column a to x",
    "alter table t add unique key u (id)",
    "alter table t add primary key (id)",
    "alter table t add fulltext key f (b)",
    "alter table t alter column a set default 7",
    "alter table t alter a drop default",
    "alter table t row_format = compact",
    "alter table t force",
    "alter table k drop primary key",
    "alter table k drop foreign key k_p",
];
/// Other statements that accept it; MariaDB does not for the last one.
const INDEXES: [&str; 3] =
    ["create unique index i on t (id)", "create fulltext index i on t (b)", "drop index t_a on t"];

fn dialect(engine: Engine) -> Dialect {
    if engine == Engine::Mysql { Dialect::Mysql } else { Dialect::Mariadb }
}

fn planned(sql: &str, engine: Engine) -> StatementLock {
    StatementLock::of(sql, dialect(engine)).unwrap_or_else(|| panic!("no lock is known for {sql}"))
}

/// With LOCK = NONE, the server accepts a statement that lets writes continue, and refuses one that does not.
#[rstest]
fn writes_continue_where_plan_says_so(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let altering = ALTERING.iter().map(|sql| (sql, format!("{sql}, lock = none")));
    let indexes =
        INDEXES.iter().take(if engine == Engine::Mysql { 3 } else { 2 }).map(|sql| (sql, format!("{sql} lock = none")));
    for (sql, wish) in altering.chain(indexes) {
        let Some(bed) = Bed::new(engine) else { return };
        bed.sql(BEFORE);
        let lock = planned(sql, engine);
        assert_eq!((lock.strongest.mode.as_str(), lock.reads), ("EXCLUSIVE", Others::GoOn), "{sql}");
        assert_eq!(planned(&wish, engine).writes, Others::GoOn, "{wish}");
        let refused = bed.client().try_sql(&wish).err();
        let as_planned = match lock.writes {
            Others::GoOn => refused.is_none(),
            // Newer versions of MariaDB may accept it.
            Others::MayWait => engine == Engine::Mariadb,
            Others::Wait => refused.as_ref().is_some_and(|error| error.contains("LOCK=NONE")),
        };
        assert!(as_planned, "{sql}: planned {:?}, the server said {refused:?}", lock.writes);
    }
}

/// Statements, and whether each waits for a transaction that has read the table.
const LOCKING: [(&str, &str, bool); 13] = [
    ("alter table t add c int", "t", true),
    ("alter table t rename to x", "t", true),
    ("alter table t modify a bigint", "t", true),
    ("create index i on t (a)", "t", true),
    ("drop index t_a on t", "t", true),
    ("create trigger h before insert on t for each row set new.a = 1", "t", true),
    ("drop trigger g", "k", true),
    ("drop table t", "t", true),
    ("truncate table t", "t", true),
    ("rename table t to x", "t", true),
    ("insert into t values (3, 3, 'y')", "t", false),
    ("update t set a = 2", "t", false),
    ("delete from t", "t", false),
];

#[rstest]
fn the_modes_that_plan_shows_are_those_the_server_takes(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.sql(BEFORE);
    let mut reader = bed.client();
    let mut other = bed.client();
    other.sql("set lock_wait_timeout = 1, autocommit = 0");
    for (sql, table, waits) in LOCKING {
        let mode = planned(sql, engine).strongest.mode.as_str();
        assert_eq!(mode == "EXCLUSIVE", waits, "{sql}");
        reader.sql(&format!("start transaction; select count(*) from {table}"));
        let outcome = other.try_sql(sql);
        let waited = outcome.as_ref().is_err_and(|error| error.contains("Lock wait timeout"));
        assert!(waited == waits && (waits || outcome.is_ok()), "{sql}: {outcome:?}");
        // Only MySQL shows its locks.
        if engine == Engine::Mysql && !waits {
            let held = other.sql(&format!(
                "select group_concat(distinct lock_type) from performance_schema.metadata_locks l join \
                 performance_schema.threads th on th.thread_id = l.owner_thread_id where th.processlist_id = \
                 connection_id() and l.object_schema = database() and l.object_name = '{table}'"
            ));
            assert_eq!(held, mode, "{sql}");
        }
        other.sql("rollback");
        reader.sql("rollback");
    }
}

#[rstest]
fn plan_shows_the_lock_of_each_statement(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let sql = "create table t (a int);\nalter table t add b int;\ninsert into t values (1, 2);\ndrop table t;\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    let shown = String::from_utf8(bed.command("plan", &[]).stdout).unwrap();
    for line in ["EXCLUSIVE on t, writes go on", "SHARED_WRITE on t", "EXCLUSIVE on t, reads and writes wait"] {
        assert!(shown.lines().any(|shown| shown.ends_with(&format!("  {line}"))), "{line}: {shown}");
    }
    let plan: Value = serde_json::from_slice(&bed.command("plan", &["--format", "json"]).stdout).unwrap();
    let statements = &plan["steps"][0]["statements"];
    assert_eq!(statements[0]["lock"], Value::Null);
    let lock = serde_json::json!({"mode": "EXCLUSIVE", "on": "t", "blocksReads": false, "writes": "goOn"});
    assert_eq!(statements[1]["lock"], lock);
    assert!(!bed.has("schemaward_ledger") && fs::read_dir(bed.folder()).unwrap().count() == 1, "plan writes nothing");
}
