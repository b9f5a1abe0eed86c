//! The life of a resource as a table: the first stage that is wanted and not done decides. A stage reads what was asked
//! for and what became of it; none keeps a phase of its own, so a status that is lost takes nothing with it.

use jiff::Timestamp;

use super::tried::{Tried, tried};
use super::want::Want;
use crate::api::{RunStatus, SchemaMigrationSpec};
use crate::operator::task::Task;

/// All stages, in order. A gate is a row before [`Task::Apply`]'s and a file that says its state.
const STAGES: [Stage; 1] = [Stage { wanted: always, state: |want, now| run(Task::Apply, want, now) }];

/// A stage.
struct Stage {
    /// Whether a spec asks for it.
    wanted: fn(&SchemaMigrationSpec) -> bool,
    /// How far it is.
    state: for<'a> fn(&Want<'a>, Timestamp) -> State<'a>,
}

/// How far a stage is.
pub(super) enum State<'a> {
    /// The next one counts.
    Done,
    /// This one has something to do.
    Due(Due<'a>),
    /// This one waits, and what the status says of it stays.
    Held(Until),
}

/// What a stage waits for.
#[derive(Clone, Copy)]
pub(super) enum Until {
    Change,
    At(Timestamp),
}

/// A run that is due.
pub(super) struct Due<'a> {
    pub task: Task,
    pub attempt: Attempt<'a>,
}

/// Which attempt is due.
pub(super) enum Attempt<'a> {
    /// The first for what is asked for.
    First,
    /// The one after a run that failed.
    After(&'a RunStatus),
    /// A run once more, whose Job is not there. The runner reads the ledger first, so the same run may start twice.
    Same(&'a RunStatus),
}

/// How far a resource is: the state of its first stage that is not done.
pub(super) fn first_open<'a>(want: &Want<'a>, now: Timestamp) -> State<'a> {
    first_open_of(&STAGES, want, now)
}

fn first_open_of<'a>(stages: &[Stage], want: &Want<'a>, now: Timestamp) -> State<'a> {
    let wanted = stages.iter().filter(|stage| (stage.wanted)(&want.resource.spec));
    wanted.map(|stage| (stage.state)(want, now)).find(|state| !matches!(state, State::Done)).unwrap_or(State::Done)
}

fn always(_: &SchemaMigrationSpec) -> bool {
    true
}

/// The state of a stage that is done when a run of its task has succeeded.
fn run<'a>(task: Task, want: &Want<'a>, now: Timestamp) -> State<'a> {
    let due = |attempt| State::Due(Due { task, attempt });
    match tried(task, want) {
        Tried::Never => due(Attempt::First),
        Tried::Open(run) => due(Attempt::Same(run)),
        Tried::Succeeded => State::Done,
        Tried::RetryAt(at, _) if now < at => State::Held(Until::At(at)),
        Tried::RetryAt(_, run) => due(Attempt::After(run)),
        Tried::GivenUp => State::Held(Until::Change),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Attempt, Due, Stage, State, Until, always, first_open_of};
    use crate::operator::decide::want::want;
    use crate::operator::decide::world::World;
    use crate::operator::task::Task;

    /// How far a resource is by these stages, as a word.
    fn word(stages: &[Stage]) -> &'static str {
        let world = World::fresh();
        let want = want(&world.observed.resource, &world.observed.source).ok().unwrap();
        match first_open_of(stages, &want, world.now) {
            State::Done => "done",
            State::Due(Due { task: Task::Apply, attempt: Attempt::First }) => "first",
            State::Due(_) => "another",
            State::Held(Until::Change) => "held",
            State::Held(Until::At(_)) => "later",
        }
    }

    #[test]
    fn the_first_stage_that_is_wanted_and_not_done_decides() {
        let stage = |wanted, state| Stage { wanted, state };
        let done = || stage(always, |_, _| State::Done);
        let held = || stage(always, |_, _| State::Held(Until::Change));
        let due = || stage(always, |_, _| State::Due(Due { task: Task::Apply, attempt: Attempt::First }));
        let later = || stage(always, |_, _| State::Held(Until::At(Timestamp::MAX)));
        let unwanted = || stage(|spec| spec.suspend, |_, _| State::Held(Until::Change));
        for (stages, expected) in [
            (vec![], "done"),
            (vec![done()], "done"),
            (vec![done(), due(), held()], "first"),
            (vec![held(), due()], "held"),
            (vec![unwanted(), later(), due()], "later"),
            (vec![unwanted()], "done"),
        ] {
            assert_eq!(word(&stages), expected);
        }
    }
}
