//! How long to wait before the next attempt. Pure: jitter comes from the run's name, not from chance.

use std::time::Duration;

use crate::api::RetrySpec;
use crate::operator::names;

/// Where an object stored before the CRD's rule carries a duration that does not parse.
const FALLBACK_INITIAL: Duration = Duration::from_secs(5);
/// The same for the longest pause.
const FALLBACK_MAXIMUM: Duration = Duration::from_mins(5);
/// The share of a pause that jitter may take away, in percent: many resources on one database that went down
/// together do not come back together.
const JITTER_PERCENT: u32 = 20;

/// The pause after a failed attempt: `initialDelay`, doubled for each attempt before this one, at most
/// `maxDelay`, shortened by up to a fifth.
#[must_use]
pub fn pause(retry: &RetrySpec, attempt: i32, run: &str) -> Duration {
    let initial = retry.initial_delay.parse().unwrap_or(FALLBACK_INITIAL);
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(31);
    let grown = initial.saturating_mul(1_u32 << doublings);
    shortened(grown.min(retry.max_delay.parse().unwrap_or(FALLBACK_MAXIMUM)), run)
}

fn shortened(pause: Duration, run: &str) -> Duration {
    let digest = names::digest(&["jitter", run]);
    let draw = digest.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
    pause.saturating_sub(pause * JITTER_PERCENT / 100 * draw / 0xffff)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;
    use crate::api::RetrySpec;

    #[test]
    fn pauses_double_up_to_the_longest_and_jitter_only_shortens_them() {
        let retry = RetrySpec::default();
        for (attempt, seconds) in [(1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (8, 300), (i32::MAX, 300)] {
            let full = Duration::from_secs(seconds);
            let pause = pause(&retry, attempt, "shop-1");
            assert!(pause <= full && pause >= full * 4 / 5, "attempt {attempt}: {pause:?}");
        }
    }

    #[test]
    fn two_runs_do_not_come_back_together_and_one_run_always_waits_the_same() {
        let retry = RetrySpec::default();
        assert_ne!(pause(&retry, 7, "shop-1"), pause(&retry, 7, "blog-1"));
        assert_eq!(pause(&retry, 7, "shop-1"), pause(&retry, 7, "shop-1"));
    }
}
