//! The Job of a run, and the ConfigMaps of its frozen source, from plain data. Pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMap, ConfigMapProjection, Container, KeyToPath, PodSecurityContext, PodSpec, PodTemplateSpec,
    ProjectedVolumeSource, ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, Volume,
    VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;

use super::decision::RunOrder;
use super::names;
use super::observed::Resource;
use super::task::Task;
use crate::api::{Duration, RETRY_ANNOTATION, SchemaMigration};
use crate::migration::{Checksum, SourceFile};
use crate::policy::as_flag;

/// The runner's container.
pub const CONTAINER: &str = "runner";
/// The condition of a pod that the cluster takes away: eviction, preemption, a drained or lost node. A pod that was
/// evicted for what it used itself does not have it (Kubernetes, "Disruptions").
pub const DISRUPTION: &str = "DisruptionTarget";
/// The user and group of the image (`Dockerfile`).
const USER: i64 = 65_532;
/// The volume with the database's URL.
pub const URL_VOLUME: &str = "url";
/// Where the database's URL lies.
const URL_FOLDER: &str = "/run/schemaward";
/// Where the migrations lie.
const SOURCE_FOLDER: &str = "/migrations";
/// How long a runner that is asked to stop may take to roll back before it is killed, in seconds.
const GRACE_SECONDS: i64 = 60;
/// What the Job may take beyond the run's own deadline, in seconds: to be scheduled, to pull its image, to roll
/// back. So the runner ends first and says why; the Job's deadline is for one that cannot.
const DEADLINE_MARGIN: i64 = 180;
/// How long a run waits for another one's lock in the database, in seconds. Then it ends, and another attempt follows
/// that does not count; so waiting never takes more than half of the run's own time.
const LOCK_WAIT: i64 = 600;

/// The Job that executes a run.
#[must_use]
pub fn job(resource: &Resource, order: &RunOrder, image: &str) -> Job {
    let spec = &resource.spec.job;
    let mut labels = spec.labels.clone();
    labels.extend(names::labels(&resource.name));
    let mut annotations = spec.annotations.clone();
    annotations.extend(run_annotations(resource, order, image));
    let metadata = ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() };
    Job {
        metadata: ObjectMeta {
            name: Some(order.name.clone()),
            namespace: Some(resource.namespace.clone()),
            owner_references: Some(vec![owner(resource)]),
            ..metadata.clone()
        },
        spec: Some(JobSpec {
            active_deadline_seconds: Some(seconds(&resource.spec.active_deadline).saturating_add(DEADLINE_MARGIN)),
            backoff_limit: Some(0),
            pod_failure_policy: Some(fail_by_disruption()),
            pod_replacement_policy: Some("Failed".to_owned()),
            template: PodTemplateSpec { metadata: Some(metadata), spec: Some(pod_spec(resource, order, image)) },
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// Has the Job say in its condition that the cluster took its pod away: the pod itself may be gone when that is read.
/// Any other failure ends the Job, too, by its backoff limit.
fn fail_by_disruption() -> PodFailurePolicy {
    let condition = PodFailurePolicyOnPodConditionsPattern { type_: DISRUPTION.to_owned(), status: "True".to_owned() };
    let rule = PodFailurePolicyRule {
        action: "FailJob".to_owned(),
        on_exit_codes: None,
        on_pod_conditions: Some(vec![condition]),
    };
    PodFailurePolicy { rules: vec![rule] }
}

/// A part of a frozen source.
#[must_use]
pub fn frozen(resource: &Resource, hash: &Checksum, part: usize, files: &[&SourceFile]) -> ConfigMap {
    let mut data = BTreeMap::new();
    let mut binary = BTreeMap::new();
    for file in files {
        match std::str::from_utf8(&file.bytes) {
            Ok(text) => {
                data.insert(file.name.clone(), text.to_owned());
            }
            Err(_) => {
                binary.insert(file.name.clone(), ByteString(file.bytes.clone()));
            }
        }
    }
    let annotation = (names::SOURCE_HASH_ANNOTATION.to_owned(), hash.as_str().to_owned());
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(names::frozen_name(&resource.name, &resource.uid, hash, part)),
            namespace: Some(resource.namespace.clone()),
            labels: Some(names::labels(&resource.name)),
            annotations: Some(BTreeMap::from([annotation])),
            owner_references: Some(vec![owner(resource)]),
            ..ObjectMeta::default()
        },
        data: (!data.is_empty()).then_some(data),
        binary_data: (!binary.is_empty()).then_some(binary),
        immutable: Some(true),
    }
}

/// The resource as the controller of what is made for it, so that it goes when the resource goes.
pub fn owner(resource: &Resource) -> OwnerReference {
    OwnerReference {
        api_version: SchemaMigration::api_version(&()).into_owned(),
        kind: SchemaMigration::kind(&()).into_owned(),
        name: resource.name.clone(),
        uid: resource.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// What a later pass, or another operator, needs to take the run over from the Job alone.
fn run_annotations(resource: &Resource, order: &RunOrder, image: &str) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([
        (names::UNCOUNTED_ANNOTATION.to_owned(), order.uncounted.to_string()),
        (names::IMAGE_ANNOTATION.to_owned(), image.to_owned()),
        (names::SOURCE_HASH_ANNOTATION.to_owned(), order.source_hash.as_str().to_owned()),
        (names::GENERATION_ANNOTATION.to_owned(), resource.generation.to_string()),
        (names::ATTEMPT_ANNOTATION.to_owned(), order.attempt.to_string()),
        // Always there, so that spec.job.annotations cannot say another.
        (names::TASK_ANNOTATION.to_owned(), order.task.as_str().to_owned()),
    ]);
    if let Some(token) = &order.retry_token {
        annotations.insert(RETRY_ANNOTATION.to_owned(), token.clone());
    }
    annotations
}

fn seconds(duration: &Duration) -> i64 {
    const FALLBACK: u64 = 4 * 3600;
    i64::try_from(duration.parse().map_or(FALLBACK, |time| time.as_secs())).unwrap_or(i64::MAX)
}

/// A pod that the *restricted* Pod Security Standard lets in: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.
fn pod_spec(resource: &Resource, order: &RunOrder, image: &str) -> PodSpec {
    let spec = &resource.spec.job;
    PodSpec {
        affinity: spec.affinity.clone(),
        automount_service_account_token: Some(false),
        containers: vec![container(resource, order, image)],
        enable_service_links: Some(false),
        image_pull_secrets: (!spec.image_pull_secrets.is_empty()).then(|| spec.image_pull_secrets.clone()),
        node_selector: (!spec.node_selector.is_empty()).then(|| spec.node_selector.clone()),
        priority_class_name: spec.priority_class_name.clone(),
        restart_policy: Some("Never".to_owned()),
        security_context: Some(PodSecurityContext {
            fs_group: Some(USER),
            run_as_group: Some(USER),
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        service_account_name: spec.service_account_name.clone(),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        tolerations: (!spec.tolerations.is_empty()).then(|| spec.tolerations.clone()),
        volumes: Some(vec![url_volume(resource), source_volume(order)]),
        ..PodSpec::default()
    }
}

fn container(resource: &Resource, order: &RunOrder, image: &str) -> Container {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        args: Some(arguments(resource, order)),
        resources: Some(resource.spec.job.resources.clone().unwrap_or_else(default_resources)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        termination_message_path: Some("/dev/termination-log".to_owned()),
        termination_message_policy: Some("File".to_owned()),
        volume_mounts: Some(vec![mount(URL_VOLUME, URL_FOLDER), mount("migrations", SOURCE_FOLDER)]),
        ..Container::default()
    }
}

fn arguments(resource: &Resource, order: &RunOrder) -> Vec<String> {
    match order.task {
        Task::Apply => apply_arguments(resource, order),
    }
}

fn apply_arguments(resource: &Resource, order: &RunOrder) -> Vec<String> {
    let spec = &resource.spec;
    let url_file = format!("{URL_FOLDER}/url");
    let lock_wait = format!("{}ms", (seconds(&spec.active_deadline).saturating_mul(500)).min(LOCK_WAIT * 1000));
    let flags = [
        ("--engine", spec.database.engine.as_str()),
        ("--url-file", url_file.as_str()),
        ("--dir", SOURCE_FOLDER),
        ("--source-hash", order.source_hash.as_str()),
        ("--run", order.name.as_str()),
        ("--target", spec.target_version.0.as_str()),
        ("--gaps", &as_flag(&spec.source.gaps)),
        ("--out-of-order", &as_flag(&spec.out_of_order)),
        ("--already-exists", &as_flag(&spec.already_exists)),
        ("--lock-timeout", spec.lock_timeout.as_str()),
        ("--lock-wait", lock_wait.as_str()),
        ("--deadline", spec.active_deadline.as_str()),
        ("--history-schema", spec.history.schema.as_str()),
        ("--summary-file", "/dev/termination-log"),
    ];
    // `--flag=value`, so that no value can be taken for a flag.
    let flags = flags.into_iter().map(|(flag, value)| format!("{flag}={value}"));
    let ignores = spec.history.ignore_foreign.then(|| "--ignore-foreign-history".to_owned());
    std::iter::once("runner".to_owned()).chain(flags).chain(ignores).collect()
}

/// What the runner itself needs. The database does the work.
fn default_resources() -> ResourceRequirements {
    let quantity = |name: &str, amount: &str| (name.to_owned(), Quantity(amount.to_owned()));
    ResourceRequirements {
        requests: Some([quantity("cpu", "50m"), quantity("memory", "64Mi")].into()),
        limits: Some([quantity("memory", "256Mi")].into()),
        claims: None,
    }
}

/// The one key of the Secret, as a file that the runner's group may read.
fn url_volume(resource: &Resource) -> Volume {
    let secret = &resource.spec.database.url_secret_ref;
    Volume {
        name: URL_VOLUME.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.name.clone()),
            items: Some(vec![KeyToPath { key: secret.key.clone(), path: "url".to_owned(), mode: None }]),
            default_mode: Some(0o440),
            optional: None,
        }),
        ..Volume::default()
    }
}

/// All parts of the frozen source in one folder.
fn source_volume(order: &RunOrder) -> Volume {
    let projection = |name: &String| VolumeProjection {
        config_map: Some(ConfigMapProjection { name: name.clone(), ..ConfigMapProjection::default() }),
        ..VolumeProjection::default()
    };
    Volume {
        name: "migrations".to_owned(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(0o444),
            sources: Some(order.frozen.iter().map(projection).collect()),
        }),
        ..Volume::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Task, frozen, job};
    use crate::api::{SchemaMigrationSpec, SchemaMigrationStatus};
    use crate::migration::{Checksum, SourceFile};
    use crate::operator::decision::RunOrder;
    use crate::operator::observed::Resource;

    fn resource(spec: Value) -> Resource {
        let spec: SchemaMigrationSpec = serde_json::from_value(spec).unwrap();
        Resource {
            name: "shop".into(),
            namespace: "shops".into(),
            uid: "uid-1".into(),
            generation: 3,
            deleting: false,
            has_finalizer: true,
            retry_token: None,
            spec,
            status: SchemaMigrationStatus::default(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better without a reference")]
    fn spec(job: Value) -> Value {
        json!({
            "database": {"engine": "postgres", "urlSecretRef": {"name": "shop-db", "key": "uri"}},
            "source": {"configMaps": [{"name": "shop"}]},
            "targetVersion": "007", "lockTimeout": "2s", "activeDeadline": "1h", "history": {"schema": "ledger"},
            "job": job,
        })
    }

    fn built(spec: Value) -> Value {
        let order = RunOrder {
            task: Task::Apply,
            name: "shop-0-1".into(),
            attempt: 1,
            uncounted: 2,
            source_hash: Checksum::of(b"source"),
            retry_token: None,
            frozen: vec!["part-0".into(), "part-1".into()],
        };
        serde_json::to_value(job(&resource(spec), &order, "schemaward:1")).unwrap()
    }

    #[test]
    fn the_pod_passes_the_restricted_standard_and_has_no_token() {
        let job = built(spec(json!({})));
        let pod = &job["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        for (path, expected) in [
            (&pod["securityContext"]["runAsNonRoot"], json!(true)),
            (&pod["securityContext"]["seccompProfile"]["type"], json!("RuntimeDefault")),
            (&pod["automountServiceAccountToken"], json!(false)),
            (&pod["restartPolicy"], json!("Never")),
            (&container["securityContext"]["allowPrivilegeEscalation"], json!(false)),
            (&container["securityContext"]["capabilities"]["drop"], json!(["ALL"])),
            (&container["securityContext"]["readOnlyRootFilesystem"], json!(true)),
            (&job["spec"]["backoffLimit"], json!(0)),
            (&job["spec"]["podReplacementPolicy"], json!("Failed")),
            (&job["spec"]["activeDeadlineSeconds"], json!(3600 + 180)),
        ] {
            assert_eq!(path, &expected);
        }
    }

    #[test]
    fn the_url_is_mounted_from_its_one_key_and_in_no_argument_or_variable() {
        let pod = built(spec(json!({})))["spec"]["template"]["spec"].clone();
        assert_eq!(pod["volumes"][0]["secret"]["items"], json!([{"key": "uri", "path": "url"}]));
        assert_eq!(pod["volumes"][0]["secret"]["defaultMode"], json!(0o440));
        assert_eq!(pod["containers"][0].get("env"), None);
        let sources = &pod["volumes"][1]["projected"]["sources"];
        assert_eq!(sources, &json!([{"configMap": {"name": "part-0"}}, {"configMap": {"name": "part-1"}}]));
    }

    #[test]
    fn the_runner_gets_what_the_spec_says() {
        let arguments = built(spec(json!({})))["spec"]["template"]["spec"]["containers"][0]["args"].clone();
        let arguments: Vec<String> = serde_json::from_value(arguments).unwrap();
        assert_eq!(arguments[0], "runner");
        for flag in ["--target=007", "--lock-timeout=2s", "--deadline=1h", "--history-schema=ledger", "--run=shop-0-1"]
        {
            assert!(arguments.contains(&flag.to_owned()), "{flag} in {arguments:?}");
        }
        assert!(!arguments.iter().any(|argument| argument.contains("foreign")), "{arguments:?}");
    }

    /// Otherwise a run would spend its own time on another's.
    #[test]
    fn a_run_waits_for_another_ones_lock_for_ten_minutes_or_half_its_time() {
        for (deadline, wait) in [("1h", "600000ms"), ("20m", "600000ms"), ("5m", "150000ms"), ("1s", "500ms")] {
            let mut spec = spec(json!({}));
            spec["activeDeadline"] = json!(deadline);
            let arguments = &built(spec)["spec"]["template"]["spec"]["containers"][0]["args"];
            let expected = json!(format!("--lock-wait={wait}"));
            assert!(arguments.as_array().unwrap().contains(&expected), "{deadline}: {arguments}");
        }
    }

    #[test]
    fn a_job_says_when_the_cluster_took_its_pod_away_which_image_was_asked_for_and_what_did_not_count() {
        let job = built(spec(json!({"annotations": {"schemaward.dev/runner-image": "other"}})));
        let rule = &job["spec"]["podFailurePolicy"]["rules"][0];
        assert_eq!(rule["action"], json!("FailJob"));
        assert_eq!(rule["onPodConditions"], json!([{"type": "DisruptionTarget", "status": "True"}]));
        let annotations = &job["metadata"]["annotations"];
        assert_eq!(annotations["schemaward.dev/runner-image"], json!("schemaward:1"));
        assert_eq!(annotations["schemaward.dev/uncounted-attempts"], json!("2"));
    }

    #[test]
    fn another_tool_s_history_is_passed_over_only_where_the_spec_says_so() {
        let mut spec = spec(json!({}));
        spec["history"]["ignoreForeign"] = json!(true);
        let arguments = &built(spec)["spec"]["template"]["spec"]["containers"][0]["args"];
        assert!(arguments.as_array().unwrap().contains(&json!("--ignore-foreign-history")), "{arguments}");
    }

    #[test]
    fn the_job_section_of_the_spec_is_honoured_but_cannot_take_our_labels_away() {
        let job = built(spec(json!({
            "labels": {"team": "a", "app.kubernetes.io/managed-by": "me"},
            "annotations": {"note": "b", "schemaward.dev/attempt": "9", "schemaward.dev/task": "Plan"},
            "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "db"}], "priorityClassName": "high",
            "serviceAccountName": "migrator", "imagePullSecrets": [{"name": "pull"}],
            "resources": {"limits": {"memory": "1Gi"}},
        })));
        let template = &job["spec"]["template"];
        let labels = &template["metadata"]["labels"];
        assert_eq!((&labels["team"], &labels["app.kubernetes.io/managed-by"]), (&json!("a"), &json!("schemaward")));
        let annotations = &template["metadata"]["annotations"];
        assert_eq!((&annotations["note"], &annotations["schemaward.dev/attempt"]), (&json!("b"), &json!("1")));
        assert_eq!(annotations["schemaward.dev/task"], json!("Apply"));
        let pod = &template["spec"];
        assert_eq!(pod["nodeSelector"], json!({"disk": "ssd"}));
        assert_eq!(pod["tolerations"], json!([{"key": "db"}]));
        assert_eq!(pod["priorityClassName"], json!("high"));
        assert_eq!(pod["serviceAccountName"], json!("migrator"));
        assert_eq!(pod["imagePullSecrets"], json!([{"name": "pull"}]));
        assert_eq!(pod["containers"][0]["resources"], json!({"limits": {"memory": "1Gi"}}));
    }

    #[test]
    fn a_frozen_part_keeps_every_byte() {
        let (text, binary) = ("ä\r\n\u{feff}".as_bytes().to_vec(), vec![0xff, 0x00]);
        let files = [
            SourceFile { name: "001_text.sql".into(), bytes: text.clone() },
            SourceFile { name: "002_binary.sql".into(), bytes: binary.clone() },
        ];
        let resource = resource(spec(json!({})));
        let map = frozen(&resource, &Checksum::of(b""), 0, &files.iter().collect::<Vec<_>>());
        assert_eq!(map.immutable, Some(true));
        assert_eq!(map.data.unwrap()["001_text.sql"].as_bytes(), text);
        assert_eq!(map.binary_data.unwrap()["002_binary.sql"].0, binary);
    }
}
