//! Brings the session of a run that resumes to where the statements that have run had left it: values that the journal has
//! kept are put back, and nothing is evaluated again. What cannot be brought back stops the run before anything has run.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{connection_lost, session_error};
use super::kept::{Kept, OWN, Tracker, Types, Value, prepared_variable, user_variable};
use super::literal::{identifier, text};
use super::rows::value;
use super::script::HasRun;
use super::session::MysqlSession;
use crate::engine::session::{Attempt, SessionError};
use crate::engine::shared::journal_failure::{SessionGone, session_gone};
use crate::migration::Migration;
use crate::report::Reason;
use crate::sql::{
    Dialect, Execution, PreparedInBody, PreparedText, SessionChange, Source, puts_temporary_table_together,
    temporary_tables_in, variables_in_text,
};

/// What the journal says of a file's statements.
#[derive(Debug, Default)]
pub(super) struct Journaled {
    pub(super) has_run: Vec<Option<HasRun>>,
    /// What of the session was kept, by the row that keeps it.
    pub(super) states: BTreeMap<usize, String>,
    /// The session is the one that they have run in: a table's lock was not free, and the file is tried again.
    pub(super) same_session: bool,
}

/// What routines and triggers of the database may set and make that a file calls.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) variables: BTreeSet<String>,
    /// Names; empty where one is put together.
    pub(super) temporary_tables: Vec<String>,
    /// Names of routines whose bodies this user may not see, in lower case.
    pub(super) unseen: Vec<String>,
    pub(super) prepared: PreparedInBody,
}

/// How a prepared statement that has run is needed later.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Need {
    /// A procedure may execute it.
    Perhaps,
    /// It is only given up.
    Name,
    Text,
}

/// Who has prepared a statement: with the number of the file's statement, from 0.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// The file's statement itself.
    Here(usize),
    /// A routine that the file's statement may have called: its text is not known.
    ByRoutine(usize),
}

impl Made {
    fn by(self) -> usize {
        let (Self::Here(index) | Self::ByRoutine(index)) = self;
        index
    }
}

/// A statement that brings a part of the session back.
struct BroughtBack {
    sql: String,
    /// What people call it.
    what: String,
    /// The statement that made it and the one that needs it, from 0, where that is known.
    needs: Option<(usize, usize)>,
    /// Whether the run stops where the server refuses it.
    matters: bool,
}

/// What a resumed file needs of the session that was.
struct Resumption<'a> {
    attempt: Attempt<'a>,
    changes: Vec<&'a SessionChange>,
    journaled: &'a mut Journaled,
    kept: Kept,
}

impl MysqlSession {
    /// How this server shows types of user variables; asked once.
    pub(super) async fn types(&mut self) -> Result<Types, SessionError> {
        if !self.server.version.mariadb {
            return Ok(Types::Json);
        }
        let plugin = "SELECT VARIABLE_NAME FROM information_schema.USER_VARIABLES LIMIT 1";
        match self.try_query(plugin.to_owned()).await {
            Ok(_) => Ok(Types::Plugin),
            Err(error) if connection_lost(&error) => Err(session_error(&error, Reason::ConnectionFailed)),
            Err(_) => Ok(Types::Untold),
        }
    }

    /// The names of all user variables that are set, None where the server does not show them to this user. A limit:
    /// without one, that of the file's session would hold.
    pub(super) async fn user_variables(&mut self) -> Result<Option<Vec<String>>, SessionError> {
        let sql = if self.server.version.mariadb {
            "SELECT VARIABLE_NAME FROM information_schema.USER_VARIABLES LIMIT 1000000"
        } else {
            "SELECT VARIABLE_NAME FROM performance_schema.user_variables_by_thread WHERE THREAD_ID = PS_CURRENT_THREAD_ID() \
             LIMIT 1000000"
        };
        match self.try_query(sql.to_owned()).await {
            Ok(answers) => {
                let names = answers.rows.iter().flatten().map(|row| value::<String>(Some(row), 0));
                let names = names.collect::<Result<Vec<_>, _>>()?;
                Ok(Some(names.into_iter().filter(|name| !name.starts_with(OWN)).collect()))
            }
            Err(error) if connection_lost(&error) => Err(session_error(&error, Reason::ConnectionFailed)),
            Err(_) => Ok(None),
        }
    }

    /// What the routines and triggers of the database name, as far as this user may see them.
    pub(super) async fn bodies(&mut self) -> Result<Bodies, SessionError> {
        // MySQL's column distinguishes capitals.
        let sql = "SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() \
                   AND (ROUTINE_DEFINITION IS NULL OR LOWER(ROUTINE_DEFINITION) REGEXP '@|temp|prepare|execute') LIMIT 1000000;\
                   SELECT '', ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() \
                   AND ACTION_STATEMENT LIKE '%@%' LIMIT 1000000";
        let answers = self.query(sql.to_owned(), Reason::ConnectionFailed).await?;
        let mut bodies = Bodies::default();
        for row in answers.rows.iter().flatten() {
            let Some(body) = value::<Option<String>>(Some(row), 1)? else {
                bodies.unseen.push(value::<String>(Some(row), 0)?.to_lowercase());
                continue;
            };
            bodies.variables.extend(variables_in_text(&body));
            bodies.temporary_tables.extend(temporary_tables_in(&body));
            let prepared = PreparedInBody::of(&body);
            bodies.prepared.leaves.extend(prepared.leaves);
            bodies.prepared.needs.extend(prepared.needs);
            if puts_temporary_table_together(&body) {
                bodies.temporary_tables.push(String::new());
            }
        }
        Ok(bodies)
    }

    /// Brings the session to where it was, and says what the script is to keep from here on.
    pub(super) async fn resume(
        &mut self,
        attempt: Attempt<'_>,
        journaled: &mut Journaled,
    ) -> Result<Tracker, SessionError> {
        let migration = attempt.migration;
        let resumes = journaled.has_run.iter().any(Option::is_some);
        if !changes_variables(migration) {
            if resumes {
                Resumption::of(attempt, journaled).check_objects(&[])?;
            }
            return Ok(Tracker::default());
        }
        let types = self.types().await?;
        let names_any = |change: &SessionChange| change.hidden() || !change.user_variables.is_empty();
        let may_call = changes(migration).any(names_any);
        let mut bodies = if may_call { self.bodies().await? } else { Bodies::default() };
        let known = self.variables.iter().flatten().map(|(name, _)| name.to_lowercase()).collect();
        let named = changes(migration).flat_map(|change| change.user_variables.iter().cloned()).collect();
        let tracker = Tracker::new(types, known, std::mem::take(&mut bodies.variables), named);
        if !resumes {
            return Ok(tracker);
        }
        if !bodies.unseen.is_empty() && !journaled.same_session {
            let calls_are_seen = self.user_variables().await?.is_some();
            Resumption::of(attempt, journaled).check_unseen(&bodies.unseen, calls_are_seen)?;
        }
        let set_role = |role: &str| self.ledger.set_role(role);
        let all = Resumption::of(attempt, journaled).check(&bodies, &set_role)?;
        for BroughtBack { sql, what, needs, matters } in all {
            match self.try_query(sql).await {
                Ok(_) => {}
                Err(error) if connection_lost(&error) => return Err(session_error(&error, Reason::ConnectionFailed)),
                Err(error) if matters => {
                    let why = session_error(&error, Reason::NeedsReview).failure.message;
                    let (made_by, needed_by) = needs.unzip();
                    let mut stopped = gone(attempt, &SessionGone { what, made_by, needed_by, named: true });
                    stopped.failure.message =
                        format!("{}; the server refuses to bring it back: {why}", stopped.failure.message);
                    return Err(stopped);
                }
                Err(error) => {
                    tracing::debug!(%error, "not brought back, which need not matter");
                }
            }
        }
        Ok(tracker)
    }
}

/// Whether any statement may set a variable, a role, or prepare another.
pub(super) fn changes_variables(migration: &Migration) -> bool {
    changes(migration).any(|change| !change.is_none())
}

/// What each statement may change in its session.
fn changes(migration: &Migration) -> impl Iterator<Item = &SessionChange> {
    migration.statements.iter().map(|statement| statement.facts.session_change())
}

fn gone(attempt: Attempt<'_>, gone: &SessionGone) -> SessionError {
    SessionError { failure: session_gone(attempt, gone), connection_lost: false }
}

impl<'a> Resumption<'a> {
    fn of(attempt: Attempt<'a>, journaled: &'a mut Journaled) -> Self {
        let changes = changes(attempt.migration).collect();
        let mut kept = Kept::default();
        journaled.states.values().for_each(|state| kept.merge(state));
        Self { attempt, changes, journaled, kept }
    }

    fn has_run(&self, index: usize) -> bool {
        self.journaled.has_run.get(index).copied().flatten().is_some()
    }

    fn run(&self) -> impl DoubleEndedIterator<Item = (usize, &SessionChange)> {
        self.changes.iter().copied().enumerate().filter(|(index, _)| self.has_run(*index))
    }

    fn open(&self) -> impl Iterator<Item = (usize, &SessionChange)> {
        self.changes.iter().copied().enumerate().filter(|(index, _)| !self.has_run(*index))
    }

    /// What is to be sent.
    fn check(mut self, bodies: &Bodies, set_role: &dyn Fn(&str) -> String) -> Result<Vec<BroughtBack>, SessionError> {
        self.check_objects(&bodies.temporary_tables)?;
        self.check_what_was_not_kept()?;
        self.check_values()?;
        let prepared = self.prepared(&bodies.prepared)?;
        Ok(self.kept_sql(set_role).into_iter().chain(prepared).collect())
    }

    /// Temporary tables and the like.
    fn check_objects(&self, temporary_tables: &[String]) -> Result<(), SessionError> {
        if self.journaled.same_session {
            return Ok(());
        }
        let bound = self.attempt.migration.session_bound(|index| self.has_run(index), temporary_tables);
        bound.map_or(Ok(()), |bound| Err(gone(self.attempt, &bound.into())))
    }

    /// Statements whose rows keep nothing of the session: an older Schemaward has run them, or a person or the catalog has
    /// shown that they have run.
    fn check_what_was_not_kept(&mut self) -> Result<(), SessionError> {
        let last_kept = self.journaled.states.keys().next_back().copied();
        let migration = self.attempt.migration;
        let unkept: Vec<usize> =
            self.run().map(|(index, _)| index).filter(|index| last_kept.is_none_or(|last| *index > last)).collect();
        let last_run = self.run().next_back().map(|(index, _)| index);
        for index in unkept {
            let Some(change) = self.changes.get(index) else { continue };
            let is_setting = matches!(migration.execution(index), Execution::Setting | Execution::SettingAlone);
            let one_shot = change.next_transaction && Some(index) == last_run;
            if is_setting && (change.source == Source::Literal || one_shot) {
                if let Some(Some(statement)) = self.journaled.has_run.get_mut(index) {
                    statement.again = true;
                }
                continue;
            }
            if change.next_transaction || change.prepares.is_some() || change.stored() {
                continue;
            }
            let sets = is_setting || change.hidden() || migration.statement_sql(index).contains(":=");
            let of_session = !change.session_variables.is_empty() || change.role;
            let needed = self.open().find(|(_, open)| {
                sets && (of_session || open.user_variables.iter().any(|name| change.user_variables.contains(name)))
            });
            if let Some((needed_by, _)) = needed {
                let what = match change.user_variables.as_slice() {
                    [] => "what it has set in its session".to_owned(),
                    names => format!(
                        "the value of {}",
                        names.iter().map(|name| format!("@{name}")).collect::<Vec<_>>().join(", ")
                    ),
                };
                return Err(gone(
                    self.attempt,
                    &SessionGone { what, made_by: Some(index), needed_by: Some(needed_by), named: true },
                ));
            }
        }
        Ok(())
    }

    /// What routines may have set whose bodies this user may not see. `calls_are_seen`: whether the server has shown after each
    /// CALL which variables there are.
    fn check_unseen(&self, unseen: &[String], calls_are_seen: bool) -> Result<(), SessionError> {
        let routine = |index: usize| named_in(self.attempt.migration.statement_sql(index), unseen);
        let may_set = |(index, change): (usize, &SessionChange)| {
            (!change.hidden() || !calls_are_seen).then(|| routine(index)).flatten().map(|name| (index, name))
        };
        let Some((made_by, name)) = self.run().find_map(may_set) else { return Ok(()) };
        let may_need = |(index, open): &(usize, &SessionChange)| {
            routine(*index).is_some() || open.user_variables.iter().any(|name| !self.kept.users.contains_key(name))
        };
        let Some((needed_by, _)) = self.open().find(may_need) else { return Ok(()) };
        let right = if self.attempt.migration.dialect == Dialect::Mariadb {
            "SHOW CREATE ROUTINE on the database, or SELECT on mysql.proc"
        } else {
            "SHOW_ROUTINE, or SELECT on performance_schema.user_variables_by_thread"
        };
        let what = format!(
            "what the routine {name} may have set, which this user may not see (an administrator can grant {right}, \
             before a file is started),"
        );
        let needed_by = Some(needed_by);
        Err(gone(self.attempt, &SessionGone { what, made_by: Some(made_by), needed_by, named: false }))
    }

    /// Values that could not be kept.
    fn check_values(&self) -> Result<(), SessionError> {
        if self.kept.is_cut {
            let what = "what the journal has kept of its session, which this Schemaward does not understand".to_owned();
            return Err(gone(self.attempt, &SessionGone { what, made_by: None, needed_by: None, named: true }));
        }
        for (name, _) in self.kept.users.iter().filter(|(_, value)| **value == Value::NotKept) {
            let needs = |open: &SessionChange| open.hidden() || open.user_variables.contains(name);
            let Some((needed_by, open)) = self.open().find(|(_, open)| needs(open)) else { continue };
            let named = open.user_variables.contains(name);
            let made_by =
                self.run().filter(|(_, run)| run.user_variables.contains(name)).map(|(index, _)| index).next_back();
            let what = format!("the value of @{name}, which is too long to be kept,");
            return Err(gone(self.attempt, &SessionGone { what, made_by, needed_by: Some(needed_by), named }));
        }
        Ok(())
    }

    fn kept_sql(&self, set_role: &dyn Fn(&str) -> String) -> Vec<BroughtBack> {
        let back = |what: String, sql| BroughtBack { sql, what, needs: None, matters: true };
        let mariadb = self.attempt.migration.dialect == Dialect::Mariadb;
        let role = self.kept.role.iter().map(|role| {
            let role = role_list(role, mariadb);
            back(format!("the role {role}"), set_role(&role))
        });
        // In the order of their names, so that the connection's collation comes after its character set.
        let variables = self.kept.variables.iter().map(|(name, value)| {
            let value = value.as_deref().unwrap_or("NULL");
            // If no statement names it, it may be a variable of the server's that somebody else has changed meanwhile.
            let matters = self.run().any(|(_, change)| change.session_variables.contains(name));
            let what = format!("the setting {name}");
            BroughtBack { sql: format!("SET SESSION {name} = {value}"), what, needs: None, matters }
        });
        let users = self.kept.users.iter().filter_map(|(name, value)| match value {
            Value::Literal(literal) => {
                Some(back(format!("the value of @{name}"), format!("SET {} = {literal}", user_variable(name))))
            }
            Value::NotKept => None,
        });
        role.chain(variables).chain(users).collect()
    }

    /// Prepares again what is executed later or given up.
    fn prepared(&self, bodies: &PreparedInBody) -> Result<Vec<BroughtBack>, SessionError> {
        let mut back = Vec::new();
        for (name, made) in self.live(bodies) {
            let Some((need, needed_by)) = self.need(name) else { continue };
            let gone = |why: &str| {
                let what = format!("the prepared statement {name}{why}");
                let made_by = Some(made.by());
                gone(self.attempt, &SessionGone { what, made_by, needed_by: Some(needed_by), named: true })
            };
            let Made::Here(made_by) = made else {
                let may_stay = self.journaled.same_session
                    || need == Need::Perhaps && !bodies.needs.iter().any(|needed| needed == name);
                if may_stay {
                    continue;
                }
                return Err(gone(", which a routine may have prepared,"));
            };
            let sql = match (need, self.prepare_again(name, made_by)) {
                (Need::Name, _) => vec![format!("PREPARE {} FROM 'DO 0'", identifier(name))],
                (Need::Perhaps, None) => continue,
                (Need::Text, None) => return Err(gone(", whose text was not kept,")),
                (Need::Text, Some(_)) if self.reads_otherwise_since(made_by) => {
                    return Err(gone(", which was prepared under other settings,"));
                }
                (_, Some(statements)) => statements,
            };
            back.extend(sql.into_iter().map(|sql| BroughtBack {
                sql,
                what: format!("the prepared statement {name}"),
                needs: Some((made_by, needed_by)),
                matters: need != Need::Perhaps,
            }));
        }
        Ok(back)
    }

    /// The prepared statements that the session had, as far as a later statement or a routine needs them.
    fn live<'b>(&'b self, bodies: &'b PreparedInBody) -> BTreeMap<&'b str, Made> {
        let needed = self.open().filter_map(|(_, open)| open.executes.as_deref().or(open.deallocates.as_deref()));
        let in_bodies = || bodies.leaves.iter().map(String::as_str);
        let may_be_made: BTreeSet<&str> = needed.chain(in_bodies()).collect();
        let mut live: BTreeMap<&str, Made> = BTreeMap::new();
        for (index, change) in self.run() {
            if self.may_call(index, change, &live) {
                for name in &may_be_made {
                    if in_bodies().any(|left| left == *name) || !live.contains_key(name) {
                        live.insert(name, Made::ByRoutine(index));
                    }
                }
            }
            if let Some(name) = &change.deallocates {
                live.remove(name.as_str());
            }
            if let Some(prepared) = &change.prepares {
                live.insert(&prepared.name, Made::Here(index));
            }
        }
        live
    }

    /// Whether a statement that has run may have called a procedure: functions and triggers prepare nothing.
    fn may_call(&self, index: usize, change: &SessionChange, live: &BTreeMap<&str, Made>) -> bool {
        let calls = |sql: &str| sql.to_ascii_lowercase().contains("call");
        let sql = self.attempt.migration.statement_sql(index);
        let executed = change.executes.as_deref().map(|name| match live.get(name) {
            Some(Made::Here(made_by)) => {
                self.prepare_again(name, *made_by).is_none_or(|texts| texts.iter().any(|text| calls(text)))
            }
            _ => true,
        });
        let immediately = sql.to_ascii_lowercase().contains("immediate") && sql.contains('@');
        change.hidden() && executed.unwrap_or_else(|| calls(sql) || immediately)
    }

    /// The statements that prepare again what a statement has prepared; None where its text was not kept.
    fn prepare_again(&self, name: &str, made_by: usize) -> Option<Vec<String>> {
        match &self.changes.get(made_by)?.prepares.as_ref()?.text {
            PreparedText::Literal => Some(vec![self.attempt.migration.statement_sql(made_by).to_owned()]),
            PreparedText::Variable(_) => {
                let own = prepared_variable(made_by);
                let kept = text(self.kept.prepared.get(&made_by)?);
                Some(vec![format!("SET {own} = {kept}"), format!("PREPARE {} FROM {own}", identifier(name))])
            }
            PreparedText::Expression => None,
        }
    }

    /// How the statements that have not run need a prepared one, and the first that does.
    fn need(&self, name: &str) -> Option<(Need, usize)> {
        let mut found: Option<(Need, usize)> = None;
        for (index, change) in self.open() {
            if change.prepares.as_ref().is_some_and(|prepared| prepared.name == name) {
                break;
            }
            let need = if change.deallocates.as_deref() == Some(name) {
                Need::Name
            } else if change.executes.as_deref() == Some(name) {
                Need::Text
            } else if change.hidden() {
                Need::Perhaps
            } else {
                continue;
            };
            if found.is_none_or(|(before, _)| before < need) {
                found = Some((need, index));
            }
            if need == Need::Name {
                break;
            }
        }
        found
    }

    /// Whether a statement since then has changed how SQL is read.
    fn reads_otherwise_since(&self, index: usize) -> bool {
        let reads =
            |name: &String| name == "sql_mode" || name.starts_with("character_set_") || name.starts_with("collation_");
        self.run().any(|(at, change)| at > index && change.session_variables.iter().any(reads))
    }
}

/// The first of some routines that a statement names, as it may call it.
fn named_in<'n>(sql: &str, routines: &'n [String]) -> Option<&'n str> {
    let lower = sql.to_lowercase();
    let words: BTreeSet<&str> = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).collect();
    routines.iter().map(String::as_str).find(|name| words.contains(name))
}

/// A role, or several, as `CURRENT_ROLE()` lists them; nothing means no role.
pub(super) fn role_list(role: &str, mariadb: bool) -> String {
    match role {
        "" | "NONE" => "NONE".to_owned(),
        role if mariadb => identifier(role),
        // MySQL quotes them itself.
        roles => roles.to_owned(),
    }
}
