//! How far a session's statement is, by the server's own progress views, asked through another connection.

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::{connection_lost, session_error};
use super::rows::value;
use crate::engine::session::{SessionError, SessionId};
use crate::engine::shared::stage::Stage;
use crate::report::Reason;

/// A view of the server's that shows running statements of a kind.
struct View {
    name: &'static str,
    /// The first version that has it, as the server numbers them.
    since: u32,
    /// What it does, in the server's words.
    phase: &'static str,
    /// How much is done of how much, by phase.
    done: &'static str,
    total: &'static str,
}

/// Source: PostgreSQL, "Progress Reporting". Blocks, tuples and bytes: where a phase counts none of them, the total is 0.
const VIEWS: [View; 5] = [
    View {
        name: "create_index",
        since: 120_000,
        phase: "p.phase",
        done: "CASE WHEN p.phase LIKE 'waiting for%' THEN p.lockers_done WHEN p.phase LIKE '%tuples%' THEN p.tuples_done \
               ELSE p.blocks_done END",
        total: "CASE WHEN p.phase LIKE 'waiting for%' THEN p.lockers_total WHEN p.phase LIKE '%tuples%' THEN p.tuples_total \
                ELSE p.blocks_total END",
    },
    View {
        name: "cluster",
        since: 120_000,
        phase: "p.command || ': ' || p.phase",
        done: "p.heap_blks_scanned",
        total: "CASE WHEN p.phase = 'seq scanning heap' THEN p.heap_blks_total ELSE 0 END",
    },
    View {
        name: "vacuum",
        since: 90_600,
        phase: "'VACUUM: ' || p.phase",
        done: "CASE WHEN p.phase = 'vacuuming heap' THEN p.heap_blks_vacuumed ELSE p.heap_blks_scanned END",
        total: "CASE WHEN p.phase IN ('scanning heap', 'vacuuming heap') THEN p.heap_blks_total ELSE 0 END",
    },
    View {
        name: "analyze",
        since: 130_000,
        phase: "'ANALYZE: ' || p.phase",
        done: "p.sample_blks_scanned",
        total: "CASE WHEN p.phase = 'acquiring sample rows' THEN p.sample_blks_total ELSE 0 END",
    },
    View { name: "copy", since: 140_000, phase: "p.command", done: "p.bytes_processed", total: "p.bytes_total" },
];

/// What the server shows of a session's statement; None where it has no view of such statements.
pub(super) async fn stage(connection: &mut PgConnection, session: SessionId) -> Result<Option<Stage>, SessionError> {
    let version = connection.server_version_num().unwrap_or_default();
    let row = match sqlx::raw_sql(AssertSqlSafe(question(session, version))).fetch_optional(connection).await {
        Ok(Some(row)) => row,
        Err(error) if connection_lost(&error) => return Err(session_error(&error, Reason::ConnectionFailed)),
        // Where such a view is not to be read, whom the session waits for is still worth a question.
        Ok(None) | Err(_) => return Ok(None),
    };
    let (row, phase) = (Some(&row), value::<Option<String>>(Some(&row), 0)?);
    let number = |index| value::<Option<i64>>(row, index).map(Option::unwrap_or_default);
    let (done, total) = (number(1)?, number(2)?);
    Ok(phase.map(|phase| Stage { phase, done, total }))
}

fn question(session: SessionId, version: u32) -> String {
    let ask = |view: &View| {
        format!(
            "SELECT {}, ({})::pg_catalog.int8, ({})::pg_catalog.int8 FROM pg_catalog.pg_stat_progress_{} p \
             WHERE p.pid = {}",
            view.phase, view.done, view.total, view.name, session.0
        )
    };
    VIEWS.iter().filter(|view| view.since <= version).map(ask).collect::<Vec<_>>().join(" UNION ALL ")
}
