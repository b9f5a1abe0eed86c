//! Applies several files by one message, each in a transaction of its own, and finds out which of them the server's
//! answers are about.
//!
//! Only the last file's commit waits for the disk, and no file is told of as applied before it cannot be lost any more.
//! Where a message takes long, a second connection waits for the disk meanwhile.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::address::Address;
use super::error::{QUERY_CANCELLED, connection_lost, failure_of, position, server_error};
use super::message::{Frame, Message, News, Phase};
use super::session::PostgresSession;
use crate::engine::journal_failure::OVERTAKEN;
use crate::engine::session::{AlreadyExists, ApplyError, Attempt, Progress};
use crate::report::{ErrorClass, Failure, Reason};

/// For how long files that are committed may wait to be told of.
const UNTOLD: Duration = Duration::from_secs(1);

/// What became of a message.
enum Sent {
    /// Every file of it is applied.
    Applied,
    /// So many files of it are applied and the session is ready for those behind them.
    Interrupted,
    /// Nothing has run: the server does not understand the text, in the file with this index where it can be told.
    NotUnderstood(Option<usize>, Failure),
    /// What became of the first file that was not told of as applied.
    Failed(ApplyError),
}

/// How far a message is.
struct Going<'p> {
    /// Answers so far.
    answers: usize,
    /// When the current file began.
    began: Instant,
    /// Files that are committed and not yet safe on disk, with their durations.
    unflushed: Vec<(usize, Duration)>,
    progress: &'p mut dyn FnMut(usize, Progress),
}

impl Going<'_> {
    fn news(&mut self, index: usize, news: News) {
        match news {
            News::Started => {
                self.began = Instant::now();
                if index > 0 {
                    (self.progress)(index, Progress::Started);
                }
            }
            News::StatementsDone(done) => (self.progress)(index, Progress::StatementsDone(done)),
            News::Committed { last } => {
                self.unflushed.push((index, self.began.elapsed()));
                if last {
                    self.flushed(usize::MAX);
                }
            }
        }
    }

    /// So many of the files that are committed, at least, are safe on disk; the message's end may have told of them.
    fn flushed(&mut self, files: usize) {
        let files = files.min(self.unflushed.len());
        for (index, duration) in self.unflushed.drain(..files) {
            (self.progress)(index, Progress::Applied(duration));
        }
    }
}

impl PostgresSession {
    /// [`crate::engine::Session::apply_batch`] for files that are one transaction each.
    pub(super) async fn apply_in_messages(
        &mut self,
        batch: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), ApplyError> {
        let mut rest = batch;
        // Of the file behind `rest`.
        let mut not_understood = None;
        progress(0, Progress::Started);
        loop {
            match self.send_message(rest, progress).await {
                Sent::Applied => break,
                Sent::Interrupted => return Ok(()),
                Sent::Failed(error) => return Err(error),
                Sent::NotUnderstood(index, failure) => {
                    // What stands before it runs first. Where the server gives no place, halves show it.
                    let before = index.unwrap_or(rest.len() / 2);
                    not_understood = (index.is_some() || rest.len() == 1).then_some((before, failure));
                    rest = rest.get(..before).unwrap_or_default();
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
        let Some((index, failure)) = not_understood else { return Ok(()) };
        if index > 0 {
            progress(index, Progress::Started);
        }
        Err(ApplyError::Refused { failure, statements_done: 0 })
    }

    /// Sends one message for all of a batch, which is not empty.
    async fn send_message(&mut self, batch: &[Attempt<'_>], progress: &mut dyn FnMut(usize, Progress)) -> Sent {
        let frame = Frame { ledger: &self.ledger, reset: &self.reset, synchronous_commit: &self.synchronous_commit };
        let mut message = Message::new(frame, batch);
        let text = std::mem::take(&mut message.text);
        let going = Going { answers: 0, began: Instant::now(), unflushed: Vec::new(), progress };
        let going = RefCell::new(going);
        let (address, flush) = (self.address.clone(), self.ledger.flush());
        let followed = tokio::select! {
            biased;
            followed = self.follow(text, &message, &going) => followed,
            never = wait_for_the_disk(&address, flush, &going) => match never {},
        };
        let mut going = going.into_inner();
        let Err(error) = followed else { return Sent::Applied };
        let (index, phase) = message.phase(going.answers);
        let character = server_error(&error).and_then(position);
        if going.answers == 0 && !connection_lost(&error) && !is_cancelled(&error) {
            // Before the first answer no transaction is open.
            let index = character.map(|character| message.file_of_character(character));
            let place = message.place(index.unwrap_or(0), 0, character);
            let mut failure = Failure { place: Some(place), ..failure_of(&error, Reason::StatementFailed) };
            failure.message = message.without_passwords(index.unwrap_or(0), &failure.message);
            return Sent::NotUnderstood(index, failure);
        }
        let failed = apply_error(&message, going.answers, &error);
        if connection_lost(&error) {
            return Sent::Failed(failed);
        }
        if going.answers > 0 && !self.clean_up(&mut going).await {
            return Sent::Failed(unknown(failed));
        }
        if phase == Phase::Committed {
            // Committed for certain; a cancellation that came too late has hit the reset.
            return if index + 1 == message.len() { Sent::Applied } else { Sent::Interrupted };
        }
        let skips = self.already_exists == AlreadyExists::SkipIfIdentical;
        match (failed, batch.get(index)) {
            (ApplyError::Refused { failure, .. }, Some(&attempt))
                if skips && failure.class == ErrorClass::AlreadyExists =>
            {
                let mut told = |told| (going.progress)(index, told);
                match self.apply_stepwise(attempt, &mut told).await {
                    Ok(duration) => {
                        (going.progress)(index, Progress::Applied(duration));
                        Sent::Interrupted
                    }
                    Err(error) => Sent::Failed(error),
                }
            }
            (failed, _) => Sent::Failed(failed),
        }
    }

    /// Sends a message and follows its answers as they come.
    async fn follow(
        &mut self,
        text: String,
        message: &Message<'_>,
        going: &RefCell<Going<'_>>,
    ) -> Result<(), sqlx::Error> {
        let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(self.connection());
        while let Some(answer) = stream.try_next().await? {
            if answer.is_left() {
                let mut going = going.borrow_mut();
                going.answers += 1;
                if let Some((index, news)) = message.news(going.answers) {
                    going.news(index, news);
                }
            }
        }
        Ok(())
    }

    /// Makes the session ready for the next file, and what is committed safe. False where the latter is not certain.
    async fn clean_up(&mut self, going: &mut Going<'_>) -> bool {
        let mut sql = format!("ROLLBACK;{}", self.reset.sql);
        if !going.unflushed.is_empty() {
            sql.push(';');
            sql.push_str(&self.ledger.flush());
        }
        let mut done = self.try_query(sql.clone()).await;
        if done.as_ref().is_err_and(is_cancelled) {
            // The cancellation was meant for the statement before.
            done = self.try_query(sql).await;
        }
        // Where nothing is at stake and this fails, so does recording the attempt, which tells.
        let safe = done.is_ok() || going.unflushed.is_empty();
        if safe {
            going.flushed(usize::MAX);
        }
        safe
    }
}

fn is_cancelled(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.code() == QUERY_CANCELLED)
}

/// Makes what is committed safe while the message goes on, so that a long file does not keep those before it from being
/// told of. Only a convenience: where it does not succeed, the end of the message does the same.
async fn wait_for_the_disk(address: &Address, flush: String, going: &RefCell<Going<'_>>) -> Infallible {
    let mut connection = None;
    loop {
        tokio::time::sleep(UNTOLD).await;
        let committed = going.borrow().unflushed.len();
        if committed == 0 {
            continue;
        }
        let mut opened = match connection.take() {
            Some(opened) => Ok(opened),
            None => address.options.connect().await,
        };
        if let Ok(connection) = &mut opened
            && let Err(error) = sqlx::raw_sql(AssertSqlSafe(flush.clone())).execute(connection).await
        {
            opened = Err(error);
        }
        match opened {
            Ok(opened) => {
                going.borrow_mut().flushed(committed);
                connection = Some(opened);
            }
            Err(error) => {
                tracing::debug!(%error, "the disk cannot be waited for by a second connection");
                return std::future::pending().await;
            }
        }
    }
}

/// The failure of a message that did not go through, with its place.
fn apply_error(message: &Message<'_>, answers: usize, error: &sqlx::Error) -> ApplyError {
    let statements_done = message.statements_done(answers);
    let (index, phase) = message.phase(answers);
    let mut failure = failure_of(error, Reason::StatementFailed);
    if failure.reason == Reason::Fenced {
        OVERTAKEN.clone_into(&mut failure.message);
        return ApplyError::Refused { failure, statements_done };
    }
    let character = server_error(error).and_then(position);
    failure.place = Some(message.place(index, answers, character));
    failure.message = message.without_passwords(index, &failure.message);
    match phase {
        Phase::Deferred | Phase::Commit => failure.message = format!("at COMMIT: {}", failure.message),
        Phase::Record => failure.message = format!("recording the attempt: {}", failure.message),
        Phase::Guard | Phase::Statement(_) | Phase::Committed => {}
    }
    if connection_lost(error) {
        ApplyError::OutcomeUnknown { failure, statements_done }
    } else {
        ApplyError::Refused { failure, statements_done }
    }
}

/// The same where the ledger has to say how far it went.
fn unknown(error: ApplyError) -> ApplyError {
    match error {
        ApplyError::Refused { failure, statements_done } | ApplyError::OutcomeUnknown { failure, statements_done } => {
            ApplyError::OutcomeUnknown { failure, statements_done }
        }
    }
}
