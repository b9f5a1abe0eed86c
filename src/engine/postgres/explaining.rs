//! What the server's errors about the ledger mean, with what only the session knows: whose right is missing, and where.

use super::error::{
    FOREIGN_LEDGER, INSUFFICIENT_PRIVILEGE, OTHER_PROCESS, UNDEFINED_COLUMN, UNDEFINED_SCHEMA, UNDEFINED_TABLE,
    is_filtered, server_error, session_error,
};
use super::pooler::another_process;
use super::session::PostgresSession;
use crate::engine::session::SessionError;
use crate::report::Reason;

impl PostgresSession {
    /// What the server says against the ledger's being written, with what only the session knows.
    pub(super) fn explain(&self, error: &sqlx::Error) -> SessionError {
        if is_filtered(error) {
            return self.filtered(error);
        }
        self.explain_writing(session_error(error, Reason::LedgerUnusable))
    }

    /// Rows of the ledger are hidden from this user: it is not known what is applied.
    pub(super) fn filtered(&self, error: &sqlx::Error) -> SessionError {
        let (user, schema) = (&self.user, self.ledger.schema());
        let mut explained = session_error(error, Reason::LedgerUnusable);
        let failure = &mut explained.failure;
        failure.message = format!(
            "row level security hides rows of the ledger in the schema {schema} from the user {user}, so what is \
             applied cannot be known: {}",
            failure.message
        );
        failure.hint = Some(hint_where_filtered(schema, user));
        explained
    }

    /// The failure with which right is missing, and for whom.
    fn explain_writing(&self, mut error: SessionError) -> SessionError {
        let failure = &mut error.failure;
        let schema = self.ledger.schema();
        match failure.code.as_deref() {
            Some(INSUFFICIENT_PRIVILEGE) => {
                failure.message = format!(
                    "the user {} may not keep the ledger in the schema {schema}: {}",
                    self.user, failure.message
                );
                failure.hint = Some(format!(
                    "as an administrator: CREATE SCHEMA \"{schema}\" AUTHORIZATION \"{user}\"; or GRANT CREATE ON \
                     DATABASE \"{database}\" TO \"{user}\"; tables of an existing ledger must belong to \"{user}\"",
                    user = self.user,
                    database = self.database
                ));
            }
            Some(OTHER_PROCESS) => return another_process(),
            Some(UNDEFINED_COLUMN) => {
                failure.message =
                    format!("the ledger in the schema {schema} is not as Schemaward makes it: {}", failure.message);
                failure.hint = Some(
                    "a table was replaced, for example by a view, or a column was dropped: restore the tables as \
                     they were"
                        .to_owned(),
                );
            }
            Some(FOREIGN_LEDGER) => {
                failure.message = format!("the schema {schema} holds another tool's schema_migrations");
                failure.hint = Some("choose another schema for the history".to_owned());
            }
            _ => {}
        }
        error
    }

    /// The same where nothing is to be written: the ledger is there.
    pub(super) fn explain_reading(&self, error: &sqlx::Error) -> SessionError {
        let is_a_right = server_error(error).is_some_and(|error| error.code() == INSUFFICIENT_PRIVILEGE);
        if !is_a_right || is_filtered(error) {
            return self.explain(error);
        }
        let mut error = session_error(error, Reason::LedgerUnusable);
        let (user, schema) = (&self.user, self.ledger.schema());
        let failure = &mut error.failure;
        failure.message =
            format!("the user {user} may not read the ledger in the schema {schema}: {}", failure.message);
        failure.hint = Some(format!(
            "as an administrator: GRANT USAGE ON SCHEMA \"{schema}\" TO \"{user}\"; GRANT SELECT ON ALL TABLES IN SCHEMA \
             \"{schema}\" TO \"{user}\"; what writes needs the ledger's owner"
        ));
        error
    }

    /// Whether the error says that there is no ledger yet.
    pub(super) fn ledger_is_missing(error: &sqlx::Error) -> bool {
        server_error(error).is_some_and(|e| matches!(e.code(), UNDEFINED_TABLE | UNDEFINED_SCHEMA))
    }

    /// Whether the error says that the ledger is older than this binary writes it.
    pub(super) fn ledger_is_older(error: &sqlx::Error) -> bool {
        server_error(error).is_some_and(|e| e.code() == UNDEFINED_COLUMN)
    }
}

/// The way out where row level security hides rows of the ledger.
pub(super) fn hint_where_filtered(schema: &str, user: &str) -> String {
    format!(
        "as the owner of the ledger's tables: ALTER TABLE \"{schema}\".… NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL \
         SECURITY for each of them; or, as a superuser: ALTER ROLE \"{user}\" BYPASSRLS"
    )
}
