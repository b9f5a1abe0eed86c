//! Applies several files by one message, each in a transaction of its own, and finds out which of them the server's
//! answers are about.
//!
//! Only the last file's commit waits for the disk, and no file is told of as applied before it cannot be lost any more.
//! Which are, and for how long each has run, is read from the ledger: behind the last file, or, where a message takes long,
//! by a second connection, which waits for the disk meanwhile.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Either, Row};

use super::address::Address;
use super::error::{QUERY_CANCELLED, READ_ONLY, connection_lost, failure_of, position, server_error};
use super::ledger::Ledger;
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

/// What of a batch is applied, as the ledger tells.
#[derive(Debug, Default)]
struct Applied {
    /// How long each has run, from the first file on.
    durations: Vec<Duration>,
    /// For how long the last of them has been committed.
    since: Duration,
}

impl Applied {
    /// From the rows of [`Ledger::applied_under`].
    fn read(batch: &[Attempt<'_>], rows: &[PgRow]) -> Self {
        let row = |row: &PgRow| -> Option<(String, Duration, Duration)> {
            let ms = |column| row.try_get::<i64, _>(column).ok().and_then(|ms| u64::try_from(ms).ok());
            Some((row.try_get(0).ok()?, Duration::from_millis(ms(1)?), Duration::from_millis(ms(2)?)))
        };
        let rows: Vec<_> = rows.iter().map_while(row).collect();
        let Some((newest, _, since)) = rows.first() else { return Self::default() };
        let Some(last) = batch.iter().position(|attempt| attempt.migration.file == *newest) else {
            return Self::default();
        };
        let mut durations: Vec<Duration> = rows.iter().take(last + 1).map(|&(_, duration, _)| duration).collect();
        durations.reverse();
        Self { durations, since: *since }
    }

    /// All of it: the server has said so.
    fn all(batch: &[Attempt<'_>], rows: &[PgRow]) -> Self {
        let mut applied = Self::read(batch, rows);
        applied.durations.resize(batch.len(), Duration::ZERO);
        applied
    }
}

/// How far a message is, as far as the answers and the ledger have told.
struct Going<'p> {
    /// Answers so far.
    answers: usize,
    /// How many files were told of as begun, and as applied.
    started: usize,
    applied: usize,
    progress: &'p mut dyn FnMut(usize, Progress),
}

impl Going<'_> {
    fn news(&mut self, index: usize, news: News) {
        self.started_up_to(index, Duration::ZERO);
        if let News::StatementsDone(done) = news {
            (self.progress)(index, Progress::StatementsDone(done));
        }
    }

    /// The file with this index is at work, since so long.
    fn started_up_to(&mut self, index: usize, ago: Duration) {
        for index in self.started..=index {
            (self.progress)(index, Progress::Started(ago));
        }
        self.started = self.started.max(index + 1);
    }

    /// What the ledger tells is safe on disk.
    fn applied(&mut self, batch: &[Attempt<'_>], applied: &Applied) {
        let committed = applied.durations.len();
        for (index, &duration) in applied.durations.iter().enumerate().skip(self.applied) {
            self.started_up_to(index, Duration::ZERO);
            (self.progress)(index, Progress::Applied(duration));
        }
        self.applied = self.applied.max(committed);
        if committed < batch.len() {
            self.started_up_to(committed, applied.since);
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
        progress(0, Progress::Started(Duration::ZERO));
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
            progress(index, Progress::Started(Duration::ZERO));
        }
        Err(ApplyError::Refused { failure, statements_done: 0 })
    }

    /// Sends one message for all of a batch, which is not empty.
    async fn send_message(&mut self, batch: &[Attempt<'_>], progress: &mut dyn FnMut(usize, Progress)) -> Sent {
        let frame = Frame { ledger: &self.ledger, reset: &self.reset, synchronous_commit: &self.synchronous_commit };
        let mut message = Message::new(frame, batch);
        let text = std::mem::take(&mut message.text);
        // Of the first it was told.
        let going = RefCell::new(Going { answers: 0, started: 1, applied: 0, progress });
        let (address, ledger) = (self.address.clone(), self.ledger.clone());
        let followed = tokio::select! {
            biased;
            followed = self.follow(text, &message, &going) => followed,
            never = wait_for_the_disk(&address, &ledger, batch, &going) => match never {},
        };
        let mut going = going.into_inner();
        let error = match followed {
            Ok(rows) => {
                going.applied(batch, &Applied::all(batch, &rows));
                return Sent::Applied;
            }
            Err(error) => error,
        };
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
        if going.answers > 0 && !self.clean_up(batch, index, &mut going).await {
            return Sent::Failed(unknown(failed));
        }
        if phase == Phase::Committed {
            // Committed for certain; a cancellation that came too late has hit what is read behind it.
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

    /// Sends a message and follows its answers as they come. Returns the rows of what stands behind the files.
    async fn follow(
        &mut self,
        text: String,
        message: &Message<'_>,
        going: &RefCell<Going<'_>>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut rows = Vec::new();
        let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(self.connection());
        while let Some(answer) = stream.try_next().await? {
            let mut going = going.borrow_mut();
            match answer {
                Either::Left(_) => {
                    going.answers += 1;
                    if let Some((index, news)) = message.news(going.answers) {
                        going.news(index, news);
                    }
                }
                Either::Right(row) if message.phase(going.answers).1 == Phase::Committed => rows.push(row),
                // Of a file's own query.
                Either::Right(_) => {}
            }
        }
        Ok(rows)
    }

    /// Makes the session ready for the next file, and what is committed safe: all before the one with this index. False
    /// where the latter is not certain.
    async fn clean_up(&mut self, batch: &[Attempt<'_>], index: usize, going: &mut Going<'_>) -> bool {
        let mut sql = format!("ROLLBACK;{}", self.reset.sql);
        let untold = batch.first().filter(|_| index > going.applied);
        if let Some(first) = untold {
            sql = format!("{sql};{};{}", self.ledger.flush(), self.ledger.applied_under(first.fence, index));
        }
        let mut done = self.try_query(sql.clone()).await;
        if done.as_ref().is_err_and(is_cancelled) {
            // The cancellation was meant for the statement before.
            done = self.try_query(sql).await;
        }
        match (done, untold) {
            (Ok(results), Some(_)) => {
                let rows = results.last().map(Vec::as_slice).unwrap_or_default();
                going.applied(batch, &Applied::all(batch.get(..index).unwrap_or_default(), rows));
                true
            }
            // Where nothing is at stake and this fails, so does recording the attempt, which tells.
            (done, _) => done.is_ok() || untold.is_none(),
        }
    }
}

fn is_cancelled(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.code() == QUERY_CANCELLED)
}

/// Makes what is committed safe while the message goes on, so that a long file does not keep those before it from being
/// told of, and finds out which it is. Only a convenience: where it does not succeed, the end of the message does the same.
async fn wait_for_the_disk(
    address: &Address,
    ledger: &Ledger,
    batch: &[Attempt<'_>],
    going: &RefCell<Going<'_>>,
) -> Infallible {
    if batch.len() < 2 {
        return std::future::pending().await;
    }
    let mut connection = None;
    loop {
        tokio::time::sleep(UNTOLD).await;
        let asked = match connection.take() {
            Some(opened) => Ok(opened),
            None => address.options.connect().await,
        };
        let asked = match asked {
            Ok(mut opened) => what_is_safe(&mut opened, ledger, batch).await.map(|applied| (opened, applied)),
            Err(error) => Err(error),
        };
        match asked {
            Ok((opened, applied)) => {
                going.borrow_mut().applied(batch, &applied);
                connection = Some(opened);
            }
            Err(error) => {
                tracing::debug!(%error, "the disk cannot be waited for by a second connection");
                return std::future::pending().await;
            }
        }
    }
}
async fn what_is_safe(
    connection: &mut PgConnection,
    ledger: &Ledger,
    batch: &[Attempt<'_>],
) -> Result<Applied, sqlx::Error> {
    let Some(first) = batch.first() else { return Ok(Applied::default()) };
    let applied = ledger.applied_under(first.fence, batch.len());
    let rows = sqlx::raw_sql(AssertSqlSafe(applied)).fetch_all(&mut *connection).await?;
    // What was read before it is safe behind it.
    sqlx::raw_sql(AssertSqlSafe(ledger.flush())).execute(&mut *connection).await?;
    Ok(Applied::read(batch, &rows))
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
        Phase::Record => {
            failure.message = format!("recording the attempt: {}", failure.message);
            if failure.code.as_deref() == Some(READ_ONLY) {
                failure.hint =
                    Some("the file has made its own transaction read-only: it cannot be recorded so".to_owned());
            }
        }
        Phase::Begin | Phase::Statement(_) | Phase::Committed => {}
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
