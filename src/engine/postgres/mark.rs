//! Rows that only statements of our own give, which distinguish the server's answers to them from those to a file's: their
//! column has a name that was made for the session. Only the server knows how many answers a file's own text makes.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use sqlx::postgres::PgRow;
use sqlx::{Column as _, Row as _};

/// How much the server keeps of its answers to one message before it sends them, in bytes.
/// Source: PostgreSQL, `PQ_SEND_BUFFER_SIZE` in pqcomm.c.
const SEND_BUFFER: usize = 8192;

/// The marks of one session.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Column, and setting, of the row between two statements.
    between: String,
    /// Column of the row after a file's last statement.
    behind: String,
}

/// When a file has ended, by the server's clock, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct End {
    /// The beginning of the transaction it has ended in.
    pub(super) transaction: i64,
    pub(super) at: i64,
}

/// What a row of the server's says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// The next mark between two statements of the running file is reached.
    Between,
    /// The last statement has run of the file with this index in its message, from 0.
    Behind(usize),
}

impl Mark {
    pub(super) fn new() -> Self {
        let nonce = RandomState::new().build_hasher().finish();
        Self { between: format!("schemaward.at_{nonce:016x}"), behind: format!("schemaward.behind_{nonce:016x}") }
    }

    /// What must have run before [`Self::between`], in a transaction of its own. Three answers.
    pub(super) fn prepared(&self) -> String {
        format!("BEGIN;{}COMMIT;", self.prepared_within())
    }

    /// The same within a transaction. One answer.
    pub(super) fn prepared_within(&self) -> String {
        format!("SELECT pg_catalog.set_config('{}', pg_catalog.repeat('.', {SEND_BUFFER}), false);", self.between)
    }

    /// Is sent between two statements of a file, shows that it is reached, and makes the server send what it has answered
    /// so far: its row is longer than what is kept. It has no effect: SHOW takes no snapshot, so that SET TRANSACTION and
    /// LOCK TABLE may follow, and needs no right.
    /// Source: PostgreSQL, `PlannedStmtRequiresSnapshot` in pquery.c and `ShowGUCConfigOption` in guc.c.
    pub(super) fn between(&self) -> String {
        format!("SHOW {};", self.between)
    }

    /// Follows a file's last statement.
    pub(super) fn behind(&self, file: usize) -> String {
        format!("SELECT {file} AS \"{}\"", self.behind)
    }

    /// The same, and its row has an [`End`], too.
    pub(super) fn end(&self, file: usize) -> String {
        let (transaction, at) = (micros("pg_catalog.transaction_timestamp()"), micros("pg_catalog.clock_timestamp()"));
        format!("{}, {transaction}, {at}", self.behind(file))
    }

    /// The end that a row of [`Self::end`] shows.
    pub(super) fn read_end(&self, row: &PgRow) -> Option<End> {
        let is_end = row.columns().first().is_some_and(|column| column.name() == self.behind);
        let micros = |column| row.try_get::<i64, _>(column).ok();
        is_end.then_some(())?;
        Some(End { transaction: micros(1)?, at: micros(2)? })
    }

    /// What a row says; None where it is an answer to a file's own query.
    pub(super) fn read(&self, row: &PgRow) -> Option<Told> {
        let column = row.columns().first()?;
        if column.name() == self.between {
            return Some(Told::Between);
        }
        let file = || row.try_get::<i32, _>(0).ok().and_then(|file| usize::try_from(file).ok());
        (column.name() == self.behind).then(file).flatten().map(Told::Behind)
    }
}

/// An instant as microseconds since 1970.
fn micros(instant: &str) -> String {
    format!("(EXTRACT(EPOCH FROM {instant}) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8")
}
