//! What every database engine must be able to do for a run. The protocol itself is in [`super::run`]; an engine knows
//! its server's SQL, locks and error codes, and nothing of the order of things.
//!
//! The traits speak of attempts and outcomes, never of transactions. PostgreSQL keeps a file and its row in one
//! transaction; an engine whose DDL commits implicitly keeps a journal of statements. Both are internal to
//! [`Session::apply`].

use std::time::Duration;

use super::acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
use super::examination::Check;
pub use super::fence::Fence;
use super::identity::LedgerIdentity;
use super::stop::Stop;
use crate::engine::RecordedAttempt;
use crate::migration::{Migration, Version};
pub use crate::plan::StoredRollback;
use crate::plan::{Kind, LedgerState};
use crate::policy::AlreadyExists;
use crate::report::{Failure, LockBlocker, Reason, StatementProgress};
use crate::sql::{Dialect, Execution, TransactionMode};

/// How a run's sessions are set up, whichever engine it is.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseSettings<'a> {
    /// The server shows it as its client's name where it can.
    pub run: &'a str,
    /// How long a statement may wait for a table's lock.
    pub lock_timeout: Duration,
    /// Where the ledger lies.
    pub history_schema: &'a str,
    /// How to treat a statement whose object already exists.
    pub already_exists: AlreadyExists,
}

/// A database that can be connected to.
#[expect(async_fn_in_trait, reason = "used generically on one thread; no Send bound is wanted")]
pub trait Database {
    /// A connection to it.
    type Session: Session;

    /// Connects and brings the session into the state every file starts from.
    ///
    /// # Errors
    ///
    /// A [`Failure`] that names host and port, never the password.
    async fn connect(&self) -> Result<Self::Session, SessionError>;

    /// By which rules its SQL is read.
    fn dialect(&self) -> Dialect;

    /// Host, port and name, without user and password: what people know databases by.
    fn address(&self) -> String;

    /// Where the ledger lies: a schema, or what its tables' names begin with.
    fn history_schema(&self) -> &str;

    /// Examines the database step by step, each step asking for no more than the ones before it. Writes nothing, and
    /// keeps no lock.
    async fn examine(&self) -> Vec<Check>;

    /// Watches what a session waits for and how far it is, through a connection of its own that is opened only when the
    /// session has been running for a second or for a good part of a lock's timeout, and hands over what is seen of it. Ends
    /// only when it sees that the session's connection is lost, which the session itself cannot; the server has ended the
    /// session then, or been asked to. What else goes wrong is only logged, since this is only there to know.
    async fn watch(&self, session: SessionId, seen: &mut dyn FnMut(StatementProgress)) -> Failure;

    /// How long a statement may wait for a table's lock.
    fn lock_timeout(&self) -> Duration;

    /// Whether a statement that is committed separately is tried again when it did not get a table's lock in time; those
    /// before it are not.
    fn tries_statements_again(&self) -> bool {
        false
    }

    /// How long a session that was asked to stop may take to stop on its own, between two messages. Only after that is the
    /// running statement cancelled.
    fn stops_within(&self) -> Duration {
        Duration::ZERO
    }

    /// Ends the statement that a session is executing, through a connection of its own.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached or refuses.
    async fn cancel(&self, session: SessionId) -> Result<(), SessionError>;
}

/// A connection to a database, and what a run does with it.
#[expect(async_fn_in_trait, reason = "used generically on one thread; no Send bound is wanted")]
pub trait Session {
    /// Names this session to [`Database::cancel`].
    fn id(&self) -> SessionId;

    /// The server's own engine, whatever the URL's scheme says.
    fn server_dialect(&self) -> Dialect;

    /// Reads the ledger. Takes no lock and writes nothing; a ledger that does not exist is empty.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read, or was written by a newer Schemaward.
    async fn read_ledger(&mut self) -> Result<LedgerState, SessionError>;

    /// Who holds the lock; None where it is free.
    ///
    /// # Errors
    ///
    /// Where the server cannot be asked.
    async fn lock_holder(&mut self) -> Result<Option<String>, SessionError>;

    /// The newest `limit` attempts or all of them, newest first, and the newest that failed.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read. A ledger that does not exist is empty.
    async fn attempts(
        &mut self,
        limit: Option<u32>,
    ) -> Result<(Vec<RecordedAttempt>, Option<RecordedAttempt>), SessionError>;

    /// Tries to take the lock in the database. Never waits inside the server.
    ///
    /// # Errors
    ///
    /// Where the server cannot be asked. That somebody else holds the lock is no error.
    async fn try_lock(&mut self) -> Result<LockAttempt, SessionError>;

    /// Under the lock: makes or upgrades the ledger where that is due, raises the fence, reads the ledger.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be made, or was written by a newer Schemaward.
    async fn take_over(&mut self, run: &str) -> Result<(Fence, LedgerState), SessionError>;

    /// Applies one migration and records it, both or neither, guarded by the fence. `progress` hears of its statements;
    /// the call itself shows that it has started and is applied.
    ///
    /// # Errors
    ///
    /// [`ApplyError`], which says whether the outcome is known.
    async fn apply(&mut self, attempt: Attempt<'_>, progress: &mut dyn FnMut(Progress))
    -> Result<Duration, ApplyError>;

    /// Applies several migrations in their order, each as [`Self::apply`] does, and none after one that was not applied.
    /// `progress` hears how it goes, with the number of the attempt, from 0. What was not reported to it as applied when
    /// this ends may be tried again, unless the outcome is unknown; the error is about the first of them.
    /// Without an error at least one has been applied, perhaps not all. An engine that cannot send several at once does
    /// nothing of its own here.
    ///
    /// # Errors
    ///
    /// [`ApplyError`], which says whether the outcome is known.
    async fn apply_batch(
        &mut self,
        batch: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), ApplyError>
    where
        Self: Sized,
    {
        one_by_one(self, batch, progress).await
    }

    /// Applies several migrations in their order in one transaction with all their rows: all of them, or none. `progress`
    /// hears how it goes, with the number of the attempt, from 0; that they are applied it hears of all at the end.
    ///
    /// # Errors
    ///
    /// [`Undone`]: none of them is applied, or the outcome is not known. An engine whose DDL commits implicitly runs nothing.
    async fn apply_together(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone>;

    /// Records a failed attempt, guarded by the fence.
    ///
    /// # Errors
    ///
    /// Where the row cannot be written.
    async fn record_failure(&mut self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> Result<(), SessionError>;

    /// Says, guarded by the fence, what became of a statement whose end was not recorded. False where there is none.
    ///
    /// # Errors
    ///
    /// Where the row cannot be written.
    async fn settle(&mut self, fence: Fence, by_hand: &ByHand<'_>) -> Result<bool, SessionError>;

    /// Writes the row of a rollback that a person has done by hand, guarded by the fence: the version is not in force any
    /// more, and what is open of its rollback in the journal becomes a part of the row.
    ///
    /// # Errors
    ///
    /// Where the row cannot be written.
    async fn record_undone(&mut self, by_hand: Attempt<'_>) -> Result<(), SessionError>;

    /// Writes the row of an attempt that a person has given up, guarded by the fence; what is open of its file in the journal
    /// becomes a part of the row. What the person said is written with it, in one transaction.
    ///
    /// # Errors
    ///
    /// Where the row cannot be written.
    async fn record_abandoned(
        &mut self,
        attempt: Attempt<'_>,
        given_up: FailedAttempt<'_>,
        said: Acknowledgement<'_>,
    ) -> Result<(), SessionError>;

    /// The rollback SQL of versions that are in force, as the ledger keeps it; in any order. Not a part of what
    /// [`Self::read_ledger`] reads, which stays small.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    async fn stored_rollbacks(&mut self, versions: &[Version]) -> Result<Vec<StoredRollback>, SessionError>;

    /// Records migrations as in force without running them, all or none, guarded by the fence.
    ///
    /// # Errors
    ///
    /// Where the rows cannot be written.
    async fn record_unrun(&mut self, unrun: Unrun<'_>) -> Result<(), SessionError>;

    /// Gives the row in force of a migration's version the checksums and the name that its file has now, and keeps a row
    /// with those before, guarded by the fence. False where nothing differs or the version is not in force.
    ///
    /// # Errors
    ///
    /// Where the rows cannot be written.
    async fn accept_edit(&mut self, fence: Fence, run: &str, migration: &Migration) -> Result<bool, SessionError>;

    /// Writes down what a person has taken upon themselves, guarded by the fence.
    ///
    /// # Errors
    ///
    /// Where the row cannot be written.
    async fn acknowledge(&mut self, acknowledgement: Acknowledgement<'_>) -> Result<(), SessionError>;

    /// What of one kind a person has taken upon themselves, newest first. None of a ledger that does not exist, or that
    /// has no place for it yet. Not a part of what [`Self::read_ledger`] reads, which stays small.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    async fn acknowledged(&mut self, kind: AcknowledgementKind) -> Result<Vec<Acknowledged>, SessionError>;

    /// What the ledger and its place are known by; None where there is no ledger. Not a part of what
    /// [`Self::read_ledger`] reads, which stays small.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    async fn identity(&mut self) -> Result<Option<LedgerIdentity>, SessionError>;

    /// The rows of one query, whose columns must all be texts: for tables that are not Schemaward's, which are read and
    /// never written.
    ///
    /// # Errors
    ///
    /// Where the server refuses the query.
    async fn text_rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, SessionError>;

    /// Notes that the lock is given back, and gives it back.
    ///
    /// # Errors
    ///
    /// Where the server cannot be asked. The lock ends with the connection in any case.
    async fn release(&mut self, fence: Fence) -> Result<(), SessionError>;

    /// Ends the connection.
    async fn close(self);
}

/// The progress of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// A migration's first statement is about to run, or has been running for this long.
    Started(Duration),
    /// This many of its statements have run. They are not yet committed where the file is one transaction.
    StatementsDone(usize),
    /// The statement with this index, from 0, is skipped: what it makes already exists, with the same definition.
    StatementSkipped(usize),
    /// The next statement is not started yet: it would wait for this transaction.
    WaitingFor(LockBlocker),
    /// It is committed with its row, and no crash of the server can lose it; how long it took.
    Applied(Duration),
}

/// [`Session::apply_batch`], one after the other.
pub(super) async fn one_by_one<S: Session>(
    session: &mut S,
    batch: &[Attempt<'_>],
    progress: &mut dyn FnMut(usize, Progress),
) -> Result<(), ApplyError> {
    for (index, &attempt) in batch.iter().enumerate() {
        if index > 0 && attempt.stop.reason().is_some() {
            return Ok(());
        }
        progress(index, Progress::Started(Duration::ZERO));
        let applied = session.apply(attempt, &mut |told| progress(index, told)).await?;
        progress(index, Progress::Applied(applied));
    }
    Ok(())
}

/// A server process or thread, as the server numbers them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionId(pub i64);

/// The answer to [`Session::try_lock`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LockAttempt {
    /// This session holds it now.
    Taken,
    /// Somebody else does: user, process, program, connected since when. Empty where they are not known any more.
    HeldBy(String),
}

/// One try of one migration.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub migration: &'a Migration,
    /// Which way, and why.
    pub kind: Kind,
    /// The run it belongs to.
    pub run: &'a str,
    /// What the fence must still be at.
    pub fence: Fence,
    /// Asked between two statements that are committed separately: a cancellation may hit neither of them.
    pub stop: &'a Stop,
}

/// Migrations that are in force without having been run by Schemaward.
#[derive(Clone, Copy, Debug)]
pub struct Unrun<'a> {
    /// [`Kind::Baseline`], or [`Kind::Adopted`], with which the rollback SQL is kept.
    pub kind: Kind,
    pub migrations: &'a [&'a Migration],
    /// The run that records them.
    pub run: &'a str,
    /// What the fence must still be at.
    pub fence: Fence,
}

/// What became of an attempt that failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt<'a> {
    pub failure: &'a Failure,
    /// How many of the file's statements had run before.
    pub statements_done: usize,
    /// How long it took.
    pub duration: Duration,
}

impl FailedAttempt<'_> {
    /// Counted from 0, the statement of a rollback that was refused in the transaction in which it shares its fate with
    /// its row, and so has none. It gets one: what is stored cannot be corrected as a file can, and a person who has done
    /// the statement's work by hand says so of its row.
    pub(super) fn refused_in_rollback(&self, attempt: Attempt<'_>) -> Option<usize> {
        let (migration, index) = (attempt.migration, self.statements_done);
        let told_of = self.failure.place.as_ref().and_then(|place| usize::try_from(place.statement?).ok());
        let was_refused = self.failure.reason == Reason::StatementFailed && told_of == Some(index + 1);
        let journaled = attempt.kind == Kind::Rollback && migration.mode == TransactionMode::PerStatement;
        (was_refused && journaled && *migration.execution(index) == Execution::Transaction).then_some(index)
    }
}

/// What a person found out about a statement whose end was not recorded, or has done in place of one that was refused.
#[derive(Clone, Copy, Debug)]
pub struct ByHand<'a> {
    pub version: &'a Version,
    /// The statement's number in its file, from 1.
    pub statement: i32,
    /// Whether it has run.
    pub has_run: bool,
    /// The run that writes it down.
    pub run: &'a str,
}

/// Something a session could not do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", failure.message)]
pub struct SessionError {
    pub failure: Failure,
    /// Whether the connection is gone.
    pub connection_lost: bool,
}

/// Why a migration was not applied.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", failure.message)]
pub struct ApplyError {
    /// What the server refused; or how the connection broke, and where.
    pub failure: Failure,
    /// How many of the file's statements are known to have run.
    pub statements_done: usize,
    pub outcome: ApplyOutcome,
}

/// Why none of several migrations in one transaction was applied.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", error.failure.message)]
pub struct Undone {
    /// Which of them could not be applied, from 0.
    pub index: usize,
    /// Its error.
    pub error: ApplyError,
}

/// What a migration that was not applied has left, as far as the session knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ApplyOutcome {
    /// Nothing that the ledger does not show: the server refused it.
    Refused,
    /// The connection broke before that was known. The ledger knows it.
    Unknown,
}

impl ApplyError {
    /// `is_unknown`: the outcome was not reported.
    pub(super) fn new(failure: Failure, statements_done: usize, is_unknown: bool) -> Self {
        let outcome = if is_unknown { ApplyOutcome::Unknown } else { ApplyOutcome::Refused };
        Self { failure, statements_done, outcome }
    }
}
