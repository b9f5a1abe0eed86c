//! The statement journal's SQL, and what its rows and the catalog say about a statement whose end was not recorded.
//! Texts and decisions only; [`super::journaled`] sends and acts.

use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;

use super::ledger::Ledger;
use super::literal::{text, text_or_null};
use super::rows::value;
use crate::engine::session::{Attempt, ByHand, FailedAttempt, Fence, SessionError};
use crate::engine::shared::journal_failure::Begun;
use crate::engine::shared::journal_verdict::{Journaled, Settlement};
use crate::engine::shared::ledger_rows::{begun, statement_state};
use crate::engine::shared::stored_trace::StoredTrace;
use crate::migration::{Checksum, Version};
use crate::plan::{self, StatementState};
use crate::report::Failure;
use crate::sql::Trace;

/// The object a statement makes, drops or rebuilds, as the catalog had it before.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    /// Its qualified name, quoted; the table's where the statement rebuilds indexes.
    pub(super) name: Option<String>,
    /// Its OID; absent where it was not there.
    pub(super) oid: Option<Oid>,
}

/// A statement that was started.
#[derive(Clone, Debug)]
pub(super) struct JournalRow {
    /// From 1.
    pub(super) statement: usize,
    pub(super) checksum: Checksum,
    pub(super) state: StatementState,
    trace: StoredTrace,
    object: Object,
    pub(super) excerpt: String,
    started_at: String,
    run: String,
    /// Names of what was temporary in the session after it, each in a line.
    pub(super) temporary: Option<String>,
}

/// What of the session is temporary, by name.
const TEMPORARY: &str = "(SELECT pg_catalog.string_agg(c.relname::pg_catalog.text, E'\\n') FROM pg_catalog.pg_class c \
                         WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() \
                         AND c.relkind IN ('r', 'v', 'S', 'p', 'f'))";

/// Asks for a trace's [`Object`], with names looked up as the statement itself will look them up. None where it has none.
pub(super) fn object_of(trace: &Trace) -> Option<String> {
    let class = "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace";
    let found =
        |name: &str| format!("c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({})::pg_catalog.oid", text(name));
    let own = "pg_catalog.format('%I.%I', n.nspname, c.relname), c.oid";
    match trace {
        Trace::CreatedIndex { name, table } => {
            // An index lies in its table's schema.
            let index = format!(
                "pg_catalog.format('%I.%I', n.nspname, ((pg_catalog.parse_ident({}))[1])::pg_catalog.name)",
                text(name)
            );
            Some(format!(
                "SELECT {index}, pg_catalog.to_regclass({index})::pg_catalog.oid FROM {class} WHERE {}",
                found(table)
            ))
        }
        Trace::DroppedIndex { name } | Trace::ReindexedTable { name } => {
            Some(format!("SELECT {own} FROM {class} WHERE {}", found(name)))
        }
        Trace::ReindexedIndex { name } => Some(format!(
            "SELECT {own} FROM {class} WHERE c.oid OPERATOR(pg_catalog.=) (SELECT i.indrelid FROM pg_catalog.pg_index i \
             WHERE i.indexrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({})::pg_catalog.oid)",
            text(name)
        )),
        // The last four are not statements of PostgreSQL.
        Trace::Repeatable
        | Trace::ReindexedMany
        | Trace::DetachedPartition { .. }
        | Trace::Unknown
        | Trace::Parts
        | Trace::Appears(_)
        | Trace::Disappears(_)
        | Trace::LastDisappears(_)
        | Trace::Renamed { .. } => None,
    }
}

impl JournalRow {
    /// As the verdict on it reads it.
    pub(super) fn journaled(&self) -> Journaled<'_> {
        let begun = Begun { excerpt: &self.excerpt, run: &self.run, started_at: &self.started_at };
        Journaled { state: self.state, checksum: &self.checksum, trace: self.trace, begun }
    }

    pub(super) fn read(row: &PgRow) -> Result<Self, SessionError> {
        let row = Some(row);
        Ok(Self {
            statement: usize::try_from(value::<i32>(row, 1)?).unwrap_or_default(),
            checksum: Checksum::stored(value::<String>(row, 2)?),
            state: statement_state(&value::<String>(row, 3)?)?,
            trace: StoredTrace::read(&value::<String>(row, 4)?),
            object: Object { name: value(row, 5)?, oid: value(row, 6)? },
            excerpt: value(row, 7)?,
            started_at: value(row, 8)?,
            run: value(row, 9)?,
            temporary: value(row, 10)?,
        })
    }

    /// The question to the catalog: rows of name, OID and whether the index is valid. None where it need not be asked.
    pub(super) fn question(&self) -> Option<String> {
        const INDEXES: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.oid, \
                               i.indisvalid AND i.indisready AND i.indislive FROM pg_catalog.pg_index i \
                               JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid \
                               JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE";
        let before = self.object.oid.map_or(0, |oid| oid.0);
        match self.trace {
            StoredTrace::CreatedIndex => Some(format!(
                "{INDEXES} c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({})::pg_catalog.oid",
                text(self.object.name.as_deref().unwrap_or_default())
            )),
            StoredTrace::DroppedIndex => Some(format!("{INDEXES} c.oid OPERATOR(pg_catalog.=) {before}")),
            // REINDEX CONCURRENTLY names what it builds and what it replaces so.
            // Source: PostgreSQL, REINDEX, "Rebuilding Indexes Concurrently".
            StoredTrace::RebuiltIndexes => Some(format!(
                "{INDEXES} i.indrelid OPERATOR(pg_catalog.=) {before} AND NOT i.indisvalid \
                 AND c.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$'"
            )),
            _ => None,
        }
    }

    /// What the catalog's answer means, and the indexes that are left half built. `found`: rows of name, OID, valid.
    pub(super) fn settlement(&self, found: &[(String, Oid, bool)]) -> (Settlement, Vec<String>) {
        match (self.trace, self.object.oid) {
            (StoredTrace::CreatedIndex, before) => match found {
                [(_, oid, true)] if Some(*oid) != before => (Settlement::Done, Vec::new()),
                [(name, oid, false)] if Some(*oid) != before => (Settlement::NotDone, vec![name.clone()]),
                // None, or one that existed before: the server says what it thinks of that.
                _ => (Settlement::NotDone, Vec::new()),
            },
            (StoredTrace::DroppedIndex, Some(_)) if found.is_empty() => (Settlement::Done, Vec::new()),
            (StoredTrace::RebuiltIndexes, _) => {
                (Settlement::NotDone, found.iter().map(|(name, ..)| name.clone()).collect())
            }
            _ => (Settlement::NotDone, Vec::new()),
        }
    }
}

impl Ledger {
    /// All that was started and is not applied.
    pub(super) fn begun(&self) -> String {
        format!(
            "SELECT {} FROM {}.statement_journal WHERE migration_id IS NULL AND tableoid IS NOT NULL",
            begun::list(&[]),
            self.quoted
        )
    }

    /// The started statements of one attempt's file.
    pub(super) fn journal(&self, attempt: Attempt<'_>) -> String {
        format!(
            "SELECT j.version, j.statement, j.checksum, j.state, j.trace, j.object, j.object_before, j.excerpt, \
             pg_catalog.to_char(j.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), j.run, j.session_state \
             FROM {}.statement_journal j WHERE {} ORDER BY j.statement",
            self.quoted,
            open(attempt)
        )
    }

    /// The row of a statement that is about to run, or runs in this very transaction. Its number is not taken from a
    /// sequence: the file's next statement would see it as `lastval()`.
    pub(super) fn begin_statement(&self, attempt: Attempt<'_>, index: usize, kind: Kind<'_>) -> String {
        let migration = attempt.migration;
        let (trace, object) = match kind {
            Kind::InTransaction => (None, &Object::default()),
            Kind::Alone(trace, object) => (Some(trace), object),
        };
        let finished = trace.is_none();
        let place = migration.place_of_statement(index);
        let values = [
            text(attempt.kind.word()),
            text(migration.version.as_str()),
            text(&migration.file),
            (index + 1).to_string(),
            text(migration.statement_checksum(index).as_str()),
            text(place.excerpt.as_deref().unwrap_or_default()),
            text(if finished { "finished" } else { "started" }),
            text(trace.map_or(StoredTrace::Transaction, StoredTrace::of).as_str()),
            text_or_null(object.name.as_deref()),
            object.oid.map_or_else(|| "NULL".to_owned(), |oid| oid.0.to_string()),
            "pg_catalog.clock_timestamp()".to_owned(),
            if finished { "pg_catalog.clock_timestamp()" } else { "NULL" }.to_owned(),
            if finished { "'server'" } else { "NULL" }.to_owned(),
            text(attempt.run),
            attempt.fence.0.to_string(),
            if finished { TEMPORARY } else { "NULL" }.to_owned(),
        ];
        format!(
            "INSERT INTO {0}.statement_journal (id, kind, version, filename, statement, checksum, excerpt, state, trace, \
             object, object_before, started_at, ended_at, settled_by, run, fence, session_state) OVERRIDING SYSTEM VALUE \
             VALUES ((SELECT COALESCE(pg_catalog.max(id), 0) OPERATOR(pg_catalog.+) 1 FROM {0}.statement_journal), {1}) \
             ON CONFLICT (kind, (pg_catalog.ltrim(version, '0')), \
             (CASE WHEN kind = 'repeatable' THEN filename ELSE '' END), statement) WHERE migration_id IS NULL DO UPDATE SET \
             (filename, checksum, excerpt, state, trace, object, object_before, started_at, ended_at, settled_by, run, \
             fence, session_state, error_code, error_message) = (EXCLUDED.filename, EXCLUDED.checksum, EXCLUDED.excerpt, EXCLUDED.state, \
             EXCLUDED.trace, EXCLUDED.object, EXCLUDED.object_before, EXCLUDED.started_at, EXCLUDED.ended_at, \
             EXCLUDED.settled_by, EXCLUDED.run, EXCLUDED.fence, \
             EXCLUDED.session_state, NULL, NULL)",
            self.quoted,
            values.join(", ")
        )
    }

    /// How a statement ended; `failure` where the server refused it.
    pub(super) fn end_statement(
        &self,
        attempt: Attempt<'_>,
        index: usize,
        settled_by: &str,
        failure: Option<&Failure>,
    ) -> String {
        format!(
            "UPDATE {}.statement_journal AS j SET state = {}, ended_at = pg_catalog.clock_timestamp(), settled_by = {}, \
             session_state = {TEMPORARY}, error_code = {}, error_message = {} WHERE {} AND j.statement = {}",
            self.quoted,
            text(if failure.is_none() { "finished" } else { "failed" }),
            text(settled_by),
            text_or_null(failure.and_then(|failure| failure.code.as_deref())),
            text_or_null(failure.map(|failure| failure.message.as_str())),
            open(attempt),
            index + 1
        )
    }

    /// Makes what was refused a part of what was applied since.
    pub(super) fn close_refused(&self) -> String {
        format!(
            "UPDATE {0}.statement_journal AS j SET migration_id = m.id FROM {0}.schema_migrations AS m \
             WHERE j.migration_id IS NULL AND j.state OPERATOR(pg_catalog.=) 'failed' \
             AND m.success AND m.undone_by IS NULL AND m.applied_at OPERATOR(pg_catalog.>=) j.started_at \
             AND m.kind::pg_catalog.text OPERATOR(pg_catalog.=) j.kind AND CASE j.kind \
             WHEN 'repeatable' THEN m.filename OPERATOR(pg_catalog.=) j.filename WHEN 'migration' THEN \
             pg_catalog.ltrim(m.version::pg_catalog.text, '0') OPERATOR(pg_catalog.=) pg_catalog.ltrim(j.version, '0') END",
            self.quoted
        )
    }

    /// The row of a migration whose statements have all run; they become a part of it.
    pub(super) fn record_journaled(&self, attempt: Attempt<'_>, duration_ms: u128) -> String {
        let joined = format!(
            "joined AS (UPDATE {}.statement_journal AS j SET migration_id = recorded.id FROM recorded WHERE {})",
            self.quoted,
            open(attempt)
        );
        self.record_duration(attempt, duration_ms, joined)
    }

    /// The row of a file that a person has given up; its statements become a part of it.
    pub(super) fn record_abandoned(&self, attempt: Attempt<'_>, given_up: FailedAttempt<'_>) -> String {
        let joined = format!(
            "joined AS (UPDATE {}.statement_journal AS j SET migration_id = recorded.id FROM recorded WHERE {})",
            self.quoted,
            open(attempt)
        );
        self.record(attempt, "0", 0, Some(given_up), Some(joined))
    }

    /// What a person says of a statement whose end was not recorded, or which was refused and is done by hand now.
    pub(super) fn settle_by_hand(&self, fence: Fence, by_hand: &ByHand<'_>) -> String {
        format!(
            "UPDATE {}.statement_journal AS j SET state = {}, ended_at = pg_catalog.clock_timestamp(), \
             settled_by = 'repair', error_code = NULL, error_message = NULL, run = {}, fence = {} \
             WHERE {} AND j.statement = {} AND j.state IN ('started', 'failed') RETURNING j.id",
            self.quoted,
            text(if by_hand.has_run { "finished" } else { "failed" }),
            text(by_hand.run),
            fence.0,
            open_version(by_hand.version),
            by_hand.statement
        )
    }
}

/// How a statement is about to run.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    /// With its row, both or neither.
    InTransaction,
    /// Between its row and its end.
    Alone(&'a Trace, &'a Object),
}

/// The rows of an attempt's file while it is not complete.
fn open(attempt: Attempt<'_>) -> String {
    let mut condition =
        format!("{} AND j.kind = {}", open_version(&attempt.migration.version), text(attempt.kind.word()));
    if attempt.kind == plan::Kind::Repeatable {
        condition.push_str(" AND j.filename = ");
        condition.push_str(&text(&attempt.migration.file));
    }
    condition
}

/// The rows of a version that is not complete; 7 and 007 are the same one. A version goes one way at a time: forward where
/// it is not in force, back where it is.
fn open_version(version: &Version) -> String {
    let version = text(version.significant());
    format!("pg_catalog.ltrim(j.version, '0') = {version} AND j.migration_id IS NULL")
}
