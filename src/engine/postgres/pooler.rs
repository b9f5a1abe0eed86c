//! Looks for a pooler that gives each transaction whichever server process is free: through one, no lock can be held.
//!
//! Two sessions show it. Writes nothing, and asks nothing where the server process was started by the session itself.

use std::cell::RefCell;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::time::{Instant, sleep, timeout};

use super::Postgres;
use super::error::refused;
use crate::engine::examination::Outcome;
use crate::engine::session::SessionError;
use crate::engine::shared::examination_steps::{Step, not_ok, ok, skipped};
use crate::report::{Failure, Reason};

/// How often a pooler is looked for: what one try misses, because other clients of the pool came in between, the next sees.
const TRIES: u32 = 6;
/// How long a second session is waited for while the first one is answered.
const SECOND_WAIT: Duration = Duration::from_secs(3);
/// How often the first is asked meanwhile.
const PROBE_PAUSE: Duration = Duration::from_millis(250);
/// Within which time a session is answered that has a server process of its own.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How long both may wait for answers, for instance after other clients of a busy pool.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What to do about a pooler in transaction mode.
const ADVICE: &str = "connect to the server itself, or to a pool in session mode: locks and settings of a session are lost \
                      between transactions otherwise";

/// What two sessions have shown.
enum Shown {
    /// Each keeps its server process.
    Kept,
    /// They do not, for this reason.
    Shared(String),
    /// The first session keeps its server process, as far as it can see on its own; for this reason there is no second
    /// session.
    Alone(String),
}

impl Postgres {
    /// An expression: whether the server process was started with this program's own first message. The name that it
    /// gave there is then the setting's value, and `client` its source; a pooler starts its processes itself and sets the
    /// name later. Source: PostgreSQL, 54.24 "`pg_settings`".
    pub(super) fn started_by_us(&self) -> String {
        let name = super::literal::text(self.address.options.get_application_name().unwrap_or_default());
        // The server cuts a name that is too long. The view pg_settings over this function takes longer to plan than the
        // ledger takes to read.
        format!(
            "(SELECT s.source = 'client' AND s.setting <> '' AND pg_catalog.starts_with({name}, s.setting) \
             FROM pg_catalog.pg_show_all_settings() s WHERE s.name = 'application_name')"
        )
    }

    /// Refuses a pooler that gives each transaction whichever server process is free. A pool in session mode that has no
    /// server process for a second session, such as a pool of one, stops nothing.
    pub(super) async fn refuse_transaction_pooler(&self, first: &mut PgConnection) -> Result<(), SessionError> {
        match timeout(LONGEST_WAIT, self.two_sessions(first)).await {
            Ok(Ok(Shown::Kept)) => Ok(()),
            Ok(Ok(Shown::Shared(detail))) => Err(transaction_pooler(&detail)),
            Ok(Ok(Shown::Alone(why))) => {
                tracing::warn!(
                    "cannot open a second session through what seems to be a pool in session mode: {why}; if this \
                     run is asked to stop, it cannot cancel its statement"
                );
                Ok(())
            }
            Ok(Err(Outcome::Ok { detail } | Outcome::NotOk { detail, .. } | Outcome::Skipped { detail })) => {
                Err(not_found_out(&detail))
            }
            Err(_) => Err(not_found_out(&unanswered())),
        }
    }

    /// The same for an examination.
    pub(super) async fn pooler(&self, first: &mut PgConnection) -> Outcome {
        match timeout(LONGEST_WAIT, self.two_sessions(first)).await {
            Ok(Ok(Shown::Kept)) => ok("a session stays with its server process".to_owned()),
            Ok(Ok(Shown::Shared(detail))) => not_ok(&detail, ADVICE),
            Ok(Ok(Shown::Alone(why))) => not_ok(
                &format!("cannot open a second session: {why}"),
                "give the pool at least two server connections: a run that is asked to stop cancels its statement \
                 through the second one",
            ),
            Ok(Err(outcome)) => outcome,
            Err(_) => not_ok(&unanswered(), ADVICE),
        }
    }

    /// Looks for a pooler that gives each transaction another server process. A second session must not be served by the
    /// first's process while that one waits, and each must keep its own: in a pool the second gets another one while the
    /// first is inside a transaction, and afterwards the one that was freed last, which is the first's. Other clients of the
    /// pool may come in between, hence several tries.
    async fn two_sessions(&self, first: &mut PgConnection) -> Step<Shown> {
        let first_s = process(first, "SELECT 1").await?;
        let (mut second, second_s) = match self.second_session(first, first_s).await? {
            Ok(served) => served,
            Err(shown) => return Ok(shown),
        };
        if first_s == second_s {
            return Ok(Shown::Shared(format!("process {first_s} serves two sessions: a pooler in transaction mode")));
        }
        let (mut tries, mut asked_more) = (0, 0);
        while tries < TRIES {
            // Once more in each try: two runs in step with each other would miss the same each time.
            for _ in 0..=asked_more {
                let now = process(first, "SELECT 1").await?;
                if now != first_s {
                    return Ok(Shown::Shared(pooled(first_s, now)));
                }
            }
            asked_more += 1;
            // One directly after the other: what the first has just given back the second gets.
            let alone = process(first, "SELECT 1").await?;
            let behind = process(&mut second, "SELECT 1").await?;
            let inside = process(first, "BEGIN").await?;
            let meanwhile = {
                let mut asked = std::pin::pin!(process(&mut second, "SELECT 1"));
                let at_once = timeout(AT_ONCE, &mut asked).await;
                process(first, "COMMIT").await?;
                // While it waited for the first's process it could not show another.
                tries += u32::from(at_once.is_ok());
                match at_once {
                    Ok(answered) => answered?,
                    Err(_) => asked.await?,
                }
            };
            let after = process(&mut second, "SELECT 1").await?;
            let its =
                [(first_s, alone), (second_s, behind), (first_s, inside), (second_s, meanwhile), (second_s, after)];
            if let Some((before, now)) = its.into_iter().find(|(before, now)| before != now) {
                return Ok(Shown::Shared(pooled(before, now)));
            }
        }
        let _ = second.close().await;
        Ok(Shown::Kept)
    }

    /// A second session with its server process, or what is known without one.
    ///
    /// It may have to wait for a process even in session mode, if the pool has no more. Meanwhile the first session,
    /// which has its own, is answered at once each time. In transaction mode it waits behind the second.
    async fn second_session(&self, first: &mut PgConnection, first_s: i32) -> Step<Result<(PgConnection, i32), Shown>> {
        let why = RefCell::new("it got no answer".to_owned());
        let mut served = std::pin::pin!(self.served(&why));
        let mut answered = Duration::ZERO;
        while answered < SECOND_WAIT {
            tokio::select! {
                biased;
                second = &mut served => return Ok(Ok(second)),
                () = sleep(PROBE_PAUSE) => {}
            }
            let asked_at = Instant::now();
            let now = tokio::select! {
                biased;
                second = &mut served => return Ok(Ok(second)),
                now = process(first, "SELECT 1") => now?,
            };
            if now != first_s {
                return Ok(Err(Shown::Shared(pooled(first_s, now))));
            }
            answered = if asked_at.elapsed() < AT_ONCE { answered + PROBE_PAUSE } else { Duration::ZERO };
        }
        Ok(Err(Shown::Alone(why.take())))
    }

    /// A session, with its server process, as soon as there is one; until then, why not.
    async fn served(&self, why: &RefCell<String>) -> (PgConnection, i32) {
        loop {
            let refused = match self.open().await {
                Ok(mut connection) => match process(&mut connection, "SELECT 1").await {
                    Ok(its) => return (connection, its),
                    Err(Outcome::Ok { detail } | Outcome::NotOk { detail, .. } | Outcome::Skipped { detail }) => detail,
                },
                Err(error) => error.failure.message,
            };
            why.replace(refused);
            // Another moment may have a place for it.
            sleep(PROBE_PAUSE).await;
        }
    }
}

fn pooled(before: i32, after: i32) -> String {
    format!("one session was served by process {before} and then by {after}: a pooler in transaction mode")
}

/// The failure of a session that has no server process of its own. Nothing was written.
pub(super) fn transaction_pooler(detail: &str) -> SessionError {
    let failure =
        Failure::new(Reason::InvalidSettings, format!("no lock can be held through what the URL leads to: {detail}"))
            .hint(ADVICE.to_owned());
    SessionError { failure, connection_lost: false }
}

/// Both sessions wait for each other's server processes, or for others'.
fn unanswered() -> String {
    format!(
        "a session that had a server process waited for one for {} s, as in a busy pool in transaction mode",
        LONGEST_WAIT.as_secs()
    )
}

/// The failure of a run that may have no server process of its own. Nothing was written.
fn not_found_out(detail: &str) -> SessionError {
    let failure = Failure::new(
        Reason::ConnectionFailed,
        format!("whether a pooler in transaction mode is in between could not be found out: {detail}"),
    )
    .hint(ADVICE.to_owned());
    SessionError { failure, connection_lost: false }
}

/// The server process of a session, after a statement.
async fn process(connection: &mut PgConnection, statement: &str) -> Step<i32> {
    let sql = format!("{statement};SELECT pg_catalog.pg_backend_pid()");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(|error| refused(&error))?;
    rows.last().and_then(|row| row.try_get(0).ok()).ok_or_else(|| skipped("the server did not report its process ID"))
}

/// The server process is another than the session began with.
pub(super) fn another_process() -> SessionError {
    transaction_pooler("another server process answers than before: a pooler in transaction mode")
}
