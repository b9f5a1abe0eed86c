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
/// The first version that knows `client_connection_check_interval`.
const CONNECTION_CHECK_SINCE: u32 = 140_000;
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
    pub(super) fn new(lock_timeout: Duration) -> Self {
        Self { lock_timeout }
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

    /// Names and values of those that every server version knows.
    fn common(self) -> [(&'static str, String); 6] {
        [
            ("lock_timeout", self.lock_timeout.as_millis().to_string()),
            ("statement_timeout", "0".to_owned()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string()),
            ("standard_conforming_strings", "on".to_owned()),
            ("default_transaction_read_only", "off".to_owned()),
            ("default_transaction_isolation", "read committed".to_owned()),
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
    pub(super) fn statements_beside_login(server_version: Option<u32>) -> Option<String> {
        let interval = CONNECTION_CHECK_INTERVAL.as_millis();
        let is_known = server_version.is_some_and(|version| version >= CONNECTION_CHECK_SINCE);
        is_known.then(|| format!("SET client_connection_check_interval = {interval}"))
    }

    fn mark(self) -> String {
        self.common().map(|(_, value)| value).join("/")
    }
}

/// Whether a failed login may be due to what was asked for: a pooler, or a server that is not quite PostgreSQL.
/// Sources: `PgBouncer` answers 08P01, Amazon's RDS Proxy 0A000, PostgreSQL itself 22023 and 42704.
pub(super) fn may_be_refused(code: Option<&str>) -> bool {
    matches!(code, Some("08P01" | "0A000" | "22023" | "42704"))
}
