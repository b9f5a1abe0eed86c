//! Whether what a statement would add already exists with the same definition: the statement adds it to a scratch
//! table, which has no rows, `information_schema` describes both, and the scratch table is dropped.
//!
//! DDL commits implicitly here, so nothing could roll the table back. Its name is fixed and belongs to the history;
//! only the holder of the lock creates and drops it. A run that is killed in between leaves the table, and a row
//! *started* in the journal: the next run drops the table before anything else.

use super::definition::{Definition, Row, compare, missing, questions};
use super::error::{NO_SUCH_TABLE, is_number, session_error};
use super::literal::identifier;
use super::rows::value;
use super::session::MysqlSession;
use crate::engine::session::{Fence, SessionError};
use crate::engine::shared::comparison::Comparison;
use crate::engine::shared::ledger_rows::unusable;
use crate::report::{ErrorClass, Reason};
use crate::sql::{Added, Addition, Dialect};

/// What a file may have set, and our questions could not do with.
const QUESTIONS_NEED: [(&str, &str); 2] =
    [("character_set_results", "utf8mb4"), ("sql_select_limit", "18446744073709551615")];

impl MysqlSession {
    /// The scratch table's name, which needs no quotes beyond backticks.
    fn scratch(&self) -> String {
        format!("{}_scratch", self.ledger.prefix())
    }

    /// Compares, in the session's state as the file has made it, and leaves that as it was.
    ///
    /// # Errors
    ///
    /// Where the connection is lost, a lock was not free, or the scratch table could not be dropped.
    pub(super) async fn compare(&mut self, sql: &str, fence: Fence) -> Result<Comparison, SessionError> {
        let dialect = if self.server.version.mariadb { Dialect::Mariadb } else { Dialect::Mysql };
        let addition = match Addition::read(sql, dialect) {
            Ok(addition) => addition,
            Err(why) => return Ok(Comparison::Impossible(why.to_owned())),
        };
        if !self.is_here(addition.table.database.as_deref()) {
            return Ok(Comparison::Impossible("its table is in another database than the history".to_owned()));
        }
        let compared = self.compare_in_scratch(&addition, fence).await;
        let compared = match compared {
            Err(error) if must_be_reported(&error) => Err(error),
            Err(error) => Ok(Comparison::Impossible(error.failure.message)),
            Ok(comparison) => return self.drop_scratch(fence).await.map(|()| comparison),
        };
        match &compared {
            Err(error) if error.connection_lost => {}
            // What has failed before is what matters; what cannot be dropped now goes at the next comparison.
            _ => drop(self.drop_left_scratch(fence).await),
        }
        compared
    }

    fn is_here(&self, database: Option<&str>) -> bool {
        let fold = |name: &str| if self.server.folds_names { name.to_lowercase() } else { name.to_owned() };
        database.is_none_or(|name| fold(name) == fold(&self.server.database))
    }

    async fn compare_in_scratch(&mut self, addition: &Addition<'_>, fence: Fence) -> Result<Comparison, SessionError> {
        let scratch = self.scratch();
        self.drop_left_scratch(fence).await?;
        // Fails where the right to drop is missing: then none is made.
        self.drop_scratch(fence).await?;
        let existing = self.describe(&addition.table.name, &[]).await?;
        let Some(name) = existing.name() else {
            return Ok(Comparison::Impossible("it is not where the statement would make it".to_owned()));
        };
        let mut before = Definition::default();
        if let Added::Parts { columns, indexes } = &addition.added {
            if let Some(comparison) = missing(&existing, columns, indexes) {
                return Ok(comparison);
            }
            self.guarded(&format!("CREATE TABLE `{scratch}` LIKE {}", identifier(name)), fence).await?;
            for (number, index) in indexes.iter().enumerate() {
                // Other than dropping it, this spoils nothing that needs an index.
                let sql = format!(
                    "ALTER TABLE `{scratch}` RENAME INDEX {} TO `{scratch}_before_{number}`",
                    identifier(index)
                );
                self.guarded(&sql, fence).await?;
            }
            let drops: Vec<String> =
                columns.iter().map(|column| format!("DROP COLUMN {}", identifier(&column.name))).collect();
            if !drops.is_empty() {
                self.guarded(&format!("ALTER TABLE `{scratch}` {}", drops.join(", ")), fence).await?;
            }
            before = self.describe(&scratch, &[]).await?;
        }
        let made = addition.in_scratch(&scratch);
        self.guarded(&made.sql, fence).await?;
        let after = self.describe(&scratch, &made.symbols).await?;
        Ok(compare(&existing, &before, &after, &addition.added))
    }

    /// What `information_schema` says of a table of this database.
    async fn describe(&mut self, table: &str, symbols: &[(String, String)]) -> Result<Definition, SessionError> {
        let mariadb = self.server.version.mariadb;
        let set = |value: &dyn Fn(&str, &str) -> String| {
            let settings = QUESTIONS_NEED.iter().map(|(name, needed)| value(name, needed));
            format!("SET {}", settings.collect::<Vec<_>>().join(", "))
        };
        let keep = set(&|name, _| format!("@schemaward_{name} = @@SESSION.{name}"));
        let need = set(&|name, needed| format!("SESSION {name} = {needed}"));
        let back = set(&|name, _| format!("SESSION {name} = @schemaward_{name}"));
        let sql = format!("{keep};\n{need};\n{};\n{back}", questions(table, mariadb).join(";\n"));
        let answers = self.query(sql, Reason::StatementFailed).await?;
        let rows = answers.rows.get(2..).unwrap_or_default();
        let texts = |row| texts(row);
        let answers: Vec<Vec<Row>> =
            rows.iter().map(|rows| rows.iter().map(texts).collect()).collect::<Result<_, SessionError>>()?;
        Ok(Definition::read(&answers, mariadb, symbols))
    }

    /// Sends one statement of our own, unless another run has taken over.
    async fn guarded(&mut self, sql: &str, fence: Fence) -> Result<(), SessionError> {
        let sql = format!("{};\n{sql}", self.ledger.check(fence));
        self.query(sql, Reason::StatementFailed).await.map(drop)
    }

    /// Drops the scratch table, where there is one. The server asks for the right to do so in any case.
    async fn drop_scratch(&mut self, fence: Fence) -> Result<(), SessionError> {
        let dropped = self.guarded(&format!("DROP TABLE IF EXISTS `{}`", self.scratch()), fence).await;
        dropped.map_err(|mut error| {
            error.failure.message = format!("dropping the table {}: {}", self.scratch(), error.failure.message);
            error
        })
    }

    /// Drops the scratch table that an interrupted run has left. A table that has rows is not one.
    pub(super) async fn drop_left_scratch(&mut self, fence: Fence) -> Result<(), SessionError> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM `{}`)", self.scratch());
        match self.try_query(sql).await {
            Ok(answers) if value::<i64>(answers.row(0), 0)? != 0 => {
                let table = self.scratch();
                Err(unusable(&format!(
                    "the table {table} has rows, so it is not Schemaward's scratch table; it was \
                                       left untouched"
                )))
            }
            Ok(_) => {
                tracing::info!(table = self.scratch(), "dropping the table that was made to compare");
                self.drop_scratch(fence).await
            }
            Err(error) if is_number(&error, NO_SUCH_TABLE) => Ok(()),
            Err(error) => Err(session_error(&error, Reason::StatementFailed)),
        }
    }
}

fn texts(row: &sqlx::mysql::MySqlRow) -> Result<Row, SessionError> {
    use sqlx::Row;
    (0..row.len()).map(|column| value(Some(row), column)).collect()
}

/// Whether an error is more than the reason why two things cannot be compared.
fn must_be_reported(error: &SessionError) -> bool {
    let failure = &error.failure;
    error.connection_lost || failure.class == ErrorClass::Transient || failure.code.as_deref() == Some("1317")
}
