//! A database file and a folder of migrations for one test, with the real binary to run on them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};

/// A statement that runs for longer than any test waits.
pub const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;";

pub struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    pub fn with(files: &[(&str, &str)]) -> Self {
        let bed = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(bed.folder.path().join("migrations")).unwrap();
        bed.files(files);
        bed
    }

    pub fn file(&self, name: &str, sql: &str) {
        let path = self.folder.path().join("migrations").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, sql).unwrap();
    }

    pub fn files(&self, files: &[(&str, &str)]) {
        for (name, sql) in files {
            self.file(name, sql);
        }
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder().join("migrations").join(name)).unwrap();
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(arguments).current_dir(self.folder.path()).env("DATABASE_URL", "sqlite:app.db");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Exit code, and both outputs as one text.
    pub fn said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    pub fn migrate(&self) {
        let output = self.run(&["migrate"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Starts a run and waits until it has started its last file.
    pub fn start(&self, last: &str) -> Child {
        let mut command = self.command(&["migrate", "--format", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started = lines.any(|line| {
            let line = line.unwrap();
            line.contains("\"migrationStarted\"") && line.contains(last)
        });
        assert!(started, "the run ended early");
        // Keeps reading: the run must not block on a full or closed pipe.
        std::thread::spawn(move || lines.count());
        child
    }

    /// Runs SQL; columns are separated by |, rows by line breaks.
    pub fn query(&self, sql: &str) -> String {
        self.client().query(sql)
    }

    /// A connection that stays open, like that of another program.
    pub fn client(&self) -> Client {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = SqliteConnectOptions::new().filename(self.database()).create_if_missing(true);
        let connection = runtime.block_on(options.disable_statement_logging().connect()).unwrap();
        Client { runtime, connection: Some(connection) }
    }

    /// Whether the table, index or view exists.
    pub fn has(&self, name: &str) -> bool {
        self.query(&format!("SELECT count(*) FROM sqlite_master WHERE name = '{name}'")) != "0"
    }

    pub fn versions(&self) -> String {
        self.query("SELECT version || ' ' || kind || ' ' || success FROM schemaward_schema_migrations ORDER BY id")
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

pub struct Client {
    runtime: tokio::runtime::Runtime,
    connection: Option<SqliteConnection>,
}

impl Client {
    /// Runs SQL; columns are separated by |, rows by line breaks.
    pub fn query(&mut self, sql: &str) -> String {
        let connection = self.connection.as_mut().unwrap();
        let rows = self.runtime.block_on(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection)).unwrap();
        let value = |row: &SqliteRow, column| row.try_get_unchecked::<Option<String>, _>(column).unwrap();
        let line = |row: &SqliteRow| {
            let values = (0..row.len()).map(|column| value(row, column).unwrap_or_default());
            values.collect::<Vec<_>>().join("|")
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Runs SQL without waiting for locks.
    pub fn try_at_once(&mut self, sql: &str) -> Result<(), String> {
        let connection = self.connection.as_mut().unwrap();
        let sql = format!("PRAGMA busy_timeout = 0; {sql}");
        let done = self.runtime.block_on(sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection));
        done.map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.runtime.block_on(connection.close());
        }
    }
}
