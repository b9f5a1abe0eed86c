//! What the ledger's rows say, the same for every engine. The columns of each query are named here, once: a `SELECT`
//! asks for a list of them, and is read by their names. Knows no server.

use super::stored_trace::StoredTrace;
use crate::engine::{Acknowledged, RecordedAttempt};
use crate::engine::{SessionError, StoredRollback};
use crate::migration::{Checksum, Version};
use crate::plan::{BegunStatement, Kind, LedgerRow, LedgerState, StatementState};
use crate::report::{Failure, Reason};

/// A row as a driver gives it. Columns count from 0; one that is missing, or has another type than is asked for, is an
/// error.
pub(crate) trait DriverRow {
    fn text(&self, column: usize) -> Result<String, SessionError>;
    fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError>;
    fn number(&self, column: usize) -> Result<i64, SessionError>;
    fn flag(&self, column: usize) -> Result<bool, SessionError>;
}

/// The columns of a query, from a first place on: a constant for each one's place, by which it is read, and the list that
/// a `SELECT` asks for.
macro_rules! columns {
    ($(#[$about:meta])* $query:ident from $first:expr => $($column:ident)+) => {
        $(#[$about])*
        #[allow(non_upper_case_globals, non_camel_case_types, reason = "columns are named as the ledger names them")]
        pub(crate) mod $query {
            enum Place { $($column),+ }
            const FIRST: usize = $first;
            $(pub(crate) const $column: usize = FIRST + Place::$column as usize;)+
            const NAMES: &[&str] = &[$(stringify!($column)),+];
            #[allow(dead_code, reason = "where a query's columns go on after these")]
            pub(crate) const END: usize = FIRST + NAMES.len();

            /// The columns as a `SELECT` asks for them, some of them by an expression instead of by their names.
            pub(crate) fn list(instead: &[(usize, &str)]) -> String {
                super::list(FIRST, NAMES, instead)
            }
        }
    };
}

fn list(first: usize, names: &[&str], instead: &[(usize, &str)]) -> String {
    let expression = |(place, name)| {
        let other = instead.iter().find(|(of, _)| *of == place);
        other.map_or(name, |(_, expression)| *expression)
    };
    (first..).zip(names.iter().copied()).map(expression).collect::<Vec<_>>().join(", ")
}

columns! {
    /// Of a [`LedgerRow`].
    row from 0 => version filename checksum token_checksum kind id
}
columns! {
    /// What follows a row's own in a [`RecordedAttempt`]. The time is an expression of the engine's.
    attempt from super::row::END => applied_at execution_time_ms success error_code error_message statements_done
    statements_total run applied_by tool_version undone
}
columns! {
    /// Of a [`BegunStatement`], with what its row is sorted by.
    begun from 0 => version statement checksum state kind filename id trace settled_by error_code
}
columns! {
    /// Of a [`StoredRollback`].
    rollback from 0 => version filename description rollback_sql
}
columns! {
    /// Of what is [`Acknowledged`]. The time is an expression of the engine's.
    acknowledgement from 0 => version detail made_at made_by run
}

fn version(row: &impl DriverRow, column: usize) -> Result<Version, SessionError> {
    row.text(column)?.parse().map_err(|_| unusable("the ledger contains an invalid version"))
}

fn kind(row: &impl DriverRow, column: usize) -> Result<Kind, SessionError> {
    Kind::from_word(&row.text(column)?).ok_or_else(|| unusable("the ledger holds a kind that is not known"))
}

fn checksum(row: &impl DriverRow, column: usize) -> Result<Checksum, SessionError> {
    row.text(column).map(Checksum::stored)
}

fn count(row: &impl DriverRow, column: usize) -> Result<i32, SessionError> {
    i32::try_from(row.number(column)?).map_err(|_| unusable("the ledger contains an invalid statement count"))
}

pub(crate) fn statement_state(text: &str) -> Result<StatementState, SessionError> {
    match text {
        "started" => Ok(StatementState::Started),
        "finished" => Ok(StatementState::Finished),
        "failed" => Ok(StatementState::Failed),
        _ => Err(unusable("the journal contains an invalid state")),
    }
}

/// From all rows that have succeeded and were not undone, and what is half applied, both in any order.
pub(crate) fn ledger_state<R: DriverRow>(succeeded: &[R], begun: &[R]) -> Result<LedgerState, SessionError> {
    let rows = succeeded.iter().map(ledger_row).collect::<Result<Vec<_>, _>>()?;
    let read = |row| Ok((R::number(row, begun::id)?, begun_statement(row)?));
    let mut begun = begun.iter().map(read).collect::<Result<Vec<_>, SessionError>>()?;
    begun.sort_by_key(|(id, _)| *id);
    Ok(LedgerState::new(rows).with_begun(begun.into_iter().map(|(_, statement)| statement).collect()))
}

/// From the columns [`row`].
fn ledger_row(row: &impl DriverRow) -> Result<LedgerRow, SessionError> {
    let kind = kind(row, row::kind)?;
    Ok(LedgerRow {
        id: row.number(row::id)?,
        kind,
        version: if kind == Kind::Repeatable { Version::of_repeatable() } else { version(row, row::version)? },
        file: row.text(row::filename)?,
        checksum: checksum(row, row::checksum)?,
        token_checksum: checksum(row, row::token_checksum)?,
    })
}

/// From the columns [`row`] and [`attempt`].
pub(crate) fn recorded_attempt(row: &impl DriverRow) -> Result<RecordedAttempt, SessionError> {
    Ok(RecordedAttempt {
        row: ledger_row(row)?,
        undone: row.flag(attempt::undone)?,
        applied_at: row.text(attempt::applied_at)?,
        execution_time_ms: row.number(attempt::execution_time_ms)?,
        success: row.flag(attempt::success)?,
        error_code: row.text_or_null(attempt::error_code)?,
        error_message: row.text_or_null(attempt::error_message)?,
        statements_done: count(row, attempt::statements_done)?,
        statements_total: count(row, attempt::statements_total)?,
        run: row.text(attempt::run)?,
        applied_by: row.text(attempt::applied_by)?,
        tool_version: row.text(attempt::tool_version)?,
    })
}

/// From the columns [`begun`].
fn begun_statement(row: &impl DriverRow) -> Result<BegunStatement, SessionError> {
    let (kind, state) = (kind(row, begun::kind)?, statement_state(&row.text(begun::state)?)?);
    let refused = state == StatementState::Failed && row.text_or_null(begun::settled_by)?.as_deref() == Some("server");
    let code = row.text_or_null(begun::error_code)?.unwrap_or_default();
    Ok(BegunStatement {
        kind,
        version: (kind != Kind::Repeatable).then(|| version(row, begun::version)).transpose()?,
        file: row.text(begun::filename)?,
        number: usize::try_from(row.number(begun::statement)?).unwrap_or_default(),
        checksum: checksum(row, begun::checksum)?,
        state,
        left_a_part: refused && StoredTrace::read(&row.text(begun::trace)?).leaves_a_part(&code),
    })
}

/// From the columns [`rollback`].
pub(crate) fn stored_rollback(row: &impl DriverRow) -> Result<StoredRollback, SessionError> {
    Ok(StoredRollback {
        version: version(row, rollback::version)?,
        file: row.text(rollback::filename)?,
        description: row.text(rollback::description)?,
        sql: row.text_or_null(rollback::rollback_sql)?,
    })
}

/// From the columns [`acknowledgement`].
pub(crate) fn acknowledged(row: &impl DriverRow) -> Result<Acknowledged, SessionError> {
    let version = row.text_or_null(acknowledgement::version)?.map(|version| version.parse());
    Ok(Acknowledged {
        version: version.transpose().map_err(|_| unusable("the ledger contains an invalid version"))?,
        detail: row.text(acknowledgement::detail)?,
        made_at: row.text(acknowledgement::made_at)?,
        made_by: row.text(acknowledgement::made_by)?,
        run: row.text(acknowledgement::run)?,
    })
}

/// A ledger, or an answer about it, that cannot be worked with.
pub(crate) fn unusable(what: &str) -> SessionError {
    let failure = Failure::new(Reason::LedgerUnusable, what.to_owned());
    SessionError { failure, connection_lost: false }
}

/// A ledger that asks for a newer program than this one, which makes the layout `known`.
pub(crate) fn newer_ledger(found: impl Into<i64>, known: impl Into<i64>) -> SessionError {
    let (found, known) = (found.into(), known.into());
    let mut error = unusable(&format!(
        "the ledger was changed by a newer Schemaward in such a way that this one may not write to it: it asks for one \
         of version {found} or later of the ledger, and this one is of version {known}"
    ));
    error.failure.hint =
        Some("use the newer Schemaward; docs/upgrading.md says which versions work together".to_owned());
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row whose columns are what a `SELECT` of these expressions asks for.
    struct Selected(Vec<String>);

    impl Selected {
        fn of(lists: &[String]) -> Self {
            Self(lists.iter().flat_map(|list| list.split(", ")).map(ToOwned::to_owned).collect())
        }

        fn column(&self, column: usize) -> Result<&str, SessionError> {
            self.0.get(column).map(String::as_str).ok_or_else(|| unusable("no such column"))
        }
    }

    impl DriverRow for Selected {
        fn text(&self, column: usize) -> Result<String, SessionError> {
            self.column(column).map(ToOwned::to_owned)
        }

        fn text_or_null(&self, column: usize) -> Result<Option<String>, SessionError> {
            self.text(column).map(Some)
        }

        fn number(&self, column: usize) -> Result<i64, SessionError> {
            self.column(column)?.parse().map_err(|_| unusable("no number"))
        }

        fn flag(&self, column: usize) -> Result<bool, SessionError> {
            Ok(self.column(column)? == "true")
        }
    }

    #[test]
    fn each_column_is_read_from_the_place_where_it_is_asked_for() {
        let row = row::list(&[(row::version, "007"), (row::kind, "rollback"), (row::id, "3")]);
        let expressions =
            [(attempt::applied_at, "now"), (attempt::execution_time_ms, "12"), (attempt::statements_done, "1")];
        let more = [(attempt::statements_total, "2"), (attempt::undone, "true")];
        let columns = attempt::list(&[&expressions[..], &more].concat());
        let read = recorded_attempt(&Selected::of(&[row, columns])).unwrap();
        assert_eq!((read.row.id, read.row.kind, read.row.version.as_str()), (3, Kind::Rollback, "007"));
        assert_eq!((read.row.file.as_str(), read.row.checksum.as_str()), ("filename", "checksum"));
        assert_eq!((read.row.token_checksum.as_str(), read.applied_at.as_str()), ("token_checksum", "now"));
        assert_eq!((read.execution_time_ms, read.success, read.undone), (12, false, true));
        assert_eq!((read.statements_done, read.statements_total), (1, 2));
        assert_eq!(
            (read.error_code.as_deref(), read.error_message.as_deref()),
            (Some("error_code"), Some("error_message"))
        );
        assert_eq!((&*read.run, &*read.applied_by, &*read.tool_version), ("run", "applied_by", "tool_version"));
        let kept = stored_rollback(&Selected::of(&[rollback::list(&[(rollback::version, "1")])])).unwrap();
        assert_eq!(
            (&*kept.file, &*kept.description, kept.sql.as_deref()),
            ("filename", "description", Some("rollback_sql"))
        );
    }

    #[test]
    fn a_repeatable_file_has_no_version_and_an_unknown_kind_is_an_error() {
        let of = |kind| Selected::of(&[row::list(&[(row::version, "R"), (row::kind, kind), (row::id, "1")])]);
        assert_eq!(ledger_row(&of("repeatable")).unwrap().version, Version::of_repeatable());
        assert!(ledger_row(&of("migration")).is_err() && ledger_row(&of("other")).is_err());
    }
}
