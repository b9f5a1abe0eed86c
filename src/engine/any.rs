//! A database of whichever engine its URL names. Only hands each call on: what an engine does is in its own folder.

use std::time::Duration;

use super::acknowledgement::{Acknowledged, Acknowledgement, AcknowledgementKind};
use super::examination::Check;
use super::identity::LedgerIdentity;
use super::mysql::{Mysql, MysqlAddress, MysqlSession};
use super::postgres::{Address, Postgres, PostgresSession};
use super::session::{
    ApplyError, Attempt, ByHand, Database, DatabaseSettings, FailedAttempt, Fence, LockAttempt, Progress, Session,
    SessionError, SessionId, StoredRollback, Undone, Unrun,
};
use super::shared::url_of_others;
#[cfg(feature = "sqlite")]
use super::sqlite::{Sqlite, SqliteFile, SqliteSession};
use crate::engine::RecordedAttempt;
use crate::migration::{Migration, Version};
use crate::plan::LedgerState;
use crate::report::{ErrorClass, Failure, Reason, StatementProgress};
use crate::sql::Dialect;

/// A database of whichever engine its URL names.
#[derive(Clone, Debug)]
pub enum AnyDatabase {
    /// `postgres://`, `postgresql://`
    Postgres(Postgres),
    /// `mysql://`, `mariadb://`
    Mysql(Mysql),
    /// `sqlite:`
    #[cfg(feature = "sqlite")]
    Sqlite(Sqlite),
}

/// A session of whichever engine.
#[derive(Debug)]
pub enum AnySession {
    Postgres(PostgresSession),
    /// On MySQL or MariaDB.
    Mysql(MysqlSession),
    /// On a SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteSession),
}

/// The same expression for each engine.
macro_rules! each {
    ($any:expr, $inner:ident => $then:expr) => {
        match $any {
            Self::Postgres($inner) => $then,
            Self::Mysql($inner) => $then,
            #[cfg(feature = "sqlite")]
            Self::Sqlite($inner) => $then,
        }
    };
}

impl AnyDatabase {
    /// The database that a URL names.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where the URL or a setting is not usable; the message never repeats the URL.
    pub fn new(url: &str, settings: DatabaseSettings<'_>) -> Result<Self, Failure> {
        match engine_of(url)? {
            EngineName::Postgres => Postgres::new(Address::parse(url)?, settings).map(Self::Postgres),
            EngineName::Mysql => Mysql::new(MysqlAddress::parse(url)?, settings).map(Self::Mysql),
            #[cfg(feature = "sqlite")]
            EngineName::Sqlite => Sqlite::new(SqliteFile::parse(url)?, settings, &user()).map(Self::Sqlite),
        }
    }

    /// Whether a URL can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`], as [`Self::new`].
    pub fn check_url(url: &str) -> Result<(), Failure> {
        match engine_of(url)? {
            EngineName::Postgres => Address::parse(url).map(drop),
            EngineName::Mysql => MysqlAddress::parse(url).map(drop),
            #[cfg(feature = "sqlite")]
            EngineName::Sqlite => SqliteFile::parse(url).map(drop),
        }
    }
}

/// The user of the operating system: where no server knows one, the ledger shows this one.
#[cfg(feature = "sqlite")]
fn user() -> String {
    ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "unknown".to_owned())
}

/// The engines there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum EngineName {
    Postgres,
    Mysql,
    #[cfg(feature = "sqlite")]
    Sqlite,
}

/// The engine that a URL's scheme names.
fn engine_of(url: &str) -> Result<EngineName, Failure> {
    let url = url.trim();
    match url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("postgres" | "postgresql") => Ok(EngineName::Postgres),
        // It is reported as empty.
        None if url.is_empty() => Ok(EngineName::Postgres),
        Some("mysql" | "mariadb") => Ok(EngineName::Mysql),
        #[cfg(feature = "sqlite")]
        Some("sqlite") => Ok(EngineName::Sqlite),
        #[cfg(not(feature = "sqlite"))]
        Some("sqlite") => Err(Failure::new(
            Reason::InvalidSettings,
            "the database's URL is not usable: this program was built without SQLite",
        )
        .hint("build it with SQLite, as it is by default, or name a server: postgres://, mysql://, mariadb://")),
        // Not named: where the scheme is missing, this may be a user's name.
        Some(_) | None => Err(url_of_others::failure(url).unwrap_or(Failure {
            class: ErrorClass::Permanent,
            reason: Reason::InvalidSettings,
            code: None,
            message: "the database's URL has no known scheme: it must start with postgres://, mysql://, mariadb:// \
                      or sqlite:"
                .to_owned(),
            hint: Some("such as postgres://user:password@host:5432/name".to_owned()),
            place: None,
        })),
    }
}

impl Database for AnyDatabase {
    type Session = AnySession;

    async fn connect(&self) -> Result<AnySession, SessionError> {
        match self {
            Self::Postgres(database) => database.connect().await.map(AnySession::Postgres),
            Self::Mysql(database) => database.connect().await.map(AnySession::Mysql),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(database) => database.connect().await.map(AnySession::Sqlite),
        }
    }

    fn dialect(&self) -> Dialect {
        each!(self, database => Database::dialect(database))
    }

    fn address(&self) -> String {
        each!(self, database => Database::address(database))
    }

    fn history_schema(&self) -> &str {
        each!(self, database => database.history_schema())
    }

    async fn examine(&self) -> Vec<Check> {
        each!(self, database => database.examine().await)
    }

    async fn watch(&self, session: SessionId, seen: &mut dyn FnMut(StatementProgress)) -> Failure {
        each!(self, database => database.watch(session, seen).await)
    }

    fn lock_timeout(&self) -> Duration {
        each!(self, database => database.lock_timeout())
    }

    fn tries_statements_again(&self) -> bool {
        each!(self, database => database.tries_statements_again())
    }

    fn stops_within(&self) -> Duration {
        each!(self, database => database.stops_within())
    }

    async fn cancel(&self, session: SessionId) -> Result<(), SessionError> {
        each!(self, database => database.cancel(session).await)
    }
}

impl Session for AnySession {
    fn id(&self) -> SessionId {
        each!(self, session => session.id())
    }

    fn server_dialect(&self) -> Dialect {
        each!(self, session => session.server_dialect())
    }

    async fn read_ledger(&mut self) -> Result<LedgerState, SessionError> {
        each!(self, session => session.read_ledger().await)
    }

    async fn lock_holder(&mut self) -> Result<Option<String>, SessionError> {
        each!(self, session => session.lock_holder().await)
    }

    async fn attempts(
        &mut self,
        limit: Option<u32>,
    ) -> Result<(Vec<RecordedAttempt>, Option<RecordedAttempt>), SessionError> {
        each!(self, session => session.attempts(limit).await)
    }

    async fn try_lock(&mut self) -> Result<LockAttempt, SessionError> {
        each!(self, session => session.try_lock().await)
    }

    async fn take_over(&mut self, run: &str) -> Result<(Fence, LedgerState), SessionError> {
        each!(self, session => session.take_over(run).await)
    }

    async fn apply(
        &mut self,
        attempt: Attempt<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Duration, ApplyError> {
        each!(self, session => session.apply(attempt, progress).await)
    }

    async fn apply_batch(
        &mut self,
        batch: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), ApplyError> {
        each!(self, session => session.apply_batch(batch, progress).await)
    }

    async fn apply_together(
        &mut self,
        attempts: &[Attempt<'_>],
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<(), Undone> {
        each!(self, session => session.apply_together(attempts, progress).await)
    }

    async fn record_failure(&mut self, attempt: Attempt<'_>, failed: FailedAttempt<'_>) -> Result<(), SessionError> {
        each!(self, session => session.record_failure(attempt, failed).await)
    }

    async fn settle(&mut self, fence: Fence, by_hand: &ByHand<'_>) -> Result<bool, SessionError> {
        each!(self, session => session.settle(fence, by_hand).await)
    }

    async fn record_undone(&mut self, by_hand: Attempt<'_>) -> Result<(), SessionError> {
        each!(self, session => session.record_undone(by_hand).await)
    }

    async fn record_abandoned(
        &mut self,
        attempt: Attempt<'_>,
        given_up: FailedAttempt<'_>,
        said: Acknowledgement<'_>,
    ) -> Result<(), SessionError> {
        each!(self, session => session.record_abandoned(attempt, given_up, said).await)
    }

    async fn stored_rollbacks(&mut self, versions: &[Version]) -> Result<Vec<StoredRollback>, SessionError> {
        each!(self, session => session.stored_rollbacks(versions).await)
    }

    async fn record_unrun(&mut self, unrun: Unrun<'_>) -> Result<(), SessionError> {
        each!(self, session => session.record_unrun(unrun).await)
    }

    async fn accept_edit(&mut self, fence: Fence, run: &str, migration: &Migration) -> Result<bool, SessionError> {
        each!(self, session => session.accept_edit(fence, run, migration).await)
    }

    async fn acknowledge(&mut self, acknowledgement: Acknowledgement<'_>) -> Result<(), SessionError> {
        each!(self, session => session.acknowledge(acknowledgement).await)
    }

    async fn acknowledged(&mut self, kind: AcknowledgementKind) -> Result<Vec<Acknowledged>, SessionError> {
        each!(self, session => session.acknowledged(kind).await)
    }

    async fn identity(&mut self) -> Result<Option<LedgerIdentity>, SessionError> {
        each!(self, session => session.identity().await)
    }

    async fn text_rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, SessionError> {
        each!(self, session => session.text_rows(query).await)
    }

    async fn release(&mut self, fence: Fence) -> Result<(), SessionError> {
        each!(self, session => session.release(fence).await)
    }

    async fn close(self) {
        each!(self, session => session.close().await);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AnyDatabase, DatabaseSettings};
    use crate::policy::AlreadyExists;

    #[test]
    fn a_scheme_that_is_not_known_is_reported_without_the_url() {
        let settings = DatabaseSettings {
            run: "r",
            lock_timeout: Duration::from_secs(1),
            history_schema: "schemaward",
            already_exists: AlreadyExists::Fail,
        };
        let failure = AnyDatabase::new("oracle://app:secret@db/shop", settings).unwrap_err();
        assert!(failure.message.contains("postgres://"), "{failure:?}");
        assert!(!failure.message.contains("secret") && !failure.message.contains("oracle"), "{failure:?}");
    }

    #[cfg(not(feature = "sqlite"))]
    #[test]
    fn a_program_that_was_built_without_sqlite_says_so() {
        let failure = AnyDatabase::check_url("sqlite:shop.db").unwrap_err();
        assert!(failure.message.contains("built without SQLite"), "{failure:?}");
    }
}
