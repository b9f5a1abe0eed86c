//! The ledger's tables on SQLite: their SQL, with values bound, never written into the text.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::rows::{Query, count, query, rows, unreadable};
use crate::engine::RecordedAttempt;
use crate::engine::acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
use crate::engine::identity::{LedgerIdentity, Place};
use crate::engine::session::{Attempt, FailedAttempt, Fence, SessionError, StoredRollback, Unrun};
use crate::engine::shared::ledger_layout::LAYOUT;
use crate::engine::shared::ledger_rows::{
    self, DriverRow, acknowledged, acknowledgement, attempt, ledger_state, recorded_attempt, rollback, row,
    stored_rollback,
};
use crate::migration::{Migration, Version};
use crate::plan::{Kind, LedgerState};

/// The oldest program that may write to a ledger as this one makes it, by the layout that it makes.
pub(super) const OLDEST_WRITER: i32 = 4;
const INSTALLATION: &str = include_str!("../../../migrations/sqlite/000_migration_tracking_system.sql");
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Of a row in `schema_migrations`, which no rollback has undone.
const IN_FORCE: &str = "success AND undone_by IS NULL AND kind IN ('migration', 'baseline', 'adopted')";
/// Now, as the ledger writes times.
pub(super) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// An instant as RFC 3339, UTC, whole seconds.
pub(super) fn instant(column: &str) -> String {
    format!("substr({column}, 1, 19) || 'Z'")
}

/// Columns that tables of earlier layouts lack.
const ADDED: [(&str, &[&str]); 2] = [
    ("schema_migrations", &["plan_hash TEXT", "approved_by TEXT", "backup TEXT"]),
    ("statement_journal", &["last_insert_rowid INTEGER", "session_state TEXT"]),
];

/// A ledger's tables, by their prefix, and who writes into them.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    prefix: String,
    /// The user of the operating system.
    user: String,
}

impl Ledger {
    pub(super) fn new(prefix: &str, user: &str) -> Self {
        Self { prefix: prefix.to_owned(), user: user.to_owned() }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// What the names of the ledger's tables begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A table of the ledger: a temporary one or one of an attached file may have the same name.
    pub(super) fn table(&self, name: &str) -> String {
        format!("main.\"{}_{name}\"", self.prefix)
    }

    /// What makes or upgrades the ledger.
    pub(super) async fn installation(&self, connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
        let mut due = Vec::new();
        // SQLite has no way to say "where it is missing" of a column.
        for (table, columns) in ADDED {
            let there = self.columns(connection, table).await?;
            for column in columns.iter().filter(|_| !there.is_empty()) {
                let name = column.split(' ').next().unwrap_or_default();
                if !there.iter().any(|there| there == name) {
                    due.push(format!("ALTER TABLE {} ADD COLUMN {column};\n", self.table(table)));
                }
            }
        }
        let rest = INSTALLATION
            .replace("{{prefix}}", &self.prefix)
            .replace("{{layout}}", &LAYOUT.to_string())
            .replace("{{oldest_writer}}", &OLDEST_WRITER.to_string())
            .replace("{{tool_version}}", &format!("'{TOOL_VERSION}'"));
        Ok(due.concat() + &rest)
    }

    /// The names of a table's columns; none where it is not there.
    async fn columns(&self, connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>, sqlx::Error> {
        let sql = "SELECT name FROM pragma_table_info(?, 'main')".to_owned();
        let rows = query(sql).bind(format!("{}_{table}", self.prefix)).fetch_all(connection).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    /// The oldest program that may write to the ledger. Fails if there is no ledger.
    pub(super) async fn oldest_writer(&self, connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
        let sql = format!("SELECT max(version) FROM {}", self.table("ledger"));
        query(sql).fetch_one(connection).await?.try_get(0)
    }

    /// The ledger's layout; None before layout 6.
    pub(super) async fn layout(&self, connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
        if self.columns(connection, "ledger_identity").await?.is_empty() {
            return Ok(None);
        }
        let sql = format!("SELECT max(layout) FROM {}", self.table("ledger_identity"));
        query(sql).fetch_one(connection).await?.try_get(0)
    }

    /// The ledger's identity. Fails if there is no ledger.
    pub(super) async fn identity(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<LedgerIdentity>, SessionError> {
        let oldest_writer = self.oldest_writer(connection).await.map_err(|error| unreadable(&error))?;
        let Some(oldest_writer) = oldest_writer else { return Ok(None) };
        if self.layout(connection).await.map_err(|error| unreadable(&error))?.is_none() {
            return Ok(Some(LedgerIdentity::of_version(oldest_writer, Place::default())));
        }
        let (identity, runs) = (self.table("ledger_identity"), self.table("runs"));
        let sql = format!("SELECT ledger_id, layout, EXISTS (SELECT 1 FROM {runs}) FROM {identity}");
        let row = rows(connection, sql).await?;
        let identity = row.first().map(|row| {
            let last_run = row.flag(2)?.then(Place::default);
            let (ledger_id, layout) = (row.text_or_null(0)?, row.number(1)?);
            Ok(LedgerIdentity { ledger_id, layout, oldest_writer, here: Place::default(), last_run })
        });
        identity.transpose()
    }

    /// The row of what a person has taken upon themselves.
    pub(super) async fn acknowledge(
        &self,
        connection: &mut SqliteConnection,
        acknowledgement: &Acknowledgement<'_>,
    ) -> Result<(), sqlx::Error> {
        let Acknowledgement { kind, version, detail, run, fence } = acknowledgement;
        let sql = format!(
            "INSERT INTO {} (kind, version, detail, made_by, run, fence) VALUES (?, ?, ?, ?, ?, ?)",
            self.table("acknowledgements")
        );
        let bound = query(sql).bind(kind.word()).bind(version.map(Version::as_str)).bind(*detail);
        bound.bind(&self.user).bind(*run).bind(fence.0).execute(connection).await.map(drop)
    }

    /// The same rows, newest first.
    pub(super) async fn acknowledged(
        &self,
        connection: &mut SqliteConnection,
        kind: AcknowledgementKind,
    ) -> Result<Vec<Acknowledged>, SessionError> {
        let has_one = self.columns(connection, "acknowledgements").await.map_err(|error| unreadable(&error))?;
        if has_one.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {} FROM {} WHERE kind = '{}' ORDER BY id DESC",
            acknowledgement::list(&[(acknowledgement::made_at, &instant("made_at"))]),
            self.table("acknowledgements"),
            kind.word()
        );
        rows(connection, sql).await?.iter().map(acknowledged).collect()
    }

    /// All that a run needs to know.
    pub(super) async fn read(&self, connection: &mut SqliteConnection) -> Result<LedgerState, SessionError> {
        let succeeded = format!(
            "SELECT {} FROM {} WHERE success AND undone_by IS NULL",
            row::list(&[]),
            self.table("schema_migrations")
        );
        let succeeded = rows(connection, succeeded).await?;
        let begun = format!(
            "SELECT {} FROM {} WHERE migration_id IS NULL",
            ledger_rows::begun::list(&[]),
            self.table("statement_journal")
        );
        ledger_state(&succeeded, &rows(connection, begun).await?)
    }

    /// Attempts, newest first: the first `limit`, or all; or only those that failed.
    pub(super) async fn attempts(
        &self,
        connection: &mut SqliteConnection,
        only_failed: bool,
        limit: Option<u32>,
    ) -> Result<Vec<RecordedAttempt>, SessionError> {
        let sql = format!(
            "SELECT {}, {} FROM {} {} ORDER BY id DESC LIMIT {}",
            row::list(&[]),
            attempt::list(
                &[(attempt::applied_at, &instant("applied_at")), (attempt::undone, "undone_by IS NOT NULL"),]
            ),
            self.table("schema_migrations"),
            if only_failed { "WHERE NOT success" } else { "" },
            limit.map_or(-1, i64::from)
        );
        rows(connection, sql).await?.iter().map(recorded_attempt).collect()
    }

    /// Raises the fence for a new holder of the lock, and notes its run.
    pub(super) async fn raise_fence(&self, connection: &mut SqliteConnection, run: &str) -> Result<Fence, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET fence = fence + 1, locked_at = {NOW}, locked_by = ?, process_id = ?, run = ?, released_at = NULL \
             WHERE id = 1 RETURNING fence",
            self.table("migration_locks")
        );
        let bound = query(sql).bind(&self.user).bind(i64::from(std::process::id())).bind(run);
        let fence: i64 = bound.fetch_one(&mut *connection).await?.try_get(0)?;
        let noted = format!("INSERT OR IGNORE INTO {} (fence, run, tool_version) VALUES (?, ?, ?)", self.table("runs"));
        query(noted).bind(fence).bind(run).bind(TOOL_VERSION).execute(connection).await?;
        Ok(Fence(fence))
    }

    /// What the fence is at.
    pub(super) async fn fence(&self, connection: &mut SqliteConnection) -> Result<Fence, sqlx::Error> {
        let sql = format!("SELECT fence FROM {} WHERE id = 1", self.table("migration_locks"));
        query(sql).fetch_one(connection).await?.try_get(0).map(Fence)
    }

    /// Records the release of the lock, unless somebody else holds it by now.
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
    ) -> Result<Option<StoredRollback>, SessionError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE {IN_FORCE} AND ltrim(version, '0') = ltrim(?, '0')",
            rollback::list(&[]),
            self.table("schema_migrations")
        );
        let row = query(sql).bind(version.as_str()).fetch_optional(connection).await;
        row.map_err(|error| unreadable(&error))?.as_ref().map(stored_rollback).transpose()
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
}

/// The rows of an attempt's file while it is not complete: kind, version, kind, file.
pub(super) const OPEN: &str = "migration_id IS NULL AND kind = ? AND ltrim(version, '0') = ltrim(?, '0') \
                    AND (? <> 'repeatable' OR filename = ?)";

pub(super) fn bind_open<'q>(query: Query<'q>, attempt: Attempt<'q>) -> Query<'q> {
    let migration = attempt.migration;
    query.bind(attempt.kind.word()).bind(migration.version.as_str()).bind(attempt.kind.word()).bind(&migration.file)
}
