//! A database and a folder of migrations for one test, with the real binary to run on them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use schemaward::migration::source_hash;
use schemaward::report::{Event, Failure, Outcome, SUMMARY_LIMIT, Summary};
use schemaward::source::read_folder;
use tempfile::TempDir;

use crate::postgres::server::{Server, shared};

pub struct Bed<'a> {
    pub server: &'a Server,
    pub database: String,
    pub url: String,
    folder: TempDir,
    /// For the URL and the summary.
    scratch: TempDir,
}

/// A runner that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub events: Vec<Event>,
    pub summary: Summary,
    pub stdout: String,
    pub stderr: String,
}

/// A runner that is still running.
pub struct Running {
    pub child: Child,
    stdout: BufReader<ChildStdout>,
    /// What has been read of its output.
    output: String,
    summary: std::path::PathBuf,
}

impl Bed<'static> {
    pub fn new() -> Self {
        Self::on(shared())
    }
}

impl<'a> Bed<'a> {
    pub fn on(server: &'a Server) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("engine_{}_{number}", std::process::id());
        server.psql("postgres", &format!("create database {database}"));
        let url = server.url(&database);
        Self { server, database, url, folder: TempDir::new().unwrap(), scratch: TempDir::new().unwrap() }
    }

    pub fn with(files: &[(&str, &str)]) -> Bed<'static> {
        let bed = Bed::new();
        bed.files(files);
        bed
    }

    pub fn files(&self, files: &[(&str, &str)]) {
        for (name, sql) in files {
            self.file(name, sql.as_bytes());
        }
    }

    pub fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.database, sql)
    }

    /// Another folder for the same database, which stays when this one is dropped.
    pub fn beside(&self) -> Beside<'_> {
        Beside { bed: self, folder: TempDir::new().unwrap(), scratch: TempDir::new().unwrap() }
    }

    /// Whether the relation exists.
    pub fn has(&self, relation: &str) -> bool {
        self.psql(&format!("select to_regclass('{relation}') is not null")) == "t"
    }

    /// Versions applied, in the order of their rows.
    pub fn applied(&self) -> Vec<String> {
        let rows = self.psql("select version from schemaward.schema_migrations where success order by id");
        rows.lines().map(str::to_owned).collect()
    }

    /// Whether a statement is executing `pg_sleep`. Searching the query text is not enough: it contains the whole
    /// message from its first statement on.
    pub fn sleeping(&self) -> bool {
        let sleeping =
            "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
        self.psql(sleeping) != "0"
    }

    /// Executes a statement in another session's transaction, which stays open until it is released.
    pub fn hold(&self, sql: &str) -> Held {
        Held::start(self.server.psql_of(&self.database), sql)
    }

    /// Waits until the server has ended the session of a run that was killed. A server that would only notice at the
    /// statement's end is asked to terminate the session, as a person would do.
    pub fn wait_for_the_end_of(&self, run: &str) {
        let session = format!("from pg_stat_activity where application_name = 'schemaward {run}'");
        if !self.server.notices_gone_clients() {
            self.psql(&format!("select pg_terminate_backend(pid) {session} and datname = current_database()"));
        }
        crate::wait_until("the server has noticed", || {
            self.psql(&format!("select count(*) {session} and datname = current_database()")) == "0"
        });
    }

    pub fn start(&self, run: &str) -> Running {
        self.start_with(run, &[])
    }

    pub fn start_with(&self, run: &str, flags: &[&str]) -> Running {
        let hash = source_hash(&read_folder(self.folder.path()).unwrap().files);
        self.start_on(run, hash.as_str(), flags)
    }

    pub fn start_on(&self, run: &str, hash: &str, flags: &[&str]) -> Running {
        Running::start("postgres", &self.url, self.folder.path(), self.scratch.path(), run, hash, flags)
    }

    pub fn run(&self) -> Ended {
        self.start("run").end()
    }

    pub fn run_with(&self, flags: &[&str]) -> Ended {
        self.start_with("run", flags).end()
    }

    /// Runs a subcommand with the database and the folder in its environment.
    pub fn command(&self, subcommand: &str, flags: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.arg(subcommand).args(flags).env("DATABASE_URL", &self.url).env("SCHEMAWARD_DIR", self.folder.path());
        command.output().unwrap()
    }

    /// Exit code and complete output of a command with another URL.
    pub fn said_to(&self, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(arguments).env("DATABASE_URL", url).env("SCHEMAWARD_DIR", self.folder.path());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), said.concat())
    }

    pub fn migrate(&self, flags: &[&str]) -> Output {
        self.start_migrate(flags).wait_with_output().unwrap()
    }

    pub fn start_migrate(&self, flags: &[&str]) -> Child {
        let url = self.scratch.path().join("url");
        std::fs::write(&url, &self.url).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.arg("migrate").arg("--url-file").arg(url).arg("--dir").arg(self.folder.path()).args(flags);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// A folder of its own for a database that belongs to another bed.
pub struct Beside<'a> {
    bed: &'a Bed<'a>,
    folder: TempDir,
    scratch: TempDir,
}

impl Beside<'_> {
    pub fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub fn run_with(&self, flags: &[&str]) -> Ended {
        let hash = source_hash(&read_folder(self.folder.path()).unwrap().files);
        let (folder, scratch) = (self.folder.path(), self.scratch.path());
        Running::start("postgres", &self.bed.url, folder, scratch, "run", hash.as_str(), flags).end()
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.server.psql("postgres", &format!("drop database if exists {} with (force)", self.database));
        }
    }
}

impl Running {
    /// Starts a runner on the database of a URL. `scratch` is the folder for the URL and the summary.
    pub fn start(
        engine: &str,
        url: &str,
        folder: &Path,
        scratch: &Path,
        run: &str,
        hash: &str,
        flags: &[&str],
    ) -> Self {
        let (url_file, summary) = (scratch.join(format!("{run}.url")), scratch.join(format!("{run}.json")));
        std::fs::write(&url_file, format!("{url}\n")).unwrap();
        let _ = std::fs::remove_file(&summary);
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(["runner", "--engine", engine, "--run", run, "--source-hash", hash]);
        command.arg("--url-file").arg(url_file).arg("--dir").arg(folder).arg("--summary-file").arg(&summary);
        let mut child = command.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, output: String::new(), summary }
    }

    /// Waits until the run reports what is wanted.
    pub fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        while let Some(event) = self.next() {
            if let Some(found) = wanted(event) {
                return found;
            }
        }
        panic!("the run has ended without reporting {what}: {}", self.output)
    }

    /// Waits until the run reports that it waits for another one.
    pub fn until_it_waits(&mut self) {
        self.until("that it waits", |event| matches!(event, Event::WaitingForLock { .. }).then_some(()));
    }

    /// Waits until this many tries for a lock have failed and one of them, or a later one, has named the blocker. Which
    /// one does depends on the machine's load: the server is asked only while the statement waits.
    pub fn until_the_lock_s_holder_is_visible(&mut self, tries: i64) {
        let mut seen = false;
        self.until("who holds the lock", |event| match event {
            Event::LockTimedOut { tries: so_far, blocker, .. } => {
                seen |= blocker.is_some();
                (seen && so_far >= tries).then_some(())
            }
            _ => None,
        });
    }

    /// The next event; None at the end.
    pub fn next(&mut self) -> Option<Event> {
        let before = self.output.len();
        self.stdout.read_line(&mut self.output).unwrap();
        let line = &self.output[before..];
        (!line.is_empty()).then(|| serde_json::from_str(line).unwrap())
    }

    pub fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
    }

    pub fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (self.output, String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        let message = std::fs::read_to_string(&self.summary).unwrap_or_else(|_| panic!("no summary: {stderr}"));
        assert!(message.len() <= SUMMARY_LIMIT, "{} bytes", message.len());
        let events = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Ended { status, events, summary: serde_json::from_str(&message).unwrap(), stdout, stderr }
    }
}

/// An open transaction of another session; it ends with this value.
pub struct Held(Child);

impl Held {
    fn start(mut psql: Command, sql: &str) -> Self {
        let mut process = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = process.stdin.as_ref().unwrap();
        write!(input, "begin;\n{sql};\n\\! echo held\n").unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n", "{sql}");
        Self(process)
    }

    pub fn let_go(mut self) {
        self.end();
    }

    pub fn commit(mut self) {
        writeln!(self.0.stdin.as_ref().unwrap(), "commit;").unwrap();
        self.end();
    }

    /// The client ends with its input, and the transaction with the client.
    fn end(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end();
    }
}

impl Ended {
    /// How many migrations a successful run has applied.
    pub fn applied(&self) -> i64 {
        match &self.summary.outcome {
            Outcome::Succeeded { applied, .. } => {
                assert_eq!(self.status.code(), Some(0));
                *applied
            }
            Outcome::Failed { failure, .. } => panic!("the run failed: {failure:?}\n{}", self.stderr),
        }
    }

    /// The failure of a run that failed.
    pub fn failure(&self) -> &Failure {
        match &self.summary.outcome {
            Outcome::Failed { failure, .. } => {
                assert_eq!(self.status.code(), Some(1));
                failure
            }
            Outcome::Succeeded { .. } => panic!("the run succeeded: {:?}", self.summary),
        }
    }
}
