//! What a file does to its session is gone when the next file runs, and never keeps it from being recorded.

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
    // The variable's name is not the same on both.
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
    // With a blank before the parenthesis this is a name, unless the mode IGNORE_SPACE is on.
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
fn what_was_inserted_last_is_the_file_s_own_row_and_stays_so_behind_an_interruption(
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
