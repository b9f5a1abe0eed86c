//! Stored objects with bodies: the catalog holds what the file says, and nothing of Schemaward's own.

use rstest::rstest;
use schemaward::report::Reason;

use super::bed::{Bed, Engine};

/// How many stored objects contain something of Schemaward's journal, not counting its own.
fn spoilt(bed: &Bed) -> String {
    bed.sql(
        "select (select count(*) from information_schema.routines where routine_schema = database() \
         and routine_definition like '%statement_journal%') \
         + (select count(*) from information_schema.triggers where trigger_schema = database() \
         and action_statement like '%statement_journal%') \
         + (select count(*) from information_schema.events where event_schema = database() \
         and event_definition like '%statement_journal%')",
    )
}

/// Statements that could take what follows them into a body, in a file without and with DELIMITER lines. Whether each
/// is applied or refused does not matter here.
#[rstest]
#[case::comment_before_if("create procedure p() comment 'c' if 1 then delete from x; end if")]
#[case::while_after_a_comment("create procedure p() comment 'c' while 0 do delete from x; end while")]
#[case::follows(
    "create trigger t2 before insert on x for each row follows t1 if 1 then set new.a = 1; set new.a = 2; end if"
)]
#[case::handler(
    "create procedure p() begin declare continue handler for not found if 1 then delete from x; end if; select 1; end"
)]
#[case::altered_event("alter event e do begin delete from x where a = 1; delete from x where a = 2; end")]
#[case::definer("alter definer = root@`%` event e do begin delete from x where a = 1; delete from x where a = 2; end")]
#[case::function("create function f() returns int reads sql data if 1 then return 1; else return 2; end if")]
fn nothing_of_the_journal_s_gets_into_a_body(
    #[case] body: &str,
    #[values(false, true)] delimiter: bool,
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let before = "create table x (a int);\ncreate trigger t1 before insert on x for each row set new.a = 1;\n\
                  create event e on schedule every 1 day do delete from x;\n";
    let body = if delimiter { format!("delimiter //\n{body}//\ndelimiter ;") } else { format!("{body};") };
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &format!("{before}{body}\ninsert into x values (5);\n"))]) else {
        return;
    };
    bed.run();
    assert_eq!(spoilt(&bed), "0");
}

#[rstest]
fn a_body_of_one_statement_is_stored_without_a_separator(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let sql = "create table x (a int);\ncreate function f(a int) returns int deterministic return a + 1;\n\
               create procedure p() select 1;\ncreate trigger t before insert on x for each row set new.a = 1;\n\
               create event e on schedule every 1 day do delete from x;\ninsert into x values (5);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    let stored = bed.sql(
        "select routine_definition from information_schema.routines where routine_schema = database() \
         and routine_name in ('f', 'p') union all select action_statement from information_schema.triggers \
         where trigger_schema = database() union all select event_definition from information_schema.events \
         where event_schema = database() order by 1",
    );
    assert_eq!(stored, "delete from x\nreturn a + 1\nselect 1\nset new.a = 1");
}

#[rstest]
#[case("end if")]
#[case("else set @a = 1")]
#[case("until @a end repeat")]
fn a_piece_of_a_body_is_refused_before_anything_runs(
    #[case] piece: &str,
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = format!("create table x (a int);\n\n{piece};\n");
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &sql)]) else { return };
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.reason, failure.place.as_ref().unwrap().line), (Reason::InvalidSource, Some(3)));
    assert!(failure.message.contains("DELIMITER //"), "{}", failure.message);
    assert!(!bed.has("x"));
}

/// As an earlier build stored it.
#[rstest]
fn what_an_earlier_build_has_spoilt_is_found_and_named(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table x (a int);\n")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    let doctor = || bed.command("doctor", &[]);
    let verify = || bed.command("verify", &[]);
    bed.sql("create procedure watches() begin select * from schemaward_statement_journal where version = 1; end");
    bed.sql("create procedure other() begin INSERT INTO `another`.`schemaward_statement_journal` (id, kind, version) VALUES (1, 'x', 1); end");
    assert!(doctor().status.success() && verify().status.success(), "neither one that reads the journal nor another's");
    let journal = format!(
        "INSERT INTO `{}`.`schemaward_statement_journal` (id, kind, version) VALUES (1, 'migration', '1')",
        bed.database
    );
    bed.sql(&format!("create procedure p() if 1 then delete from x; {journal}; end if"));
    bed.sql(&format!("create trigger t before insert on x for each row begin set new.a = 1; {journal}; end"));
    bed.sql("create event e on schedule every 1 day do begin set @schemaward_guard = 1; end");
    let (doctor, verify) = (doctor(), verify());
    assert_eq!((doctor.status.code(), verify.status.code()), (Some(1), Some(4)));
    for (what, name) in [("procedure", "p"), ("trigger", "t"), ("event", "e")] {
        let named = format!("{what} {}.{name}", bed.database);
        for ended in [&doctor, &verify] {
            let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
            assert!(said.contains(&named) && said.contains("drop it and create it again"), "{named}: {said}");
        }
    }
}

/// Each body in a file without and with DELIMITER lines, in a goose block, in a repeatable file and in rollback SQL:
/// the server stores what its own client would make of it, the text itself.
#[rstest]
#[case::comment("create procedure p() comment 'c' if 1 then delete from x; end if", "if 1 then delete from x; end if")]
#[case::names("create procedure p() select begin, end from y", "select begin, end from y")]
#[case::function_of_mysql_s_if(
    "create procedure p() begin do if(1, 2, 3); select 1; end",
    "begin do if(1, 2, 3); select 1; end"
)]
#[case::case_in_a_case(
    "create procedure p() begin select case when end > 0 then if(begin, 1, 2) end from y; select 1; end",
    "begin select case when end > 0 then if(begin, 1, 2) end from y; select 1; end"
)]
#[case::handler(
    "create procedure p() begin declare continue handler for not found if 1 then delete from x; end if; select 1; end",
    "begin declare continue handler for not found if 1 then delete from x; end if; select 1; end"
)]
#[case::labels(
    "create procedure p() a: begin l: loop leave l; end loop l; repeat set @a = 1; until 1 end repeat; end a",
    "a: begin l: loop leave l; end loop l; repeat set @a = 1; until 1 end repeat; end a"
)]
#[case::case_statement(
    "create procedure p() no sql comment 'c' case 1 when 1 then set @a = 1; else set @a = 2; end case",
    "case 1 when 1 then set @a = 1; else set @a = 2; end case"
)]
fn a_body_is_stored_as_written_wherever_it_is(
    #[case] statement: &str,
    #[case] body: &str,
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let table = "create table if not exists x (a int);\ncreate table if not exists y (begin int, end int);\n";
    let stored = |bed: &Bed| {
        bed.sql("select routine_definition from information_schema.routines where routine_schema = database() and routine_name = 'p'")
    };
    let drop = "drop procedure p;\n";
    let files = [
        ("001_a.sql", format!("{table}{statement};\ninsert into x values (1);\n")),
        ("001_a.sql", format!("{table}delimiter //\n{statement};\ninsert into x values (1);\n//\ndelimiter ;\n")),
        (
            "001_a.sql",
            format!(
                "-- +goose Up\n{table}-- +goose StatementBegin\n{statement};\n-- +goose StatementEnd\ninsert into x values (1);\n"
            ),
        ),
        ("R__a.sql", format!("{table}{statement};\ninsert into x values (1);\n")),
    ];
    for (name, sql) in files {
        let Some(bed) = Bed::with(engine, &[("000_z.sql", "select 1;\n"), (name, &sql)]) else { return };
        assert_eq!(bed.run().applied(), 2, "{sql}");
        assert_eq!((stored(&bed).as_str(), bed.sql("select a from x").as_str()), (body, "1"), "{sql}");
    }
    let back = format!("{drop}{statement};\ninsert into x values (2);\n");
    let back = back.lines().fold(String::new(), |text, line| text + "-- " + line + "\n");
    let Some(bed) = Bed::with(
        engine,
        &[("001_a.sql", table), ("002_b.sql", &format!("create procedure p() select 1;\n-- rollback:\n{back}"))],
    ) else {
        return;
    };
    assert_eq!(bed.run().applied(), 2);
    let undone = bed.command("rollback", &["--to", "001", "--yes"]);
    assert!(undone.status.success(), "{}", String::from_utf8_lossy(&undone.stderr));
    assert_eq!((stored(&bed).as_str(), bed.sql("select a from x").as_str()), (body, "2"));
}

#[rstest]
fn an_event_that_is_altered_between_delimiters_gets_its_whole_body(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = "create table x (a int);\ncreate event e on schedule every 1 day do delete from x;\n\
               delimiter //\nalter event e do begin delete from x where a = 1; delete from x where a = 2; end//\ndelimiter ;\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(
        bed.sql("select event_definition from information_schema.events where event_schema = database()"),
        "begin delete from x where a = 1; delete from x where a = 2; end"
    );
}

#[rstest]
fn what_follows_a_routine_up_to_one_delimiter_is_reported_by_its_own_place(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = "create table t (a int primary key);\ndelimiter //\ncreate procedure p() begin select 1; select 2; end;\n\
               insert into t values (1);\ninsert into t values (1);\n//\ndelimiter ;\ninsert into t values (3);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    let ended = bed.run();
    let place = ended.failure().place.clone().unwrap();
    assert_eq!((ended.failure().code.as_deref(), place.line, place.statement), (Some("1062"), Some(5), Some(4)));
    bed.files(&[("001_a.sql", &sql.replace("(1);\n//", "(2);\n//"))]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select group_concat(a order by a) from t"), "1,2,3");
}

#[rstest]
fn a_body_that_is_not_understood_is_refused_before_anything_runs_and_taken_between_delimiters(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let body = "create procedure p() begin if 1 then select 1; end if select 2; end";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &format!("create table x (a int);\n{body};\n"))]) else { return };
    let ended = bed.run();
    assert!(ended.failure().message.contains("DELIMITER //"), "{}", ended.failure().message);
    assert!(!bed.has("x"));
    bed.files(&[("001_a.sql", &format!("create table x (a int);\ndelimiter //\n{body}//\ndelimiter ;\n"))]);
    let ended = bed.run();
    assert_eq!(ended.failure().code.as_deref(), Some("1064"), "the server says what it thinks of it");
    assert_eq!(ended.failure().place.as_ref().unwrap().line, Some(3));
}

#[test]
fn a_statement_with_settings_of_its_own_may_make_a_routine() {
    let sql = "set statement max_statement_time = 5 for create procedure p() begin select 1; select 2; end;\n\
               begin not atomic select 1; select 2; end;\ncreate table x (a int);\n";
    let Some(bed) = Bed::with(Engine::Mariadb, &[("001_a.sql", sql)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(
        bed.sql("select routine_definition from information_schema.routines where routine_schema = database() and routine_name = 'p'"),
        "begin select 1; select 2; end"
    );
}

#[test]
fn a_body_in_dollar_quotes_is_one_statement() {
    let body = "create function f() returns int no sql language javascript as $js$ let a = 'x;'; // it's\n $js$";
    for sql in [
        format!("{body};\ncreate table x (a int);\n"),
        format!("delimiter //\n{}//\ndelimiter ;\ncreate table x (a int);\n", body.replace("// ", "")),
    ] {
        let Some(bed) = Bed::with(Engine::Mysql, &[("001_a.sql", &sql)]) else { return };
        bed.run();
        let done = bed.sql("select statements_total from schemaward_schema_migrations");
        assert_eq!(done, "2", "whether the server has that language or not");
    }
}
