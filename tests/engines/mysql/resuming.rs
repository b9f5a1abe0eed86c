//! A file that is resumed either continues with the values that its statements had left in the session, or stops before
//! anything runs and says why.

use rstest::rstest;
use schemaward::report::Reason;

use super::bed::{Bed, Engine};

const BROKEN: &str = "create table broken (a int,);\n";
const MENDED: &str = "create table broken (a int);\n";

/// Runs a file that fails at `BROKEN`, fixes it, and runs it again.
fn resumed(bed: &Bed, before: &str, after: &str) -> crate::postgres::bed::Ended {
    bed.files(&[("001_a.sql", &format!("{before}{BROKEN}{after}"))]);
    let failure = bed.run().failure().clone();
    assert_eq!(failure.code.as_deref(), Some("1064"), "{failure:?}");
    bed.files(&[("001_a.sql", &format!("{before}{MENDED}{after}"))]);
    bed.run()
}

#[rstest]
fn a_variable_keeps_its_value_where_what_it_was_read_from_has_changed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table roles (id int primary key, name varchar(20));\n\
                  create table grants_of (role_id int, what varchar(20));\n\
                  insert into roles values (7, 'old'), (8, 'other');\n\
                  set @role = (select id from roles where name = 'old');\n\
                  select count(*) into @n from roles;\n\
                  update roles set name = 'new' where id = @role;\ninsert into roles values (9, 'x');\n";
    let after = "update roles set name = 'newer' where id = @role;\ninsert into grants_of values (@role, @n);\n";
    assert_eq!(resumed(&bed, before, after).applied(), 1);
    assert_eq!(bed.sql("select name from roles where id = 7"), "newer");
    assert_eq!(bed.sql("select role_id, what from grants_of"), "7|2");
}

#[rstest]
fn what_can_no_longer_be_read_is_not_read_again(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table old_t (id int primary key, v int);\ninsert into old_t values (1, 10), (2, 20);\n\
                  create table new_t (id int primary key, v int);\nset @max = (select max(id) from old_t);\n\
                  prepare s from 'insert into new_t select id, v from old_t'; execute s; deallocate prepare s;\n\
                  drop table old_t;\n";
    assert_eq!(resumed(&bed, before, "insert into new_t values (@max + 1, 30);\n").applied(), 1);
    assert_eq!(bed.sql("select id, v from new_t order by id"), "1|10\n2|20\n3|30");
}

#[rstest]
fn a_value_comes_back_as_what_it_was(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table one (id int); insert into one values (1);\n\
                  set @i = 5, @n = -3, @u = 18446744073709551615, @d = 1.50, @f = 1/3e0, @s = 'ü''\\\\x', @b = x'00ff27', \
                  @l = _latin1 x'fc', @nothing = null, @`odd name` = 'o', @c = 'x' collate utf8mb4_bin, @e = '', @w = cast(5 as decimal), \
                  @small = cast(3 as unsigned), @year = year(now()), @id = last_insert_id(), @no_u = cast(null as unsigned), \
                  @no_i = (select max(id) from one where id > 9), @no_d = cast(null as decimal(5, 2)), @no_f = null + 0e0, \
                  @no_s = convert(null using latin1) collate latin1_bin;\n\
                  set @j = json_object('a', 1), @t = timestamp'2020-01-02 03:04:05.678';\n\
                  set @u1 = uuid(); create table kept as select @u1 as u, concat(@i, @n, @u, @d, @s, @l, @e, @j, @t) as v;\n";
    let after = "create table seen as select @i as i, @n as n, @u as u, @d as d, @f as f, @s as s, @b as b, @l as l, \
                  @nothing as nothing, @`odd name` as odd, @c as c, @e as e, @w as w, @j as j, @t as t, \
                  @small as small, @year as year, @id as id, @no_u as no_u, @no_i as no_i, @no_d as no_d, @no_f as no_f, \
                  @no_s as no_s;\n\
                  create table told as select @u1 = k.u as same, concat(@i, @n, @u, @d, @s, @l, @e, @j, @t) = k.v as v, \
                  charset(@l) as latin, collation(@c) as coll, hex(@b) as b, @nothing is null as nothing, @f = 1/3e0 as f \
                  from kept k;\n";
    assert_eq!(resumed(&bed, before, after).applied(), 1);
    assert_eq!(bed.sql("select * from told"), "1|1|latin1|utf8mb4_bin|00FF27|1|1");
    // The columns have the same types as after a run without interruption.
    let types = "select group_concat(column_name, ' ', column_type, ' ', ifnull(character_set_name, ''), ' ', \
                 ifnull(numeric_scale, '') order by ordinal_position separator ';') \
                 from information_schema.columns where table_schema = database() and table_name = 'seen'";
    let Some(clean) = Bed::with(engine, &[("001_a.sql", &format!("{before}{MENDED}{after}"))]) else { return };
    assert_eq!(clean.run().applied(), 1);
    assert_eq!(bed.sql(types), clean.sql(types));
}

#[rstest]
fn a_number_without_a_sign_stays_one(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table t (n bigint); select cast(3 as unsigned) into @small;\n";
    let ended = resumed(&bed, before, "insert into t select @small - 5;\n");
    let failure = ended.failure();
    assert_eq!(failure.code.as_deref(), Some("1690"), "as without the interruption: {failure:?}");
}

#[rstest]
fn what_a_procedure_has_set_is_kept(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.files(&[(
        "000_p.sql",
        "create table t (n int, v int); insert into t values (1, 1);\n\
                 create procedure sets(out o int) begin select count(*) into o from t; set @inner = o + 10; \
                 set session sql_safe_updates = 1; end;\n\
                 create procedure uses() insert into t values (@inner, 2);\n",
    )]);
    assert_eq!(bed.run().applied(), 1);
    let before = "call sets(@out); insert into t values (7, 7);\n";
    let after = "call uses(); insert into t values (@out, 3); insert into t values (@@sql_safe_updates, 4);\n";
    assert_eq!(resumed(&bed, before, after).applied(), 1);
    assert_eq!(bed.sql("select n, v from t order by v"), "1|1\n11|2\n1|3\n1|4\n7|7");
}

#[rstest]
fn settings_come_back_as_values(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "set @old = @@sql_mode; set names latin1; set sql_mode = 'ansi_quotes', time_zone = '+05:00';\n\
                  create table t (a int); set sql_mode = concat(@@sql_mode, ',pipes_as_concat'), foreign_key_checks = 0;\n\
                  insert into t values (1);\n";
    let after = "create table seen as select @@sql_mode as m, @@time_zone as z, @@character_set_client as c, \
                  @@collation_connection as o, @@foreign_key_checks as f, 'a' || 'b' as p;\nset sql_mode = @old;\n\
                  create table mode as select @@sql_mode = @old as same;\n";
    assert_eq!(resumed(&bed, before, after).applied(), 1);
    let expected = "PIPES_AS_CONCAT,ANSI_QUOTES|+05:00|latin1|latin1_swedish_ci|0|ab";
    assert_eq!(bed.sql("select * from seen"), expected);
    assert_eq!(bed.sql("select * from mode"), "1");
}

#[rstest]
fn a_prepared_statement_that_is_used_later_is_prepared_again(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table t (a int); set @sql = 'insert into t values (?)'; prepare s from @sql; set @sql = 'nonsense';\n\
                  prepare literal from 'insert into t values (5)';\n\
                  alter table t add column b int default 9; prepare unused from 'select b from t';\n\
                  alter table t drop column b; set @a = 4;\n";
    let after = "execute s using @a; execute literal; deallocate prepare s; deallocate prepare unused;\n";
    assert_eq!(resumed(&bed, before, after).applied(), 1);
    assert_eq!(bed.sql("select a from t order by a"), "4\n5");
}

/// A procedure's PREPARE outlives the call, and its text is unknown.
#[rstest]
fn what_a_procedure_has_prepared_stops_the_run_before_anything_runs(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(
        ("", "execute st;\n", true),
        ("", "deallocate prepare st;\n", true),
        ("", "call uses();\n", true),
        ("prepare st from 'insert into t values (1)'; ", "execute st;\n", true),
        ("", "call prepares(); execute st;\n", true),
        ("", "prepare st from 'insert into t values (9)'; execute st;\n", false),
        ("", "insert into t values (9);\n", false)
    )]
    ways: (&str, &str, bool),
) {
    let (prepared, after, stops) = ways;
    let Some(bed) = Bed::new(engine) else { return };
    let before = format!(
        "create table t (a int);\n\
         create procedure prepares() begin PREPARE st FROM 'insert into t values (9)'; end;\n\
         create procedure uses() execute st;\n{prepared}call prepares();\n"
    );
    let ended = resumed(&bed, &before, &format!("insert into t values (2);\n{after}"));
    if !stops {
        assert_eq!(ended.applied(), 1);
        return;
    }
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::NeedsReview, "{failure:?}");
    assert!(failure.message.contains("the prepared statement st, which a routine may have prepared"), "{failure:?}");
    assert_eq!(bed.sql("select count(*) from t"), "0", "nothing has run");
}

#[rstest]
fn a_temporary_table_that_is_still_needed_stops_the_run_before_anything_runs(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table keep_ids (id int); create table users (id int);\n\
                  create temporary table keep_ids as select 1 as id;\n";
    let after = "insert into users values (9);\ndelete from keep_ids;\n";
    let ended = resumed(&bed, before, after);
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::NeedsReview, "{failure:?}");
    for expected in ["temporary table keep_ids", "statement 3 (line 2)", "statement 6 (line 5)"] {
        assert!(failure.message.contains(expected), "{expected}: {}", failure.message);
    }
    assert!(failure.hint.as_deref().unwrap().contains("repair --abandon 001"), "{failure:?}");
    assert!(!bed.has("broken") && bed.sql("select count(*) from users") == "0", "nothing has run");
}

/// The name of the temporary table is in no text as a whole.
#[rstest]
fn a_temporary_table_whose_name_is_put_together_never_lets_the_real_one_be_changed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(
        "set @s = concat('CREATE TEMPORARY TABLE ', 'customers', ' (id int)'); prepare st from @s; execute st;\n",
        "create procedure mk(n varchar(64)) begin set @s = concat('CREATE TEMP', 'ORARY TABLE ', n, ' (id int)'); \
         prepare st from @s; execute st; end; call mk('customers');\n",
        "prepare st from \"create temporary table customers (id int)\"; execute st;\n"
    )]
    made: &str,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = format!("create table customers (id int); insert into customers values (99);\n{made}");
    let ended = resumed(&bed, &before, "delete from customers;\n");
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::NeedsReview, "{failure:?}");
    assert!(failure.message.contains("the temporary table"), "{failure:?}");
    assert_eq!(bed.sql("select id from customers"), "99");
}

/// The routine existed before the file, and is written in capitals.
#[rstest]
fn a_temporary_table_of_an_older_routine_never_lets_the_real_one_be_changed(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.sql("CREATE PROCEDURE mk() CREATE TEMPORARY TABLE customers (id int)");
    let before = "create table customers (id int); insert into customers values (99);\ncall mk();\n";
    let ended = resumed(&bed, before, "delete from customers;\n");
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::NeedsReview, "{failure:?}");
    assert!(failure.message.contains("the temporary table customers"), "{failure:?}");
    assert_eq!(bed.sql("select id from customers"), "99");
}

#[rstest]
fn a_value_that_is_too_long_to_be_kept_stops_the_run_before_anything_runs(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(("set @x = 1; ", true), ("", false))] ways: (&str, bool),
) {
    let Some(bed) = Bed::new(engine) else { return };
    let (first, may_go_on) = ways;
    let before = "create table t (a int); set @x = repeat('a', 400000);\n";
    let ended = resumed(&bed, before, &format!("{first}insert into t values (length(@x));\n"));
    // It is named even if it is set again first: nothing shows that its old value is not read.
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::NeedsReview, "{failure:?} {may_go_on}");
    assert!(failure.message.contains("@x"), "{failure:?}");
    assert!(!bed.has("broken"), "nothing has run");
}

#[rstest]
fn a_function_that_writes_is_not_called_twice_by_a_set(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let before = "create table calls (id int auto_increment primary key);\n\
                  create function takes() returns int deterministic modifies sql data begin insert into calls values (null); return last_insert_id(); end;\n\
                  set @id = takes();\n";
    let after = "create table got as select @id as id;\n";
    assert_eq!(resumed(&bed, before, after).applied(), 1);
    assert_eq!(bed.sql("select count(*) from calls"), "1");
    assert_eq!(bed.sql("select id from got"), "1");
}

#[rstest]
fn what_is_committed_is_counted_correctly_after_an_interruption(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let file = "set @a = 1;\ncreate table t (a int);\nset @b = 2;\ninsert into nowhere values (1);\nselect 1;\n";
    bed.files(&[("001_a.sql", file)]);
    for _ in 0..2 {
        let output = bed.command("migrate", &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("3 of its 5 statements"), "{said}");
    }
}

#[rstest]
fn a_half_applied_file_is_abandoned_once_it_is_undone_by_hand(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(
        engine,
        &[("001_a.sql", "set @secret = 'x';\ncreate table a (n int);\ninsert into nowhere values (1);\n")],
    ) else {
        return;
    };
    bed.run().failure();
    bed.sql("drop table a");
    std::fs::remove_file(bed.folder().join("001_a.sql")).unwrap();
    bed.files(&[("002_b.sql", "create table b (n int)")]);
    let output = bed.command("migrate", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(4) && said.contains("repair --abandon 001_a.sql"), "{said}");
    let output = bed.command("repair", &["--abandon", "001"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bed.run().applied(), 1);
    let rows = "select group_concat(success, ' ', ifnull(error_message like 'abandoned%', '-') order by id) from schemaward_schema_migrations";
    assert_eq!(bed.sql(rows), "0 0,0 1,1 -");
    assert_eq!(bed.sql("select count(*) from schemaward_statement_journal where session_state is not null"), "0");
}

#[rstest]
fn values_are_not_kept_longer_than_they_are_needed(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "set @secret = 'x'; create table a (n int); select @secret;\n")])
    else {
        return;
    };
    assert_eq!(bed.run().applied(), 1);
    let kept = "select count(*), count(session_state) from schemaward_statement_journal";
    assert_eq!(bed.sql(kept), "3|0");
}

#[rstest]
fn a_temporary_table_is_still_there_where_a_lock_was_not_free_and_the_file_is_tried_again(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.files(&[("001_a.sql", "create table t (n int); create table u (n int)")]);
    assert_eq!(bed.run().applied(), 1);
    let mut holder = bed.client();
    holder.sql("begin; select * from t");
    let file = "create temporary table k as select 5 as n;\nset @a = 7;\nalter table t add column m int;\n\
                insert into u select n + @a from k;\n";
    bed.files(&[("002_b.sql", file)]);
    let mut running = bed.start("run", &["--lock-timeout", "1s"]);
    running.until("a try has failed", |event| {
        matches!(event, schemaward::report::Event::LockTimedOut { .. }).then_some(())
    });
    holder.sql("rollback");
    assert_eq!(running.end().applied(), 1);
    assert_eq!(bed.sql("select n from u"), "12");
}
