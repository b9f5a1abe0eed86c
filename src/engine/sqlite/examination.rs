//! Examines a database file step by step. Writes nothing, and keeps no lock.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, Row};

use super::Sqlite;
use super::error::failure_of;
use super::lock::FileLock;
use crate::engine::examination::{Check, CheckName, Outcome};
use crate::engine::session::{Database, Session};
use crate::report::Reason;

impl Sqlite {
    /// Examines the file: its folder, whether it is a database, whether it takes writes, who holds the lock.
    pub(super) async fn examine_steps(&self) -> Vec<Check> {
        let mut found = vec![Check { name: CheckName::Url, outcome: ok(&format!("the file {}", self.file)) }];
        let mut note = |name, outcome| found.push(Check { name, outcome });
        for name in [CheckName::Dns, CheckName::Tcp, CheckName::Tls, CheckName::Login] {
            note(name, skipped("a file has none"));
        }
        match self.path() {
            Err(error) => {
                note(CheckName::Writable, not_ok(&error.failure.message, "make the folder, or correct the URL"));
            }
            Ok(path) if !path.exists() => note(
                CheckName::Writable,
                match folder_takes_files(&path) {
                    Ok(()) => ok("there is no such file yet; the first run makes it"),
                    Err(outcome) => outcome,
                },
            ),
            Ok(path) => {
                let (version, writable, ledger) = self.look_inside().await;
                note(CheckName::ServerVersion, version);
                // The lock is a file, too.
                note(CheckName::Writable, folder_takes_files(&path).err().unwrap_or(writable));
                note(CheckName::LedgerRights, ledger);
                note(
                    CheckName::Lock,
                    match FileLock::holder(&path) {
                        Ok(None) => ok("free"),
                        Ok(Some(holder)) => not_ok(&format!("held by {holder}"), "wait for its end"),
                        Err(error) => {
                            not_ok(&error.to_string(), "the lock is a file beside the database: make it readable")
                        }
                    },
                );
            }
        }
        Check::with_skipped(found, "a file has none, there is none yet, or an earlier step failed")
    }

    /// What is known of a file that exists: SQLite's version, whether it takes writes, its ledger.
    async fn look_inside(&self) -> (Outcome, Outcome, Outcome) {
        let advice = "the URL must name a SQLite database that this user may read and write";
        let mut connection = match self.open().await {
            Ok(connection) => connection,
            Err(error) => {
                let closed = || skipped("it could not be opened");
                return (closed(), not_ok(&error.failure.message, advice), closed());
            }
        };
        let row = sqlx::raw_sql("SELECT sqlite_version()").fetch_one(&mut connection).await;
        let version = match row.and_then(|row| row.try_get::<String, _>(0)) {
            Ok(version) => ok(&format!("SQLite {version}, built in")),
            Err(error) => not_ok(&said(&error), advice),
        };
        // SQLite finds out at the first change that a file is write-protected, or its folder; this one is rolled back.
        let sql = format!("BEGIN IMMEDIATE; CREATE TABLE main.\"{}_examination\" (x)", self.ledger.prefix());
        let changed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        let _ = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
        let writable = match changed {
            Ok(_) => ok("it takes writes"),
            Err(error) => {
                let failure = failure_of(&error, Reason::ConnectionFailed);
                not_ok(&failure.message, failure.hint.as_deref().unwrap_or(advice))
            }
        };
        let _ = connection.close().await;
        (version, writable, self.ledger_step().await)
    }

    /// Whether the ledger can be read by this version of Schemaward.
    async fn ledger_step(&self) -> Outcome {
        let read = async {
            let mut session = self.connect().await?;
            let identity = session.identity().await;
            session.close().await;
            identity
        };
        match read.await {
            Ok(Some(found)) => ok(&format!(
                "the ledger, the tables {}_…, can be read; it has layout {}",
                self.ledger.prefix(),
                found.layout
            )),
            Ok(None) => ok("there is no ledger yet; the first run makes it"),
            Err(error) => {
                not_ok(&error.failure.message, error.failure.hint.as_deref().unwrap_or("see what the file is"))
            }
        }
    }
}

/// Whether a file can be made beside the database, as the lock is and SQLite's journal: one is made and taken away.
fn folder_takes_files(database: &Path) -> Result<(), Outcome> {
    let mut probe = OsString::from(database);
    probe.push("-schemaward-examination");
    let made = OpenOptions::new().write(true).create_new(true).open(&probe);
    made.and_then(|_| std::fs::remove_file(&probe)).map_err(|error| {
        let folder = database.parent().unwrap_or(database);
        not_ok(
            &format!("no file can be made in the folder {}: {error}", folder.display()),
            "give this user the right to make files there: the database, its journal and the lock are files in it",
        )
    })
}

fn said(error: &sqlx::Error) -> String {
    failure_of(error, Reason::ConnectionFailed).message
}

fn ok(detail: &str) -> Outcome {
    Outcome::Ok { detail: detail.to_owned() }
}

fn not_ok(detail: &str, advice: &str) -> Outcome {
    Outcome::NotOk { detail: detail.to_owned(), advice: advice.to_owned() }
}

fn skipped(detail: &str) -> Outcome {
    Outcome::Skipped { detail: detail.to_owned() }
}
