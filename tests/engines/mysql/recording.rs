//! What a server or a file has set does not affect the ledger's rows.

use rstest::rstest;

use super::bed::{Bed, Engine};

#[rstest]
fn a_file_that_sets_the_clock_is_recorded_with_the_time_it_ran(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values("", "set time_zone = '+05:30';", "set time_zone = '-11:00';")] zone: &str,
) {
    let file =
        format!("create table t (at datetime);\n{zone}\nset timestamp = 86400;\ninsert into t values (now());\n");
    let Some(bed) = Bed::with(engine, &[("001_t.sql", &file)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    assert!(bed.sql("select at from t").starts_with("1970-01-0"), "the file's own clock is the file's");
    for at in [
        "select max(abs(timestampdiff(second, applied_at, utc_timestamp()))) < 300 from schemaward_schema_migrations",
        "select max(abs(timestampdiff(second, started_at, utc_timestamp()))) < 300 from schemaward_statement_journal",
        "select max(abs(timestampdiff(second, ended_at, utc_timestamp()))) < 300 from schemaward_statement_journal",
    ] {
        assert_eq!(bed.sql(at), "1", "{at}");
    }
}

/// In another row format, the keys of the ledger's tables would be too long.
#[rstest]
fn the_ledger_s_tables_have_their_own_row_format(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    let otherwise = "select count(*) from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE' \
                     and table_name like 'schemaward%' and lower(create_options) not like '%row_format=dynamic%'";
    assert_eq!(bed.sql(otherwise), "0");
}

#[test]
fn a_mode_in_which_an_empty_text_is_null_does_no_harm() {
    let file = "create table a (n varchar(10));\nset sql_mode = 'EMPTY_STRING_IS_NULL';\ninsert into a values ('');\n\
                create table b (id int);\ninsert into a values ('x');\n";
    let Some(bed) = Bed::with(Engine::Mariadb, &[("001_a.sql", file)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select count(*) from a where n is null"), "1", "the file's own mode is the file's");
    assert_eq!(bed.sql("select count(*) from schemaward_statement_journal where checksum = '-' or trace = '-'"), "0");
}
