//! Follows a batch while a session applies it: what the session reports, and what is seen from outside.

use std::time::{Duration, Instant};

use super::context::Context;
use crate::engine::{Database, Progress};
use crate::plan::Step;
use crate::report::{LockBlocker, StatementProgress};

/// How long a statement runs before anything is reported of it but its end.
const LONG: Duration = Duration::from_secs(1);
/// How often the same is reported again: how long somebody has been waited for grows all the time.
const SAME_AGAIN: Duration = Duration::from_secs(10);

/// What is known of a batch.
pub(super) struct Following<'c, 'b, 'a, D: Database> {
    context: &'c mut Context<'a, D>,
    batch: &'b [Step<'a>],
    /// Of how many of its migrations the beginning has been reported.
    pub(super) announced: usize,
    /// How many of its migrations are applied.
    pub(super) applied: usize,
    /// When the one after them began.
    pub(super) began: Instant,
    /// Who was last seen holding a lock that a statement waited for.
    pub(super) blocker: Option<LockBlocker>,
    /// The migration that is running, how many of its statements have run, and since when that is so.
    at: Option<(usize, usize, Instant)>,
    said: Said,
}

impl<'c, 'b, 'a, D: Database> Following<'c, 'b, 'a, D> {
    pub(super) fn new(context: &'c mut Context<'a, D>, batch: &'b [Step<'a>], announced: usize) -> Self {
        let (began, said) = (Instant::now(), Said::default());
        Self { context, batch, announced, applied: 0, began, blocker: None, at: None, said }
    }

    /// Takes in what the session reports about one of the batch's migrations.
    pub(super) fn hear(&mut self, index: usize, progress: Progress) {
        let Some(step) = self.batch.get(index) else { return };
        let now = Instant::now();
        match progress {
            Progress::Started(ago) => {
                self.began = now.checked_sub(ago).unwrap_or(now);
                self.at = Some((index, 0, self.began));
                if index >= self.announced {
                    self.announced = index + 1;
                    self.context.report_started(step);
                }
            }
            Progress::StatementsDone(done) => {
                self.at = Some((index, done, now));
                self.context.report_statements(step, done);
            }
            Progress::StatementSkipped(index) => self.context.report_skipped(step, index),
            Progress::WaitingFor(blocker) => {
                let phase = Some("not started yet".to_owned());
                self.report(StatementProgress { phase, waiting_for: Some(blocker), ..StatementProgress::default() });
            }
            Progress::Applied(duration) => {
                (self.applied, self.at) = (index + 1, None);
                self.context.note_applied(step, duration);
            }
        }
    }

    /// Takes in what is seen of the statement that is running.
    pub(super) fn see(&mut self, seen: StatementProgress) {
        if let Some(blocker) = &seen.waiting_for {
            self.blocker = Some(blocker.clone());
        }
        if self.at.is_some_and(|(.., since)| since.elapsed() >= LONG) {
            self.report(seen);
        }
    }

    fn report(&mut self, progress: StatementProgress) {
        let Some((index, done, _)) = self.at else { return };
        if let Some(step) = self.batch.get(index)
            && self.said.is_news(Instant::now(), (index, done), &progress)
        {
            self.context.report_progress(step, done, progress);
        }
    }
}

/// What was reported last, of which statement, and when.
#[derive(Default)]
struct Said(Option<(Instant, (usize, usize), StatementProgress)>);

impl Said {
    /// Whether something is worth a report: it differs in more than a time, or the last one is a while ago.
    fn is_news(&mut self, now: Instant, at: (usize, usize), progress: &StatementProgress) -> bool {
        fn told(progress: &StatementProgress) -> (Option<&str>, Option<i64>, Option<i64>) {
            let holder = progress.waiting_for.as_ref().map(|holder| holder.pid);
            (progress.phase.as_deref(), progress.percent, holder)
        }
        let is_old = self.0.as_ref().is_some_and(|(when, before, said)| {
            *before == at && told(said) == told(progress) && now.duration_since(*when) < SAME_AGAIN
        });
        if !is_old {
            self.0 = Some((now, at, progress.clone()));
        }
        !is_old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_reported_again_after_a_while_and_anything_else_at_once() {
        let mut said = Said::default();
        let start = Instant::now();
        let waiting = |pid, age_ms| StatementProgress {
            percent: Some(0),
            waiting_for: Some(LockBlocker { pid, age_ms: Some(age_ms), ..LockBlocker::default() }),
            ..StatementProgress::default()
        };
        let further = StatementProgress { percent: Some(1), ..waiting(1, 10) };
        assert!(said.is_news(start, (0, 0), &waiting(1, 10)));
        assert!(!said.is_news(start, (0, 0), &waiting(1, 20)), "only the age");
        assert!(said.is_news(start, (0, 1), &waiting(1, 20)), "of the next statement");
        assert!(said.is_news(start, (0, 1), &waiting(2, 20)), "another process");
        assert!(!said.is_news(start + SAME_AGAIN / 2, (0, 1), &waiting(2, 30)));
        assert!(said.is_news(start + SAME_AGAIN, (0, 1), &waiting(2, 30)));
        assert!(said.is_news(start + SAME_AGAIN, (0, 1), &further));
    }
}
