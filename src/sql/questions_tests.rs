//! Questions that are asked of a text, each with what makes the answer another one.

use rstest::rstest;

use super::statements::split_blocks;
use super::{Dialect, Execution, Facts, ForeignSign, StatementLock, Trace, token_ends, variables_in_text};

#[test]
fn variables_are_found_in_a_text_and_server_variables_are_not() {
    assert_eq!(variables_in_text("set @X = @@sql_mode + @`b c`; a@, @"), ["x", "b c"]);
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
