//! Ends what a session does on its server, and waits for it.

use std::time::Duration;

use crate::engine::{Database, SessionError, SessionId};

/// How long a cancelled statement may take to end. A pod is killed 30 s after its SIGTERM.
pub(super) const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// How long a cancellation may take to show before it is repeated.
const CANCEL_AGAIN: Duration = Duration::from_secs(2);

/// Why what was to end did not do so in time.
pub(super) enum NotEnded {
    /// It was asked to.
    Asked,
    /// The server could not be asked, for this reason.
    NotAsked(String),
}

/// Ends what a session does and waits for it. Asked more than once: what is done in several messages may be between two of
/// them, where there is nothing to cancel.
pub(super) async fn cancelled<D: Database, T>(
    database: &D,
    session: SessionId,
    mut applying: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Result<T, NotEnded> {
    if let Ok(done) = tokio::time::timeout(database.stops_within(), &mut applying).await {
        return Ok(done);
    }
    let deadline = tokio::time::Instant::now() + CANCEL_WAIT;
    let mut not_asked = None;
    let mut asked = false;
    while tokio::time::Instant::now() < deadline {
        match cancel(database, session).await {
            Ok(()) => asked = true,
            Err(why) => {
                // Repeating the same error is no news.
                if not_asked.as_ref() != Some(&why) {
                    tracing::warn!("the statement could not be cancelled: {why}");
                }
                not_asked = Some(why);
            }
        }
        if let Ok(done) = tokio::time::timeout(CANCEL_AGAIN, &mut applying).await {
            return Ok(done);
        }
    }
    Err(not_asked.filter(|_| !asked).map_or(NotEnded::Asked, NotEnded::NotAsked))
}

/// Asks the server to end a session's statement. Where that fails, the end of the connection does it.
async fn cancel<D: Database>(database: &D, session: SessionId) -> Result<(), String> {
    match tokio::time::timeout(CANCEL_WAIT, database.cancel(session)).await {
        Ok(asked) => asked.map_err(|error: SessionError| error.to_string()),
        Err(_) => Err("the server does not answer".to_owned()),
    }
}
