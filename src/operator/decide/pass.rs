//! One look at one resource: what every part of a decision works with. Decides nothing.

use std::time::Duration;

use jiff::Timestamp;

use crate::api::SchemaMigrationStatus;
use crate::operator::decision::{Decision, Requeue};
use crate::operator::names;
use crate::operator::observed::{Children, Job, Observed, Resource};
use crate::operator::source::{Source, ValidSource};
use crate::operator::standing::{self, Standing};
use crate::operator::why::Why;

/// The first pause before a running Job is looked at again. Each pause is a share of the time that has passed.
pub(super) const WATCH_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause before a running run's log is read: it is the only sign of progress.
pub(super) const LONGEST_RUNNING_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause before it is asked again why a run does not start.
pub(super) const LONGEST_WAITING_PAUSE: Duration = Duration::from_mins(1);
/// When a Lease is renewed: a third of [`crate::operator::lease::DATABASE_LEASE_DURATION`].
pub(super) const RENEW_AFTER: Duration = Duration::from_secs(10);

/// One look at one resource.
pub(super) struct Pass<'a> {
    pub resource: &'a Resource,
    pub source: &'a Source,
    pub children: &'a Children,
    /// The image that a run would be given now.
    pub image: &'a str,
    pub now: Timestamp,
}

impl<'a> Pass<'a> {
    pub fn new(observed: &'a Observed, now: Timestamp) -> Self {
        let Observed { resource, source, children, runner_image: image } = observed;
        Self { resource, source, children, image, now }
    }

    /// Nothing but the next look.
    pub fn unchanged(&self, requeue: Requeue) -> Decision {
        Decision { status: self.resource.status.clone(), effects: Vec::new(), requeue, notices: Vec::new() }
    }

    /// Puts a standing's conditions into a status, for the generation that was seen.
    pub fn stand(&self, status: &mut SchemaMigrationStatus, standing: &Standing, why: Why, message: &str) {
        standing::write(status, standing, (why, message), (self.resource.generation, self.now));
    }

    /// How long ago a Job was created; a long time if that is unknown.
    pub fn age(&self, job: &Job) -> Duration {
        let made = job.origin.as_ref().map(|origin| origin.created_at);
        let age = made.and_then(|made| Duration::try_from(self.now.duration_since(made)).ok());
        age.unwrap_or(LONGEST_WAITING_PAUSE * 2)
    }

    /// The next look at a time.
    pub fn at(&self, at: Timestamp) -> Requeue {
        Requeue::After(Duration::try_from(at.duration_since(self.now)).unwrap_or(WATCH_PAUSE))
    }

    /// The frozen ConfigMaps that hold a source.
    pub fn frozen_names(&self, source: &ValidSource) -> Vec<String> {
        let resource = self.resource;
        let name = |part| names::frozen_name(&resource.name, &resource.uid, &source.hash, part);
        (0..source.parts).map(name).collect()
    }

    /// Whether they are all there.
    pub fn is_frozen(&self, frozen: &[String]) -> bool {
        frozen.iter().all(|name| self.children.frozen.iter().any(|there| there.name == *name))
    }
}
