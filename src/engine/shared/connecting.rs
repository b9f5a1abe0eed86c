//! Connecting to a server, the same for each: in time, or with a failure that says to where and as whom.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::engine::SessionError;
use crate::report::{Failure, Reason};

/// How long a connection may take to come about.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a connection is asked before it is taken to wait for the server.
const ASKED: usize = 32;

/// Waits for a connection, but not for ever. `failure_of` is the engine's reading of the driver's error.
pub(crate) async fn in_time<C>(
    connecting: impl Future<Output = Result<C, sqlx::Error>>,
    within: Duration,
    failure_of: impl FnOnce(&sqlx::Error, Reason) -> Failure,
) -> Result<C, Failure> {
    match tokio::time::timeout(within, insisting(connecting)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(failure_of(&error, Reason::AuthenticationFailed)),
        Err(_) => Err(Failure::new(Reason::ConnectionFailed, format!("no answer within {} s", within.as_secs()))),
    }
}

/// Asks a future several times before it is taken to wait. While a password is hashed, 4,096 times for SCRAM, sqlx lets other
/// tasks go first after every fifth; where there are none, each time costs a look for the kernel's events, which together
/// took as long as the hashing itself.
async fn insisting<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let mut asked = (0..ASKED).map(|_| future.as_mut().poll(context));
        asked.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// A failure to connect; never with the password.
pub(crate) fn not_connected(address: impl Display, user: &str, mut failure: Failure) -> SessionError {
    failure.message = format!("cannot connect to {address} as {user}: {}", failure.message);
    SessionError { failure, connection_lost: true }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::{ASKED, insisting};

    async fn lets_others_go_first_a_hundred_times() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// How often the runtime has to look for something else to do before a future is ready.
    async fn polls(future: impl Future) -> usize {
        let (mut future, mut polls) = (pin!(future), 0);
        poll_fn(|context| {
            polls += 1;
            future.as_mut().poll(context).map(|_| polls)
        })
        .await
    }

    #[tokio::test]
    async fn what_lets_others_go_first_is_asked_again_at_once() {
        assert_eq!(polls(lets_others_go_first_a_hundred_times()).await, 101);
        assert_eq!(polls(insisting(lets_others_go_first_a_hundred_times())).await, 101_usize.div_ceil(ASKED));
    }

    #[tokio::test]
    async fn what_is_ready_is_not_asked_again() {
        let mut first = true;
        let once = poll_fn(|_| if std::mem::take(&mut first) { Poll::Ready(7) } else { panic!("asked again") });
        assert_eq!(insisting(once).await, 7);
    }
}
