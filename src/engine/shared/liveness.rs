//! Whether a connection that waits for an answer is still one. Where a NAT or a load balancer forgets a connection, neither
//! end learns of it: the client would wait for ever for the answer to a statement that ended long ago. A second connection shows
//! it: the server waits for the client, or has no such session any more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::session::SessionError;
use crate::report::{Failure, Reason};

/// How long the server must be seen waiting, or without the session, and nothing be heard of it. Packets that were lost are
/// sent again within that time.
const SURE: Duration = Duration::from_secs(10);
/// A message this long may take a second more until the server has all of it, and begins.
const BYTES_A_SECOND: usize = 64 << 10;

/// After which time a second connection that failed is opened again.
const WATCH_AGAIN: Duration = Duration::from_secs(30);
/// How long a second connection waits for an answer: it may be lost in silence, too.
pub(crate) const LOOK_WAIT: Duration = Duration::from_secs(10);

/// What a session has heard of its server; its clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Option<Awaited>>>);

/// An answer that is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Awaited {
    /// Since when nothing was heard.
    since: Instant,
    /// How much of the message the server may not have yet.
    bytes: usize,
}

/// A message whose answers are waited for, until this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Heard);

impl Heard {
    /// A message of this many bytes is sent.
    pub(crate) fn asks(&self, bytes: usize) -> Waiting {
        self.set(Some(Awaited { since: Instant::now(), bytes }));
        Waiting(self.clone())
    }

    fn set(&self, awaited: Option<Awaited>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = awaited;
    }

    fn awaited(&self) -> Option<Awaited> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The server has said something.
    pub(crate) fn hears(&self) {
        self.0.set(Some(Awaited { since: Instant::now(), bytes: 0 }));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// What a second connection sees of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    AtWork,
    /// The server waits for the client; since when, in the server's words.
    Idle(String),
    Gone,
}

/// What was seen of a session so far.
#[derive(Debug)]
pub(crate) struct Liveness {
    heard: Heard,
    /// What it is, when it was seen first, and what was awaited then.
    first: Option<(Seen, Instant, Awaited)>,
}

impl Liveness {
    pub(crate) fn new(heard: &Heard) -> Self {
        Self { heard: heard.clone(), first: None }
    }

    /// Whether it is time to look: an answer has been waited for long enough.
    pub(crate) fn is_due(&self) -> bool {
        let now = Instant::now();
        self.heard.awaited().is_some_and(|awaited| {
            let sending = Duration::from_secs(u64::try_from(awaited.bytes / BYTES_A_SECOND).unwrap_or(u64::MAX));
            now.duration_since(awaited.since) >= sending
        })
    }

    /// Takes in what is seen. The failure of the connection once that has been so for long enough.
    pub(crate) fn look(&mut self, seen: Seen) -> Option<Failure> {
        self.look_at(seen, Instant::now())
    }

    fn look_at(&mut self, seen: Seen, now: Instant) -> Option<Failure> {
        let Some(awaited) = self.heard.awaited().filter(|_| seen != Seen::AtWork) else {
            self.first = None;
            return None;
        };
        match &self.first {
            Some((before, when, then)) if *before == seen && *then == awaited => {
                (now.duration_since(*when) >= SURE).then(|| lost(&seen, now.duration_since(awaited.since)))
            }
            _ => {
                self.first = Some((seen, now, awaited));
                None
            }
        }
    }
}

/// Watches through a second connection, and through another one where that fails, until the first is lost.
pub(crate) async fn until_lost(mut watch: impl AsyncFnMut() -> Result<Failure, SessionError>) -> Failure {
    loop {
        match watch().await {
            Ok(lost) => return lost,
            Err(error) => tracing::debug!(%error, "what the statement waits for and how far it is cannot be asked"),
        }
        tokio::time::sleep(WATCH_AGAIN).await;
    }
}

/// Waits for an answer of the second connection, but not for ever.
pub(crate) async fn answered<T>(asked: impl Future<Output = Result<T, SessionError>>) -> Result<T, SessionError> {
    tokio::time::timeout(LOOK_WAIT, asked).await.unwrap_or_else(|_| {
        let failure = Failure::new(Reason::ConnectionFailed, "the second connection got no answer");
        Err(SessionError { failure, connection_lost: true })
    })
}

/// The failure of a connection that has died in silence.
fn lost(seen: &Seen, silent: Duration) -> Failure {
    let session = match seen {
        Seen::Gone => "the server has no such session any more",
        Seen::Idle(_) | Seen::AtWork => "the server has answered and waits",
    };
    let message =
        format!("the connection was lost in silence: {session}, and nothing has come for {} s", silent.as_secs());
    Failure::new(Reason::ConnectionFailed, message).hint(
        "something in between forgets connections, such as a NAT, a firewall or a load balancer with an idle timeout",
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rstest::rstest;

    use super::{Heard, Liveness, SURE, Seen};
    use crate::report::Reason;

    fn idle() -> Seen {
        Seen::Idle("10:00".to_owned())
    }

    #[rstest]
    #[case::idle(idle(), "has answered and waits")]
    #[case::gone(Seen::Gone, "no such session")]
    fn a_session_that_the_server_waits_for_is_lost_once_that_is_sure(#[case] seen: Seen, #[case] says: &str) {
        let heard = Heard::default();
        let _waiting = heard.asks(1);
        let (mut looks, now) = (Liveness::new(&heard), Instant::now());
        assert_eq!(looks.look_at(seen.clone(), now), None);
        assert_eq!(looks.look_at(seen.clone(), now + SURE / 2), None);
        let failure = looks.look_at(seen, now + SURE).unwrap();
        assert_eq!(failure.reason, Reason::ConnectionFailed);
        assert!(failure.message.contains(says), "{}", failure.message);
    }

    #[test]
    fn a_session_that_works_between_two_looks_is_not_lost() {
        let heard = Heard::default();
        let _waiting = heard.asks(1);
        let (mut looks, now) = (Liveness::new(&heard), Instant::now());
        for seen in [idle(), Seen::AtWork, idle(), Seen::Idle("10:01".to_owned()), Seen::Gone] {
            assert_eq!(looks.look_at(seen, now), None);
        }
        assert_eq!(looks.look_at(Seen::AtWork, now + SURE), None);
    }

    #[test]
    fn a_session_that_hears_or_asks_nothing_is_not_lost() {
        let heard = Heard::default();
        let (mut looks, now) = (Liveness::new(&heard), Instant::now());
        assert!(!looks.is_due());
        assert_eq!(looks.look_at(idle(), now), None);
        assert_eq!(looks.look_at(idle(), now + SURE), None);
        let waiting = heard.asks(1);
        assert!(looks.is_due());
        assert_eq!(looks.look_at(idle(), now + SURE), None);
        waiting.hears();
        assert_eq!(looks.look_at(idle(), now + SURE * 3), None, "an answer came in between");
        drop(waiting);
        assert_eq!(looks.look_at(idle(), now + SURE * 9), None, "nothing is waited for");
    }

    #[test]
    fn a_long_message_has_time_to_arrive() {
        let heard = Heard::default();
        let waiting = heard.asks(45 << 20);
        assert!(!Liveness::new(&heard).is_due(), "it may be under way");
        waiting.hears();
        assert!(Liveness::new(&heard).is_due());
        drop(waiting);
        assert!(heard.awaited().is_none());
        let _short = heard.asks(100);
        assert!(heard.awaited().unwrap().since.elapsed() < Duration::from_mins(1));
    }
}
