//! Applies several files in one transaction with all their rows: all of them, or none. A long plan is several messages, so
//! that it shows how far it is; only the last one commits. What is applied is read from the ledger and known from nothing else.

use std::cell::RefCell;
use std::time::Duration;

use sqlx::Row as _;

use super::answers::{Phase, tell_phase};
use super::batch::{Going, apply_error, is_cancelled, not_understood, unknown, without_row};
use super::error::{DEFERRABLE, connection_lost, failure_of, server_error};
use super::ledger::{Ledger, Span};
use super::mark::End;
use super::message::{Message, Together, Transactions};
use super::session::PostgresSession;
use crate::engine::session::{ApplyError, ApplyOutcome, Attempt, Progress, Undone};
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::engine::shared::stopped::stopped;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::message_without_passwords;

/// The most SQL of a message, in bytes, unless one file alone has more.
const MOST_BYTES: usize = 512 * 1024;
/// The most files of a message.
const MOST_FILES: usize = 100;

/// `SQLSTATE`s of what a statement may meet because an earlier file is not committed: a value of an enum that is new, a COMMIT
/// of a routine's, a statement that runs in no transaction, a table that the transaction itself still uses.
/// Source: PostgreSQL, appendix A.
const NEEDS_A_COMMIT: [&str; 4] = ["55P04", "2D000", "25001", "55006"];

/// How the files are sent.
#[derive(Clone, Copy)]
struct Way {
    /// The most files of a message.
    most_files: usize,
    /// From the file with this index on, something may be deferred that is due at its file's end.
    may_defer_from: usize,
}

/// Why the files were not applied.
enum Stopped {
    /// The server does not understand a message, and does not say where; its first file has this index.
    Nowhere(usize, ApplyError),
    /// In the file with this index.
    At(usize, ApplyError),
    /// There are constraints that can be deferred, which nothing had shown before.
    Deferrable,
}

impl PostgresSession {
    /// [`crate::engine::Session::apply_together`].
    pub(super) async fn apply_in_one_transaction(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        let mut way = Way { most_files: MOST_FILES, may_defer_from: self.may_defer_from(attempts).await };
        loop {
            match self.send_all(attempts, way, progress).await {
                Ok(()) => break,
                // Nothing is committed: once more, and a message for each file shows which it is.
                Err(Stopped::Nowhere(..)) if way.most_files > 1 => way.most_files = 1,
                Err(Stopped::Deferrable) => way.may_defer_from = 0,
                Err(Stopped::Nowhere(index, error) | Stopped::At(index, error)) => {
                    return self.undone(attempts, index, error, progress).await;
                }
            }
            let _ = self.clean_up(attempts).await;
        }
        match self.ask_ledger(attempts).await {
            Ok(applied) => told(attempts, &applied.durations, progress),
            Err(error) => {
                let failure = failure_of(&error, Reason::LedgerUnusable);
                Err(Undone { index: 0, error: ApplyError::new(failure, 0, true) })
            }
        }
    }

    /// The first file from which on something may be deferred. To make it due costs a question a file, which most have no
    /// need of: what this says is asked again before that file, and at the latest before COMMIT.
    async fn may_defer_from(&mut self, attempts: &[Attempt<'_>]) -> usize {
        let asked = self.try_query(Ledger::any_deferrable()).await;
        let answer = asked.ok().and_then(|results| results.first()?.first()?.try_get::<bool, _>(0).ok());
        if answer.unwrap_or(true) {
            return 0;
        }
        let names_it = |attempt: &Attempt<'_>| attempt.migration.sql.to_ascii_lowercase().contains("deferr");
        attempts.iter().position(names_it).unwrap_or(attempts.len())
    }

    /// Sends all files, and commits them with their rows.
    async fn send_all(
        &mut self,
        attempts: &[Attempt<'_>],
        way: Way,
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Stopped> {
        let mut ends = Vec::with_capacity(attempts.len());
        while let Some(&next) = attempts.get(ends.len()) {
            let from = ends.len();
            if let Some(reason) = next.stop.reason().filter(|_| from > 0) {
                return Err(Stopped::At(from, ApplyError::new(stopped(reason, None), 0, false)));
            }
            ends.extend(self.send_part(attempts, from, way, progress).await?);
        }
        self.commit(attempts, &ends).await
    }

    /// Sends the next message, whose first file has the index `from`. Returns the end of each of its files.
    async fn send_part(
        &mut self,
        attempts: &[Attempt<'_>],
        from: usize,
        way: Way,
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<Vec<End>, Stopped> {
        let rest = attempts.get(from..).unwrap_or_default();
        let part = rest.get(..message_len(rest, way.most_files)).unwrap_or_default();
        let together = Together { from, files: attempts.len(), may_defer_from: way.may_defer_from };
        let mut message = Message::new(self.frame(), Transactions::One(together), part);
        let text = std::mem::take(&mut message.text);
        progress(from, Progress::Started(Duration::ZERO));
        let mut shifted = |index, news| progress(from + index, news);
        let going = RefCell::new(Going::new(&mut shifted));
        let followed = self.follow(text, &message, &going).await;
        let Going { heard, ends, .. } = going.into_inner();
        let Err(error) = followed else {
            return match part.get(ends.len()) {
                None => Ok(ends),
                Some(&missing) => Err(Stopped::At(from + ends.len(), without_end(missing))),
            };
        };
        if way.may_defer_from > 0 && is_deferrable(&error) {
            return Err(Stopped::Deferrable);
        }
        if heard.is_nothing() && !connection_lost(&error) && !is_cancelled(&error) {
            let (index, failure) = not_understood(&message, &error);
            let error = ApplyError::new(failure, 0, false);
            return Err(match index {
                Some(index) => Stopped::At(from + index, error),
                None => Stopped::Nowhere(from, error),
            });
        }
        let (index, _) = message.at(heard);
        Err(Stopped::At(from + index, apply_error(&message, heard, index, &error)))
    }

    /// Writes the rows of all files, and commits all.
    async fn commit(&mut self, attempts: &[Attempt<'_>], ends: &[End]) -> Result<(), Stopped> {
        let (Some(first), Some(&last)) = (ends.first(), attempts.last()) else { return Ok(()) };
        if let Some(index) = ends.iter().position(|end| end.transaction != first.transaction) {
            let attempt = attempts.get(index).copied().unwrap_or(last);
            return Err(Stopped::At(index, without_end(attempt)));
        }
        let rows = self.ledger.record_together(&spans(attempts, ends));
        let statements = [self.ledger.guard(last.fence), rows, "COMMIT".to_owned()];
        let mut results = Vec::new();
        let Err(error) = self.collect(statements.join(";"), &mut results).await else { return Ok(()) };
        let phase = if results.len() + 1 == statements.len() { Phase::Commit } else { Phase::Record };
        Err(Stopped::At(attempts.len() - 1, commit_error(last, phase, &error)))
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

fn is_deferrable(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.code() == DEFERRABLE)
}

/// For how long each file has run: since the one before it has ended, the first since the transaction began.
fn spans<'a>(attempts: &[Attempt<'a>], ends: &[End]) -> Vec<(Attempt<'a>, Span)> {
    let begins = ends.iter().take(1).map(|first| first.transaction).chain(ends.iter().map(|end| end.at));
    let spans = begins.zip(ends).map(|(from, end)| Span { from, to: end.at });
    attempts.iter().copied().zip(spans).collect()
}

/// The failure of what comes after the last file, `last`.
fn commit_error(last: Attempt<'_>, phase: Phase, error: &sqlx::Error) -> ApplyError {
    let migration = last.migration;
    let mut failure = failure_of(error, Reason::StatementFailed);
    if failure.reason == Reason::Fenced {
        OVERTAKEN.clone_into(&mut failure.message);
    } else {
        failure.place = Some(migration.place());
        failure.message = message_without_passwords(&failure.message, &migration.sql);
        tell_phase(&mut failure, phase);
    }
    ApplyError::new(failure, migration.statements.len(), connection_lost(error))
}

/// The server has answered all that was sent, and yet a file has not ended in the transaction of all.
fn without_end(attempt: Attempt<'_>) -> ApplyError {
    let file = &attempt.migration.file;
    let message =
        format!("the server's answers do not show that {file} has run to its end in the transaction of all files");
    let hint = "run without --transaction all: each file is then a transaction of its own";
    let failure = Failure::new(Reason::LedgerUnusable, message).class(ErrorClass::UnknownOutcome).hint(hint);
    ApplyError::new(failure.at(attempt.migration.place()), 0, true)
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
