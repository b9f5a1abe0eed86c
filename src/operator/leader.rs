//! Which of several operators acts. The others stand by. A leader that cannot renew its Lease stops acting before
//! another can get the Lease.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease as Record;
use tracing::{info, warn};

use super::lease::{Claim, LeaseError, Leases, Marks};
use super::observed::Lease;

/// The Lease's name, in the operator's own namespace.
const NAME: &str = "schemaward-operator";
/// How long the Lease holds without being renewed.
const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// After how long without a renewal the leader stops acting. With the longest call (3 s) this stays below
/// [`DURATION`].
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// How often the others look, and how soon a failed renewal is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// The election that this replica takes part in.
pub struct Election<'a> {
    /// Reads and writes the Lease.
    pub leases: &'a Leases,
    /// The operator's own namespace.
    pub namespace: &'a str,
    /// This replica's name; no two may share one.
    pub identity: &'a str,
}

impl Election<'_> {
    /// Waits until this replica leads. Failed calls are logged and repeated.
    pub async fn win(&self) -> Record {
        let mut told = None;
        loop {
            match self.attempt().await {
                Ok(Ok(record)) => {
                    info!(identity = self.identity, "leading");
                    return record;
                }
                Ok(Err(holder)) if told.as_ref() == Some(&holder) => {}
                Ok(Err(holder)) => {
                    info!(identity = self.identity, leader = holder, "standing by");
                    told = Some(holder);
                }
                Err(error) => warn!(%error, "the leader election's Lease cannot be taken yet"),
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    async fn attempt(&self) -> Result<Result<Record, String>, LeaseError> {
        let seen = self.leases.get(self.namespace, NAME).await?;
        match self.leases.look(self.namespace, NAME, seen.as_ref(), self.identity) {
            Lease::Held { holder } => Ok(Err(holder)),
            Lease::Free | Lease::Mine { .. } => {
                let claim = Claim { holder: self.identity, duration: DURATION };
                self.leases.take((self.namespace, NAME), seen.as_ref(), claim, Marks::default()).await.map(Ok)
            }
        }
    }

    /// Renews until that is no longer possible, and returns why. The caller must stop acting then.
    pub async fn hold(&self, record: &mut Record) -> LeaseError {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            loop {
                // Counted from before the call: the API server may have taken it at any time since.
                let asked = Instant::now();
                match self.leases.renew(record).await {
                    Ok(next) => {
                        *record = next;
                        renewed = asked;
                        break;
                    }
                    Err(error @ LeaseError::Lost(_)) => return error,
                    Err(error) if renewed.elapsed() + RETRY_EVERY >= GIVE_UP_AFTER => return error,
                    Err(error) => warn!(%error, "the leader's Lease cannot be renewed yet"),
                }
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    }

    /// Lets another replica lead at once. A failure only costs the others the Lease's duration.
    pub async fn resign(&self, record: &Record) {
        if let Err(error) = self.leases.vacate(record).await {
            warn!(%error, "the leader's Lease could not be given back");
        }
    }
}
