//! What `make cluster-up` reports about the cluster, from the variables in `.local/cluster.env`.

use std::env;
use std::path::{Path, PathBuf};

use url::Url;

/// The chart's namespace for the operator.
pub const OPERATOR_NAMESPACE: &str = "schemaward-system";
pub const OPERATOR_LABELS: &str = "app.kubernetes.io/name=schemaward";
/// The operator's user name at the API server.
pub const OPERATOR_USER: &str = "system:serviceaccount:schemaward-system:schemaward";

#[derive(Clone)]
pub struct Environment {
    /// The shared PostgreSQL server, for a superuser on this machine.
    pub postgres_url: Url,
    /// The same server, for a pod.
    pub postgres_pod_url: Url,
    /// The API server's audit log, if the test bed keeps one.
    pub audit_log: Option<PathBuf>,
    /// Whether the bed is on this machine, so that its processes can be reached.
    pub local: bool,
}

impl Environment {
    pub fn read() -> Self {
        Self {
            postgres_url: variable("POSTGRES_URL").parse().expect("POSTGRES_URL"),
            postgres_pod_url: variable("POSTGRES_POD_URL").parse().expect("POSTGRES_POD_URL"),
            audit_log: env::var_os("AUDIT_LOG").map(PathBuf::from),
            local: env::var("BED_KIND").map_or(env::var_os("AUDIT_LOG").is_some(), |kind| kind != "existing"),
        }
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: make cluster-up, then . .local/cluster.env"))
}

pub fn repository_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether to keep what a test creates, to look at it afterwards: KEEP=1.
pub fn keep() -> bool {
    env::var("KEEP").is_ok_and(|value| value == "1")
}

/// A short text that is different at every call in every process.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos();
    let seed = format!("{} {now} {}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
    schemaward::migration::Checksum::of(seed.as_bytes()).short()[..8].to_owned()
}
