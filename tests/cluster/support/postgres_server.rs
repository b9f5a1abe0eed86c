//! A PostgreSQL server for one test, which can stop and restart it.

use std::process::Command;

use url::Url;

use super::environment::{repository_file, unique};

/// A server started by `testbed/cluster/postgres.sh`; removed when dropped.
pub struct PostgresServer {
    name: String,
    /// For a superuser, from this machine and from pods alike.
    pub url: Url,
}

impl PostgresServer {
    pub fn start_new() -> Self {
        let name = format!("test-{}", unique());
        let url = start(&name);
        Self { name, url }
    }

    /// Kills it at once, as a power cut would, without a shutdown.
    pub fn stop(&self) {
        script(&["stop", &self.name, "immediate"]);
    }

    pub fn start(&self) {
        start(&self.name);
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if !super::environment::keep() {
            script(&["remove", &self.name]);
        }
    }
}

fn start(name: &str) -> Url {
    let output = script(&["start", name]);
    let url = output.lines().find_map(|line| line.strip_prefix("URL="));
    url.unwrap_or_else(|| panic!("no URL= in:\n{output}")).parse().expect("a URL")
}

fn script(arguments: &[&str]) -> String {
    let path = repository_file("testbed/cluster/postgres.sh");
    let output = Command::new(&path).args(arguments).output().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let problem = || format!("{arguments:?}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() || std::thread::panicking(), "{}", problem());
    text(&output.stdout)
}
