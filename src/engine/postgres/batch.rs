//! Applies several files by one message, each in a transaction of its own, and finds out which of them the server's
//! answers are about.
//!
//! Only the last file's commit waits for the disk, and no file is reported as applied before it cannot be lost any more.
//! Which are, and for how long each has run, is read from the ledger and known from nothing else: after the last file,
//! after an error, or, where a message takes long, by a second connection, which waits for the disk meanwhile.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Either, Row};

use super::address::Address;
use super::answers::{Heard, News, Phase, tell_phase};
use super::error::{INVALID_INDEX, QUERY_CANCELLED, advice, connection_lost, failure_of, position, server_error};
use super::ledger::Ledger;
use super::mark::End;
use super::message::{Message, Transactions};
use super::session::PostgresSession;
use super::settings::ALL_ROWS;
use crate::engine::session::{ApplyError, ApplyOutcome, Attempt, Progress};
use crate::engine::shared::journal_failure::OVERTAKEN;
use crate::policy::AlreadyExists;
use crate::report::{ErrorClass, Failure, Reason};

/// For how long files that are committed may wait to be reported.
const UNTOLD: Duration = Duration::from_secs(1);

/// What became of a message.
pub(super) enum Sent {
    /// Every file of it is applied.
    Applied,
    /// Some files of it are applied and the session is ready for those after them.
    Interrupted,
    /// Nothing has run: the server does not understand the text, in the file with this index where that is known.
    NotUnderstood(Option<usize>, Failure),
    /// What became of the first file that was not reported as applied.
    Failed(ApplyError),
}

/// What of a batch is applied, as the ledger shows.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// How long each has run, from the first file on.
    pub(super) durations: Vec<Duration>,
    /// For how long the last of them has been committed.
    since: Duration,
}

impl Applied {
    /// From the rows of [`Ledger::applied_under`]: the files from the first on of which each has its row.
    fn read(batch: &[Attempt<'_>], rows: &[PgRow]) -> Self {
        let row = |row: &PgRow| -> Option<(String, (Duration, Duration))> {
            let ms = |column| row.try_get::<i64, _>(column).ok().and_then(|ms| u64::try_from(ms).ok());
            Some((row.try_get(0).ok()?, (Duration::from_millis(ms(1)?), Duration::from_millis(ms(2)?))))
        };
        let rows: HashMap<String, (Duration, Duration)> = rows.iter().filter_map(row).collect();
        let found = batch.iter().map_while(|attempt| rows.get(&attempt.migration.file));
        let (durations, since): (Vec<Duration>, Vec<Duration>) = found.copied().unzip();
        Self { durations, since: since.last().copied().unwrap_or_default() }
    }

    /// How many files.
    fn len(&self) -> usize {
        self.durations.len()
    }
}

/// How far a message is, as far as the answers and the ledger have shown.
pub(super) struct Going<'p> {
    pub(super) heard: Heard,
    /// How many files were reported as started, and as applied.
    pub(super) started: usize,
    pub(super) applied: usize,
    /// Of the files that have ended, where the message asks for it.
    pub(super) ends: Vec<End>,
    pub(super) progress: &'p mut dyn FnMut(usize, Progress),
}

impl<'p> Going<'p> {
    /// Of a message whose first file is reported as started.
    pub(super) fn new(progress: &'p mut dyn FnMut(usize, Progress)) -> Self {
        Self { heard: Heard::default(), started: 1, applied: 0, ends: Vec::new(), progress }
    }

    fn news(&mut self, index: usize, news: News) {
        self.started_up_to(index, Duration::ZERO);
        if let News::StatementsDone(done) = news {
            (self.progress)(index, Progress::StatementsDone(done));
        }
    }

    /// The file with this index is running, for this long.
    fn started_up_to(&mut self, index: usize, ago: Duration) {
        for index in self.started..=index {
            (self.progress)(index, Progress::Started(ago));
        }
        self.started = self.started.max(index + 1);
    }

    /// What the ledger shows is safe on disk.
    fn applied(&mut self, batch: &[Attempt<'_>], applied: &Applied) {
        let committed = applied.len();
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
        // Of the file after `rest`.
        let mut not_understood = None;
        progress(0, Progress::Started(Duration::ZERO));
        loop {
            match self.send_message(rest, progress).await {
                Sent::Applied => break,
                Sent::Interrupted => return Ok(()),
                Sent::Failed(error) => return Err(error),
                Sent::NotUnderstood(index, failure) => {
                    // What comes before it runs first. Where the server gives no place, halves show it.
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
        Err(ApplyError::new(failure, 0, false))
    }

    /// Sends one message for all of a batch, which is not empty.
    async fn send_message(&mut self, batch: &[Attempt<'_>], progress: &mut dyn FnMut(usize, Progress)) -> Sent {
        let mut message = Message::new(self.frame(), Transactions::Each, batch);
        let text = std::mem::take(&mut message.text);
        let going = RefCell::new(Going::new(progress));
        let (address, ledger) = (self.address.clone(), self.ledger.clone());
        let followed = tokio::select! {
            biased;
            followed = self.follow(text, &message, &going) => followed,
            never = wait_for_the_disk(&address, &ledger, batch, &going) => match never {},
        };
        let mut going = going.into_inner();
        match followed {
            Ok(rows) => self.ended_well(batch, &rows, &mut going).await,
            Err(error) => self.ended_with(batch, &message, &error, &mut going).await,
        }
    }

    /// What became of a message that was answered to its end. `rows` show which files are applied.
    async fn ended_well(&mut self, batch: &[Attempt<'_>], rows: &[PgRow], going: &mut Going<'_>) -> Sent {
        going.applied(batch, &Applied::read(batch, rows));
        if going.applied < batch.len() {
            // In a message of its own, so that the ledger's answer cannot be mistaken.
            match self.ask_ledger(batch).await {
                Ok(applied) => going.applied(batch, &applied),
                Err(error) => tracing::debug!(%error, "the ledger could not be asked what is applied"),
            }
        }
        batch.get(going.applied).map_or(Sent::Applied, |&missing| Sent::Failed(without_row(missing)))
    }

    /// What became of a message that has met an error.
    async fn ended_with(
        &mut self,
        batch: &[Attempt<'_>],
        message: &Message<'_>,
        error: &sqlx::Error,
        going: &mut Going<'_>,
    ) -> Sent {
        let heard = going.heard;
        if heard.is_nothing() && !connection_lost(error) && !is_cancelled(error) {
            // Before the first answer no transaction is open.
            let (index, failure) = not_understood(message, error);
            return Sent::NotUnderstood(index, failure);
        }
        let (index, phase) = message.at(heard);
        if connection_lost(error) {
            return Sent::Failed(apply_error(message, heard, index, error));
        }
        let Ok(applied) = self.clean_up(batch).await else {
            return Sent::Failed(unknown(apply_error(message, heard, index, error)));
        };
        going.applied(batch, &applied);
        // The first that is not applied, wherever the answers have come from.
        let failing = going.applied;
        let Some(&attempt) = batch.get(failing) else {
            // A cancellation that came too late has hit what is read after the last file.
            return Sent::Applied;
        };
        if phase == Phase::Answered {
            return Sent::Failed(without_row(attempt));
        }
        let failed = apply_error(message, heard, failing, error);
        let skips = self.already_exists == AlreadyExists::SkipIfIdentical;
        match (failed.outcome, failed.failure.class) {
            // Nothing of it is left. As the first file of the next message it has a time of its own.
            (ApplyOutcome::Refused, _) if failing > 0 && may_depend_on_time(failed.failure.code.as_deref()) => {
                Sent::Interrupted
            }
            (ApplyOutcome::Refused, ErrorClass::AlreadyExists) if skips => {
                let mut told = |told| (going.progress)(failing, told);
                match self.apply_stepwise(attempt, &mut told).await {
                    Ok(duration) => {
                        (going.progress)(failing, Progress::Applied(duration));
                        Sent::Interrupted
                    }
                    Err(error) => Sent::Failed(error),
                }
            }
            _ => Sent::Failed(failed),
        }
    }

    /// Sends a message and follows its answers as they come. Returns the rows of what follows the files.
    pub(super) async fn follow(
        &mut self,
        text: String,
        message: &Message<'_>,
        going: &RefCell<Going<'_>>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut rows = Vec::new();
        let mark = self.mark.clone();
        let waiting = self.heard.asks(text.len());
        let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(self.connection());
        while let Some(answer) = stream.try_next().await? {
            waiting.hears();
            let mut going = going.borrow_mut();
            match answer {
                Either::Left(_) => {
                    going.heard.answer();
                    if let Some((index, news)) = message.news(going.heard) {
                        going.news(index, news);
                    }
                }
                Either::Right(row) => match mark.read(&row) {
                    Some(told) => {
                        going.heard.mark(told);
                        going.ends.extend(mark.read_end(&row));
                    }
                    None if message.at(going.heard).1 == Phase::Answered => rows.push(row),
                    // Of a file's own query.
                    None => {}
                },
            }
        }
        Ok(rows)
    }

    /// Makes the session ready for the next file, and what is committed safe, and asks the ledger which files that are.
    pub(super) async fn clean_up(&mut self, batch: &[Attempt<'_>]) -> Result<Applied, sqlx::Error> {
        let Some(first) = batch.first() else { return Ok(Applied::default()) };
        let applied = self.ledger.applied_under(first.fence, batch.len());
        let ask = format!(";{};{ALL_ROWS};{applied}", self.ledger.flush());
        let mut done = self.start_over(&ask).await;
        if done.as_ref().is_err_and(is_cancelled) {
            // The cancellation was meant for the statement before.
            done = self.start_over(&ask).await;
        }
        Ok(Applied::read(batch, done?.last().map(Vec::as_slice).unwrap_or_default()))
    }

    /// Which files are applied, and safe.
    pub(super) async fn ask_ledger(&mut self, batch: &[Attempt<'_>]) -> Result<Applied, sqlx::Error> {
        let ledger = self.ledger.clone();
        what_is_safe(self.connection(), &ledger, batch).await
    }
}

/// Whether an error may come from the time that all files of a message share: from rows and values, or raised by a
/// trigger. Source: PostgreSQL, appendix A.
fn may_depend_on_time(code: Option<&str>) -> bool {
    let class = code.and_then(|code| code.get(..2)).unwrap_or_default();
    matches!(class, "21" | "22" | "23" | "44" | "P0")
}

/// Nothing has run: the server does not understand the text, in the file with this index where that is known.
pub(super) fn not_understood(message: &Message<'_>, error: &sqlx::Error) -> (Option<usize>, Failure) {
    let character = server_error(error).and_then(position);
    let found = character.map(|character| message.file_of_character(character));
    let index = found.unwrap_or(0);
    let place = message.place_of_character(index, character);
    let end = || found.and_then(|index| message.place_of_end(index)).unwrap_or_else(|| message.place(index, None));
    let mut failure = Failure { place: Some(place.unwrap_or_else(end)), ..failure_of(error, Reason::StatementFailed) };
    failure.message = message.without_passwords(index, &failure.message);
    (found, failure)
}

/// The server has answered all that a file was sent with, and yet its row is not in the ledger.
pub(super) fn without_row(attempt: Attempt<'_>) -> ApplyError {
    let file = &attempt.migration.file;
    let failure = Failure::new(Reason::LedgerUnusable, format!("the server has answered all of {file} without an error, but the ledger has no row of it")).class(ErrorClass::UnknownOutcome).hint(format!(
            "something takes rows out of the ledger, such as a trigger, a rule, or SQL of the files'; what {file} has done may \
             be there: look, and record it with `schemaward baseline`, or undo it, before the next run"
        )).at(attempt.migration.place());
    ApplyError::new(failure, 0, true)
}

pub(super) fn is_cancelled(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.code() == QUERY_CANCELLED)
}

/// Makes what is committed safe while the message is running, so that a long file does not delay the reports of those
/// before it, and finds out what is safe. Only a convenience: if it fails, the end of the message does the same.
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
            None => Box::pin(address.connect(&address.options)).await,
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
    let applied = format!("{ALL_ROWS};{}", ledger.applied_under(first.fence, batch.len()));
    let rows = sqlx::raw_sql(AssertSqlSafe(applied)).fetch_all(&mut *connection).await?;
    // What was read before it is safe after it.
    sqlx::raw_sql(AssertSqlSafe(ledger.flush())).execute(&mut *connection).await?;
    Ok(Applied::read(batch, &rows))
}

/// The failure of a message that did not go through, in the file with this index, with its place.
pub(super) fn apply_error(message: &Message<'_>, heard: Heard, index: usize, error: &sqlx::Error) -> ApplyError {
    // Where the ledger and the answers are not of one mind, only the file is certain.
    let (statements_done, phase) = match message.at(heard) {
        (at, phase) if at == index => (message.statements_done(heard), phase),
        _ => (0, Phase::Unclear),
    };
    let mut failure = failure_of(error, Reason::StatementFailed);
    if failure.reason == Reason::Fenced {
        OVERTAKEN.clone_into(&mut failure.message);
        return ApplyError::new(failure, statements_done, false);
    }
    let character = server_error(error).and_then(position);
    let invalid_index =
        server_error(error).filter(|error| error.code() == INVALID_INDEX).and_then(|error| error.column());
    let statement = match (invalid_index.and_then(|number| number.parse().ok()), phase) {
        (Some(number), _) => Some(number),
        (None, Phase::Statement(index)) => Some(index),
        (None, _) => None,
    };
    let pointed = message.place_of_character(index, character);
    failure.place = Some(pointed.unwrap_or_else(|| message.place(index, statement)));
    failure.message = message.without_passwords(index, &failure.message);
    if let Some(advice) = advice(&failure, message.statement_sql(index, failure.place.as_ref())) {
        failure = failure.also_hint(advice);
    }
    tell_phase(&mut failure, phase);
    ApplyError::new(failure, statements_done, connection_lost(error))
}

/// The same where the ledger has to say how far it went.
pub(super) fn unknown(error: ApplyError) -> ApplyError {
    ApplyError { outcome: ApplyOutcome::Unknown, ..error }
}
