//! How far a statement is, by what its server shows of it from time to time. Pure.

use std::time::{Duration, Instant};

use crate::report::{LockBlocker, StatementProgress};

/// For how long a stage must have been seen before its pace says anything.
const SETTLED: Duration = Duration::from_secs(1);

/// What a server shows of a running statement at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::engine) struct Stage {
    /// What it does, in the server's words.
    pub(in crate::engine) phase: String,
    /// How much of that is done, in a unit of the server's.
    pub(in crate::engine) done: i64,
    /// How much there is to do, in the same unit; 0 where the server does not say.
    pub(in crate::engine) total: i64,
}

impl Stage {
    fn percent(&self) -> Option<i64> {
        let percent = (i128::from(self.done.max(0)) * 100).checked_div(i128::from(self.total.max(0)))?;
        i64::try_from(percent.min(100)).ok()
    }
}

/// The stage that was seen last: since when, and how much of it was done then.
#[derive(Debug, Default)]
pub(in crate::engine) struct StagePace(Option<(String, Instant, i64)>);

impl StagePace {
    /// What is worth a report, if anything is.
    pub(in crate::engine) fn seen(
        &mut self,
        now: Instant,
        stage: Option<Stage>,
        waiting_for: Option<LockBlocker>,
    ) -> Option<StatementProgress> {
        let remaining_ms = stage.as_ref().and_then(|stage| self.remaining_ms(now, stage));
        let percent = stage.as_ref().and_then(Stage::percent);
        let phase = stage.map(|stage| stage.phase);
        let is_any = phase.is_some() || waiting_for.is_some();
        is_any.then_some(StatementProgress { phase, percent, remaining_ms, waiting_for })
    }

    /// How long the rest of a stage takes, if it goes on as since it was first seen.
    fn remaining_ms(&mut self, now: Instant, stage: &Stage) -> Option<i64> {
        let (since, first) = match &self.0 {
            Some((phase, since, first)) if *phase == stage.phase && *first <= stage.done => (*since, *first),
            _ => {
                self.0 = Some((stage.phase.clone(), now, stage.done));
                return None;
            }
        };
        let (elapsed, done) = (now.duration_since(since), stage.done - first);
        if elapsed < SETTLED || done <= 0 || stage.total <= 0 {
            return None;
        }
        let rest = i128::from((stage.total - stage.done).max(0));
        let ms = i128::try_from(elapsed.as_millis()).ok()? * rest / i128::from(done);
        i64::try_from(ms).ok()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn stage(phase: &str, done: i64, total: i64) -> Stage {
        Stage { phase: phase.to_owned(), done, total }
    }

    #[rstest]
    #[case::nothing_yet(0, 400, Some(0))]
    #[case::a_part(199, 400, Some(49))]
    #[case::all(400, 400, Some(100))]
    #[case::more_than_was_estimated(500, 400, Some(100))]
    #[case::without_a_total(7, 0, None)]
    #[case::of_a_huge_table(i64::MAX / 2, i64::MAX, Some(49))]
    #[case::not_negative(-1, 10, Some(0))]
    fn a_percentage(#[case] done: i64, #[case] total: i64, #[case] expected: Option<i64>) {
        assert_eq!(stage("p", done, total).percent(), expected);
    }

    #[test]
    fn the_rest_is_estimated_by_the_pace_of_this_stage_alone() {
        let (mut pace, start) = (StagePace::default(), Instant::now());
        let mut after = |ms, stage| {
            let seen = pace.seen(start + Duration::from_millis(ms), Some(stage), None);
            seen.and_then(|seen| seen.remaining_ms)
        };
        assert_eq!(after(0, stage("scanning", 100, 1000)), None, "first seen");
        assert_eq!(after(900, stage("scanning", 200, 1000)), None, "too soon");
        assert_eq!(after(2000, stage("scanning", 300, 1000)), Some(7000), "200 in 2 s, 700 to do");
        assert_eq!(after(9000, stage("scanning", 1000, 1000)), Some(0));
        assert_eq!(after(10_000, stage("loading", 10, 20)), None, "another stage");
        assert_eq!(after(12_000, stage("loading", 10, 20)), None, "no pace");
        assert_eq!(after(14_000, stage("loading", 15, 20)), Some(4000));
        assert_eq!(after(15_000, stage("loading", 1, 20)), None, "once more from the beginning");
        assert_eq!(after(17_000, stage("loading", 2, 0)), None, "without a total");
    }

    #[test]
    fn a_wait_without_a_stage_is_reported_and_nothing_is_not() {
        let blocker = LockBlocker { pid: 7, ..LockBlocker::default() };
        let mut pace = StagePace::default();
        assert_eq!(pace.seen(Instant::now(), None, None), None);
        let seen = pace.seen(Instant::now(), None, Some(blocker.clone()));
        assert_eq!(seen, Some(StatementProgress { waiting_for: Some(blocker), ..StatementProgress::default() }));
    }
}
