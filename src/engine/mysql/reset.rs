//! Brings a session back to the state that every file starts from: what a file has set does not reach the next one. The
//! server's own way, a reset of the whole connection, would give back the lock that the run holds.

use std::collections::BTreeSet;

use sqlx::mysql::MySqlRow;

use super::error::{connection_lost, session_error};
use super::kept::{prepared_variable, user_variable};
use super::literal::{identifier, text};
use super::resuming::{changes_variables, role_list};
use super::rows::value;
use super::session::MysqlSession;
use crate::engine::session::SessionError;
use crate::migration::Migration;
use crate::report::Reason;
use crate::sql::{Execution, temporary_tables_in};

/// How the session's role is listed among its variables.
const ROLE: &str = "current role";

/// Whether a file may change the session.
pub(super) fn changes_session(migration: &Migration) -> bool {
    let words = ["temporary", "handler", "instance"];
    words.iter().any(|word| contains_word(&migration.sql, word)) || changes_variables(migration)
}

impl MysqlSession {
    /// Notes the session's variables, once.
    pub(super) async fn note_variables(&mut self) -> Result<(), SessionError> {
        if self.variables.is_none() {
            self.variables = Some(self.read_variables().await?);
        }
        Ok(())
    }

    /// The user variables that are set, and the session's own whose values are others than before the file.
    pub(super) async fn seen(&mut self) -> Result<(Vec<String>, Vec<String>), SessionError> {
        let users = self.user_variables().await?.unwrap_or_default();
        let now = self.read_variables().await?;
        let before = self.variables.as_deref().unwrap_or_default();
        let changed = now.into_iter().filter(|variable| is_own(&variable.0) && !before.contains(variable));
        Ok((users, changed.map(|(name, _)| name).filter(|name| name != ROLE).collect()))
    }

    async fn read_variables(&mut self) -> Result<Vec<(String, String)>, SessionError> {
        let sql = format!("SHOW SESSION VARIABLES; SELECT '{ROLE}', CURRENT_ROLE()");
        let answers = self.query(sql, Reason::ConnectionFailed).await?;
        let pair =
            |row: &MySqlRow| Ok((value(Some(row), 0)?, value::<Option<String>>(Some(row), 1)?.unwrap_or_default()));
        answers.rows.iter().flatten().map(pair).collect()
    }

    /// Undoes what a file has done to the session.
    pub(super) async fn reset(&mut self, migration: &Migration) -> Result<(), SessionError> {
        let mut sql = format!("ROLLBACK;UNLOCK TABLES;{}", self.settings);
        let seen =
            if changes_variables(migration) { self.user_variables().await?.unwrap_or_default() } else { Vec::new() };
        for statement in leftovers(migration, seen) {
            sql.push(';');
            sql.push_str(&statement);
        }
        if migration.statements.iter().any(|statement| statement.facts.session_change().hidden()) {
            for name in self.bodies().await?.temporary_tables.into_iter().filter(|name| !name.is_empty()) {
                sql.push_str(";DROP TEMPORARY TABLE IF EXISTS ");
                sql.push_str(&identifier(&name));
            }
        }
        self.query(sql, Reason::ConnectionFailed).await?;
        for statement in leftovers_if_there(migration) {
            match self.try_query(statement).await {
                Err(error) if connection_lost(&error) => {
                    return Err(session_error(&error, Reason::ConnectionFailed));
                }
                _ => {}
            }
        }
        self.restore_variables().await
    }

    async fn restore_variables(&mut self) -> Result<(), SessionError> {
        let Some(before) = self.variables.take() else { return Ok(()) };
        let now = self.read_variables().await?;
        let changed = before.iter().filter(|variable| is_own(&variable.0) && !now.contains(variable));
        for (name, value) in changed {
            if self.not_ours.contains(name) {
                continue;
            }
            if name == ROLE {
                let role = role_list(value, self.server.version.mariadb);
                self.query(self.ledger.set_role(&role), Reason::ConnectionFailed).await?;
                continue;
            }
            let number = value.parse::<f64>().is_ok();
            let literals = if number { vec![value.clone(), text(value)] } else { vec![text(value)] };
            let mut set = false;
            for literal in literals {
                match self.try_query(format!("SET SESSION {name} = {literal}")).await {
                    Ok(_) => set = true,
                    Err(error) if connection_lost(&error) => {
                        return Err(session_error(&error, Reason::ConnectionFailed));
                    }
                    Err(_) => {}
                }
                if set {
                    break;
                }
            }
            if !set {
                // Not the session's, or not to be set: the server's own counters show here, too.
                self.not_ours.insert(name.clone());
            }
        }
        self.variables = Some(before);
        Ok(())
    }
}

/// Whether a file may have set this variable. Those that change on their own are left out.
fn is_own(name: &str) -> bool {
    !matches!(
        name,
        "timestamp"
            | "insert_id"
            | "last_insert_id"
            | "identity"
            | "rand_seed1"
            | "rand_seed2"
            | "pseudo_thread_id"
            | "error_count"
            | "warning_count"
            | "in_transaction"
            | "last_gtid"
            | "statement_id"
    ) && !name.starts_with("gtid_")
}

/// What takes a file's variables, prepared statements and temporary tables away, each a statement that does no harm
/// where it finds nothing.
fn leftovers(migration: &Migration, seen: Vec<String>) -> Vec<String> {
    let mut statements = vec!["SET SESSION timestamp = DEFAULT".to_owned()];
    let mut variables: BTreeSet<String> = seen.into_iter().collect();
    for index in 0..migration.statements.len() {
        let sql = migration.statement_sql(index);
        let change = migration.session_change(index);
        variables.extend(change.user_variables.iter().cloned());
        if let Some(prepared) = &change.prepares {
            let name = identifier(&prepared.name);
            // To deallocate what does not exist is an error; to prepare it again is not.
            statements.push(format!("PREPARE {name} FROM 'SELECT 1'"));
            statements.push(format!("DEALLOCATE PREPARE {name}"));
            variables.insert(prepared_variable(index).trim_start_matches('@').to_owned());
        }
        if *migration.execution(index) == Execution::Transaction
            && let Some(name) = temporary_table(sql)
        {
            statements.push(format!("DROP TEMPORARY TABLE IF EXISTS {name}"));
        }
    }
    // Those of routines that the file makes, and of what it prepares.
    let hidden = temporary_tables_in(&migration.sql).into_iter();
    statements.extend(hidden.map(|name| format!("DROP TEMPORARY TABLE IF EXISTS {}", identifier(&name))));
    statements.extend(variables.into_iter().map(|name| format!("SET {} = NULL", user_variable(&name))));
    statements
}

/// What takes the rest away; each is an error where it finds nothing.
fn leftovers_if_there(migration: &Migration) -> Vec<String> {
    let mut statements = Vec::new();
    for index in 0..migration.statements.len() {
        let sql = migration.statement_sql(index);
        if let Some(rest) = after_word(sql, "handler") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            if words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("open")) {
                let name = words.iter().skip(2).find(|word| !word.eq_ignore_ascii_case("as")).or(words.first());
                statements.extend(name.map(|name| format!("HANDLER {name} CLOSE")));
            }
        }
        if after_word(sql, "lock").and_then(|rest| after_word(rest, "instance")).is_some() {
            statements.push("UNLOCK INSTANCE".to_owned());
        }
        if after_word(sql, "set").and_then(|rest| after_word(rest, "resource")).is_some() {
            statements.push("SET RESOURCE GROUP USR_default".to_owned());
        }
    }
    statements
}

/// How many bytes at a text's beginning are a name, quoted or not.
fn name_length(text: &str) -> usize {
    match text.chars().next() {
        Some(quote @ ('`' | '\'' | '"')) => {
            text.char_indices().skip(1).find(|(_, c)| *c == quote).map_or(0, |(end, _)| end + 1)
        }
        _ => text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.'))).unwrap_or(text.len()),
    }
}

/// What follows a text's first word and the white space after it.
fn after_word<'a>(sql: &'a str, word: &str) -> Option<&'a str> {
    let head = sql.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = sql.get(head.len()..)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim_start())
}

/// The table that a statement makes for the session alone, as it writes its name.
fn temporary_table(sql: &str) -> Option<String> {
    let mut rest = after_word(sql, "create")?;
    if let Some(replaced) = after_word(rest, "or").and_then(|rest| after_word(rest, "replace")) {
        rest = replaced;
    }
    rest = after_word(after_word(rest, "temporary")?, "table")?;
    if let Some(behind) =
        after_word(rest, "if").and_then(|r| after_word(r, "not")).and_then(|r| after_word(r, "exists"))
    {
        rest = behind;
    }
    let mut name = String::new();
    loop {
        let length = name_length(rest);
        let part = rest.get(..length).filter(|part| !part.is_empty())?;
        name.push_str(part);
        rest = rest.get(length..)?;
        match rest.strip_prefix('.') {
            Some(behind) => {
                name.push('.');
                rest = behind;
            }
            None => return Some(name),
        }
    }
}

fn contains_word(sql: &str, word: &str) -> bool {
    sql.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::temporary_table;

    #[rstest]
    #[case("create temporary table t (a int)", Some("t"))]
    #[case("CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS `a b`.`c` select 1", Some("`a b`.`c`"))]
    #[case("create table t (a int)", None)]
    fn temporary_tables_are_found(#[case] sql: &str, #[case] expected: Option<&str>) {
        assert_eq!(temporary_table(sql).as_deref(), expected);
    }
}
