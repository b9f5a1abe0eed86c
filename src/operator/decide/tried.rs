//! What became of a task that is wanted, from the status alone. The same for every task.

use jiff::Timestamp;

use super::want::Want;
use crate::api::{LastError, RunStatus};
use crate::operator::standing;
use crate::operator::task::Task;
use crate::operator::why::Why;

/// What became of a task.
pub(super) enum Tried<'a> {
    /// No run has looked at what is asked for now.
    Never,
    /// A run was decided, and its end is not recorded. Its Job is not there yet, or not any more.
    Open(&'a RunStatus),
    /// A run has done it.
    Succeeded,
    /// The last run failed; the next one is due at a time.
    RetryAt(Timestamp, &'a RunStatus),
    /// The last run failed, and no other follows until something changes.
    GivenUp,
}

/// What became of a task for what is asked for.
pub(super) fn tried<'a>(task: Task, want: &Want<'a>) -> Tried<'a> {
    let (status, key) = (&want.resource.status, want.key(task));
    let speaks_of_it = status.observed_generation == Some(want.resource.generation)
        && status.source_hash.as_deref() == Some(want.source.hash.as_str());
    let is_for_it = |run: &&RunStatus| Task::of(run) == Some(task) && key.attempt_of(&run.name) == Some(run.attempt);
    let Some(run) = status.run.as_ref().filter(|_| speaks_of_it).filter(is_for_it) else { return Tried::Never };
    if run.finished_at.is_none() {
        return Tried::Open(run);
    }
    // Its outcome belongs to something else, or is hidden behind a refusal: look again.
    if [Why::Changed, Why::RefusedByCluster].iter().any(|&why| standing::is_for(status, why)) {
        return Tried::Never;
    }
    match &status.last_error {
        None => Tried::Succeeded,
        Some(error) => retry_time(error).map_or(Tried::GivenUp, |at| Tried::RetryAt(at, run)),
    }
}

fn retry_time(error: &LastError) -> Option<Timestamp> {
    error.retry_at.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Tried, tried};
    use crate::operator::decide::want::want;
    use crate::operator::decide::world::{World, source_of};
    use crate::operator::task::Task;
    use crate::report::ErrorClass::{Permanent, Transient};
    use crate::report::Reason;

    #[rstest]
    #[case::new(World::fresh(), "never")]
    #[case::started(World::started(), "open")]
    #[case::ready(World::ready(), "succeeded")]
    #[case::failed(World::failed(Permanent, Reason::StatementFailed), "given up")]
    #[case::failed_for_now(World::failed(Transient, Reason::ConnectionFailed), "again")]
    #[case::another_generation(World::ready().with(|seen| seen.resource.generation += 1), "never")]
    #[case::another_content(World::ready().with(|seen| seen.source = source_of(&[("001_a.sql", "select 1;")])), "never")]
    #[case::asked_again(World::ready().with(|seen| seen.resource.retry_token = Some("sha256:1".into())), "never")]
    #[case::another_attempt_than_its_name_says(World::ready().with(|seen| seen.resource.status.run.as_mut().unwrap().attempt += 1), "never")]
    #[case::a_forgotten_content(World::ready().with(|seen| seen.resource.status.source_hash = None), "never")]
    fn what_became_of_a_task_is_read_off_the_status(#[case] world: World, #[case] expected: &str) {
        let want = want(&world.observed.resource, &world.observed.source).ok().unwrap();
        let found = match tried(Task::Apply, &want) {
            Tried::Never => "never",
            Tried::Open(_) => "open",
            Tried::Succeeded => "succeeded",
            Tried::RetryAt(..) => "again",
            Tried::GivenUp => "given up",
        };
        assert_eq!(found, expected);
    }
}
