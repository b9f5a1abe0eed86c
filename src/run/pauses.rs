//! Pauses between tries, each twice as long as the one before. Pure.

use std::time::Duration;

/// The pauses between tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// From a first one, which is bounded, too.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first.min(longest), longest }
    }

    /// The next pause; None where a wait that has `left` would be over by then.
    pub(super) fn within(&mut self, left: Duration) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        (pause < left).then_some(pause)
    }
}
