//! Stored objects with bodies: what the catalog holds of them is what the file says, and nothing of Schemaward's own.

use rstest::rstest;
use schemaward::report::Reason;

use super::bed::{Bed, Engine};

/// How many stored objects hold something of Schemaward's journal. Its own are none of them.
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

/// Statements that could take what follows them into a body, in a file without and with DELIMITER lines. Whether each is
/// applied or refused is none of this test's concern.
#[rstest]
#[case::comment_before_if("create procedure p() comment 'c' if 1 then delete from x; end if")]
#[case::while_behind_a_comment("create procedure p() comment 'c' while 0 do delete from x; end while")]
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
