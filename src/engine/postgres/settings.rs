//! The settings that every file starts from, and the two ways a session gets them: at login, so that `RESET ALL` comes back
//! to them, or by SET, again after each `RESET ALL`. Pure.
//!
//! Everything else is the role's and the database's default, as in psql, but for the time zone, which is UTC wherever a run
//! takes place.

use std::time::Duration;

/// A session that waits in an open transaction for longer has lost its client.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_mins(1);
/// How soon the server notices, in the middle of a statement, that its client is gone.
const CONNECTION_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Settings that not every version knows, with the first that does. A session of ours may wait for another run or for a
/// lock, and a file may take as long as it needs.
const SINCE: [(u32, &str, Duration); 3] = [
    (140_000, "client_connection_check_interval", CONNECTION_CHECK_INTERVAL),
    (140_000, IDLE_SESSION_TIMEOUT, Duration::ZERO),
    (170_000, "transaction_timeout", Duration::ZERO),
];
const IDLE_SESSION_TIMEOUT: &str = "idle_session_timeout";
/// For the rest of a transaction: where row level security would leave rows out, the server refuses the query. A ledger of
/// which a part is seen would be taken for one in which less is applied. For what reads and writes the ledger alone: a file's
/// own statements see the setting as the role has it. Source: PostgreSQL, `row_security`.
pub(super) const ALL_ROWS: &str = "SET LOCAL row_security = off";

/// Shows that the session has got the others at login: some poolers pass over what a client asks for.
const MARK: &str = "schemaward.settings";

/// What they depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    lock_timeout: Duration,
    keepalive: Keepalive,
}

/// How long the server lets a connection be silent before it asks whether the client is there, how long it waits for an
/// answer, in seconds, and how often it asks; 0 is the system's default. That keeps a NAT or a load balancer from forgetting
/// a connection on which a statement runs for minutes. The server has to do it, since the driver's socket is out of reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Keepalive {
    pub(super) idle: u64,
    pub(super) interval: u64,
    pub(super) count: u64,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { idle: 60, interval: 10, count: 6 }
    }
}

/// The lock timeout that a run's session has unless a file sets another.
#[derive(Clone, Debug)]
pub(super) struct OwnLockTimeout {
    /// A condition on a row of `pg_settings`: no file has set another.
    pub(super) is_own: String,
    /// The statement that brings it back.
    pub(super) back: String,
}

impl Settings {
    pub(super) fn new(lock_timeout: Duration, keepalive: Keepalive) -> Self {
        Self { lock_timeout, keepalive }
    }

    pub(super) fn lock_timeout(self) -> Duration {
        self.lock_timeout
    }

    /// Where the session has got its settings by SET, a file that sets the same value as the run cannot be told apart.
    pub(super) fn own_lock_timeout(self, taken_at_login: bool) -> OwnLockTimeout {
        let timeout = self.lock_timeout.as_millis();
        let (is_own, back) = if taken_at_login {
            ("source = 'client'".to_owned(), "RESET lock_timeout".to_owned())
        } else {
            (format!("setting = '{timeout}'"), format!("SET lock_timeout = '{timeout}'"))
        };
        OwnLockTimeout { is_own, back }
    }

    /// Names and values of those that every server version knows. Not `default_transaction_read_only`: where that is on,
    /// somebody has meant it, and a run refuses to write (see [`super::writable`]).
    fn common(self) -> Vec<(&'static str, String)> {
        let Keepalive { idle, interval, count } = self.keepalive;
        vec![
            ("lock_timeout", self.lock_timeout.as_millis().to_string()),
            ("statement_timeout", "0".to_owned()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string()),
            ("standard_conforming_strings", "on".to_owned()),
            ("default_transaction_isolation", "read committed".to_owned()),
            ("tcp_keepalives_idle", idle.to_string()),
            ("tcp_keepalives_interval", interval.to_string()),
            ("tcp_keepalives_count", count.to_string()),
        ]
    }

    /// What to ask for at login.
    pub(super) fn at_login(self) -> Vec<(&'static str, String)> {
        self.common().into_iter().chain([(MARK, self.mark())]).collect()
    }

    /// An expression that is true where the session has got them at login.
    pub(super) fn were_taken_at_login(self) -> String {
        format!("COALESCE(pg_catalog.current_setting('{MARK}', true) = '{}', false)", self.mark())
    }

    /// What the first reading needs of them, for its transaction: two statements. See [`ALL_ROWS`].
    pub(super) fn for_reading(self) -> String {
        format!("SET LOCAL lock_timeout = {};{ALL_ROWS}", self.lock_timeout.as_millis())
    }

    /// SET statements for all of them.
    pub(super) fn statements(self, server_version: Option<u32>) -> Vec<String> {
        let common = self.common().into_iter().map(|(name, value)| format!("SET {name} = '{value}'"));
        common.chain(Self::statements_beside_login(server_version)).collect()
    }

    /// SET statements for what cannot be asked for before the server's version is known.
    pub(super) fn statements_beside_login(server_version: Option<u32>) -> Vec<String> {
        let known = SINCE.iter().filter(|(since, ..)| server_version.is_some_and(|version| version >= *since));
        known.map(|(_, name, value)| format!("SET {name} = {}", value.as_millis())).collect()
    }

    /// The one that a session needs before it is set up, while it waits for the lock: as a statement with its semicolon, empty
    /// where the server does not know it.
    pub(super) fn while_waiting(server_version: Option<u32>) -> String {
        let statements = Self::statements_beside_login(server_version);
        let found = statements.into_iter().find(|statement| statement.contains(IDLE_SESSION_TIMEOUT));
        found.map(|statement| format!("{statement};")).unwrap_or_default()
    }

    fn mark(self) -> String {
        let values: Vec<String> = self.common().into_iter().map(|(_, value)| value).collect();
        values.join("/")
    }
}

/// Whether a failed login may be due to what was asked for: a pooler, or a server that is not quite PostgreSQL.
/// Sources: `PgBouncer` answers 08P01, Amazon's RDS Proxy 0A000, PostgreSQL itself 22023 and 42704.
pub(super) fn may_be_refused(code: Option<&str>) -> bool {
    matches!(code, Some("08P01" | "0A000" | "22023" | "42704"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Settings;

    #[rstest]
    #[case(None, &[], "")]
    #[case(Some(130_023), &[], "")]
    #[case(
        Some(140_000),
        &["SET client_connection_check_interval = 5000", "SET idle_session_timeout = 0"],
        "SET idle_session_timeout = 0;"
    )]
    #[case(
        Some(170_000),
        &["SET client_connection_check_interval = 5000", "SET idle_session_timeout = 0", "SET transaction_timeout = 0"],
        "SET idle_session_timeout = 0;"
    )]
    fn a_server_is_asked_for_what_its_version_knows(
        #[case] version: Option<u32>,
        #[case] statements: &[&str],
        #[case] while_waiting: &str,
    ) {
        assert_eq!(Settings::statements_beside_login(version), statements);
        assert_eq!(Settings::while_waiting(version), while_waiting);
    }
}
