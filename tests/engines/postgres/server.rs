//! A throw-away PostgreSQL server: one for all tests of this binary, more where a test breaks one. It ends with the
//! process that started it, however that ends: its keeper waits for the end of a pipe.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::wait_until;

/// A folder with another PostgreSQL to start servers from, instead of this machine's; see versions.sh.
const PROGRAM: &str = "SCHEMAWARD_TEST_POSTGRES_PROGRAM";

/// Arguments: the servers' binaries, a folder, a port, and whether to remove the folder with the server.
const KEEPER: &str = r#"
set -e
bin=$1 dir=$2 port=$3 keep=$4
cd /
if [ ! -d "$dir/data" ]; then
    mkdir -m 700 "$dir"
    "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync -E UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1
    printf '%s\n' 'host all with_password 127.0.0.1/32 scram-sha-256' >"$dir/hba"
    cat "$dir/data/pg_hba.conf" >>"$dir/hba" && mv "$dir/hba" "$dir/data/pg_hba.conf"
fi
"$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c max_connections=200 -c password_encryption=scram-sha-256 -c track_activity_query_size=65536 -c restart_after_crash=off >>"$dir/log" 2>&1 &
server=$!
echo started
cat >/dev/null || true
kill -INT "$server" 2>/dev/null || true
wait "$server" || true
[ "$keep" = keep ] || rm -rf "$dir"
"#;

pub struct Server {
    folder: PathBuf,
    port: u16,
    keeper: Child,
    /// While it is open, the server lives.
    pipe: Option<ChildStdin>,
}

pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start)
}

impl Server {
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("schemaward-test-{}-{number}", std::process::id()));
        Self::keep(folder, free_port(), "remove")
    }

    /// The same server again, after [`Self::crash`].
    pub fn restart(&self) -> Self {
        Self::keep(self.folder.clone(), self.port, "keep")
    }

    fn keep(folder: PathBuf, port: u16, keep: &str) -> Self {
        let mut command = as_postgres();
        command
            .args(["sh", "-c", KEEPER, "keeper"])
            .arg(server_programs())
            .arg(&folder)
            .args([&port.to_string(), keep]);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "started\n", "see {}/initdb.log", folder.display());
        let pipe = keeper.stdin.take();
        let server = Self { folder, port, keeper, pipe };
        wait_until("the server answers", || server.psql_try("postgres", "select 1").is_ok());
        server
    }

    /// Kills all of the server's processes at once, like a power cut.
    pub fn crash(&self) {
        self.end("-QUIT");
    }

    fn end(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
        // Refusing connections is not enough: while its first process exists, no other server can take over its data.
        let stat = format!("/proc/{pid}/stat");
        wait_until("the server is gone", || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")));
    }

    /// The same server again, as a standby that has no primary any more: it answers queries, and takes no writes.
    pub fn restart_as_standby(&self) -> Self {
        self.end("-INT");
        let signal = self.folder.join("data/standby.signal");
        assert!(as_postgres().arg("touch").arg(signal).status().unwrap().success());
        self.restart()
    }

    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// The URL for another user of the same server.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}/{database}", self.host())
    }

    /// Its data, and its Unix socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether the server notices during a statement that its client is gone, as 14 and later do.
    pub fn notices_gone_clients(&self) -> bool {
        self.psql("postgres", "select current_setting('server_version_num')::int >= 140000") == "t"
    }

    /// Runs SQL; columns are separated by |, rows by line breaks.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.psql_try(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// psql, which prints only rows and stops at the first error.
    pub fn psql_of(&self, database: &str) -> Command {
        let mut command = Command::new(own_programs().join("psql"));
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database)]);
        command
    }

    /// A database as `pg_dump` writes it; None, with a note in the output, where the server is newer than that.
    pub fn dump(&self, database: &str, flags: &[&str]) -> Option<String> {
        let output = Command::new(own_programs().join("pg_dump")).args(flags).arg(self.url(database)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("server version mismatch") {
            eprintln!("skipped: {said}");
            return None;
        }
        assert!(output.status.success(), "{said}");
        Some(String::from_utf8(output.stdout).unwrap())
    }

    pub fn psql_try(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = self.psql_of(database).args(["-c", sql]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.keeper.wait();
    }
}

/// A port that nothing listens on, from below the range that the system assigns: another test's proxy could get one of
/// those before the server has started, or while it restarts.
pub fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let port = 10_240 + u16::try_from(random % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The server refuses to run as root.
pub fn as_postgres() -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return Command::new("env");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    command
}

/// Where initdb and postgres are.
fn server_programs() -> PathBuf {
    let Some(program) = std::env::var_os(PROGRAM) else { return own_programs() };
    let bin = Path::new(&program).join("bin");
    assert!(has(&bin, &["initdb", "postgres"]), "{PROGRAM}: there is no PostgreSQL in {}", bin.display());
    bin
}

/// Where initdb, postgres and psql are: Debian's newest, or wherever PATH has them. One psql works with servers of all
/// versions.
fn own_programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found
        .into_iter()
        .rev()
        .chain(std::env::split_paths(&path))
        .find(|bin| has(bin, &["initdb", "postgres", "psql"]))
        .unwrap_or_else(|| {
            panic!("the tests need PostgreSQL's initdb, postgres and psql (Debian: apt-get install postgresql)")
        })
}

fn has(bin: &Path, programs: &[&str]) -> bool {
    programs.iter().all(|name| bin.join(name).exists())
}
