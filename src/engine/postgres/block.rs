//! Applies a transaction of a file's own, between its `BEGIN` and `COMMIT`, in a file whose other statements are committed
//! separately: all of its statements with their rows in the journal, or none.

use std::ops::Range;

use super::answers::{phase_behind, tell_phase};
use super::journal::{JournalRow, Kind};
use super::journaled::{Executed, at, closing, placed, unless_stopped};
use super::message::{BEGIN as BEGIN_AS_SET, DEFERRED, check_of_indexes};
use super::own_transaction::AS_OURSELVES;
use super::session::PostgresSession;
use crate::engine::session::{Attempt, Progress, SessionError};
use crate::report::ErrorClass;

impl PostgresSession {
    /// Runs those of a block's statements that have not run. All that have are from one earlier transaction.
    pub(super) async fn run_block(
        &mut self,
        attempt: Attempt<'_>,
        block: Range<usize>,
        rows: &[JournalRow],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SessionError> {
        let mut due = Vec::new();
        for index in block {
            let row = rows.iter().find(|row| row.statement == index + 1);
            if !self.has_run(attempt, index, row).await? {
                due.push(index);
            }
        }
        let mut passed_over = Vec::new();
        while let Err((index, error)) = self.execute_block(attempt, &due, &passed_over).await {
            let is_in_the_way = error.failure.class == ErrorClass::AlreadyExists && !passed_over.contains(&index);
            if error.connection_lost || !is_in_the_way {
                return Err(error);
            }
            self.ask("ROLLBACK".to_owned()).await?;
            match self.skipped(attempt, index, &error.failure).await {
                Some(Ok(Executed::PassedOver)) => passed_over.push(index),
                Some(Err(refused)) => return Err(refused),
                Some(Ok(Executed::Run)) | None => return Err(error),
            }
        }
        for index in passed_over {
            progress(Progress::StatementSkipped(index));
        }
        Ok(())
    }

    /// Sends the statements one by one, since each error is placed within its own message, and then all that follows
    /// them. With an error, the statement that it is about.
    async fn execute_block(
        &mut self,
        attempt: Attempt<'_>,
        due: &[usize],
        passed_over: &[usize],
    ) -> Result<(), (usize, SessionError)> {
        let (Some(&first), Some(&last)) = (due.first(), due.last()) else { return Ok(()) };
        unless_stopped(attempt, first).map_err(|error| (first, error))?;
        self.ask(BEGIN_AS_SET.to_owned()).await.map_err(|error| (first, at(error, attempt, first)))?;
        for &index in due.iter().filter(|index| !passed_over.contains(index)) {
            let sent = match unless_stopped(attempt, index) {
                Ok(()) => self.send_statement(attempt, index).await,
                Err(stopped) => Err(stopped),
            };
            sent.map_err(|error| (index, error))?;
        }
        let rows = due.iter().map(|&index| self.ledger.begin_statement(attempt, index, Kind::InTransaction));
        let text = format!(
            "{}{};{DEFERRED};{AS_OURSELVES};{};{};COMMIT",
            check_of_indexes(attempt.migration, first..last + 1),
            self.mark.behind(last),
            self.ledger.guard(attempt.fence),
            rows.collect::<Vec<_>>().join(";"),
        );
        let Err((error, behind)) = self.send(text).await else { return Ok(()) };
        let mut error = placed(&error, attempt, last, usize::MAX);
        tell_phase(&mut error.failure, phase_behind(behind.unwrap_or_default(), closing() + due.len() - 1));
        Err((last, error))
    }
}
