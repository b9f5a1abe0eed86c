//! What is asked for, from the spec and the source alone: the only input of the stages. Reads nothing of what was
//! done.

use crate::operator::names::RunKey;
use crate::operator::observed::Resource;
use crate::operator::source::{Refusal, Source, ValidSource};
use crate::operator::task::Task;

/// What is asked for.
pub(super) struct Want<'a> {
    pub resource: &'a Resource,
    pub source: &'a ValidSource,
}

/// Why nothing can be started, whatever the stages say.
pub(super) enum Blocked<'a> {
    /// The source was not read.
    Unread,
    /// `spec.suspend` is true.
    Suspended,
    /// ConfigMaps that do not exist.
    Missing(&'a [String]),
    /// The source is not valid.
    Refused(&'a Refusal),
}

/// What is asked for, or why it cannot be served.
pub(super) fn want<'a>(resource: &'a Resource, source: &'a Source) -> Result<Want<'a>, Blocked<'a>> {
    match source {
        _ if resource.spec.suspend => Err(Blocked::Suspended),
        Source::NotRead => Err(Blocked::Unread),
        Source::Missing(names) => Err(Blocked::Missing(names)),
        Source::Refused(refusal) => Err(Blocked::Refused(refusal)),
        Source::Valid(source) => Ok(Want { resource, source }),
    }
}

impl Want<'_> {
    /// The key of the runs that do a task for what is asked for.
    pub fn key(&self, task: Task) -> RunKey {
        let Self { resource, source } = self;
        let (of, token) = ((resource.name.as_str(), resource.uid.as_str()), retry_token(resource));
        RunKey::new(task, of, resource.generation, &source.hash, token.as_deref())
    }
}

/// The retry annotation as it was read. One that was taken away asks for nothing: what the last run answered stays in
/// force.
pub(super) fn retry_token(resource: &Resource) -> Option<String> {
    let answered = resource.status.run.as_ref().and_then(|run| run.retry_token.as_ref());
    resource.retry_token.as_ref().or(answered).cloned()
}
