//! What a file does to its session is gone when the next file runs, and never prevents recording the file.

use rstest::rstest;
use schemaward::report::Reason;

use super::bed::{Bed, Engine};

#[rstest]
fn settings_do_not_leak_into_the_next_file(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let files = [
        (
            "001_leaky.sql",
            "set @old = @@sql_mode, sql_mode = 'ansi_quotes,no_backslash_escapes', foreign_key_checks = 0, unique_checks = 0;\n\
             set time_zone = '+05:00', lock_wait_timeout = 1000, sql_safe_updates = 1, sql_select_limit = 7;\n\
             set names latin1; set timestamp = 1;\n\
             create temporary table leftover (id int); insert into leftover values (1);\n\
             prepare p from 'select 1'; select 5 into @five;\n\
             set transaction_isolation = 'serializable';\n",
        ),
        (
            "002_clean.sql",
            "create table found as select @@sql_mode like '%ANSI_QUOTES%' as mode, @@foreign_key_checks as fk, \
             @@unique_checks as uq, @@time_zone as tz, @@lock_wait_timeout as lock_timeout, @@character_set_client as cs, \
             @old is null and @five is null as variables, @@sql_safe_updates as safe, @@sql_select_limit > 7 as top, \
             now() > '2020-01-01' as clock, @@tx as tx, 'a\\\\b' as backslash;\n",
        ),
    ];
    let Some(bed) = Bed::new(engine) else { return };
    let isolation = if engine == Engine::Mysql { "transaction_isolation" } else { "tx_isolation" };
    for (name, sql) in files {
        bed.files(&[(
            name,
            &sql.replace("transaction_isolation", isolation).replace("@@tx ", &format!("@@{isolation} ")),
        )]);
    }
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.sql("select * from found"), "0|1|1|SYSTEM|5|utf8mb4|1|0|1|1|REPEATABLE-READ|a\\b");
    bed.files(&[("003_gone.sql", "select * from leftover")]);
    assert_eq!(bed.run().failure().code.as_deref(), Some("1146"));
}

#[rstest]
fn a_temporary_table_and_a_prepared_statement_are_gone_in_the_next_file(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(("select * from leftover", "1146"), ("execute p", "1243"))] next: (&str, &str),
) {
    let leaky = "create temporary table if not exists `leftover` (id int); prepare p from 'select 1'; execute p";
    let Some(bed) = Bed::with(engine, &[("001_leaky.sql", leaky), ("002_next.sql", next.0)]) else { return };
    assert_eq!(bed.run().failure().code.as_deref(), Some(next.1));
}

#[rstest]
fn a_dump_goes_in_whatever_it_sets(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let dump = "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET NAMES utf8mb4 */;\n\
                /*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n\
                /*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n\
                /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\
                DROP TABLE IF EXISTS `t`;\nCREATE TABLE `t` (\n  `id` int NOT NULL,\n  `größe` text,\n  PRIMARY KEY (`id`)\n) \
                ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\nLOCK TABLES `t` WRITE;\n/*!40000 ALTER TABLE `t` DISABLE KEYS */;\n\
                INSERT INTO `t` VALUES (0,'ü;\\'x');\n/*!40000 ALTER TABLE `t` ENABLE KEYS */;\nUNLOCK TABLES;\n\
                /*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;\n\
                /*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n";
    let Some(bed) = Bed::with(engine, &[("001_dump.sql", dump), ("002_next.sql", "insert into t values (1, 'ö')")])
    else {
        return;
    };
    assert_eq!(bed.run().applied(), 2);
    assert_eq!(bed.sql("select id, `größe` from t order by id"), "0|ü;'x\n1|ö");
}

#[rstest]
fn files_without_statements_and_without_a_last_semicolon_are_recorded(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let files = [
        ("001_note.sql", "-- kept as a placeholder"),
        ("002_open.sql", "create table t (id int) -- no semicolon, no line break"),
        ("003_hash.sql", "insert into t values (1); # a comment"),
        ("004_wrapped.sql", "start transaction;\ninsert into t values (2);\ncommit;\n"),
    ];
    let Some(bed) = Bed::with(engine, &files) else { return };
    assert_eq!(bed.run().applied(), 4);
    assert_eq!(
        bed.sql("select group_concat(statements_total order by id) from schemaward_schema_migrations"),
        "0,1,1,1"
    );
    assert_eq!(bed.sql("select group_concat(id order by id) from t"), "1,2");
}

#[rstest]
fn what_a_file_makes_is_what_the_client_would_make(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    // With a space before the parenthesis this is a name, unless IGNORE_SPACE is on.
    let Some(bed) =
        Bed::with(engine, &[("001_a.sql", "create table count (id int);\ncreate procedure p() select 1;\n")])
    else {
        return;
    };
    assert_eq!(bed.run().applied(), 1);
    let mode = "select sql_mode = @@global.sql_mode, collation_connection = @@collation_connection \
                from information_schema.routines where routine_schema = database() and routine_name = 'p'";
    assert_eq!(bed.sql(&format!("set names utf8mb4; {mode}")), "1|1");
}

const ROWS: &str = "create table p (id int auto_increment primary key, n int);\ncreate table c (p int, n int);\n\
                    alter table p auto_increment = 40;\ninsert into p (n) values (1);\n\
                    insert into c values (last_insert_id(), 1);\ninsert into p (n) values (2);\nset @two = last_insert_id();\n\
                    set @again = last_insert_id();\ninsert into p (n) values (3);\ncreate table between_them (id int);\n";
const LAST: &str = "insert into c values (last_insert_id(), 3), (@two, 2), (@again, 2);\n";

#[rstest]
fn what_was_inserted_last_is_the_file_s_own_row_and_stays_so_after_an_interruption(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values("", "insert into nowhere values (1);\n")] between: &str,
) {
    let Some(bed) = Bed::with(engine, &[("001_rows.sql", &format!("{ROWS}{between}{LAST}"))]) else { return };
    let ended = bed.run();
    if !between.is_empty() {
        assert_eq!(ended.failure().code.as_deref(), Some("1146"), "{:?}", ended.failure());
        bed.files(&[("001_rows.sql", &format!("{ROWS}{LAST}"))]);
        assert_eq!(bed.run().applied(), 1);
    }
    assert_eq!(bed.sql("select p, n from c order by p, n"), "40|1\n41|2\n41|2\n42|3");
}

#[rstest]
fn a_named_lock_that_a_procedure_takes_stays_until_the_run_s_end(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let name = format!("{}.mine", bed.database);
    bed.files(&[
        ("001_procedure.sql", &format!("create procedure takes() do get_lock('{name}', 0)")),
        ("002_takes.sql", "call takes()"),
        ("003_sees.sql", &format!("create table seen as select is_used_lock('{name}') = connection_id() as held")),
    ]);
    assert_eq!(bed.run().applied(), 3);
    assert_eq!(bed.sql("select held from seen"), "1");
    crate::wait_until("the session is gone, and its locks with it", || {
        bed.sql(&format!("select is_free_lock('{name}')")) == "1"
    });
}

#[rstest]
fn a_procedure_that_releases_all_locks_ends_the_run(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(
        engine,
        &[
            ("001_procedure.sql", "create procedure releases() do release_all_locks()"),
            ("002_releases.sql", "call releases()"),
            ("003_next.sql", "create table next_one (id int)"),
        ],
    ) else {
        return;
    };
    let failure = bed.run().failure().clone();
    assert_eq!(failure.reason, Reason::Fenced, "{failure:?}");
    assert!(!bed.has("next_one"), "nothing is done without the lock");
    let status = String::from_utf8(bed.command("status", &[]).stdout).unwrap();
    assert!(status.contains("schemaward repair --version 002 --statement 1 --as done"), "{status}");
}

/// The URL of a user with rights on the test's database, and a role that may grant more.
fn with_role(bed: &Bed) -> (String, String) {
    let (user, role) = (format!("u_{}", bed.database), format!("r_{}", bed.database));
    bed.sql(&format!(
        "create user '{user}'@'%' identified by 'secret'; create role '{role}'; grant all on {db}.* to '{user}'@'%'; \
         grant create, drop on *.* to '{role}'; grant all on {db}.* to '{role}'; grant '{role}' to '{user}'@'%'",
        db = bed.database
    ));
    (format!("{}://{user}:secret@{}/{}", bed.engine.name(), bed.host(), bed.database), role)
}

fn without_role(bed: &Bed, role: &str) {
    let user = role.replacen("r_", "u_", 1);
    bed.sql(&format!(
        "drop user '{user}'@'%'; drop role '{role}'; drop database if exists {db}_x; drop database if exists {db}_y",
        db = bed.database
    ));
}

#[rstest]
fn a_role_that_a_file_takes_is_not_the_next_one_s(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let (url, role) = with_role(&bed);
    let db = &bed.database;
    bed.files(&[
        ("001_a.sql", &format!("create table t (a int);\nset role {role};\ncreate database {db}_x;\n")),
        ("002_b.sql", &format!("create database {db}_y;\n")),
    ]);
    let failure = bed.start_by(&url, "run", &[]).end().failure().clone();
    assert_eq!((failure.code.as_deref(), failure.place.unwrap().file.as_str()), (Some("1044"), "002_b.sql"));
    without_role(&bed, &role);
}

#[rstest]
fn a_role_comes_back_where_a_file_is_resumed(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::new(engine) else { return };
    let (url, role) = with_role(&bed);
    let db = &bed.database;
    let file = |middle: &str| {
        format!(
            "create table t (a int);\nset role {role};\ncreate database {db}_x;\n{middle};\ncreate database {db}_y;\n"
        )
    };
    bed.files(&[("001_a.sql", &file("insert into nowhere values (1)"))]);
    bed.start_by(&url, "run", &[]).end().failure();
    bed.files(&[("001_a.sql", &file("insert into t values (1)"))]);
    assert_eq!(bed.start_by(&url, "run", &[]).end().applied(), 1);
    without_role(&bed, &role);
}

/// Everything that the server shows of a session.
const SESSION: &str = "insert into seen select concat('{n}', @@global.server_id, ' ', ifnull(current_role(), ''), ' ', \
                       concat_ws('|', @@sql_mode, @@time_zone, @@character_set_client, @@character_set_connection, \
                       ifnull(@@character_set_results, 'null'), @@collation_connection, @@foreign_key_checks, @@unique_checks, \
                       @@autocommit, @@sql_safe_updates, @@sql_select_limit, @@group_concat_max_len, @@default_storage_engine, \
                       @@div_precision_increment, @@lc_time_names, @@max_join_size, @@sql_big_selects, @@sql_notes, \
                       @@sql_auto_is_null, @@insert_id, @@auto_increment_increment, now() > '2020-01-01'), ' ', \
                       ifnull(@a, '-'), ifnull(@in_body, '-'), ifnull(@`odd name`, '-'));\n";

#[rstest]
fn nothing_of_a_file_s_session_reaches_the_next_one(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values(
        "set names latin1; set character set latin1",
        "set @a = 1, @`odd name` = 2; select 3 into @in_body",
        "set sql_mode = 'ansi', session time_zone = '+03:00', @@session.div_precision_increment = 7",
        "set session transaction isolation level serializable; set session transaction read write",
        "set @@insert_id = 99, timestamp = 1000, lc_time_names = 'de_DE', max_join_size = 12345",
        "call sets(); call makes()",
        "prepare s from 'set @a = 9'; execute s",
        "prepare s from 'create temporary table hidden (a int)'; execute s",
        "handler t open; handler t read first; handler t open as h",
        "set sql_select_limit = 3; set group_concat_max_len = 100; set sql_notes = 0, sql_auto_is_null = 1"
    )]
    leaky: &str,
) {
    let Some(bed) = Bed::new(engine) else { return };
    bed.files(&[
        (
            "001_base.sql",
            "create table seen (s text); create table t (a int); \
             create procedure sets() begin set @in_body = 1; set session foreign_key_checks = 0; set names latin1; end;\n\
             create procedure makes() create temporary table hidden (a int);\n",
        ),
        ("002_before.sql", &SESSION.replace("{n}", "")),
        ("003_leaky.sql", &format!("{leaky};\n")),
        ("004_behind.sql", &SESSION.replace("{n}", "")),
        ("005_hidden.sql", "create temporary table hidden (a int);\n"),
        ("006_prepared.sql", "handler t open as h; handler t open;\n"),
    ]);
    assert_eq!(bed.run().applied(), 6);
    assert_eq!(bed.sql("select count(*), count(distinct s) from seen"), "2|1", "{}", bed.sql("select s from seen"));
    bed.files(&[("007_gone.sql", "execute s")]);
    assert_eq!(bed.run().failure().code.as_deref(), Some("1243"));
}
