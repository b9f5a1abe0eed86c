//! Users with restricted rights: a missing right is reported, and what a user may not see is never taken for nothing.

use rstest::rstest;

use super::bed::{Bed, Engine};

/// All rights but SELECT that a run may need, on the whole database.
const WRITES: &str = "create, alter, drop, insert, update, delete, index, references, create view, show view, trigger, create \
                      routine, alter routine, execute, create temporary tables, lock tables";

/// A user for one test, dropped with this value.
struct User<'a> {
    bed: &'a Bed,
    name: String,
}

impl<'a> User<'a> {
    fn new(bed: &'a Bed, grants: &str) -> Self {
        let name = format!("lim{}", &bed.database[6..]);
        bed.sql(&format!("create user {name}@'%' identified by 'secret'"));
        for grant in grants.split(';').filter(|grant| !grant.is_empty()) {
            bed.sql(&format!("grant {} to {name}@'%'", grant.replace("{db}", &bed.database)));
        }
        Self { bed, name }
    }

    /// Exit code and complete output of a command as this user.
    fn said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let url =
            format!("{}://{}:secret@{}/{}", self.bed.engine.name(), self.name, self.bed.host(), self.bed.database);
        self.bed.said_to(&url, arguments)
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.bed.sql(&format!("drop user {}@'%'", self.name));
        }
    }
}

#[rstest]
fn a_table_of_the_ledger_that_a_user_may_not_read_is_reported_and_never_taken_for_empty(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let files = [("001_a.sql", "create table if not exists a (n int);\ninsert into a values (1);\n")];
    let Some(bed) = Bed::with(engine, &files) else { return };
    assert_eq!(bed.run().applied(), 1);
    let all = bed.sql(
        "select table_name from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE'",
    );
    let tables: Vec<&str> = all.lines().collect();
    assert!(tables.len() > 7, "{all}");
    for hidden in tables.iter().filter(|table| table.starts_with("schemaward_")) {
        let others = tables.iter().filter(|table| *table != hidden);
        let grants: Vec<String> = others.map(|table| format!("select on {{db}}.{table}")).collect();
        let user = User::new(&bed, &format!("{WRITES} on {{db}}.*;{}", grants.join(";")));
        for arguments in [&["status"][..], &["plan"], &["verify"], &["history"], &["repair"], &["migrate"]] {
            let (code, text) = user.said(arguments);
            let is_reported =
                text.contains("may not keep the ledger") && text.contains(hidden) && text.contains("GRANT");
            assert!(!text.contains("none applied"), "{hidden}, {arguments:?}: {text}");
            assert!(code == Some(0) || code == Some(1) && is_reported, "{hidden}, {arguments:?}: {text}");
        }
        // A run that has something to write.
        bed.files(&[("002_b.sql", "insert into a values (2);\n")]);
        let (code, text) = user.said(&["migrate"]);
        let rows = bed.sql("select group_concat(n order by n) from a");
        let is_reported = text.contains("may not keep the ledger") && text.contains("GRANT");
        let expected = if code == Some(0) { "1,2" } else { "1" };
        assert!(rows == expected && (code == Some(0) || is_reported), "{hidden}: {rows}: {text}");
        drop(user);
        std::fs::remove_file(bed.folder().join("002_b.sql")).unwrap();
        bed.sql("delete from a where n = 2");
        bed.sql("delete from schemaward_statement_journal where version = '002'");
        bed.sql("delete from schemaward_schema_migrations where version = '002'");
    }
}

const ROUTINES: &[&str] = &[
    "create table log (x varchar(20))",
    "create procedure p_set() set @hidden = 'seven'",
    "create function f_set() returns int deterministic begin set @hidden = 'seven'; return 1; end",
    "create procedure p_use() insert into log values (@hidden)",
];

/// A user with rights on the application's database only: none on `performance_schema`, none to see others' routines.
fn with_routines(bed: &Bed) -> User<'_> {
    for sql in ROUTINES {
        bed.sql(sql);
    }
    User::new(bed, &format!("select, {WRITES} on {{db}}.*"))
}

/// Runs the file, which stops in the middle, and again once that is fixed.
fn resumed(user: &User<'_>, set: &str, need: &str) -> (Option<i32>, String) {
    let file = |middle: &str| format!("{set};\ncreate table b (n int);\ninsert into {middle} values (1);\n{need};\n");
    user.bed.files(&[("001_a.sql", &file("nowhere"))]);
    let (code, text) = user.said(&["migrate"]);
    assert!(code == Some(1) && text.contains("is half applied: 2 of its 4 statements"), "{text}");
    user.bed.files(&[("001_a.sql", &file("b"))]);
    user.said(&["migrate"])
}

#[rstest]
#[case::named_by_the_file("set @a = 'seven'", "insert into log values (@a)")]
#[case::set_by_a_procedure_and_named_later("call p_set()", "insert into log values (@hidden)")]
fn a_variable_is_kept_by_a_user_without_a_right_on_performance_schema(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] set: &str,
    #[case] need: &str,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let user = with_routines(&bed);
    let (code, text) = resumed(&user, set, need);
    assert_eq!((code, bed.sql("select x from log").as_str()), (Some(0), "seven"), "{text}");
}

#[rstest]
#[case::two_procedures("call p_set()", "call p_use()")]
#[case::a_function("do f_set()", "insert into log values (@hidden)")]
fn what_is_hidden_is_not_taken_for_nothing(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
    #[case] set: &str,
    #[case] need: &str,
) {
    let Some(bed) = Bed::new(engine) else { return };
    let user = with_routines(&bed);
    let (code, text) = resumed(&user, set, need);
    // MariaDB shows every user the variables of his session, and is asked after each CALL.
    if engine == Engine::Mariadb && set.starts_with("call") {
        assert_eq!((code, bed.sql("select x from log").as_str()), (Some(0), "seven"), "{text}");
        return;
    }
    assert!(code == Some(4) && text.contains("cannot be resumed") && text.contains("_set may have set"), "{text}");
    assert!(text.contains("grant") && text.contains("repair --abandon 001"), "{text}");
    assert_eq!(bed.sql("select count(*) from log"), "0", "{text}");
}

#[rstest]
fn a_blocking_lock_is_waited_for_by_a_user_who_may_not_see_who_holds_it(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let Some(bed) = Bed::with(engine, &[("001_a.sql", "alter table t add b int;\n")]) else { return };
    bed.sql("create table t (a int)");
    let user = User::new(&bed, "all on {db}.*");
    let mut client = bed.client();
    client.sql("lock tables t write");
    let (code, text) = user.said(&["migrate", "--lock-timeout", "1s", "--deadline", "4s"]);
    assert!(code == Some(1) && text.contains("no lock in try 1"), "{text}");
    drop(client);
    let (code, text) = user.said(&["migrate"]);
    assert_eq!(code, Some(0), "{text}");
}

/// In MySQL 8.0, SET ROLE NONE drops a user's rights on the database until it is chosen again.
#[rstest]
fn a_role_that_a_file_gives_up_takes_no_right_on_the_ledger_with_it(
    #[values(Engine::Mysql, Engine::Mariadb)] engine: Engine,
) {
    let first = "create table a (n int);\nset role none;\ninsert into a values (1);\n";
    let Some(bed) = Bed::with(engine, &[("001_a.sql", first), ("002_b.sql", "insert into a values (2);\n")]) else {
        return;
    };
    let user = User::new(&bed, "all on {db}.*");
    let (code, text) = user.said(&["migrate"]);
    assert_eq!((code, bed.sql("select group_concat(n order by n) from a").as_str()), (Some(0), "1,2"), "{text}");
}
