//! From what a pass has seen to what it does. A plain function over plain data: no client, no clock, no
//! chance but what it is handed. `decide/tests.rs` lists the scenarios by name.

use std::time::Duration;

use jiff::Timestamp;

use super::decision::{Decision, Effect, Notice, NoticeKind, Requeue, RunOrder};
use super::names::{self, RunKey};
use super::observed::{Children, Job, JobState, Lease, Observed, Resource};
use super::refusal::Refusal;
use super::source::{Refusal as SourceRefusal, Source, ValidSource};
use super::standing::{self, Standing};
use super::status;
use super::task::Task;
use super::why::Why;
use crate::api::{LastError, RunStatus, SchemaMigrationStatus};
use crate::report::ErrorClass;

mod judge;
mod message;
mod outcome;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use judge::{Judgement, effective_token, judge, judge_key};

/// The first pause before what goes on is looked at again. Each pause is a share of the time that has gone by.
const WATCH_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause before a running run's log is read: it is the only sign of progress.
const LONGEST_RUNNING_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause before it is asked again why a run does not start.
const LONGEST_WAITING_PAUSE: Duration = Duration::from_mins(1);
/// When a Lease is renewed: a third of [`super::lease::DATABASE_LEASE_DURATION`].
const RENEW_AFTER: Duration = Duration::from_secs(10);
/// How long a run that does not start keeps the database's Lease. Then others may use the database; should it start
/// beside one of them, the lock in the database lets one after the other in.
const LEASE_GRACE: Duration = Duration::from_secs(30);

/// What is to be done about a resource.
#[must_use]
pub fn decide(observed: &Observed, now: Timestamp) -> Decision {
    let pass = Pass { resource: &observed.resource, source: &observed.source, children: &observed.children, now };
    if pass.resource.deleting {
        return pass.stop();
    }
    if let Some(job) = pass.active_job() {
        return pass.watch(job);
    }
    if let Some(job) = pass.unknown_job() {
        return pass.wait(Why::Starting, &message::unknown_job(job));
    }
    if let Some(job) = pass.strange_job() {
        return pass.wait(Why::Starting, &message::strange_job(job));
    }
    if !pass.children.stray_pods.is_empty() {
        return pass.wait(Why::Starting, &message::stray_pods(&pass.children.stray_pods));
    }
    if let Some((task, run, job)) = pass.ended_run() {
        return match task {
            Task::Apply => outcome::record(&pass, run, job),
        };
    }
    pass.advance()
}

/// Whether a pass can do without the resource's Jobs, Lease and frozen ConfigMaps: nothing is to be started,
/// and nothing of an earlier run is left to clean up.
#[must_use]
pub fn is_at_rest(resource: &Resource, source: &Source, now: Timestamp) -> bool {
    let rests = match judge(resource, source) {
        Judgement::Suspended | Judgement::Missing(_) | Judgement::Refused(_) | Judgement::Settled => true,
        Judgement::Retry { at, .. } => now < at,
        Judgement::Start { .. } | Judgement::Resume { .. } | Judgement::Unknown => false,
    };
    !resource.has_finalizer && (resource.deleting || rests)
}

/// How a refusal is told: what the status becomes, where it changes, and the event, once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The status that says it.
    pub status: Option<SchemaMigrationStatus>,
    /// The event that says it.
    pub notice: Option<Notice>,
}

/// After so many failed passes in a row the status says why: one may be a hiccup.
pub const FAILURES_TOLD: u32 = 2;

/// What a resource says of passes that failed so many times in a row, the last one for this refusal. How a run has
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

/// One look at one resource.
struct Pass<'a> {
    resource: &'a Resource,
    source: &'a Source,
    children: &'a Children,
    now: Timestamp,
}

impl<'a> Pass<'a> {
    /// The Job that may run SQL for the run that the status names, or for any where it names none.
    fn active_job(&self) -> Option<&'a Job> {
        let run = self.resource.status.run.as_ref();
        let is_ours = |job: &&Job| run.is_none_or(|run| run.finished_at.is_none() && is_of(job, run));
        self.children.jobs.iter().filter(|job| job.is_active() && self.is_understood(job)).find(is_ours)
    }

    /// A Job that may run SQL and is not of the run that the status names. A run is in the status before its Job is
    /// made, so this one is somebody else's work, whatever marks it bears: it is waited for, and never believed.
    fn strange_job(&self) -> Option<&'a Job> {
        let run = self.resource.status.run.as_ref()?;
        self.children.jobs.iter().find(|job| job.is_active() && !is_of(job, run))
    }

    /// A Job that may run SQL, for a task that a newer version knows.
    fn unknown_job(&self) -> Option<&'a Job> {
        self.children.jobs.iter().find(|job| job.is_active() && !self.is_understood(job))
    }

    /// Whether it is known what a Job is for, by its own word and by that of its run.
    fn is_understood(&self, job: &Job) -> bool {
        let run = self.resource.status.run.as_ref().filter(|run| is_of(job, run));
        job.is_understood() && run.is_none_or(|run| task_of(run).is_some())
    }

    /// The run whose outcome is not in the status yet, with its task and its ended Job.
    fn ended_run(&self) -> Option<(Task, &'a RunStatus, &'a Job)> {
        let run = self.resource.status.run.as_ref().filter(|run| run.finished_at.is_none())?;
        let job = self.children.jobs.iter().find(|job| is_of(job, run) && self.is_understood(job))?;
        Some((task_of(run)?, run, job))
    }

    fn advance(&self) -> Decision {
        match judge(self.resource, self.source) {
            Judgement::Unknown => self.unchanged(Requeue::After(WATCH_PAUSE)),
            Judgement::Settled => {
                Decision { effects: self.settle(&self.resource.status), ..self.unchanged(Requeue::OnChange) }
            }
            Judgement::Suspended => self.suspend(),
            Judgement::Missing(names) => self.miss(names),
            Judgement::Refused(refusal) => self.refuse(refusal),
            Judgement::Retry { at, .. } if self.now < at => {
                let pause = Duration::try_from(at.duration_since(self.now)).unwrap_or(WATCH_PAUSE);
                Decision { effects: self.settle(&self.resource.status), ..self.unchanged(Requeue::After(pause)) }
            }
            Judgement::Retry { run, key, source, .. } => {
                self.start(&key, source, run.attempt.saturating_add(1), self.resource.status.clone())
            }
            Judgement::Start { key, source } => {
                let fresh = SchemaMigrationStatus {
                    run: None,
                    last_error: None,
                    pending: None,
                    warnings: Vec::new(),
                    ..self.resource.status.clone()
                };
                self.start(&key, source, self.next_attempt(&key), fresh)
            }
            Judgement::Resume { run, key, source } => self.resume(run, &key, source),
        }
    }

    /// 1, unless Jobs of this key are left though the status has forgotten them.
    fn next_attempt(&self, key: &RunKey) -> i32 {
        let known = self.resource.status.run.iter().map(|run| run.name.as_str());
        let names = self.children.jobs.iter().map(|job| job.name.as_str()).chain(known);
        names.filter_map(|name| key.attempt_of(name)).max().unwrap_or(0).saturating_add(1)
    }

    /// Decides a run: the status first, then all that it needs, the Job last.
    fn start(&self, key: &RunKey, source: &ValidSource, attempt: i32, status: SchemaMigrationStatus) -> Decision {
        let mut status = status;
        let latest = self.resource.spec.target_version.0 == crate::api::TargetVersion::LATEST;
        let asked = self.resource.spec.target_version.0.clone();
        status.target_version = Some(if latest { source.latest.clone() } else { asked });
        if let Lease::Held { holder } = &self.children.lease {
            return Decision { status: self.waiting_for(holder, status), ..self.unchanged(Requeue::OnLease) };
        }
        let name = key.run_name(attempt);
        let message = message::started(&name, attempt);
        status.source_hash = Some(key.source_hash.as_str().to_owned());
        status.run = Some(RunStatus {
            name: name.clone(),
            task: Some(key.task.as_str().to_owned()),
            attempt,
            retry_token: effective_token(self.resource),
            started_at: Some(status::moment(self.now)),
            ..RunStatus::default()
        });
        self.stand(&mut status, &Standing::Reconciling, Why::Starting, &message);
        let notice = Notice { run: Some(name), kind: NoticeKind::Started, message };
        let effects = self.launch(key, source, attempt);
        Decision { status, effects, requeue: Requeue::After(WATCH_PAUSE), notices: vec![notice] }
    }

    /// Goes on with a run whose Job is not there. The runner reads the ledger first, so the same run may
    /// start twice. The status stays: it may say why the Job could not be made.
    fn resume(&self, run: &RunStatus, key: &RunKey, source: &ValidSource) -> Decision {
        if let Lease::Held { holder } = &self.children.lease {
            let status = self.waiting_for(holder, self.resource.status.clone());
            return Decision { status, ..self.unchanged(Requeue::OnLease) };
        }
        let mut status = self.resource.status.clone();
        if let Some(run) = &mut status.run {
            // The next Job of this name is another one.
            (run.job_uid, run.pod) = (None, None);
        }
        let effects = self.launch(key, source, run.attempt);
        Decision { status, effects, ..self.unchanged(Requeue::After(WATCH_PAUSE)) }
    }

    fn waiting_for(&self, holder: &str, mut status: SchemaMigrationStatus) -> SchemaMigrationStatus {
        let message = message::waiting_for_database(holder, &self.resource.spec.database);
        self.stand(&mut status, &Standing::Reconciling, Why::WaitingForDatabase, &message);
        status
    }

    fn launch(&self, key: &RunKey, source: &ValidSource, attempt: i32) -> Vec<Effect> {
        let resource = self.resource;
        let frozen = self.frozen_names(source);
        let mut effects = Vec::new();
        if !resource.has_finalizer {
            effects.push(Effect::AddFinalizer);
        }
        match self.children.lease {
            Lease::Mine { unrenewed } if unrenewed < RENEW_AFTER => {}
            Lease::Mine { .. } => effects.push(Effect::RenewLease),
            Lease::Free | Lease::Held { .. } => effects.push(Effect::TakeLease),
        }
        if !self.is_frozen(&frozen) {
            effects.push(Effect::FreezeSource);
        }
        effects.push(Effect::CreateJob(RunOrder {
            task: key.task,
            name: key.run_name(attempt),
            attempt,
            source_hash: source.hash.clone(),
            retry_token: effective_token(resource),
            frozen,
        }));
        effects
    }

    /// Follows a Job that goes on, whatever it was started for: it is never stopped half-way. One that has not
    /// begun is taken back when something else is asked for: it may be waiting for what was just corrected.
    fn watch(&self, job: &Job) -> Decision {
        let waits = job.is_waiting() && !job.deleting;
        if waits && self.is_superseded(job) {
            return self.take_back(job);
        }
        let mut status = self.resource.status.clone();
        if status.run.is_none() {
            adopt(&mut status, job);
        }
        let mut notices = Vec::new();
        if let Some(run) = &mut status.run {
            run.job_uid = Some(job.uid.clone());
            notices.extend(follow(run, job));
        }
        let (why, said) = match &job.state {
            _ if job.deleting => (Why::Stopping, message::stopping(job)),
            JobState::Running { events, .. } => {
                status::take_events(&mut status, events);
                (Why::Running, message::running(job, events, &status))
            }
            JobState::Waiting { reason: Some(complaint) } => {
                let secret = &self.resource.spec.database.url_secret_ref;
                (Why::Starting, message::waiting(job, complaint, secret))
            }
            JobState::Waiting { reason: None } => (Why::Starting, message::starting(&status)),
            JobState::Suspended => (Why::Starting, message::job_suspended(job)),
            JobState::Ended(_) => (Why::Stopping, message::stopping(job)),
        };
        for notice in &mut notices {
            notice.message.clone_from(&said);
        }
        let changed = job.origin.as_ref().is_some_and(|origin| origin.generation != self.resource.generation);
        let said = if changed { message::spec_changed(&said, self.resource.spec.suspend) } else { said };
        self.stand(&mut status, &Standing::Reconciling, why, &said);
        let mut effects = Vec::new();
        if !self.resource.has_finalizer {
            effects.push(Effect::AddFinalizer);
        }
        match self.children.lease {
            Lease::Mine { .. } if waits && self.age(job) >= LEASE_GRACE => effects.push(Effect::ReleaseLease),
            // One that is on its way out needs it no more, one that does not start needs it not yet.
            Lease::Free if !job.deleting && !waits => effects.push(Effect::TakeLease),
            Lease::Mine { unrenewed } if !waits && unrenewed >= RENEW_AFTER => effects.push(Effect::RenewLease),
            // Held by another though our Job runs: the lock and the fence in the database decide.
            Lease::Free | Lease::Mine { .. } | Lease::Held { .. } => {}
        }
        // Its pod cannot start without the frozen source, which anybody may have deleted.
        if waits && self.is_source_gone(job) {
            effects.push(Effect::FreezeSource);
        }
        Decision { status, effects, requeue: Requeue::Following(self.pause(job)), notices }
    }

    /// How long ago a Job was made; long ago where nobody knows.
    fn age(&self, job: &Job) -> Duration {
        let made = job.origin.as_ref().map(|origin| origin.created_at);
        let age = made.and_then(|made| Duration::try_from(self.now.duration_since(made)).ok());
        age.unwrap_or(LONGEST_WAITING_PAUSE * 2)
    }

    /// When a Job is looked at again. Its end and its pod's start are told by the watches.
    fn pause(&self, job: &Job) -> Duration {
        let (share, longest) = match job.state {
            JobState::Running { .. } => (10, LONGEST_RUNNING_PAUSE),
            JobState::Waiting { .. } | JobState::Suspended | JobState::Ended(_) => (2, LONGEST_WAITING_PAUSE),
        };
        (self.age(job) / share).clamp(WATCH_PAUSE, longest)
    }

    /// Whether a Job was made for something else than what is asked for now.
    fn is_superseded(&self, job: &Job) -> bool {
        let asked = judge_key(self.resource, self.source);
        self.resource.spec.suspend || asked.is_some_and(|key| key.attempt_of(&job.name).is_none())
    }

    /// Whether a part of the frozen source that a Job mounts is missing and can be made again.
    fn is_source_gone(&self, job: &Job) -> bool {
        let Source::Valid(source) = self.source else { return false };
        job.origin.as_ref().is_some_and(|origin| origin.source_hash == source.hash.as_str())
            && !self.is_frozen(&self.frozen_names(source))
    }

    fn take_back(&self, job: &Job) -> Decision {
        let mut status = self.resource.status.clone();
        let message = message::taken_back(&job.name, self.resource.spec.suspend);
        self.stand(&mut status, &Standing::Reconciling, Why::Stopping, &message);
        let notice = Notice { run: Some(job.name.clone()), kind: NoticeKind::Stopping, message };
        let mut effects = vec![Effect::DeleteJob { name: job.name.clone(), uid: job.uid.clone() }];
        // The next run takes another one, and nobody would come back for this one.
        let is_left = job.database.as_ref().is_some_and(|database| *database != self.resource.spec.database);
        if is_left && matches!(self.children.lease, Lease::Mine { .. }) {
            effects.push(Effect::ReleaseLease);
        }
        Decision { status, effects, requeue: Requeue::After(WATCH_PAUSE), notices: vec![notice] }
    }

    fn frozen_names(&self, source: &ValidSource) -> Vec<String> {
        let resource = self.resource;
        let name = |part| names::frozen_name(&resource.name, &resource.uid, &source.hash, part);
        (0..source.parts).map(name).collect()
    }

    fn is_frozen(&self, frozen: &[String]) -> bool {
        frozen.iter().all(|name| self.children.frozen.iter().any(|there| there.name == *name))
    }

    fn suspend(&self) -> Decision {
        let mut status = self.resource.status.clone();
        self.stand(&mut status, &Standing::Suspended, Why::Suspended, message::SUSPENDED);
        Decision { effects: self.settle(&status), status, requeue: Requeue::OnChange, notices: Vec::new() }
    }

    fn miss(&self, config_maps: &[String]) -> Decision {
        let mut status = self.resource.status.clone();
        status.source_hash = None;
        let message = message::source_not_found(config_maps, &self.resource.namespace);
        let is_new = !standing::is_for(&status, Why::SourceNotFound);
        self.stand(&mut status, &Standing::Recovering, Why::SourceNotFound, &message);
        let notice = Notice { run: None, kind: NoticeKind::SourceNotFound, message };
        let notices = if is_new { vec![notice] } else { Vec::new() };
        Decision { effects: self.settle(&status), status, requeue: Requeue::OnChange, notices }
    }

    fn refuse(&self, refusal: &SourceRefusal) -> Decision {
        let mut status = self.resource.status.clone();
        let message = message::invalid_source(refusal);
        status.source_hash = refusal.hash.as_ref().map(|hash| hash.as_str().to_owned());
        status.run = status.run.filter(|run| run.finished_at.is_some());
        status.last_error = Some(LastError {
            class: status::word(&ErrorClass::Permanent),
            reason: Why::InvalidSource.as_str().to_owned(),
            message: refusal.message.clone(),
            file: refusal.file.clone(),
            line: refusal.line,
            ..LastError::default()
        });
        self.stand(&mut status, &Standing::Stalled, Why::InvalidSource, &message);
        let notices = if status == self.resource.status {
            Vec::new()
        } else {
            let kind = NoticeKind::Stalled { why: Why::InvalidSource };
            vec![Notice { run: None, kind, message }]
        };
        Decision { effects: self.settle(&status), status, requeue: Requeue::OnChange, notices }
    }

    /// A deleted resource: tells its Job to stop, waits until it has, and lets the resource go. The database
    /// is not touched: a runner that is told to stop rolls back.
    fn stop(&self) -> Decision {
        if !self.resource.has_finalizer {
            return self.unchanged(Requeue::OnChange);
        }
        let active: Vec<&Job> = self.children.jobs.iter().filter(|job| job.is_active()).collect();
        if active.is_empty() && self.children.stray_pods.is_empty() {
            let mut effects = Vec::new();
            if matches!(self.children.lease, Lease::Mine { .. }) {
                effects.push(Effect::ReleaseLease);
            }
            effects.push(Effect::RemoveFinalizer);
            return Decision { effects, ..self.unchanged(Requeue::OnChange) };
        }
        let mut status = self.resource.status.clone();
        let message = message::terminating(&active, &self.children.stray_pods);
        self.stand(&mut status, &Standing::Reconciling, Why::Terminating, &message);
        let told = active.iter().filter(|job| !job.deleting);
        let effects =
            told.clone().map(|job| Effect::DeleteJob { name: job.name.clone(), uid: job.uid.clone() }).collect();
        let notices = told
            .map(|job| Notice { run: Some(job.name.clone()), kind: NoticeKind::Stopping, message: message.clone() })
            .collect();
        Decision { status, effects, requeue: Requeue::Following(LONGEST_RUNNING_PAUSE), notices }
    }

    /// What is left to do after a run: give the Lease back, remove what no run needs, and last of all let go
    /// of the resource. The last Job stays where it ends, so that its log can be read.
    fn settle(&self, status: &SchemaMigrationStatus) -> Vec<Effect> {
        if !self.resource.has_finalizer {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if matches!(self.children.lease, Lease::Mine { .. }) {
            effects.push(Effect::ReleaseLease);
        }
        let last = status.run.as_ref().map(|run| run.name.as_str());
        // One whose runner has ended goes, too, where another container would keep its pod.
        let is_done = |job: &Job| Some(job.name.as_str()) != last || job.lingers();
        let old = self.children.jobs.iter().filter(|job| is_done(job) && !job.deleting);
        effects.extend(old.map(|job| Effect::DeleteJob { name: job.name.clone(), uid: job.uid.clone() }));
        let unused = self.children.frozen.iter().filter(|map| Some(&map.source_hash) != status.source_hash.as_ref());
        effects.extend(unused.map(|map| Effect::DeleteFrozen { name: map.name.clone(), uid: map.uid.clone() }));
        effects.push(Effect::RemoveFinalizer);
        effects
    }

    fn wait(&self, why: Why, message: &str) -> Decision {
        let mut status = self.resource.status.clone();
        self.stand(&mut status, &Standing::Reconciling, why, message);
        Decision { status, ..self.unchanged(Requeue::Following(LONGEST_WAITING_PAUSE)) }
    }

    fn unchanged(&self, requeue: Requeue) -> Decision {
        Decision { status: self.resource.status.clone(), effects: Vec::new(), requeue, notices: Vec::new() }
    }

    fn stand(&self, status: &mut SchemaMigrationStatus, standing: &Standing, why: Why, message: &str) {
        standing::write(status, standing, (why, message), (self.resource.generation, self.now));
    }
}

/// Whether a Job is the run's: its namesake, and the very one where that is known.
fn is_of(job: &Job, run: &RunStatus) -> bool {
    job.name == run.name && run.job_uid.as_ref().is_none_or(|uid| *uid == job.uid)
}

/// What a run is for; none where this version does not know it.
fn task_of(run: &RunStatus) -> Option<Task> {
    Task::read(run.task.as_deref())
}

/// Keeps what the pod says of itself: at the run's end nobody may be left to ask. The first complaint is told.
fn follow(run: &mut RunStatus, job: &Job) -> Option<Notice> {
    match &job.state {
        JobState::Running { pod, .. } => (run.pod, run.waiting) = (Some(pod.clone()), None),
        JobState::Waiting { reason } if run.pod.is_none() && !job.deleting => {
            let is_new = reason.is_some() && run.waiting.is_none();
            run.waiting = reason.as_deref().map(status::complaint);
            let waiting = || Notice { run: Some(run.name.clone()), kind: NoticeKind::Waiting, message: String::new() };
            return is_new.then(waiting);
        }
        JobState::Waiting { .. } | JobState::Suspended | JobState::Ended(_) => {}
    }
    None
}

/// Fills in a status that does not know of a Job that goes on, from the Job itself.
fn adopt(status: &mut SchemaMigrationStatus, job: &Job) {
    let origin = job.origin.as_ref();
    status.run = Some(RunStatus {
        name: job.name.clone(),
        task: origin.and_then(|origin| origin.task).map(|task| task.as_str().to_owned()),
        attempt: origin.map_or(1, |origin| origin.attempt.max(1)),
        retry_token: origin.and_then(|origin| origin.retry_token.clone()),
        started_at: origin.map(|origin| status::moment(origin.created_at)),
        ..RunStatus::default()
    });
    status.source_hash = origin.map(|origin| origin.source_hash.clone());
}
