//! Applies several files in one transaction with all their rows: all of them, or none. A long plan is several messages, so
//! that it shows how far it is; only the last one commits. What is applied is read from the ledger and known from nothing else.

use std::cell::RefCell;
use std::time::Duration;

use super::answers::Heard;
use super::batch::{Going, Sent, apply_error, is_cancelled, not_understood, unknown, without_row};
use super::error::{connection_lost, failure_of};
use super::message::{Frame, Message, Transactions};
use super::session::PostgresSession;
use crate::engine::session::{ApplyError, ApplyOutcome, Attempt, Progress, Undone};
use crate::engine::shared::stopped::stopped;
use crate::report::Reason;

/// The most SQL of a message, in bytes, unless one file alone has more.
const MOST_BYTES: usize = 512 * 1024;
/// The most files of a message.
const MOST_FILES: usize = 50;

/// `SQLSTATE`s of what a statement may meet because an earlier file is not committed: a value of an enum that is new, a COMMIT
/// of a routine's, a statement that runs in no transaction, a table that the transaction itself still uses.
/// Source: PostgreSQL, appendix A.
const NEEDS_A_COMMIT: [&str; 4] = ["55P04", "2D000", "25001", "55006"];

/// Why a message was not answered to its end.
enum Stopped {
    /// The server does not understand the text, and does not say where.
    Nowhere(ApplyError),
    /// In the file with this index, from 0 in the message.
    At(usize, ApplyError),
}

impl PostgresSession {
    /// [`crate::engine::Session::apply_together`].
    pub(super) async fn apply_in_one_transaction(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        let mut most_files = MOST_FILES;
        let mut from = 0;
        while let Some(&next) = attempts.get(from) {
            let len = message_len(attempts.get(from..).unwrap_or_default(), most_files);
            let sent = match next.stop.reason().filter(|_| from > 0) {
                Some(reason) => Err(Stopped::At(0, ApplyError::new(stopped(reason, None), 0, false))),
                None => self.send_part(attempts, from, len, progress).await,
            };
            match sent {
                Ok(()) => from += len,
                Err(Stopped::Nowhere(_)) if len > 1 => {
                    // Nothing is committed: once more, and a message for each file shows which it is.
                    let _ = self.clean_up(attempts).await;
                    (from, most_files) = (0, 1);
                }
                Err(Stopped::Nowhere(error)) => return self.undone(attempts, from, error, progress).await,
                Err(Stopped::At(index, error)) => return self.undone(attempts, from + index, error, progress).await,
            }
        }
        match self.ask_ledger(attempts).await {
            Ok(applied) => told(attempts, &applied.durations, progress),
            Err(error) => {
                let failure = failure_of(&error, Reason::LedgerUnusable);
                Err(Undone { index: 0, error: ApplyError::new(failure, 0, true) })
            }
        }
    }

    /// Sends the message of the files from one on.
    async fn send_part(
        &mut self,
        attempts: &[Attempt<'_>],
        from: usize,
        len: usize,
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Stopped> {
        let frame = Frame {
            ledger: &self.ledger,
            reset: &self.reset,
            mark: &self.mark,
            synchronous_commit: &self.synchronous_commit,
        };
        let part = attempts.get(from..from + len).unwrap_or_default();
        let before = from.checked_sub(1).and_then(|before| attempts.get(before));
        let transactions = Transactions::One { before, is_last: from + len == attempts.len() };
        let mut message = Message::new(frame, transactions, part);
        let text = std::mem::take(&mut message.text);
        progress(from, Progress::Started(Duration::ZERO));
        let mut shifted = |index, news| progress(from + index, news);
        let going = RefCell::new(Going { heard: Heard::default(), started: 1, applied: 0, progress: &mut shifted });
        let Err(error) = self.follow(text, &message, &going).await else { return Ok(()) };
        let heard = going.into_inner().heard;
        if heard.is_nothing() && !connection_lost(&error) && !is_cancelled(&error) {
            return Err(match not_understood(&message, &error) {
                Sent::NotUnderstood(Some(index), failure) => Stopped::At(index, ApplyError::new(failure, 0, false)),
                Sent::NotUnderstood(None, failure) => Stopped::Nowhere(ApplyError::new(failure, 0, false)),
                _ => Stopped::At(0, apply_error(&message, heard, 0, &error)),
            });
        }
        let (index, _) = message.at(heard);
        Err(Stopped::At(index, apply_error(&message, heard, index, &error)))
    }

    /// What became of the transaction after an error in the file with this index.
    async fn undone(
        &mut self,
        attempts: &[Attempt<'_>],
        index: usize,
        error: ApplyError,
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        if error.outcome == ApplyOutcome::Unknown {
            return Err(Undone { index, error });
        }
        match self.clean_up(attempts).await {
            Ok(applied) if applied.durations.is_empty() => Err(Undone { index, error: with_advice(error) }),
            // A cancellation that came too late has hit what follows COMMIT.
            Ok(applied) => told(attempts, &applied.durations, progress),
            Err(_) => Err(Undone { index, error: unknown(error) }),
        }
    }
}

/// Reports all as applied, where the ledger shows a row of each.
fn told(
    attempts: &[Attempt<'_>],
    durations: &[Duration],
    progress: &mut dyn FnMut(usize, Progress),
) -> Result<(), Undone> {
    if let Some(&missing) = attempts.get(durations.len()) {
        return Err(Undone { index: durations.len(), error: without_row(missing) });
    }
    durations.iter().enumerate().for_each(|(index, &duration)| progress(index, Progress::Applied(duration)));
    Ok(())
}

/// How many of the files make the next message.
fn message_len(attempts: &[Attempt<'_>], most_files: usize) -> usize {
    let mut bytes = 0;
    let fits = |attempt: &&Attempt<'_>| {
        bytes += attempt.migration.sql.len();
        bytes <= MOST_BYTES
    };
    attempts.iter().take(most_files).take_while(fits).count().max(1)
}

/// Says where the error may come from the files being one transaction.
fn with_advice(error: ApplyError) -> ApplyError {
    if !NEEDS_A_COMMIT.contains(&error.failure.code.as_deref().unwrap_or_default()) {
        return error;
    }
    let advice = "if it needs what an earlier file commits, run without --transaction all: each file is then committed before \
                  the next one begins";
    ApplyError { failure: error.failure.also_hint(advice), ..error }
}
