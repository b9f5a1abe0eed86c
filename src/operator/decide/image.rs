//! Whether a Job that waits is created again because of its image: the operator has another one by now, or an admission
//! policy may put the right one in by now.

use std::time::Duration;

use super::pass::Pass;
use crate::operator::observed::{Job, JobState};

/// How long a Job with another image than the operator's has to start. One that cannot pull its image gets no time. Two
/// operators with different images, though there should be one, leave each other's Jobs time enough to start.
const START_GRACE: Duration = Duration::from_secs(30);
/// How often a Job is created again whose image a policy has put in and that cannot be pulled. Whether the policy was
/// corrected, only the next Job shows; a policy that stays, such as for a registry that is down, has no more of them.
const POLICY_GRACE: Duration = Duration::from_mins(5);

/// Why a Job that waits is to be created again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Renewal {
    /// The operator uses another image now.
    NewImage,
    /// The image was put in by an admission policy, and cannot be pulled.
    PolicysImage,
}

/// Why a Job is to be created again for its image; none if it is not.
pub(super) fn renewal(pass: &Pass<'_>, job: &Job) -> Option<Renewal> {
    // A suspended one keeps its place in its queue.
    let JobState::Waiting { reason } = &job.state else { return None };
    let (asked, given) = (job.image.asked.as_str(), job.image.given.as_str());
    let cannot_pull = reason.as_deref().is_some_and(is_about_image);
    let waits_since = |grace| pass.age(job) >= grace;
    if asked != pass.image {
        return (!asked.is_empty() && (cannot_pull || waits_since(START_GRACE))).then_some(Renewal::NewImage);
    }
    (cannot_pull && given != asked && waits_since(POLICY_GRACE)).then_some(Renewal::PolicysImage)
}

/// Whether a pod does not start because of its image. These are the kubelet's words.
pub(super) fn is_about_image(complaint: &str) -> bool {
    ["ErrImage", "ImagePull", "InvalidImage"].iter().any(|word| complaint.contains(word))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Pass, Renewal, renewal};
    use crate::operator::decide::world::World;
    use crate::operator::observed::{JobState, RunnerImage};

    const PULL: Option<&str> = Some("ImagePullBackOff: Back-off pulling image");

    #[rstest]
    #[case::the_operators("runner:1", "runner:1", PULL, 900, None)]
    #[case::an_older_one_that_cannot_be_pulled("runner:0", "runner:0", PULL, 3, Some(Renewal::NewImage))]
    #[case::an_older_one_that_may_start_any_moment("runner:0", "runner:0", None, 29, None)]
    #[case::an_older_one_that_does_not_start("runner:0", "runner:0", Some("no node"), 30, Some(Renewal::NewImage))]
    #[case::a_policys("runner:1", "mirror/runner:1", PULL, 299, None)]
    #[case::a_policys_for_five_minutes("runner:1", "mirror/runner:1", PULL, 300, Some(Renewal::PolicysImage))]
    #[case::a_policys_that_is_not_to_blame("runner:1", "mirror/runner:1", Some("no node"), 900, None)]
    #[case::of_an_unreadable_job("", "", None, 900, None)]
    fn a_job_is_created_again_for_another_image(
        #[case] asked: &str,
        #[case] given: &str,
        #[case] reason: Option<&str>,
        #[case] age: u64,
        #[case] expected: Option<Renewal>,
    ) {
        let waits = JobState::Waiting { reason: reason.map(str::to_owned) };
        let world = World::started().job(waits).later(age).with(|seen| {
            seen.children.jobs[0].image = RunnerImage { asked: asked.into(), given: given.into() };
        });
        let of = |world: &World| renewal(&Pass::new(&world.observed, world.now), &world.observed.children.jobs[0]);
        assert_eq!(of(&world), expected);
        assert_eq!(of(&world.job(JobState::Suspended)), None, "it keeps its place in its queue");
    }
}
