//! One turn of one resource: looks at it, decides, and acts. While a run is only in progress or waiting and no watch
//! has reported a change, it asks only about what no watch reports, which is little or nothing.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::{Api, Client, Resource as _};
use tracing::{Instrument as _, Span, field, warn};

use super::act::{self, ActError, Actor};
use super::answers::Extent;
use super::complaints::Complaints;
use super::decide::{self, decide};
use super::decision::{Decision, Effect, Notice, NoticeKind, Requeue};
use super::desk;
use super::gather::Memo;
use super::lease::{LeaseError, Leases};
use super::metrics::Metrics;
use super::notify;
use super::observe::{Hints, Observer};
use super::observe_error::{ObserveError, THE_RESOURCE};
use super::observed::{JobState, Observed, Resource};
use super::queue::{Cause, Key};
use super::refusal::Refusal;
use super::room::{Room, Rooms};
use super::seen::{self, Left, Seen};
use super::source::{Source, ValidSource};
use super::standing;
use crate::api::SchemaMigration;

/// The longest a pass may take: a call that never answers must not hold a resource for good.
const PASS_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest that telling of a failed pass may take.
const TELL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a resource at rest is looked at, should a watch have missed something. A look reads versions and writes
/// nothing.
const RESYNC: Duration = Duration::from_hours(1);
/// How often everything about a run in progress or waiting is read again, in case a watch has missed something.
const READ_ANEW_AFTER: Duration = Duration::from_mins(30);
/// The same for a deleted resource, whose end a person waits for.
const READ_DELETED_ANEW_AFTER: Duration = Duration::from_mins(2);
/// How often it is seen to, in memory, that the Lease which is waited for is still renewed.
const LEASE_PAUSE: Duration = Duration::from_secs(15);
/// How long another resource has the database before an event reports it: most runs are over by then.
const LEASE_TOLD_AFTER: Duration = Duration::from_secs(30);
/// The pause after a pass that another's write has overtaken.
const OVERTAKEN_PAUSE: Duration = Duration::from_millis(500);
/// The pause before a large source is read, while another is.
const ROOM_PAUSE: Duration = Duration::from_millis(700);
/// The longest pause after failed passes; the first is a second, and each doubles.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What turns work with.
pub struct Context {
    /// For all but Leases.
    pub client: Client,
    pub leases: std::sync::Arc<Leases>,
    pub metrics: std::sync::Arc<Metrics>,
    /// The image that runs migrations.
    pub runner_image: String,
    pub identity: String,
    pub rooms: Rooms,
    pub complaints: Complaints,
}

/// What turns keep of a resource.
#[derive(Default)]
pub struct Notes {
    memo: Option<Memo>,
    following: Option<Following>,
    failures: u32,
    /// The Lease for which an event has said that it is waited for.
    told_of: Option<Key>,
}

/// A run in progress or waiting, as it was last seen.
struct Following {
    seen: Seen,
    /// When all is read again.
    until: Instant,
}

/// What the watches have reported when a turn begins.
#[derive(Debug, Default)]
pub struct Heard {
    /// Why the run's pod does not start, where its status says it.
    pub said: Option<String>,
    /// Whether the Lease that is waited for is still renewed.
    pub is_lease_renewed: bool,
}

/// A resource's turn.
pub type Turn = desk::Turn<Notes>;

/// Why a pass failed.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("the pass took longer than {PASS_TIMEOUT:?}")]
    TimedOut,
}

/// Takes a turn. Returns the time until the next one if nothing happens before; none if the resource no longer exists.
pub async fn take(context: &Context, turn: &mut Turn, heard: &Heard) -> Option<Duration> {
    let Key { namespace, name } = &turn.key;
    let span = tracing::info_span!("pass", resource = %format!("{namespace}/{name}"), run = field::Empty);
    async {
        let begun = Instant::now();
        let looked = tokio::time::timeout(PASS_TIMEOUT, look(context, turn, heard)).await;
        let looked = looked.unwrap_or(Err(PassError::TimedOut));
        let (overtaken, malformed) = match &looked {
            Err(error) => (is_overtaken(error), is_malformed(error)),
            Ok(_) => (false, false),
        };
        context.metrics.note_malformed(&turn.key, malformed);
        context.metrics.pass(begun.elapsed(), looked.is_err() && !overtaken);
        match looked {
            Ok(pause) => {
                turn.known.notes.failures = 0;
                turn.known.refused = false;
                pause
            }
            Err(error) if overtaken => {
                tracing::debug!(%error, "looking again");
                Some(if is_full(&error) { ROOM_PAUSE } else { OVERTAKEN_PAUSE })
            }
            Err(error) if malformed => {
                warn!(%error, "this SchemaMigration cannot be read and is left alone; correct it to have it worked on");
                Some(RESYNC)
            }
            Err(error) => {
                warn!(%error, "this pass failed and is repeated");
                let failures = turn.known.notes.failures.saturating_add(1);
                turn.known.notes.failures = failures;
                // Once it is reported, one of the namespace may ask for all.
                turn.known.refused = failures >= decide::FAILURES_TOLD;
                tell_refusal(context, turn, &error.refusal(), failures).await;
                Some(Duration::from_secs(1 << (failures - 1).min(10)).min(LONGEST_PAUSE))
            }
        }
    }
    .instrument(span)
    .await
}

async fn look(context: &Context, turn: &mut Turn, heard: &Heard) -> Result<Option<Duration>, PassError> {
    if turn.cause == Cause::Due {
        if turn.known.lease.is_some() && heard.is_lease_renewed && !is_long_wait(&turn.known) {
            return Ok(Some(LEASE_PAUSE));
        }
        if let Some(pause) = follow(context, turn, heard).await? {
            return Ok(Some(pause));
        }
    }
    read_again(context, turn, heard).await
}

/// Continues from what was seen last. None if there is more to do than to report the state and to keep or release the
/// Lease: then everything is read again.
async fn follow(context: &Context, turn: &mut Turn, heard: &Heard) -> Result<Option<Duration>, PassError> {
    let Some(mut following) = turn.known.notes.following.take() else { return Ok(None) };
    if Instant::now() >= following.until {
        return Ok(None);
    }
    let hints = Hints { memo: None, crowd: turn.crowd, said: heard.said.as_deref() };
    observer(context).refresh(&mut following.seen, hints).await;
    let decision = decide(&following.seen.observed, Timestamp::now());
    let Requeue::Following(pause) = decision.requeue else { return Ok(None) };
    // A Lease is written only on top of the record that was seen; all else is decided after everything was read again.
    let is_lease_s = |effect: &Effect| matches!(effect, Effect::RenewLease | Effect::ReleaseLease);
    if !decision.effects.iter().all(is_lease_s) {
        return Ok(None);
    }
    let left = carry_out(context, turn, &following.seen, &decision).await?;
    following.seen.take_over(left);
    turn.known.notes.following = Some(following);
    Ok(Some(pause))
}

async fn read_again(context: &Context, turn: &mut Turn, heard: &Heard) -> Result<Option<Duration>, PassError> {
    turn.known.notes.following = None;
    turn.known.waits = false;
    let now = Timestamp::now();
    let place = (&*turn.key.namespace, &*turn.key.name);
    let memo = turn.known.notes.memo.take();
    let mut hints = Hints { memo: memo.as_ref(), crowd: turn.crowd, said: heard.said.as_deref() };
    let Some(mut seen) = observer(context).observe(place, hints, now).await? else { return Ok(None) };
    let mut decision = decide(&seen.observed, now);
    if needs_files(&seen.observed, &decision) {
        hints.memo = None;
        let Some(again) = observer(context).observe(place, hints, now).await? else { return Ok(None) };
        decision = decide(&again.observed, now);
        seen = again;
    }
    turn.known.notes.memo = seen.memo.take();
    if let Some(run) = &decision.status.run {
        Span::current().record("run", run.name.as_str());
    }
    let left = carry_out(context, turn, &seen, &decision).await?;
    let known = &mut turn.known;
    let lease = Key::new(&turn.key.namespace, &seen.lease_name);
    let since = known.lease.take().filter(|(waited_for, _)| *waited_for == lease);
    Ok(Some(match decision.requeue {
        Requeue::OnChange => RESYNC,
        Requeue::After(pause) => pause.min(RESYNC),
        Requeue::OnLease => {
            known.lease = since.or(Some((lease, Instant::now())));
            if is_long_wait(known) {
                known.notes.told_of = known.lease.as_ref().map(|(lease, _)| lease.clone());
                tell_of_wait(context, &seen.observed.resource, &decision).await;
            }
            LEASE_PAUSE
        }
        Requeue::Following(pause) => {
            let waits = |state: &JobState| matches!(state, JobState::Waiting { .. });
            known.waits = seen.observed.children.jobs.iter().any(|job| waits(&job.state));
            let after = if seen.observed.resource.deleting { READ_DELETED_ANEW_AFTER } else { READ_ANEW_AFTER };
            seen.take_over(left);
            seen.keep_little();
            known.notes.following = Some(Following { seen, until: Instant::now() + after });
            pause
        }
    }))
}

/// Whether the same Lease has been waited for so long that it is to be reported, which it was not yet.
fn is_long_wait(known: &desk::Known<Notes>) -> bool {
    let long = known.lease.as_ref().filter(|(_, since)| since.elapsed() >= LEASE_TOLD_AFTER);
    long.is_some_and(|(lease, _)| known.notes.told_of.as_ref() != Some(lease))
}

/// Reports once that a run waits for the database, in the words of its status.
async fn tell_of_wait(context: &Context, resource: &Resource, decision: &Decision) {
    let Some(message) = standing::ready(&decision.status).map(|ready| ready.message.clone()) else { return };
    let notice = Notice { run: None, kind: NoticeKind::WaitingForDatabase, message };
    notify::tell(&context.client, resource, &notice, &context.identity).await;
}

/// Whether a source is to be written of which only the versions were read.
fn needs_files(observed: &Observed, decision: &Decision) -> bool {
    let without = matches!(&observed.source, Source::Valid(ValidSource { files: None, .. }));
    without && decision.effects.contains(&Effect::FreezeSource)
}

fn observer(context: &Context) -> Observer<'_> {
    let Context { client, leases, rooms, complaints, runner_image, .. } = context;
    Observer { client, leases, rooms, complaints, runner_image }
}

async fn carry_out(context: &Context, turn: &mut Turn, seen: &Seen, decision: &Decision) -> Result<Left, ActError> {
    let mut actor = Actor::new(&context.client, &context.leases, &context.runner_image, seen);
    let result = async {
        actor.write_status(&decision.status).await?;
        for notice in &decision.notices {
            context.metrics.notice(&notice.kind);
            notify::tell(&context.client, &seen.observed.resource, notice, &context.identity).await;
        }
        actor.carry_out(decision).await
    }
    .await;
    let left = actor.left();
    if !left.versions.is_empty() {
        turn.known.written.clone_from(&left.versions);
    }
    result.map(|()| left)
}

/// Reports a pass that failed, where it is not the first time. What cannot be reported is in the log.
async fn tell_refusal(context: &Context, turn: &mut Turn, refusal: &Refusal, failures: u32) {
    let told = async {
        let api: Api<SchemaMigration> = Api::namespaced(context.client.clone(), &turn.key.namespace);
        let path = SchemaMigration::url_path(&(), Some(&turn.key.namespace));
        let mut room = Room::default();
        let found = observer(context).answers().get(&path, (&turn.key.name, Extent::Whole), (&mut room, 0)).await;
        let mut object: SchemaMigration = found.ok().flatten()?;
        object.spec.source.inline = None;
        let resource = seen::plain(object.clone());
        let told = decide::refused(&resource, refusal, failures, Timestamp::now());
        if let Some(status) = &told.status {
            match act::replace_status(&api, &object, status).await {
                Ok(version) => turn.known.written.extend(version),
                Err(error) => tracing::debug!(%error, "the status could not be written to show the refusal"),
            }
        }
        if let Some(notice) = &told.notice {
            context.metrics.notice(&notice.kind);
            notify::tell(&context.client, &resource, notice, &context.identity).await;
        }
        Some(())
    };
    if tokio::time::timeout(TELL_TIMEOUT, told).await.is_err() {
        warn!("the refusal could not be reported within {TELL_TIMEOUT:?}");
    }
}

impl PassError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Observe(error) => error.refusal(),
            Self::Act(error) => error.refusal(),
            Self::TimedOut => Refusal::unanswered("one look at the resource".to_owned(), self.to_string()),
        }
    }
}

/// Whether a pass failed only because something was newer than what it had seen, or there was no room.
fn is_overtaken(error: &PassError) -> bool {
    matches!(error, PassError::Act(ActError::Outdated | ActError::Lease(LeaseError::Lost(_)))) || is_full(error)
}

fn is_full(error: &PassError) -> bool {
    matches!(error, PassError::Observe(ObserveError::Full(_)))
}

/// Whether the resource itself is what cannot be read, such as one that an older CRD let in.
fn is_malformed(error: &PassError) -> bool {
    let PassError::Observe(ObserveError::Read { what, source }) = error else { return false };
    *what == THE_RESOURCE && matches!(**source, kube::Error::SerdeError(_))
}
