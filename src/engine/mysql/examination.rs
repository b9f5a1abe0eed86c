//! Examines a database step by step, each step asking for no more than the ones before it. Writes nothing, and keeps no
//! lock.

use sqlx::mysql::MySqlSslMode;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Mysql;
use super::literal::text;
use super::rows::value;
use super::server::ServerVersion;
use super::session::MysqlSession;
use crate::engine::examination::{Check, CheckName, Outcome};
use crate::engine::session::{Database, Session, SessionError};
use crate::engine::shared::connecting::CONNECT_TIMEOUT;
use crate::engine::shared::examination_steps::{POOLER_WAIT, Step, nobody_holds, not_ok, noted, ok, reach, settled};
use crate::engine::shared::spoilt;
use crate::report::{Failure, Reason};
use crate::sql::Dialect;

/// The flag of a server that offers TLS, in the lower half of its capabilities.
/// Source: MySQL, "Capabilities Flags", `CLIENT_SSL`.
const OFFERS_TLS: u16 = 0x0800;
/// What the ledger's tables ask of a user's rights.
const RIGHTS: [&str; 4] = ["CREATE", "INSERT", "SELECT", "UPDATE"];

impl Mysql {
    /// Examines the database: name, port, TLS, login, version, rights, lock, pooler. A step that fails ends those
    /// that need it; they are reported as skipped.
    pub(super) async fn examine_steps(&self) -> Vec<Check> {
        let mut found = Vec::new();
        let mut note = |name, outcome| found.push(Check { name, outcome });
        note(CheckName::Url, ok(format!("{}, as the user {}", self.address, self.address.user())));
        if let Some(session) = self.reach(&mut note).await {
            self.look_around(session, &mut note).await;
        }
        Check::with_skipped(found, "an earlier step failed")
    }

    /// From the host's name to a session.
    async fn reach(&self, note: &mut impl FnMut(CheckName, Outcome)) -> Option<MysqlSession> {
        let options = &self.address.options;
        let server = (options.get_host(), options.get_port());
        let tls = async |stream| offered_tls(stream, options.get_ssl_mode()).await;
        reach(note, options.get_socket().map(AsRef::as_ref), server, tls).await?;
        let opened = self.connect().await.map(|session| (session, format!("as {}", self.address.user())));
        noted(note, CheckName::Login, opened.map_err(|error| login_refused(&error.failure)))
    }

    /// What a session shows.
    async fn look_around(&self, mut session: MysqlSession, note: &mut impl FnMut(CheckName, Outcome)) {
        note(CheckName::ServerVersion, version(&session.server.version, self.address.dialect));
        note(CheckName::Writable, settled(writable(&mut session).await));
        note(CheckName::LedgerRights, settled(self.rights(&mut session).await));
        note(CheckName::Lock, settled(lock(&mut session).await));
        note(CheckName::Pooler, self.pooler(&mut session).await);
        note(CheckName::StoredObjects, settled(stored_objects(&mut session).await));
        session.close().await;
    }

    /// Whether the user may read and write the ledger, or make it.
    async fn rights(&self, session: &mut MysqlSession) -> Step<String> {
        let user = self.address.user();
        let installed = session.query(session.ledger.installed(), Reason::LedgerUnusable).await;
        if !installed.map_err(|error| refused(&error))?.rows.iter().all(Vec::is_empty) {
            // Asks for the rights, and finds no row to change.
            let locks = session.ledger.table("migration_locks");
            let asked = format!("UPDATE {locks} SET run = run WHERE id = 1 AND 1 = 0");
            return match session.query(asked, Reason::LedgerUnusable).await {
                // What else is wrong with it, such as a newer version, is an error of reading it.
                Ok(_) => {
                    session.read_ledger().await.map_err(|error| refused(&error))?;
                    let identity = session.identity().await.map_err(|error| refused(&error))?;
                    let layout = identity.map(|found| format!("; it has layout {}", found.layout)).unwrap_or_default();
                    Ok(format!("the ledger, the tables {}_…, can be read and written{layout}", self.prefix))
                }
                Err(error) => Err(not_ok(
                    &format!("{user} may not write the ledger: {}", error.failure.message),
                    &format!("as an administrator: GRANT {} ON the database to {user}", RIGHTS.join(", ")),
                )),
            };
        }
        let granted = rights_granted(session).await.map_err(|error| refused(&error))?;
        let missing: Vec<&str> = RIGHTS.into_iter().filter(|right| !granted.iter().any(|has| has == right)).collect();
        if missing.is_empty() {
            return Ok(format!("there is no ledger yet, and {user} may make the tables {}_… for it", self.prefix));
        }
        Err(not_ok(
            &format!(
                "there is no ledger yet, and {user} has no right to {} in the database itself",
                missing.join(", ")
            ),
            &format!(
                "as an administrator: GRANT {} ON the database to {user}; rights that come from a role do not show here",
                RIGHTS.join(", ")
            ),
        ))
    }

    /// Looks for a pooler that gives one session several connections of the server's.
    async fn pooler(&self, first: &mut MysqlSession) -> Outcome {
        let advice = "connect to the server itself: locks and settings of a session are lost between connections";
        let looked = timeout(POOLER_WAIT, async {
            let second = self.connect().await.map_err(|error| login_refused(&error.failure))?;
            let answers = first.query("SELECT CONNECTION_ID()".to_owned(), Reason::ConnectionFailed).await;
            let now: i64 = answers.and_then(|answers| value(answers.row(0), 0)).map_err(|error| refused(&error))?;
            second.close().await;
            Ok::<_, Outcome>(now)
        });
        match (looked.await, first.server.connection) {
            (Ok(Ok(now)), before) if now == before => ok("a session stays with its connection".to_owned()),
            (Ok(Ok(now)), before) => not_ok(
                &format!("one session was served by connection {before} and then by {now}: a pooler in between"),
                advice,
            ),
            (Ok(Err(outcome)), _) => outcome,
            (Err(_), _) => not_ok(
                &format!("a second session got no answer within {} s", POOLER_WAIT.as_secs()),
                "check the server's max_connections, and a pooler in between",
            ),
        }
    }
}

/// The rights in this database that were given to the user, not by way of a role.
async fn rights_granted(session: &mut MysqlSession) -> Result<Vec<String>, SessionError> {
    let sql = format!(
        "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES UNION SELECT PRIVILEGE_TYPE FROM \
         information_schema.SCHEMA_PRIVILEGES WHERE {} LIKE TABLE_SCHEMA",
        text(&session.server.database)
    );
    let answers = session.query(sql, Reason::LedgerUnusable).await?;
    answers.rows.iter().flatten().map(|row| value(Some(row), 0)).collect()
}

/// Reads what the server says first, which shows whether it offers TLS.
/// Source: MySQL, "Connection Phase Packets", `HandshakeV10`.
async fn offered_tls(mut stream: TcpStream, mode: MySqlSslMode) -> Step<((), String)> {
    if matches!(mode, MySqlSslMode::Disabled) {
        return Ok(((), "not asked for: the URL says ssl-mode=disabled".to_owned()));
    }
    let greeting = timeout(CONNECT_TIMEOUT, async {
        let mut header = [0_u8; 4];
        stream.read_exact(&mut header).await?;
        let mut greeting = vec![0_u8; usize::from(u16::from_le_bytes([header[0], header[1]]))];
        stream.read_exact(&mut greeting).await?;
        Ok::<_, std::io::Error>(greeting)
    });
    let required = !matches!(mode, MySqlSslMode::Preferred);
    match greeting.await {
        Ok(Ok(greeting)) => match offers_tls(&greeting) {
            Some(true) => Ok(((), "offered".to_owned())),
            Some(false) if required => Err(not_ok(
                "the server offers none, but the URL's ssl-mode asks for it",
                "turn on TLS in the server (ssl_cert and ssl_key), or choose ssl-mode=preferred or disabled where the \
                 network is trusted",
            )),
            Some(false) => Ok(((), "the server offers none; the URL's ssl-mode allows that".to_owned())),
            // An error, such as too many connections, or a host that is blocked: the login reports it.
            None if greeting.first() == Some(&0xff) => Ok(((), "the server refuses the connection".to_owned())),
            None => Err(not_ok("what answers there is neither MySQL nor MariaDB", "check the port in the URL")),
        },
        Ok(Err(error)) => Err(not_ok(&format!("the connection ended: {error}"), "check that the port is the server's")),
        Err(_) => Err(not_ok("no answer", "check that the port is the server's")),
    }
}

/// None if it is not a greeting of version 10.
fn offers_tls(greeting: &[u8]) -> Option<bool> {
    let (10, rest) = greeting.split_first().map(|(version, rest)| (*version, rest))? else { return None };
    let end = rest.iter().position(|byte| *byte == 0)?;
    // After the version: the connection's number, 8 bytes of a challenge, a filler.
    let capabilities = rest.get(end + 1 + 4 + 8 + 1..)?;
    let capabilities = u16::from_le_bytes([*capabilities.first()?, *capabilities.get(1)?]);
    Some(capabilities & OFFERS_TLS != 0)
}

/// Which comments are code depends on the engine; a run refuses files with such a comment and stops at no other.
fn version(version: &ServerVersion, named_by_url: Dialect) -> Outcome {
    let found = format!("{} {}", version.engine(), version.text);
    if version.dialect() == named_by_url {
        return ok(found);
    }
    let scheme = if version.mariadb { "mariadb" } else { "mysql" };
    ok(format!(
        "{found}, which the URL names as {named_by_url}: that works; for files with comments that are code for one of the two \
         only, write {scheme}://"
    ))
}

async fn writable(session: &mut MysqlSession) -> Step<String> {
    let asked = session.query("SELECT @@GLOBAL.read_only, @@innodb_read_only".to_owned(), Reason::ConnectionFailed);
    let answers = asked.await.map_err(|error| refused(&error))?;
    let flag = |index| value::<i64>(answers.row(0), index).map_err(|error| refused(&error));
    if flag(0)? != 0 || flag(1)? != 0 {
        return Err(not_ok("the server is read-only, as a replica is", "connect to the primary server"));
    }
    Ok("the server takes writes".to_owned())
}

async fn lock(session: &mut MysqlSession) -> Step<String> {
    let free = nobody_holds(session.lock_holder().await.map_err(|error| refused(&error))?.as_deref())?;
    let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_cluster_status')".to_owned();
    let answers = session.query(sql, Reason::ConnectionFailed).await.map_err(|error| refused(&error))?;
    let status = |name: &str| {
        let texts =
            answers.rows.iter().flatten().map(|row| (value::<String>(Some(row), 0), value::<String>(Some(row), 1)));
        texts
            .filter_map(|(name, value)| name.ok().zip(value.ok()))
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    };
    Ok(match galera_nodes(status("wsrep_cluster_size").as_deref(), status("wsrep_cluster_status").as_deref()) {
        None => free,
        Some(nodes) => format!(
            "{free}, on this node of a Galera cluster of {nodes}: the lock is each node's own, so all runs must connect to the \
             same one"
        ),
    })
}

/// How many nodes a Galera cluster has, Percona's too; None where the server is not in one, where the status is
/// `Disconnected`, and the size any number.
fn galera_nodes(size: Option<&str>, status: Option<&str>) -> Option<u32> {
    let size = size.and_then(|size| size.parse().ok()).filter(|size| *size > 0);
    size.filter(|_| status.is_some_and(|status| !status.eq_ignore_ascii_case("disconnected")))
}

/// Whether an earlier build has left its own SQL in a body.
async fn stored_objects(session: &mut MysqlSession) -> Step<String> {
    let found = spoilt::find(session).await.map_err(|error| refused(&error))?;
    if found.is_empty() {
        return Ok("no body that can be read holds SQL of Schemaward's own".to_owned());
    }
    let detail = format!("an earlier build left SQL of its own journal in the body of {}", found.join(", "));
    Err(not_ok(&detail, spoilt::MEND))
}

fn refused(error: &SessionError) -> Outcome {
    not_ok(&error.failure.message, error.failure.hint.as_deref().unwrap_or("see the server's log"))
}

fn login_refused(failure: &Failure) -> Outcome {
    let advice = match failure.code.as_deref() {
        Some("1045" | "1698") => {
            "check user and password in the URL; in a password, write / as %2F, : as %3A, # as %23, ? as %3F, @ as %40"
        }
        Some("1130") => "let the user in from this address: CREATE USER 'user'@'address'",
        Some("1044") => "let the user into the database: GRANT … ON database.* TO the user",
        Some("1049") => "create the database, or check its name in the URL",
        Some("1040" | "1203") => "end connections, or raise the server's max_connections",
        _ => failure.hint.as_deref().unwrap_or("see the server's log"),
    };
    not_ok(&failure.message, advice)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{galera_nodes, offers_tls};

    #[rstest]
    #[case::cluster(Some("3"), Some("Primary"), Some(3))]
    #[case::cut_off(Some("1"), Some("non-Primary"), Some(1))]
    #[case::not_in_one(Some("0"), Some("Disconnected"), None)]
    #[case::no_number(Some("18446744073709551615"), Some("Disconnected"), None)]
    #[case::gone(Some("2"), Some("Disconnected"), None)]
    #[case::mysql(None, None, None)]
    fn a_galera_cluster_is_known_by_its_nodes(
        #[case] size: Option<&str>,
        #[case] status: Option<&str>,
        #[case] nodes: Option<u32>,
    ) {
        assert_eq!(galera_nodes(size, status), nodes);
    }

    fn greeting(capabilities: u16) -> Vec<u8> {
        let mut bytes = vec![10];
        bytes.extend(b"10.11.19-MariaDB\0");
        bytes.extend([0; 13]);
        bytes.extend(capabilities.to_le_bytes());
        bytes
    }

    #[test]
    fn a_greeting_shows_whether_tls_is_offered() {
        assert_eq!(offers_tls(&greeting(0xffff)), Some(true));
        assert_eq!(offers_tls(&greeting(0xf7ff)), Some(false));
        assert_eq!(offers_tls(b"\xff\x10\x04Too many connections"), None);
        assert_eq!(offers_tls(b"SSH-2.0-OpenSSH"), None);
        assert_eq!(offers_tls(b""), None);
    }
}
