//! What `make cluster-up` says about the cluster, read from the environment variables of `.local/cluster.env`.

use std::env;
use std::path::{Path, PathBuf};

use url::Url;

/// The namespace and the labels the chart installs the operator with.
pub const OPERATOR_NAMESPACE: &str = "schemaward-system";
pub const OPERATOR_LABELS: &str = "app.kubernetes.io/name=schemaward";
/// Who the operator is to the API server.
pub const OPERATOR_USER: &str = "system:serviceaccount:schemaward-system:schemaward";

/// The cluster under test.
#[derive(Clone)]
pub struct Environment {
    /// The shared PostgreSQL server as a superuser reaches it from this machine.
    pub postgres_url: Url,
    /// The same server as a pod reaches it.
    pub postgres_pod_url: Url,
    /// The API server's audit log, where the test bed keeps one.
    pub audit_log: Option<PathBuf>,
    /// Whether the bed was made on this machine, so that its processes can be reached.
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

/// A file of the repository.
pub fn repository_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether what a test made stays after it, to be looked at: KEEP=1.
pub fn keep() -> bool {
    env::var("KEEP").is_ok_and(|value| value == "1")
}

/// Short, and different in every call of every process.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos();
    let seed = format!("{} {now} {}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
    schemaward::migration::Checksum::of(seed.as_bytes()).short()[..8].to_owned()
}
