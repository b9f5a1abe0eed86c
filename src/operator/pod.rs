//! What Jobs and pods say of themselves, in the words of `observed`. Pure.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod};
use kube::ResourceExt as _;

use super::job::CONTAINER;
use super::names;
use super::observed::Origin;
use crate::api::RETRY_ANNOTATION;

/// The label that the Job controller puts on its pods.
const JOB_NAME_LABEL: &str = "batch.kubernetes.io/job-name";
/// What a container waits for as long as nothing is wrong.
const ORDINARY_WAITS: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// An ended Job.
pub struct JobEnd {
    /// Why it failed; absent where it is complete.
    pub reason: Option<String>,
}

/// Whether a Job has ended, and how. Its conditions Complete and Failed come only after its pods have stopped
/// (`podReplacementPolicy: Failed`).
pub fn job_end(job: &Job) -> Option<JobEnd> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let found = |type_: &str| conditions.iter().find(|c| c.type_ == type_ && c.status == "True");
    if found("Complete").is_some() {
        return Some(JobEnd { reason: None });
    }
    found("Failed").map(|condition| JobEnd { reason: condition.reason.clone() })
}

/// What a Job was started for.
pub fn origin(job: &Job) -> Option<Origin> {
    let annotations = job.annotations();
    Some(Origin {
        generation: annotations.get(names::GENERATION_ANNOTATION)?.parse().ok()?,
        source_hash: annotations.get(names::SOURCE_HASH_ANNOTATION)?.clone(),
        attempt: annotations.get(names::ATTEMPT_ANNOTATION)?.parse().ok()?,
        retry_token: annotations.get(RETRY_ANNOTATION).cloned(),
        created_at: job.creation_timestamp()?.0,
    })
}

/// The Job a pod belongs to.
pub fn job_name(pod: &Pod) -> Option<&str> {
    pod.labels().get(JOB_NAME_LABEL).map(String::as_str)
}

/// Whether a pod runs, or may still begin to.
pub fn may_run(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the runner has started; it may have ended since.
pub fn has_started(pod: &Pod) -> bool {
    state(pod).is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

/// The runner's last words.
pub fn termination_message(pod: &Pod) -> Option<String> {
    state(pod)?.terminated.as_ref()?.message.clone()
}

/// How a pod ended, where its runner did not say it.
pub fn end(pod: &Pod) -> Option<String> {
    if let Some(terminated) = state(pod).and_then(|state| state.terminated.as_ref()) {
        let reason = terminated.reason.as_deref().unwrap_or("Error");
        return Some(format!("{reason}, exit code {}", terminated.exit_code));
    }
    let status = pod.status.as_ref()?;
    let reason = status.reason.as_deref()?;
    Some(status.message.as_deref().map_or_else(|| reason.to_owned(), |message| format!("{reason}, {message}")))
}

/// Why a pod does not start, where its status says it.
pub fn complaint(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let conditions = status.conditions.as_deref().unwrap_or_default();
    if let Some(unscheduled) = conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False") {
        let message = unscheduled.message.clone().or_else(|| unscheduled.reason.clone())?;
        return Some(format!("no node takes its pod: {message}"));
    }
    let waiting = state(pod)?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| !ORDINARY_WAITS.contains(reason))?;
    Some(waiting.message.as_deref().map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}")))
}

/// When an event was last seen.
pub fn event_time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    series.max(last).max(event.event_time.as_ref().map(|time| time.0))
}

fn state(pod: &Pod) -> Option<&ContainerState> {
    let statuses: &[ContainerStatus] = pod.status.as_ref()?.container_statuses.as_deref()?;
    statuses.iter().find(|status| status.name == CONTAINER)?.state.as_ref()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::{complaint, end, has_started, job_end, may_run, termination_message};

    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better without a reference")]
    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better without a reference")]
    fn container(state: Value) -> Pod {
        pod(json!({"phase": "Pending", "containerStatuses": [{
            "name": "runner", "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0}]}))
    }

    #[test]
    fn a_pod_that_cannot_start_says_why() {
        let image = container(json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}));
        assert_eq!(complaint(&image).as_deref(), Some("ErrImagePull: no such image"));
        let full = pod(json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available"}]}));
        assert_eq!(complaint(&full).as_deref(), Some("no node takes its pod: 0/1 nodes are available"));
        assert_eq!(complaint(&container(json!({"waiting": {"reason": "ContainerCreating"}}))), None);
    }

    #[test]
    fn the_last_words_of_an_ended_runner_are_found() {
        let ended = container(json!({"terminated": {"exitCode": 1, "message": "{}", "reason": "Error"}}));
        assert!(has_started(&ended));
        assert_eq!(termination_message(&ended).as_deref(), Some("{}"));
        let killed = container(json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}));
        assert_eq!(termination_message(&killed), None);
        assert_eq!(end(&killed).as_deref(), Some("OOMKilled, exit code 137"));
        let evicted = pod(json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}));
        assert_eq!(end(&evicted).as_deref(), Some("Evicted, low on memory"));
        assert!(!may_run(&evicted) && may_run(&pod(json!({"phase": "Unknown"}))));
    }

    #[test]
    fn a_job_has_ended_only_when_it_is_complete_or_failed() {
        let job = |conditions: Value| -> Job {
            serde_json::from_value(json!({"status": {"conditions": conditions}})).unwrap()
        };
        assert!(job_end(&job(json!([{"type": "FailureTarget", "status": "True"}]))).is_none());
        assert!(job_end(&job(json!([{"type": "Failed", "status": "False"}]))).is_none());
        let late = job_end(&job(json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]))).unwrap();
        assert_eq!(late.reason.as_deref(), Some("DeadlineExceeded"));
        assert!(job_end(&job(json!([{"type": "Complete", "status": "True"}]))).unwrap().reason.is_none());
    }
}
