//! The ledger's SQL. Texts only; [`super::session`] sends them.

use super::error::{DEFERRABLE, OTHER_PROCESS};
use super::literal::{identifier, text, text_or_null};
use super::own_transaction::BEGIN;
use super::settings::ALL_ROWS;
use crate::engine::acknowledgement::{Acknowledgement, AcknowledgementKind};
use crate::engine::session::{Attempt, FailedAttempt, Fence, Unrun};
use crate::engine::shared::ledger_layout::LAYOUT;
use crate::engine::shared::ledger_rows::{acknowledgement, begun, rollback, row};
use crate::migration::{Migration, Version};
use crate::plan::Kind;

/// The oldest program that may write to a ledger as this one makes it, by the layout that it makes.
pub(super) const OLDEST_WRITER: i32 = 5;

/// The advisory lock's key, the same whichever schema holds the ledger: one run at a time in a database, to which
/// PostgreSQL confines an advisory lock. Never to change: two versions of Schemaward must exclude each other.
const LOCK_KEY: i64 = -897_558_564_798_234_901;

/// What makes and upgrades the ledger.
const INSTALLATION: &str = include_str!("../../../migrations/postgres/000_migration_tracking_system.sql");

/// Schemaward's own version, as the ledger records it.
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Rows of the migrations that are in force.
pub(super) const IN_FORCE: &str = "success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted')";

/// Versions of the ledger that are read as they are; the next run that writes upgrades them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OlderLedger {
    /// It knows no journal.
    One,
    /// It knows no other kind than migrations.
    Two,
}

const ANY_DEFERRABLE: &str = "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE condeferrable)";

/// In a second.
const MICROS: i64 = 1_000_000;

/// For how long a file has run, by the server's clock, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// The ledger in one schema.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    schema: String,
    /// The schema's name, quoted.
    pub(super) quoted: String,
}

impl Ledger {
    pub(super) fn new(schema: &str) -> Self {
        Self { schema: schema.to_owned(), quoted: identifier(schema) }
    }

    /// The schema's name as people write it.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// The schema's name as SQL writes it.
    pub(super) fn quoted_schema(&self) -> &str {
        &self.quoted
    }

    /// One transaction that makes or upgrades the ledger.
    pub(super) fn installation(&self) -> String {
        let sql = INSTALLATION
            .replace("{{schema_text}}", &text(&self.quoted))
            .replace("{{schema}}", &self.quoted)
            .replace("{{layout}}", &LAYOUT.to_string())
            .replace("{{oldest_writer}}", &OLDEST_WRITER.to_string())
            .replace("{{tool_version}}", &text(TOOL_VERSION));
        format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n{ALL_ROWS};\n{sql}\nCOMMIT")
    }

    /// Three results: the ledger's versions, all that has succeeded and was not undone, and what is half applied. Without
    /// functions, operators and orders where possible: where nothing is pending, what a fresh session of the server has to
    /// look up to understand this takes longer than all the rest. Each row's `tableoid` is asked for, since a view in a
    /// table's place has none, and may leave rows out.
    pub(super) fn read(&self) -> String {
        format!(
            "{versions};\n\
             SELECT {row} FROM {schema}.schema_migrations \
             WHERE success AND undone_by IS NULL AND tableoid IS NOT NULL;\n\
             {begun}",
            versions = self.read_versions(),
            row = row::list(&[]),
            schema = self.quoted,
            begun = self.begun()
        )
    }

    /// The same of a ledger of version 2, or 1, which has no journal.
    pub(super) fn read_older(&self, version: OlderLedger) -> String {
        let schema = &self.quoted;
        let begun = match version {
            OlderLedger::Two => format!(
                "SELECT {} FROM {schema}.statement_journal WHERE migration_id IS NULL AND tableoid IS NOT NULL",
                begun::list(&[(begun::kind, "'migration'")])
            ),
            OlderLedger::One => "SELECT 1 WHERE false".to_owned(),
        };
        format!(
            "{ALL_ROWS};{};\nSELECT {} FROM {schema}.schema_migrations WHERE success AND tableoid IS NOT NULL;\n{begun}",
            self.read_versions(),
            row::list(&[])
        )
    }

    /// One row: the newest of the ledger's versions.
    pub(super) fn read_version(&self) -> String {
        format!("SELECT pg_catalog.max(version) FROM {}.schemaward_ledger", self.quoted)
    }

    fn read_versions(&self) -> String {
        format!("SELECT version FROM {}.schemaward_ledger WHERE tableoid IS NOT NULL", self.quoted)
    }

    /// Two columns: `direct`, which is an expression, and whether this session holds the lock now. It is not asked for
    /// where the former is not true. Both are NULL where another server process answers than this one:
    /// the lock would be that one's.
    pub(super) fn try_lock(process_id: i32, direct: &str) -> String {
        let same = format!("pg_catalog.pg_backend_pid() = {process_id}");
        format!(
            "SELECT s.direct, CASE WHEN s.direct THEN pg_catalog.pg_try_advisory_lock({LOCK_KEY}) END \
             FROM (SELECT CASE WHEN {same} THEN COALESCE({direct}, false) END AS direct OFFSET 0) s"
        )
    }

    /// Raises SW005 where another server process answers than this one: nothing after it runs.
    pub(super) fn assert_process(process_id: i32) -> String {
        format!(
            "DO $schemaward$BEGIN IF pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.<>) {process_id} THEN \
             RAISE EXCEPTION USING ERRCODE = '{OTHER_PROCESS}', MESSAGE = 'another server process'; END IF;END$schemaward$"
        )
    }

    /// Who holds the lock: user, process, program, address, connected since when.
    pub(super) fn holder() -> String {
        let key = LOCK_KEY.to_be_bytes();
        let half = |bytes: [u8; 4]| u32::from_be_bytes(bytes);
        let (high, low) = (half([key[0], key[1], key[2], key[3]]), half([key[4], key[5], key[6], key[7]]));
        // A bigint key shows as two halves with objsubid 1. Source: PostgreSQL, 54.12 "pg_locks".
        format!(
            "SELECT a.usename::text, l.pid, a.application_name, \
             {} FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
             AND l.classid = {high} AND l.objid = {low} AND l.database = \
             (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())",
            instant("a.backend_start")
        )
    }

    /// Raises the fence, notes the run, and returns the fence and the ledger's layout, one result; reads the ledger as
    /// [`Self::read`] does, in the same transaction. Does nothing to a ledger that is to be upgraded, or asks for a newer
    /// program: its fence is NULL.
    pub(super) fn raise_fence(&self, run: &str) -> String {
        format!(
            "{ALL_ROWS};\nWITH raised AS (UPDATE {schema}.migration_locks SET fence = fence + 1, locked_at = pg_catalog.clock_timestamp(), \
             locked_by = session_user, process_id = pg_catalog.pg_backend_pid(), \
             backend_start = (SELECT a.backend_start \
             FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a), run = {run}, released_at = NULL WHERE id = 1 \
             AND (SELECT pg_catalog.max(version) FROM {schema}.schemaward_ledger) BETWEEN {OLDEST_WRITER} AND {LAYOUT} \
             AND {LAYOUT} <= (SELECT layout FROM {schema}.ledger_identity) RETURNING fence), \
             noted AS (INSERT INTO {schema}.runs (fence, run, tool_version, server, database_number, database_name) \
             SELECT fence, {run}, {tool}, {place} FROM raised ON CONFLICT (fence) DO NOTHING) \
             SELECT (SELECT fence FROM raised), layout FROM {schema}.ledger_identity;\n{read}",
            run = text(run),
            tool = text(TOOL_VERSION),
            place = self.place(),
            read = self.read(),
            schema = self.quoted,
        )
    }

    /// Where the ledger is, three columns: the server, the database's number, its name.
    fn place(&self) -> String {
        format!(
            "{}.server_identity(), (SELECT d.oid::pg_catalog.text FROM pg_catalog.pg_database d \
             WHERE d.datname = pg_catalog.current_database()), pg_catalog.current_database()::pg_catalog.text",
            self.quoted
        )
    }

    /// What the ledger and its place are known by, one row: its UUID, its layout, the oldest writer, the place now, and that
    /// of the newest run that has noted one, each in three columns.
    pub(super) fn identity(&self) -> String {
        format!(
            "SELECT i.ledger_id::pg_catalog.text, i.layout, (SELECT pg_catalog.max(l.version) FROM {schema}.schemaward_ledger l), \
             {}, r.fence, r.server, r.database_number, r.database_name FROM {schema}.ledger_identity i LEFT JOIN \
             (SELECT * FROM {schema}.runs ORDER BY fence DESC LIMIT 1) r ON true",
            self.place(),
            schema = self.quoted
        )
    }

    /// The row of what a person has taken upon themselves.
    pub(super) fn acknowledge(&self, acknowledgement: &Acknowledgement<'_>) -> String {
        let Acknowledgement { kind, version, detail, run, fence } = acknowledgement;
        format!(
            "INSERT INTO {}.acknowledgements (kind, version, detail, run, fence) VALUES ({}, {}, {}, {}, {})",
            self.quoted,
            text(kind.word()),
            text_or_null(version.map(Version::as_str)),
            text(detail),
            text(run),
            fence.0
        )
    }

    /// The same rows, newest first.
    pub(super) fn acknowledged(&self, kind: AcknowledgementKind) -> String {
        format!(
            "SELECT {} FROM {}.acknowledgements WHERE kind = {} ORDER BY id DESC",
            acknowledgement::list(&[(acknowledgement::made_at, &instant("made_at"))]),
            self.quoted,
            text(kind.word())
        )
    }

    /// Records the release of the lock, unless somebody else holds it by now, and releases it.
    pub(super) fn release(&self, fence: Fence) -> String {
        format!(
            "UPDATE {}.migration_locks SET released_at = pg_catalog.clock_timestamp() WHERE id = 1 AND fence = {};\n\
             SELECT pg_catalog.pg_advisory_unlock({})",
            self.quoted, fence.0, LOCK_KEY
        )
    }

    /// The guard of a transaction of a run; the row of a file that is one transaction has its own.
    pub(super) fn guard(&self, fence: Fence) -> String {
        format!("CALL {}.assert_fence({})", self.quoted, fence.0)
    }

    /// One transaction that changes nothing and waits for the disk, and so for all that was committed before it; also
    /// where another holder has raised the fence.
    pub(super) fn flush(&self) -> String {
        // To lock a row is to write: only a transaction that writes has something to wait for.
        format!("{BEGIN};SELECT 1 FROM {}.migration_locks WHERE id = 1 FOR SHARE;COMMIT", self.quoted)
    }

    /// What was applied under this fence, newest first, no more than `most`: file, duration, and for how long it has been
    /// committed, both in milliseconds.
    pub(super) fn applied_under(&self, fence: Fence, most: usize) -> String {
        format!(
            "SELECT filename, execution_time_ms, (EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() \
             OPERATOR(pg_catalog.-) applied_at) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8 FROM {}.schema_migrations \
             WHERE success AND fence OPERATOR(pg_catalog.=) {}::pg_catalog.int8 ORDER BY id DESC LIMIT {most}",
            self.quoted, fence.0
        )
    }

    /// The row of a migration that is applied with this very transaction, and the transaction's guard. `before` is what the
    /// same message has applied before; whether COMMIT waits for the disk is `synchronous_commit`'s to say.
    pub(super) fn record_success(
        &self,
        attempt: Attempt<'_>,
        before: Option<&Attempt<'_>>,
        synchronous_commit: &str,
    ) -> String {
        let values = [
            text_or_null(before.map(|before| before.migration.file.as_str())),
            text(synchronous_commit),
            file_values(attempt),
            attempt.migration.statements.len().to_string(),
            run_values(attempt),
        ];
        format!("CALL {}.record_success({})", self.quoted, values.join(", "))
    }

    /// The rows of migrations that are applied with this very transaction, in the order they ran.
    pub(super) fn record_together(&self, ended: &[(Attempt<'_>, Span)]) -> String {
        let row = |(attempt, span): &(Attempt<'_>, Span)| {
            let (seconds, micros) = (span.to.div_euclid(MICROS), span.to.rem_euclid(MICROS));
            let (ms, statements) = ((span.to - span.from).max(0) / 1000, attempt.migration.statements.len());
            format!(
                "({}, pg_catalog.to_timestamp({seconds}.{micros:06}), {ms}, true, {statements}, {statements}, {})",
                file_values(*attempt),
                run_values(*attempt)
            )
        };
        let rows: Vec<String> = ended.iter().map(row).collect();
        format!(
            "INSERT INTO {}.schema_migrations (version, filename, description, kind, checksum, token_checksum, applied_at, \
             execution_time_ms, success, statements_done, statements_total, rollback_sql, run, fence, tool_version) VALUES {}",
            self.quoted,
            rows.join(", ")
        )
    }

    /// Raises SW006 where a constraint can be deferred.
    pub(super) fn refuse_deferrable() -> String {
        format!(
            "DO $schemaward$BEGIN IF {ANY_DEFERRABLE} THEN RAISE EXCEPTION USING ERRCODE = '{DEFERRABLE}', \
             MESSAGE = 'a constraint can be deferred'; END IF;END$schemaward$"
        )
    }

    /// Whether a constraint can be deferred.
    pub(super) fn any_deferrable() -> String {
        format!("SELECT {ANY_DEFERRABLE}")
    }

    /// The row of a migration that was applied statement by statement, with what is written `also`.
    pub(super) fn record_duration(&self, attempt: Attempt<'_>, duration_ms: u128, also: String) -> String {
        self.record(attempt, &duration_ms.to_string(), attempt.migration.statements.len(), None, Some(also))
    }

    /// The row of an attempt that failed.
    pub(super) fn record_failure(&self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> String {
        let duration = failed.duration.as_millis().to_string();
        self.record(attempt, &duration, failed.statements_done, Some(failed), None)
    }

    /// `also`: what else is written with the row, as queries named in a WITH that know it as `recorded`.
    pub(super) fn record(
        &self,
        attempt: Attempt<'_>,
        duration: &str,
        done: usize,
        failed: Option<FailedAttempt<'_>>,
        also: Option<String>,
    ) -> String {
        let migration = attempt.migration;
        let failure = failed.map(|failed| failed.failure);
        let values = [
            file_values(attempt),
            duration.to_owned(),
            failure.is_none().to_string(),
            text_or_null(failure.map(|f| f.message.as_str())),
            text_or_null(failure.and_then(|f| f.code.as_deref())),
            done.to_string(),
            migration.statements.len().to_string(),
            run_values(attempt),
        ];
        let row = format!(
            "INSERT INTO {}.schema_migrations (version, filename, description, kind, checksum, token_checksum, \
             execution_time_ms, success, error_message, error_code, statements_done, statements_total, rollback_sql, \
             run, fence, tool_version) VALUES ({})",
            self.quoted,
            values.join(", ")
        );
        let undone = (attempt.kind == Kind::Rollback && failure.is_none()).then(|| {
            format!(
                "undone AS (UPDATE {}.schema_migrations AS m SET undone_by = recorded.id FROM recorded \
                 WHERE {IN_FORCE} AND {})",
                self.quoted,
                is_version("m.version", &migration.version)
            )
        });
        let also: Vec<String> = undone.into_iter().chain(also).collect();
        if also.is_empty() {
            return row;
        }
        // One statement: what counts the server's answers knows one.
        format!("WITH recorded AS ({row} RETURNING id), {} SELECT id FROM recorded", also.join(", "))
    }

    /// The rows of migrations that are in force without having been run.
    pub(super) fn record_unrun(&self, unrun: &Unrun<'_>) -> String {
        let row = |migration: &Migration| {
            // What was there before Schemaward is not undone by it; what another tool has run may be.
            let rollback = migration.rollback_sql.as_deref().filter(|_| unrun.kind == Kind::Adopted);
            let statements = migration.statements.len();
            format!(
                "({}, {}, {}, {}, {}, {}, 0, true, 0, {statements}, {}, {}, {}, {})",
                text(migration.version.as_str()),
                text(&migration.file),
                text(&migration.description),
                text(unrun.kind.word()),
                text(migration.checksum.as_str()),
                text(migration.token_checksum.as_str()),
                text_or_null(rollback),
                text(unrun.run),
                unrun.fence.0,
                text(TOOL_VERSION)
            )
        };
        let rows: Vec<String> = unrun.migrations.iter().map(|migration| row(migration)).collect();
        format!(
            "INSERT INTO {}.schema_migrations (version, filename, description, kind, checksum, token_checksum, \
             execution_time_ms, success, statements_done, statements_total, rollback_sql, run, fence, tool_version) \
             VALUES {}",
            self.quoted,
            rows.join(", ")
        )
    }

    /// The rollback SQL of what is in force.
    pub(super) fn stored_rollbacks(&self, versions: &[Version]) -> String {
        self.stored_rollbacks_where(IN_FORCE, versions)
    }

    /// The same of a ledger of version 2 or 1, in which every success is in force.
    pub(super) fn stored_rollbacks_older(&self, versions: &[Version]) -> String {
        self.stored_rollbacks_where("success", versions)
    }

    fn stored_rollbacks_where(&self, in_force: &str, versions: &[Version]) -> String {
        let versions: Vec<String> = versions.iter().map(|version| text(version.significant())).collect();
        format!(
            "SELECT {} FROM {}.schema_migrations WHERE {in_force} AND pg_catalog.ltrim(version, '0') IN ({})",
            rollback::list(&[]),
            self.quoted,
            versions.join(", ")
        )
    }

    /// Gives an applied row the checksums that its file has now, and keeps the old ones. A row for each that was changed.
    pub(super) fn accept_edit(&self, fence: Fence, run: &str, migration: &Migration) -> String {
        let schema = &self.quoted;
        let (file, checksum) = (text(&migration.file), text(migration.checksum.as_str()));
        let token_checksum = text(migration.token_checksum.as_str());
        format!(
            "WITH before AS (SELECT id, version, filename, checksum, token_checksum FROM {schema}.schema_migrations \
             WHERE {IN_FORCE} AND {} AND checksum <> {checksum} FOR UPDATE), \
             kept AS (INSERT INTO {schema}.accepted_edits (migration_id, version, filename_before, checksum_before, \
             token_checksum_before, filename, checksum, token_checksum, run, fence) SELECT id, version, filename, \
             checksum, token_checksum, {file}, {checksum}, {token_checksum}, {}, {} FROM before) \
             UPDATE {schema}.schema_migrations AS m SET filename = {file}, checksum = {checksum}, \
             token_checksum = {token_checksum} FROM before WHERE m.id = before.id RETURNING m.id",
            is_version("version", &migration.version),
            text(run),
            fence.0
        )
    }
}

/// The condition that a column holds a version, with any number of leading zeros.
fn is_version(column: &str, version: &Version) -> String {
    format!("pg_catalog.ltrim({column}, '0') = {}", text(version.significant()))
}

/// An instant as RFC 3339, UTC, whole seconds.
pub(super) fn instant(column: &str) -> String {
    format!("pg_catalog.to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
}

/// Version, file, description, kind and checksums of an attempt's row.
fn file_values(attempt: Attempt<'_>) -> String {
    let migration = attempt.migration;
    let values = [
        migration.version.as_str(),
        &migration.file,
        &migration.description,
        attempt.kind.word(),
        migration.checksum.as_str(),
        migration.token_checksum.as_str(),
    ];
    values.map(text).join(", ")
}

/// Rollback SQL, run, fence and this program's version.
fn run_values(attempt: Attempt<'_>) -> String {
    let rollback = text_or_null(attempt.migration.rollback_sql.as_deref());
    format!("{rollback}, {}, {}, {}", text(attempt.run), attempt.fence.0, text(TOOL_VERSION))
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn no_placeholder_is_left_in_the_installation() {
        let sql = Ledger::new("it's \"odd\"").installation();
        assert!(!sql.contains("{{"), "{sql}");
        assert!(sql.contains("CREATE SCHEMA \"it's \"\"odd\"\"\""), "{sql}");
        assert!(sql.contains("to_regnamespace('\"it''s \"\"odd\"\"\"')"), "{sql}");
    }
}
