//! What an examination of a database finds, step by step. Data only.

use std::fmt;

use serde::Serialize;

/// One step of an examination and what came of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub name: CheckName,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a step.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "camelCase")]
pub enum Outcome {
    /// It is as a run needs it.
    Ok { detail: String },
    /// A run would fail.
    NotOk { detail: String, advice: String },
    /// It is not known, since an earlier step failed, or it does not apply.
    Skipped { detail: String },
}

/// The steps, in the order they are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckName {
    /// The URL can be read.
    Url,
    /// The host's name leads to an address.
    Dns,
    /// Something answers on the port.
    Tcp,
    /// The server offers TLS where the URL asks for it.
    Tls,
    /// The user may log in.
    Login,
    /// The server's version is one that is supported.
    ServerVersion,
    /// The server takes writes.
    Writable,
    /// The user may keep the ledger.
    LedgerRights,
    /// Where the ledger is empty, no other tool has a history.
    History,
    /// Nobody holds the lock.
    Lock,
    /// A session stays with one server process.
    Pooler,
    /// No body of a stored object holds SQL of Schemaward's own. Of `MySQL` and `MariaDB` alone.
    StoredObjects,
}

impl CheckName {
    /// The steps of every engine.
    pub const ALL: [Self; 11] = [
        Self::Url,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Login,
        Self::ServerVersion,
        Self::Writable,
        Self::LedgerRights,
        Self::History,
        Self::Lock,
        Self::Pooler,
    ];
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Url => "URL",
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Login => "login",
            Self::ServerVersion => "server version",
            Self::Writable => "writable",
            Self::LedgerRights => "ledger rights",
            Self::History => "history",
            Self::Lock => "lock",
            Self::Pooler => "pooler",
            Self::StoredObjects => "stored objects",
        })
    }
}

impl Check {
    /// What was found, and each step that is not among it as skipped, for this reason.
    #[must_use]
    pub fn with_skipped(mut found: Vec<Self>, why: &str) -> Vec<Self> {
        for name in CheckName::ALL {
            if !found.iter().any(|check| check.name == name) {
                found.push(Self { name, outcome: Outcome::Skipped { detail: why.to_owned() } });
            }
        }
        found
    }

    /// Whether a run would fail here.
    #[must_use]
    pub fn is_not_ok(&self) -> bool {
        matches!(self.outcome, Outcome::NotOk { .. })
    }
}
