//! SQLite: triggers. The reference is SQLite itself, whose grammar finds the statements of a text.

use std::path::PathBuf;

use fastrand::Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::engine::{Engine, texts};
use crate::file::{File, Form, Mode, Statement};
use crate::random::{Choices as _, Quoting, broken, comment, noise};

const QUOTING: Quoting = Quoting { backslashes: false, dollars: false, hash_comments: false };

pub struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, database: &str) -> PathBuf {
        self.folder.path().join(format!("{database}.db"))
    }

    fn connect(&self, database: &str) -> Result<(Runtime, SqliteConnection), String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let options = SqliteConnectOptions::new().filename(self.path(database)).create_if_missing(true);
        let options = options.foreign_keys(false).disable_statement_logging();
        let connection = runtime.block_on(options.connect()).map_err(|error| error.to_string())?;
        Ok((runtime, connection))
    }

    fn execute(&self, database: &str, sql: &str) -> Result<(), String> {
        let (runtime, mut connection) = self.connect(database)?;
        let sql = format!("BEGIN;\n{sql}\n;COMMIT;");
        let done = runtime.block_on(sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection));
        runtime.block_on(connection.close()).map_err(|error| error.to_string())?;
        done.map(|_| ()).map_err(|error| error.to_string())
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn url(&self, database: &str) -> String {
        format!("sqlite://{}", self.path(database).display())
    }

    fn create(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn drop(&self, database: &str) {
        let _ = std::fs::remove_file(self.path(database));
    }

    fn base(&self) -> String {
        let mut sql = "CREATE TABLE log (file, n, what);\n".to_owned();
        for table in TABLES {
            sql += &format!("CREATE TABLE {table} (a, begin, end, \"case\", \"when\", [else], atomic, if, key);\n");
            sql += &format!("CREATE VIEW v_{} AS SELECT a, begin, end FROM {table};\n", table.trim_matches('"'));
        }
        sql
    }

    fn whole_file(&self, database: &str, text: &str) -> Result<(), String> {
        self.execute(database, text)
    }

    fn rows(&self, database: &str) -> Result<Vec<Vec<String>>, String> {
        let (runtime, mut connection) = self.connect(database)?;
        let mut found = Vec::new();
        for sql in [
            "SELECT name, type || ' ' || tbl_name || ' ' || ifnull(sql, '') FROM sqlite_schema",
            "SELECT file || '_', 'row ' || n || ' ' || what FROM log ORDER BY rowid",
        ] {
            let rows =
                runtime.block_on(sqlx::raw_sql(sql).fetch_all(&mut connection)).map_err(|error| error.to_string())?;
            found.extend(texts(&rows));
        }
        runtime.block_on(connection.close()).map_err(|error| error.to_string())?;
        Ok(found)
    }

    fn generate(&self, id: usize, rng: &mut Rng, _: Mode) -> File {
        generate(id, rng)
    }
}

const TABLES: [&str; 4] = ["t", "begin", "end", "\"if\""];
const COLUMNS: [&str; 12] =
    ["a", "begin", "end", "\"case\"", "[case]", "`when`", "[else]", "atomic", "if", "\"end\"", "'a'", "key"];
const STRINGS: [&str; 8] =
    ["'a'", "'; END;'", "'it''s; END'", "'CASE'", "'BEGIN\nEND;\n'", "'-- ; '", "'/* ;'", "'\\'"];

fn expression(rng: &mut Rng, depth: usize) -> String {
    if depth == 0 {
        return match rng.usize(..4) {
            0 => rng.pick(&STRINGS).to_owned(),
            1 => format!("{}", rng.u8(..)),
            _ => rng.pick(&COLUMNS).to_owned(),
        };
    }
    let e = |rng: &mut Rng| expression(rng, depth - 1);
    match rng.usize(..8) {
        0 => format!("CASE {} WHEN {} THEN {} END", e(rng), e(rng), e(rng)),
        1 => format!("CASE WHEN {} THEN {} ELSE {} END", e(rng), e(rng), e(rng)),
        2 => format!("iif({}, {}, {})", e(rng), e(rng), e(rng)),
        3 => format!("replace({}, 'a', {})", e(rng), e(rng)),
        4 => format!("(SELECT end FROM {} end WHERE end.begin = {} LIMIT 1)", rng.pick(&TABLES), e(rng)),
        5 => format!("{} + {}", e(rng), e(rng)),
        6 => format!("EXISTS (SELECT {} end FROM {} AS begin)", e(rng), rng.pick(&TABLES)),
        _ => e(rng),
    }
}

fn statement(rng: &mut Rng) -> String {
    let e = |rng: &mut Rng| {
        let depth = rng.usize(..3);
        expression(rng, depth)
    };
    let table = rng.pick(&TABLES);
    match rng.usize(..9) {
        0 => format!(
            "INSERT INTO {table} (begin, end) VALUES (CASE {} WHEN 1 THEN {} END, 2)",
            rng.pick(&STRINGS),
            rng.u8(..)
        ),
        1 => format!("UPDATE {table} SET end = {}, begin = {} WHERE {}", e(rng), e(rng), e(rng)),
        2 => format!("DELETE FROM {table} WHERE {}", e(rng)),
        3 => format!("SELECT {} AS end, {} begin FROM {table}", e(rng), e(rng)),
        4 => format!("SELECT CASE WHEN {} THEN RAISE(ABORT, 'no; END') END FROM {table}", e(rng)),
        5 => format!("INSERT INTO {table} (a, end) SELECT {}, end FROM {table} end", e(rng)),
        6 => format!("REPLACE INTO {table} (begin) SELECT {} FROM {table}", e(rng)),
        7 => format!("WITH atomic AS (SELECT {} AS end FROM {table}) SELECT end FROM atomic end", e(rng)),
        _ => format!("UPDATE OR IGNORE {table} SET \"case\" = {} FROM begin AS end WHERE {}", rng.u8(..), rng.u8(..)),
    }
}

fn trigger(rng: &mut Rng, name: &str, table: &str, begin: &str) -> String {
    let time = rng.pick(&["", "BEFORE ", "AFTER "]);
    let event = rng.pick(&["INSERT", "UPDATE", "DELETE", "UPDATE OF end, begin"]);
    let row = rng.maybe(" FOR EACH ROW");
    let when = if rng.bool() {
        let old = if event == "INSERT" { "new" } else { "old" };
        format!(" WHEN CASE {old}.end WHEN {old}.begin THEN {} ELSE {old}.\"case\" END", rng.u8(..))
    } else {
        String::new()
    };
    let count = 1 + rng.usize(..4);
    let list: String = (0..count).map(|_| statement(rng) + ";\n").collect();
    format!("{begin} {name} {time}{event} ON {table}{row}{when} BEGIN\n{list}END")
}

fn generate(id: usize, rng: &mut Rng) -> File {
    let mut statements = Vec::new();
    let count = 1 + rng.usize(..4);
    for number in 0..count {
        if rng.one_in(3) {
            let what = rng.pick(&STRINGS);
            statements.push(Statement::plain(format!("INSERT INTO log VALUES ('f{id}', {number}, {what})")));
        }
        let suffix = rng.pick(&["t", "end", "begin", "case"]);
        let name = match rng.usize(..4) {
            0 => format!("\"f{id}_{number};END {suffix}\""),
            1 => format!("[f{id}_{number} {suffix}]"),
            _ => format!("f{id}_{number}_{suffix}"),
        };
        let exists = rng.maybe(" IF NOT EXISTS");
        let sql = if rng.one_in(6) {
            // A temporary trigger goes with its connection: only its effects are left.
            statements.push(Statement::plain(format!("CREATE TABLE f{id}_{number}_x (begin, end)")));
            let temp = rng.pick(&["TEMP", "TEMPORARY"]);
            statements.push(Statement::body(format!(
                "CREATE {temp} TRIGGER{exists} {name} AFTER INSERT ON f{id}_{number}_x BEGIN\n\
                 INSERT INTO log VALUES ('f{id}', {number}, CASE new.end WHEN 1 THEN 'end;' ELSE 'else' END);\n\
                 UPDATE f{id}_{number}_x SET end = CASE begin WHEN 1 THEN {} END;\nEND",
                rng.pick(&STRINGS)
            )));
            statements.push(Statement::plain(format!("INSERT INTO f{id}_{number}_x VALUES ({}, 1)", rng.u8(..))));
            continue;
        } else if rng.one_in(6) {
            let view = rng.pick(&["v_t", "v_begin", "v_end", "v_if"]);
            let event = rng.pick(&["INSERT", "UPDATE", "DELETE"]);
            format!("CREATE TRIGGER{exists} {name} INSTEAD OF {event} ON {view} BEGIN\n{};\nEND", statement(rng))
        } else {
            let table = rng.pick(&TABLES);
            trigger(rng, &name, table, &format!("CREATE TRIGGER{exists}"))
        };
        statements.push(Statement::body(sql));
        if rng.one_in(8) {
            statements.push(Statement::plain(format!("DROP TRIGGER {name}")));
        }
        if rng.one_in(6) {
            let depth = rng.usize(..3);
            statements.push(Statement::plain(format!(
                "CREATE VIEW f{id}_{number}_v AS SELECT {} AS end FROM begin",
                expression(rng, depth)
            )));
        }
    }
    let is_broken = rng.one_in(30);
    for (at, statement) in statements.iter_mut().enumerate() {
        statement.sql = noise(rng, &statement.sql, QUOTING);
        statement.before = comment(rng, false);
        if is_broken && at == 0 {
            statement.sql = broken(rng, &statement.sql, QUOTING);
        }
    }
    let (crlf, last_semicolon) = (rng.one_in(8), !rng.one_in(4));
    File { id, statements, form: Form::Bare, crlf, last_semicolon, broken: is_broken }
}
