//! Ends what a session does on its server, and waits for it.

use std::time::Duration;

use super::session::{Database, SessionId};

/// How long a cancelled statement may take to end. A pod is killed 30 s after its SIGTERM.
pub(super) const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// How long a cancellation may take to show before it is repeated.
const CANCEL_AGAIN: Duration = Duration::from_secs(2);

/// Ends what a session does and waits for it; None where it does not end in time. Asked more than once: what is done in
/// several messages may be between two of them, where there is nothing to cancel.
pub(super) async fn cancelled<D: Database, T>(
    database: &D,
    session: SessionId,
    mut applying: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let deadline = tokio::time::Instant::now() + CANCEL_WAIT;
    while tokio::time::Instant::now() < deadline {
        cancel(database, session).await;
        if let Ok(done) = tokio::time::timeout(CANCEL_AGAIN, &mut applying).await {
            return Some(done);
        }
    }
    None
}

/// Asks the server to end a session's statement. Where that fails, the end of the connection does it.
async fn cancel<D: Database>(database: &D, session: SessionId) {
    match tokio::time::timeout(CANCEL_WAIT, database.cancel(session)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the statement could not be cancelled"),
        Err(_) => tracing::warn!("the server did not answer the request to cancel the statement"),
    }
}
