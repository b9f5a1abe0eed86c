//! Tries for a table's lock: short ones, with growing pauses between them. While a statement waits for a lock, every
//! later query waits for it; during a pause they continue. Pure.

use std::time::Duration;

use super::pauses::Pauses;
use crate::report::{Failure, LockBlocker};

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The tries of one migration.
#[derive(Debug)]
pub(super) struct LockLadder {
    within: Duration,
    pauses: Pauses,
    /// How many tries have failed.
    pub(super) tries: i64,
}

impl LockLadder {
    /// Tries for so long, and begins with a pause no shorter than a try.
    pub(super) fn new(within: Duration, lock_timeout: Duration) -> Self {
        Self { within, pauses: Pauses::new(FIRST_PAUSE.max(lock_timeout), LONGEST_PAUSE), tries: 0 }
    }

    /// Counts a failed try, so long after the first began. How long to pause before the next; None where the time would
    /// be over by then.
    pub(super) fn pause(&mut self, elapsed: Duration) -> Option<Duration> {
        self.tries += 1;
        self.pauses.within(self.within.saturating_sub(elapsed))
    }

    /// The failure of a try with what all of them have shown.
    pub(super) fn told(&self, elapsed: Duration, failure: Failure, blocker: Option<&LockBlocker>) -> Failure {
        let tries = if self.tries == 1 { "1 try".to_owned() } else { format!("{} tries", self.tries) };
        let within = elapsed.as_secs_f32();
        let held = blocker.map(|blocker| format!("; the lock is held by {blocker}")).unwrap_or_default();
        let hint = &failure.hint;
        Failure {
            message: format!("{} in {tries} within {within:.1} s{held}", failure.message),
            hint: Some(
                hint.clone().unwrap_or_else(|| {
                    "Wait for that transaction to end, or end it with pg_terminate_backend".to_owned()
                }),
            ),
            ..failure
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::LockLadder;

    #[test]
    fn pauses_grow_to_a_bound_and_end_with_the_time() {
        let mut ladder = LockLadder::new(Duration::from_secs(100), Duration::from_secs(5));
        let (mut pauses, mut elapsed) = (Vec::new(), Duration::ZERO);
        while let Some(pause) = ladder.pause(elapsed) {
            pauses.push(pause.as_secs());
            elapsed += pause;
        }
        assert_eq!(pauses, [5, 10, 20, 30, 30]);
        assert_eq!(ladder.tries, 6);
    }

    #[test]
    fn a_pause_lasts_at_least_half_a_second() {
        let mut ladder = LockLadder::new(Duration::from_secs(9), Duration::ZERO);
        assert_eq!(ladder.pause(Duration::ZERO), Some(Duration::from_millis(500)));
    }
}
