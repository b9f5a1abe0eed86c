//! The statement journal on SQLite: its SQL, with values bound.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::ledger::{Ledger, NOW, OPEN, bind_open, instant};
use super::rows::{count, query, unreadable};
use crate::engine::session::{Attempt, ByHand, Fence, SessionError};
use crate::engine::shared::journal_failure::Begun;
use crate::engine::shared::journal_verdict::Journaled;
use crate::engine::shared::ledger_rows::{DriverRow, statement_state};
use crate::engine::shared::stored_trace::StoredTrace;
use crate::migration::Checksum;
use crate::plan::StatementState;
use crate::report::Failure;
use crate::sql::Trace;

impl Ledger {
    /// The started statements of an attempt's file.
    pub(super) async fn journal(
        &self,
        connection: &mut SqliteConnection,
        attempt: Attempt<'_>,
    ) -> Result<Vec<JournalRow>, SessionError> {
        let sql = format!(
            "SELECT statement, checksum, state, trace, excerpt, {}, run, last_insert_rowid \
             FROM {} WHERE {OPEN}",
            instant("started_at"),
            self.table("statement_journal")
        );
        let found = bind_open(query(sql), attempt).fetch_all(connection).await.map_err(|error| unreadable(&error))?;
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
        let rowid: i64 =
            query("SELECT last_insert_rowid()".to_owned()).fetch_one(&mut *connection).await?.try_get(0)?;
        let gone = format!("DELETE FROM {journal} WHERE {OPEN} AND statement = ?");
        bind_open(query(gone), attempt).bind(count(index + 1)).execute(&mut *connection).await?;
        let ended = if trace.is_none() { NOW } else { "NULL" };
        let sql = format!(
            "INSERT INTO {journal} (kind, version, filename, statement, checksum, excerpt, state, trace, ended_at, \
             settled_by, run, fence, last_insert_rowid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, {ended}, ?, ?, ?, ?)"
        );
        query(sql)
            .bind(attempt.kind.word())
            .bind(migration.version.as_str())
            .bind(&migration.file)
            .bind(count(index + 1))
            .bind(migration.statement_checksum(index).as_str().to_owned())
            .bind(place.excerpt.unwrap_or_default())
            .bind(if trace.is_none() { "finished" } else { "started" })
            .bind(trace.map_or(StoredTrace::Transaction, StoredTrace::of).as_str())
            .bind(trace.is_none().then_some("server"))
            .bind(attempt.run)
            .bind(attempt.fence.0)
            .bind(rowid)
            .execute(&mut *connection)
            .await?;
        self.set_last_insert_rowid(connection, rowid).await
    }

    /// Makes `last_insert_rowid()` say to the file's next statement what it said before the journal was written, or before
    /// the interruption. Nothing but an INSERT sets it; this one's table is the connection's own, and goes with it.
    pub(super) async fn set_last_insert_rowid(
        &self,
        connection: &mut SqliteConnection,
        rowid: i64,
    ) -> Result<(), sqlx::Error> {
        let table = format!("temp.\"{}_last_insert\"", self.prefix());
        let made = format!("CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY)");
        query(made).execute(&mut *connection).await?;
        query(format!("INSERT INTO {table} VALUES (?)")).bind(rowid).execute(&mut *connection).await?;
        query(format!("DELETE FROM {table}")).execute(connection).await.map(drop)
    }

    /// Makes what is open of a file a part of the row that was written just before.
    pub(super) async fn close_journal(
        &self,
        connection: &mut SqliteConnection,
        attempt: Attempt<'_>,
    ) -> Result<(), sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET migration_id = (SELECT max(id) FROM {}) WHERE {OPEN}",
            self.table("statement_journal"),
            self.table("schema_migrations")
        );
        bind_open(query(sql), attempt).execute(connection).await.map(drop)
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
            "UPDATE {} SET state = ?, ended_at = {NOW}, settled_by = 'server', error_code = ?, error_message = ?, \
             last_insert_rowid = last_insert_rowid() WHERE {OPEN} AND statement = ?",
            self.table("statement_journal")
        );
        let bound = query(sql)
            .bind(if failure.is_none() { "finished" } else { "failed" })
            .bind(failure.and_then(|failure| failure.code.as_deref()))
            .bind(failure.map(|failure| failure.message.as_str()));
        bind_open(bound, attempt).bind(count(index + 1)).execute(connection).await.map(drop)
    }

    /// Records what a person says of a statement whose end was not recorded, or which was refused and then done by
    /// hand. False if there is no such statement.
    pub(super) async fn settle(
        &self,
        connection: &mut SqliteConnection,
        fence: Fence,
        by_hand: &ByHand<'_>,
    ) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET state = ?, ended_at = {NOW}, settled_by = 'repair', error_code = NULL, error_message = NULL, run = ?, \
             fence = ? WHERE migration_id IS NULL AND ltrim(version, '0') = ltrim(?, '0') AND statement = ? AND state IN ('started', 'failed')",
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

/// A statement that was started.
#[derive(Clone, Debug)]
pub(super) struct JournalRow {
    /// From 1.
    pub(super) statement: usize,
    pub(super) checksum: Checksum,
    pub(super) state: StatementState,
    trace: StoredTrace,
    excerpt: String,
    started_at: String,
    run: String,
    /// What `last_insert_rowid()` said after it; None where an older Schemaward has run it.
    pub(super) last_insert_rowid: Option<i64>,
}

impl JournalRow {
    /// As the verdict on it reads it.
    pub(super) fn journaled(&self) -> Journaled<'_> {
        let begun = Begun { excerpt: &self.excerpt, run: &self.run, started_at: &self.started_at };
        Journaled { state: self.state, checksum: &self.checksum, trace: self.trace, begun }
    }

    fn read(row: &SqliteRow) -> Result<Self, SessionError> {
        Ok(Self {
            statement: usize::try_from(row.number(0)?).unwrap_or_default(),
            checksum: Checksum::stored(row.text(1)?),
            state: statement_state(&row.text(2)?)?,
            trace: StoredTrace::read(&row.text(3)?),
            excerpt: row.text(4)?,
            started_at: row.text(5)?,
            run: row.text(6)?,
            last_insert_rowid: row.try_get(7).map_err(|error| unreadable(&error))?,
        })
    }
}
