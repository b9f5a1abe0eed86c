//! Leases taken, renewed and released by compare-and-swap: each write holds only if the record is still the
//! one that was read. Used for databases and for the election of a leader.
//!
//! A Lease does not fence: a holder that was paused may wake up after it. The lock and the fence in the
//! database are for that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Record, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::{Api, Client, Config, ResourceExt as _};

use super::observed::Lease;
use super::refusal::{Refusal, words};

/// How long a database's Lease holds without being renewed.
pub const DATABASE_LEASE_DURATION: Duration = Duration::from_secs(30);
/// How long one call may take: far below any Lease's duration, so that a holder knows in time that it failed.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a Lease could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The record was written after we read it.
    #[error("the Lease {0} was written by another in the meantime")]
    Lost(String),
    /// The API server did not answer in time.
    #[error("the API server did not answer about the Lease {0} within {CALL_TIMEOUT:?}")]
    TimedOut(String),
    /// The API server refused or could not be reached.
    #[error("the call for the Lease {name} failed: {}", words(.source))]
    Call {
        name: String,
        /// What the client says.
        #[source]
        source: Box<kube::Error>,
    },
}

impl LeaseError {
    /// What was asked of the cluster in vain.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Call { name, source } => Refusal::new(format!("Lease {name:?}"), source),
            Self::Lost(name) | Self::TimedOut(name) => Refusal::unanswered(format!("Lease {name:?}"), self.to_string()),
        }
    }
}

/// A holder and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub holder: &'a str,
    /// How long it holds without being renewed.
    pub duration: Duration,
}

/// What a Lease carries besides its claim.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    pub labels: BTreeMap<String, String>,
    /// Whose end is its own: a Lease that its holder could not give back goes with the holder.
    pub owner: Option<OwnerReference>,
}

/// Reads and writes Leases with a client of its own, which tries each call once and not for long.
pub struct Leases {
    client: Client,
    sightings: Mutex<HashMap<(String, String), Sighting>>,
}

/// Since when a record has been the same. Clocks differ from machine to machine, so the time in
/// the record says nothing; what counts is when this process saw it change.
struct Sighting {
    version: String,
    since: Instant,
}

impl Leases {
    /// With a client made from `config`, without the retries of kube's own.
    ///
    /// # Errors
    ///
    /// Where no client can be made from it, such as with a certificate that cannot be read.
    pub fn new(config: &Config) -> Result<Self, kube::Error> {
        let mut config = config.clone();
        config.default_retry = false;
        config.connect_timeout = Some(CALL_TIMEOUT);
        Ok(Self { client: Client::try_from(config)?, sightings: Mutex::default() })
    }

    /// The record, if there is one.
    ///
    /// # Errors
    ///
    /// [`LeaseError`]: the call failed.
    pub async fn get(&self, namespace: &str, name: &str) -> Result<Option<Record>, LeaseError> {
        call(name, self.api(namespace).get_opt(name)).await
    }

    /// How a record looks to `me`.
    pub fn look(&self, namespace: &str, name: &str, record: Option<&Record>, me: &str) -> Lease {
        let unchanged = self.unchanged((namespace.to_owned(), name.to_owned()), record, Instant::now());
        view(record, me, unchanged)
    }

    fn unchanged(&self, key: (String, String), record: Option<&Record>, now: Instant) -> Duration {
        // A poisoned map still holds times that only ever grow older.
        let mut sightings = self.sightings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(version) = record.and_then(Record::resource_version) else {
            sightings.remove(&key);
            return Duration::ZERO;
        };
        let sighting = sightings.entry(key).or_insert_with(|| Sighting { version: version.clone(), since: now });
        if sighting.version != version {
            *sighting = Sighting { version, since: now };
        }
        now.duration_since(sighting.since)
    }

    /// Takes a Lease that was seen free, or makes it.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`] where another was faster.
    pub async fn take(
        &self,
        (namespace, name): (&str, &str),
        seen: Option<&Record>,
        claim: Claim<'_>,
        marks: Marks,
    ) -> Result<Record, LeaseError> {
        let now = MicroTime(Timestamp::now());
        let before = seen.and_then(|record| record.spec.as_ref()).and_then(|spec| spec.lease_transitions);
        let spec = LeaseSpec {
            acquire_time: Some(now.clone()),
            holder_identity: Some(claim.holder.to_owned()),
            lease_duration_seconds: Some(i32::try_from(claim.duration.as_secs()).unwrap_or(i32::MAX)),
            lease_transitions: Some(before.map_or(0, |count| count.saturating_add(1))),
            renew_time: Some(now),
            ..LeaseSpec::default()
        };
        let api = self.api(namespace);
        if let Some(seen) = seen {
            let mut record = Record { spec: Some(spec), ..seen.clone() };
            // Otherwise it would be deleted with its previous holder.
            record.metadata.owner_references = marks.owner.map(|owner| vec![owner]);
            if !marks.labels.is_empty() {
                record.metadata.labels = Some(marks.labels);
            }
            return call(name, api.replace(name, &PostParams::default(), &record)).await;
        }
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: (!marks.labels.is_empty()).then_some(marks.labels),
            owner_references: marks.owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        call(name, api.create(&PostParams::default(), &Record { metadata, spec: Some(spec) })).await
    }

    /// Renews a Lease that is ours.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`] where it was written by another.
    pub async fn renew(&self, seen: &Record) -> Result<Record, LeaseError> {
        self.rewrite(seen, |spec| spec.renew_time = Some(MicroTime(Timestamp::now()))).await
    }

    /// Leaves a Lease without a holder.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`] where it was written by another.
    pub async fn vacate(&self, seen: &Record) -> Result<Record, LeaseError> {
        self.rewrite(seen, |spec| spec.holder_identity = None).await
    }

    /// Removes a Lease that is ours.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`] where it was written by another.
    pub async fn remove(&self, seen: &Record) -> Result<(), LeaseError> {
        let (namespace, name) = (seen.namespace().unwrap_or_default(), seen.name_any());
        let preconditions = Preconditions { uid: seen.uid(), resource_version: seen.resource_version() };
        let parameters = DeleteParams::default().preconditions(preconditions);
        match call(&name, self.api(&namespace).delete(&name, &parameters)).await {
            Err(LeaseError::Call { source, .. }) if is_code(&source, 404) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn rewrite(&self, seen: &Record, change: impl FnOnce(&mut LeaseSpec)) -> Result<Record, LeaseError> {
        let (namespace, name) = (seen.namespace().unwrap_or_default(), seen.name_any());
        let mut record = seen.clone();
        change(record.spec.get_or_insert_default());
        call(&name, self.api(&namespace).replace(&name, &PostParams::default(), &record)).await
    }

    fn api(&self, namespace: &str) -> Api<Record> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// How a record that has not changed for a while looks to `me`.
fn view(record: Option<&Record>, me: &str, unchanged: Duration) -> Lease {
    let Some(spec) = record.and_then(|record| record.spec.as_ref()) else { return Lease::Free };
    let Some(holder) = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty()) else { return Lease::Free };
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    // We never ask for longer: a record that does was written by somebody else, and would block for years.
    let duration = seconds.map_or(DATABASE_LEASE_DURATION, Duration::from_secs).min(DATABASE_LEASE_DURATION);
    if holder == me {
        Lease::Mine { unrenewed: unchanged }
    } else if unchanged >= duration {
        Lease::Free
    } else {
        Lease::Held { holder: holder.to_owned() }
    }
}

async fn call<T>(name: &str, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, LeaseError> {
    match tokio::time::timeout(CALL_TIMEOUT, request).await {
        Err(_) => Err(LeaseError::TimedOut(name.to_owned())),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if is_code(&error, 409) => Err(LeaseError::Lost(name.to_owned())),
        Ok(Err(error)) => Err(LeaseError::Call { name: name.to_owned(), source: Box::new(error) }),
    }
}

fn is_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::coordination::v1::{Lease as Record, LeaseSpec};

    use super::view;
    use crate::operator::observed::Lease;

    fn held_by(holder: Option<&str>) -> Record {
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: Some(30),
            ..LeaseSpec::default()
        };
        Record { spec: Some(spec), ..Record::default() }
    }

    #[test]
    fn anothers_lease_is_free_only_after_we_have_seen_it_unchanged_for_its_whole_duration() {
        let record = held_by(Some("blog"));
        for (seconds, expected) in [(0, Lease::Held { holder: "blog".into() }), (30, Lease::Free)] {
            assert_eq!(view(Some(&record), "shop", Duration::from_secs(seconds)), expected, "{seconds}");
        }
        let mine = view(Some(&record), "blog", Duration::from_secs(40));
        assert_eq!(mine, Lease::Mine { unrenewed: Duration::from_secs(40) });
    }

    #[test]
    fn no_record_and_no_holder_are_free() {
        for record in [None, Some(held_by(None)), Some(held_by(Some("")))] {
            assert_eq!(view(record.as_ref(), "shop", Duration::ZERO), Lease::Free);
        }
    }
}
