//! Brings a session back to the state that every file starts from: what a file has set does not reach the next one. The
//! server's own way, a reset of the whole connection, would give back the lock that the run holds.

use sqlx::mysql::MySqlRow;

use super::error::{connection_lost, session_error};
use super::literal::text;
use super::rows::value;
use super::session::MysqlSession;
use crate::engine::session::SessionError;
use crate::migration::{Execution, Migration};
use crate::report::Reason;

/// Whether a file may change the session.
pub(super) fn changes_session(migration: &Migration) -> bool {
    let changes = |index: usize| match migration.execution(index) {
        Execution::Setting | Execution::SettingAlone => true,
        Execution::Alone(trace) if trace.tells_nothing() => true,
        _ => migration.statement_sql(index).contains(":="),
    };
    contains_word(&migration.sql, "temporary") || (0..migration.statements.len()).any(changes)
}

impl MysqlSession {
    /// Notes the session's variables, once.
    pub(super) async fn note_variables(&mut self) -> Result<(), SessionError> {
        if self.variables.is_none() {
            self.variables = Some(self.read_variables().await?);
        }
        Ok(())
    }

    async fn read_variables(&mut self) -> Result<Vec<(String, String)>, SessionError> {
        let answers = self.query("SHOW SESSION VARIABLES".to_owned(), Reason::ConnectionFailed).await?;
        let pair =
            |row: &MySqlRow| Ok((value(Some(row), 0)?, value::<Option<String>>(Some(row), 1)?.unwrap_or_default()));
        answers.rows.iter().flatten().map(pair).collect()
    }

    /// Undoes what a file has done to the session.
    pub(super) async fn reset(&mut self, migration: &Migration) -> Result<(), SessionError> {
        let mut sql = format!("ROLLBACK;UNLOCK TABLES;{}", self.settings);
        for statement in leftovers(migration) {
            sql.push(';');
            sql.push_str(&statement);
        }
        self.query(sql, Reason::ConnectionFailed).await?;
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

/// Whether a variable may be one that a file has set; those that change by themselves are none.
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
fn leftovers(migration: &Migration) -> Vec<String> {
    let mut statements = vec!["SET SESSION timestamp = DEFAULT".to_owned()];
    let mut variables: Vec<&str> = Vec::new();
    for index in 0..migration.statements.len() {
        let sql = migration.statement_sql(index);
        let execution = migration.execution(index);
        let may_set = match &execution {
            Execution::Setting => true,
            Execution::Alone(trace) => trace.tells_nothing(),
            _ => false,
        };
        if may_set || sql.contains(":=") {
            variables.extend(user_variables(sql));
        }
        if execution == Execution::Setting
            && let Some(name) = word_after(sql, "prepare")
        {
            // To deallocate what is not there is an error; to prepare it anew is none.
            statements.push(format!("PREPARE {name} FROM 'SELECT 1'"));
            statements.push(format!("DEALLOCATE PREPARE {name}"));
        }
        if execution == Execution::Transaction
            && let Some(name) = temporary_table(sql)
        {
            statements.push(format!("DROP TEMPORARY TABLE IF EXISTS {name}"));
        }
    }
    variables.sort_unstable();
    variables.dedup();
    statements.extend(variables.into_iter().map(|name| format!("SET @{name} = NULL")));
    statements
}

/// Names behind an `@`, as they are written. Too many are found rather than too few: to empty one that is none does no
/// harm.
fn user_variables(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = sql.get(from..).and_then(|rest| rest.find('@')).map(|at| from + at + 1) {
        let rest = sql.get(at..).unwrap_or_default();
        if let Some(system) = rest.strip_prefix('@') {
            from = sql.len() - system.len();
            continue;
        }
        let length = name_length(rest);
        found.extend(rest.get(..length).filter(|name| !name.is_empty()));
        from = at + length;
    }
    found
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

/// The name behind a statement's first word, where that is the one.
fn word_after<'a>(sql: &'a str, first: &str) -> Option<&'a str> {
    let rest = after_word(sql, first)?;
    rest.get(..name_length(rest)).filter(|name| !name.is_empty())
}

/// What follows a text's first word and the white space behind it.
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

    use super::{temporary_table, user_variables};

    #[rstest]
    #[case("set @a = 1, @@sql_mode = '', @`b c` := @d.e", &["a", "`b c`", "d.e"])]
    #[case("call p(@x,@y)", &["x", "y"])]
    #[case("select 'a@", &[])]
    fn variables_are_found(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(user_variables(sql), expected);
    }

    #[rstest]
    #[case("create temporary table t (a int)", Some("t"))]
    #[case("CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS `a b`.`c` select 1", Some("`a b`.`c`"))]
    #[case("create table t (a int)", None)]
    fn temporary_tables_are_found(#[case] sql: &str, #[case] expected: Option<&str>) {
        assert_eq!(temporary_table(sql).as_deref(), expected);
    }
}
