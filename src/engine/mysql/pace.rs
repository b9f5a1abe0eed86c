//! How many statements go into a message. The server cannot be asked to leave the rest of one undone: a cancellation ends
//! only what is being executed at its moment, and short statements are over before it comes. Pure.

use std::time::Duration;

/// The first message's statements.
const FIRST: usize = 16;
/// The most statements in a message.
const MOST: usize = 4096;
/// A message that took less may be followed by a longer one.
const SHORT: Duration = Duration::from_millis(100);
/// A message that took more is followed by a shorter one: a stop waits for the message that is under way.
pub(super) const LONG: Duration = Duration::from_millis(300);

/// How many statements go into the next message, so that it is under way for a moment only.
#[derive(Debug)]
pub(super) struct Pace(usize);

impl Default for Pace {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pace {
    pub(super) fn statements(&self) -> usize {
        self.0
    }

    /// Notes how long a message took.
    pub(super) fn measured(&mut self, took: Duration) {
        if took < SHORT {
            self.0 = (self.0 * 2).min(MOST);
        } else if took > LONG {
            self.0 = (self.0 / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_long_as_the_server_is_quick() {
        let mut pace = Pace::default();
        let mut sent = |took: fn(usize) -> Duration| {
            let lens = (0..20).map(|_| {
                let len = pace.statements();
                pace.measured(took(len));
                len
            });
            lens.last().unwrap()
        };
        assert_eq!(sent(|len| Duration::from_millis(len as u64)), 128);
        assert_eq!(sent(|len| Duration::from_millis(10 * len as u64)), 16);
        assert_eq!(sent(|_| Duration::from_secs(1)), 1);
        assert_eq!(sent(|_| Duration::ZERO), MOST);
    }
}
