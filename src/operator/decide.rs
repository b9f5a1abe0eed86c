//! From what a pass has seen to what it does. A plain function over plain data: no client, no clock, no
//! chance but what it is handed. `decide/tests/` lists the scenarios by name.

use jiff::Timestamp;

use super::decision::{Decision, Requeue};
use super::observed::{Observed, Resource};
use super::source::Source;
use super::task::Task;

mod activity;
mod advice;
mod clean;
mod held;
mod image;
mod message;
mod outcome;
mod pass;
mod refused;
mod stages;
mod start;
#[cfg(test)]
mod tests;
mod tried;
mod want;
mod watch;
#[cfg(test)]
mod world;

use activity::{Activity, activity};
use pass::Pass;
use stages::{State, Until};
use want::{Blocked, want};

pub use refused::{FAILURES_TOLD, Told, refused};

/// What is to be done about a resource: what is going on comes first, then what is asked for.
#[must_use]
pub fn decide(observed: &Observed, now: Timestamp) -> Decision {
    let pass = Pass::new(observed, now);
    match activity(&pass) {
        Activity::Deleted => clean::let_go(&pass),
        Activity::Going(job) => watch::follow(&pass, job),
        Activity::InTheWay(message) => watch::wait_for(&pass, &message),
        Activity::Unrecorded { task: Task::Apply, run, job, ended } => outcome::record(&pass, run, (job, ended)),
        Activity::Idle => match want(pass.resource, pass.source) {
            Err(blocked) => held::decide(&pass, &blocked),
            Ok(want) => match stages::first_open(&want, now) {
                State::Due(due) => start::decide(&pass, &want, &due),
                State::Done | State::Held(Until::Change) => clean::up(&pass, Requeue::OnChange),
                State::Held(Until::At(at)) => clean::up(&pass, pass.at(at)),
            },
        },
    }
}

/// Whether a pass can do without the resource's Jobs, Lease and frozen ConfigMaps: no stage is due, and nothing
/// of an earlier run is left to clean up.
#[must_use]
pub fn is_at_rest(resource: &Resource, source: &Source, now: Timestamp) -> bool {
    let is_due = match want(resource, source) {
        Ok(want) => matches!(stages::first_open(&want, now), State::Due(_)),
        Err(blocked) => matches!(blocked, Blocked::Unread),
    };
    !resource.has_finalizer && (resource.deleting || !is_due)
}
