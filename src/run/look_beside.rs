//! Keeps a run from going over another tool's history, and writes down where a person has said that it may.

use super::beside::{Look, beside, find};
use super::context::Context;
use crate::engine::{Acknowledgement, AcknowledgementKind, Database, Fence, Session};
use crate::plan::{Goal, LedgerState, OnForeignHistory};
use crate::report::{Event, Failure};

impl<D: Database> Context<'_, D> {
    /// Ends a run that would overwrite another tool's history, and warns of tables without any history.
    pub(super) async fn look_beside(
        &mut self,
        session: &mut D::Session,
        ledger: &LedgerState,
    ) -> Result<Look, Failure> {
        let Goal::Migrate { set, on_foreign_history, .. } = self.goal else { return Ok(Look::Over) };
        let Some(beside) = self.unless_stopped(beside(self.database, session, ledger)).await?? else {
            return Ok(Look::Over);
        };
        if let Some(message) = beside.note(Some(set)) {
            (self.report)(Event::Warning { message });
        }
        match (beside.failure(set), on_foreign_history) {
            (Some(failure), OnForeignHistory::Refuse) => Err(failure),
            (Some(_), OnForeignHistory::Ignore) => {
                let told = beside.told(set).unwrap_or_default();
                let message = format!("{told}; ignored because of --ignore-foreign-history");
                (self.report)(Event::Warning { message });
                Ok(Look::Acknowledge(told))
            }
            (None, OnForeignHistory::Refuse) => Ok(Look::Again),
            (None, OnForeignHistory::Ignore) => Ok(Look::Over),
        }
    }

    /// Writes down what a person has said of other tools' histories.
    pub(super) async fn acknowledge(
        &mut self,
        session: &mut D::Session,
        fence: Fence,
        detail: &str,
    ) -> Result<(), Failure> {
        let kind = AcknowledgementKind::ForeignHistory;
        let said = Acknowledgement { kind, version: None, detail, run: &self.settings.run, fence };
        self.unless_stopped(session.acknowledge(said)).await??;
        Ok(())
    }

    /// The same under the lock, before the ledger is made: another tool may have run meanwhile. So may another run
    /// of Schemaward's, whose files may make such tables: where one is there, the ledger is asked first.
    pub(super) async fn look_beside_again(&mut self, session: &mut D::Session) -> Result<(), Failure> {
        let Goal::Migrate { set, .. } = self.goal else { return Ok(()) };
        let found = self.unless_stopped(find(self.database, session)).await??;
        if found.tables.is_empty() && found.ledgers.is_empty() {
            return Ok(());
        }
        // Whether it is this database's own is looked at as before.
        let nothing = LedgerState::default();
        let beside = self.unless_stopped(beside(self.database, session, &nothing)).await??;
        let Some(failure) = beside.and_then(|beside| beside.failure(set)) else { return Ok(()) };
        let ledger = self.unless_stopped(session.read_ledger()).await??;
        if ledger.shows_nothing() { Err(failure) } else { Ok(()) }
    }
}
