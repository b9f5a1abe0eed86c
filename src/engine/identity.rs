//! What a ledger is known by: its own identity, which is the same for ever and in every copy, and that of the server it
//! lies on. Knows no SQL and no server.

use serde::Serialize;

/// What a ledger says of itself, and where it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerIdentity {
    /// A UUID, made once with the ledger. None in one that no program of layout 6 or later has written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_id: Option<String>,
    /// The ledger's layout; see `docs/upgrading.md`. Before layout 6 this is the version.
    pub layout: i64,
    /// The lowest layout whose program may write to it.
    pub oldest_writer: i64,
    /// Where it is now.
    pub here: Place,
    /// Where the newest run found it that has noted this; another place than now means a copy, or a server that was set up again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Place>,
}

impl LedgerIdentity {
    /// Of a ledger of before layout 6, which knows no more than its version.
    pub(super) fn of_version(version: impl Into<i64>, here: Place) -> Self {
        let version = version.into();
        Self { ledger_id: None, layout: version, oldest_writer: version, here, last_run: None }
    }
}

/// A database on a server, as the server knows them.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// PostgreSQL's system identifier, MySQL's `server_uuid`, MariaDB's `server_uid`; None where the server does not show it,
    /// and on SQLite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// PostgreSQL's OID of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_number: Option<String>,
    /// The database's name; None on SQLite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
}
