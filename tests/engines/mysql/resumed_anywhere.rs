//! Generated files, interrupted after each of their statements.

use super::bed::{Bed, Engine};
use crate::generated::{Ended, Subject, interrupted_everywhere, rows_of};

const BASE: &str = "create table t0 (id int auto_increment primary key, n int, s varchar(40));\n\
                    create table t1 (id int auto_increment primary key, n int, s varchar(40));\n\
                    create table seen (k varchar(20), v varchar(200));\n\
                    create table shadow (n int); insert into shadow values (77);\n\
                    insert into t0 (n, s) values (1, 'a'), (2, 'b'), (3, 'c'); insert into t1 (n) values (5), (6);\n\
                    create procedure bump(out o int) begin update t1 set n = n + 1; select max(n) into o from t1; \
                    set @inner = o * 2; end;\n";

const POOL: &[&[&str]] = &[
    &["insert into t0 (n, s) values ({r}, 's{n}')", "update t0 set n = n + {r} where id % 2 = 0"],
    &["set @a{n} = (select sum(n) from t0)", "delete from t0 where n > {r}", "insert into seen values ('a{n}', @a{n})"],
    &[
        "select count(*), max(n) into @c{n}, @m{n} from t1",
        "insert into t1 (n) values (@c{n} + {r})",
        "insert into seen values ('m{n}', @m{n})",
    ],
    &[
        "set @sql{n} = concat('insert into t1 (n) values (', {r}, ')')",
        "prepare s{n} from @sql{n}",
        "set @sql{n} = 'gone'",
        "execute s{n}",
        "deallocate prepare s{n}",
    ],
    &[
        "create table u{n} as select n from t0",
        "prepare p{n} from 'insert into seen select \\'u\\', sum(n) from u{n}'",
        "execute p{n}",
        "deallocate prepare p{n}",
        "drop table u{n}",
    ],
    &[
        "create table w{n} as select n from t1",
        "set @w{n} = (select max(n) from w{n})",
        "drop table w{n}",
        "insert into seen values ('w{n}', @w{n})",
    ],
    &[
        "create temporary table tmp{n} as select n from t0",
        "insert into seen select 'tmp{n}', sum(n) from tmp{n}",
        "drop temporary table tmp{n}",
    ],
    &[
        "create temporary table if not exists shadow (n int)",
        "insert into shadow values ({r})",
        "insert into seen select 'shadow', sum(n) from shadow",
    ],
    &["alter table t0 add column x{n} int default {r}", "update t0 set x{n} = n where id = 1"],
    &["set sql_mode = 'pipes_as_concat'", "insert into seen values ('p{n}', '1' || '2')", "set sql_mode = default"],
    &[
        "set @mode{n} = @@sql_mode, sql_mode = concat(@@sql_mode, ',ansi_quotes')",
        "insert into seen values ('q', @@sql_mode)",
        "set sql_mode = @mode{n}",
    ],
    &["insert into t1 (n) values ({r})", "insert into seen values ('id', last_insert_id())"],
    &["set @i = {r}", "update t0 set n = (@i := @i + 1) order by id", "insert into seen values ('i', @i)"],
    &["call bump(@o{n})", "insert into seen values ('o{n}', concat(@o{n}, ' ', @inner))"],
    &[
        "set names latin1",
        "insert into seen values ('cs', concat(@@character_set_client, @@collation_connection))",
        "set names utf8mb4",
    ],
    &[
        "set time_zone = '+0{r}:00', @d{n} = 1.50, @f{n} = 0.1e0",
        "insert into seen values ('z', concat(@@time_zone, @d{n}, @f{n}))",
    ],
    &["insert into t0 (n) values ({r})", "set @last{n} = last_insert_id()", "insert into t1 (n) values (@last{n})"],
];

struct OnMysql<const MARIADB: bool>(Bed);

impl<const MARIADB: bool> Subject for OnMysql<MARIADB> {
    const STATEMENTS: [&'static str; 3] =
        ["insert into nowhere values (1)", "insert into seen select 'x', sleep(60)", "do 0"];

    fn fresh() -> Self {
        let engine = if MARIADB { Engine::Mariadb } else { Engine::Mysql };
        Self(Bed::with(engine, &[("001_base.sql", BASE)]).unwrap())
    }

    fn put(&self, file: &str) {
        self.0.files(&[("002_file.sql", file)]);
    }

    fn run(&self) -> Ended {
        self.0.run().summary.outcome.into()
    }

    fn cut(&self, _: usize) {
        let running = self.0.start("cut", &[]);
        crate::wait_until("the statement sleeps", || self.0.sleeping());
        self.0.sql(&format!("kill {}", self.0.holder().unwrap()));
        running.end();
    }

    fn state(&self) -> String {
        let of = "table_schema = database() and table_name not like 'schemaward%'";
        let tables = self.0.sql(&format!("select table_name from information_schema.tables where {of} order by 1"));
        let state = self.0.sql(&format!(
            "select table_name, column_name, column_type, column_default from information_schema.columns where {of} order by 1, \
             ordinal_position"
        ));
        state + &rows_of(&tables, |query| self.0.sql(query))
    }
}

#[test]
fn a_file_interrupted_anywhere_ends_as_if_it_was_not_or_stops_on_mysql() {
    if Bed::new(Engine::Mysql).is_some() {
        interrupted_everywhere::<OnMysql<false>>("MySQL", POOL, 2);
    }
}

#[test]
fn a_file_interrupted_anywhere_ends_as_if_it_was_not_or_stops_on_mariadb() {
    if Bed::new(Engine::Mariadb).is_some() {
        interrupted_everywhere::<OnMysql<true>>("MariaDB", POOL, 2);
    }
}
