//! Whom a session waits for, how far it is, and whether it is still there, asked through a connection of its own: the
//! session itself waits.

use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};

use super::Postgres;
use super::error::session_error;
use super::progress::stage;
use super::rows::value;
use crate::engine::session::{SessionError, SessionId};
use crate::engine::shared::liveness::{LOOK_WAIT, Liveness, Seen, answered};
use crate::engine::shared::query_excerpt::excerpt;
use crate::engine::shared::stage::StagePace;
use crate::report::{Failure, LockBlocker, Reason, StatementProgress};

/// The shortest time between two questions, and the longest.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

impl Postgres {
    /// Asks again and again, from half of a lock's timeout on, so that a wait which times out is seen at least once.
    pub(super) async fn watch_session(
        &self,
        session: SessionId,
        seen: &mut dyn FnMut(StatementProgress),
    ) -> Result<Failure, SessionError> {
        tokio::time::sleep((self.lock_timeout / 2).min(LONGEST_INTERVAL)).await;
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
            tokio::time::sleep((self.lock_timeout / 4).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)).await;
        }
    }
}

/// Whether a session is running something. That it cannot be seen, as where `track_activities` is off, is no news of it.
async fn look(connection: &mut PgConnection, session: SessionId) -> Result<Seen, SessionError> {
    let sql = format!(
        "SELECT a.state LIKE 'idle%', a.state_change::text FROM pg_catalog.pg_stat_activity a WHERE a.pid = {}",
        session.0
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(connection).await;
    let row = row.map_err(|error| session_error(&error, Reason::ConnectionFailed))?;
    let Some(row) = row else { return Ok(Seen::Gone) };
    let is_idle = value::<Option<bool>>(Some(&row), 0)?.unwrap_or_default();
    let since = value::<Option<String>>(Some(&row), 1)?.unwrap_or_default();
    Ok(if is_idle { Seen::Idle(since) } else { Seen::AtWork })
}

/// Ends a session that waits for a client who does not hear it: it holds the run's lock, and perhaps others.
async fn end(connection: &mut PgConnection, session: SessionId) {
    let sql = format!(
        "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a \
         WHERE a.pid = {} AND a.state LIKE 'idle%'",
        session.0
    );
    let ended = tokio::time::timeout(LOOK_WAIT, sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection)).await;
    if !matches!(ended, Ok(Ok(_))) {
        tracing::debug!(?ended, "the lost session could not be ended; the server's keepalives do it later");
    }
}

/// The first of those that a session waits for. Whether it waits at all is looked at first: `pg_blocking_pids` holds up
/// the server's lock manager for a moment.
async fn blocker(connection: &mut PgConnection, session: SessionId) -> Result<Option<LockBlocker>, SessionError> {
    let sql = format!(
        "SELECT b.pid, a.usename::text, \
         (EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::pg_catalog.int8, a.query, \
         a.application_name, a.state \
         FROM pg_catalog.pg_stat_activity w \
         CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b (pid) \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid \
         WHERE w.pid = {} AND w.wait_event_type = 'Lock' ORDER BY a.xact_start NULLS LAST LIMIT 1",
        session.0
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(connection).await;
    let row = row.map_err(|error| session_error(&error, Reason::ConnectionFailed))?;
    row.as_ref().map(blocker_of).transpose()
}

/// A session, by its process, user, age, query, application and state.
pub(super) fn blocker_of(row: &PgRow) -> Result<LockBlocker, SessionError> {
    let row = Some(row);
    let query: Option<String> = value(row, 3)?;
    let application: Option<String> = value(row, 4)?;
    Ok(LockBlocker {
        pid: i64::from(value::<i32>(row, 0)?),
        user: value(row, 1)?,
        age_ms: value(row, 2)?,
        query: query.as_deref().and_then(excerpt),
        application: application.as_deref().and_then(excerpt),
        state: value(row, 5)?,
    })
}
