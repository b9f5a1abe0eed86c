//! The ledger's tables on SQLite: their SQL, with values bound, never written into the text.

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row, Sqlite};

use crate::engine::reading::RecordedAttempt;
use crate::engine::session::{
    Attempt, ByHand, FailedAttempt, Fence, HISTORY_ROWS, LedgerView, SessionError, StoredRollback, Unrun,
};
use crate::migration::{Checksum, Migration, Trace, Version};
use crate::plan::{AppliedRow, BegunStatement, Kind, LedgerState, RepeatableRow, StatementState};
use crate::report::{AppliedMigration, ErrorClass, Failure, Reason};

/// The version of the ledger that this binary writes: the one at the end of its SQL.
pub(super) const LEDGER_VERSION: i64 = 3;
const INSTALLATION: &str = include_str!("../../../migrations/sqlite/000_migration_tracking_system.sql");
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Of a row in `schema_migrations`, which no rollback has undone.
const IN_FORCE: &str = "success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted')";
/// Now, as the ledger writes times.
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// A ledger's tables, by their prefix, and who writes into them.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    prefix: String,
    /// The user of the operating system.
    user: String,
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

fn query<'q>(sql: String) -> Query<'q> {
    sqlx::query(AssertSqlSafe(sql))
}

impl Ledger {
    pub(super) fn new(prefix: &str, user: &str) -> Self {
        Self { prefix: prefix.to_owned(), user: user.to_owned() }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    fn table(&self, name: &str) -> String {
        format!("\"{}_{name}\"", self.prefix)
    }

    /// What makes or upgrades the ledger.
    pub(super) fn installation(&self) -> String {
        INSTALLATION.replace("{{prefix}}", &self.prefix).replace("{{tool_version}}", &format!("'{TOOL_VERSION}'"))
    }

    /// The ledger's version. Fails where there is none.
    pub(super) async fn version(&self, connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
        let sql = format!("SELECT max(version) FROM {}", self.table("ledger"));
        query(sql).fetch_one(connection).await?.try_get(0)
    }

    /// All that a run needs to know.
    pub(super) async fn read(&self, connection: &mut SqliteConnection) -> Result<LedgerView, Read> {
        let migrations = self.table("schema_migrations");
        let applied = format!(
            "SELECT version, filename, checksum, token_checksum, kind, id FROM {migrations} WHERE {IN_FORCE} ORDER BY id"
        );
        let applied = rows(connection, applied).await?;
        let begun = format!(
            "SELECT version, statement, checksum, state, kind, filename FROM {} WHERE migration_id IS NULL ORDER BY id",
            self.table("statement_journal")
        );
        let begun = rows(connection, begun).await?;
        let repeatables = format!(
            "SELECT filename, checksum, token_checksum FROM {migrations} WHERE id IN (SELECT max(id) FROM {migrations} \
             WHERE success AND kind = 'repeatable' GROUP BY filename)"
        );
        let repeatables = rows(connection, repeatables).await?;
        let history = self.history(connection).await?;
        let state = LedgerState::new(applied.iter().map(applied_row).collect::<Result<Vec<_>, _>>()?)
            .with_begun(begun.iter().map(begun_statement).collect::<Result<Vec<_>, _>>()?)
            .with_repeatables(repeatables.iter().map(repeatable_row).collect::<Result<Vec<_>, _>>()?);
        Ok(LedgerView { state, history })
    }

    /// The newest attempts, newest first.
    pub(super) async fn history(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<AppliedMigration>, sqlx::Error> {
        let sql = format!(
            "SELECT version, filename, checksum, substr(applied_at, 1, 19) || 'Z', execution_time_ms, success, kind, \
             undone_by IS NOT NULL FROM {} ORDER BY id DESC LIMIT {HISTORY_ROWS}",
            self.table("schema_migrations")
        );
        rows(connection, sql).await?.iter().map(applied_migration).collect()
    }

    /// Attempts, newest first: so many, or all; or only those that failed.
    pub(super) async fn attempts(
        &self,
        connection: &mut SqliteConnection,
        only_failed: bool,
        limit: Option<u32>,
    ) -> Result<Vec<RecordedAttempt>, sqlx::Error> {
        let sql = format!(
            "SELECT version, filename, checksum, substr(applied_at, 1, 19) || 'Z', execution_time_ms, success, kind, \
             undone_by IS NOT NULL, error_code, error_message, statements_done, statements_total, run, applied_by, \
             tool_version FROM {} {} ORDER BY id DESC LIMIT {}",
            self.table("schema_migrations"),
            if only_failed { "WHERE NOT success" } else { "" },
            limit.map_or(-1, i64::from)
        );
        rows(connection, sql).await?.iter().map(recorded_attempt).collect()
    }

    /// Raises the fence for a new holder of the lock.
    pub(super) async fn raise_fence(&self, connection: &mut SqliteConnection, run: &str) -> Result<Fence, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET fence = fence + 1, locked_at = {NOW}, locked_by = ?, process_id = ?, run = ?, released_at = NULL \
             WHERE id = 1 RETURNING fence",
            self.table("migration_locks")
        );
        let row =
            query(sql).bind(&self.user).bind(i64::from(std::process::id())).bind(run).fetch_one(connection).await?;
        row.try_get(0).map(Fence)
    }

    /// What the fence is at.
    pub(super) async fn fence(&self, connection: &mut SqliteConnection) -> Result<Fence, sqlx::Error> {
        let sql = format!("SELECT fence FROM {} WHERE id = 1", self.table("migration_locks"));
        query(sql).fetch_one(connection).await?.try_get(0).map(Fence)
    }

    /// Notes that the lock is given back, unless somebody else holds it by now.
    pub(super) async fn note_release(
        &self,
        connection: &mut SqliteConnection,
        fence: Fence,
    ) -> Result<(), sqlx::Error> {
        let sql =
            format!("UPDATE {} SET released_at = {NOW} WHERE id = 1 AND fence = ?", self.table("migration_locks"));
        query(sql).bind(fence.0).execute(connection).await.map(drop)
    }

    /// The row of an attempt; `failed` of one that failed. One that succeeded takes its journal's rows over, and a
    /// rollback undoes its migration's row.
    pub(super) async fn record(
        &self,
        connection: &mut SqliteConnection,
        attempt: Attempt<'_>,
        duration_ms: i64,
        failed: Option<FailedAttempt<'_>>,
    ) -> Result<(), sqlx::Error> {
        let migration = attempt.migration;
        let failure = failed.map(|failed| failed.failure);
        let total = count(migration.statements.len());
        let sql = format!(
            "INSERT INTO {} (version, filename, description, kind, checksum, token_checksum, execution_time_ms, success, \
             error_message, error_code, statements_done, statements_total, rollback_sql, run, fence, tool_version, \
             applied_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            self.table("schema_migrations")
        );
        let row = query(sql)
            .bind(migration.version.as_str())
            .bind(&migration.file)
            .bind(&migration.description)
            .bind(attempt.kind.word())
            .bind(migration.checksum.as_str())
            .bind(migration.token_checksum.as_str())
            .bind(duration_ms)
            .bind(failure.is_none())
            .bind(failure.map(|failure| failure.message.as_str()))
            .bind(failure.and_then(|failure| failure.code.as_deref()))
            .bind(failed.map_or(total, |failed| count(failed.statements_done)))
            .bind(total)
            .bind(migration.rollback_sql.as_deref())
            .bind(attempt.run)
            .bind(attempt.fence.0)
            .bind(TOOL_VERSION)
            .bind(&self.user);
        let id: i64 = row.fetch_one(&mut *connection).await?.try_get(0)?;
        if failed.is_some() {
            return Ok(());
        }
        if attempt.kind == Kind::Rollback {
            let sql = format!(
                "UPDATE {} SET undone_by = ? WHERE {IN_FORCE} AND ltrim(version, '0') = ltrim(?, '0')",
                self.table("schema_migrations")
            );
            query(sql).bind(id).bind(migration.version.as_str()).execute(&mut *connection).await?;
        }
        let sql = format!("UPDATE {} SET migration_id = ? WHERE {OPEN}", self.table("statement_journal"));
        bind_open(query(sql).bind(id), attempt).execute(connection).await.map(drop)
    }

    /// The rows of migrations that are in force without having been run.
    pub(super) async fn record_unrun(
        &self,
        connection: &mut SqliteConnection,
        unrun: &Unrun<'_>,
    ) -> Result<(), sqlx::Error> {
        for migration in unrun.migrations {
            let sql = format!(
                "INSERT INTO {} (version, filename, description, kind, checksum, token_checksum, execution_time_ms, \
                 success, statements_done, statements_total, rollback_sql, run, fence, tool_version, applied_by) \
                 VALUES (?, ?, ?, ?, ?, ?, 0, 1, 0, ?, ?, ?, ?, ?, ?)",
                self.table("schema_migrations")
            );
            // What was there before Schemaward is not undone by it; what another tool has run may be.
            let rollback = migration.rollback_sql.as_deref().filter(|_| unrun.kind == Kind::Adopted);
            query(sql)
                .bind(migration.version.as_str())
                .bind(&migration.file)
                .bind(&migration.description)
                .bind(unrun.kind.word())
                .bind(migration.checksum.as_str())
                .bind(migration.token_checksum.as_str())
                .bind(count(migration.statements.len()))
                .bind(rollback)
                .bind(unrun.run)
                .bind(unrun.fence.0)
                .bind(TOOL_VERSION)
                .bind(&self.user)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// The rollback SQL of a version in force; None where the version is not.
    pub(super) async fn stored_rollback(
        &self,
        connection: &mut SqliteConnection,
        version: &Version,
    ) -> Result<Option<StoredRollback>, Read> {
        let sql = format!(
            "SELECT version, filename, description, rollback_sql FROM {} \
             WHERE {IN_FORCE} AND ltrim(version, '0') = ltrim(?, '0')",
            self.table("schema_migrations")
        );
        let Some(row) = query(sql).bind(version.as_str()).fetch_optional(connection).await? else { return Ok(None) };
        Ok(Some(StoredRollback {
            version: read_version(row.try_get(0)?)?,
            file: row.try_get(1)?,
            description: row.try_get(2)?,
            sql: row.try_get(3)?,
        }))
    }

    /// Gives an applied row the checksums that its file has now, and keeps the old ones. False where there is nothing to
    /// change.
    pub(super) async fn accept_edit(
        &self,
        connection: &mut SqliteConnection,
        (fence, run): (Fence, &str),
        migration: &Migration,
    ) -> Result<bool, sqlx::Error> {
        let migrations = self.table("schema_migrations");
        let condition = format!("{IN_FORCE} AND ltrim(version, '0') = ltrim(?, '0') AND checksum <> ?");
        let kept = format!(
            "INSERT INTO {} (migration_id, version, filename_before, checksum_before, token_checksum_before, filename, \
             checksum, token_checksum, accepted_by, run, fence) SELECT id, version, filename, checksum, token_checksum, \
             ?, ?, ?, ?, ?, ? FROM {migrations} WHERE {condition}",
            self.table("accepted_edits")
        );
        let (file, checksum, tokens) =
            (&migration.file, migration.checksum.as_str(), migration.token_checksum.as_str());
        query(kept)
            .bind(file)
            .bind(checksum)
            .bind(tokens)
            .bind(&self.user)
            .bind(run)
            .bind(fence.0)
            .bind(migration.version.as_str())
            .bind(checksum)
            .execute(&mut *connection)
            .await?;
        let sql = format!("UPDATE {migrations} SET filename = ?, checksum = ?, token_checksum = ? WHERE {condition}");
        let bound = query(sql).bind(file).bind(checksum).bind(tokens);
        let changed = bound.bind(migration.version.as_str()).bind(checksum).execute(connection).await?;
        Ok(changed.rows_affected() > 0)
    }

    /// The begun statements of an attempt's file.
    pub(super) async fn journal(
        &self,
        connection: &mut SqliteConnection,
        attempt: Attempt<'_>,
    ) -> Result<Vec<JournalRow>, Read> {
        let sql = format!(
            "SELECT statement, checksum, state, trace, excerpt, substr(started_at, 1, 19) || 'Z', run FROM {} WHERE {OPEN}",
            self.table("statement_journal")
        );
        let found = bind_open(query(sql), attempt).fetch_all(connection).await?;
        found.iter().map(JournalRow::read).collect()
    }

    /// The row of a statement that is about to run (`trace` says what an interruption would leave), or that runs in this
    /// very transaction.
    pub(super) async fn begin_statement(
        &self,
        connection: &mut SqliteConnection,
        attempt: Attempt<'_>,
        index: usize,
        trace: Option<&Trace>,
    ) -> Result<(), sqlx::Error> {
        let migration = attempt.migration;
        let place = migration.place_of_statement(index);
        let journal = self.table("statement_journal");
        let gone = format!("DELETE FROM {journal} WHERE {OPEN} AND statement = ?");
        bind_open(query(gone), attempt).bind(count(index + 1)).execute(&mut *connection).await?;
        let ended = if trace.is_none() { NOW } else { "NULL" };
        let sql = format!(
            "INSERT INTO {journal} (kind, version, filename, statement, checksum, excerpt, state, trace, ended_at, \
             settled_by, run, fence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, {ended}, ?, ?, ?)"
        );
        query(sql)
            .bind(attempt.kind.word())
            .bind(migration.version.as_str())
            .bind(&migration.file)
            .bind(count(index + 1))
            .bind(migration.statement_checksum(index).as_str().to_owned())
            .bind(place.excerpt.unwrap_or_default())
            .bind(if trace.is_none() { "finished" } else { "started" })
            .bind(word(trace))
            .bind(trace.is_none().then_some("server"))
            .bind(attempt.run)
            .bind(attempt.fence.0)
            .execute(connection)
            .await
            .map(drop)
    }

    /// How a statement that was about to run has ended.
    pub(super) async fn end_statement(
        &self,
        connection: &mut SqliteConnection,
        attempt: Attempt<'_>,
        index: usize,
        failure: Option<&Failure>,
    ) -> Result<(), sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET state = ?, ended_at = {NOW}, settled_by = 'server', error_code = ?, error_message = ? \
             WHERE {OPEN} AND statement = ?",
            self.table("statement_journal")
        );
        let bound = query(sql)
            .bind(if failure.is_none() { "finished" } else { "failed" })
            .bind(failure.and_then(|failure| failure.code.as_deref()))
            .bind(failure.map(|failure| failure.message.as_str()));
        bind_open(bound, attempt).bind(count(index + 1)).execute(connection).await.map(drop)
    }

    /// What a person says of a statement whose end was not recorded. False where there is none.
    pub(super) async fn settle(
        &self,
        connection: &mut SqliteConnection,
        fence: Fence,
        by_hand: &ByHand<'_>,
    ) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET state = ?, ended_at = {NOW}, settled_by = 'repair', run = ?, fence = ? WHERE migration_id IS NULL \
             AND ltrim(version, '0') = ltrim(?, '0') AND statement = ? AND state = 'started'",
            self.table("statement_journal")
        );
        let settled = query(sql)
            .bind(if by_hand.has_run { "finished" } else { "failed" })
            .bind(by_hand.run)
            .bind(fence.0)
            .bind(by_hand.version.as_str())
            .bind(by_hand.statement)
            .execute(connection)
            .await?;
        Ok(settled.rows_affected() > 0)
    }
}

/// The rows of an attempt's file while it has not come to its end: kind, version, kind, file.
const OPEN: &str = "migration_id IS NULL AND kind = ? AND ltrim(version, '0') = ltrim(?, '0') \
                    AND (? <> 'repeatable' OR filename = ?)";

fn bind_open<'q>(query: Query<'q>, attempt: Attempt<'q>) -> Query<'q> {
    let migration = attempt.migration;
    query.bind(attempt.kind.word()).bind(migration.version.as_str()).bind(attempt.kind.word()).bind(&migration.file)
}

/// How the journal writes a trace. These words are stored: they never change.
fn word(trace: Option<&Trace>) -> &'static str {
    match trace {
        None => "transaction",
        Some(Trace::Repeatable) => "repeatable",
        Some(_) => "unknown",
    }
}

/// A statement that is begun.
#[derive(Clone, Debug)]
pub(super) struct JournalRow {
    /// From 1.
    pub(super) statement: usize,
    pub(super) checksum: Checksum,
    pub(super) state: StatementState,
    /// Whether to run it twice is to run it once.
    pub(super) repeatable: bool,
    pub(super) excerpt: String,
    pub(super) started_at: String,
    pub(super) run: String,
}

impl JournalRow {
    fn read(row: &SqliteRow) -> Result<Self, Read> {
        Ok(Self {
            statement: usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default(),
            checksum: Checksum::stored(row.try_get::<String, _>(1)?),
            state: statement_state(row.try_get(2)?)?,
            repeatable: row.try_get::<&str, _>(3)? == "repeatable",
            excerpt: row.try_get(4)?,
            started_at: row.try_get(5)?,
            run: row.try_get(6)?,
        })
    }
}

/// Why the ledger could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Read {
    /// SQLite's answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// It holds something that Schemaward does not write.
    #[error("the ledger holds a {0} that is none")]
    Content(&'static str),
}

impl From<Read> for SessionError {
    fn from(error: Read) -> Self {
        match error {
            Read::Database(error) => super::error::session_error(&error, Reason::LedgerUnusable),
            Read::Content(_) => unusable(error.to_string()),
        }
    }
}

/// A ledger that cannot be worked with.
pub(super) fn unusable(message: String) -> SessionError {
    let failure = Failure {
        class: ErrorClass::Permanent,
        reason: Reason::LedgerUnusable,
        code: None,
        message,
        hint: None,
        place: None,
    };
    SessionError { failure, connection_lost: false }
}

async fn rows(connection: &mut SqliteConnection, sql: String) -> Result<Vec<SqliteRow>, sqlx::Error> {
    query(sql).fetch_all(connection).await
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read_version(text: &str) -> Result<Version, Read> {
    text.parse().map_err(|_| Read::Content("version"))
}

fn statement_state(text: &str) -> Result<StatementState, Read> {
    match text {
        "started" => Ok(StatementState::Started),
        "finished" => Ok(StatementState::Finished),
        "failed" => Ok(StatementState::Failed),
        _ => Err(Read::Content("state")),
    }
}

fn kind(text: &str) -> Result<Kind, Read> {
    Kind::from_word(text).ok_or(Read::Content("kind"))
}

fn applied_row(row: &SqliteRow) -> Result<AppliedRow, Read> {
    Ok(AppliedRow {
        version: read_version(row.try_get(0)?)?,
        file: row.try_get(1)?,
        checksum: Checksum::stored(row.try_get::<String, _>(2)?),
        token_checksum: Checksum::stored(row.try_get::<String, _>(3)?),
        kind: kind(row.try_get(4)?)?,
        id: row.try_get(5)?,
    })
}

fn begun_statement(row: &SqliteRow) -> Result<BegunStatement, Read> {
    let kind = kind(row.try_get(4)?)?;
    Ok(BegunStatement {
        kind,
        version: if kind == Kind::Repeatable { None } else { Some(read_version(row.try_get(0)?)?) },
        file: row.try_get(5)?,
        number: usize::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
        checksum: Checksum::stored(row.try_get::<String, _>(2)?),
        state: statement_state(row.try_get(3)?)?,
    })
}

fn repeatable_row(row: &SqliteRow) -> Result<RepeatableRow, Read> {
    Ok(RepeatableRow {
        file: row.try_get(0)?,
        checksum: Checksum::stored(row.try_get::<String, _>(1)?),
        token_checksum: Checksum::stored(row.try_get::<String, _>(2)?),
    })
}

fn applied_migration(row: &SqliteRow) -> Result<AppliedMigration, sqlx::Error> {
    Ok(AppliedMigration {
        version: row.try_get(0)?,
        file: row.try_get(1)?,
        checksum: Checksum::stored(row.try_get::<String, _>(2)?).short().to_owned(),
        applied_at: row.try_get(3)?,
        execution_time_ms: row.try_get(4)?,
        success: row.try_get(5)?,
        kind: row.try_get(6)?,
        undone: row.try_get(7)?,
    })
}

fn recorded_attempt(row: &SqliteRow) -> Result<RecordedAttempt, sqlx::Error> {
    Ok(RecordedAttempt {
        version: row.try_get(0)?,
        file: row.try_get(1)?,
        checksum: Checksum::stored(row.try_get::<String, _>(2)?).short().to_owned(),
        applied_at: row.try_get(3)?,
        execution_time_ms: row.try_get(4)?,
        success: row.try_get(5)?,
        kind: row.try_get(6)?,
        undone: row.try_get(7)?,
        error_code: row.try_get(8)?,
        error_message: row.try_get(9)?,
        statements_done: row.try_get(10)?,
        statements_total: row.try_get(11)?,
        run: row.try_get(12)?,
        applied_by: row.try_get(13)?,
        tool_version: row.try_get(14)?,
    })
}
