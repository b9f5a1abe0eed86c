//! Applies a file statement by statement, with a row in the statement journal for each, and resumes an interrupted file
//! at the statement where it stopped.
//!
//! A statement that changes rows runs in a transaction with its row: both or neither. One that commits implicitly runs
//! between a row *started* and its end. If that end was not recorded, the catalog says whether it has run, or a person
//! has to. No other run works on the database meanwhile: this session holds the lock.

use std::time::{Duration, Instant};

use super::answers::{Astray, Matching};
use super::error::{advice, connection_lost, failure_of};
use super::journal::{JournalRow, question};
use super::kept::Tracker;
use super::pace::Pace;
use super::place::place_of;
use super::reset::changes_session;
use super::resuming::Journaled;
use super::rows::value;
use super::script::{HasRun, Role, Script, in_transaction};
use super::session::{MysqlSession, overtaken};
use crate::engine::session::{ApplyError, Attempt, Progress, SessionError};
use crate::engine::shared::comparison::skip_or_fail;
use crate::engine::shared::journal_verdict::{Verdict, settled, verdict};
use crate::engine::shared::stopped::stopped_before;
use crate::migration::Migration;
use crate::policy::AlreadyExists;
use crate::report::{ErrorClass, Failure, Reason};
use crate::sql::{Execution, message_without_passwords};

/// A message that did not go through.
struct Broken {
    failure: Failure,
    connection_lost: bool,
    /// What failed in it; None where the answers do not show it.
    role: Option<Role>,
    /// The statement that ran outside a transaction and whose end is not recorded.
    unended: Option<usize>,
}

/// Why a file was not applied.
enum Stopped {
    /// Before anything was sent.
    Before(SessionError),
    Sent(Broken),
    /// After everything was committed.
    Committed(SessionError),
}

impl MysqlSession {
    /// [`crate::engine::Session::apply`].
    pub(super) async fn apply_journaled(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        let began = Instant::now();
        let mut statements_done = 0;
        let stopped = self.run_statements(attempt, &mut statements_done, progress).await;
        let Err(stopped) = stopped else { return Ok(began.elapsed()) };
        self.may_resume = true;
        let (mut failure, unknown) = match stopped {
            Stopped::Before(error) => (error.failure, error.connection_lost),
            Stopped::Committed(error) => (error.failure, true),
            Stopped::Sent(broken) => match self.broken(attempt, broken, &mut statements_done).await {
                Some(ended) => ended,
                None => return Ok(began.elapsed()),
            },
        };
        if failure.place.is_none() && failure.reason != Reason::Fenced {
            // A cancellation may meet no statement of the file's: then the failure says before which one.
            let next = Some(statements_done).filter(|next| *next < attempt.migration.statements.len());
            let next = next.filter(|_| attempt.stop.reason().is_some());
            let (migration, place) = (attempt.migration, Migration::place_of_statement);
            failure.place = Some(next.map_or_else(|| migration.place(), |next| place(migration, next)));
        }
        Err(ApplyError::new(failure, statements_done, unknown))
    }

    async fn run_statements(
        &mut self,
        attempt: Attempt<'_>,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Stopped> {
        let migration = attempt.migration;
        check_sizes(migration, self.server.max_packet).map_err(Stopped::Before)?;
        let mut journaled = self.has_run(attempt).await.map_err(Stopped::Before)?;
        if changes_session(migration) {
            self.note_variables().await.map_err(Stopped::Before)?;
        }
        *done = journaled.has_run.iter().take_while(|has_run| has_run.is_some()).count();
        journaled.same_session = self.kept_for.take().as_deref() == Some(migration.file.as_str());
        let session = self.resume(attempt, &mut journaled).await.map_err(Stopped::Before)?;
        let has_run = journaled.has_run;
        if *done > 0 {
            progress(Progress::StatementsDone(*done));
        }
        self.send_script(attempt, has_run, session, done, progress).await.map_err(Stopped::Sent)?;
        if changes_session(migration) {
            self.reset(migration).await.map_err(Stopped::Committed)?;
        }
        Ok(())
    }

    async fn send_script(
        &mut self,
        attempt: Attempt<'_>,
        has_run: Vec<Option<HasRun>>,
        session: Tracker,
        done: &mut usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Broken> {
        let (ledger, server) = (self.ledger.clone(), self.server.clone());
        let mut script = Script::new(&ledger, attempt, has_run, session, &server);
        let (mut unended, mut uncommitted, mut pace) = (None, None, Pace::default());
        loop {
            if let (Some(reason), Some(index)) = (attempt.stop.reason(), script.begins_with()) {
                let failure = stopped_before(reason, attempt.migration, index);
                return Err(Broken { failure, connection_lost: false, role: Some(Role::Ours), unended });
            }
            let Some(message) = script.next_message(pace.statements()) else { break };
            let (mut matching, sent_at) = (Matching::new(&message.roles, message.last_has_several), Instant::now());
            let mut note = |role: Role| {
                match role {
                    Role::Alone(index) => unended = Some(index),
                    Role::Rows => unended = None,
                    Role::Statement(index) => {
                        uncommitted = shares_transaction(attempt.migration, index).then_some(index);
                    }
                    Role::Commit => uncommitted = None,
                    Role::Ours | Role::Mark(_) | Role::Started(..) => {}
                }
                if let Role::Alone(index) | Role::Statement(index) = role {
                    *done = (*done).max(index + 1);
                    progress(Progress::StatementsDone(*done));
                }
            };
            let answered = |mark| matching.answer(mark).into_iter().for_each(&mut note);
            let sent = self.stream(message.text, answered).await;
            pace.measured(sent_at.elapsed());
            let Err(error) = sent else {
                match matching.end() {
                    Ok(last) => last.into_iter().for_each(&mut note),
                    Err(astray) => return Err(gone_astray(attempt.migration, &message.roles, astray, None)),
                }
                if let Some(&Role::Alone(index)) = message.roles.last()
                    && attempt.migration.session_change(index).hidden()
                {
                    let (users, variables) = self.seen().await.map_err(|error| unseen(error, index))?;
                    script.note_seen(users, variables);
                }
                continue;
            };
            let role = match matching.failed() {
                Ok(role) => role,
                Err(astray) if !connection_lost(&error) => {
                    return Err(gone_astray(attempt.migration, &message.roles, astray, Some(&error)));
                }
                Err(_) => Role::Ours,
            };
            if let Some(index) = uncommitted.take() {
                // It has run, but is rolled back with the row that could not be written.
                *done = index;
            }
            let failure = placed(&error, attempt.migration, role);
            let broken = Broken { failure, connection_lost: connection_lost(&error), role: Some(role), unended };
            let skipped = self.pass_over(attempt, broken).await?;
            unended = None;
            *done = (*done).max(skipped + 1);
            progress(Progress::StatementSkipped(skipped));
            progress(Progress::StatementsDone(skipped + 1));
            script.go_on_behind(skipped);
        }
        Ok(())
    }

    /// Passes over a statement whose object is there as it would make it, where that is asked for, and journals it as
    /// settled by the catalog. Its index. Until that row is written it is a statement that was started, and is compared
    /// again by the next run.
    async fn pass_over(&mut self, attempt: Attempt<'_>, broken: Broken) -> Result<usize, Broken> {
        let asked = self.already_exists == AlreadyExists::SkipIfIdentical;
        let is_there = broken.failure.class == ErrorClass::AlreadyExists && !broken.connection_lost;
        let Some(Role::Alone(index) | Role::Statement(index)) = broken.role else { return Err(broken) };
        if !asked || !is_there {
            return Err(broken);
        }
        let compared = self.compare(attempt.migration.statement_sql(index), attempt.fence).await;
        let skipped = compared.map(|comparison| skip_or_fail(broken.failure.clone(), comparison));
        match skipped {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => return Err(Broken { failure, ..broken }),
            Err(SessionError { mut failure, connection_lost }) => {
                failure.message = format!("comparing what already exists: {}", failure.message);
                failure.place.clone_from(&broken.failure.place);
                return Err(Broken { failure, connection_lost, ..broken });
            }
        }
        let ended = broken.unended.map(|index| self.ledger.end_statement(attempt, index, "server", None));
        let passed = self.ledger.end_statement(attempt, index, "catalog", None);
        let rows: Vec<String> = ended.into_iter().chain([passed]).collect();
        match self.write_guarded(attempt.fence, &rows).await {
            Ok(_) => Ok(index),
            // The journal shows whether it is written.
            Err(SessionError { failure, connection_lost }) => {
                Err(Broken { failure, connection_lost, role: Some(Role::Rows), unended: None })
            }
        }
    }

    /// What a message that did not go through means, and whether its outcome is unknown. Writes down what is known, and asks
    /// the ledger where the answer does not say. None where the file is applied all the same.
    async fn broken(&mut self, attempt: Attempt<'_>, broken: Broken, done: &mut usize) -> Option<(Failure, bool)> {
        let Broken { failure, connection_lost, role, unended } = broken;
        let Some(role) = role.filter(|_| !connection_lost) else { return Some((failure, true)) };
        let is_open = matches!(role, Role::Commit | Role::Mark(_));
        match self.write_down(attempt, &failure, role, unended).await {
            Ok(None) if is_open => match self.statements_applied(attempt).await {
                Ok(None) => None,
                Ok(Some(applied)) => {
                    *done = applied;
                    Some((failure, false))
                }
                Err(error) => {
                    tracing::warn!(%error, "the ledger could not be asked what was committed");
                    Some((failure, true))
                }
            },
            Ok(None) => Some((failure, false)),
            Ok(Some(other)) => Some((other, false)),
            // Only its end shows that a connection was killed.
            Err(lost) if lost.connection_lost => {
                let message = format!("{}; then {}", failure.message, lost.failure.message);
                let (class, reason) = (ErrorClass::Transient, Reason::ConnectionFailed);
                Some((Failure { class, reason, message, ..failure }, true))
            }
            Err(error) => {
                tracing::warn!(%error, "the journal could not be written");
                Some((failure, is_open))
            }
        }
    }

    /// How many statements of the file are committed, from the first one on; None where all of it is, with its row.
    async fn statements_applied(&mut self, attempt: Attempt<'_>) -> Result<Option<usize>, SessionError> {
        let answers = self.query(self.ledger.has_success(attempt), Reason::LedgerUnusable).await?;
        if value(answers.row(0), 0)? {
            return Ok(None);
        }
        let journaled = self.has_run(attempt).await?;
        Ok(Some(journaled.has_run.iter().take_while(|has_run| has_run.is_some()).count()))
    }

    /// Returns another failure where that matters more.
    async fn write_down(
        &mut self,
        attempt: Attempt<'_>,
        failure: &Failure,
        role: Role,
        unended: Option<usize>,
    ) -> Result<Option<Failure>, SessionError> {
        if failure.reason == Reason::LockTimedOut && attempt.migration.temporary_table_over_statements().is_some() {
            // The file is tried again in this session, and its temporary tables cannot be created again.
            self.query("ROLLBACK".to_owned(), Reason::ConnectionFailed).await?;
            self.kept_for = Some(attempt.migration.file.clone());
        } else if let Err(error) = self.reset(attempt.migration).await {
            // A cancellation was meant for the statement before; what has become of that must be written all the same.
            if error.connection_lost || attempt.stop.reason().is_none() {
                return Err(error);
            }
            self.reset(attempt.migration).await?;
        }
        if !self.is_ours(attempt.fence).await? {
            return Ok(Some(overtaken()));
        }
        let mut ends = Vec::new();
        // The server has answered it; what failed was to write so.
        ends.extend(unended.map(|index| self.ledger.end_statement(attempt, index, "server", None)));
        if let Role::Alone(index) | Role::Started(_, index) = role {
            ends.push(self.ledger.end_statement(attempt, index, "server", Some(failure)));
        }
        if !ends.is_empty() {
            self.write_guarded(attempt.fence, &ends).await?;
        }
        Ok(None)
    }

    /// Which statements have run before, as the journal or else the catalog says.
    async fn has_run(&mut self, attempt: Attempt<'_>) -> Result<Journaled, SessionError> {
        let mut journaled =
            Journaled { has_run: vec![None; attempt.migration.statements.len()], ..Journaled::default() };
        if !self.may_resume {
            return Ok(journaled);
        }
        let answers = self.query(self.ledger.journal(attempt), Reason::LedgerUnusable).await?;
        for row in answers.rows.iter().flatten() {
            let row = JournalRow::read(row)?;
            let Some(index) = row.statement.checked_sub(1) else { continue };
            if let Some(slot) = journaled.has_run.get_mut(index) {
                let done = self.is_done(attempt, index, &row).await?;
                *slot = done.then_some(HasRun { last_insert_id: row.last_insert_id, again: false });
                journaled.states.extend(row.session_state.filter(|_| done).map(|state| (index, state)));
            }
        }
        Ok(journaled)
    }

    async fn is_done(&mut self, attempt: Attempt<'_>, index: usize, row: &JournalRow) -> Result<bool, SessionError> {
        match verdict(attempt, index, Some(row.journaled())) {
            Verdict::Run => return Ok(false),
            Verdict::HasRun => return Ok(true),
            Verdict::Refuse(failure) => return Err(refused(failure)),
            Verdict::Ask => {}
        }
        // The names are the file's: of another statement nothing can be asked.
        let same = row.checksum == attempt.migration.statement_checksum(index);
        let question = match attempt.migration.execution(index) {
            Execution::Alone(trace) if same => question(trace),
            _ => None,
        };
        let answer = match question {
            Some(question) => {
                let answers = self.query(question, Reason::LedgerUnusable).await?;
                Some(value(answers.row(0), 0)?)
            }
            None => None,
        };
        match settled(attempt, index, row.journaled(), row.settlement(answer)) {
            Verdict::Run | Verdict::Ask => Ok(false),
            Verdict::Refuse(failure) => Err(refused(failure)),
            Verdict::HasRun => {
                tracing::info!(
                    statement = attempt.migration.place_of_statement(index).excerpt,
                    "its outcome was not recorded, but the catalog shows that it has run"
                );
                let end = self.ledger.end_statement(attempt, index, "catalog", None);
                self.write_guarded(attempt.fence, &[end]).await?;
                Ok(true)
            }
        }
    }
}

/// Whether a statement is committed with its row.
fn shares_transaction(migration: &Migration, index: usize) -> bool {
    in_transaction(migration.execution(index), migration.session_change(index))
}

/// A statement has run that could not be seen into, and the server could not be asked what it has set.
fn unseen(error: SessionError, index: usize) -> Broken {
    Broken {
        failure: error.failure,
        connection_lost: error.connection_lost,
        role: Some(Role::Rows),
        unended: Some(index),
    }
}

/// That each statement fits into a message.
fn check_sizes(migration: &Migration, max_packet: usize) -> Result<(), SessionError> {
    for (index, statement) in migration.statements.iter().enumerate() {
        let size = statement.span.end.saturating_sub(statement.span.start);
        // One byte says that it is a query.
        if size + 1 > max_packet {
            return Err(refused(
                Failure::new(
                    Reason::StatementFailed,
                    format!(
                        "the statement has {size} bytes, and the server takes messages of at most {max_packet} \
                     (max_allowed_packet)"
                    ),
                )
                .hint("divide the statement, or raise max_allowed_packet in the server")
                .at(migration.place_of_statement(index)),
            ));
        }
    }
    Ok(())
}

/// An error with its place in the file.
fn placed(error: &sqlx::Error, migration: &Migration, role: Role) -> Failure {
    let mut failure = failure_of(error, Reason::StatementFailed);
    match role {
        Role::Statement(index) | Role::Alone(index) => {
            let (place, message) = place_of(migration, index, &failure.message);
            failure.place = Some(place);
            failure.message = message_without_passwords(&message, &migration.sql);
        }
        Role::Commit => failure.message = format!("at COMMIT: {}", failure.message),
        Role::Ours | Role::Rows | Role::Mark(_) | Role::Started(..) => {
            failure.message = format!("writing the journal: {}", failure.message);
        }
    }
    if let Role::Statement(index) | Role::Alone(index) = role
        && let Some(advice) = advice(failure.code.as_deref(), migration.statement_sql(index))
    {
        failure.hint = Some(advice.to_owned());
    }
    if failure.reason == Reason::LockTimedOut {
        failure.hint = Some("wait for that transaction to end, or end its connection with KILL".to_owned());
    }
    failure
}

/// The server has split a message differently: the ledger and the journal show what has run.
fn gone_astray(migration: &Migration, roles: &[Role], astray: Astray, error: Option<&sqlx::Error>) -> Broken {
    let statement = |role: &Role| match role {
        Role::Alone(index) | Role::Statement(index) => Some(*index),
        _ => None,
    };
    let place =
        roles.iter().find_map(statement).map_or_else(|| migration.place(), |index| migration.place_of_statement(index));
    let error = error.map(|error| format!(" and then said: {}", failure_of(error, Reason::NeedsReview).message));
    let failure = Failure::new(Reason::NeedsReview, format!(
            "the server read the statements from here on otherwise than they are divided: to {} parts it gave {} answers, \
             or others than theirs{}",
            astray.parts,
            astray.answers,
            message_without_passwords(&error.unwrap_or_default(), &migration.sql)
        )).hint("look in the database what of them has had its effect; put each body of a routine, trigger or event between \
             DELIMITER lines").at(place);
    Broken { failure, connection_lost: false, role: None, unended: None }
}

fn refused(failure: Failure) -> SessionError {
    SessionError { failure, connection_lost: false }
}
