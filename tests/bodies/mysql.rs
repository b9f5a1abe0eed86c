//! MySQL and MariaDB. The reference is the mysql or mariadb client if a file has DELIMITER lines. Without them a client
//! splits bodies wrongly, so the server gets the file statement by statement.

use std::fs::File as Opened;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fastrand::Rng;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::runtime::{Builder, Runtime};

use crate::engine::{Engine, texts};
use crate::file::{File, Mode, Reference};
use crate::mysql_file;
use crate::server::{Server, script};

pub struct Mysql {
    server: Server,
    /// The client's arguments without the database.
    client: Vec<String>,
    flavour: Flavour,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flavour {
    pub is_mariadb: bool,
    /// MariaDB has packages outside `sql_mode=ORACLE`.
    pub has_packages: bool,
    /// `LANGUAGE JAVASCRIPT AS $$ … $$`.
    pub has_dollar_quotes: bool,
}

impl Mysql {
    pub fn start(is_mariadb: bool) -> Self {
        let (variable, usual) = if is_mariadb { ("BODIES_MARIADB", "mariadb") } else { ("BODIES_MYSQL", "mysql") };
        let engine = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
        let server = Server::start(&engine, "bodies");
        let bin = script("show", server.name()).lines().find_map(|line| line.strip_prefix("BIN=").map(PathBuf::from));
        let program = bin.unwrap().join(if is_mariadb { "mariadb" } else { "mysql" });
        let mut client: Vec<String> = vec![program.display().to_string(), "--no-defaults".to_owned()];
        let url = url::Url::parse(&server.url("x")).unwrap();
        client.push("--host=127.0.0.1".to_owned());
        client.push(format!("--port={}", url.port().unwrap()));
        client.push(format!("--user={}", url.username()));
        client.push(format!("--password={}", url.password().unwrap_or_default()));
        client.extend(["--comments", "--default-character-set=utf8mb4"].map(str::to_owned));
        let flavour = Flavour { is_mariadb, has_packages: engine == "mariadb11", has_dollar_quotes: engine == "mysql" };
        Self { server, client, flavour }
    }

    fn connect(&self, database: &str) -> Result<(Runtime, MySqlConnection), String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let options: MySqlConnectOptions =
            self.url(database).parse().map_err(|error: sqlx::Error| error.to_string())?;
        // The client sets none of these.
        let options = options.pipes_as_concat(false).no_engine_substitution(false).timezone(None).set_names(false);
        let connection = runtime.block_on(options.disable_statement_logging().connect());
        let mut connection = connection.map_err(|error| error.to_string())?;
        // The driver turns on IGNORE_SPACE, which the client does not, and every routine would store it.
        let mode = sqlx::raw_sql("SET sql_mode = @@GLOBAL.sql_mode").execute(&mut connection);
        runtime.block_on(mode).map_err(|error| error.to_string())?;
        Ok((runtime, connection))
    }

    fn messages(&self, database: &str, messages: &[String]) -> Result<(), String> {
        let (runtime, mut connection) = self.connect(database)?;
        for message in messages {
            let done = runtime.block_on(sqlx::raw_sql(AssertSqlSafe(message.as_str())).execute(&mut connection));
            if let Err(error) = done {
                let _ = runtime.block_on(connection.close());
                return Err(format!("{error}"));
            }
        }
        let _ = runtime.block_on(connection.close());
        Ok(())
    }

    fn file(&self, database: &str, text: &str) -> Result<(), String> {
        let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
        file.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        std::io::Seek::rewind(&mut file).map_err(|error| error.to_string())?;
        let mut command = Command::new(&self.client[0]);
        command.args(&self.client[1..]);
        if text.contains("\r\n") {
            // Without it the client also removes carriage returns from bodies.
            command.arg("--binary-mode");
        }
        let output = command.arg(database).stdin(Stdio::from(file as Opened)).stdout(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", self.client[0]))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = said.lines().find(|line| line.starts_with("ERROR"));
        if output.status.success() { Ok(()) } else { Err(error.unwrap_or(&said).to_owned()) }
    }
}

/// Routines and their parameters, triggers, events, views, columns, rows.
const CATALOG: [&str; 6] = [
    "SELECT routine_name, routine_type, IFNULL(dtd_identifier, ''), routine_definition, is_deterministic, sql_data_access, \
     security_type, routine_comment, sql_mode, definer FROM information_schema.routines WHERE routine_schema = DATABASE()",
    "SELECT specific_name, ordinal_position, IFNULL(parameter_mode, ''), IFNULL(parameter_name, ''), dtd_identifier \
     FROM information_schema.parameters WHERE specific_schema = DATABASE() ORDER BY specific_name, ordinal_position",
    "SELECT t.trigger_name, t.event_manipulation, t.event_object_table, t.action_timing, t.action_statement, t.sql_mode, \
     t.definer, (SELECT b.action_order < t.action_order FROM information_schema.triggers b WHERE b.trigger_schema = DATABASE() \
     AND b.event_object_table = t.event_object_table AND b.event_manipulation = t.event_manipulation \
     AND b.action_timing = t.action_timing AND b.trigger_name NOT LIKE 'f%' LIMIT 1) \
     FROM information_schema.triggers t WHERE t.trigger_schema = DATABASE()",
    "SELECT event_name, event_definition, event_type, IFNULL(execute_at, ''), IFNULL(interval_value, ''), \
     IFNULL(interval_field, ''), IFNULL(starts, ''), IFNULL(ends, ''), status, on_completion, event_comment, sql_mode, definer \
     FROM information_schema.events WHERE event_schema = DATABASE()",
    "SELECT table_name, GROUP_CONCAT(column_name, ' ', column_type ORDER BY ordinal_position) \
     FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT LIKE 'schemaward%' GROUP BY table_name",
    "SELECT CONCAT(file, '_'), n, what FROM log ORDER BY file, n, what",
];

const MARIADB_CATALOG: [&str; 2] = [
    "SELECT name, type, param_list, returns, body, body_utf8, comment FROM mysql.proc WHERE db = DATABASE()",
    "SELECT name, body, body_utf8 FROM mysql.event WHERE db = DATABASE()",
];

impl Engine for Mysql {
    fn name(&self) -> &'static str {
        if self.flavour.is_mariadb { "mariadb" } else { "mysql" }
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Batched, Mode::Alone, Mode::Rollback, Mode::RollbackBlock, Mode::Repeatable, Mode::Goose]
    }

    fn url(&self, database: &str) -> String {
        let url = self.server.url(database);
        format!("{}://{}", self.name(), url.split_once("://").unwrap().1)
    }

    fn create(&self, database: &str) -> Result<(), String> {
        self.messages("", &[format!("CREATE DATABASE {database}")])
    }

    fn drop(&self, database: &str) {
        let _ = self.messages("", &[format!("DROP DATABASE {database}")]);
    }

    fn base(&self) -> String {
        mysql_file::base()
    }

    fn reference(&self, database: &str, file: &File, mode: Mode) -> Result<(), String> {
        match file.reference(mode) {
            Reference::Messages(messages) => self.messages(database, &messages),
            Reference::File(text) => self.file(database, &text),
        }
    }

    fn whole_file(&self, database: &str, text: &str) -> Result<(), String> {
        self.file(database, text)
    }

    fn rows(&self, database: &str) -> Result<Vec<Vec<String>>, String> {
        let (runtime, mut connection) = self.connect(database)?;
        let mut found = Vec::new();
        let more = if self.flavour.is_mariadb { &MARIADB_CATALOG[..] } else { &[] };
        for sql in CATALOG.iter().chain(more) {
            let rows =
                runtime.block_on(sqlx::raw_sql(*sql).fetch_all(&mut connection)).map_err(|error| error.to_string())?;
            found.extend(texts(&rows));
        }
        let _ = runtime.block_on(connection.close());
        Ok(found)
    }

    fn generate(&self, id: usize, rng: &mut Rng, mode: Mode) -> File {
        mysql_file::generate(id, rng, mode, self.flavour)
    }
}
