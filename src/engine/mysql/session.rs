//! A session on a MySQL or MariaDB server: what the run's protocol asks for, in their words.
//!
//! Everything is sent as text: several statements in one message are one round trip, and nothing is prepared.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, Either};

use super::Mysql;
use super::error::{
    ACCESS_DENIED_TO_COLUMN, ACCESS_DENIED_TO_DATABASE, ACCESS_DENIED_TO_TABLE, NO_SUCH_TABLE, QUERY_INTERRUPTED,
    connection_lost, is_number, session_error,
};
use super::journal::Row;
use super::ledger::{BEGIN, Ledger};
use super::mark::Mark;
use super::rows::{identity, ledger_state, value};
use super::server::{self, Server};
use crate::engine::RecordedAttempt;
use crate::engine::acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
use crate::engine::identity::{LedgerIdentity, Place};
use crate::engine::session::{
    ApplyError, Attempt, ByHand, FailedAttempt, Fence, LockAttempt, Progress, Session, SessionError, SessionId,
    StoredRollback, Undone, Unrun,
};
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::engine::shared::ledger_rows::{acknowledged, stored_rollback, unusable};
use crate::engine::shared::liveness::Heard;
use crate::migration::{Migration, Version};
use crate::plan::LedgerState;
use crate::policy::AlreadyExists;
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// A connection to a MySQL or MariaDB server.
#[derive(Debug)]
pub struct MysqlSession {
    connection: MySqlConnection,
    pub(super) server: Server,
    pub(super) ledger: Ledger,
    /// Brings back the settings that are ours.
    pub(super) settings: String,
    /// The name of the lock that no other session ever takes.
    pub(super) session_lock: String,
    /// What it has heard, for who watches it.
    heard: Heard,
    user: String,
    /// Whether the journal may hold statements of files that are not complete.
    pub(super) may_resume: bool,
    /// What the reading of the ledger said that came with the session's setting up, or why the server did not answer it.
    pub(super) first_reading: Option<Result<Result<LedgerState, SessionError>, sqlx::Error>>,
    /// Whether none was there when it was last read; a table of that name may still be, another tool's.
    pub(super) has_no_ledger: bool,
    /// The session's variables before the first file that changes any.
    pub(super) variables: Option<Vec<(String, String)>>,
    pub(super) already_exists: AlreadyExists,
    /// The file whose temporary tables the session still holds, since it is to be tried again.
    pub(super) kept_for: Option<String>,
    /// Variables that cannot be set back, since they are not the session's own.
    pub(super) not_ours: BTreeSet<String>,
}

/// The answers to one message: the rows of each statement, and how many each has changed.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) rows: Vec<Vec<MySqlRow>>,
    pub(super) changed: Vec<u64>,
}

impl Answers {
    /// The first row of the answer with this number, from 0.
    pub(super) fn row(&self, answer: usize) -> Option<&MySqlRow> {
        self.rows.get(answer).and_then(|rows| rows.first())
    }
}

impl MysqlSession {
    /// Sets up a new connection. The same message reads the ledger: if nothing is pending, it is the only one.
    pub(super) async fn start(mut connection: MySqlConnection, mysql: &Mysql) -> Result<Self, SessionError> {
        let user = mysql.address.user();
        let settings = server::settings(mysql.lock_timeout);
        let ledger = |database: &str, lock_scope: &str| Ledger::new(database, &mysql.prefix, lock_scope, user);
        let named = mysql.address.database();
        let sql = format!("{};\n{}", server::first_message(&settings), ledger(named, named).read());
        let mut answers = Answers::default();
        let answered = collect(&mut connection, sql, &mut answers).await;
        let Some(about) = answers.row(server::FIRST_ANSWER) else {
            let error = answered.err().map(|error| session_error(&error, Reason::ConnectionFailed));
            return Err(error.unwrap_or_else(|| unusable("the server did not answer the session's setting up")));
        };
        let server = Server::read(about)?;
        server.version.check().map_err(|failure| mysql.not_connected(failure))?;
        Ok(Self {
            connection,
            heard: mysql.heard.clone(),
            // Unique even where a restored server uses numbers of connections again.
            session_lock: format!("schemaward:session:{}", server.session_uuid),
            ledger: ledger(&server.database, &server.lock_scope()),
            server,
            settings,
            user: user.to_owned(),
            may_resume: true,
            // Processed at once: a connection that was opened early has the time for it.
            first_reading: Some(answered.map(|()| understood(&answers.rows.split_off(server::FIRST_ANSWER + 1)))),
            has_no_ledger: false,
            variables: None,
            already_exists: mysql.already_exists,
            kept_for: None,
            not_ours: BTreeSet::new(),
        })
    }

    /// Sends one message.
    pub(super) async fn query(&mut self, sql: String, doing: Reason) -> Result<Answers, SessionError> {
        self.try_query(sql).await.map_err(|error| session_error(&error, doing))
    }

    pub(super) async fn try_query(&mut self, sql: String) -> Result<Answers, sqlx::Error> {
        let _waiting = self.heard.asks(sql.len());
        query(&mut self.connection, sql).await
    }

    /// Sends one message, and reports each answer as it comes, with what it may have of a mark of ours.
    pub(super) async fn stream(
        &mut self,
        sql: String,
        mut answered: impl FnMut(Option<Mark>),
    ) -> Result<(), sqlx::Error> {
        let (mut mark, mut rows) = (None, 0);
        let waiting = self.heard.asks(sql.len());
        let mut stream = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut self.connection);
        while let Some(answer) = stream.try_next().await? {
            waiting.hears();
            match answer {
                Either::Left(_) => {
                    answered(mark.take().filter(|_| rows == 1));
                    rows = 0;
                }
                Either::Right(row) => {
                    mark = as_mark(&row);
                    rows += 1;
                }
            }
        }
        Ok(())
    }

    /// Whether the error says that there is no ledger yet.
    pub(super) fn ledger_is_missing(error: &sqlx::Error) -> bool {
        is_number(error, NO_SUCH_TABLE)
    }

    /// The failure with what only the session knows: which right is missing, and for whom.
    pub(super) fn explain(&self, error: &sqlx::Error) -> SessionError {
        let mut explained = session_error(error, Reason::LedgerUnusable);
        if [ACCESS_DENIED_TO_DATABASE, ACCESS_DENIED_TO_TABLE, ACCESS_DENIED_TO_COLUMN]
            .iter()
            .any(|number| is_number(error, *number))
        {
            let failure = &mut explained.failure;
            failure.message = format!(
                "the user {} may not keep the ledger, the tables {}_…: {}",
                self.user,
                self.ledger.prefix(),
                failure.message
            );
            failure.hint = Some(
                "as an administrator: GRANT CREATE, ALTER, SELECT, INSERT, UPDATE on the database to the user"
                    .to_owned(),
            );
        }
        explained
    }

    /// Writes in a transaction of its own, guarded by the fence. Returns how many rows each statement has matched.
    pub(super) async fn write_guarded(&mut self, fence: Fence, sql: &[String]) -> Result<Vec<u64>, SessionError> {
        let sql = format!("{BEGIN};\n{};\n{};\nCOMMIT", self.ledger.check(fence), sql.join(";\n"));
        let mut written = self.try_query(sql.clone()).await;
        if let Err(error) = &written
            && !connection_lost(error)
        {
            self.query("ROLLBACK".to_owned(), Reason::LedgerUnusable).await?;
            // A cancellation was meant for the statement before; what has become of that must be written all the same.
            if is_number(error, QUERY_INTERRUPTED) {
                written = self.try_query(sql).await;
            }
        }
        match written {
            // BEGIN and the guard come first, COMMIT last.
            Ok(answers) => Ok(answers.changed.into_iter().skip(2).collect()),
            Err(error) if connection_lost(&error) => Err(session_error(&error, Reason::LedgerUnusable)),
            Err(error) if self.is_ours(fence).await? => Err(self.explain(&error)),
            Err(_) => Err(SessionError { failure: overtaken(), connection_lost: false }),
        }
    }

    /// Whether the fence is still this run's, and the lock this session's.
    pub(super) async fn is_ours(&mut self, fence: Fence) -> Result<bool, SessionError> {
        let answers = self.query(self.ledger.is_ours(fence), Reason::LedgerUnusable).await?;
        value(answers.row(0), 0)
    }
}

impl Session for MysqlSession {
    fn id(&self) -> SessionId {
        SessionId(self.server.connection)
    }

    fn server_dialect(&self) -> Dialect {
        self.server.version.dialect()
    }

    async fn read_ledger(&mut self) -> Result<LedgerState, SessionError> {
        let answered = match self.first_reading.take() {
            Some(answered) => answered,
            None => self.try_query(self.ledger.read()).await.map(|answers| understood(&answers.rows)),
        };
        match answered {
            Ok(understood) => understood,
            Err(error) if Self::ledger_is_missing(&error) => {
                self.has_no_ledger = true;
                Ok(LedgerState::default())
            }
            Err(error) => Err(self.explain(&error)),
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
        let sql = format!("{};\n{}", Ledger::mark_session(&self.session_lock), self.ledger.try_lock());
        let answers = self.query(sql, Reason::LockHeld).await.map_err(refused_lock)?;
        for answer in 0..2 {
            match (answer, value::<Option<i64>>(answers.row(answer), 0)?) {
                (_, Some(1)) => {}
                (1, Some(0)) => return Ok(LockAttempt::HeldBy(self.read_lock_holder().await?.unwrap_or_default())),
                // NULL: an error of the server's. Nothing else is the answer to a question with a yes or a no.
                (_, other) => {
                    return Err(unusable(&format!("unexpected answer to GET_LOCK: {other:?}")));
                }
            }
        }
        Ok(LockAttempt::Taken)
    }

    async fn take_over(&mut self, run: &str) -> Result<(Fence, LedgerState), SessionError> {
        if let Some(taken) = self.raise_fence(run).await? {
            return Ok(taken);
        }
        self.install_ledger().await?;
        self.has_no_ledger = false;
        let taken = self.raise_fence(run).await?;
        taken.ok_or_else(|| unusable("the ledger was installed, but is not there"))
    }

    async fn apply(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        self.apply_journaled(attempt, progress).await
    }

    async fn apply_together(
        &mut self,
        attempts: &[Attempt<'_>],
        _progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        // The plan has refused it before.
        let engine = attempts.first().map_or("the server", |attempt| attempt.migration.dialect.engine());
        let message = format!("{engine} commits each DDL statement separately, so no files can be one transaction");
        let failure = Failure::new(Reason::InvalidSettings, message);
        Err(Undone { index: 0, error: ApplyError::new(failure, 0, false) })
    }

    async fn record_failure(&mut self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> Result<(), SessionError> {
        let mut rows = vec![self.ledger.record_failure(attempt, failed)];
        if let Some(index) = failed.refused_in_rollback(attempt) {
            rows.push(self.ledger.write_rows(attempt, &[Row::Finished(index)], None));
            rows.push(self.ledger.end_statement(attempt, index, "server", Some(failed.failure)));
        }
        self.write_guarded(attempt.fence, &rows).await.map(drop)
    }

    async fn settle(&mut self, fence: Fence, by_hand: &ByHand<'_>) -> Result<bool, SessionError> {
        let changed = self.write_guarded(fence, &[self.ledger.settle_by_hand(fence, by_hand)]).await?;
        Ok(changed.first().is_some_and(|rows| *rows > 0))
    }

    async fn record_undone(&mut self, by_hand: Attempt<'_>) -> Result<(), SessionError> {
        let just_now = "UNIX_TIMESTAMP(SYSDATE(6))";
        self.write_guarded(by_hand.fence, &self.ledger.record_success(by_hand, just_now)).await.map(drop)
    }

    async fn record_abandoned(
        &mut self,
        attempt: Attempt<'_>,
        given_up: FailedAttempt<'_>,
        said: Acknowledgement<'_>,
    ) -> Result<(), SessionError> {
        let said = self.ledger.acknowledge(&said);
        let rows = [said, self.ledger.record_failure(attempt, given_up), self.ledger.join_journal(attempt)];
        self.write_guarded(attempt.fence, &rows).await.map(drop)
    }

    async fn stored_rollbacks(&mut self, versions: &[Version]) -> Result<Vec<StoredRollback>, SessionError> {
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.query(self.ledger.stored_rollbacks(versions), Reason::LedgerUnusable).await?;
        answers.rows.iter().flatten().map(stored_rollback).collect()
    }

    async fn record_unrun(&mut self, unrun: Unrun<'_>) -> Result<(), SessionError> {
        self.write_guarded(unrun.fence, &[self.ledger.record_unrun(&unrun)]).await.map(drop)
    }

    async fn accept_edit(&mut self, fence: Fence, run: &str, migration: &Migration) -> Result<bool, SessionError> {
        let changed = self.write_guarded(fence, &self.ledger.accept_edit(fence, run, migration)).await?;
        Ok(changed.get(1).is_some_and(|rows| *rows > 0))
    }

    async fn acknowledge(&mut self, acknowledgement: Acknowledgement<'_>) -> Result<(), SessionError> {
        let row = self.ledger.acknowledge(&acknowledgement);
        self.write_guarded(acknowledgement.fence, &[row]).await.map(drop)
    }

    async fn acknowledged(&mut self, kind: AcknowledgementKind) -> Result<Vec<Acknowledged>, SessionError> {
        match self.try_query(self.ledger.acknowledged(kind)).await {
            Ok(answers) => answers.rows.iter().flatten().map(acknowledged).collect(),
            Err(error) if Self::ledger_is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(self.explain(&error)),
        }
    }

    async fn identity(&mut self) -> Result<Option<LedgerIdentity>, SessionError> {
        let mut answers = self.try_query(self.ledger.identity(&self.server.place())).await;
        let has_none = answers.as_ref().is_err_and(Self::ledger_is_missing);
        if has_none {
            answers = self.try_query(self.ledger.read_version()).await;
        }
        match answers {
            Ok(answers) if has_none => {
                let version: Option<i64> = value(answers.row(0), 0)?;
                Ok(version.map(|version| LedgerIdentity::of_version(version, Place::default())))
            }
            Ok(answers) => answers.row(0).map(identity).transpose(),
            Err(error) if Self::ledger_is_missing(&error) => Ok(None),
            Err(error) => Err(self.explain(&error)),
        }
    }

    async fn text_rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, SessionError> {
        use sqlx::Row;
        let answers = self.query(query.to_owned(), Reason::LedgerUnusable).await?;
        let texts = |row: &MySqlRow| (0..row.len()).map(|column| value(Some(row), column)).collect();
        answers.rows.iter().flatten().map(texts).collect()
    }

    async fn release(&mut self, fence: Fence) -> Result<(), SessionError> {
        self.query(self.ledger.release(fence), Reason::LedgerUnusable).await.map(drop)
    }

    async fn close(self) {
        // The server ends the session either way; a polite end only keeps its log quiet.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.connection.close()).await;
    }
}

/// A row that may be a mark of ours: one value of its length.
fn as_mark(row: &MySqlRow) -> Option<Mark> {
    use sqlx::Row;
    let bytes: &[u8] = (row.len() == 1).then(|| row.try_get_unchecked(0).ok()).flatten()?;
    bytes.try_into().ok().map(Mark)
}

fn understood(results: &[Vec<MySqlRow>]) -> Result<LedgerState, SessionError> {
    ledger_state(results).map(|(_, state)| state)
}

/// Some clusters refuse named locks. Sources: MariaDB's 1235 (MDEV-30473), Percona `XtraDB` Cluster's 1105 (strict mode).
fn refused_lock(mut error: SessionError) -> SessionError {
    if matches!(error.failure.code.as_deref(), Some("1235" | "1105")) {
        error.failure.hint = Some(
            "this Galera cluster refuses the lock that a run holds: upgrade MariaDB 10.6.13 or 10.11.3, or set \
             pxc_strict_mode = PERMISSIVE on this node; docs/connecting.md says what the lock is worth there"
                .to_owned(),
        );
    }
    error
}

/// Sends one message on a connection.
pub(super) async fn query(connection: &mut MySqlConnection, sql: String) -> Result<Answers, sqlx::Error> {
    let mut answers = Answers::default();
    collect(connection, sql, &mut answers).await.map(|()| answers)
}

/// The same. Notes the answers of those statements, too, that came to their end before an error.
async fn collect(connection: &mut MySqlConnection, sql: String, answers: &mut Answers) -> Result<(), sqlx::Error> {
    let mut rows = Vec::new();
    let mut stream = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(connection);
    while let Some(answer) = stream.try_next().await? {
        match answer {
            Either::Left(done) => {
                answers.rows.push(std::mem::take(&mut rows));
                answers.changed.push(done.rows_affected());
            }
            Either::Right(row) => rows.push(row),
        }
    }
    Ok(())
}

/// The failure of a run whose fence is not the highest any more.
pub(super) fn overtaken() -> Failure {
    Failure::new(Reason::Fenced, OVERTAKEN.to_owned())
}
