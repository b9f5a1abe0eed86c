//! One kill: a run is stopped exactly at one statement of the plan, something is ended there, and the run is started again
//! until it succeeds. Then everything is held against the same plan without a fault.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;
use crate::engine::{Engine, Fault, STATEMENTS, Waiting, table};

/// Where in a statement's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum At {
    /// It waits for its table and has done nothing.
    Before,
    /// It has run. The next thing that happens, be it the record of its end, waits.
    After,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// From 1, in the plan.
    pub statement: usize,
    pub at: At,
    pub fault: Fault,
}

/// What a case has come to.
#[derive(Debug, Default)]
pub struct Found {
    /// Lines of the dump that are missing.
    pub lost: Vec<String>,
    /// Lines of the dump that should not be there.
    pub repeated: Vec<String>,
    /// What the ledger leaves open.
    pub half_recorded: Vec<String>,
    /// What was not resumed behind what was done.
    pub not_resumed: Vec<String>,
    /// The run that lost its connection has come to the plan's end by itself.
    pub went_on: bool,
}

/// The plan's folder, and what it leads to without a fault.
pub struct Bed<'a> {
    engine: &'a dyn Engine,
    folder: TempDir,
    expected: Vec<String>,
}

/// A process that runs the plan; it ends with its case.
struct Run(Child);

impl Run {
    /// Waits for its end.
    fn succeeds(&mut self) -> Result<bool, String> {
        wait_until("the run ends", || Ok(self.0.try_wait().unwrap())).map(|status| status.success())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The run that the fault has met.
struct First {
    run: String,
    said: String,
}

/// A statement's place: its file, and its number there, from 1.
struct Place {
    file: usize,
    number: usize,
    sql: String,
}

impl<'a> Bed<'a> {
    /// Writes the plan, and runs it undisturbed.
    pub fn new(engine: &'a dyn Engine) -> Result<Self, String> {
        let folder = TempDir::new().unwrap();
        let mut statement = 0;
        for (name, head, statements) in engine.files() {
            let mut text = (*head).to_owned();
            for sql in *statements {
                statement += 1;
                text.push_str(&numbered(sql, statement));
                text.push_str(";\n");
            }
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(statement, STATEMENTS);
        let mut bed = Self { engine, folder, expected: Vec::new() };
        let mut admin = bed.admin()?;
        let database = "undisturbed";
        engine.create(&mut admin, database)?;
        let scratch = TempDir::new().unwrap();
        if !bed.start(database, scratch.path()).succeeds()? {
            return Err(said(scratch.path()));
        }
        let mut client = Client::connect(&engine.server().url(database))?;
        bed.expected = engine.dump(&mut client)?;
        let open = bed.half_recorded(&mut client)?;
        assert!(open.is_empty(), "{open:?}");
        Ok(bed)
    }

    fn admin(&self) -> Result<Client, String> {
        // MySQL asks for no database to begin with.
        let server = self.engine.server();
        let postgres = server.url.starts_with("postgres");
        Client::connect(&if postgres { server.url("postgres") } else { server.url("") })
    }

    fn start(&self, database: &str, scratch: &Path) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(["migrate", "--lock-timeout", "60s", "--format", "json", "--dir"]).arg(self.folder.path());
        command.env("DATABASE_URL", self.engine.server().url(database));
        let output = File::create(scratch.join("output")).unwrap();
        Run(command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap())
    }

    fn place(&self, statement: usize) -> Place {
        let mut number = statement;
        for (file, (_, _, statements)) in self.engine.files().iter().enumerate() {
            if let Some(sql) = statements.get(number - 1) {
                return Place { file, number, sql: numbered(sql, statement) };
            }
            number -= statements.len();
        }
        panic!("the plan has no statement {statement}")
    }

    /// Executes a case.
    ///
    /// # Errors
    /// What went otherwise than a case can.
    pub fn execute(&self, case: Case) -> Result<Found, String> {
        let engine = self.engine;
        let database = format!("kill_{}_{:?}", case.statement, case.at).to_lowercase();
        let mut admin = self.admin()?;
        engine.create(&mut admin, &database)?;
        let scratch = TempDir::new().unwrap();

        let (mut run, gates, waiting) = self.stop_at(case, &database, scratch.path())?;
        self.strike(case.fault, &mut run, &waiting, &mut admin)?;
        gates.into_iter().for_each(Gate::open);
        if case.fault == Fault::Server {
            engine.server().start_again();
        }
        let went_on = run.succeeds()?;
        let first = First { run: format!("migrate-{}", run.0.id()), said: said(scratch.path()) };
        self.finish(&database, scratch.path())?;

        let mut client = Client::connect(&engine.server().url(&database))?;
        let dump = engine.dump(&mut client)?;
        let found = Found {
            lost: missing(&dump, &self.expected),
            repeated: missing(&self.expected, &dump),
            half_recorded: self.half_recorded(&mut client)?,
            not_resumed: self.not_resumed(&mut client, case, &first)?,
            went_on,
        };
        drop(client);
        // The connection of before was ended with its server.
        engine.drop(&mut self.admin()?, &database)?;
        Ok(found)
    }

    /// Starts a run and waits until it has come to the case's place. It goes on when the gates are opened.
    fn stop_at(&self, case: Case, database: &str, scratch: &Path) -> Result<(Run, Vec<Gate>, Waiting), String> {
        let Case { statement, at, .. } = case;
        let engine = self.engine;
        let url = engine.server().url(database);
        let gate = |statement| {
            let gate = Gate::lock(&url, engine.lock(&[table(statement)]), engine.unlock());
            gate.wait().map(|()| gate)
        };
        let mut gates = vec![gate(statement)?];
        let mut run = self.start(database, scratch);
        // On this database: a server names tables only of the one that it is asked in.
        let mut watcher = Client::connect(&url)?;
        let mut wait_for = |what: &str, condition: &dyn Fn(&Waiting) -> bool| {
            wait_until(what, || {
                let rows = watcher.rows(&engine.waiting(database))?;
                let mut rows = rows.into_iter().map(|row| Waiting { connection: row[0].clone(), what: row[1].clone() });
                let found = rows.find(|waiting| condition(waiting));
                if found.is_none() && run.0.try_wait().unwrap().is_some() {
                    return Err(format!("the run has ended: {}", said(scratch)));
                }
                Ok(found)
            })
        };
        let (table, sql) = (table(statement), self.place(statement).sql);
        let mut waiting = wait_for("it waits", &|waiting| engine.is_at(waiting, &table, &sql))?;
        if at == At::After {
            if statement < STATEMENTS {
                gates.push(gate(statement + 1)?);
            }
            let ledger = Gate::lock(&url, engine.lock_ledger(), engine.unlock());
            // Where the statement's transaction has the ledger already, the lock is got at its end.
            ledger.asked(&url, &engine.asking(database))?;
            gates.push(ledger);
            gates.remove(0).open();
            waiting = wait_for("it has run", &|waiting| !engine.is_at(waiting, &table, &sql))?;
        }
        Ok((run, gates, waiting))
    }

    /// Starts the plan again until it is done.
    fn finish(&self, database: &str, scratch: &Path) -> Result<(), String> {
        for _ in 0..3 {
            if self.start(database, scratch).succeeds()? {
                return Ok(());
            }
        }
        Err(format!("no run succeeds: {}", said(scratch)))
    }

    fn strike(&self, fault: Fault, run: &mut Run, waiting: &Waiting, admin: &mut Client) -> Result<(), String> {
        match fault {
            Fault::Runner => {
                run.0.kill().unwrap();
                run.0.wait().unwrap();
            }
            Fault::Connection => {
                admin.rows(&self.engine.end_connection(&waiting.connection))?;
                // It is told so, and looks when it has time: with its lock at once at hand it might go on first.
                let there = self.engine.is_there(&waiting.connection);
                wait_until("the connection is gone", || Ok(admin.rows(&there)?.is_empty().then_some(())))?;
            }
            Fault::Backend => {
                assert!(Command::new("kill").args(["-KILL", &waiting.connection]).status().unwrap().success());
                wait_until("the server has noticed", || Ok(admin.rows("select 1").is_err().then_some(())))?;
            }
            Fault::Server => self.engine.server().kill(),
        }
        Ok(())
    }

    /// What the ledger says otherwise than that each version is in force once, with all of its statements.
    fn half_recorded(&self, client: &mut Client) -> Result<Vec<String>, String> {
        let engine = self.engine;
        let in_force = "where success and undone_by is null order by version";
        let rows = engine.ledger(
            client,
            "version, filename, statements_done, statements_total",
            "schema_migrations",
            in_force,
        )?;
        let expected = engine.files().iter().map(|(name, _, statements)| {
            let count = statements.len().to_string();
            vec![name[..3].to_owned(), (*name).to_owned(), count.clone(), count]
        });
        let mut wrong = Vec::new();
        if rows != expected.collect::<Vec<_>>() {
            wrong.push(format!("in force: {rows:?}"));
        }
        let open = "where state <> 'finished' or migration_id is null";
        let rows = engine.ledger(client, "version, statement, state", "statement_journal", open)?;
        wrong.extend(rows.iter().map(|row| format!("journal: {row:?}")));
        Ok(wrong)
    }

    /// What was executed by another run than it should have been: what was done before the kill stays the first run's.
    fn not_resumed(&self, client: &mut Client, case: Case, first: &First) -> Result<Vec<String>, String> {
        let place = self.place(case.statement);
        let in_force = "where success and undone_by is null order by version";
        let rows = self.engine.ledger(client, "version, run", "schema_migrations", in_force)?;
        let mut wrong: Vec<String> = Vec::new();
        for row in rows.iter().take(place.file).filter(|row| row[1] != first.run) {
            // PostgreSQL's files of one message wait for the disk together: what a server that is killed forgets of them
            // it forgets as a whole, and nobody was told of it yet.
            let told = first.said.contains(&format!("\"event\":\"migrationApplied\",\"version\":\"{}\"", row[0]));
            if !told && matches!(case.fault, Fault::Backend | Fault::Server) {
                continue;
            }
            wrong.push(format!("the file {} was done again", row[0]));
        }
        let file = self.engine.files()[place.file].0;
        let rows = self.engine.ledger(
            client,
            "statement, run, trace, settled_by",
            "statement_journal",
            &format!("where filename = '{file}' order by statement"),
        )?;
        for row in rows {
            let (number, by_first) = (row[0].parse::<usize>().unwrap(), row[1] == first.run);
            if number < place.number && !by_first {
                wrong.push(format!("the statement {number} of {file} was done again"));
            }
            if number != place.number || case.fault == Fault::Runner {
                // What a runner has sent goes on without it.
                continue;
            }
            if case.at == At::Before && by_first {
                wrong.push(format!("the statement {number} of {file} was taken for done: {row:?}"));
            }
            let told = ["created index", "dropped index", "appears", "disappears", "renamed"];
            if case.at == At::After && told.contains(&row[2].as_str()) && !by_first {
                wrong.push(format!("the statement {number} of {file} was begun again"));
            }
        }
        Ok(wrong)
    }
}

impl Found {
    pub fn is_right(&self) -> bool {
        [&self.lost, &self.repeated, &self.half_recorded, &self.not_resumed].iter().all(|lines| lines.is_empty())
    }
}

fn numbered(sql: &str, statement: usize) -> String {
    sql.replace('#', &format!("_{statement:02}"))
}

/// What the last run has written.
fn said(scratch: &Path) -> String {
    std::fs::read_to_string(scratch.join("output")).unwrap_or_default()
}

/// Lines that are there less often than they should be.
fn missing(there: &[String], expected: &[String]) -> Vec<String> {
    let mut there = there.to_vec();
    let mut missing = Vec::new();
    for line in expected {
        match there.iter().position(|other| other == line) {
            Some(at) => drop(there.swap_remove(at)),
            None => missing.push(line.clone()),
        }
    }
    missing
}

fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = condition()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("not within a minute: {what}"));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A lock of the tests' own, held by a connection of its own.
struct Gate {
    granted: Receiver<Result<(), String>>,
    release: Sender<()>,
    thread: JoinHandle<()>,
}

impl Gate {
    fn lock(url: &str, lock: String, unlock: &'static str) -> Self {
        let (tell, granted) = channel();
        let (release, released) = channel();
        let url = url.to_owned();
        let thread = std::thread::spawn(move || match Client::connect(&url) {
            Err(error) => drop(tell.send(Err(error))),
            Ok(mut client) => {
                let _ = tell.send(client.rows(&lock).map(drop));
                let _ = released.recv();
                // The server may be gone, and the lock with it.
                let _ = client.rows(unlock);
            }
        });
        Self { granted, release, thread }
    }

    fn wait(&self) -> Result<(), String> {
        self.granted.recv_timeout(Duration::from_mins(1)).map_err(|_| "the lock is not to be had".to_owned())?
    }

    /// Until the lock is there, or waited for.
    fn asked(&self, url: &str, asking: &str) -> Result<(), String> {
        let mut watcher = Client::connect(url)?;
        wait_until("the lock is asked for", || match self.granted.try_recv() {
            Ok(granted) => granted.map(Some),
            Err(_) => Ok((!watcher.rows(asking)?.is_empty()).then_some(())),
        })
    }

    fn open(self) {
        let _ = self.release.send(());
        let _ = self.thread.join();
    }
}
