//! One kill: a run is stopped exactly at one statement of the plan, something is ended there, and the run is started
//! again until it succeeds. Then everything is compared with the same plan without a fault.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;
use crate::engine::{Engine, Fault, STATEMENTS, Waiting, table};
use crate::judge::{At, Case, End, First, Found, InForce, Journaled, Plan, numbered, place};

/// The plan's folder, and its result without a fault.
pub struct Bed<'a> {
    engine: &'a dyn Engine,
    folder: TempDir,
    plan: Plan,
}

/// A process that runs the plan; it is killed when dropped.
struct Run(Child);

impl Run {
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

impl<'a> Bed<'a> {
    /// Writes the plan, and runs it without a fault.
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
        let plan = Plan { files: engine.files(), before: Vec::new(), undisturbed: End::default() };
        let mut bed = Self { engine, folder, plan };
        let mut admin = bed.admin()?;
        let database = "undisturbed";
        engine.create(&mut admin, database)?;
        let mut client = Client::connect(&engine.server().url(database))?;
        bed.plan.before = engine.dump(&mut client)?;
        let scratch = TempDir::new().unwrap();
        if !bed.start(database, scratch.path()).succeeds()? {
            return Err(said(scratch.path()));
        }
        bed.plan.undisturbed = bed.end(&mut client)?;
        let open = bed.plan.half_recorded(&bed.plan.undisturbed);
        assert!(open.is_empty(), "{open:?}");
        Ok(bed)
    }

    fn admin(&self) -> Result<Client, String> {
        // MySQL does not need a database to connect to.
        let server = self.engine.server();
        let postgres = server.url("").starts_with("postgres");
        Client::connect(&if postgres { server.url("postgres") } else { server.url("") })
    }

    fn start(&self, database: &str, scratch: &Path) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schemaward"));
        command.args(["migrate", "--lock-timeout", "60s", "--format", "json", "--dir"]).arg(self.folder.path());
        command.env("DATABASE_URL", self.engine.server().url(database));
        let output = File::create(scratch.join("output")).unwrap();
        Run(command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap())
    }

    /// Executes a case.
    ///
    /// # Errors
    /// Anything that no case should lead to.
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
        let found = Found { went_on, ..self.plan.judge(&self.end(&mut client)?, case, &first) };
        drop(client);
        // A new connection, since the old one may have ended with its server.
        engine.drop(&mut self.admin()?, &database)?;
        Ok(found)
    }

    /// Starts a run and waits until it reaches the case's place. It continues when the gates are opened.
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
        // Connected to this database: a server names only the tables of the database it is asked in.
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
        let (table, sql) = (table(statement), place(self.plan.files, statement).sql);
        let mut waiting = wait_for("it waits", &|waiting| engine.is_at(waiting, &table, &sql))?;
        if at == At::After {
            if statement < STATEMENTS {
                gates.push(gate(statement + 1)?);
            }
            let ledger = Gate::lock(&url, engine.lock_ledger(), engine.unlock());
            // If the statement's transaction holds the ledger already, the lock is granted when it ends.
            ledger.asked(&url, &engine.asking(database))?;
            gates.push(ledger);
            gates.remove(0).open();
            waiting = wait_for("it has run", &|waiting| !engine.is_at(waiting, &table, &sql))?;
        }
        Ok((run, gates, waiting))
    }

    /// Starts the plan again until it succeeds.
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
                // The server only signals the connection, which checks for that when it can: given its lock at once, it
                // might continue first.
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

    /// The state of a database at the end.
    fn end(&self, client: &mut Client) -> Result<End, String> {
        let engine = self.engine;
        let columns = "version, filename, statements_done, statements_total, run";
        let rest = "where success and undone_by is null order by version";
        let in_force = engine.ledger(client, columns, "schema_migrations", rest)?;
        let columns = "filename, statement, state, trace, run, coalesce(migration_id, 0) > 0";
        let journal = engine.ledger(client, columns, "statement_journal", "order by filename, statement")?;
        let in_force = in_force.into_iter().map(|row| {
            let [version, filename, statements_done, statements_total, run] = row.try_into().unwrap();
            InForce { version, filename, statements_done, statements_total, run }
        });
        let journal = journal.into_iter().map(|row| {
            let [filename, statement, state, trace, run, belongs] = <[String; 6]>::try_from(row).unwrap();
            let statement = statement.parse().unwrap();
            Journaled { filename, statement, state, trace, run, belongs: matches!(belongs.as_str(), "t" | "1") }
        });
        Ok(End { dump: engine.dump(client)?, in_force: in_force.collect(), journal: journal.collect() })
    }
}

/// The output of the last run.
fn said(scratch: &Path) -> String {
    std::fs::read_to_string(scratch.join("output")).unwrap_or_default()
}

fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
    let deadline = Instant::now() + Duration::from_mins(3);
    loop {
        if let Some(found) = condition()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("not within three minutes: {what}"));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A lock of the tests, on its own connection.
struct Gate {
    granted: Receiver<Result<(), String>>,
    release: Sender<()>,
    thread: JoinHandle<()>,
}

impl Gate {
    fn lock(url: &str, lock: String, unlock: &'static str) -> Self {
        let (sender, granted) = channel();
        let (release, released) = channel();
        let url = url.to_owned();
        let thread = std::thread::spawn(move || match Client::connect(&url) {
            Err(error) => drop(sender.send(Err(error))),
            Ok(mut client) => {
                let _ = sender.send(client.rows(&lock).map(drop));
                let _ = released.recv();
                // The server may be gone, and the lock with it.
                let _ = client.rows(unlock);
            }
        });
        Self { granted, release, thread }
    }

    fn wait(&self) -> Result<(), String> {
        self.granted.recv_timeout(Duration::from_mins(3)).map_err(|_| "the lock is not to be had".to_owned())?
    }

    /// Waits until the lock is granted or waited for.
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
