//! The wish to end a run early: a signal, or its deadline. The run decides what happens then.

use tokio::sync::watch;

/// Why a run is to end early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StopReason {
    /// By request: SIGTERM or SIGINT.
    Cancelled,
    /// The run's time is over.
    DeadlineExceeded,
}

/// The end of a stop signal that a run listens to.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<StopReason>>);

/// The end of a stop signal that gives it.
#[derive(Clone, Debug)]
pub struct StopSender(watch::Sender<Option<StopReason>>);

/// A stop signal that has not been given.
#[must_use]
pub fn stop_signal() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(None);
    (StopSender(sender), Stop(receiver))
}

impl StopSender {
    /// Asks the run to end. The first reason counts.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }
}

impl Stop {
    /// Whether and why the run is to end.
    #[must_use]
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until the run is to end; forever if nobody can request it any more.
    pub async fn requested(&self) -> StopReason {
        let mut receiver = self.0.clone();
        let reason = receiver.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }
}
