//! An older program and this one on the same ledger, in turn: a command line that is not yet updated together with an
//! operator that is, or an operator that was rolled back. The older program is the last commit before ledgers recorded
//! their layout; testbed/servers/older.sh builds it.

use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tempfile::TempDir;

use crate::mysql::bed as mysql;
use crate::postgres::bed::Bed;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum On {
    Postgres,
    Mysql,
    Mariadb,
    Sqlite,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Program {
    Older,
    This,
}

use Program::{Older, This};

/// Runs SQL and returns the first column, rows separated by line breaks.
type Sql = Box<dyn Fn(&str) -> String>;

/// A database that both programs use.
struct Ground {
    on: On,
    url: String,
    older: PathBuf,
    folder: TempDir,
    sql: Sql,
}

/// The older program; None, with a note in the output, if there is none.
fn older() -> Option<PathBuf> {
    let named = std::env::var("SCHEMAWARD_OLDER").ok().filter(|path| !path.is_empty());
    if named.is_none() {
        eprintln!(
            "skipped: SCHEMAWARD_OLDER is not set; testbed/servers/older.sh builds the older program and prints its path"
        );
    }
    named.map(PathBuf::from)
}

impl Ground {
    /// None, with a note in the output, if the older program or the server is missing.
    fn new(on: On) -> Option<Self> {
        let older = older()?;
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("migrations")).unwrap();
        let (url, sql): (String, Sql) = match on {
            On::Postgres => {
                let bed = Bed::new();
                (bed.url.clone(), Box::new(move |sql: &str| bed.psql(sql)))
            }
            On::Mysql | On::Mariadb => {
                let engine = if on == On::Mysql { mysql::Engine::Mysql } else { mysql::Engine::Mariadb };
                let bed = mysql::Bed::new(engine)?;
                (bed.url.clone(), Box::new(move |sql: &str| bed.sql(sql)))
            }
            On::Sqlite => {
                let file = folder.path().join("app.db");
                (format!("sqlite:{}", file.display()), Box::new(move |sql: &str| sqlite(&file, sql)))
            }
        };
        Some(Self { on, url, older, folder, sql })
    }

    fn file(&self, name: &str, sql: &str) {
        std::fs::write(self.folder.path().join("migrations").join(name), sql).unwrap();
    }

    /// Exit code and complete output.
    fn said(&self, program: Program, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = match program {
            Older => Command::new(&self.older),
            This => Command::new(env!("CARGO_BIN_EXE_schemaward")),
        };
        command.args(arguments).env("DATABASE_URL", &self.url);
        // The older one does not ask for confirmation.
        if program == This && arguments.first() == Some(&"rollback") {
            command.arg("--yes");
        }
        let output = command.env("SCHEMAWARD_DIR", self.folder.path().join("migrations")).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), said.concat())
    }

    #[track_caller]
    fn does(&self, program: Program, arguments: &[&str]) -> String {
        let (code, said) = self.said(program, arguments);
        assert_eq!(code, Some(0), "{program:?} {arguments:?} on {:?}: {said}", self.on);
        said
    }

    /// The name of a ledger's table.
    fn table(&self, name: &str) -> String {
        match (self.on, name) {
            (On::Postgres, name) => format!("schemaward.{}", if name == "ledger" { "schemaward_ledger" } else { name }),
            (_, name) => format!("schemaward_{name}"),
        }
    }

    fn sql(&self, sql: &str) -> String {
        (self.sql)(sql)
    }

    /// The oldest writer that may use the ledger, and the ledger's layout.
    fn layout(&self) -> (String, String) {
        let oldest_writer = self.sql(&format!("select max(version) from {}", self.table("ledger")));
        (oldest_writer, self.sql(&format!("select layout from {}", self.table("ledger_identity"))))
    }

    /// The ledger's version as programs before layouts see it.
    fn older_version(&self) -> String {
        if self.on == On::Postgres { "5".to_owned() } else { "4".to_owned() }
    }
}

fn sqlite(file: &std::path::Path, sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file).disable_statement_logging();
        let mut connection = options.connect().await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let text = |row: &SqliteRow| row.try_get_unchecked::<Option<String>, _>(0).unwrap().unwrap_or_default();
        rows.iter().map(text).collect::<Vec<_>>().join("\n")
    })
}

/// A file whose statements are committed separately, the last one as given.
fn by_statements(table: &str, last: &str) -> String {
    format!("-- schemaward: no-transaction\ncreate table {table} (x int);\ninsert into {table} values (1);\n{last};\n")
}

#[rstest]
fn either_program_works_on_a_ledger_that_the_other_has_made(
    #[values(On::Postgres, On::Mysql, On::Mariadb, On::Sqlite)] on: On,
    #[values((This, Older), (Older, This))] (first, second): (Program, Program),
) {
    let Some(ground) = Ground::new(on) else { return };
    ground.file("001_a.sql", "create table a (x int);\n-- rollback:\n-- drop table a;\n");
    ground.does(first, &["migrate"]);
    let status = ground.does(second, &["status"]);
    assert!(status.contains("001") && status.contains("nothing"), "{status}");
    ground.file("002_b.sql", "create table b (x int);\n-- rollback:\n-- drop table b;\n");
    ground.file("R__v.sql", "drop view if exists v;\ncreate view v as select 1 as one;\n");
    ground.does(second, &["migrate"]);
    assert_eq!(ground.layout(), (ground.older_version(), "7".to_owned()), "the newer one upgrades, once it writes");
    let id = ground.sql(&format!("select ledger_id from {}", ground.table("ledger_identity")));
    for program in [first, second] {
        let status = ground.does(program, &["status", "--check"]);
        assert!(status.contains("002") && status.contains("nothing"), "{status}");
        ground.does(program, &["verify"]);
    }
    ground.does(first, &["rollback", "--to", "1"]);
    ground.does(second, &["migrate"]);
    ground.does(second, &["rollback", "--to", "1"]);
    ground.does(first, &["migrate"]);
    ground.file("002_b.sql", "create table b (x bigint);\n");
    for program in [first, second] {
        assert_eq!(ground.said(program, &["verify"]).0, Some(4));
    }
    ground.does(second, &["repair", "--accept", "002"]);
    ground.does(first, &["verify"]);
    ground.file("003_c.sql", "insert into nothing values (1);\n");
    for program in [first, second] {
        assert_eq!(ground.said(program, &["migrate"]).0, Some(1));
    }
    ground.file("003_c.sql", "create table c (x int);\n");
    ground.does(first, &["migrate"]);
    assert_eq!(
        ground.sql(&format!("select ledger_id from {}", ground.table("ledger_identity"))),
        id,
        "it never changes"
    );
    assert_eq!(ground.layout(), (ground.older_version(), "7".to_owned()));
}

#[rstest]
fn a_file_that_one_program_has_started_is_resumed_by_the_other(
    #[values(On::Postgres, On::Mysql, On::Mariadb, On::Sqlite)] on: On,
    #[values((This, Older), (Older, This))] (first, second): (Program, Program),
) {
    let Some(ground) = Ground::new(on) else { return };
    for (file, table, first, second) in [("001_a.sql", "a", first, second), ("002_b.sql", "b", second, first)] {
        ground.file(file, &by_statements(table, "insert into nothing values (1)"));
        assert_eq!(ground.said(first, &["migrate"]).0, Some(1));
        assert_eq!(ground.sql(&format!("select count(*) from {table}")), "1");
        ground.file(file, &by_statements(table, &format!("insert into {table} values (2)")));
        ground.does(second, &["migrate"]);
        assert_eq!(
            ground.sql(&format!("select count(*) from {table}")),
            "2",
            "nothing ran twice, nothing was left out"
        );
    }
    assert_eq!(
        ground.sql(&format!("select count(*) from {} where migration_id is null", ground.table("statement_journal"))),
        "0"
    );
}

/// What a future program may have done, as seen by this one.
#[rstest]
fn a_ledger_of_a_newer_layout_is_written_unless_it_asks_for_a_newer_program(
    #[values(On::Postgres, On::Mysql, On::Mariadb, On::Sqlite)] on: On,
    #[values(This, Older)] program: Program,
) {
    let Some(ground) = Ground::new(on) else { return };
    ground.file("001_a.sql", "create table a (x int);\n-- rollback:\n-- drop table a;\n");
    ground.does(This, &["migrate"]);
    let (identity, rows) = (ground.table("ledger_identity"), ground.table("schema_migrations"));
    ground.sql(&format!("update {identity} set layout = 99"));
    ground.sql(&format!("alter table {rows} add column of_the_future varchar(10)"));
    ground.file("002_b.sql", "create table b (x int);\n-- rollback:\n-- drop table b;\n");
    ground.does(program, &["migrate"]);
    ground.does(program, &["rollback", "--to", "1"]);
    ground.does(program, &["status"]);
    assert_eq!(ground.layout(), (ground.older_version(), "99".to_owned()), "it is not taken back");
    ground.sql(&format!("update {} set version = 98", ground.table("ledger")));
    for command in ["migrate", "status", "verify", "history"] {
        let (code, said) = ground.said(program, &[command]);
        let is_reported = code == Some(1) && said.contains("98") && said.contains("newer Schemaward");
        // The history is shown whatever the layout is.
        assert!(is_reported || command == "history", "{command}: {code:?} {said}");
    }
    assert_eq!(ground.sql("select count(*) from a"), "0");
}

/// The older program only knows versions with a single number.
#[rstest]
fn a_ledger_with_versions_of_several_numbers_is_refused_by_a_program_that_does_not_know_them(
    #[values(On::Postgres, On::Mysql, On::Mariadb, On::Sqlite)] on: On,
) {
    let Some(ground) = Ground::new(on) else { return };
    ground.file("001_a.sql", "create table a (x int);\n-- rollback:\n-- drop table a;\n");
    ground.does(Older, &["migrate"]);
    ground.file("V1.1__b.sql", "create table b (x int);\n");
    ground.file("U1.1__b.sql", "drop table b;\n");
    ground.does(This, &["migrate"]);
    std::fs::remove_file(ground.folder.path().join("migrations/V1.1__b.sql")).unwrap();
    std::fs::remove_file(ground.folder.path().join("migrations/U1.1__b.sql")).unwrap();
    ground.file("002_c.sql", "create table c (x int);\n");
    for arguments in [&["migrate"][..], &["status"], &["verify"], &["rollback", "--to", "empty"]] {
        let (code, said) = ground.said(Older, arguments);
        assert!(code == Some(1) && said.contains("version"), "{arguments:?}: {code:?} {said}");
    }
    assert_eq!(ground.sql("select count(*) from a"), "0");
    assert_eq!(ground.sql("select count(*) from b"), "0");
    // Once undone, it blocks nothing.
    ground.does(This, &["rollback", "--to", "1"]);
    ground.does(Older, &["migrate"]);
    ground.does(This, &["status", "--check"]);
}
