//! Examines a database step by step, each step asking for no more than the ones before it. Writes
//! nothing, and keeps no lock.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Postgres;
use super::error::refused;
use super::explaining::hint_where_filtered;
use super::ledger::Ledger;
use super::rows::holder_text;
use super::writable::{self, NoWrites};
use crate::engine::examination::{Check, CheckName, Outcome};
use crate::engine::session::SessionError;
use crate::engine::shared::connecting::CONNECT_TIMEOUT;
use crate::engine::shared::examination_steps::{Step, nobody_holds, not_ok, noted, ok, reach, settled, skipped};
use crate::engine::shared::ledger_layout::check_writer;

/// The ledger's tables, as a list in SQL.
const TABLES: &str = "'schemaward_ledger', 'schema_migrations', 'migration_locks', 'statement_journal', 'accepted_edits', \
                      'ledger_identity', 'runs', 'acknowledgements'";
/// The oldest version supported.
const OLDEST_VERSION: u32 = 130_000;
/// The message that asks a server for TLS: its length, 8, and the code 80877103.
/// Source: PostgreSQL, 53.7 "Message Formats", `SSLRequest`.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

impl Postgres {
    /// Examines the database: name, port, TLS, login, version, rights, lock, pooler. A step that fails ends those
    /// that need it; they are reported as skipped.
    pub(super) async fn examine_steps(&self) -> Vec<Check> {
        let mut found = Vec::new();
        let mut note = |name, outcome| found.push(Check { name, outcome });
        note(CheckName::Url, ok(format!("{}, as the user {}", self.address, self.address.user())));
        if let Some(connection) = self.reach(&mut note).await {
            self.look_around(connection, &mut note).await;
        }
        Check::with_skipped(found, "an earlier step failed")
    }

    /// From the host's name to a connection that is logged in.
    async fn reach(&self, note: &mut impl FnMut(CheckName, Outcome)) -> Option<PgConnection> {
        let options = &self.address.options;
        let server = (options.get_host(), options.get_port());
        let tls = async |stream| offered_tls(stream, options.get_ssl_mode()).await;
        reach(note, options.get_socket().map(AsRef::as_ref), server, tls).await?;
        let opened = self.open().await.map(|connection| (connection, format!("as {}", self.address.user())));
        noted(note, CheckName::Login, opened.map_err(|error| login_refused(&error.failure)))
    }

    /// What a session shows.
    async fn look_around(&self, mut connection: PgConnection, note: &mut impl FnMut(CheckName, Outcome)) {
        note(CheckName::ServerVersion, version(connection.server_version_num()));
        note(CheckName::Writable, settled(writable(&mut connection).await));
        note(CheckName::LedgerRights, settled(self.rights(&mut connection).await));
        note(CheckName::Lock, settled(self.lock(&mut connection).await));
        note(CheckName::Pooler, self.pooler(&mut connection).await);
        let _ = timeout(Duration::from_secs(1), connection.close()).await;
    }

    /// Whether the user may read and write the ledger, or make it.
    async fn rights(&self, connection: &mut PgConnection) -> Step<String> {
        let schema = super::literal::text(self.ledger.schema());
        let quoted = super::literal::text(self.ledger.quoted_schema());
        // Each right is only asked about if its object exists, since the functions fail otherwise.
        let sql = format!(
            "SELECT pg_catalog.to_regnamespace({quoted}) IS NOT NULL, \
             EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = {schema} AND c.relname = 'schemaward_ledger'), \
             pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), \
             (SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND \
              pg_catalog.has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace n WHERE n.nspname = {schema}), \
             (SELECT pg_catalog.bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
              AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT') \
              AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')) \
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = {schema} AND c.relname IN ({TABLES})), \
             (SELECT pg_catalog.string_agg(c.relname, ', ' ORDER BY c.relname) \
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = {schema} AND c.relname IN ({TABLES}) AND pg_catalog.row_security_active(c.oid)), \
             (SELECT pg_catalog.string_agg(c.relname, ', ' ORDER BY c.relname) \
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = {schema} AND c.relname IN ({TABLES}) AND c.relkind NOT IN ('r', 'p'))"
        );
        let row = one_row(connection, sql).await?;
        let flag = |index| row.try_get::<Option<bool>, _>(index).ok().flatten().unwrap_or_default();
        let (name, user, database) = (self.ledger.schema(), self.address.user(), self.address.database());
        let (has_schema, has_ledger, may_create, may_fill, may_use) = (flag(0), flag(1), flag(2), flag(3), flag(4));
        let names = |index| row.try_get::<Option<String>, _>(index).ok().flatten();
        if let Some(filtered) = names(5) {
            return Err(not_ok(
                &format!("row level security hides rows of the ledger in the schema {name} from {user}: {filtered}"),
                &hint_where_filtered(name, user),
            ));
        }
        if let Some(others) = names(6) {
            return Err(not_ok(
                &format!("in the schema {name} something else is in the place of the ledger's tables: {others}"),
                "a view may leave rows out: put the tables back as they were",
            ));
        }
        match (has_schema, has_ledger) {
            (_, true) if may_use => {
                let row = one_row(connection, format!("SELECT ({})", self.ledger.read_version())).await?;
                let version: Option<i32> = row.try_get(0).map_err(|error| refused(&error))?;
                if let Err(SessionError { failure, .. }) = check_writer(version.map(i64::from)) {
                    return Err(not_ok(&failure.message, &failure.hint.unwrap_or_default()));
                }
                let layout = self.layout(connection).await.or(version);
                let layout = layout.map(|layout| format!("; it has layout {layout}")).unwrap_or_default();
                Ok(format!("the ledger in the schema {name} can be read and written{layout}"))
            }
            (_, true) => Err(not_ok(
                &format!("{user} may not write the ledger in the schema {name}"),
                &format!("run migrations as the ledger's owner, or make {user} the owner of the tables in {name}"),
            )),
            (true, false) if may_fill => {
                Ok(format!("the schema {name} is there, and {user} may make the ledger in it"))
            }
            (true, false) => Err(not_ok(
                &format!("{user} may not make the ledger in the schema {name}"),
                &format!("as an administrator: GRANT USAGE, CREATE ON SCHEMA \"{name}\" TO \"{user}\""),
            )),
            (false, false) if may_create => {
                Ok(format!("there is no ledger yet, and {user} may make the schema {name} for it"))
            }
            (false, false) => Err(not_ok(
                &format!("there is no ledger yet, and {user} may not make the schema {name}"),
                &format!(
                    "as an administrator: CREATE SCHEMA \"{name}\" AUTHORIZATION \"{user}\"; or GRANT CREATE ON DATABASE \
                     \"{database}\" TO \"{user}\""
                ),
            )),
        }
    }

    /// The ledger's layout; None of one before layout 6, which has no number.
    async fn layout(&self, connection: &mut PgConnection) -> Option<i32> {
        let sql = format!("SELECT layout FROM {}.ledger_identity", self.ledger.quoted_schema());
        one_row(connection, sql).await.ok()?.try_get(0).ok()
    }

    async fn lock(&self, connection: &mut PgConnection) -> Step<String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(Ledger::holder())).fetch_all(connection).await;
        let rows = rows.map_err(|error| refused(&error))?;
        nobody_holds(rows.first().map(|row| holder_text(row).unwrap_or_default()).as_deref())
    }
}

/// Asks the server for TLS, without going on to it.
async fn offered_tls(mut stream: TcpStream, mode: PgSslMode) -> Step<((), String)> {
    if matches!(mode, PgSslMode::Disable) {
        return Ok(((), "not asked for: the URL says sslmode=disable".to_owned()));
    }
    let asked = timeout(CONNECT_TIMEOUT, async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_u8().await
    });
    let required = !matches!(mode, PgSslMode::Allow | PgSslMode::Prefer);
    match asked.await {
        Ok(Ok(b'S')) if matches!(mode, PgSslMode::Allow) => Ok(((), "offered; sslmode=allow goes without".to_owned())),
        Ok(Ok(b'S')) => Ok(((), "offered".to_owned())),
        Ok(Ok(b'N')) if required => Err(not_ok(
            "the server offers none, but the URL's sslmode asks for it",
            "turn on TLS in the server (ssl = on), or choose sslmode=prefer or disable where the network is trusted",
        )),
        Ok(Ok(b'N')) => Ok(((), "the server offers none; the URL's sslmode allows that".to_owned())),
        Ok(Ok(_)) => Err(not_ok("what answers there is no PostgreSQL server", "check the port in the URL")),
        Ok(Err(error)) => Err(not_ok(&format!("the connection ended: {error}"), "check that the port is PostgreSQL's")),
        Err(_) => Err(not_ok("no answer", "check that the port is PostgreSQL's")),
    }
}

fn version(number: Option<u32>) -> Outcome {
    match number {
        Some(number) if number >= OLDEST_VERSION => ok(format!("PostgreSQL {}.{}", number / 10_000, number % 10_000)),
        Some(number) => not_ok(
            &format!("PostgreSQL {} is too old", number / 10_000),
            "upgrade the server to PostgreSQL 13 or later",
        ),
        None => skipped("the server does not report its version"),
    }
}

async fn writable(connection: &mut PgConnection) -> Step<String> {
    let row = one_row(connection, format!("SELECT {}", writable::QUESTION)).await?;
    match NoWrites::read(Some(&row), 0) {
        Ok(None) => Ok("the server takes writes".to_owned()),
        Ok(Some(no_writes)) => Err(no_writes.outcome()),
        Err(error) => Err(not_ok(&error.failure.message, "see the server's log")),
    }
}

async fn one_row(connection: &mut PgConnection, sql: String) -> Step<sqlx::postgres::PgRow> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await.map_err(|error| refused(&error))
}

fn login_refused(failure: &crate::report::Failure) -> Outcome {
    let advice = match failure.code.as_deref() {
        Some("28P01") => {
            "check user and password in the URL; in a password, write / as %2F, : as %3A, # as %23, ? as %3F, @ as %40"
        }
        Some("28000") => "let the user in from this address in the server's pg_hba.conf, with TLS if it asks for that",
        Some("3D000") => "create the database, or check its name in the URL",
        Some("53300") => "end connections, or raise the server's max_connections",
        _ => failure.hint.as_deref().unwrap_or("see the server's log"),
    };
    not_ok(&failure.message, advice)
}
