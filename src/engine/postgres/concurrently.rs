//! Statements that run CONCURRENTLY: how long they may wait for the transactions that were open before them, and whom a
//! run waits for before it begins one.
//!
//! An index that is created, dropped or rebuilt this way waits for transactions to end, and holds no lock meanwhile that a
//! query would queue behind: SHARE UPDATE EXCLUSIVE on the table, and at last ACCESS EXCLUSIVE on an index that nobody
//! uses any more. So nothing but the run's own end limits that wait. A partition that is detached this way needs ACCESS
//! EXCLUSIVE on the partition at its end, and its readers queue behind that: the lock timeout stays. Source: PostgreSQL,
//! `DefineIndex`, `index_drop`, `ReindexRelationConcurrently`, `ATExecDetachPartition`, `WaitForOlderSnapshots`.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;
use tokio::time::Instant;

use super::error::{QUERY_CANCELLED, connection_lost, server_error, session_error};
use super::journal::Object;
use super::journaled::refused;
use super::literal::text;
use super::lock_waits::blocker_of;
use super::own_transaction::{AS_OURSELVES, BEGIN};
use super::session::PostgresSession;
use crate::engine::session::{Attempt, Progress, SessionError};
use crate::engine::shared::stopped::stopped_before;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::Trace;

/// The first pause between two looks at what is open, which doubles, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// For how many lock timeouts a run waits outside the server before it lets the server wait.
const TIMEOUTS_OUTSIDE: u32 = 12;
/// What a transaction holds on a table that it may have written to.
const WRITERS: &str = " AND mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', \
                       'ExclusiveLock', 'AccessExclusiveLock')";

/// Which transactions a statement waits for in the server.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Waits<'a> {
    /// Those that hold a lock on these.
    tables: Vec<Table<'a>>,
    /// Of them only those that may have written.
    writers_only: bool,
    /// All in the database that have an older snapshot.
    snapshots: bool,
}

/// A table by a name that the file gives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Table<'a> {
    Named(&'a str),
    OfIndex(&'a str),
}

fn waits(trace: &Trace) -> Option<Waits<'_>> {
    let (tables, writers_only, snapshots) = match trace {
        Trace::CreatedIndex { table, .. } => (vec![Table::Named(table)], true, true),
        Trace::DroppedIndex { name } => (vec![Table::OfIndex(name)], false, false),
        Trace::ReindexedIndex { name } => (vec![Table::OfIndex(name)], false, true),
        Trace::ReindexedTable { name } => (vec![Table::Named(name)], false, true),
        Trace::ReindexedMany => (Vec::new(), false, true),
        Trace::DetachedPartition { table, partition } => {
            (vec![Table::Named(table), Table::Named(partition)], false, false)
        }
        _ => return None,
    };
    Some(Waits { tables, writers_only, snapshots })
}

/// Whether no query ever queues behind what the statement waits for.
fn holds_nobody_up(trace: &Trace) -> bool {
    waits(trace).is_some() && !matches!(trace, Trace::DetachedPartition { .. })
}

impl PostgresSession {
    /// Waits until no other session has a transaction that the statement would wait for and that is older than the lock
    /// timeout, or for some lock timeouts, whichever is over first. Meanwhile this session holds no snapshot and no
    /// table's lock, and if the run ends nothing is half built. What cannot be seen is not waited for.
    pub(super) async fn wait_outside(
        &mut self,
        attempt: Attempt<'_>,
        index: usize,
        trace: &Trace,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SessionError> {
        let Some(waits) = waits(trace) else { return Ok(()) };
        let Some(tables) = if_seen(self.oids(&waits.tables).await)? else { return Ok(()) };
        let timeout = self.settings.lock_timeout();
        let question = oldest(&waits, &tables, timeout);
        let until = Instant::now() + timeout * TIMEOUTS_OUTSIDE;
        let mut pause = FIRST_PAUSE;
        while Instant::now() < until {
            let rows = if_seen(self.as_ourselves(&question).await)?.unwrap_or_default();
            let Some(blocker) = rows.first().map(blocker_of).transpose()? else { return Ok(()) };
            progress(Progress::WaitingFor(blocker));
            tokio::select! {
                () = tokio::time::sleep_until(until.min(Instant::now() + pause)) => {}
                reason = attempt.stop.requested() => {
                    let failure = stopped_before(reason, attempt.migration, index);
                    return Err(SessionError { failure, connection_lost: false });
                }
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        Ok(())
    }

    /// Lets the session wait for locks without a limit where a statement holds nobody up meanwhile, unless the file has
    /// set a limit. Whether it was lifted.
    pub(super) async fn lift_lock_timeout(&mut self, trace: &Trace) -> Result<bool, SessionError> {
        if !holds_nobody_up(trace) {
            return Ok(false);
        }
        let lift = format!(
            "SELECT set_config('lock_timeout', '0', false) FROM pg_settings WHERE name = 'lock_timeout' AND {}",
            self.lock_timeout.is_own
        );
        let lifted = self.as_ourselves(&lift).await;
        lifted.map(|rows| !rows.is_empty()).map_err(|error| session_error(&error, Reason::StatementFailed))
    }

    /// Sets the limit again that [`Self::lift_lock_timeout`] has lifted.
    pub(super) async fn put_lock_timeout_back(&mut self) -> Result<(), SessionError> {
        let mut back = self.try_query(self.lock_timeout.back.clone()).await;
        // A cancellation that came too late for the statement.
        if back.as_ref().is_err_and(|error| server_error(error).is_some_and(|error| error.code() == QUERY_CANCELLED)) {
            back = self.try_query(self.lock_timeout.back.clone()).await;
        }
        back.map(drop).map_err(|error| session_error(&error, Reason::StatementFailed))
    }

    /// What has become of a statement that is to create an index, where one of its name was there before and is invalid:
    /// `IF NOT EXISTS` passes over it, and nothing would ever use it. It is not dropped: somebody may be building it.
    pub(super) async fn unless_met_invalid(
        &mut self,
        sent: Result<(), SessionError>,
        trace: &Trace,
        before: &Object,
    ) -> Result<(), SessionError> {
        let has_met = match &sent {
            Ok(()) => true,
            Err(error) => error.failure.class == ErrorClass::AlreadyExists,
        };
        let (true, Trace::CreatedIndex { .. }, Some(oid), Some(name)) = (has_met, trace, before.oid, &before.name)
        else {
            return sent;
        };
        let sql = format!("SELECT FROM pg_index WHERE indexrelid = {} AND NOT (indisvalid AND indisready)", oid.0);
        let invalid = self.as_ourselves(&sql).await.map_err(|error| session_error(&error, Reason::StatementFailed))?;
        if invalid.is_empty() {
            return sent;
        }
        let mut failure = sent.err().map_or_else(|| invalid_before(name), |error| error.failure);
        failure.hint = Some(format!(
            "unless somebody is still building it, drop it (DROP INDEX CONCURRENTLY {name}) or rebuild it (REINDEX INDEX \
             CONCURRENTLY {name}), and start the next run"
        ));
        Err(refused(failure))
    }

    /// The OIDs of those tables that are there, with names looked up in the session's own state.
    async fn oids(&mut self, tables: &[Table<'_>]) -> Result<Vec<u32>, sqlx::Error> {
        let found = |name| format!("pg_catalog.to_regclass({})::pg_catalog.oid", text(name));
        let mut oids = Vec::new();
        for table in tables {
            let rows = self.try_query(match table {
                Table::Named(name) => format!("SELECT {}", found(name)),
                Table::OfIndex(name) => format!(
                    "SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid OPERATOR(pg_catalog.=) {}",
                    found(name)
                ),
            });
            for row in rows.await?.iter().flatten() {
                oids.extend(row.try_get::<Option<Oid>, _>(0)?.map(|oid| oid.0));
            }
        }
        Ok(oids)
    }

    /// The rows of one question, in a transaction of its own as the user who connected, whatever a file has set.
    async fn as_ourselves(&mut self, question: &str) -> Result<Vec<PgRow>, sqlx::Error> {
        match self.try_query(format!("{BEGIN};{AS_OURSELVES};{question};COMMIT")).await {
            // The last answer is that of COMMIT.
            Ok(mut results) => Ok(results.pop().and(results.pop()).unwrap_or_default()),
            Err(error) if connection_lost(&error) => Err(error),
            Err(error) => self.roll_back().await.and(Err(error)),
        }
    }
}

/// The failure of a statement that has passed over an index. It is in the words of the server's error otherwise.
fn invalid_before(name: &str) -> Failure {
    let message = format!(
        "IF NOT EXISTS has passed over {name}: an index of that name was there before and is INVALID, so that no query uses \
         it"
    );
    Failure::new(Reason::StatementFailed, message).class(ErrorClass::Permanent)
}

/// An answer to a question that is only there to know; None where the server refuses it.
fn if_seen<T>(answer: Result<T, sqlx::Error>) -> Result<Option<T>, SessionError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if connection_lost(&error) => Err(session_error(&error, Reason::StatementFailed)),
        Err(error) => {
            tracing::debug!(%error, "which transactions are open cannot be asked");
            Ok(None)
        }
    }
}

/// Asks for the oldest transaction that a statement would wait for, of those that are older than this, in the columns of
/// [`blocker_of`]. Those that vacuum a table or build an index are left out: the server waits for few of them. Who may not
/// see another user's transactions sees no age, and so none of them.
fn oldest(waits: &Waits<'_>, tables: &[u32], than: Duration) -> String {
    let tables = tables.iter().map(|oid| format!("{oid}::oid")).collect::<Vec<_>>().join(", ");
    let writers = if waits.writers_only { WRITERS } else { "" };
    format!(
        "WITH locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted), \
         held AS (SELECT pid, virtualtransaction FROM locks WHERE locktype = 'relation' AND database = \
         (SELECT oid FROM pg_database WHERE datname = current_database()) AND relation = ANY (ARRAY[{tables}]::oid[]){writers}), \
         open (pid, usename, age, query, application, state) AS ( \
         SELECT a.pid, a.usename::text, {age} - a.xact_start) * 1000)::int8, a.query, a.application_name, a.state \
         FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() \
         AND a.backend_type NOT IN ('autovacuum worker', 'parallel worker') \
         AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.pid = a.pid) \
         AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.pid = a.pid) \
         AND ({snapshots} AND a.backend_xmin IS NOT NULL OR EXISTS (SELECT FROM held h WHERE h.pid = a.pid)) \
         UNION ALL SELECT 0, x.owner::text, {age} - x.prepared) * 1000)::int8, NULL, NULL, NULL FROM pg_prepared_xacts x \
         JOIN locks l ON l.locktype = 'transactionid' AND l.transactionid = x.transaction \
         WHERE x.database = current_database() \
         AND EXISTS (SELECT FROM held h WHERE h.pid IS NULL AND h.virtualtransaction = l.virtualtransaction)) \
         SELECT * FROM open WHERE age >= {than} ORDER BY age DESC LIMIT 1",
        age = "(EXTRACT(EPOCH FROM clock_timestamp()",
        snapshots = waits.snapshots,
        than = than.as_millis(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_partition_s_readers_would_queue_behind_the_wait() {
        let (name, table) = (String::from("i"), String::from("t"));
        let indexes = [
            Trace::CreatedIndex { name: name.clone(), table: table.clone() },
            Trace::DroppedIndex { name: name.clone() },
            Trace::ReindexedIndex { name },
            Trace::ReindexedTable { name: table.clone() },
            Trace::ReindexedMany,
        ];
        assert!(indexes.iter().all(holds_nobody_up));
        let detached = Trace::DetachedPartition { table, partition: "p".to_owned() };
        assert!(waits(&detached).is_some() && !holds_nobody_up(&detached));
        assert!(waits(&Trace::Repeatable).is_none() && !holds_nobody_up(&Trace::Repeatable), "VACUUM FULL");
    }
}
