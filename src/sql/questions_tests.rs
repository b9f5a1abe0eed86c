//! Questions that are asked of a text, each with what makes the answer another one.

use rstest::rstest;

use super::reading::Reading;
use super::session_bound::FileStatements;
use super::session_object::{has_word, puts_temporary_table_together, temporary_tables_in};
use super::statements::{split, split_blocks};
use super::{
    Dialect, Execution, Facts, ForeignSign, StatementLock, Trace, routines_that_leave_settings, token_ends,
    variables_in_text,
};

#[rstest]
#[case("reset set", "set", true)]
#[case("sets", "set", false)]
#[case("a_set", "set", false)]
#[case("set$", "set", false)]
#[case("(SET)", "set", true)]
#[case("anything", "", false)]
fn a_word_is_whole(#[case] text: &str, #[case] word: &str, #[case] expected: bool) {
    assert_eq!(has_word(text, word), expected);
}

#[rstest]
#[case("create temporary table if not exists s.\"X\" (a int)", &["x"])]
#[case("execute 'create temporary table y (a int)'", &["y"])]
#[case("create table z (a int)", &[])]
fn temporary_tables_are_found_in_strings_too(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(temporary_tables_in(text), expected);
}

#[test]
fn a_name_that_is_put_together_is_in_no_string() {
    assert!(puts_temporary_table_together("execute 'create temporary table ' || n"));
    assert!(puts_temporary_table_together("set @s = concat('create temp', 'orary table x')"));
    assert!(!puts_temporary_table_together("execute 'create temporary table y (a int)'"));
    assert!(!puts_temporary_table_together("select 'nothing of the kind'"));
}

#[test]
fn variables_are_found_in_a_text_and_server_variables_are_not() {
    assert_eq!(variables_in_text("set @X = @@sql_mode + @`b c`; a@, @"), ["x", "b c"]);
}

#[test]
fn routines_leave_settings_by_what_they_call() {
    let routine = |name: &str, body: &str| (name.to_owned(), body.to_owned());
    let routines = [
        routine("calls_the_caller", "select calls()"),
        routine("harmless", "select 1"),
        routine("calls", "select sets()"),
        routine("sets", "set search_path = x"),
    ];
    assert_eq!(routines_that_leave_settings(&routines), ["sets", "calls", "calls_the_caller"]);
    assert_eq!(routines_that_leave_settings(&routines[1..2]), [""; 0]);
}

#[rstest]
#[case::called("select f(); select 2", Some((0, 1)))]
#[case::commented("comment on function f() is 'x'; select 2", None)]
#[case::dropped("drop function f(); select 2", None)]
#[case::another("select g(); select 2", None)]
fn a_routine_that_was_called_is_told_from_one_that_is_named(
    #[case] sql: &str,
    #[case] expected: Option<(usize, usize)>,
) {
    let statements = Reading::of(sql, &split(sql, Dialect::Postgres).statements, true, Dialect::Postgres).statements;
    let file = FileStatements { sql, statements: &statements, dialect: Dialect::Postgres };
    let found = file.calls_before_the_rest(|index| index < 1, &["f".to_owned()]);
    assert_eq!(found.map(|bound| (bound.made_by, bound.needed_by)), expected);
}

#[rstest]
#[case("create temporary table k (a int); insert into k values (1)", true)]
#[case("create table k (a int); insert into k values (1)", false)]
#[case("create temporary table k (a int); select 1", false)]
fn a_temporary_table_that_a_later_statement_uses(#[case] sql: &str, #[case] expected: bool) {
    let statements = Reading::of(sql, &split(sql, Dialect::Mysql).statements, true, Dialect::Mysql).statements;
    let file = FileStatements { sql, statements: &statements, dialect: Dialect::Mysql };
    assert_eq!(file.temporary_table_over_statements().is_some(), expected);
}

#[test]
fn a_block_keeps_its_place() {
    let sql = "select 1; select 2; select 3;";
    let spans = split_blocks(sql, &[(10, 19)], Dialect::Postgres).statements;
    assert_eq!(spans.iter().map(|span| span.text(sql)).collect::<Vec<_>>(), ["select 1", "select 2", "select 3"]);
}

#[rstest]
#[case(Dialect::Postgres, "select a", &[6, 8])]
#[case(Dialect::Mysql, "select x'41'", &[6, 12])]
#[case(Dialect::Mysql, "select \\N", &[6, 9])]
#[case(Dialect::Mysql, "create function f() as $$ a; $$", &[6, 15, 17, 18, 19, 22, 31])]
#[case(Dialect::Mysql, "create function f() as $js$ $$ $js$", &[6, 15, 17, 18, 19, 22, 35])]
fn where_tokens_end(#[case] dialect: Dialect, #[case] sql: &str, #[case] expected: &[usize]) {
    assert_eq!(token_ends(sql, dialect), expected);
}

#[rstest]
#[case(Dialect::Postgres, "drop index concurrently i", None)]
#[case(Dialect::Mysql, "alter table t alter a set default 1", Some("EXCLUSIVE on t, writes go on"))]
#[case(Dialect::Mysql, "alter table t alter index i invisible", Some("EXCLUSIVE on t, writes may wait"))]
fn locks(#[case] dialect: Dialect, #[case] sql: &str, #[case] expected: Option<&str>) {
    let told = StatementLock::of(sql, dialect)
        .map(|lock| format!("{} on {}{}", lock.strongest.mode.as_str(), lock.on(), lock.remark()));
    assert_eq!(told.as_deref(), expected);
}

#[test]
fn a_mysql_index_that_is_loaded_may_be_loaded_again_and_data_may_not() {
    let execution = |sql| Facts::of(sql, Dialect::Mysql).execution;
    assert_eq!(execution("load index into cache t"), Execution::Alone(Trace::Repeatable));
    assert_eq!(execution("load data infile 'f' into table t"), Execution::Transaction);
}

#[test]
fn what_may_hold_a_body() {
    let of = |sql| Facts::of(sql, Dialect::Mysql);
    assert!(of("create procedure p() select 1").may_hold_body);
    assert!(!of("insert into t values (1)").may_hold_body);
}

#[rstest]
#[case("deallocate all", true)]
#[case("deallocate prepare all", true)]
#[case("close all", true)]
#[case("deallocate p", false)]
fn what_takes_all_away_needs_none(#[case] sql: &str, #[case] expected: bool) {
    assert_eq!(Facts::of(sql, Dialect::Postgres).session_effect().drops_if_there, expected);
}

#[test]
fn a_dollar_quote_with_a_tag_is_postgresqls() {
    let sign = ForeignSign::find("create function f() returns int as $a_1$ select 1 $a_1$", Dialect::Mysql);
    assert!(sign.unwrap().to_string().contains("PostgreSQL"));
    assert!(ForeignSign::find("select '$5 and $6'", Dialect::Mysql).is_none());
}

#[test]
fn sqlites_client_and_what_it_leaves_out() {
    let grammar = Dialect::Sqlite.grammar();
    assert_eq!((grammar.client(), grammar.warns_of_left_out()), ("the sqlite3 shell", false));
}
