//! The messages that apply one file: its statements, each with what the journal says of it, as many in a message as fit.
//! An error ends the message it is in, so that nothing after it runs. Pure.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::journal::Row;
use super::kept::{Tracker, prepared_variable};
use super::ledger::{BEGIN, Ledger};
use super::mark::{Mark, Marks};
use super::server::Server;
use crate::engine::session::Attempt;
use crate::sql::{Dialect, Execution, PreparedText, SessionChange, Source, Trace, is_for_newer_server};

/// In which the server answers, errors too: nothing that a file does depends on it, and the driver reads UTF-8.
const CHARACTER_SET_RESULTS: &str = "character_set_results";
/// How large a message grows, in bytes, unless one statement is larger.
const MESSAGE_LIMIT: usize = 1 << 20;
/// In place of a statement that the server is too old for: what it ignores must still be a statement.
const NOTHING: &str = "DO 0";
/// The variable that holds when the attempt began, in seconds.
const BEGAN: &str = "@schemaward_began";

/// What a part of a message is, each of which the server answers once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Of our own; where it fails, nothing has happened.
    Ours,
    /// The file's statement with this index, from 0, in a transaction or changing the session alone.
    Statement(usize),
    /// The same, committed separately.
    Alone(usize),
    /// Rows of the journal: the end of the statement before, and the start of the one after.
    Rows,
    /// COMMIT: where it fails, the answer does not say what has happened.
    Commit,
    /// A query that answers with a mark of ours, which shows that the server read all before it as it was sent.
    Mark(Mark),
    /// The same after the row that says that the statement with this index is started: where it fails, that row is
    /// written and the statement has not run.
    Started(Mark, usize),
}

/// A statement that has run before.
#[derive(Clone, Copy, Debug)]
pub(super) struct HasRun {
    /// What `LAST_INSERT_ID()` said after it, where that is known.
    pub(super) last_insert_id: Option<u64>,
    /// It is sent again: what it has set was not kept, and to repeat it gives the same.
    pub(super) again: bool,
}

/// One message.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) roles: Vec<Role>,
    /// The last part may have more answers than one.
    pub(super) last_has_several: bool,
}

struct Part<'a> {
    text: Cow<'a, str>,
    role: Role,
    end: End,
}

/// What may follow a part in its message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Open,
    /// Nothing: the server's grammar could take it into a body.
    Last,
    /// Nothing, since it may have more answers than one.
    Several,
}

/// The messages of an attempt, made one by one.
pub(super) struct Script<'a> {
    ledger: &'a Ledger,
    attempt: Attempt<'a>,
    /// Statements that have run before.
    has_run: Vec<Option<HasRun>>,
    /// What of the session is to be kept with the next row.
    session: Tracker,
    /// What `LAST_INSERT_ID()` said where the file was interrupted; it went with the connection.
    inserted_before: Option<u64>,
    /// How large a message may be at all.
    limit: usize,
    /// The server's version, as comments have it.
    server_version: u32,
    /// Each statement is alone in its message: where it ends is not certain.
    apart: bool,
    next: Option<usize>,
    /// Nothing goes into the message after the statement that `parts` are of.
    ends_message: bool,
    rows: Vec<Row>,
    parts: VecDeque<Part<'a>>,
    marks: Marks,
}

impl<'a> Script<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        attempt: Attempt<'a>,
        has_run: Vec<Option<HasRun>>,
        session: Tracker,
        server: &Server,
    ) -> Self {
        // What a backslash means moves the ends of strings, and with them those of statements.
        let sql = &attempt.migration.sql;
        let apart = sql.contains('\\')
            && (server.no_backslash_escapes || sql.to_ascii_lowercase().contains("no_backslash_escapes"));
        let mut script = Self {
            ledger,
            attempt,
            has_run,
            session,
            inserted_before: None,
            limit: MESSAGE_LIMIT.min(server.max_packet / 2),
            server_version: server.version.in_comments(),
            apart,
            next: Some(0),
            ends_message: false,
            rows: Vec::new(),
            parts: VecDeque::new(),
            marks: Marks::new(&server.session_uuid, &attempt.migration.file),
        };
        script.ours(format!("SET {BEGAN} = UNIX_TIMESTAMP(SYSDATE(6))"), Role::Ours);
        script
    }

    fn ours(&mut self, text: impl Into<Cow<'a, str>>, role: Role) {
        self.parts.push_back(Part { text: text.into(), role, end: End::Open });
    }

    fn statement(&mut self, index: usize, role: Role, end: End) {
        if let Some(id) = self.inserted_before.take() {
            self.ours(format!("SET LAST_INSERT_ID = {id}"), Role::Ours);
        }
        let migration = self.attempt.migration;
        let text = migration.statement_sql(index);
        let is_nothing = is_for_newer_server(text, migration.dialect, self.server_version);
        self.parts.push_back(Part { text: Cow::Borrowed(if is_nothing { NOTHING } else { text }), role, end });
    }

    /// A statement that changes the session alone; what it prepares from a variable is kept, since that may change.
    fn setting(&mut self, index: usize, change: &SessionChange) {
        if let Some(PreparedText::Variable(name)) = change.prepares.as_ref().map(|prepared| &prepared.text) {
            self.ours(format!("SET {} = {name}", prepared_variable(index)), Role::Ours);
        }
        self.statement(index, Role::Statement(index), End::Open);
        if change.session_variables.iter().any(|name| name == CHARACTER_SET_RESULTS) {
            self.ours(format!("SET {CHARACTER_SET_RESULTS} = utf8mb4"), Role::Ours);
        }
        if change.role && self.attempt.migration.dialect == Dialect::Mysql {
            self.ours(self.ledger.use_database(), Role::Ours);
        }
    }

    /// What the server says is set, after the statement that was sent last.
    pub(super) fn note_seen(&mut self, users: Vec<String>, variables: Vec<String>) {
        self.session.note_seen(users, variables);
    }

    /// Writes the rows that are due.
    fn write_rows(&mut self) {
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            let keeps = rows.iter().any(|row| !matches!(row, Row::Started(_)));
            let started = rows.iter().find_map(|row| if let Row::Started(index) = row { Some(*index) } else { None });
            let session = if keeps { self.session.take_expression() } else { None };
            self.ours(self.ledger.write_rows(self.attempt, &rows, session.as_deref()), Role::Rows);
            let mark = self.marks.next();
            self.ours(mark.query(), started.map_or(Role::Mark(mark), |index| Role::Started(mark, index)));
        }
    }

    /// The end of a statement that ran alone is written before anything else runs.
    fn write_end(&mut self) {
        if self.rows.iter().any(|row| matches!(row, Row::Ended(_))) {
            self.write_rows();
        }
    }

    /// Prepares the parts of the next statement, or of the end. False if there are no more.
    fn advance(&mut self) -> bool {
        let Some(index) = self.next else { return false };
        if index == self.attempt.migration.statements.len() {
            self.next = None;
            self.finish();
            return true;
        }
        self.next = Some(index + 1);
        let execution = self.attempt.migration.execution(index);
        self.ends_message = hides_cancellation(self.attempt.migration.statement_sql(index));
        let has_run = self.has_run.get(index).copied().flatten();
        let change = self.attempt.migration.session_change(index);
        match execution {
            _ if has_run.is_some_and(|statement| statement.again) => {
                self.setting(index, change);
                self.session.note(index, change);
            }
            _ if has_run.is_some() => {
                self.session.note_run_before(change);
                let inserted = has_run.and_then(|statement| statement.last_insert_id);
                self.inserted_before = inserted.or(self.inserted_before);
            }
            Execution::Setting | Execution::SettingAlone if !in_transaction(execution, change) => {
                self.write_end();
                self.setting(index, change);
                self.session.note(index, change);
                self.rows.push(Row::Finished(index));
            }
            Execution::Setting | Execution::SettingAlone | Execution::Transaction => {
                self.write_end();
                self.ours(BEGIN, Role::Ours);
                self.statement(index, Role::Statement(index), End::Open);
                self.session.note(index, change);
                self.session.note_call_of_bodies();
                self.rows.push(Row::Finished(index));
                self.write_rows();
                self.ours("COMMIT", Role::Commit);
            }
            Execution::Alone(trace) => {
                self.rows.push(Row::Started(index));
                self.write_rows();
                self.statement(index, Role::Alone(index), self.end_of(index, trace));
                self.session.note(index, change);
                if change.hidden() {
                    self.session.note_call_of_bodies();
                }
                self.rows.push(Row::Ended(index));
            }
            Execution::NamelessIndex => {}
        }
        true
    }

    /// What may follow a statement that runs alone.
    fn end_of(&self, index: usize, trace: &Trace) -> End {
        let sql = self.attempt.migration.statement_sql(index);
        let has_one =
            ["create", "alter"].iter().any(|word| sql.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word)));
        let may_hold_body = self.attempt.migration.statements.get(index).is_some_and(|found| found.facts.may_hold_body);
        match (trace.tells_nothing(), may_hold_body) {
            (true, _) if !has_one => End::Several,
            (false, false) => End::Open,
            _ => End::Last,
        }
    }

    /// Continues after a statement that the server has refused, and that counts as done all the same. What its message held
    /// after it is written again.
    pub(super) fn go_on_behind(&mut self, index: usize) {
        self.parts.clear();
        self.rows.clear();
        self.ends_message = false;
        self.next = Some(index + 1);
    }

    fn finish(&mut self) {
        self.ours(BEGIN, Role::Ours);
        self.write_rows();
        for text in self.ledger.record_success(self.attempt, BEGAN) {
            self.ours(text, Role::Ours);
        }
        self.ours("COMMIT", Role::Commit);
        let mark = self.marks.next();
        self.ours(self.ledger.recorded(self.attempt, mark), Role::Mark(mark));
    }

    /// The statement with which the next message begins, counted from 0; None where that ends one that was started, or where
    /// only the end is left.
    pub(super) fn begins_with(&self) -> Option<usize> {
        let next = self.next.filter(|_| self.parts.is_empty())?;
        (next..self.attempt.migration.statements.len())
            .find(|index| self.has_run.get(*index).is_none_or(Option::is_none))
    }

    /// The next message, with at most this many statements started in it; None where all are made.
    pub(super) fn next_message(&mut self, most_statements: usize) -> Option<Message> {
        let (mut message, mut begun) = (Message::default(), 0);
        loop {
            if self.parts.is_empty() {
                let is_full = begun >= most_statements || self.ends_message;
                if is_full && !message.roles.is_empty() || !self.advance() {
                    break;
                }
                begun += usize::from(!self.parts.is_empty());
            }
            let Some(part) = self.parts.front() else { continue };
            let is_statement = matches!(part.role, Role::Statement(_) | Role::Alone(_));
            let alone = part.text.len() > self.limit || self.apart && is_statement;
            if !message.roles.is_empty() && (alone || message.text.len() + part.text.len() > self.limit) {
                break;
            }
            if message.roles.is_empty() && !alone {
                message.push(&self.ledger.check(self.attempt.fence), Role::Ours);
            }
            message.push(&part.text, part.role);
            let end = part.end;
            self.parts.pop_front();
            message.last_has_several = end == End::Several;
            if alone || end != End::Open {
                break;
            }
        }
        (!message.roles.is_empty()).then_some(message)
    }
}

/// Whether a statement runs in a transaction with its row. One that only sets user variables does so, too, where it may
/// call a function, which may write.
pub(super) fn in_transaction(execution: &Execution, change: &SessionChange) -> bool {
    let only_users = change.session_variables.is_empty() && !change.role && !change.next_transaction;
    match execution {
        Execution::Transaction => true,
        Execution::Setting => only_users && change.source == Source::Evaluated && !change.user_variables.is_empty(),
        _ => false,
    }
}

/// Whether a statement may report that the server ended its waiting as a result like any other: what follows it in the
/// message would run, though the run is to stop.
/// Source: MySQL, "Miscellaneous Functions" (`SLEEP`), "Locking Functions" (`GET_LOCK`).
fn hides_cancellation(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    ["sleep", "get_lock", "wait"].iter().any(|word| sql.contains(word))
}

impl Message {
    fn push(&mut self, text: &str, role: Role) {
        if !self.roles.is_empty() {
            // A line break first: a statement may end in a comment's line.
            self.text.push_str("\n;\n");
        }
        self.text.push_str(text);
        self.roles.push(role);
    }
}
