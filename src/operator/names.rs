//! Names and labels of everything the operator makes. Deterministic, so that after a crash between any two
//! writes the next pass names the same objects. Pure.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::task::Task;
use crate::api::DatabaseSpec;
use crate::migration::Checksum;

/// The label that says who made an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value on all that the operator makes.
pub const MANAGED_BY: &str = "schemaward";
/// The label that says for which resource an object was made.
pub const MIGRATION_LABEL: &str = "schemaward.dev/migration";
/// The Job's annotation with the source's SHA-256; on frozen ConfigMaps too.
pub const SOURCE_HASH_ANNOTATION: &str = "schemaward.dev/source-hash";
/// The Job's annotation with the resource's generation.
pub const GENERATION_ANNOTATION: &str = "schemaward.dev/generation";
/// The Job's annotation with the attempt's number.
pub const ATTEMPT_ANNOTATION: &str = "schemaward.dev/attempt";
/// The Job's annotation with the number of attempts before it that do not count against the limit.
pub const UNCOUNTED_ANNOTATION: &str = "schemaward.dev/uncounted-attempts";
/// The Job's annotation with the runner's image as the operator asked for it. An admission policy may set another.
pub const IMAGE_ANNOTATION: &str = "schemaward.dev/runner-image";

/// The Job's annotation with what the run is for. Absent on Jobs of the versions before tasks, which applied.
pub const TASK_ANNOTATION: &str = "schemaward.dev/task";

/// What a hashed retry annotation begins with.
const TOKEN_PREFIX: &str = "sha256:";
/// Room for the resource's name in a Job's name. With the key, the attempt and the pod's suffix the whole
/// stays a DNS label of 63 characters.
const JOB_STEM: usize = 38;
/// Room for the resource's name in a frozen ConfigMap's name.
const FROZEN_STEM: usize = 200;
/// A label's value has at most 63 characters (Kubernetes, "Labels and Selectors").
const LABEL_LIMIT: usize = 63;

/// What one run, with its retries, does and verifies: a task, a generation of a resource, a content of its source, and
/// the answer to one value of the retry annotation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunKey {
    stem: String,
    digest: String,
    /// What its runs are for.
    pub task: Task,
    /// SHA-256 of the source's content.
    pub source_hash: Checksum,
}

impl RunKey {
    /// The key of a task for a resource, by name and UID, as it is now.
    #[must_use]
    pub fn new(
        task: Task,
        (name, uid): (&str, &str),
        generation: i64,
        source_hash: &Checksum,
        retry_token: Option<&str>,
    ) -> Self {
        let generation = generation.to_string();
        let mut parts = vec![uid, &generation, source_hash.as_str(), retry_token.unwrap_or_default()];
        parts.extend(task.in_names());
        let digest = digest(&parts);
        Self { stem: stem(name, JOB_STEM), digest: cut(&digest, 8).to_owned(), task, source_hash: source_hash.clone() }
    }

    /// The Job's name for an attempt, which is the run's name too.
    #[must_use]
    pub fn run_name(&self, attempt: i32) -> String {
        format!("{}-{}-{attempt}", self.stem, self.digest)
    }

    /// The attempt's number where the run was made for this key.
    #[must_use]
    pub fn attempt_of(&self, run: &str) -> Option<i32> {
        let attempt = run.strip_prefix(&self.stem)?.strip_prefix('-')?;
        attempt.strip_prefix(&self.digest)?.strip_prefix('-')?.parse().ok()
    }
}

/// The name of a part of a frozen source. It carries the content's hash and the owner's, so that a resource
/// that was deleted and made again does not take over what is about to be collected.
#[must_use]
pub fn frozen_name(resource: &str, uid: &str, source_hash: &Checksum, part: usize) -> String {
    let owner = digest(&[uid]);
    format!("{}-{}-{}-{part}", stem(resource, FROZEN_STEM), source_hash.short(), cut(&owner, 6))
}

/// The name of a database's Lease. Two resources that name the same Secret and key mean the same database.
#[must_use]
pub fn database_lease(database: &DatabaseSpec) -> String {
    let secret = &database.url_secret_ref;
    let digest = Checksum::of(format!("{}\0{}\0{}", database.engine.as_str(), secret.name, secret.key).as_bytes());
    format!("schemaward-db-{}", digest.short())
}

/// The value of [`MIGRATION_LABEL`]: the resource's name, or a hash of it where a label cannot hold it.
#[must_use]
pub fn migration_label(resource: &str) -> String {
    if resource.len() <= LABEL_LIMIT { resource.to_owned() } else { digest(&[resource])[..40].to_owned() }
}

/// The labels of everything the operator makes for a resource.
#[must_use]
pub fn labels(resource: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned()),
        (MIGRATION_LABEL.to_owned(), migration_label(resource)),
    ])
}

/// Selects everything the operator made for a resource.
#[must_use]
pub fn selector(resource: &str) -> String {
    format!("{MANAGED_BY_LABEL}={MANAGED_BY},{MIGRATION_LABEL}={}", migration_label(resource))
}

/// SHA-256 in hex over texts that cannot run into each other.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{:x}", hash.finalize())
}

/// What is kept of the retry annotation's value: a hash, since the value may be as long as 256 KiB.
#[must_use]
pub fn token(annotation: &str) -> String {
    format!("{TOKEN_PREFIX}{}", cut(&digest(&["retry", annotation]), 16))
}

/// The same where a run has answered an annotation. An older operator kept the value itself; it is answered then.
#[must_use]
pub fn token_beside(annotation: &str, answered: Option<&str>) -> String {
    match answered {
        Some(kept) if kept == annotation && !is_token(kept) => kept.to_owned(),
        _ => token(annotation),
    }
}

/// Whether a text has the form that [`token`] gives.
fn is_token(text: &str) -> bool {
    let digits = text.strip_prefix(TOKEN_PREFIX).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The start of a name that may be followed by `-` and more: a DNS label without dots.
fn stem(name: &str, room: usize) -> String {
    cut(&name.replace('.', "-"), room).trim_end_matches('-').to_owned()
}

/// At most `length` bytes of a text that is ASCII.
fn cut(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{RunKey, Task, database_lease, frozen_name, migration_label};
    use crate::api::{DatabaseSpec, Engine, SecretKeyReference};
    use crate::migration::Checksum;

    fn key(name: &str) -> RunKey {
        of(name, "uid-1", 3, b"source", None)
    }

    fn of(name: &str, uid: &str, generation: i64, source: &[u8], token: Option<&str>) -> RunKey {
        RunKey::new(Task::Apply, (name, uid), generation, &Checksum::of(source), token)
    }

    /// Of these the version before tasks has made Jobs, and statuses that say Ready.
    #[test]
    fn the_names_of_runs_that_apply_stay_as_they_were_before_tasks() {
        assert_eq!(key("shop").run_name(12), "shop-1bdccb00-12");
        assert_eq!(of("shop", "uid-1", 3, b"source", Some("x")).run_name(1), "shop-8f04d86e-1");
    }

    #[test]
    fn a_runs_name_leads_back_to_its_attempt_and_to_no_other_key() {
        let name = key("shop").run_name(12);
        assert_eq!(key("shop").attempt_of(&name), Some(12));
        for other in [
            of("shop", "uid-1", 4, b"source", None),
            of("shop", "uid-1", 3, b"other", None),
            of("shop", "uid-1", 3, b"source", Some("x")),
            of("shop", "uid-2", 3, b"source", None),
        ] {
            assert_eq!(other.attempt_of(&name), None, "{other:?}");
        }
    }

    #[test]
    fn the_longest_resource_name_still_gives_a_dns_label_with_room_for_the_pods_suffix() {
        let name = key(&format!("{}.{}", "a".repeat(37), "b".repeat(200))).run_name(i32::MAX);
        assert!(name.len() <= 58, "{name}");
        assert!(!name.contains('.') && !name.contains("--"), "{name}");
        assert!(frozen_name(&"c".repeat(253), "uid", &Checksum::of(b""), 99).len() <= 253);
        assert_eq!(migration_label(&"d".repeat(64)).len(), 40);
    }

    #[test]
    fn a_database_is_known_by_its_secret_and_key() {
        let named = |name: &str, key: &str| {
            let url_secret_ref = SecretKeyReference { name: name.into(), key: key.into() };
            database_lease(&DatabaseSpec { engine: Engine::Postgres, url_secret_ref })
        };
        assert_eq!(named("shop-db", "url"), named("shop-db", "url"));
        assert_ne!(named("shop-db", "url"), named("shop-d", "burl"));
        assert_eq!(named("shop-db", "url").len(), "schemaward-db-".len() + 16);
    }
}
