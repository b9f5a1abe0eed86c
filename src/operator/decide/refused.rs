//! What a resource says of passes that fail, because the cluster refuses what they need.

use jiff::Timestamp;

use super::message;
use crate::api::SchemaMigrationStatus;
use crate::operator::decision::{Notice, NoticeKind};
use crate::operator::observed::Resource;
use crate::operator::refusal::Refusal;
use crate::operator::standing::{self, Standing};
use crate::operator::why::Why;

/// How a refusal is reported: what the status becomes, where it changes, and the event, once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The status that says it.
    pub status: Option<SchemaMigrationStatus>,
    /// The event that says it.
    pub notice: Option<Notice>,
}

/// After this many failed passes in a row the status says why: one may be a hiccup.
pub const FAILURES_TOLD: u32 = 2;

/// What a resource says of passes that failed this many times in a row, the last one for this refusal. How a run has
/// ended stays in its conditions: a refusal afterwards keeps from cleaning up, and is an event alone.
#[must_use]
pub fn refused(resource: &Resource, refusal: &Refusal, failures: u32, now: Timestamp) -> Told {
    if failures < FAILURES_TOLD {
        return Told::default();
    }
    let message = message::refused(refusal, resource.deleting);
    let (run, status) = (resource.status.run.as_ref().map(|run| run.name.clone()), &resource.status);
    let is_known = standing::is_for(status, Why::RefusedByCluster);
    let is_new = !is_known && failures == FAILURES_TOLD;
    let notice = is_new.then(|| Notice { run, kind: NoticeKind::Refused, message: message.clone() });
    // The words may differ from pass to pass, as a port does: what is said already is not written again.
    let is_said = is_known && standing::ready(status).is_some_and(|ready| ready.message.contains(&refusal.what));
    if is_said || !is_open(resource) {
        return Told { status: None, notice };
    }
    let mut status = status.clone();
    standing::write(&mut status, &Standing::Recovering, (Why::RefusedByCluster, &message), (resource.generation, now));
    Told { status: Some(status), notice }
}

/// Whether something is still to be done that the conditions speak of, other than another attempt at its time.
fn is_open(resource: &Resource) -> bool {
    const OPEN: [Why; 4] = [Why::RefusedByCluster, Why::Changed, Why::WaitingForDatabase, Why::SourceNotFound];
    let status = &resource.status;
    resource.deleting
        || status.observed_generation != Some(resource.generation)
        || status.run.as_ref().is_some_and(|run| run.finished_at.is_none())
        || OPEN.iter().any(|&why| standing::is_for(status, why))
}
