//! Statements that the server refuses: where they are, what they mean, and that their file resumes there.

use rstest::rstest;
use schemaward::report::{ErrorClass, Reason};

use super::bed::{Bed, Engine};

#[rstest]
fn a_statement_that_fails_is_named_and_its_file_resumes_there(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = "create table t (id int);\ninsert into t values (1), (1);\n\n  insert into u values (1);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::StatementFailed));
    assert_eq!(failure.code.as_deref(), Some("1146"));
    let place = failure.place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.statement), (Some(4), Some(3), Some(3)));
    assert_eq!(
        bed.sql("select success, error_code, statements_done, statements_total from schemaward_schema_migrations"),
        "0|1146|2|3"
    );
    assert_eq!(bed.sql("select released_at is not null from schemaward_migration_locks"), "1");

    bed.files(&[(
        "001_a.sql",
        "create table t (id bigint);\ninsert into t values (1), (1);\ninsert into t values (2);\n",
    )]);
    let ended = bed.run();
    assert_eq!(ended.failure().reason, Reason::MigrationEdited, "{:?}", ended.failure());
    bed.files(&[(
        "001_a.sql",
        "create table t (id int);\ninsert into t values (1), (1);\ninsert into t values (2);\n",
    )]);
    assert_eq!(bed.run().applied(), 1);
    assert_eq!(bed.sql("select group_concat(id order by id) from t"), "1,1,2");
}

#[rstest]
#[case::ddl("create table b (id int,\n  ü int int)", 3, 9)]
#[case::at_the_end("create table b (id int", 2, 22)]
#[case::dml("insert into a\n  valuos (1)", 3, 3)]
fn a_syntax_error_is_shown_where_it_is_without_our_own_text(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] sql: &str,
    #[case] line: i64,
    #[case] column: i64,
) {
    let sql = format!("create table a (id int);\n{sql};\ncreate table c (id int);\n");
    let Some(bed) = Bed::with(engine, &[("001_a.sql", &sql)]) else { return };
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!(failure.code.as_deref(), Some("1064"));
    let place = failure.place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.statement), (Some(line), Some(column), Some(2)), "{}", failure.message);
    assert!(!failure.message.contains("schemaward"), "{}", failure.message);
    assert!(bed.has("a") && !bed.has("c"));
}

#[rstest]
fn a_table_that_exists_is_an_error_of_its_own_class(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    bed.sql("create table a (id int)");
    for _ in 0..2 {
        let ended = bed.run();
        assert_eq!((ended.failure().class, ended.failure().code.as_deref()), (ErrorClass::AlreadyExists, Some("1050")));
    }
    assert_eq!(bed.sql("select state, error_code from schemaward_statement_journal"), "failed|1050");
    bed.sql("drop table a");
    assert_eq!(bed.run().applied(), 1);
}

#[rstest]
fn a_call_that_fails_after_its_first_result_has_failed(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let sql = "create procedure p() begin select 1; insert into missing values (1); end;\ncall p();\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    let ended = bed.run();
    assert_eq!(ended.failure().place.as_ref().unwrap().statement, Some(2));
    assert_eq!(bed.sql("select state from schemaward_statement_journal order by statement"), "finished\nfailed");
    bed.sql("create table missing (id int)");
    assert_eq!(bed.run().applied(), 1);
}

#[rstest]
fn a_user_who_may_not_keep_the_ledger_learns_which_right_is_missing(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(mut bed) = Bed::with(engine, &[("001_a.sql", "create table a (id int)")]) else { return };
    let user = format!("reader_{}", bed.database.len()) + &bed.database[7..];
    bed.sql(&format!(
        "create user {user}@'%' identified by 'canary'; grant select on {}.* to {user}@'%'",
        bed.database
    ));
    bed.url = format!("{}://{user}:canary@{}/{}", engine.name(), bed.host(), bed.database);
    let ended = bed.run();
    let failure = ended.failure();
    assert_eq!((failure.class, failure.reason), (ErrorClass::Permanent, Reason::LedgerUnusable), "{failure:?}");
    assert!(failure.hint.as_ref().unwrap().contains("GRANT"), "{failure:?}");
    bed.url = bed.url.replace("canary", "wrong-canary");
    let ended = bed.run();
    assert_eq!((ended.failure().class, ended.failure().reason), (ErrorClass::Transient, Reason::AuthenticationFailed));
    assert!(!ended.stdout.contains("canary") && !ended.stderr.contains("canary"), "{ended:?}");
    bed.sql(&format!("drop user {user}@'%'"));
}

#[rstest]
fn a_password_that_the_server_quotes_is_starred_in_every_output_and_in_the_ledger(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let sql = "create table a (id int);\ncreate usr 'x'@'%' identified by 'topsecret9';\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", sql)]) else { return };
    let mut said = String::new();
    for (command, flags) in [
        ("migrate", &[][..]),
        ("migrate", &["--format", "json"]),
        ("history", &[]),
        ("history", &["--format", "json"]),
        ("status", &[]),
    ] {
        let output = bed.command(command, flags);
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    assert!(said.contains("identified by '**********'"), "{said}");
    for table in ["schemaward_schema_migrations", "schemaward_statement_journal"] {
        said += &bed.sql(&format!("select group_concat(coalesce(error_message, '')) from {table}"));
    }
    assert!(!said.contains("topsecret"), "{said}");
}

#[rstest]
fn a_file_that_looks_like_postgresql_s_is_reported_as_such(#[values(Engine::Mysql, Engine::Mariadb)] engine: Engine) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "create table a (id bigserial);\n")]) else { return };
    let ended = bed.run();
    let hint = ended.failure().hint.as_deref().unwrap_or_default();
    assert!(
        hint.contains("looks like PostgreSQL's SQL (line 1") && hint.contains("postgres://"),
        "{:?}",
        ended.failure()
    );
    bed.files(&[("001_a.sql", "create tabel a (id int);\n")]);
    assert_eq!(bed.run().failure().hint, None);
}
