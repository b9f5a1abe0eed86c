//! A session on a PostgreSQL server: what the run's protocol asks for, in PostgreSQL's words.
//!
//! Everything is sent by the simple query protocol: several statements in one message are one round
//! trip, and nothing is prepared that a reset would have to know of.

use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Either, Row};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::Postgres;
use super::address::Address;
use super::error::{QUERY_CANCELLED, connection_lost, is_filtered, server_error, session_error};
use super::journal::Kind;
use super::ledger::{Ledger, OlderLedger};
use super::mark::{Mark, Told};
use super::message::{Frame, Reset};
use super::own_transaction::{AS_OURSELVES, BEGIN};
use super::pooler::another_process;
use super::rows::{holder_text, identity, ledger_state, value};
use super::settings::{ALL_ROWS, OwnLockTimeout, Settings};
use super::writable::{self, NoWrites};
use crate::engine::RecordedAttempt;
use crate::engine::acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
use crate::engine::identity::{LedgerIdentity, Place};
use crate::engine::session::{
    ApplyError, Attempt, ByHand, FailedAttempt, Fence, LockAttempt, Progress, Session, SessionError, SessionId,
    StoredRollback, Undone, Unrun, one_by_one,
};
use crate::engine::shared::ledger_rows::{acknowledged, stored_rollback, unusable};
use crate::engine::shared::liveness::Heard;
use crate::migration::{Migration, Version};
use crate::plan::LedgerState;
use crate::policy::AlreadyExists;
use crate::report::Reason;
use crate::sql::{Dialect, TransactionMode};

/// How many answers come before the ledger's in a session's first message: those to its settings, and its process.
const FIRST_ANSWERS: usize = 3;

/// A connection to a PostgreSQL server.
#[derive(Debug)]
pub struct PostgresSession {
    connection: PgConnection,
    /// As the server numbers its processes.
    process_id: i32,
    pub(super) ledger: Ledger,
    /// Brings the session into the state every file starts from.
    pub(super) reset: Reset,
    pub(super) mark: Mark,
    /// What it has heard, for who watches it.
    pub(super) heard: Heard,
    pub(super) settings: Settings,
    pub(super) lock_timeout: OwnLockTimeout,
    /// Where a second connection goes.
    pub(super) address: Address,
    /// Its `synchronous_commit` before any file has set one.
    pub(super) synchronous_commit: String,
    /// What the session's first message read of the ledger, or why the server did not answer it.
    first_reading: Option<Result<Result<LedgerState, SessionError>, sqlx::Error>>,
    /// Whether none was there when it was last read; a table of that name may still be, another tool's.
    pub(super) has_no_ledger: bool,
    /// Whether the journal had an open statement when the lock was taken.
    something_is_begun: bool,
    pub(super) already_exists: AlreadyExists,
    pub(super) user: String,
    pub(super) database: String,
    /// Until the first try for the lock, which finds out through this whether the server process stays with this session,
    /// and what its setting up needs to know. Reading does not need it.
    may_be_pooled: Option<Postgres>,
}

impl PostgresSession {
    /// Takes a fresh connection over and reads the ledger. That needs no more than a lock's timeout: the session is set up
    /// when the lock is taken, so that where nothing is pending the server does nothing else.
    pub(super) async fn start(connection: PgConnection, postgres: &Postgres) -> Result<Self, SessionError> {
        let settings = postgres.settings.statements(connection.server_version_num());
        let (user, database) = (postgres.address.user(), postgres.address.database());
        let mut session = Self {
            connection,
            process_id: 0,
            address: postgres.address.clone(),
            reset: reset(&settings),
            mark: Mark::new(),
            heard: postgres.heard.clone(),
            settings: postgres.settings,
            lock_timeout: postgres.settings.own_lock_timeout(false),
            synchronous_commit: String::new(),
            first_reading: None,
            has_no_ledger: false,
            something_is_begun: false,
            already_exists: postgres.already_exists,
            user: user.to_owned(),
            database: database.to_owned(),
            ledger: postgres.ledger.clone(),
            may_be_pooled: Some(postgres.clone()),
        };
        let sql = format!(
            "{};SELECT pg_catalog.pg_backend_pid();\n{}",
            postgres.settings.for_reading(),
            session.ledger.read()
        );
        let mut results = Vec::new();
        let answered = session.collect(sql, &mut results).await;
        if let (Err(error), true) = (&answered, results.len() < FIRST_ANSWERS) {
            return Err(session_error(error, Reason::ConnectionFailed));
        }
        // The earlier it is known, the more of a pooler's changes are seen.
        session.process_id = value(results.get(FIRST_ANSWERS - 1).and_then(|rows| rows.first()), 0)?;
        // Processed at once: a connection that was opened early has the time for it.
        session.first_reading = Some(answered.map(|()| understood(results.get(FIRST_ANSWERS..).unwrap_or_default())));
        Ok(session)
    }

    /// Asks what the session's setting up needs to know and, where its server process was started by it, tries for the lock.
    /// Returns the latter's answer. Changes nothing: what answers may be an application's pool. Refuses a server
    /// that takes no writes.
    async fn ask_and_try_lock(&mut self, postgres: &Postgres) -> Result<Vec<PgRow>, SessionError> {
        let server_version = self.connection.server_version_num();
        let sql = format!(
            "SELECT pg_catalog.current_setting('synchronous_commit'), {}, {};{}",
            postgres.settings.were_taken_at_login(),
            writable::QUESTION,
            Ledger::try_lock(self.process_id, &postgres.started_by_us())
        );
        let mut results = self.query(sql, Reason::ConnectionFailed).await?;
        let about = results.first().and_then(|rows| rows.first());
        if let Some(no_writes) = NoWrites::read(about, 2)? {
            // The lock, if it was free, ends with the session.
            return Err(no_writes.failure());
        }
        self.synchronous_commit = value(about, 0)?;
        if value(about, 1)? {
            self.reset = reset(Settings::statements_beside_login(server_version).as_slice());
            self.lock_timeout = self.settings.own_lock_timeout(true);
        }
        Ok(results.pop().unwrap_or_default())
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// What it puts around each file of a message.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            ledger: &self.ledger,
            reset: &self.reset,
            mark: &self.mark,
            synchronous_commit: &self.synchronous_commit,
        }
    }

    /// As the server numbers its processes.
    pub(super) fn process_id(&self) -> i32 {
        self.process_id
    }

    /// Sends one message; returns the rows of each of its statements.
    pub(super) async fn query(&mut self, sql: String, doing: Reason) -> Result<Vec<Vec<PgRow>>, SessionError> {
        self.try_query(sql).await.map_err(|error| session_error(&error, doing))
    }

    pub(super) async fn try_query(&mut self, sql: String) -> Result<Vec<Vec<PgRow>>, sqlx::Error> {
        let mut results = Vec::new();
        self.collect(sql, &mut results).await.map(|()| results)
    }

    /// Ends whatever transaction the session is in, restores the state in which every file starts, and continues with
    /// `then`, which is our SQL. Returns the rows of each statement.
    pub(super) async fn start_over(&mut self, then: &str) -> Result<Vec<Vec<PgRow>>, sqlx::Error> {
        let sql = format!("ROLLBACK;{}{then}", self.reset.sql);
        // The warning that there is no transaction to end is of no interest.
        self.try_query(sql).with_subscriber(NoSubscriber::default()).await
    }

    /// Sends a message that holds a statement of a file's, and lets go of its rows as they come: there may be millions.
    ///
    /// # Errors
    ///
    /// The error, and how many answers had come after the mark; None where it was not reached.
    pub(super) async fn send(&mut self, sql: String) -> Result<(), (sqlx::Error, Option<usize>)> {
        let mark = self.mark.clone();
        let mut behind = None;
        let waiting = self.heard.asks(sql.len());
        let mut answers = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut self.connection);
        loop {
            let answer = answers.try_next().await;
            waiting.hears();
            match answer {
                Ok(None) => return Ok(()),
                Ok(Some(Either::Left(_))) => behind = behind.map(|answers| answers + 1),
                Ok(Some(Either::Right(row))) if matches!(mark.read(&row), Some(Told::Behind(_))) => behind = Some(0),
                Ok(Some(Either::Right(_))) => {}
                Err(error) => return Err((error, behind)),
            }
        }
    }

    /// Ends whatever transaction the session is in.
    pub(super) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.try_query("ROLLBACK".to_owned()).with_subscriber(NoSubscriber::default()).await.map(drop)
    }

    /// The same, with the rows of those statements that came to their end before an error.
    pub(super) async fn collect(&mut self, sql: String, results: &mut Vec<Vec<PgRow>>) -> Result<(), sqlx::Error> {
        let mut rows = Vec::new();
        let waiting = self.heard.asks(sql.len());
        let mut answers = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut self.connection);
        while let Some(answer) = answers.try_next().await? {
            waiting.hears();
            match answer {
                Either::Left(_) => results.push(std::mem::take(&mut rows)),
                Either::Right(row) => rows.push(row),
            }
        }
        Ok(())
    }

    /// Reads the ledger, every row of it or none. In a transaction of its own.
    pub(super) async fn read_rows(&mut self, sql: &str) -> Result<Vec<Vec<PgRow>>, sqlx::Error> {
        let mut results = self.try_query(format!("{ALL_ROWS};{sql}")).await?;
        // What was set is not what was asked for.
        Ok(results.split_off(1.min(results.len())))
    }

    /// Writes in a transaction of its own, as the user who connected, whatever a file has set; guarded by the fence.
    pub(super) async fn write_guarded(&mut self, fence: Fence, sql: &str) -> Result<Vec<Vec<PgRow>>, SessionError> {
        let sql = format!("{BEGIN};{AS_OURSELVES};{};{sql};COMMIT", self.ledger.guard(fence));
        let mut written = self.try_query(sql.clone()).await;
        if let Err(error) = &written
            && !connection_lost(error)
        {
            self.roll_back().await.map_err(|error| session_error(&error, Reason::LedgerUnusable))?;
            // A cancellation was meant for the statement before; what has become of that must be written all the same.
            if server_error(error).is_some_and(|error| error.code() == QUERY_CANCELLED) {
                written = self.try_query(sql).await;
            }
        }
        written.map_err(|error| {
            if is_filtered(&error) { self.filtered(&error) } else { session_error(&error, Reason::LedgerUnusable) }
        })
    }

    /// A statement that was refused is in the journal until its file is applied; one that is a transaction by now
    /// leaves that to this. Where it fails the next run does it.
    async fn close_refused(&mut self, fence: Fence) {
        if self.something_is_begun
            && let Err(error) = self.write_guarded(fence, &self.ledger.close_refused()).await
        {
            tracing::warn!(%error, "what was refused before could not be closed in the journal");
        }
    }

    /// Reads a ledger of version 2 or 1.
    async fn read_older(&mut self) -> Result<LedgerState, SessionError> {
        let mut results = self.try_query(self.ledger.read_older(OlderLedger::Two)).await;
        if results.as_ref().is_err_and(Self::ledger_is_missing) {
            results = self.try_query(self.ledger.read_older(OlderLedger::One)).await;
        }
        match results {
            Ok(results) => understood(results.get(1..).unwrap_or_default()),
            Err(error) => Err(self.explain_reading(&error)),
        }
    }
}

fn understood(results: &[Vec<PgRow>]) -> Result<LedgerState, SessionError> {
    ledger_state(results).map(|(_, state)| state)
}

impl Session for PostgresSession {
    fn id(&self) -> SessionId {
        SessionId(i64::from(self.process_id))
    }

    fn server_dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn read_ledger(&mut self) -> Result<LedgerState, SessionError> {
        let answered = match self.first_reading.take() {
            Some(answered) => answered,
            None => self.read_rows(&self.ledger.read()).await.map(|results| understood(&results)),
        };
        match answered {
            Ok(understood) => understood,
            Err(error) if Self::ledger_is_missing(&error) => {
                self.has_no_ledger = true;
                Ok(LedgerState::default())
            }
            Err(error) if Self::ledger_is_older(&error) => self.read_older().await,
            Err(error) => Err(self.explain_reading(&error)),
        }
    }

    async fn lock_holder(&mut self) -> Result<Option<String>, SessionError> {
        self.read_lock_holder().await
    }

    async fn attempts(
        &mut self,
        limit: Option<u32>,
    ) -> Result<(Vec<RecordedAttempt>, Option<RecordedAttempt>), SessionError> {
        self.read_attempts(limit).await
    }

    async fn try_lock(&mut self) -> Result<LockAttempt, SessionError> {
        let postgres = self.may_be_pooled.take();
        let rows = if let Some(postgres) = &postgres {
            self.ask_and_try_lock(postgres).await?
        } else {
            let sql = Ledger::try_lock(self.process_id, "true");
            self.query(sql, Reason::LockHeld).await?.pop().unwrap_or_default()
        };
        let is_direct: Option<bool> = value(rows.first(), 0)?;
        let is_taken: Option<bool> = value(rows.first(), 1)?;
        match (postgres, is_direct.ok_or_else(another_process)?) {
            (Some(postgres), false) => {
                postgres.refuse_transaction_pooler(&mut self.connection).await?;
                return Box::pin(self.try_lock()).await;
            }
            _ if is_taken == Some(true) => return Ok(LockAttempt::Taken),
            _ => {}
        }
        // It may take a while until it is free; a timeout of the role's must not end the session meanwhile.
        let waits = Settings::while_waiting(self.connection.server_version_num());
        let results = self.query(format!("{waits}{}", Ledger::holder()), Reason::LockHeld).await?;
        let holder = results.last().and_then(|rows| rows.first());
        Ok(LockAttempt::HeldBy(holder.map(holder_text).transpose()?.unwrap_or_default()))
    }

    async fn take_over(&mut self, run: &str) -> Result<(Fence, LedgerState), SessionError> {
        // Another run may have made it since it was looked for; to make it again changes nothing.
        let mut taken = if self.has_no_ledger { None } else { self.raise_fence(run).await? };
        if taken.is_none() {
            taken = self.install_and_raise_fence(run).await?;
            self.has_no_ledger = false;
        }
        let taken = taken.ok_or_else(|| unusable("the ledger was installed, but is not there"))?;
        self.something_is_begun = !taken.1.all_begun().is_empty();
        Ok(taken)
    }

    async fn apply(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        if attempt.migration.mode == TransactionMode::PerStatement {
            return self.apply_journaled(attempt, progress).await;
        }
        let mut applied = Duration::ZERO;
        let mut told = |_, done| match done {
            Progress::Started(_) => {}
            Progress::Applied(duration) => applied = duration,
            other => progress(other),
        };
        self.apply_in_messages(&[attempt], &mut told).await?;
        self.close_refused(attempt.fence).await;
        Ok(applied)
    }

    async fn apply_batch(
        &mut self,
        batch: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), ApplyError> {
        if batch.iter().any(|attempt| attempt.migration.mode == TransactionMode::PerStatement) {
            return one_by_one(self, batch, progress).await;
        }
        self.apply_in_messages(batch, progress).await?;
        if let Some(attempt) = batch.first() {
            self.close_refused(attempt.fence).await;
        }
        Ok(())
    }

    async fn apply_together(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        self.apply_in_one_transaction(attempts, progress).await?;
        if let Some(attempt) = attempts.first() {
            self.close_refused(attempt.fence).await;
        }
        Ok(())
    }

    async fn record_failure(&mut self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> Result<(), SessionError> {
        let mut rows = self.ledger.record_failure(attempt, failed);
        if let Some(index) = failed.refused_in_rollback(attempt) {
            let row = self.ledger.begin_statement(attempt, index, Kind::InTransaction);
            let end = self.ledger.end_statement(attempt, index, "server", Some(failed.failure));
            rows = [rows, row, end].join(";");
        }
        self.write_guarded(attempt.fence, &rows).await.map(drop)
    }

    async fn settle(&mut self, fence: Fence, by_hand: &ByHand<'_>) -> Result<bool, SessionError> {
        let results = self.write_guarded(fence, &self.ledger.settle_by_hand(fence, by_hand)).await?;
        Ok(has_returned_rows(&results))
    }

    async fn record_undone(&mut self, by_hand: Attempt<'_>) -> Result<(), SessionError> {
        self.write_guarded(by_hand.fence, &self.ledger.record_journaled(by_hand, 0)).await.map(drop)
    }

    async fn record_abandoned(
        &mut self,
        attempt: Attempt<'_>,
        given_up: FailedAttempt<'_>,
        said: Acknowledgement<'_>,
    ) -> Result<(), SessionError> {
        let rows = [self.ledger.acknowledge(&said), self.ledger.record_abandoned(attempt, given_up)];
        self.write_guarded(attempt.fence, &rows.join(";")).await.map(drop)
    }

    async fn stored_rollbacks(&mut self, versions: &[Version]) -> Result<Vec<StoredRollback>, SessionError> {
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let mut results = self.read_rows(&self.ledger.stored_rollbacks(versions)).await;
        if results.as_ref().is_err_and(Self::ledger_is_older) {
            results = self.read_rows(&self.ledger.stored_rollbacks_older(versions)).await;
        }
        let results = results.map_err(|error| self.explain_reading(&error))?;
        results.iter().flatten().map(stored_rollback).collect()
    }

    async fn record_unrun(&mut self, unrun: Unrun<'_>) -> Result<(), SessionError> {
        self.write_guarded(unrun.fence, &self.ledger.record_unrun(&unrun)).await.map(drop)
    }

    async fn accept_edit(&mut self, fence: Fence, run: &str, migration: &Migration) -> Result<bool, SessionError> {
        let results = self.write_guarded(fence, &self.ledger.accept_edit(fence, run, migration)).await?;
        Ok(has_returned_rows(&results))
    }

    async fn acknowledge(&mut self, acknowledgement: Acknowledgement<'_>) -> Result<(), SessionError> {
        let sql = self.ledger.acknowledge(&acknowledgement);
        self.write_guarded(acknowledgement.fence, &sql).await.map(drop)
    }

    async fn acknowledged(&mut self, kind: AcknowledgementKind) -> Result<Vec<Acknowledged>, SessionError> {
        if self.has_no_ledger {
            return Ok(Vec::new());
        }
        match self.read_rows(&self.ledger.acknowledged(kind)).await {
            Ok(results) => results.iter().flatten().map(acknowledged).collect(),
            Err(error) if Self::ledger_is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(self.explain_reading(&error)),
        }
    }

    async fn identity(&mut self) -> Result<Option<LedgerIdentity>, SessionError> {
        let mut results = self.read_rows(&self.ledger.identity()).await;
        let has_none = results.as_ref().is_err_and(Self::ledger_is_missing);
        if has_none {
            results = self.read_rows(&self.ledger.read_version()).await;
        }
        match results {
            Ok(results) if has_none => {
                let version: Option<i32> = value(results.first().and_then(|rows| rows.first()), 0)?;
                Ok(version.map(|version| LedgerIdentity::of_version(version, Place::default())))
            }
            Ok(results) => results.first().and_then(|rows| rows.first()).map(identity).transpose(),
            Err(error) if Self::ledger_is_missing(&error) => Ok(None),
            Err(error) => Err(self.explain_reading(&error)),
        }
    }

    async fn text_rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, SessionError> {
        // Where row level security hides rows, the server refuses: a part of another tool's history would be misleading.
        let results = self.read_rows(query).await.map_err(|error| session_error(&error, Reason::LedgerUnusable))?;
        let texts = |row: &PgRow| (0..row.len()).map(|column| value(Some(row), column)).collect();
        results.iter().flatten().map(texts).collect()
    }

    async fn release(&mut self, fence: Fence) -> Result<(), SessionError> {
        self.query(self.ledger.release(fence), Reason::LedgerUnusable).await.map(drop)
    }

    async fn close(self) {
        // The server ends the session either way; a polite end only keeps its log quiet.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.connection.close()).await;
    }
}

/// Whether what [`PostgresSession::write_guarded`] has written returned rows: its last statement before COMMIT.
fn has_returned_rows(results: &[Vec<PgRow>]) -> bool {
    results.iter().rev().nth(1).is_some_and(|rows| !rows.is_empty())
}

/// The settings that every file starts from, whatever the file before it did; the lock stays.
fn reset(settings: &[String]) -> Reset {
    let undo = [
        "RESET SESSION AUTHORIZATION",
        "RESET ROLE",
        "RESET ALL",
        "CLOSE ALL",
        "UNLISTEN *",
        "DEALLOCATE ALL",
        "DISCARD TEMP",
    ];
    let statements: Vec<&str> = undo.into_iter().chain(settings.iter().map(String::as_str)).collect();
    Reset::new(&statements)
}
