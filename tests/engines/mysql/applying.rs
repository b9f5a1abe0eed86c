//! Runs that succeed.

use std::process::{Command, Stdio};

use rstest::rstest;
use schemaward::report::{Event, Reason};

use super::bed::{Bed, Engine};
use super::gate::{At, gate};

#[rstest]
fn pending_migrations_are_applied_recorded_and_reported(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let files = [
        (
            "001_users.sql",
            "create table users (id int primary key, name varchar(9));\ninsert into users values (1, 'ü'), (2, '\\'');\n",
        ),
        ("002_orders.sql", "create table orders (id int);\n-- rollback:\n-- drop table orders;\n"),
    ];
    let Some(bed) = Bed::with(engine, &files) else { return };
    let ended = bed.run();
    assert_eq!(ended.applied(), 2);
    assert_eq!(bed.sql("select * from users order by id"), "1|ü\n2|'");
    assert_eq!(ended.summary.current_version.as_deref(), Some("002"));
    assert_eq!(ended.summary.pending.count, 0);
    let rows = bed.sql(
        "select version, filename, description, kind, length(checksum), length(token_checksum), success, \
         statements_done, statements_total, rtrim(replace(rollback_sql, '\n', '')), run, fence, applied_by, \
         error_code is null, abs(timestampdiff(second, applied_at, utc_timestamp())) < 60 \
         from schemaward_schema_migrations order by id",
    );
    assert_eq!(
        rows,
        "001|001_users.sql|users|migration|64|64|1|2|2||run|1|root|1|1\n\
         002|002_orders.sql|orders|migration|64|64|1|1|1|drop table orders;|run|1|root|1|1"
    );
    assert_eq!(
        bed.sql("select version, statement, state, trace, settled_by, migration_id from schemaward_statement_journal order by id"),
        "001|1|finished|appears|server|1\n001|2|finished|transaction|server|1\n002|1|finished|appears|server|2"
    );
    assert_eq!(bed.sql("select schemaward_get_current_schema_version()"), "002");
    assert_eq!(bed.sql("select * from schemaward_get_current_schema_version"), "002");
    assert_eq!(bed.sql("call schemaward_get_migration_history()").lines().count(), 2);
    assert_eq!(bed.sql("select count(*) from schemaward_get_migration_history"), "2");
    assert_eq!(bed.sql("select released_at is not null, session_lock is null from schemaward_migration_locks"), "1|1");
    let done: Vec<i64> = ended
        .events
        .iter()
        .filter_map(|e| if let Event::StatementFinished { statement, .. } = e { Some(*statement) } else { None })
        .collect();
    assert_eq!(done, [1, 2, 1]);
    let again = bed.run();
    assert_eq!((again.applied(), again.events.len()), (0, 1), "{}", again.stdout);
    assert_eq!(bed.sql("select fence from schemaward_migration_locks"), "1", "with nothing pending nothing is written");
}

#[rstest]
fn with_nothing_pending_a_run_sends_one_message_after_its_login(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    for (number, reached) in [(1, true), (2, false)] {
        let gate = gate(bed.host().to_owned(), number, At::Before);
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.arg("migrate").env("DATABASE_URL", bed.url_by(&gate.address)).env("SCHEMAWARD_DIR", bed.folder());
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Receiving fails if the run ended before that message.
        assert_eq!(gate.reached.recv().is_ok(), reached, "message {number}");
        gate.release();
        assert_eq!(running.wait().unwrap().success(), !reached, "message {number}");
    }
}

#[rstest]
fn routines_triggers_and_calls_with_several_results_go_in(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let sql = "create table log (n int);\n\
               delimiter //\n\
               create procedure p(in n int) begin insert into log values (n); select 1; select 2; commit; end//\n\
               create trigger t before insert on log for each row begin set new.n = new.n + 1; end//\n\
               delimiter ;\n\
               call p(1);\ncall p(2);\ninsert into log values (10);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select group_concat(n order by n) from log"), "2,3,11");
}

#[rstest]
fn a_large_file_goes_in_many_messages(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let text = "x".repeat(900);
    let rows = (0..1_500).map(|n| format!("insert into big values ({n}, '{text}');\n"));
    let wide = format!("insert into big values (-1, '{}');\n", "y".repeat(2 << 20));
    let sql: String =
        ["create table big (id int, t mediumtext);\n".to_owned()].into_iter().chain(rows).chain([wide]).collect();
    let Some(bed) = Bed::with(engine, &[("001_big.sql", &sql)]) else { return };
    let ended = bed.run();
    assert_eq!(ended.applied(), 1);
    assert_eq!(bed.sql("select count(*), max(length(t)) from big"), "1501|2097152");
    assert_eq!(bed.sql("select statements_done from schemaward_schema_migrations"), "1502");
}

#[test]
fn a_statement_larger_than_the_server_takes_is_refused_with_its_line() {
    // MariaDB's limit is the lower one.
    let Some(bed) = Bed::new(Engine::Mariadb) else { return };
    let limit: usize = bed.sql("select @@max_allowed_packet").parse().unwrap();
    let sql = format!("create table a (t longtext);\n\ninsert into a values ('{}');\n", "y".repeat(limit));
    bed.files(&[("001_a.sql", &sql)]);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!(failure.place.as_ref().unwrap().line, Some(3));
    assert!(failure.message.contains("max_allowed_packet"), "{}", failure.message);
    assert!(!bed.has("a"), "it was refused before anything ran");
}

#[rstest]
fn another_tool_s_table_and_a_newer_ledger_are_left_alone(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    bed.sql(
        "create table rails_schema_migrations (version varchar(20)); insert into rails_schema_migrations values ('1')",
    );
    let ended = bed.run_with(&["--history-schema", "rails", "--ignore-foreign-history"]);
    assert_eq!(ended.failure().reason, Reason::LedgerUnusable);
    assert!(ended.failure().message.contains("another tool"), "{}", ended.failure().message);
    assert!(!bed.has("rails_migration_locks") && !bed.has("a"));
    assert_eq!(bed.run_with(&["--history-schema", "other", "--ignore-foreign-history"]).applied(), 1);
    bed.sql("insert into other_ledger values (999, '99', utc_timestamp())");
    let ended = bed.run_with(&["--history-schema", "other"]);
    assert!(ended.failure().message.contains("999"), "{:?}", ended.failure());
}

#[rstest]
fn an_older_ledger_is_upgraded_and_versions_are_numbers(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let files =
        [("7_a.sql", "create table a (id int)"), ("20240101000000000000000000000000_b.sql", "create table b (id int)")];
    let Some(bed) = Bed::with(engine, &files) else { return };
    assert_eq!(bed.run_with(&["--target", "7"]).applied(), 1);
    // As in version 3 of the ledger, the first for these servers.
    bed.sql(
        "alter table schemaward_statement_journal drop column last_insert_id; update schemaward_ledger set version = 3",
    );
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select group_concat(version order by version) from schemaward_ledger"), "3,4");
    assert_eq!(bed.sql("select schemaward_get_current_schema_version()"), "20240101000000000000000000000000");
}

#[rstest]
fn an_edited_file_is_refused(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    assert_eq!(bed.run().applied(), 1);
    bed.files(&[("001_a.sql", "create table a (id bigint)")]);
    assert_eq!(bed.run().failure().reason, Reason::MigrationEdited);
    bed.files(&[("001_a.sql", "create table a (id int) -- the same")]);
    assert_eq!(bed.run().applied(), 0);
}

#[rstest]
fn a_version_is_rolled_back_by_what_the_ledger_kept(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let files = [
        ("001_a.sql", "create table a (id int)"),
        (
            "002_b.sql",
            "create table b (id int);\ninsert into a values (2);\n-- rollback:\n-- delete from a where id = 2;\n-- drop table b;\n",
        ),
    ];
    let Some(bed) = Bed::with(engine, &files) else { return };
    assert_eq!(bed.run().applied(), 2);
    std::fs::remove_file(bed.folder().join("002_b.sql")).unwrap();
    let rolled_back = bed.command("rollback", &["--to", "001", "--yes"]);
    assert_eq!(rolled_back.status.code(), Some(0), "{rolled_back:?}");
    assert!(!bed.has("b"));
    assert_eq!(bed.sql("select count(*) from a"), "0");
    assert_eq!(
        bed.sql("select version, kind, success, undone_by from schemaward_schema_migrations order by id"),
        "001|migration|1|\n002|migration|1|3\n002|rollback|1|"
    );
    bed.files(&[files[1]]);
    assert_eq!(bed.run().applied(), 1);
}

/// DDL commits implicitly there.
#[rstest]
fn files_cannot_be_one_transaction(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (x int);")]) else { return };
    let (code, said) =
        bed.said_to(&bed.url, &["migrate", "--transaction", "all", "--dir", bed.folder().to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("commits each DDL statement separately") && said.contains("without --transaction all"),
        "{said}"
    );
    assert!(!bed.has("a"));
}
