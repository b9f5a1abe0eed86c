//! How far a session's statement is: MySQL shows it in stages where an administrator has switched these on, MariaDB in the
//! list of its processes. Asked through another connection.

use sqlx::mysql::MySqlConnection;

use super::error::{connection_lost, session_error};
use super::rows::value;
use super::session::query;
use crate::engine::session::{SessionError, SessionId};
use crate::engine::shared::stage::Stage;
use crate::report::Reason;

/// What the server shows of a session's statement, by the first of the questions that has an answer.
pub(super) async fn stage(connection: &mut MySqlConnection, session: SessionId) -> Result<Option<Stage>, SessionError> {
    for question in questions(session) {
        match query(connection, question).await {
            Ok(answers) => {
                if let Some(row) = answers.row(0) {
                    let row = Some(row);
                    return Ok(Some(Stage { phase: value(row, 0)?, done: value(row, 1)?, total: value(row, 2)? }));
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

/// Phase, how much is done, and of how much.
fn questions(session: SessionId) -> [String; 2] {
    let id = session.0;
    [
        // MySQL. Source: its manual, "Monitoring ALTER TABLE Progress for InnoDB Tables Using Performance Schema".
        format!(
            "SELECT SUBSTRING_INDEX(s.EVENT_NAME, '/', -1), CAST(s.WORK_COMPLETED AS SIGNED), CAST(s.WORK_ESTIMATED AS SIGNED) \
             FROM performance_schema.threads t JOIN performance_schema.events_stages_current s ON s.THREAD_ID = t.THREAD_ID \
             WHERE t.PROCESSLIST_ID = {id} AND s.WORK_ESTIMATED > 0 LIMIT 1"
        ),
        // MariaDB, whose percentage is that of the stage. Source: its documentation, "Progress Reporting".
        format!(
            "SELECT CONCAT(p.STATE, IF(p.MAX_STAGE > 1, CONCAT(' (stage ', p.STAGE, ' of ', p.MAX_STAGE, ')'), '')), \
             CAST(p.PROGRESS * 1000 AS SIGNED), 100000 FROM information_schema.PROCESSLIST p \
             WHERE p.ID = {id} AND p.MAX_STAGE > 0 AND p.PROGRESS > 0"
        ),
    ]
}
