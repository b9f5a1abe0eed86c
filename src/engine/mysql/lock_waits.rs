//! Whom a session waits for, how far it is, and whether it is still there, asked through a connection of its own: the
//! session itself waits. Each server keeps that in another place, and shows it only to those who have the rights; what
//! cannot be seen is not reported.

use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::Mysql;
use super::error::{connection_lost, session_error};
use super::progress::stage;
use super::rows::value;
use super::session::query;
use crate::engine::session::{Database, SessionError, SessionId};
use crate::engine::shared::liveness::{LOOK_WAIT, Liveness, Seen, answered};
use crate::engine::shared::query_excerpt::excerpt;
use crate::engine::shared::stage::StagePace;
use crate::report::{Failure, LockBlocker, Reason, StatementProgress};

/// The longest time between two questions.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

impl Mysql {
    /// Asks again and again, from half of a lock's timeout on, so that a wait which times out is seen at least once.
    pub(super) async fn watch_session(
        &self,
        session: SessionId,
        seen: &mut dyn FnMut(StatementProgress),
    ) -> Result<Failure, SessionError> {
        let timeout = self.lock_timeout();
        tokio::time::sleep((timeout / 2).min(LONGEST_INTERVAL)).await;
        let mut connection = self.open().await?;
        let (mut liveness, mut pace) = (Liveness::new(&self.heard), StagePace::default());
        loop {
            let stage = answered(stage(&mut connection, session)).await?;
            let blocker = answered(blocker(&mut connection, session)).await?;
            if let Some(progress) = pace.seen(Instant::now(), stage, blocker) {
                seen(progress);
            }
            if liveness.is_due()
                && let Some(lost) = liveness.look(answered(look(&mut connection, session)).await?)
            {
                end(&mut connection, session).await;
                return Ok(lost);
            }
            tokio::time::sleep((timeout / 4).min(LONGEST_INTERVAL)).await;
        }
    }
}

/// Whether a session is running something: every user sees their own.
async fn look(connection: &mut MySqlConnection, session: SessionId) -> Result<Seen, SessionError> {
    let sql = format!("SELECT p.COMMAND = 'Sleep' FROM information_schema.PROCESSLIST p WHERE p.ID = {}", session.0);
    let answers = query(connection, sql).await.map_err(|error| session_error(&error, Reason::ConnectionFailed))?;
    let Some(row) = answers.row(0) else { return Ok(Seen::Gone) };
    let sleeps: i64 = value(Some(row), 0)?;
    Ok(if sleeps == 0 { Seen::AtWork } else { Seen::Idle(String::new()) })
}

/// Ends a session that waits for a client who does not hear it: it holds the run's lock.
async fn end(connection: &mut MySqlConnection, session: SessionId) {
    // Where it has ended meanwhile, the server says so.
    let ended = tokio::time::timeout(LOOK_WAIT, query(connection, format!("KILL {}", session.0))).await;
    if !matches!(ended, Ok(Ok(_))) {
        tracing::debug!(?ended, "the lost session could not be ended; wait_timeout does it later");
    }
}

/// The first of those that a session waits for, by the first of the questions that has an answer.
async fn blocker(connection: &mut MySqlConnection, session: SessionId) -> Result<Option<LockBlocker>, SessionError> {
    for question in questions(session) {
        match query(connection, question).await {
            Ok(answers) => {
                if let Some(row) = answers.row(0) {
                    return read(row).map(Some);
                }
            }
            Err(error) if connection_lost(&error) => {
                return Err(session_error(&error, Reason::ConnectionFailed));
            }
            // Another server's, or not for this user.
            Err(_) => {}
        }
    }
    Ok(None)
}

/// Connection, user, how long its transaction has been open in milliseconds, its query or its last one.
fn questions(session: SessionId) -> [String; 4] {
    const AGE: &str = "TIMESTAMPDIFF(MICROSECOND, x.trx_started, NOW(6)) DIV 1000";
    const OF_THREAD: &str = "t.PROCESSLIST_ID, t.PROCESSLIST_USER, \
         (SELECT TIMESTAMPDIFF(MICROSECOND, x.trx_started, NOW(6)) DIV 1000 FROM information_schema.innodb_trx x \
         WHERE x.trx_mysql_thread_id = t.PROCESSLIST_ID), COALESCE(t.PROCESSLIST_INFO, \
         (SELECT e.SQL_TEXT FROM performance_schema.events_statements_current e WHERE e.THREAD_ID = t.THREAD_ID LIMIT 1))";
    let id = session.0;
    [
        // MySQL: a table's lock.
        format!(
            "SELECT {OF_THREAD} FROM performance_schema.threads me \
             JOIN performance_schema.metadata_locks w ON w.OWNER_THREAD_ID = me.THREAD_ID AND w.LOCK_STATUS = 'PENDING' \
             JOIN performance_schema.metadata_locks g ON g.OBJECT_TYPE = w.OBJECT_TYPE \
             AND g.OBJECT_SCHEMA <=> w.OBJECT_SCHEMA AND g.OBJECT_NAME <=> w.OBJECT_NAME \
             AND g.LOCK_STATUS = 'GRANTED' AND g.OWNER_THREAD_ID <> w.OWNER_THREAD_ID \
             JOIN performance_schema.threads t ON t.THREAD_ID = g.OWNER_THREAD_ID \
             WHERE me.PROCESSLIST_ID = {id} AND t.PROCESSLIST_ID IS NOT NULL LIMIT 1"
        ),
        // MySQL: a row's.
        format!(
            "SELECT {OF_THREAD} FROM performance_schema.threads me \
             JOIN performance_schema.data_lock_waits w ON w.REQUESTING_THREAD_ID = me.THREAD_ID \
             JOIN performance_schema.threads t ON t.THREAD_ID = w.BLOCKING_THREAD_ID \
             WHERE me.PROCESSLIST_ID = {id} LIMIT 1"
        ),
        // MariaDB: a row's.
        format!(
            "SELECT p.ID, p.USER, {AGE}, COALESCE(x.trx_query, p.INFO) FROM information_schema.innodb_lock_waits w \
             JOIN information_schema.innodb_trx me ON me.trx_id = w.requesting_trx_id \
             JOIN information_schema.innodb_trx x ON x.trx_id = w.blocking_trx_id \
             JOIN information_schema.processlist p ON p.ID = x.trx_mysql_thread_id \
             WHERE me.trx_mysql_thread_id = {id} LIMIT 1"
        ),
        // MariaDB: a table's lock. Without a plugin it only shows that somebody waits. If exactly one other session has
        // an open transaction, or is executing something in the database, that is the one.
        format!(
            "SELECT MIN(p.ID), MIN(p.USER), MIN({AGE}), MIN(COALESCE(x.trx_query, p.INFO)) \
             FROM information_schema.processlist me \
             JOIN information_schema.processlist p ON p.ID <> me.ID AND p.ID <> CONNECTION_ID() AND p.DB <=> me.DB \
             LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = p.ID \
             WHERE me.ID = {id} AND me.STATE LIKE 'Waiting for table%lock' \
             AND (x.trx_id IS NOT NULL OR p.COMMAND = 'Query' AND p.STATE NOT LIKE 'Waiting for table%lock') \
             HAVING COUNT(*) = 1"
        ),
    ]
}

fn read(row: &MySqlRow) -> Result<LockBlocker, SessionError> {
    let row = Some(row);
    let query: Option<String> = value(row, 3)?;
    Ok(LockBlocker {
        pid: value(row, 0)?,
        user: value(row, 1)?,
        age_ms: value(row, 2)?,
        query: query.as_deref().and_then(excerpt),
        ..LockBlocker::default()
    })
}
