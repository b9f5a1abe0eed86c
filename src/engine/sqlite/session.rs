//! A session on a SQLite file: what the run's protocol asks for, in SQLite's words.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::Sqlite;
use super::error::{failure_of, is_missing_table, session_error};
use super::ledger::{Ledger, OLDEST_WRITER};
use super::lock::{FileLock, LockTry};
use crate::engine::RecordedAttempt;
use crate::engine::acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
use crate::engine::identity::LedgerIdentity;
use crate::engine::session::{
    ApplyError, Attempt, ByHand, FailedAttempt, Fence, LockAttempt, Progress, Session, SessionError, SessionId,
    StoredRollback, Undone, Unrun,
};
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::engine::shared::ledger_layout::{FoundLayout, check_writer};
use crate::migration::{Migration, Version};
use crate::plan::LedgerState;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::Dialect;

/// A SQLite file, open as soon as there is one.
#[derive(Debug)]
pub struct SqliteSession {
    pub(super) database: Sqlite,
    /// None where the file is not there: reading makes none.
    connection: Option<SqliteConnection>,
    lock: Option<FileLock>,
}

impl SqliteSession {
    pub(super) async fn start(database: Sqlite) -> Result<Self, SessionError> {
        let there = database.path()?.exists();
        let connection = if there { Some(database.open().await?) } else { None };
        Ok(Self { database, connection, lock: None })
    }

    /// Opens the connection, and creates the file if it does not exist.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, SessionError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.open().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// A new connection, in the state every file starts from. The lock is not the connection's.
    pub(super) async fn reopen(&mut self) -> Result<(), SessionError> {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        self.connection().await.map(drop)
    }

    /// Sends SQL as it is.
    pub(super) async fn send(&mut self, sql: &str) -> Result<(), Sent> {
        let connection = self.connection().await?;
        Ok(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop)?)
    }

    /// Begins a transaction of this run's: it has the fence, or ends.
    pub(super) async fn begin(&mut self, fence: Fence) -> Result<(), Sent> {
        self.send("BEGIN IMMEDIATE").await?;
        let ledger = self.database.ledger.clone();
        let found = ledger.fence(self.connection().await?).await?;
        if found == fence {
            return Ok(());
        }
        self.send("ROLLBACK").await?;
        Err(Sent::Refused(overtaken()))
    }

    /// Ends a transaction that failed. SQLite may have ended it already, which is not an error.
    pub(super) async fn roll_back(&mut self) {
        self.database.cancelled.store(false, Ordering::Relaxed);
        let _ = self.send("ROLLBACK").await;
    }

    /// Writes in a transaction of its own, guarded by the fence.
    pub(super) async fn write<T>(
        &mut self,
        fence: Fence,
        write: impl AsyncFnOnce(&Ledger, &mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, SessionError> {
        // What a cancellation was meant for has ended; what became of it must be written all the same.
        self.database.cancelled.store(false, Ordering::Relaxed);
        self.begin(fence).await?;
        let ledger = self.database.ledger.clone();
        let written = write(&ledger, self.connection().await?).await;
        let committed = match written {
            Ok(value) => self.send("COMMIT").await.map(|()| value),
            Err(error) => Err(error.into()),
        };
        if committed.is_err() {
            self.roll_back().await;
        }
        committed.map_err(|error| error.into_session_error(Reason::LedgerUnusable))
    }

    /// Whether there is a ledger.
    pub(super) async fn is_installed(&mut self) -> Result<bool, SessionError> {
        Ok(self.installed().await?.is_some())
    }

    /// The oldest writer of the ledger that is there; an error where that is newer than this program.
    async fn installed(&mut self) -> Result<Option<i64>, SessionError> {
        let ledger = self.database.ledger.clone();
        match ledger.oldest_writer(self.connection().await?).await {
            Ok(oldest_writer) => check_writer(oldest_writer).map(|()| oldest_writer),
            Err(error) if is_missing_table(&error) => Ok(None),
            Err(error) => Err(self.cannot("read", session_error(&error, Reason::LedgerUnusable))),
        }
    }

    /// An error that names the file.
    fn cannot(&self, what: &str, mut error: SessionError) -> SessionError {
        error.failure.message = format!("cannot {what} {}: {}", self.database.file, error.failure.message);
        error
    }

    /// In an explicit transaction: of a single statement the driver returns the rows and does not notice if the COMMIT
    /// after it fails, as it does while somebody reads.
    async fn raise_fence(&mut self, run: &str) -> Result<Fence, Sent> {
        self.send("BEGIN IMMEDIATE").await?;
        let ledger = self.database.ledger.clone();
        let fence = ledger.raise_fence(self.connection().await?, run).await?;
        self.send("COMMIT").await?;
        Ok(fence)
    }

    fn holder(&self) -> String {
        let (user, run) = (self.database.ledger.user(), &self.database.run);
        format!(
            "{user} (process {}, schemaward {run}, since {})",
            std::process::id(),
            jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default()
        )
    }

    fn lock_error(&self, error: &std::io::Error) -> SessionError {
        let failure = Failure::new(
            Reason::ConnectionFailed,
            format!("the lock beside {} cannot be used: {error}", self.database.file),
        )
        .class(ErrorClass::Permanent)
        .hint("the run needs the right to make a file in the database's folder, as SQLite itself does");
        SessionError { failure, connection_lost: false }
    }
}

impl Session for SqliteSession {
    fn id(&self) -> SessionId {
        SessionId(i64::from(std::process::id()))
    }

    fn server_dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn read_ledger(&mut self) -> Result<LedgerState, SessionError> {
        if self.connection.is_none() || self.installed().await?.is_none() {
            return Ok(LedgerState::default());
        }
        let ledger = self.database.ledger.clone();
        ledger.read(self.connection().await?).await
    }

    async fn lock_holder(&mut self) -> Result<Option<String>, SessionError> {
        FileLock::holder(&self.database.path()?).map_err(|error| self.lock_error(&error))
    }

    async fn attempts(
        &mut self,
        limit: Option<u32>,
    ) -> Result<(Vec<RecordedAttempt>, Option<RecordedAttempt>), SessionError> {
        if self.connection.is_none() || self.installed().await?.is_none() {
            return Ok((Vec::new(), None));
        }
        let ledger = self.database.ledger.clone();
        let connection = self.connection().await?;
        let attempts = ledger.attempts(connection, false, limit).await?;
        let failed = ledger.attempts(connection, true, Some(1)).await?;
        Ok((attempts, failed.into_iter().next()))
    }

    async fn try_lock(&mut self) -> Result<LockAttempt, SessionError> {
        let path = self.database.path()?;
        match FileLock::attempt(&path, &self.holder()).map_err(|error| self.lock_error(&error))? {
            LockTry::HeldBy(holder) => Ok(LockAttempt::HeldBy(holder)),
            LockTry::Taken(lock) => {
                self.lock = Some(lock);
                Ok(LockAttempt::Taken)
            }
        }
    }

    async fn take_over(&mut self, run: &str) -> Result<(Fence, LedgerState), SessionError> {
        let oldest_writer = self.installed().await?;
        let ledger = self.database.ledger.clone();
        let layout = ledger.layout(self.connection().await?).await;
        let layout = layout.map_err(|error| session_error(&error, Reason::LedgerUnusable))?;
        if (FoundLayout { oldest_writer, layout }).is_due(OLDEST_WRITER) {
            let installation = ledger.installation(self.connection().await?).await;
            let installation = installation.map_err(|error| session_error(&error, Reason::LedgerUnusable))?;
            let sql = format!("BEGIN IMMEDIATE;\n{installation}\nCOMMIT");
            if let Err(error) = self.send(&sql).await {
                self.roll_back().await;
                return Err(self.cannot("write", error.into_session_error(Reason::LedgerUnusable)));
            }
        }
        let fence = match self.raise_fence(run).await {
            Ok(fence) => fence,
            Err(error) => {
                self.roll_back().await;
                return Err(self.cannot("write", error.into_session_error(Reason::LedgerUnusable)));
            }
        };
        let ledger = self.database.ledger.clone();
        Ok((fence, ledger.read(self.connection().await?).await?))
    }

    async fn apply(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        self.apply_file(attempt, progress).await
    }

    async fn apply_together(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        self.apply_in_one_transaction(attempts, progress).await
    }

    async fn record_failure(&mut self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> Result<(), SessionError> {
        let duration = i64::try_from(failed.duration.as_millis()).unwrap_or(i64::MAX);
        self.write(attempt.fence, async |ledger, connection| {
            ledger.record(connection, attempt, duration, Some(failed)).await?;
            let Some(index) = failed.refused_in_rollback(attempt) else { return Ok(()) };
            ledger.begin_statement(connection, attempt, index, None).await?;
            ledger.end_statement(connection, attempt, index, Some(failed.failure)).await
        })
        .await
    }

    async fn settle(&mut self, fence: Fence, by_hand: &ByHand<'_>) -> Result<bool, SessionError> {
        self.write(fence, async |ledger, connection| ledger.settle(connection, fence, by_hand).await).await
    }

    async fn record_undone(&mut self, by_hand: Attempt<'_>) -> Result<(), SessionError> {
        let written = async |ledger: &Ledger, connection: &mut SqliteConnection| {
            ledger.record(connection, by_hand, 0, None).await
        };
        self.write(by_hand.fence, written).await
    }

    async fn record_abandoned(
        &mut self,
        attempt: Attempt<'_>,
        given_up: FailedAttempt<'_>,
        said: Acknowledgement<'_>,
    ) -> Result<(), SessionError> {
        let written = async |ledger: &Ledger, connection: &mut SqliteConnection| {
            ledger.acknowledge(connection, &said).await?;
            ledger.record(connection, attempt, 0, Some(given_up)).await?;
            ledger.close_journal(connection, attempt).await
        };
        self.write(attempt.fence, written).await
    }

    async fn stored_rollbacks(&mut self, versions: &[Version]) -> Result<Vec<StoredRollback>, SessionError> {
        let ledger = self.database.ledger.clone();
        let mut found = Vec::new();
        for version in versions {
            found.extend(ledger.stored_rollback(self.connection().await?, version).await?);
        }
        Ok(found)
    }

    async fn record_unrun(&mut self, unrun: Unrun<'_>) -> Result<(), SessionError> {
        self.write(unrun.fence, async |ledger, connection| ledger.record_unrun(connection, &unrun).await).await
    }

    async fn accept_edit(&mut self, fence: Fence, run: &str, migration: &Migration) -> Result<bool, SessionError> {
        self.write(fence, async |ledger, connection| ledger.accept_edit(connection, (fence, run), migration).await)
            .await
    }

    async fn acknowledge(&mut self, acknowledgement: Acknowledgement<'_>) -> Result<(), SessionError> {
        let written = async |ledger: &Ledger, connection: &mut SqliteConnection| {
            ledger.acknowledge(connection, &acknowledgement).await
        };
        self.write(acknowledgement.fence, written).await
    }

    async fn acknowledged(&mut self, kind: AcknowledgementKind) -> Result<Vec<Acknowledged>, SessionError> {
        if self.connection.is_none() {
            return Ok(Vec::new());
        }
        let ledger = self.database.ledger.clone();
        ledger.acknowledged(self.connection().await?, kind).await
    }

    async fn identity(&mut self) -> Result<Option<LedgerIdentity>, SessionError> {
        if self.connection.is_none() || !self.is_installed().await? {
            return Ok(None);
        }
        let ledger = self.database.ledger.clone();
        ledger.identity(self.connection().await?).await
    }

    async fn text_rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, SessionError> {
        if self.connection.is_none() {
            return Ok(Vec::new());
        }
        let connection = self.connection().await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_all(connection).await;
        let rows = rows.map_err(|error| session_error(&error, Reason::LedgerUnusable))?;
        // SQLite turns any value into a text.
        let text = |row: &SqliteRow, column| row.try_get_unchecked::<Option<String>, _>(column);
        let texts = |row: &SqliteRow| (0..row.len()).map(|column| text(row, column)).collect::<Result<Vec<_>, _>>();
        let texts = rows.iter().map(texts).collect::<Result<Vec<_>, _>>();
        texts.map_err(|error| session_error(&error, Reason::LedgerUnusable))
    }

    async fn release(&mut self, fence: Fence) -> Result<(), SessionError> {
        let ledger = self.database.ledger.clone();
        let connection = self.connection().await?;
        let noted = ledger.note_release(connection, fence).await;
        if let Some(lock) = self.lock.take() {
            lock.release().map_err(|error| self.lock_error(&error))?;
        }
        noted.map_err(|error| session_error(&error, Reason::LedgerUnusable))
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
    }
}

/// Why SQL did not go through.
pub(super) enum Sent {
    Database(sqlx::Error),
    Refused(SessionError),
}

impl From<sqlx::Error> for Sent {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<SessionError> for Sent {
    fn from(error: SessionError) -> Self {
        Self::Refused(error)
    }
}

impl From<Sent> for SessionError {
    fn from(error: Sent) -> Self {
        error.into_session_error(Reason::LedgerUnusable)
    }
}

impl Sent {
    pub(super) fn into_session_error(self, doing: Reason) -> SessionError {
        match self {
            Self::Database(error) => SessionError { failure: failure_of(&error, doing), connection_lost: false },
            Self::Refused(error) => error,
        }
    }
}

fn overtaken() -> SessionError {
    let failure = Failure::new(Reason::Fenced, OVERTAKEN.to_owned());
    SessionError { failure, connection_lost: false }
}
