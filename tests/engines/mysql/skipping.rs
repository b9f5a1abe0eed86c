//! `--already-exists skip-if-identical`: what exists is compared with what the statement would create, and nothing of
//! the comparison is left, however it ends.

use rstest::rstest;
use schemaward::report::ErrorClass;

use super::bed::{Bed, Engine};
use super::gate::{At, gate};
use crate::postgres::skipping::{Case, SKIP, skipped};

const CASES: [Case; 12] = [
    Case {
        what: "a table with keys, checks, defaults and foreign keys",
        before: "create table parent (id int primary key);",
        there: "create table t (id int auto_increment primary key, a varchar(10) not null default 'x' comment 'it''s', p int, \
                q int, g int as (q + 1) stored, at timestamp not null default current_timestamp, key a_first (a(3)), \
                constraint t_parent foreign key (p) references parent (id) on delete cascade, \
                foreign key (q) references parent (id), constraint q_is_positive check (q > 0), check (a <> 'z')); \
                insert into parent values (3); insert into t (p, q) values (3, 3)",
        same: "CREATE TABLE `t` (\n  `id` INTEGER NOT NULL AUTO_INCREMENT,\n  a VARCHAR(10) DEFAULT 'x' NOT NULL COMMENT 'it''s',\n  \
               p INT NULL, q INT DEFAULT NULL, g INT GENERATED ALWAYS AS (q + 1) STORED, at TIMESTAMP NOT NULL DEFAULT NOW(),\n  \
               PRIMARY KEY (id), INDEX a_first (a(3) ASC), CONSTRAINT `t_parent` FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE,\n  \
               FOREIGN KEY (q) REFERENCES parent (id) ON DELETE RESTRICT, CONSTRAINT q_is_positive CHECK (q > 0), CHECK (a <> 'z')\n) ENGINE=InnoDB",
        other: "create table t (id int auto_increment primary key, a varchar(10) not null default 'x' comment 'it''s', p int, \
                q int, g int as (q + 1) stored, at timestamp not null default current_timestamp, key a_first (a(3)), \
                constraint t_parent foreign key (p) references parent (id) on delete set null, \
                foreign key (q) references parent (id), constraint q_is_positive check (q > 0), check (a <> 'z'))",
        shown: ["on delete cascade", "on delete set null"],
    },
    Case {
        what: "a table that refers to itself, with an index that another statement has made",
        before: "",
        there: "create table `Odd name` (`Größe` decimal(10, 2), id int primary key, up int, \
                foreign key (up) references `Odd name` (id)); create index later on `Odd name` (`Größe`)",
        same: "create table `Odd name` (`Größe` numeric(10,2), id int, up int, primary key (id), \
               foreign key (up) references `Odd name` (id))",
        other: "create table `Odd name` (`Größe` decimal(10, 3), id int primary key, up int, \
                foreign key (up) references `Odd name` (id))",
        shown: ["decimal(10,2)", "decimal(10,3)"],
    },
    Case {
        what: "a table of partitions",
        before: "",
        there: "create table t (a int) partition by range (a) (partition p values less than (10), partition q values less than (20))",
        same: "create table t (a int) partition by range (a) (partition p values less than (10), partition q values less than (20))",
        other: "create table t (a int) partition by range (a) (partition p values less than (10), partition q values less than (30))",
        shown: ["values 20", "values 30"],
    },
    Case {
        what: "a table's options",
        before: "",
        there: "create table t (a varchar(9)) default charset = utf8mb4 collate = utf8mb4_bin comment = 'one'",
        same: "create table t (a varchar(9) character set utf8mb4 collate utf8mb4_bin) comment 'one' charset utf8mb4 collate utf8mb4_bin",
        other: "create table t (a varchar(9)) default charset = utf8mb4 collate = utf8mb4_bin comment = 'two'",
        shown: ["comment 'one'", "comment 'two'"],
    },
    Case {
        what: "a table made like another",
        before: "create table u (a int, key (a)); create table w (a bigint, key (a));",
        there: "create table t (a int, key (a))",
        same: "create table t like u",
        other: "create table t like w",
        shown: ["column `a` int", "column `a` bigint"],
    },
    Case {
        what: "a table of other unique indexes",
        before: "",
        there: "create table t (a int, unique key a (a))",
        same: "create table t (a int unique)",
        other: "create table t (a int)",
        shown: ["there is: unique index `a`", "the statement makes: nothing"],
    },
    Case {
        what: "a column",
        before: "create table t (x int, y int); insert into t values (1, 2);",
        there: "alter table t add column c varchar(10) default 'a' after x; create index later on t (c, y)",
        same: "alter table t add c varchar(10) default 'a' after x",
        other: "alter table t add c varchar(20) default 'a' after x",
        shown: ["varchar(10)", "varchar(20)"],
    },
    Case {
        what: "a column's place",
        before: "create table t (x int, y int);",
        there: "alter table t add column c int after x",
        same: "alter table t add c int",
        other: "alter table t add c int first",
        shown: ["after `x`", "first"],
    },
    Case {
        what: "a column with an index and a check of its own",
        before: "create table t (x int, check (x > 0));",
        there: "alter table t add c int not null unique check (c > 0)",
        same: "alter table t add column c integer not null unique check (c > 0)",
        other: "alter table t add c int not null",
        shown: ["unique index `c`", "check"],
    },
    Case {
        what: "an index",
        before: "create table t (a int auto_increment, b varchar(20), key (a));",
        there: "create index i on t (b(5), a)",
        same: "create index `i` using btree on t (b(5) asc, a)",
        other: "create unique index i on t (b(5), a)",
        shown: ["there is: index `i`", "the statement makes: unique index `i`"],
    },
    Case {
        what: "a fulltext index by ALTER TABLE",
        before: "create table t (a varchar(20), b varchar(20));",
        there: "alter table t add fulltext key i (a)",
        same: "create fulltext index i on t (a)",
        other: "alter table t add fulltext index i (a, b)",
        shown: ["(`a`) fulltext", "(`a`, `b`) fulltext"],
    },
    Case {
        what: "several columns and indexes with a foreign key",
        before: "create table u (id int primary key); create table t (x int);",
        there: "alter table t add column a int, add b int default 3, add key i (a, b), add unique j (b), \
                add constraint f foreign key (a) references u (id)",
        same: "alter table t add (a int, b int default 3), add index i (a, b), add constraint j unique (b), \
               add constraint f foreign key (a) references u (id), algorithm = copy",
        other: "alter table t add column a int, add b int default 3, add key i (b, a), add unique j (b), \
                add constraint f foreign key (a) references u (id)",
        shown: ["(`a`, `b`)", "(`b`, `a`)"],
    },
];

#[rstest]
fn what_exists_identically_is_skipped_and_the_rest_of_the_file_runs(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    for case in CASES {
        let sql = format!("create table before_it (a int);\n{};\ncreate table after_it (a int);", case.same);
        let Some(bed) = Bed::with(engine, &[("001_same.sql", &sql)]) else { return };
        bed.sql(&format!("{} {}", case.before, case.there));
        let tables = tables(&bed);
        let ended = bed.run_with(&SKIP);
        assert_eq!(ended.applied(), 1, "{}: {}", case.what, ended.stderr);
        assert!(bed.has("before_it") && bed.has("after_it"), "{}", case.what);
        assert_eq!(skipped(&ended), ["001_same.sql:2, statement 2"], "{}", case.what);
        let settled =
            "select group_concat(state, ' ', settled_by order by statement) from schemaward_statement_journal";
        assert_eq!(bed.sql(settled), "finished server,finished catalog,finished server", "{}", case.what);
        bed.sql("drop table before_it, after_it");
        assert_eq!(self::tables(&bed), tables, "{}", case.what);
        nothing_is_left(&bed, case.what);
    }
}

#[rstest]
fn what_exists_with_another_definition_is_an_error_that_shows_both(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    for case in CASES {
        let sql = format!("create table before_it (a int);\n{};", case.other);
        let Some(bed) = Bed::with(engine, &[("001_other.sql", &sql)]) else { return };
        bed.sql(&format!("{} {}", case.before, case.there));
        let ended = bed.run_with(&SKIP);
        let failure = ended.failure();
        assert_eq!(failure.class, ErrorClass::AlreadyExists, "{}: {failure:?}", case.what);
        assert!(failure.message.contains("with another definition"), "{}: {}", case.what, failure.message);
        for shown in case.shown {
            assert!(failure.message.contains(shown), "{}: {shown}: {}", case.what, failure.message);
        }
        assert!(!failure.message.contains("scratch"), "{}: {}", case.what, failure.message);
        assert_eq!(failure.place.as_ref().unwrap().line, Some(2), "{}", case.what);
        assert_eq!(bed.sql("select state from schemaward_statement_journal where statement = 2"), "failed");
        nothing_is_left(&bed, case.what);
    }
}

#[rstest]
fn without_the_flag_what_is_there_alike_is_an_error(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_same.sql", "create table t (a int)")]) else { return };
    bed.sql("create table t (a int)");
    assert_eq!(bed.run().failure().class, ErrorClass::AlreadyExists);
    assert_eq!(bed.run_with(&SKIP).applied(), 1);
}

#[rstest]
fn of_several_parts_some_that_are_missing_are_named(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let sql = "alter table t add a int, add b int, add key i (a), add key j (x)";
    let Some(bed) = Bed::with(engine, &[("001_parts.sql", sql)]) else { return };
    bed.sql("create table t (x int, a int, key j (x))");
    let ended = bed.run_with(&SKIP);
    let failure = ended.failure();
    assert_eq!(failure.class, ErrorClass::AlreadyExists);
    assert!(
        failure.message.contains("there is: column a, index j | there is not: column b, index i"),
        "{}",
        failure.message
    );
    nothing_is_left(&bed, sql);
    bed.sql("alter table t add b int, add key i (a)");
    assert_eq!(bed.run_with(&SKIP).applied(), 1);
}

#[rstest]
#[case("create view t as select 1", "only tables, columns and indexes")]
#[case("create procedure p() do 1", "only tables, columns and indexes")]
#[case("create temporary table u (a int); create temporary table u (a int)", "temporary")]
#[case("create table t (a int) select 1 as a", "filled")]
#[case("alter table t add a int, drop x", "more than add")]
#[case("create table {other}.t (a int)", "another database")]
fn what_cannot_be_compared_is_an_error_that_says_so(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] sql: &str,
    #[case] why: &str,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let Some(other) = Bed::new(engine) else { return };
    other.sql("create table t (a int)");
    bed.files(&[("001_it.sql", &sql.replace("{other}", &other.database))]);
    bed.sql("create table t (a int, x int); create procedure p() do 1");
    let ended = bed.run_with(&SKIP);
    let failure = ended.failure();
    assert_eq!(failure.class, ErrorClass::AlreadyExists);
    assert!(failure.message.contains("could not be checked"), "{}", failure.message);
    assert!(failure.message.contains(why), "{}", failure.message);
    nothing_is_left(&bed, sql);
}

#[rstest]
fn what_the_file_has_set_stays_set_after_what_was_skipped(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let sql = "set @n = 1;\nset @n = @n + 1, sql_select_limit = 1, character_set_results = latin1;\n\
               create temporary table kept (a int);\ninsert into kept values (7);\ninsert into numbered values (0);\n\
               create table t (`ü` int comment 'ß', a int);\n\
               insert into found select a + @n + @@sql_select_limit from kept;\ncreate index i on t (a);\n\
               insert into found values (@n), (last_insert_id());\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    bed.sql("create table found (a int); create table numbered (id int primary key auto_increment) auto_increment = 50; create table t (`ü` int comment 'ß', a int); create index i on t (a)");
    assert_eq!(bed.run_with(&SKIP).applied(), 1);
    assert_eq!(bed.sql("select group_concat(a order by a) from found"), "2,10,50");
}

#[rstest]
fn a_user_who_may_not_drop_tables_learns_that_and_no_table_is_left(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(mut bed) = Bed::with(engine, &[("001_a.sql", "create table t (a int)")]) else { return };
    let user = bed.database.replace("engine", "keeper");
    bed.sql(&format!(
        "create table t (a int); create user {user}@'%' identified by 'secret'; \
         grant select, insert, update, create, alter, index on {}.* to {user}@'%'",
        bed.database
    ));
    bed.url = format!("{}://{user}:secret@{}/{}", engine.name(), bed.host(), bed.database);
    let ended = bed.run_with(&SKIP);
    let failure = ended.failure();
    assert_eq!(failure.class, ErrorClass::AlreadyExists, "{failure:?}");
    assert!(failure.message.contains("could not be checked: dropping the table"), "{failure:?}");
    nothing_is_left(&bed, "a user without the right to drop");
    bed.sql(&format!("drop user {user}@'%'"));
}

#[rstest]
fn a_table_of_the_scratch_table_s_name_that_has_rows_is_left_alone(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table t (a int)")]) else { return };
    bed.sql(
        "create table t (a int); create table schemaward_scratch (a int); insert into schemaward_scratch values (1)",
    );
    for _ in 0..2 {
        let ended = bed.run_with(&SKIP);
        assert!(ended.failure().message.contains("schemaward_scratch has rows"), "{:?}", ended.failure());
    }
    assert_eq!(bed.sql("select * from schemaward_scratch"), "1");
}

/// Breaks a comparing run after each of its messages in turn, before the answer arrives. The next run must finish and
/// leave nothing.
fn break_at_each_message(engine: Engine, next: &[&str], how: impl Fn(&mut crate::postgres::bed::Running)) {
    let sql = "insert into log values (1);\nalter table t add c int, add key i (b);\ninsert into log values (2);\n";
    for number in 1.. {
        let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
        bed.sql("create table log (n int); create table t (a int, b int, c int, key i (b))");
        let gate = gate(bed.host().to_owned(), number, At::After);
        let mut running = bed.start_by(&bed.url_by(&gate.address), "broken", &SKIP);
        let mut reached = false;
        crate::wait_until("the run comes to the message or to its end", || {
            reached = reached || gate.reached.try_recv().is_ok();
            reached || running.child.try_wait().unwrap().is_some()
        });
        if reached {
            how(&mut running);
        }
        gate.release();
        crate::wait_until("the run ends", || running.child.try_wait().unwrap().is_some());
        let what = format!("stopped after message {number}");
        let ended = bed.run_with(next);
        nothing_is_left(&bed, &what);
        if next.is_empty() {
            bed.run_with(&SKIP);
        } else {
            assert!(ended.applied() <= 1, "{what}");
        }
        assert_eq!(bed.applied(), ["001"], "{what}");
        assert_eq!(bed.sql("select group_concat(n order by n) from log"), "1,2", "{what}");
        if !reached {
            assert!(number > 12, "{number} messages");
            return;
        }
    }
}

#[rstest]
fn a_run_that_is_killed_while_it_compares_leaves_nothing_to_the_next(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    break_at_each_message(engine, &SKIP, |running| {
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    });
}

#[rstest]
fn a_connection_that_is_cut_while_a_run_compares_leaves_nothing_to_the_next_though_it_compares_nothing(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    break_at_each_message(engine, &[], |_| {});
}

/// The definitions of all tables but the ledger's.
fn tables(bed: &Bed) -> String {
    let names = bed.sql(
        "select table_name from information_schema.tables where table_schema = database() \
         and table_name not like 'schemaward%' order by 1",
    );
    names.lines().map(|name| bed.sql(&format!("show create table `{name}`"))).collect::<Vec<_>>().join("\n")
}

fn nothing_is_left(bed: &Bed, what: &str) {
    let sql = "select group_concat(table_name) from information_schema.tables where table_name like '%scratch%' \
               and table_schema = database()";
    assert_eq!(bed.sql(sql), "", "{what}");
}
