//! A server for one test, started by the project's script. It is removed when the test's process ends, however that
//! ends: its keeper waits for the end of a pipe.

use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Output, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testbed/servers/servers.sh");

pub struct Server {
    name: String,
    /// A superuser's URL, without a database.
    url: String,
    keeper: Child,
    /// While it is open, the server stays.
    pipe: Option<ChildStdin>,
}

impl Server {
    /// `engine` and `label` as in the script's names.
    pub fn start(engine: &str, label: &str) -> Self {
        let name = format!("{engine}-{label}-{}", std::process::id());
        let mut keeper = Command::new("sh");
        keeper.args(["-c", "cat >/dev/null || true; \"$1\" remove \"$2\"", "keeper", SCRIPT, &name]);
        // In a process group of its own, so that Ctrl-C in the terminal does not reach it.
        keeper.process_group(0);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pipe = keeper.stdin.take();
        let started = script("start", &name);
        let url = started.lines().find_map(|line| line.strip_prefix("URL=")).expect("a URL");
        let (url, _) = url.rsplit_once('/').expect("a database");
        Self { url: url.to_owned(), name, keeper, pipe }
    }

    /// The script's name for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SIGKILL to all its processes.
    pub fn kill(&self) {
        script("kill", &self.name);
    }

    pub fn start_again(&self) {
        script("start", &self.name);
    }

    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.keeper.wait();
    }
}

pub fn script(action: &str, name: &str) -> String {
    let Output { status, stdout, stderr } = Command::new(SCRIPT).args([action, name]).output().unwrap();
    assert!(status.success(), "{action} {name}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
