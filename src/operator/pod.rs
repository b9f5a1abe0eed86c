//! What Jobs and pods say of themselves, in the words of `observed`. Pure.
//!
//! Whose a pod is, its controller says, never its labels: anybody who may make a pod may label it so.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStatus, Event, Pod, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;

use super::job::{CONTAINER, DISRUPTION};
use super::names;
use super::observed::{JobEnd, Origin, RunnerEnd, RunnerImage};
use super::task::Task;
use crate::api::{DatabaseSpec, Engine, RETRY_ANNOTATION, SecretKeyReference};

/// The label by which the Job controller finds its pods. It stays on a pod whose owner was taken away
/// (`kubectl delete job --cascade=orphan`).
const JOB_UID_LABEL: &str = "batch.kubernetes.io/controller-uid";
/// What a container waits for as long as nothing is wrong.
const ORDINARY_WAITS: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// Reasons of a Job's events that report its end, not what it waits for.
const ENDS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", FAILED_BY_POLICY];
/// Why a Job failed whose pod the cluster took away: [`super::job`] gives it no other rule.
const FAILED_BY_POLICY: &str = "PodFailurePolicy";

/// Whether an object of this UID controls one with these owners. One controller at most is there (the API server
/// sees to it).
pub fn is_controlled_by(owners: &[OwnerReference], uid: &str) -> bool {
    owners.iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

/// How a Job has ended; none while it is running. Its conditions Complete and Failed are set only after its pods have
/// stopped (`podReplacementPolicy: Failed`).
pub fn job_end(job: &Job) -> Option<JobEnd> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let found = |type_: &str| conditions.iter().find(|c| c.type_ == type_ && c.status == "True");
    if found("Complete").is_some() {
        return Some(JobEnd::Complete);
    }
    found("Failed").map(|condition| JobEnd::Failed { reason: condition.reason.clone() })
}

/// Why the cluster took a run's pod away, where it did: in the pod's words or, where it is gone, because its Job says
/// so.
pub fn disruption(end: &JobEnd, pods: &[&Pod]) -> Option<String> {
    let mut conditions = pods.iter().filter_map(|pod| pod.status.as_ref()?.conditions.as_ref()).flatten();
    let told = conditions.find(|c| c.type_ == DISRUPTION && c.status == "True").map(|c| {
        let words = [c.reason.as_deref(), c.message.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        if words.is_empty() { DISRUPTION.to_owned() } else { words.join(": ") }
    });
    let by_policy = matches!(end, JobEnd::Failed { reason: Some(reason) } if reason == FAILED_BY_POLICY);
    told.or_else(|| by_policy.then(|| DISRUPTION.to_owned()))
}

/// The image of a run: as an operator asked for it, and as its pod, or else its Job, has it.
pub fn image(job: &Job, newest: Option<&Pod>) -> RunnerImage {
    let of_job = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let of = |spec: &PodSpec| {
        let runner = spec.containers.iter().find(|container| container.name == CONTAINER);
        runner.and_then(|container| container.image.clone())
    };
    let given = newest.and_then(|pod| of(pod.spec.as_ref()?)).or_else(|| of(of_job?)).unwrap_or_default();
    let asked = job.annotations().get(names::IMAGE_ANNOTATION).cloned();
    // The versions that did not note it asked for what the Job has.
    let asked = asked.or_else(|| of(of_job?)).unwrap_or_default();
    RunnerImage { asked, given }
}

/// Whether a Job was suspended, by a person or by a queue such as Kueue.
pub fn is_suspended(job: &Job) -> bool {
    job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true))
}

/// What a Job was started for.
pub fn origin(job: &Job) -> Option<Origin> {
    let annotations = job.annotations();
    Some(Origin {
        task: Task::read(annotations.get(names::TASK_ANNOTATION).map(String::as_str)),
        generation: annotations.get(names::GENERATION_ANNOTATION)?.parse().ok()?,
        source_hash: annotations.get(names::SOURCE_HASH_ANNOTATION)?.clone(),
        attempt: annotations.get(names::ATTEMPT_ANNOTATION)?.parse().ok()?,
        uncounted: annotations.get(names::UNCOUNTED_ANNOTATION).and_then(|count| count.parse().ok()).unwrap_or(0),
        retry_token: annotations.get(RETRY_ANNOTATION).cloned(),
        created_at: job.creation_timestamp()?.0,
    })
}

/// The database that a Job works on: the Secret it mounts and the engine it is given.
pub fn database(job: &Job) -> Option<DatabaseSpec> {
    let pod = job.spec.as_ref()?.template.spec.as_ref()?;
    let mounted = pod.volumes.iter().flatten().find(|volume| volume.name == super::job::URL_VOLUME)?;
    let secret = mounted.secret.as_ref()?;
    let runner = pod.containers.iter().find(|container| container.name == CONTAINER)?;
    let told = runner.args.iter().flatten().find_map(|argument| argument.strip_prefix("--engine="))?;
    let engine = [Engine::Postgres, Engine::Mysql, Engine::Mariadb].into_iter().find(|e| e.as_str() == told)?;
    let key = secret.items.as_ref()?.first()?.key.clone();
    Some(DatabaseSpec { engine, url_secret_ref: SecretKeyReference { name: secret.secret_name.clone()?, key } })
}

/// Whether a pod is what is left of a Job that is gone: its controller was that Job, or it has none any more.
pub fn is_left_of(pod: &Pod, job_uid: &str) -> bool {
    let is_orphan = !pod.owner_references().iter().any(|owner| owner.controller == Some(true))
        && pod.labels().get(JOB_UID_LABEL).is_some_and(|uid| uid == job_uid);
    is_orphan || is_controlled_by(pod.owner_references(), job_uid)
}

/// Whether a pod's runner runs, or may still begin to.
pub fn may_run(pod: &Pod) -> bool {
    !has_finished(pod) && !is_runner_done(pod)
}

fn has_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the runner has ended and no restart may follow.
fn is_runner_done(pod: &Pod) -> bool {
    let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
    terminated(pod).is_some_and(|end| match policy {
        Some("Never") => true,
        Some("OnFailure") => end.exit_code == 0,
        _ => false,
    })
}

/// Whether the runner has started; it may have ended since.
pub fn has_started(pod: &Pod) -> bool {
    state(pod).is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

/// The end of a run whose Job is still running: its runner has ended for good. A pod that is being deleted does not
/// count: the Job says what that means, such as another pod if the Job was suspended.
pub fn early_end(pod: &Pod) -> Option<JobEnd> {
    let is_over = pod.metadata.deletion_timestamp.is_none() && is_runner_done(pod);
    is_over.then(|| JobEnd::Open { others: others(pod) })
}

/// The other containers that are still running. Native sidecars do not count: the kubelet ends them when the runner
/// ends.
fn others(pod: &Pod) -> Vec<String> {
    if has_finished(pod) {
        return Vec::new();
    }
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let has_ended = |status: &ContainerStatus| status.state.as_ref().is_some_and(|state| state.terminated.is_some());
    let others = statuses.iter().filter(|status| status.name != CONTAINER && !has_ended(status));
    others.map(|status| status.name.clone()).collect()
}

/// What the pods of a Job say of its runner, oldest pod first. Where several have ended, which no Job of ours comes
/// to, a bad end counts before a good one: another pod may have been put beside the run's.
pub fn runner_end(pods: &[&Pod]) -> RunnerEnd {
    let exited = |is_wanted: fn(i32) -> bool| {
        pods.iter().copied().find(|pod| terminated(pod).is_some_and(|end| is_wanted(end.exit_code)))
    };
    match exited(|code| code != 0).or_else(|| exited(|code| code == 0)).or(pods.last().copied()) {
        None => RunnerEnd::Unknown,
        Some(pod) => match terminated(pod) {
            Some(end) => RunnerEnd::Exited { code: end.exit_code, message: end.message.clone(), how: told(end) },
            None if has_started(pod) => RunnerEnd::Lost { how: pod_end(pod).unwrap_or_else(|| "no word".to_owned()) },
            None => RunnerEnd::NeverStarted { why: complaint(pod).or_else(|| pod_end(pod)) },
        },
    }
}

fn told(end: &ContainerStateTerminated) -> String {
    let reason = end.reason.as_deref().unwrap_or("Error");
    // What the runner wrote is a summary; anything else is the kubelet's, such as of a file that cannot be executed.
    let said = end.message.as_deref().map(str::trim).filter(|said| !said.is_empty() && !said.starts_with('{'));
    let said = said.map(|said| format!(" ({})", said.trim_end_matches('.'))).unwrap_or_default();
    format!("{reason}, exit code {}{said}", end.exit_code)
}

/// How a pod ended, where no container says it.
fn pod_end(pod: &Pod) -> Option<String> {
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
        return Some(format!("the pod cannot be scheduled: {message}"));
    }
    init_complaint(status).or_else(|| wait(state(pod)?))
}

/// What an init container that was added before the runner waits for, or has ended with.
fn init_complaint(status: &PodStatus) -> Option<String> {
    status.init_container_statuses.iter().flatten().find_map(|container| {
        let (name, state) = (&container.name, container.state.as_ref()?);
        let failed = state.terminated.as_ref().filter(|end| end.exit_code != 0).map(told);
        let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref()).map(told);
        let waits = || wait(state).map(|wait| last.map_or_else(|| wait.clone(), |last| format!("{wait} ({last})")));
        failed.or_else(waits).map(|how| format!("init container {name:?}: {how}"))
    })
}

fn wait(state: &ContainerState) -> Option<String> {
    let waiting = state.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| !ORDINARY_WAITS.contains(reason))?;
    Some(waiting.message.as_deref().map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}")))
}

/// Whether an event may say what a Job or its pod waits for.
pub fn is_complaint(event: &Event) -> bool {
    !event.reason.as_deref().is_some_and(|reason| ENDS.contains(&reason))
}

/// Words about a Job's pods without the end of their names, which is by chance: each try to make a pod has another.
pub fn without_suffix(words: &str, job: &str) -> String {
    const SUFFIX: usize = 5;
    let start = format!("{job}-");
    let mut parts = words.split(start.as_str());
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_suffix =
            part.bytes().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count() == SUFFIX;
        text.push_str(&start);
        text.push_str(if is_suffix { "…" } else { "" });
        text.push_str(if is_suffix { part.get(SUFFIX..).unwrap_or_default() } else { part });
    }
    text
}

/// When an event was last seen.
pub fn event_time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    series.max(last).max(event.event_time.as_ref().map(|time| time.0))
}

fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    state(pod)?.terminated.as_ref()
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

    use super::{
        Task, complaint, database, disruption, early_end, has_started, image, is_left_of, is_suspended, job_end,
        may_run, origin, runner_end, without_suffix,
    };
    use crate::operator::observed::{JobEnd, RunnerEnd};

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
    fn the_words_about_a_pod_that_is_made_again_and_again_stay_the_same() {
        let words = |pod: &str| format!("Error creating: pods \"{pod}\" is forbidden: exceeded quota");
        let said = without_suffix(&words("shop-1-x7f2k"), "shop-1");
        assert_eq!(said, words("shop-1-…"));
        assert_eq!(without_suffix(&words("shop-1-zzzzz"), "shop-1"), said);
        assert_eq!(without_suffix(&words("shop-1-frozen"), "shop-1"), words("shop-1-frozen"));
        assert_eq!(without_suffix("secret \"shop\" not found", "shop-1"), "secret \"shop\" not found");
    }

    #[test]
    fn a_pod_that_cannot_start_says_why() {
        let image = container(json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}));
        assert_eq!(complaint(&image).as_deref(), Some("ErrImagePull: no such image"));
        let full = pod(json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available"}]}));
        assert_eq!(complaint(&full).as_deref(), Some("the pod cannot be scheduled: 0/1 nodes are available"));
        assert_eq!(complaint(&container(json!({"waiting": {"reason": "ContainerCreating"}}))), None);
    }

    /// A pod with the states of its containers, the runner's first.
    fn beside(states: &[(&str, Value)]) -> Pod {
        let statuses: Vec<Value> = states
            .iter()
            .map(|(name, state)| {
                json!({"name": name, "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0})
            })
            .collect();
        let mut pod = pod(json!({"phase": "Running", "containerStatuses": statuses}));
        pod.spec = serde_json::from_value(json!({"restartPolicy": "Never", "containers": []})).unwrap();
        pod
    }

    fn exited(code: i32, message: Option<&str>) -> Value {
        json!({"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }, "message": message}})
    }

    #[test]
    fn a_runner_has_ended_whatever_an_ordinary_sidecar_does() {
        let running = json!({"running": {}});
        let open = |others: &[&str]| JobEnd::Open { others: others.iter().map(|&name| name.to_owned()).collect() };
        for (states, expected) in [
            (vec![("runner", running.clone()), ("istio-proxy", running.clone())], None),
            (vec![("runner", exited(0, None)), ("istio-proxy", running.clone())], Some(open(&["istio-proxy"]))),
            (vec![("istio-proxy", running.clone()), ("runner", exited(1, None))], Some(open(&["istio-proxy"]))),
            (
                vec![("runner", exited(0, None)), ("log", json!({"waiting": {"reason": "ImagePullBackOff"}}))],
                Some(open(&["log"])),
            ),
            (vec![("runner", exited(0, None)), ("log", exited(0, None))], Some(open(&[]))),
        ] {
            assert_eq!(early_end(&beside(&states)), expected, "{states:?}");
        }
    }

    #[test]
    fn a_runner_that_may_be_started_again_or_whose_pod_is_deleted_has_not_ended_yet() {
        let mut restarted = beside(&[("runner", exited(1, None)), ("log", json!({"running": {}}))]);
        restarted.spec.as_mut().unwrap().restart_policy = Some("OnFailure".into());
        assert_eq!(early_end(&restarted), None);
        let mut deleted = beside(&[("runner", exited(1, None))]);
        deleted.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-30T12:00:00Z")).unwrap();
        assert_eq!(early_end(&deleted), None);
        assert!(!may_run(&deleted), "it runs no SQL any more");
    }

    #[test]
    fn a_bad_end_counts_before_the_good_one_of_a_pod_that_was_put_beside_it() {
        let (bad, good) = (beside(&[("runner", exited(1, Some("{}")))]), beside(&[("runner", exited(0, Some("{}")))]));
        for pods in [[&bad, &good], [&good, &bad]] {
            assert!(matches!(runner_end(&pods), RunnerEnd::Exited { code: 1, .. }));
        }
        assert_eq!(runner_end(&[]), RunnerEnd::Unknown);
    }

    #[test]
    fn a_pod_is_left_of_a_job_by_its_controller_or_where_that_was_taken_away_and_never_by_its_name() {
        let made = |owners: Value, labels: Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"ownerReferences": owners, "labels": labels}})).unwrap()
        };
        let owner = |uid: &str, controller: bool| json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "shop-1", "uid": uid, "controller": controller}]);
        let uid = json!({"batch.kubernetes.io/controller-uid": "uid-1"});
        let name = json!({"batch.kubernetes.io/job-name": "shop-1", "job-name": "shop-1"});
        for (owners, labels, expected) in [
            (owner("uid-1", true), json!({}), true),
            (json!([]), uid.clone(), true),
            (json!([]), name.clone(), false),
            (owner("uid-1", false), name.clone(), false),
            (owner("uid-2", true), uid, false),
        ] {
            assert_eq!(is_left_of(&made(owners.clone(), labels.clone()), "uid-1"), expected, "{owners} {labels}");
        }
    }

    #[test]
    fn an_init_container_that_somebody_put_before_the_runner_is_named() {
        let made = |state: Value, last: Value| {
            pod(json!({"phase": "Pending",
                "initContainerStatuses": [{"name": "istio-init", "state": state, "lastState": last,
                    "image": "", "imageID": "", "ready": false, "restartCount": 0}],
                "containerStatuses": [{"name": "runner", "state": {"waiting": {"reason": "PodInitializing"}},
                    "image": "", "imageID": "", "ready": false, "restartCount": 0}]}))
        };
        let failed = made(exited(1, Some("iptables: no")), json!({}));
        assert_eq!(
            runner_end(&[&failed]),
            RunnerEnd::NeverStarted {
                why: Some("init container \"istio-init\": Error, exit code 1 (iptables: no)".into())
            }
        );
        let image = made(json!({"waiting": {"reason": "ImagePullBackOff", "message": "back-off"}}), json!({}));
        assert_eq!(complaint(&image).as_deref(), Some("init container \"istio-init\": ImagePullBackOff: back-off"));
        assert_eq!(complaint(&made(json!({"running": {}}), json!({}))), None);
        assert_eq!(complaint(&made(exited(0, None), json!({}))), None);
    }

    #[test]
    fn a_job_shows_its_database_and_whether_it_is_suspended() {
        let job: Job = serde_json::from_value(json!({"spec": {"suspend": true, "template": {"spec": {
            "containers": [{"name": "runner", "args": ["runner", "--engine=mysql"]}],
            "volumes": [{"name": "url", "secret": {"secretName": "db", "items": [{"key": "uri", "path": "url"}]}}],
        }}}}))
        .unwrap();
        let database = database(&job).unwrap();
        assert_eq!((database.engine.as_str(), database.url_secret_ref.name.as_str()), ("mysql", "db"));
        assert_eq!(database.url_secret_ref.key, "uri");
        assert!(is_suspended(&job));
    }

    #[test]
    fn the_image_of_a_run_is_that_of_its_pod_and_what_was_asked_for_is_on_its_job() {
        let containers =
            |image: &str| json!({"containers": [{"name": "proxy", "image": "p"}, {"name": "runner", "image": image}]});
        let job = |asked: Option<&str>| -> Job {
            let annotations = asked.map(|asked| json!({"schemaward.dev/runner-image": asked}));
            serde_json::from_value(
                json!({"metadata": {"annotations": annotations}, "spec": {"template": {"spec": containers("r:job")}}}),
            )
            .unwrap()
        };
        let pod: Pod = serde_json::from_value(json!({"spec": containers("r:pod")})).unwrap();
        for (asked, newest, expected) in [
            (Some("r:1"), None, ("r:1", "r:job")),
            (Some("r:1"), Some(&pod), ("r:1", "r:pod")),
            (None, None, ("r:job", "r:job")),
            (None, Some(&pod), ("r:job", "r:pod")),
        ] {
            let found = image(&job(asked), newest);
            assert_eq!((found.asked.as_str(), found.given.as_str()), expected, "{asked:?} {newest:?}");
        }
    }

    #[test]
    fn a_pod_that_the_cluster_took_away_says_so_and_else_its_job_does() {
        let failed = |reason: &str| JobEnd::Failed { reason: Some(reason.into()) };
        let evicted = |status: &str| {
            pod(json!({"conditions": [{"type": "DisruptionTarget", "status": status, "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting"}]}))
        };
        let silent = pod(json!({"conditions": [{"type": "DisruptionTarget", "status": "True"}]}));
        let words = Some("EvictionByEvictionAPI: Eviction API: evicting");
        let own =
            pod(json!({"phase": "Failed", "reason": "Evicted", "message": "its local storage exceeds the limit"}));
        for (end, pods, expected) in [
            (failed("PodFailurePolicy"), vec![], Some("DisruptionTarget")),
            (failed("PodFailurePolicy"), vec![&evicted("True")], words),
            (failed("BackoffLimitExceeded"), vec![&own, &evicted("True")], words),
            (failed("BackoffLimitExceeded"), vec![&silent], Some("DisruptionTarget")),
            (failed("BackoffLimitExceeded"), vec![&evicted("False")], None),
            (failed("BackoffLimitExceeded"), vec![&own], None),
            (JobEnd::Complete, vec![], None),
        ] {
            assert_eq!(disruption(&end, &pods).as_deref(), expected, "{end:?} {pods:?}");
        }
    }

    #[test]
    fn a_job_without_a_task_is_of_the_version_before_tasks_and_applies() {
        let job = |task: Option<&str>| -> Job {
            let mut annotations = json!({"schemaward.dev/source-hash": "0f", "schemaward.dev/generation": "3",
                "schemaward.dev/attempt": "2"});
            if let Some(task) = task {
                annotations["schemaward.dev/task"] = json!(task);
            }
            let made = "2026-11-30T12:00:00Z";
            serde_json::from_value(json!({"metadata": {"annotations": annotations, "creationTimestamp": made}}))
                .unwrap()
        };
        let task = |word: Option<&str>| origin(&job(word)).unwrap().task;
        assert_eq!(task(None), Some(Task::Apply));
        assert_eq!(task(Some("Apply")), Some(Task::Apply));
        assert_eq!(task(Some("Plan of the future")), None);
    }

    #[test]
    fn the_last_words_of_an_ended_runner_are_found() {
        let ended = container(json!({"terminated": {"exitCode": 1, "message": "{}", "reason": "Error"}}));
        assert!(has_started(&ended));
        let how = "Error, exit code 1".to_owned();
        assert_eq!(runner_end(&[&ended]), RunnerEnd::Exited { code: 1, message: Some("{}".into()), how });
        let how = |state: Value| match runner_end(&[&container(state)]) {
            RunnerEnd::Exited { how, .. } => how,
            other => panic!("{other:?}"),
        };
        assert_eq!(how(json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})), "OOMKilled, exit code 137");
        assert_eq!(
            how(
                json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "container init was OOM-killed."}})
            ),
            "StartError, exit code 128 (container init was OOM-killed)"
        );
        let evicted = pod(json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}));
        assert_eq!(runner_end(&[&evicted]), RunnerEnd::NeverStarted { why: Some("Evicted, low on memory".into()) });
        assert!(!may_run(&evicted) && may_run(&pod(json!({"phase": "Unknown"}))));
    }

    #[test]
    fn a_job_has_ended_only_when_it_is_complete_or_failed() {
        let job = |conditions: Value| -> Job {
            serde_json::from_value(json!({"status": {"conditions": conditions}})).unwrap()
        };
        assert_eq!(job_end(&job(json!([{"type": "FailureTarget", "status": "True"}]))), None);
        assert_eq!(job_end(&job(json!([{"type": "Failed", "status": "False"}]))), None);
        let late = job_end(&job(json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}])));
        assert_eq!(late, Some(JobEnd::Failed { reason: Some("DeadlineExceeded".into()) }));
        assert_eq!(job_end(&job(json!([{"type": "Complete", "status": "True"}]))), Some(JobEnd::Complete));
    }
}
