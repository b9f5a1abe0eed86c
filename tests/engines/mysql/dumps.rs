//! Dumps that the servers' own programs make, applied as they are, and what such files have in them.

use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use schemaward::report::Reason;

use super::bed::{Bed, Engine};
use crate::own_server::script;

/// Tables with rows, a foreign key, a view, a trigger, a routine with a body, an event.
const SOURCE: &str = "create table customers (id int primary key auto_increment, name varchar(50), photo blob);
create table orders (id int primary key, customer int, total int, check (total > 0),
  constraint of_customer foreign key (customer) references customers (id));
insert into customers (name, photo) values ('Ännchen; it''s /* no comment */', x'00ff5c27'), (null, null);
insert into orders values (1, 1, 5);
create view names as select name from customers;
create trigger lower_names before insert on customers for each row set new.name = lower(new.name);
create procedure both_of_them() begin select 1; select 2; end;
create event tidy on schedule every 1 day disable do delete from orders;";

fn dump(engine: Engine, bed: &Bed, flags: &[&str]) -> String {
    let shown = script("show", engine.name());
    let bin = shown.lines().find_map(|line| line.strip_prefix("BIN=").map(PathBuf::from)).unwrap();
    let url = url::Url::parse(&bed.url).unwrap();
    let program = if engine == Engine::Mariadb { "mariadb-dump" } else { "mysqldump" };
    let mut command = Command::new(bin.join(program));
    command.args(["--no-defaults", "--host=127.0.0.1", "--routines", "--events", "--hex-blob", "--skip-dump-date"]);
    command.args([format!("--port={}", url.port().unwrap()), format!("--user={}", url.username())]);
    command.arg(format!("--password={}", url.password().unwrap_or_default()));
    let output = command.args(flags).arg(&bed.database).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn source(engine: Engine) -> Option<Bed> {
    let bed = Bed::with(engine, &[("001_a.sql", SOURCE)])?;
    assert_eq!(bed.run().applied(), 1);
    // What is dumped is an application's database: one without a ledger.
    let tables = bed.sql("select group_concat(table_name) from information_schema.tables where table_schema = database() and table_name like 'schemaward%' and table_type = 'BASE TABLE'");
    let views = bed.sql("select group_concat(table_name) from information_schema.views where table_schema = database() and table_name like 'schemaward%'");
    bed.sql(&format!("set foreign_key_checks = 0; drop table {tables}; drop view {views}"));
    bed.sql("drop procedure if exists schemaward_get_migration_history; drop function if exists schemaward_get_current_schema_version");
    Some(bed)
}

#[rstest]
fn a_dump_of_the_server_s_own_program_is_applied_as_it_is(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(from) = source(engine) else { return };
    let flags: &[&str] = if engine == Engine::Mysql { &["--set-gtid-purged=OFF"] } else { &[] };
    let dumped = dump(engine, &from, flags);
    if engine == Engine::Mariadb {
        assert!(dumped.lines().next().unwrap().contains("enable the sandbox mode"), "{dumped}");
    }
    let to = Bed::with(engine, &[("001_dump.sql", &dumped)]).unwrap();
    assert_eq!(to.run().applied(), 1);
    let ledger = to.sql("select group_concat(table_name) from information_schema.tables where table_schema = database() and table_name like 'schemaward%'");
    let ignored: Vec<String> =
        ledger.split(',').map(|table| format!("--ignore-table={}.{table}", to.database)).collect();
    let flags: Vec<&str> = flags.iter().copied().chain(ignored.iter().map(String::as_str)).collect();
    to.sql("drop procedure if exists schemaward_get_migration_history; drop function if exists schemaward_get_current_schema_version");
    let without_name = |dump: &str, bed: &Bed| dump.replace(&bed.database, "shop");
    assert_eq!(without_name(&dump(engine, &to, &flags), &to), without_name(&dumped, &from));
}

/// By the URL of the other engine, too: what the line says is for the client, and no server's code.
#[test]
fn the_sandbox_line_is_nothing_to_either_server() {
    let dump = "/*M!999999\\- enable the sandbox mode */ \n/*!999999\\- enable the sandbox mode */ \n/*!40101 SET NAMES utf8mb4 */;\ncreate table a (id int);\n";
    for engine in [Engine::Mysql, Engine::Mariadb] {
        let Some(bed) = Bed::with(engine, &[("001_a.sql", dump)]) else { return };
        assert_eq!(bed.run().applied(), 1);
        assert!(bed.has("a"));
    }
    let Some(mut bed) = Bed::with(Engine::Mariadb, &[("001_a.sql", dump)]) else { return };
    bed.url = bed.url.replace("mariadb://", "mysql://");
    let (code, said) = bed.said_to(&bed.url, &["migrate"]);
    assert_eq!(code, Some(0), "{said}");
}

/// As a dump of a newer server has them: the clients send each alone, and the server finds nothing to do.
#[rstest]
#[case::mysql(Engine::Mysql, "/*!99999 create table b (id int) */")]
#[case::mysql_setting(Engine::Mysql, "/*!99999 SET @x = 1 */")]
#[case::mariadb(Engine::Mariadb, "/*M!130000 create table b (id int) */")]
#[case::mariadb_setting(Engine::Mariadb, "/*M!130000 SET @OLD_NOTE_VERBOSITY = @@NOTE_VERBOSITY */")]
#[case::mariadb_six_digits(Engine::Mariadb, "/*!130000 insert into a values (2) */")]
fn a_statement_that_is_only_for_a_newer_server_does_nothing(#[case] engine: Engine, #[case] newer: &str) {
    let sql = format!("create table a (id int);\n{newer};\ninsert into a values (1);\n{newer};\n");
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &sql)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    assert_eq!((bed.has("b"), bed.sql("select group_concat(id) from a").as_str()), (false, "1"));
    assert_eq!(bed.sql("select statements_done, statements_total from schemaward_schema_migrations"), "4|4");
}

#[test]
fn a_dump_s_lines_about_gtids_are_refused_before_anything_runs_with_the_option_that_leaves_them_out() {
    let Some(from) = source(Engine::Mysql) else { return };
    let dumped = dump(Engine::Mysql, &from, &["--set-gtid-purged=ON"]);
    let to = Bed::with(Engine::Mysql, &[("001_dump.sql", &dumped)]).unwrap();
    let (code, said) = to.said_to(&to.url, &["migrate"]);
    assert_eq!(code, Some(4), "{said}");
    for part in ["SET sql_log_bin", "SET gtid_purged", "--set-gtid-purged=OFF"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!to.has("customers"));
}

/// A dump of a database that has a ledger would drop this run's own.
#[rstest]
fn a_dump_with_a_ledger_is_refused_before_anything_runs(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(from) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    assert_eq!(from.run().applied(), 1);
    let flags: &[&str] = if engine == Engine::Mysql { &["--set-gtid-purged=OFF"] } else { &[] };
    let to = Bed::with(engine, &[("001_dump.sql", &dump(engine, &from, flags))]).unwrap();
    for _ in 0..2 {
        let ended = to.run();
        let failure = ended.failure();
        assert_eq!(failure.reason, Reason::InvalidSource, "{failure:?}");
        assert!(failure.message.contains("schemaward_"), "{failure:?}");
        assert!(failure.hint.as_deref().unwrap().contains("--ignore-table"), "{failure:?}");
    }
    assert!(!to.has("a"));
    to.files(&[("001_dump.sql", &format!("create table b (id int); drop database `{}`", to.database))]);
    assert_eq!(to.run().failure().reason, Reason::InvalidSource);
    assert!(!to.has("b"));
}

/// As many old dumps begin. The answers are UTF-8 all the same.
#[rstest]
#[case::signal("call p()", "1644", "Ünbekannter Fehler")]
#[case::syntax("select 1 frm ünïcode x", "1064", "the right syntax to use")]
fn an_error_is_shown_whatever_character_set_the_file_has_set(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[values("set names latin1", "set character set latin1", "set character_set_results = latin1")] set: &str,
    #[case] failing: &str,
    #[case] code: &str,
    #[case] message: &str,
) {
    let sql = format!(
        "create procedure p() begin signal sqlstate '45000' set message_text = 'Ünbekannter Fehler'; end;\n{set};\n{failing};\n"
    );
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &sql)]) else { return };
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.reason, failure.code.as_deref()), (Reason::StatementFailed, Some(code)), "{failure:?}");
    assert!(failure.message.contains(message), "{failure:?}");
    assert_eq!(failure.place.as_ref().unwrap().line, Some(3));
}
