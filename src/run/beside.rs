//! Asks what lies beside a ledger in which nothing was ever recorded, and keeps a run from going over another tool's
//! history. Takes no lock and writes nothing. A ledger with rows costs no question.

use crate::engine::AcknowledgementKind;
use crate::engine::{Check, CheckName, CheckOutcome as Outcome};
use crate::engine::{Database, Session, SessionError};
use crate::plan::LedgerState;
use crate::plan::adopt::{
    Beside, ForeignTable, OtherHistory, OtherLedger, any_table_query, foreign_tables, histories_query, other_ledgers,
    sightings, telling_query,
};
use crate::sql::Dialect;

/// How many histories are reported at most: a server of many tenants has one in each of ten thousand schemas.
const MOST_TOLD: usize = 10;

/// What is left to do about other tools' histories once the lock is taken.
#[derive(Debug, Default)]
pub(super) enum Look {
    /// Nothing: something is recorded, or none is there that a person has not said to be passed over.
    #[default]
    Over,
    /// To look again: one may have come meanwhile.
    Again,
    /// To write down that a person has said so, with these words.
    Acknowledge(String),
}

/// What lies beside a ledger; None where something was recorded in it at any time, which is Schemaward's own history.
pub(super) async fn beside<D: Database>(
    database: &D,
    session: &mut D::Session,
    ledger: &LedgerState,
) -> Result<Option<Beside>, SessionError> {
    if !ledger.shows_nothing() {
        return Ok(None);
    }
    // Where that cannot be read it counts as not said: then the question is asked, which at worst stops the run.
    match session.acknowledged(AcknowledgementKind::ForeignHistory).await {
        Ok(said) if !said.is_empty() => return Ok(None),
        Err(error) if error.connection_lost => return Err(error),
        _ => {}
    }
    // Failures are not a history: they may be from an older Schemaward that found something here.
    let (attempts, _) = session.attempts(None).await?;
    if attempts.iter().any(|attempt| attempt.success) {
        return Ok(None);
    }
    let found = find(database, session).await?;
    let names: Vec<&str> = found.tables.iter().map(String::as_str).collect();
    let ledgers: Vec<&str> = found.ledgers.iter().map(|other| other.ledger.as_str()).collect();
    let ledgers = [&[database.history_schema()][..], &ledgers].concat();
    let others = session.text_rows(&any_table_query(&ledgers, &names, database.dialect())).await?;
    let Found { histories, unread, ledgers, .. } = found;
    let beside = Beside::new(histories, ledgers, others.first().map(Vec::as_slice), database.dialect());
    Ok(Some(Beside { unread, ..beside }))
}

/// Histories that are there.
#[derive(Default)]
pub(super) struct Found {
    histories: Vec<OtherHistory>,
    /// How many tables were not read any more.
    unread: usize,
    pub(super) ledgers: Vec<OtherLedger>,
    /// The names of all tables of other tools, those in which nothing is applied among them.
    pub(super) tables: Vec<String>,
}

/// Other tools' histories, and other ledgers.
pub(super) async fn find<D: Database>(database: &D, session: &mut D::Session) -> Result<Found, SessionError> {
    let dialect = database.dialect();
    let tables = history_tables(session, dialect).await?;
    let seen = sightings(&tables);
    let mut found =
        Found { tables: seen.iter().map(|sighting| sighting.table().name.clone()).collect(), ..Found::default() };
    for (index, sighting) in seen.iter().enumerate() {
        if found.histories.len() == MOST_TOLD {
            found.unread = seen.len() - index;
            break;
        }
        let rows = rows_or_none(session, &sighting.query(dialect)).await?;
        found.histories.extend(sighting.history(rows.as_deref()));
    }
    for sighting in other_ledgers(&tables, database.history_schema(), dialect) {
        let rows = rows_or_none(session, &sighting.query(dialect)).await?;
        found.ledgers.extend(sighting.read(rows.as_deref()));
    }
    Ok(found)
}

/// All tables that may be histories.
pub(super) async fn history_tables<S: Session>(
    session: &mut S,
    dialect: Dialect,
) -> Result<Vec<ForeignTable>, SessionError> {
    let telling = session.text_rows(&telling_query(dialect)).await?;
    let telling: Vec<&str> = telling.iter().flatten().flatten().map(String::as_str).collect();
    Ok(foreign_tables(&session.text_rows(&histories_query(&telling, dialect)).await?))
}

/// The rows of an answer; None where this user may not read them.
async fn rows_or_none<S: Session>(
    session: &mut S,
    query: &str,
) -> Result<Option<Vec<Vec<Option<String>>>>, SessionError> {
    match session.text_rows(query).await {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.connection_lost => Err(error),
        Err(_) => Ok(None),
    }
}

/// The step of an examination that shows whether a run would go over another tool's history.
async fn history<D: Database>(database: &D) -> Result<Outcome, SessionError> {
    let mut session = database.connect().await?;
    let ledger = session.read_ledger().await?;
    let beside = beside(database, &mut session, &ledger).await?;
    session.close().await;
    Ok(match beside {
        None => Outcome::Ok { detail: "the ledger has its own history".to_owned() },
        Some(beside) => match (beside.told_of_tools(), beside.note(None)) {
            (Some(detail), _) => Outcome::NotOk { detail, advice: beside.advice(None) },
            (None, Some(note)) => Outcome::Ok { detail: format!("no other tool's that is known; {note}") },
            (None, None) => Outcome::Ok { detail: "the database is empty, and so is the ledger".to_owned() },
        },
    })
}

/// Examines a database step by step, and last whether a run would overwrite another tool's history, unless the login
/// already failed. Writes nothing, and keeps no lock.
pub async fn examine<D: Database>(database: &D) -> Vec<Check> {
    let mut checks = database.examine().await;
    let is_reached = checks
        .iter()
        .any(|check| check.name == CheckName::ServerVersion && matches!(check.outcome, Outcome::Ok { .. }));
    if is_reached && let Some(check) = checks.iter_mut().find(|check| check.name == CheckName::History) {
        check.outcome =
            history(database).await.unwrap_or_else(|error| Outcome::Skipped { detail: error.failure.message });
    }
    checks
}
