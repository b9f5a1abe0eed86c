//! Applies generated files in every way and with psql, and compares the databases and the errors.

use std::fmt;

use schemaward::report::Reason;
use tempfile::TempDir;

use super::file::{File, Style};
use crate::postgres::bed::Bed;

/// How a file is applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// After others in one message.
    Batched,
    Alone,
    /// Statement by statement in its transaction, with an object that exists identically.
    StepByStep,
    NoTransaction,
    /// Interrupted after one of its statements, and resumed.
    Resumed,
}

impl Way {
    pub const ALL: [Self; 5] = [Self::Batched, Self::Alone, Self::StepByStep, Self::NoTransaction, Self::Resumed];
}

/// For each way, how many files were applied and how many of them failed, with psql too.
#[derive(Debug, Default)]
pub struct Counted {
    ways: [(u64, u64); 5],
    /// How many were not resumed, since what they need was lost with the session.
    reviewed: u64,
}

impl Counted {
    pub fn of(&self, way: Way) -> u64 {
        self.ways[way as usize].0
    }

    fn count(&mut self, way: Way, failed: bool) {
        self.ways[way as usize].0 += 1;
        self.ways[way as usize].1 += u64::from(failed);
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for way in Way::ALL {
            let (files, failed) = self.ways[way as usize];
            write!(f, "{way:?} {files} ({failed} of them with an error), ")?;
        }
        write!(f, "{} of those that were interrupted stopped for review", self.reviewed)
    }
}

/// The result of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Became {
    /// SQLSTATE and line; no line if the commit failed.
    error: Option<(String, Option<u64>)>,
    /// The rows in its schema.
    rows: String,
}

/// Some files. Each way of applying them gets a database of its own.
pub struct Case;

impl Case {
    /// Returns the differences.
    pub fn run(files: &[File], style: Style, counted: &mut Counted) -> Vec<String> {
        let by_psql = Bed::new();
        prepare(&by_psql, files);
        let expected: Vec<Became> = files.iter().map(|file| psql(&by_psql, file, style)).collect();
        let ways: &[Way] = match style {
            Style::Transaction => &[Way::Batched, Way::Alone, Way::StepByStep],
            Style::NoTransaction => &[Way::NoTransaction, Way::Resumed],
        };
        let mut wrong = Vec::new();
        for &way in ways {
            let bed = Bed::new();
            prepare(&bed, files);
            // In a batch nothing runs after a file that fails.
            let taken = files.iter().zip(&expected).filter(|(file, became)| match way {
                Way::Batched => became.error.is_none(),
                // LISTEN is not restored in a new session, as docs/no-transaction.md says.
                Way::Resumed => !file.lines.iter().any(|line| line.contains("listen")),
                _ => true,
            });
            let taken: Vec<(&File, &Became)> = taken.collect();
            // psql may have applied none of the group.
            if way == Way::Batched && !taken.is_empty() {
                batched(&bed, &taken);
            }
            for (file, expected) in taken {
                counted.count(way, expected.error.is_some());
                let became = match way {
                    Way::Batched => Some(Became { error: None, rows: rows(&bed, file) }),
                    _ => schemaward(&bed, file, way),
                };
                let Some(became) = became else {
                    counted.reviewed += 1;
                    continue;
                };
                if became != *expected {
                    let (seed, text) = (file.seed, file.text("--"));
                    wrong.push(format!("{way:?}, seed {seed}:\n{text}\npsql: {expected:#?}\nschemaward: {became:#?}"));
                }
            }
        }
        wrong
    }
}

/// What the files need: a schema each, and roles, which belong to the server.
fn prepare(bed: &Bed<'_>, files: &[File]) {
    bed.psql(
        "select pg_advisory_lock(7); do $$ begin create role settings_a; create role settings_b; \
         exception when duplicate_object then null; end $$",
    );
    let schemas: String = files
        .iter()
        .map(|file| {
            SCHEMA
                .replace("S.", &format!("{}.", file.schema))
                .replace("S;", &format!("{};", file.schema))
                .replace("SCHEMA S ", &format!("SCHEMA {} ", file.schema))
        })
        .collect();
    bed.psql(&schemas);
    // The comparison step by step creates objects a second time, in a schema of its own.
    bed.psql(&format!("grant create on database {} to public", bed.database));
}

const SCHEMA: &str = "create SCHEMA S ; create sequence S.numbers;
    create table S.log (id int generated always as identity, what text, who name default current_user, login name default \
    session_user, path text default current_setting('search_path'), mode text default current_setting('transaction_isolation'));
    create table S.t (a int); create table S.parent (n int primary key); insert into S.parent values (1);
    create table S.child (n int references S.parent deferrable initially deferred); create table S.d (a int);
    create function S.note() returns trigger language plpgsql as $$ begin
    if new.a < 0 then raise exception 'negative' using errcode = 'XX321'; end if;
    insert into S.log (what) values ('deferred ' || new.a || ' ' || coalesce(to_regclass('log')::text, 'none')); return null; end $$;
    create constraint trigger later after insert or update on S.d deferrable initially deferred for each row execute function S.note();
    create function S.changes_settings() returns int language sql as $$ select set_config('work_mem', '66kB', false); \
    select set_config('my.own', 'function', false); select 1 $$;
    grant all on SCHEMA S to public; grant all on all tables in SCHEMA S to public; grant all on all sequences in SCHEMA S to public;
    create table S.gate (n int); insert into S.gate values (1); grant select on S.gate to public;";

/// Everything that a file can leave.
fn rows(bed: &Bed<'_>, file: &File) -> String {
    let schema = &file.schema;
    bed.psql(&format!(
        "select what, who, login, path, mode from {schema}.log order by id;
         select 'd', a from {schema}.d order by a; select 'child', n from {schema}.child; select 't', count(*) from {schema}.t;
         select relname, pg_get_userbyid(relowner), relkind from pg_class where relnamespace = '{schema}'::regnamespace order by 1"
    ))
}

/// psql runs a transaction with `-1`. Its errors name the line where a statement ends.
fn psql(bed: &Bed<'_>, file: &File, style: Style) -> Became {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file.sql");
    std::fs::write(&path, file.text("--")).unwrap();
    let mut command = bed.server.psql_of(&bed.database);
    if style == Style::Transaction {
        command.arg("-1");
    }
    let output = command.args(["-v", "VERBOSITY=verbose", "-f"]).arg(&path).env("PGTZ", "UTC").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let error = said.lines().find_map(|line| {
        let (place, rest) = line.split_once("ERROR:  ")?;
        let line = place.trim_end_matches([':', ' ']).rsplit(':').next()?.parse().ok();
        Some((rest.get(..5)?.to_owned(), line))
    });
    assert_eq!(error.is_some(), !output.status.success(), "{said}");
    let last = u64::try_from(file.lines.len()).unwrap() + 1;
    // After the last line only the commit is left.
    let error = error.map(|(code, line)| (code, line.filter(|line| *line <= last)));
    Became { error, rows: rows(bed, file) }
}

/// All files in one folder and one message.
fn batched(bed: &Bed<'_>, files: &[(&File, &Became)]) {
    for (n, (file, _)) in files.iter().enumerate() {
        bed.file(&format!("{:03}_{}.sql", n + 1, file.schema), file.text("--").as_bytes());
    }
    let ended = bed.run();
    assert_eq!(ended.applied(), i64::try_from(files.len()).unwrap());
}

/// One file with a history of its own. None if it was not resumed and nothing was changed.
fn schemaward(bed: &Bed<'_>, file: &File, way: Way) -> Option<Became> {
    let schema = &file.schema;
    let alone = bed.beside();
    let history = format!("h{}", file.seed);
    let mut flags = vec!["--history-schema", &history, "--lock-wait", "60s"];
    let mut offset = 0;
    let mut before = None;
    match way {
        Way::StepByStep => {
            bed.psql(&format!("create table {schema}.gone (a int)"));
            flags.extend(["--already-exists", "skip-if-identical"]);
            // Added at the end, so that everything before it is run twice and no line number differs from psql's.
            let mut stepped = file.clone();
            let at = stepped.lines.len();
            stepped.lines.insert(at, format!("create table {schema}.gone (a int)"));
            alone.file("001_f.sql", stepped.text("--").as_bytes());
        }
        Way::Alone | Way::Batched => alone.file("001_f.sql", file.text("--").as_bytes()),
        Way::NoTransaction => alone.file("001_f.sql", file.text("-- schemaward: no-transaction").as_bytes()),
        Way::Resumed => {
            let at = usize::try_from(file.seed).unwrap() % (file.lines.len() + 1);
            let mut gated = file.clone();
            gated.lines.insert(at, format!("select 1 / n from {schema}.gate"));
            alone.file("001_f.sql", gated.text("-- schemaward: no-transaction").as_bytes());
            bed.psql(&format!("update {schema}.gate set n = 0"));
            let first = alone.run_with(&flags);
            let failed_before = first.failure().place.as_ref().and_then(|place| place.line);
            bed.psql(&format!("update {schema}.gate set n = 1"));
            offset = u64::try_from(at).unwrap() + 2;
            if failed_before.is_some_and(|line| u64::try_from(line).unwrap() < offset) {
                // It failed before the interruption.
                return Some(became(bed, file, &first, offset));
            }
            before = Some(rows(bed, file));
        }
    }
    let ended = alone.run_with(&flags);
    if way == Way::StepByStep {
        bed.psql(&format!("drop table {schema}.gone"));
    }
    let is_reviewed = before.is_some_and(|before| {
        !ended.status.success() && ended.failure().reason == Reason::NeedsReview && rows(bed, file) == before
    });
    (!is_reviewed).then(|| became(bed, file, &ended, offset))
}

/// `offset`: the line that psql's file does not have; 0 for none.
fn became(bed: &Bed<'_>, file: &File, ended: &crate::postgres::bed::Ended, offset: u64) -> Became {
    let error = if ended.status.success() {
        None
    } else {
        let failure = ended.failure();
        let line = failure.place.as_ref().and_then(|place| place.line).map(|line| u64::try_from(line).unwrap());
        let line = line.map(|line| if offset > 0 && line > offset { line - 1 } else { line });
        let at_commit = failure.message.starts_with("at COMMIT: ") && line.is_none();
        Some((failure.code.clone().unwrap_or_else(|| failure.message.clone()), line.filter(|_| !at_commit)))
    };
    Became { error, rows: rows(bed, file) }
}
