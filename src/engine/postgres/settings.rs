//! The settings that every file starts from, and the two ways a session gets them: at login, so that `RESET ALL` comes back
//! to them, or by SET, again behind each `RESET ALL`. Pure.
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
/// Tells that the session has got the others at login: some poolers pass over what a client asks for.
const MARK: &str = "schemaward.settings";

/// Names and values.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Known to every server version.
    common: Vec<(&'static str, String)>,
}

impl Settings {
    pub(super) fn new(lock_timeout: Duration) -> Self {
        let common = vec![
            ("lock_timeout", lock_timeout.as_millis().to_string()),
            ("statement_timeout", "0".to_owned()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string()),
            ("standard_conforming_strings", "on".to_owned()),
            ("default_transaction_read_only", "off".to_owned()),
        ];
        Self { common }
    }

    /// What to ask for at login.
    pub(super) fn at_login(&self) -> Vec<(&'static str, String)> {
        self.common.iter().cloned().chain([(MARK, self.mark())]).collect()
    }

    /// An expression that is true where the session has got them at login.
    pub(super) fn were_taken_at_login(&self) -> String {
        format!("COALESCE(pg_catalog.current_setting('{MARK}', true) = '{}', false)", self.mark())
    }

    /// SET statements for all of them.
    pub(super) fn statements(&self, server_version: Option<u32>) -> Vec<String> {
        let common = self.common.iter().map(|(name, value)| format!("SET {name} = {value}"));
        common.chain(Self::statements_beside_login(server_version)).collect()
    }

    /// SET statements for what cannot be asked for before the server's version is known.
    pub(super) fn statements_beside_login(server_version: Option<u32>) -> Option<String> {
        let interval = CONNECTION_CHECK_INTERVAL.as_millis();
        let is_known = server_version.is_some_and(|version| version >= CONNECTION_CHECK_SINCE);
        is_known.then(|| format!("SET client_connection_check_interval = {interval}"))
    }

    fn mark(&self) -> String {
        self.common.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("/")
    }
}

/// Whether a failed login may be due to what was asked for: a pooler, or a server that is not quite PostgreSQL.
/// Sources: `PgBouncer` answers 08P01, Amazon's RDS Proxy 0A000, PostgreSQL itself 22023 and 42704.
pub(super) fn may_be_refused(code: Option<&str>) -> bool {
    matches!(code, Some("08P01" | "0A000" | "22023" | "42704"))
}
