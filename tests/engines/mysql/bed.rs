//! A database on one of the servers and a folder of migrations for one test, with the real binary to run on them.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use futures::TryStreamExt;
use schemaward::migration::source_hash;
use schemaward::source::read_folder;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Row};
use tempfile::TempDir;

use crate::own_server::Server;
use crate::postgres::bed::{Ended, Running};

/// The servers that speak MySQL's protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    Mysql,
    Mariadb,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }

    /// `user:password@host:port`, if there is such a server.
    fn authority(self) -> Option<String> {
        let variable = format!("SCHEMAWARD_TEST_{}_URL", self.name().to_uppercase());
        let Ok(url) = std::env::var(&variable) else {
            eprintln!("skipped: {variable} is not set; testbed/servers/servers.sh run {} -- … sets it", self.name());
            return None;
        };
        Some(authority(&url))
    }

    /// A server for one test, if there is one of this kind at all.
    pub fn own_server(self, label: &str) -> Option<Server> {
        self.authority().map(|_| Server::start(self.name(), label))
    }
}

/// `user:password@host:port` of a URL.
fn authority(url: &str) -> String {
    let rest = url.split_once("://").expect("a URL").1;
    rest.split('/').next().expect("an authority").to_owned()
}

pub struct Bed {
    pub engine: Engine,
    authority: String,
    pub database: String,
    pub url: String,
    folder: TempDir,
    scratch: TempDir,
}

impl Bed {
    /// None, with a note in the output, if there is no such server.
    pub fn new(engine: Engine) -> Option<Self> {
        Some(Self::at(engine, engine.authority()?))
    }

    pub fn on(engine: Engine, server: &Server, files: &[(&str, &str)]) -> Self {
        let bed = Self::at(engine, authority(&server.url("mysql")));
        bed.files(files);
        bed
    }

    fn at(engine: Engine, authority: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("engine_{}_{number}", std::process::id());
        let url = format!("{}://{authority}/{database}", engine.name());
        let (folder, scratch) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let bed = Self { engine, authority, database, url, folder, scratch };
        bed.sql_in("mysql", &format!("create database {}", bed.database));
        bed
    }

    pub fn with(engine: Engine, files: &[(&str, &str)]) -> Option<Self> {
        let bed = Self::new(engine)?;
        bed.files(files);
        Some(bed)
    }

    pub fn files(&self, files: &[(&str, &str)]) {
        for (name, sql) in files {
            let path = self.folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, sql).unwrap();
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn host(&self) -> &str {
        self.authority.rsplit('@').next().unwrap()
    }

    /// The URL with another address, for a proxy: without TLS, which a proxy could not read.
    pub fn url_by(&self, address: &str) -> String {
        let login = self.authority.rsplit_once('@').unwrap().0;
        format!("{}://{login}@{address}/{}?ssl-mode=disabled", self.engine.name(), self.database)
    }

    /// Runs SQL; columns are separated by |, rows by line breaks.
    pub fn sql(&self, sql: &str) -> String {
        self.sql_in(&self.database, sql)
    }

    fn sql_in(&self, database: &str, sql: &str) -> String {
        let mut client = Client::open(&format!("mysql://{}/{database}", self.authority));
        client.sql(sql)
    }

    /// A connection that stays open, to hold locks and the like.
    pub fn client(&self) -> Client {
        Client::open(&format!("mysql://{}/{}", self.authority, self.database))
    }

    /// Whether the table or view exists.
    pub fn has(&self, table: &str) -> bool {
        let sql = format!(
            "select count(*) from information_schema.tables where table_schema = database() and table_name = '{table}'"
        );
        self.sql(&sql) != "0"
    }

    /// Versions in force, in the order of their rows.
    pub fn applied(&self) -> Vec<String> {
        let rows = self.sql("select version from schemaward_schema_migrations where success order by id");
        rows.lines().map(str::to_owned).collect()
    }

    /// Whether a statement is executing `sleep`.
    pub fn sleeping(&self) -> bool {
        let sql = format!(
            "select count(*) from information_schema.processlist where db = '{}' and state = 'User sleep'",
            self.database
        );
        self.sql(&sql) != "0"
    }

    /// The connection that waits for a lock in a statement that contains `text`. Before a message is split into
    /// statements, all of it counts as executing, but it waits only at one of them.
    pub fn waiting(&self, text: &str) -> Option<String> {
        let sql = format!(
            "select id from information_schema.processlist where db = '{}' and info like '%{text}%' \
             and state like 'Waiting for%lock%' and id <> connection_id()",
            self.database
        );
        Some(self.sql(&sql)).filter(|ids| !ids.is_empty())
    }

    /// The connection that holds the run lock.
    pub fn holder(&self) -> Option<String> {
        let sql = "select p.process_id from schemaward_migration_locks p where p.session_lock is not null";
        Some(self.sql(sql)).filter(|id| !id.is_empty())
    }

    pub fn start(&self, run: &str, flags: &[&str]) -> Running {
        self.start_by(&self.url, run, flags)
    }

    pub fn start_by(&self, url: &str, run: &str, flags: &[&str]) -> Running {
        let hash = source_hash(&read_folder(self.folder.path()).unwrap().files);
        let (folder, scratch) = (self.folder.path(), self.scratch.path());
        Running::start(self.engine.name(), url, folder, scratch, run, hash.as_str(), flags)
    }

    pub fn run(&self) -> Ended {
        self.start("run", &[]).end()
    }

    pub fn run_with(&self, flags: &[&str]) -> Ended {
        self.start("run", flags).end()
    }

    /// Runs a subcommand with the database and the folder in its environment.
    pub fn command(&self, subcommand: &str, flags: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.arg(subcommand).args(flags).env("DATABASE_URL", &self.url).env("SCHEMAWARD_DIR", self.folder());
        command.output().unwrap()
    }

    /// Exit code and complete output of a command with another URL.
    pub fn said_to(&self, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(arguments).env("DATABASE_URL", url).env("SCHEMAWARD_DIR", self.folder());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), said.concat())
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql_in("mysql", &format!("drop database if exists {}", self.database));
        }
    }
}

pub struct Client {
    runtime: tokio::runtime::Runtime,
    connection: Option<MySqlConnection>,
}

impl Client {
    fn open(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options: MySqlConnectOptions = url.parse().unwrap();
        let options = options.disable_statement_logging();
        let connection = runtime.block_on(options.connect()).unwrap_or_else(|error| panic!("{error}"));
        Self { runtime, connection: Some(connection) }
    }

    /// Runs SQL; columns are separated by |, rows by line breaks.
    pub fn sql(&mut self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The same, or the server's error.
    pub fn try_sql(&mut self, sql: &str) -> Result<String, String> {
        let connection = self.connection.as_mut().unwrap();
        let rows: Result<Vec<String>, sqlx::Error> = self.runtime.block_on(async {
            let mut rows = Vec::new();
            let mut answers = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_many(connection);
            while let Some(answer) = answers.try_next().await? {
                if let Either::Right(row) = answer {
                    rows.push(line(&row));
                }
            }
            Ok(rows)
        });
        rows.map(|rows| rows.join("\n")).map_err(|error| error.to_string())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.runtime.block_on(connection.close());
        }
    }
}

fn line(row: &MySqlRow) -> String {
    let texts = (0..row.len()).map(|column| row.try_get_unchecked::<Option<String>, _>(column).unwrap());
    texts.map(Option::unwrap_or_default).collect::<Vec<_>>().join("|")
}
