//! Dumps that `pg_dump` makes, applied as they are.

use schemaward::report::Reason;

use super::bed::Bed;

const SOURCE: &str = "create table customers (id int generated always as identity primary key, name text default 'it''s; \\');
insert into customers (name) values ('Ännchen'), (null);
create function lower_name() returns trigger language plpgsql as $$ begin new.name = lower(new.name); return new; end $$;
create trigger lower_names before insert on customers for each row execute function lower_name();
create view names as select name from customers;";

#[test]
fn a_dump_with_inserts_is_applied_as_it_is() {
    let from = Bed::new();
    from.psql(SOURCE);
    let Some(dumped) = from.server.dump(&from.database, &["--inserts"]) else { return };
    // Since 13.22, 14.19, 15.14, 16.10 and 17.6.
    assert!(dumped.lines().any(|line| line.starts_with("\\restrict ")), "{dumped}");
    let to = Bed::with(&[("001_dump.sql", &dumped)]);
    assert_eq!(to.run().applied(), 1);
    let again = to.server.dump(&to.database, &["--inserts", "--exclude-schema=schemaward"]).unwrap();
    let without_key = |dump: &str| dump.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect();
    let (again, dumped): (Vec<String>, Vec<String>) = (without_key(&again), without_key(&dumped));
    assert_eq!(again, dumped);
}

#[test]
fn a_line_s_place_is_the_file_s_whatever_lines_for_psql_are_in_it() {
    let sql = "\\set ON_ERROR_STOP on\n\\restrict Abc\nselect 'ü';\n\\echo it's half done\nselect 1,\n  nowhere;\n\\unrestrict Abc\n";
    let ended = Bed::with(&[("001_a.sql", sql)]).run();
    let place = ended.failure().place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.statement), (Some(6), Some(3), Some(2)));
}

#[test]
fn a_dump_s_rows_as_copy_are_refused_with_the_option_that_makes_inserts() {
    let from = Bed::new();
    from.psql(SOURCE);
    let Some(dumped) = from.server.dump(&from.database, &["--create"]) else { return };
    let to = Bed::with(&[("001_dump.sql", &dumped)]);
    let (code, said) = to.said_to(&to.url, &["migrate"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("pg_dump --inserts") && said.contains("`\\connect` is a command of psql"), "{said}");
}

#[test]
fn a_dump_with_a_ledger_is_refused_before_anything_runs() {
    let from = Bed::with(&[("001_a.sql", "create table a (id int)")]);
    assert_eq!(from.run().applied(), 1);
    let Some(dumped) = from.server.dump(&from.database, &["--inserts"]) else { return };
    let to = Bed::with(&[("001_dump.sql", &dumped)]);
    let ended = to.run();
    let failure = ended.failure();
    assert_eq!(failure.reason, Reason::InvalidSource, "{failure:?}");
    assert!(failure.hint.as_deref().unwrap().contains("pg_dump --exclude-schema=schemaward"), "{failure:?}");
    assert!(failure.place.as_ref().unwrap().excerpt.as_deref().unwrap().starts_with("CREATE SCHEMA"), "{failure:?}");
}
