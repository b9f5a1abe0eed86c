//! What a resource needs, from its spec, its status and its source alone.

use jiff::Timestamp;

use super::task_of;
use crate::api::{LastError, RunStatus};
use crate::migration::Checksum;
use crate::operator::names::RunKey;
use crate::operator::observed::Resource;
use crate::operator::source::{Refusal, Source, ValidSource};
use crate::operator::standing;
use crate::operator::task::Task;
use crate::operator::why::Why;

/// What a resource needs, as far as its spec, its status and its source tell.
pub(super) enum Judgement<'a> {
    Suspended,
    Missing(&'a [String]),
    Refused(&'a Refusal),
    /// Verified, or Stalled, and nothing has changed since.
    Settled,
    /// The last attempt failed and another one is due at a time.
    Retry {
        at: Timestamp,
        run: &'a RunStatus,
        key: RunKey,
        source: &'a ValidSource,
    },
    /// A generation or a content that no run has looked at.
    Start {
        key: RunKey,
        source: &'a ValidSource,
    },
    /// A run that was decided, and whose Job is not there (yet, or any more).
    Resume {
        run: &'a RunStatus,
        key: RunKey,
        source: &'a ValidSource,
    },
    /// The source was not read.
    Unknown,
}

/// Compares what is asked for with what the status says was done.
pub(super) fn judge<'a>(resource: &'a Resource, source: &'a Source) -> Judgement<'a> {
    if resource.spec.suspend {
        return Judgement::Suspended;
    }
    let source = match source {
        Source::NotRead => return Judgement::Unknown,
        Source::Missing(names) => return Judgement::Missing(names),
        Source::Refused(refusal) => return Judgement::Refused(refusal),
        Source::Valid(source) => source,
    };
    let status = &resource.status;
    let key = run_key(resource, &source.hash);
    let speaks_of_it = status.observed_generation == Some(resource.generation)
        && status.source_hash.as_deref() == Some(source.hash.as_str());
    let run = status
        .run
        .as_ref()
        .filter(|run| speaks_of_it && task_of(run) == Some(key.task) && key.attempt_of(&run.name) == Some(run.attempt));
    match run {
        None => Judgement::Start { key, source },
        Some(run) if run.finished_at.is_none() => Judgement::Resume { run, key, source },
        // Its outcome was found to be of something else, or is hidden behind a refusal: looked at anew.
        Some(_) if [Why::Changed, Why::RefusedByCluster].iter().any(|&why| standing::is_for(status, why)) => {
            Judgement::Start { key, source }
        }
        Some(run) => match status.last_error.as_ref().and_then(retry_time) {
            Some(at) => Judgement::Retry { at, run, key, source },
            None => Judgement::Settled,
        },
    }
}

/// What a run would verify now; none where no run can start.
pub(super) fn judge_key(resource: &Resource, source: &Source) -> Option<RunKey> {
    match source {
        Source::Valid(source) if !resource.spec.suspend => Some(run_key(resource, &source.hash)),
        _ => None,
    }
}

fn run_key(resource: &Resource, source_hash: &Checksum) -> RunKey {
    let token = effective_token(resource);
    let of = (resource.name.as_str(), resource.uid.as_str());
    RunKey::new(Task::Apply, of, resource.generation, source_hash, token.as_deref())
}

/// The retry annotation as it was read. One that was taken away asks for nothing: what the last run answered stays in
/// force.
pub(super) fn effective_token(resource: &Resource) -> Option<String> {
    let answered = resource.status.run.as_ref().and_then(|run| run.retry_token.as_ref());
    resource.retry_token.as_ref().or(answered).cloned()
}

fn retry_time(error: &LastError) -> Option<Timestamp> {
    error.retry_at.as_deref()?.parse().ok()
}
