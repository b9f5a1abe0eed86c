//! `PRAGMA` in files: SQLite's own procedure for changing a table, as drizzle, Prisma and Django write it, and settings
//! that a file cannot make.

use rstest::rstest;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};

use crate::sqlite::bed::Bed;

const TABLES: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p ON DELETE CASCADE);\n\
                      INSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n";
const REBUILD: &str = "CREATE TABLE new_p (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO new_p (id) SELECT id FROM p;\n\
                       DROP TABLE p;\nALTER TABLE new_p RENAME TO p;\n";

#[rstest]
#[case::drizzle(&format!("PRAGMA foreign_keys=OFF;--> statement-breakpoint\n{REBUILD}PRAGMA foreign_keys=ON;\n"))]
#[case::prisma(&format!(
    "PRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\n{REBUILD}CREATE UNIQUE INDEX i ON p (name);\n\
     PRAGMA foreign_key_check;\nPRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;\n"
))]
#[case::index_after(&format!("PRAGMA foreign_keys=OFF;\n{REBUILD}PRAGMA foreign_keys=ON;\nCREATE INDEX i ON p (name);\n"))]
fn a_table_is_rebuilt_in_one_transaction_and_keeps_the_rows_that_refer_to_it(#[case] rebuild: &str) {
    let bed = Bed::with(&[("001_a.sql", TABLES), ("002_b.sql", rebuild)]);
    bed.migrate();
    assert_eq!(bed.query("SELECT count(*) FROM c JOIN p ON p.id = c.p"), "1");
    let failing = format!("{rebuild}SELECT nowhere;\n").replace("new_p", "newer_p").replace("INDEX i ", "INDEX j ");
    bed.file("003_c.sql", &failing);
    let (code, _) = bed.said(&["migrate"]);
    assert_eq!(code, Some(1));
    assert_eq!(bed.query("SELECT count(*) FROM c JOIN p ON p.id = c.p"), "1");
    assert!(!bed.has("newer_p"));
}

#[test]
fn broken_references_that_a_check_finds_are_a_warning_as_the_shell_shows_them() {
    let check = "DELETE FROM p;\nPRAGMA foreign_key_check;\n";
    let bed = Bed::with(&[("001_a.sql", TABLES), ("002_b.sql", check), ("003_c.sql", "PRAGMA foreign_key_check(p);")]);
    let (code, said) = bed.said(&["migrate"]);
    assert_eq!(code, Some(0), "{said}");
    let told = "002_b.sql:2: PRAGMA foreign_key_check finds 1 broken references; the first is row 1 of c, to p";
    assert!(said.contains(told) && said.matches("foreign_key_check").count() == 1, "{said}");
}

#[test]
fn a_dump_s_or_schema_s_layout_is_refused_where_it_would_have_no_effect() {
    for sql in [
        "PRAGMA encoding = 'UTF-16';\nCREATE TABLE t (a TEXT);",
        "PRAGMA auto_vacuum = FULL;\nCREATE TABLE t (a TEXT);",
        "PRAGMA page_size = 8192;",
    ] {
        let bed = Bed::with(&[("001_a.sql", sql)]);
        let (code, said) = bed.said(&["migrate"]);
        assert!(code == Some(4) && said.contains("001_a.sql:1") && said.contains("does nothing"), "{said}");
        assert!(!bed.database().exists());
    }
    let bed = Bed::with(&[("001_a.sql", "PRAGMA auto_vacuum = FULL;\nPRAGMA page_size = 8192;\nVACUUM;")]);
    bed.migrate();
    assert_eq!(
        (bed.query("SELECT auto_vacuum FROM pragma_auto_vacuum"), bed.query("SELECT page_size FROM pragma_page_size")),
        ("1".into(), "8192".into())
    );
}

/// As the message advises.
#[test]
fn a_file_made_with_another_encoding_keeps_it() {
    let bed = Bed::with(&[("001_a.sql", "CREATE TABLE t (a TEXT);\nINSERT INTO t VALUES ('ü😀');")]);
    drop(bed.client().query("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a); DROP TABLE t"));
    bed.migrate();
    assert_eq!(bed.query("SELECT a || ' ' || (SELECT encoding FROM pragma_encoding) FROM t"), "ü😀 UTF-16le");
}

/// Of all of SQLite's pragmas, asked of SQLite itself: what it refuses or ignores in a transaction, and does without one,
/// is refused in a file that is one.
#[test]
fn what_sqlite_does_not_do_in_a_transaction_is_refused_in_a_file_that_is_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let names = runtime.block_on(async {
        let mut connection = open(folder.path(), "names").await;
        ask(&mut connection, "PRAGMA pragma_list").await.unwrap()
    });
    let mut found = Vec::new();
    // The limits are the process's: the other tests would have them, too.
    let of_connection = |name: &String| !name.contains("heap_limit") && !name.contains("directory");
    for name in names.into_iter().filter(of_connection) {
        for value in ["1", "2", "0", "'UTF-16le'", "8192", "wal"] {
            let alone = runtime.block_on(outcome(folder.path(), &name, value, ""));
            let within = runtime.block_on(outcome(folder.path(), &name, value, "BEGIN"));
            if alone == within || alone.is_err() {
                continue;
            }
            let sql = format!("PRAGMA {name} = {value};\nCREATE TABLE t (a);\nDROP TABLE t;\n");
            let bed = Bed::with(&[("001_a.sql", &sql)]);
            let (code, said) = bed.said(&["migrate"]);
            assert_eq!(code, Some(4), "PRAGMA {name} = {value}: {alone:?} alone, {within:?} in a transaction: {said}");
            found.push(name.clone());
        }
    }
    found.dedup();
    assert_eq!(found, ["foreign_keys", "journal_mode", "synchronous"]);
}

/// The pragma's value after it was set, in a file of its own.
async fn outcome(folder: &std::path::Path, name: &str, value: &str, before: &str) -> Result<String, String> {
    let mut connection = open(folder, &format!("{name}-{}{before}", value.trim_matches('\''))).await;
    ask(&mut connection, "CREATE TABLE there (a)").await?;
    ask(&mut connection, before).await?;
    ask(&mut connection, &format!("PRAGMA {name} = {value}")).await?;
    let now = ask(&mut connection, &format!("PRAGMA {name}")).await?;
    connection.close().await.map_err(|error| error.to_string())?;
    Ok(now.join(","))
}

async fn open(folder: &std::path::Path, name: &str) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join(name)).create_if_missing(true);
    options.foreign_keys(false).disable_statement_logging().connect().await.unwrap()
}

async fn ask(connection: &mut SqliteConnection, sql: &str) -> Result<Vec<String>, String> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await;
    let text = |row: &sqlx::sqlite::SqliteRow| row.try_get_unchecked::<Option<String>, _>(0).ok().flatten();
    rows.map(|rows| rows.iter().filter_map(text).collect()).map_err(|error| error.to_string())
}
