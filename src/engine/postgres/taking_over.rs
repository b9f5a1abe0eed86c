//! Under the lock: the session is set up, the ledger made or upgraded where that is due, the fence raised, and the ledger
//! read.

use sqlx::postgres::PgRow;

use super::error::{connection_lost, session_error};
use super::ledger::{Ledger, OLDEST_WRITER};
use super::rows::{ledger_state, value};
use super::session::PostgresSession;
use crate::engine::session::{Fence, SessionError};
use crate::engine::shared::ledger_layout::FoundLayout;
use crate::engine::shared::ledger_rows::unusable;
use crate::plan::LedgerState;
use crate::report::Reason;

impl PostgresSession {
    /// What sets the session up, and nothing else's.
    fn own_process_set_up(&self) -> String {
        self.reset.behind(&Ledger::assert_process(self.process_id()))
    }

    /// Sets the session up, raises the fence and reads the ledger. None where the ledger is missing or
    /// older than this binary writes it.
    pub(super) async fn raise_fence(&mut self, run: &str) -> Result<Option<(Fence, LedgerState)>, SessionError> {
        let sql = format!("{};\n{}", self.own_process_set_up(), self.ledger.raise_fence(run));
        match self.try_query(sql).await {
            Ok(results) => taken(&results),
            Err(error) if Self::ledger_is_missing(&error) || Self::ledger_is_older(&error) => Ok(None),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// The same after the ledger was made, or upgraded.
    pub(super) async fn install_and_raise_fence(
        &mut self,
        run: &str,
    ) -> Result<Option<(Fence, LedgerState)>, SessionError> {
        let (set_up, raise) = (self.own_process_set_up(), self.ledger.raise_fence(run));
        let sql = format!("{set_up};\n{};\n{raise}", self.ledger.installation());
        match self.try_query(sql).await {
            Ok(results) => taken(&results),
            Err(error) => {
                if !connection_lost(&error) {
                    self.roll_back().await.map_err(|error| session_error(&error, Reason::LedgerUnusable))?;
                }
                Err(self.explain(&error))
            }
        }
    }
}

/// The fence and the ledger from the last answers to [`Ledger::raise_fence`]; None where the ledger is older.
fn taken(results: &[Vec<PgRow>]) -> Result<Option<(Fence, LedgerState)>, SessionError> {
    let Some((raised, ledger)) = results.last_chunk::<4>().and_then(|results| results.split_first()) else {
        return Err(unusable("the server did not answer the raising of the fence"));
    };
    let (oldest_writer, state) = ledger_state(ledger)?;
    let layout = raised.first().map(|row| value::<i32>(Some(row), 1)).transpose()?.map(i64::from);
    if (FoundLayout { oldest_writer, layout }).is_due(OLDEST_WRITER) {
        return Ok(None);
    }
    let fence: Option<i64> = value(raised.first(), 0)?;
    let fence = fence.ok_or_else(|| unusable("the ledger's row of the lock is not there"))?;
    Ok(Some((Fence(fence), state)))
}
