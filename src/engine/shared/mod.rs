//! What the drivers share: reading a ledger's rows, telling a driver's failures, comparing what is there. No engine's SQL.

pub(crate) mod comparison;
pub(crate) mod connecting;
pub(crate) mod driver_failure;
pub(crate) mod examination_steps;
pub(crate) mod journal_failure;
pub(crate) mod journal_verdict;
pub(crate) mod ledger_layout;
pub(crate) mod ledger_rows;
pub(crate) mod liveness;
pub(crate) mod query_excerpt;
pub(crate) mod spoilt;
pub(crate) mod stage;
pub(crate) mod stopped;
pub(crate) mod stored_trace;
pub(crate) mod tls;
pub(crate) mod url;
pub(crate) mod url_of_others;
