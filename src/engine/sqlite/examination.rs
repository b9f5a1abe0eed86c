//! Examines a database file step by step. Writes nothing, and keeps no lock.

use sqlx::{AssertSqlSafe, Connection, Row};

use super::Sqlite;
use super::error::failure_of;
use super::lock::FileLock;
use crate::engine::examination::{Check, CheckName, Outcome};
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
            Ok(path) if !path.exists() => {
                note(CheckName::Writable, ok("there is no such file yet; the first run makes it"));
            }
            Ok(path) => {
                let (version, writable) = self.look_inside().await;
                note(CheckName::ServerVersion, version);
                note(CheckName::Writable, writable);
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
        Check::with_skipped(found, "a file has none, or a step before it failed")
    }

    async fn look_inside(&self) -> (Outcome, Outcome) {
        let advice = "the URL must name a SQLite database that this user may read and write";
        let mut connection = match self.open().await {
            Ok(connection) => connection,
            Err(error) => return (skipped("it could not be opened"), not_ok(&error.failure.message, advice)),
        };
        let row = sqlx::raw_sql("SELECT sqlite_version()").fetch_one(&mut connection).await;
        let version = match row.and_then(|row| row.try_get::<String, _>(0)) {
            Ok(version) => ok(&format!("SQLite {version}, built in")),
            Err(error) => not_ok(&said(&error), advice),
        };
        // SQLite finds out at the first change that a file is write-protected, or its folder; this one is taken back.
        let sql = format!("BEGIN IMMEDIATE; CREATE TABLE main.\"{}_examination\" (x)", self.ledger.prefix());
        let changed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        let _ = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
        let writable = match changed {
            Ok(_) => ok("it takes writes"),
            Err(error) => not_ok(&said(&error), advice),
        };
        let _ = connection.close().await;
        (version, writable)
    }
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
