//! The statement journal's SQL, and what its rows and the catalog say about a statement whose end was not recorded.
//! Texts and decisions only; [`super::journaled`] sends and acts.

use sqlx::mysql::MySqlRow;

use super::ledger::{Ledger, NOW, instant};
use super::literal::{identifier, text, text_or_null};
use super::rows::value;
use crate::engine::session::{Attempt, ByHand, Fence, SessionError};
use crate::engine::shared::journal_failure::Begun;
use crate::engine::shared::journal_verdict::{Journaled, Settlement};
use crate::engine::shared::ledger_rows::{begun, statement_state};
use crate::engine::shared::stored_trace::StoredTrace;
use crate::migration::{Checksum, Version};
use crate::plan::{self, StatementState};
use crate::report::Failure;
use crate::sql::{CatalogObject, Execution, ObjectName, Trace};

/// A statement that was started.
#[derive(Clone, Debug)]
pub(super) struct JournalRow {
    /// From 1.
    pub(super) statement: usize,
    pub(super) checksum: Checksum,
    pub(super) state: StatementState,
    trace: StoredTrace,
    /// Whether the catalog showed before what [`before`] asks for.
    before: Option<bool>,
    pub(super) excerpt: String,
    started_at: String,
    run: String,
    /// What `LAST_INSERT_ID()` said after it; None where an older Schemaward has run it.
    pub(super) last_insert_id: Option<u64>,
    /// What changed in the session up to it, as [`super::kept`] reads it.
    pub(super) session_state: Option<String>,
}

/// A row's number. One that the server counts itself would be the `LAST_INSERT_ID()` of the file's next statement.
/// Unsigned as the server makes it, and its highest bit is the server's.
const FRESH_ID: &str = "UUID_SHORT() & 9223372036854775807";
/// What the end of a statement says in place of what the row of its start has noted.
const LEFT: &str = "-";

/// The object by which a trace is found, for people.
fn object(trace: &Trace) -> Option<String> {
    match trace {
        Trace::Appears(object) | Trace::Disappears(object) | Trace::LastDisappears(object) => Some(shown(object)),
        Trace::Renamed { from, .. } => Some(shown(from)),
        _ => None,
    }
}

fn shown(object: &CatalogObject) -> String {
    let name = |name: &ObjectName| match &name.database {
        Some(database) => format!("{}.{}", identifier(database), identifier(&name.name)),
        None => identifier(&name.name),
    };
    let inner = |table: &ObjectName, inner: &str| format!("{}.{}", name(table), identifier(inner));
    match object {
        CatalogObject::Database(name) => format!("database {}", identifier(name)),
        CatalogObject::Table(table) => format!("table {}", name(table)),
        CatalogObject::View(view) => format!("view {}", name(view)),
        CatalogObject::Column { table, name } => format!("column {}", inner(table, name)),
        CatalogObject::Index { table, name } => format!("index {}", inner(table, name)),
        CatalogObject::Constraint { table, name } => format!("constraint {}", inner(table, name)),
        CatalogObject::Procedure(procedure) => format!("procedure {}", name(procedure)),
        CatalogObject::Function(function) => format!("function {}", name(function)),
        CatalogObject::Trigger(trigger) => format!("trigger {}", name(trigger)),
        CatalogObject::Event(event) => format!("event {}", name(event)),
    }
}

/// Whether the catalog shows an object, as an expression.
fn is_there(object: &CatalogObject) -> String {
    let within = |view: &str, schema: &str, name: &ObjectName, more: &str| {
        let database = name.database.as_deref().map_or_else(|| "DATABASE()".to_owned(), text);
        format!("EXISTS (SELECT 1 FROM information_schema.{view} WHERE {schema} = {database} AND {more})")
    };
    let of_table = |view: &str, table: &ObjectName, column: &str, name: &str| {
        let more = format!("TABLE_NAME = {} AND {column} = {}", text(&table.name), text(name));
        within(view, "TABLE_SCHEMA", table, &more)
    };
    let named = |view: &str, schema: &str, column: &str, name: &ObjectName, more: &str| {
        within(view, schema, name, &format!("{column} = {}{more}", text(&name.name)))
    };
    match object {
        CatalogObject::Database(name) => {
            format!("EXISTS (SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {})", text(name))
        }
        CatalogObject::Table(table) | CatalogObject::View(table) => {
            named("TABLES", "TABLE_SCHEMA", "TABLE_NAME", table, "")
        }
        CatalogObject::Column { table, name } => of_table("COLUMNS", table, "COLUMN_NAME", name),
        CatalogObject::Index { table, name } => of_table("STATISTICS", table, "INDEX_NAME", name),
        CatalogObject::Constraint { table, name } => of_table("TABLE_CONSTRAINTS", table, "CONSTRAINT_NAME", name),
        CatalogObject::Procedure(name) => {
            named("ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME", name, " AND ROUTINE_TYPE = 'PROCEDURE'")
        }
        CatalogObject::Function(name) => {
            named("ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME", name, " AND ROUTINE_TYPE = 'FUNCTION'")
        }
        // By its table's database, which is its own: asked by TRIGGER_SCHEMA, MariaDB looks through the tables of all
        // databases, and answers with error 1684 where one of them is being changed.
        // Source: MariaDB's EXPLAIN of both, "Scanned all databases" and "Scanned 1 database".
        CatalogObject::Trigger(name) => named("TRIGGERS", "EVENT_OBJECT_SCHEMA", "TRIGGER_NAME", name, ""),
        CatalogObject::Event(name) => named("EVENTS", "EVENT_SCHEMA", "EVENT_NAME", name, ""),
    }
}

/// What is noted of the catalog before a statement runs, as an expression; NULL where there is nothing to note.
fn before(trace: &Trace) -> String {
    match trace {
        Trace::Appears(object) | Trace::Disappears(object) | Trace::LastDisappears(object) => is_there(object),
        Trace::Renamed { from, to } => format!("({} AND NOT {})", is_there(from), is_there(to)),
        _ => "NULL".to_owned(),
    }
}

/// The question whether a statement has run, as a query of one value; None where the catalog need not be asked.
pub(super) fn question(trace: &Trace) -> Option<String> {
    match trace {
        Trace::Appears(object) => Some(format!("SELECT {}", is_there(object))),
        Trace::Disappears(object) | Trace::LastDisappears(object) => Some(format!("SELECT NOT {}", is_there(object))),
        Trace::Renamed { from, to } => Some(format!("SELECT NOT {} AND {}", is_there(from), is_there(to))),
        _ => None,
    }
}

impl JournalRow {
    /// As the verdict on it reads it.
    pub(super) fn journaled(&self) -> Journaled<'_> {
        let begun = Begun { excerpt: &self.excerpt, run: &self.run, started_at: &self.started_at };
        Journaled { state: self.state, checksum: &self.checksum, trace: self.trace, begun }
    }

    pub(super) fn read(row: &MySqlRow) -> Result<Self, SessionError> {
        let row = Some(row);
        Ok(Self {
            statement: usize::try_from(value::<i32>(row, 0)?).unwrap_or_default(),
            checksum: Checksum::stored(value::<String>(row, 1)?),
            state: statement_state(&value::<String>(row, 2)?)?,
            trace: StoredTrace::read(&value::<String>(row, 3)?),
            before: value(row, 4)?,
            excerpt: value(row, 5)?,
            started_at: value(row, 6)?,
            run: value(row, 7)?,
            last_insert_id: value(row, 8)?,
            session_state: value(row, 9)?,
        })
    }

    /// What the catalog's answer to [`question`] means; None where there is no question.
    pub(super) fn settlement(&self, has_run: Option<bool>) -> Settlement {
        match (self.trace, self.before, has_run) {
            (StoredTrace::Appears, Some(false), Some(true))
            | (StoredTrace::Disappears | StoredTrace::LastDisappears | StoredTrace::Renamed, Some(true), Some(true)) => {
                Settlement::Done
            }
            // It was not as the statement wants it: the server says what it thinks of that.
            (
                StoredTrace::Appears | StoredTrace::Disappears | StoredTrace::LastDisappears | StoredTrace::Renamed,
                Some(_),
                Some(_),
            ) => Settlement::NotDone,
            _ => Settlement::Unknown,
        }
    }
}

/// A row to be written: where a statement is.
pub(super) enum Row {
    /// It is about to run; what the catalog shows before is noted.
    Started(usize),
    /// It was started before, and has run.
    Ended(usize),
    /// It has run, and has no row yet.
    Finished(usize),
}

impl Ledger {
    fn journal_table(&self) -> String {
        self.table("statement_journal")
    }

    /// All that was started and is not complete, in no order. `open_version` says the same of a row as `migration_id` does,
    /// and has an index: the rows of what is complete need not be read.
    pub(super) fn begun(&self) -> String {
        format!("SELECT {} FROM {} WHERE open_version IS NOT NULL", begun::list(&[]), self.journal_table())
    }

    /// The started statements of one attempt's file.
    pub(super) fn journal(&self, attempt: Attempt<'_>) -> String {
        format!(
            "SELECT statement, checksum, state, trace, object_before, excerpt, {}, run, last_insert_id, \
             session_state FROM {} \
             WHERE {} ORDER BY statement",
            instant("started_at"),
            self.journal_table(),
            open(attempt)
        )
    }

    /// Writes rows, all or none, and only while the fence is this run's. `session`: what the session has become, as an
    /// expression; the last statement's row keeps it that has run.
    pub(super) fn write_rows(&self, attempt: Attempt<'_>, rows: &[Row], session: Option<&str>) -> String {
        // A row that ends a statement says so by its trace, and leaves what the row of its start has noted. No text of it is
        // empty: to some modes of MariaDB that is NULL.
        const KEPT: [&str; 6] = ["filename", "checksum", "excerpt", "object", "object_before", "started_at"];
        let last_run = rows.iter().rposition(|row| !matches!(row, Row::Started(_)));
        let state = |at: usize| session.filter(|_| Some(at) == last_run);
        let values: Vec<String> = rows.iter().enumerate().map(|(at, row)| self.row(attempt, row, state(at))).collect();
        let kept = KEPT.map(|name| format!("{name} = IF(VALUES(trace) = '{LEFT}', {name}, VALUES({name}))"));
        format!(
            "INSERT INTO {} (id, kind, version, filename, statement, checksum, excerpt, state, trace, object, object_before, \
             started_at, ended_at, settled_by, run, fence, last_insert_id, session_state) VALUES {} ON DUPLICATE KEY UPDATE {}, \
             state = VALUES(state), ended_at = VALUES(ended_at), settled_by = VALUES(settled_by), run = VALUES(run), \
             fence = VALUES(fence), last_insert_id = VALUES(last_insert_id), \
             session_state = VALUES(session_state), error_code = NULL, error_message = NULL, trace = IF(VALUES(trace) = '{LEFT}', trace, VALUES(trace))",
            self.journal_table(),
            values.join(", "),
            kept.join(", ")
        )
    }

    fn row(&self, attempt: Attempt<'_>, row: &Row, session: Option<&str>) -> String {
        let migration = attempt.migration;
        let (Row::Started(index) | Row::Ended(index) | Row::Finished(index)) = *row;
        let starts = matches!(row, Row::Started(_));
        let ends = matches!(row, Row::Ended(_));
        let execution = if ends { &Execution::Transaction } else { migration.execution(index) };
        let place = (!ends).then(|| migration.place_of_statement(index));
        let checksum = (!ends).then(|| migration.statement_checksum(index));
        let trace = match execution {
            Execution::Alone(trace) if starts => Some(trace),
            _ => None,
        };
        let values = [
            FRESH_ID.to_owned(),
            text(attempt.kind.word()),
            text(migration.version.as_str()),
            text(&migration.file),
            (index + 1).to_string(),
            text(checksum.as_ref().map_or(LEFT, Checksum::as_str)),
            text(place.and_then(|place| place.excerpt).as_deref().unwrap_or(LEFT)),
            text(if starts { "started" } else { "finished" }),
            text(if ends { LEFT } else { StoredTrace::of_execution(execution).as_str() }),
            text_or_null(trace.and_then(object).as_deref()),
            trace.map_or_else(|| "NULL".to_owned(), before),
            NOW.to_owned(),
            if starts { "NULL" } else { NOW }.to_owned(),
            if starts { "NULL" } else { "'server'" }.to_owned(),
            text(attempt.run),
            self.guard(attempt.fence),
            "LAST_INSERT_ID()".to_owned(),
            session.unwrap_or("NULL").to_owned(),
        ];
        format!("({})", values.join(", "))
    }

    /// How a statement that was started ended; `failure` where the server refused it.
    pub(super) fn end_statement(
        &self,
        attempt: Attempt<'_>,
        index: usize,
        settled_by: &str,
        failure: Option<&Failure>,
    ) -> String {
        format!(
            "UPDATE {} SET state = {}, ended_at = {NOW}, settled_by = {}, error_code = {}, \
             error_message = {}, fence = {} WHERE {} AND statement = {}",
            self.journal_table(),
            text(if failure.is_none() { "finished" } else { "failed" }),
            text(settled_by),
            text_or_null(failure.and_then(|failure| failure.code.as_deref())),
            text_or_null(failure.map(|failure| failure.message.as_str())),
            self.guard(attempt.fence),
            open(attempt),
            index + 1
        )
    }

    /// Makes an attempt's statements part of the row that was written just before. The session's values are no longer
    /// needed, and may be secrets.
    pub(super) fn join_journal(&self, attempt: Attempt<'_>) -> String {
        format!(
            "UPDATE {} SET migration_id = LAST_INSERT_ID(), session_state = NULL WHERE {}",
            self.journal_table(),
            open(attempt)
        )
    }

    /// What a person says of a statement whose end was not recorded, or which was refused and is done by hand now.
    pub(super) fn settle_by_hand(&self, fence: Fence, by_hand: &ByHand<'_>) -> String {
        format!(
            "UPDATE {} SET state = {}, ended_at = {NOW}, settled_by = 'repair', error_code = NULL, \
             error_message = NULL, run = {}, fence = {} WHERE {} AND statement = {} AND state IN ('started', 'failed')",
            self.journal_table(),
            text(if by_hand.has_run { "finished" } else { "failed" }),
            text(by_hand.run),
            self.guard(fence),
            open_version(by_hand.version),
            by_hand.statement
        )
    }
}

/// The rows of an attempt's file while it is not complete.
fn open(attempt: Attempt<'_>) -> String {
    let file = if attempt.kind == plan::Kind::Repeatable { attempt.migration.file.as_str() } else { "" };
    format!(
        "{} AND kind = {} AND open_file = {}",
        open_version(&attempt.migration.version),
        text(attempt.kind.word()),
        text(file)
    )
}

/// The rows of a version that is not complete; 7 and 007 are the same one. A version goes one way at a time: forward where
/// it is not in force, back where it is.
fn open_version(version: &Version) -> String {
    format!("open_version = {}", text(version.significant()))
}
