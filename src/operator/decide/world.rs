//! A world for tests: what the cluster would hold after each write, without a cluster.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::decide;
use crate::api::{Engine, SchemaMigrationStatus};
use crate::migration::SourceFile;
use crate::operator::decision::{Decision, Effect, Requeue};
use crate::operator::names;
use crate::operator::observed::{
    Children, Ended, Frozen, Job, JobEnd, JobState, Lease, Observed, Origin, Resource, RunnerEnd, RunnerImage,
};
use crate::operator::source::{Gathered, Source, SourceConfigMap};
use crate::policy::Gaps;
use crate::report::{ErrorClass, Failure, Outcome, Pending, Place, Reason, Summary};

/// A cluster with one resource, and a clock.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub observed: Observed,
    pub now: Timestamp,
    /// The last pass's decision.
    pub last: Option<Decision>,
}

pub(super) fn source_of(files: &[(&str, &str)]) -> Source {
    let files = files.iter().map(|(name, sql)| SourceFile { name: (*name).into(), bytes: (*sql).into() }).collect();
    let map = SourceConfigMap { name: "shop-migrations".into(), files: Some(files) };
    let mut gathered = Gathered::default();
    gathered.add(map, 1);
    gathered.verify(Engine::Postgres, Gaps::Reject)
}

impl World {
    /// A resource that was never looked at.
    pub fn fresh() -> Self {
        let spec = json!({
            "database": {"engine": "postgres", "urlSecretRef": {"name": "shop-db", "key": "url"}},
            "source": {"configMaps": [{"name": "shop-migrations"}]},
            "retry": {"limit": 2, "initialDelay": "10s", "maxDelay": "1m"},
        });
        let resource = Resource {
            name: "shop".into(),
            namespace: "shops".into(),
            uid: "uid-1".into(),
            generation: 1,
            deleting: false,
            has_finalizer: false,
            retry_token: None,
            spec: serde_json::from_value(spec).unwrap(),
            status: SchemaMigrationStatus { observed_generation: Some(-1), ..Default::default() },
        };
        let source = source_of(&[("001_a.sql", "create table a ();"), ("002_b.sql", "create table b ();")]);
        let observed = Observed { resource, source, children: Children::default(), runner_image: "runner:1".into() };
        Self { observed, now: Timestamp::from_second(1_800_000_000).unwrap(), last: None }
    }

    /// After the first pass: a Job waits for its pod.
    pub fn started() -> Self {
        Self::fresh().pass()
    }

    /// After a run that applied both migrations.
    pub fn ready() -> Self {
        Self::started().ends_well().pass()
    }

    /// After a run that failed.
    pub fn failed(class: ErrorClass, reason: Reason) -> Self {
        Self::started().ends(class, reason).pass()
    }

    pub fn with(mut self, change: impl FnOnce(&mut Observed)) -> Self {
        change(&mut self.observed);
        self
    }

    pub fn later(mut self, seconds: u64) -> Self {
        self.now += Duration::from_secs(seconds);
        if let Lease::Mine { unrenewed } = &mut self.observed.children.lease {
            *unrenewed += Duration::from_secs(seconds);
        }
        self
    }

    /// One pass: decides, then writes all that was decided.
    pub fn pass(self) -> Self {
        self.pass_until(usize::MAX)
    }

    /// One pass that dies after this many writes; the status is the first of them.
    pub fn pass_until(mut self, writes: usize) -> Self {
        let decision = decide(&self.observed, self.now);
        if writes > 0 {
            self.observed.resource.status = decision.status.clone();
        }
        for effect in decision.effects.iter().take(writes.saturating_sub(1)) {
            self.write(effect);
        }
        self.last = Some(decision);
        self
    }

    /// Passes until one neither writes nor wants to look again soon.
    pub fn settle(mut self) -> Self {
        for _ in 0..50 {
            let before = self.observed.clone();
            self = self.pass();
            let requeue = self.last.as_ref().map(|decision| decision.requeue);
            if before == self.observed && requeue == Some(Requeue::OnChange) {
                return self;
            }
            self = match requeue {
                Some(Requeue::After(pause) | Requeue::Following(pause)) => self.later(pause.as_secs()),
                _ => self,
            };
        }
        panic!("no end: {self:#?}")
    }

    fn write(&mut self, effect: &Effect) {
        let Observed { resource, children, source, runner_image: image } = &mut self.observed;
        match effect {
            Effect::AddFinalizer => resource.has_finalizer = true,
            Effect::RemoveFinalizer => resource.has_finalizer = false,
            Effect::TakeLease | Effect::RenewLease => children.lease = Lease::Mine { unrenewed: Duration::ZERO },
            Effect::ReleaseLease => children.lease = Lease::Free,
            Effect::FreezeSource => {
                let Source::Valid(source) = source else { panic!("nothing to freeze") };
                let name = names::frozen_name(&resource.name, &resource.uid, &source.hash, 0);
                let source_hash = source.hash.as_str().to_owned();
                if !children.frozen.iter().any(|map| map.name == name) {
                    children.frozen.push(Frozen { uid: format!("uid of {name}"), name, source_hash });
                }
            }
            Effect::CreateJob(order) => {
                assert!(resource.has_finalizer, "a Job without a finalizer");
                assert!(matches!(children.lease, Lease::Mine { .. }), "a Job without the Lease");
                let frozen = order.frozen.iter().all(|name| children.frozen.iter().any(|map| map.name == *name));
                assert!(frozen, "a Job without its source");
                assert!(!children.jobs.iter().any(Job::is_active), "two Jobs at once");
                let origin = Origin {
                    task: Some(order.task),
                    generation: resource.generation,
                    source_hash: order.source_hash.as_str().to_owned(),
                    attempt: order.attempt,
                    uncounted: order.uncounted,
                    retry_token: order.retry_token.clone(),
                    created_at: self.now,
                };
                let uid = format!("uid of {}", order.name);
                // As the actor does at once.
                if let Some(run) = resource.status.run.as_mut().filter(|run| run.name == order.name) {
                    run.job_uid = Some(uid.clone());
                }
                children.jobs.push(Job {
                    name: order.name.clone(),
                    uid,
                    origin: Some(origin),
                    database: Some(resource.spec.database.clone()),
                    image: RunnerImage { asked: image.clone(), given: image.clone() },
                    deleting: false,
                    state: JobState::Waiting { reason: None },
                });
            }
            Effect::DeleteJob { name, uid } => {
                for job in children.jobs.iter_mut().filter(|job| job.name == *name && job.uid == *uid) {
                    job.deleting = true;
                }
                children.jobs.retain(|job| !job.deleting || job.is_active());
            }
            Effect::DeleteFrozen { name, .. } => children.frozen.retain(|map| map.name != *name),
        }
    }

    /// The state of the current Job.
    pub fn job(mut self, state: JobState) -> Self {
        let job = self.observed.children.jobs.iter_mut().find(|job| job.is_active()).expect("an active Job");
        job.state = state;
        self
    }

    /// What the run's runner would say at its end.
    pub fn summary(&self, outcome: Outcome, version: &str) -> String {
        self.summary_with(outcome, version, &[])
    }

    /// The same of a run that has warned.
    pub fn summary_with(&self, outcome: Outcome, version: &str, warnings: &[&str]) -> String {
        let run = self.observed.children.jobs.iter().find(|job| job.is_active()).expect("an active Job").name.clone();
        let summary = Summary {
            run,
            plan_hash: Some("0f".into()),
            outcome,
            ledger_read: true,
            current_version: Some(version.into()),
            target_version: Some("002".into()),
            pending: Pending::default(),
            history: Vec::new(),
            warnings: warnings.iter().map(|&text| text.to_owned()).collect(),
            rollback: false,
        };
        serde_json::to_string(&summary).unwrap()
    }

    pub fn ends_well(self) -> Self {
        self.ends_as(JobEnd::Complete, 0)
    }

    /// The runner says that it succeeded, and ends with a code; the Job ends, or not.
    pub fn ends_as(self, job: JobEnd, code: i32) -> Self {
        let message = self.summary(Outcome::Succeeded { applied: 2, ahead: Vec::new() }, "002");
        self.ends_saying(job, code, &message)
    }

    /// The runner's last words, its exit code and what happens to the Job.
    pub fn ends_saying(self, job: JobEnd, code: i32, message: &str) -> Self {
        let how = format!("{}, exit code {code}", if code == 0 { "Completed" } else { "Error" });
        let runner = RunnerEnd::Exited { code, message: Some(message.to_owned()), how };
        self.job(JobState::Ended(Ended { job, runner, disruption: None }))
    }

    pub fn ends(self, class: ErrorClass, reason: Reason) -> Self {
        let place = Place {
            version: "002".into(),
            file: "002_b.sql".into(),
            line: Some(3),
            column: Some(7),
            statement: Some(2),
            excerpt: None,
        };
        let failure = Failure::new(reason, "syntax error at or near \"tabel\"").class(class).code("42601").at(place);
        self.ends_failing(failure)
    }

    pub fn ends_failing(self, failure: Failure) -> Self {
        let message = self.summary(Outcome::Failed { applied: 1, failure }, "001");
        self.ends_saying(JobEnd::Failed { reason: Some("BackoffLimitExceeded".into()) }, 1, &message)
    }

    pub fn ends_unexplained(self, failure: &str) -> Self {
        self.ends_without(failure, RunnerEnd::Unknown)
    }

    /// The Job fails for a reason, and this is known of its runner.
    pub fn ends_without(self, failure: &str, runner: RunnerEnd) -> Self {
        let job = JobEnd::Failed { reason: Some(failure.into()) };
        self.job(JobState::Ended(Ended { job, runner, disruption: None }))
    }

    /// The run ends as it has, and its pod or its Job says that the cluster took the pod away.
    pub fn disrupted(mut self) -> Self {
        for job in &mut self.observed.children.jobs {
            if let JobState::Ended(ended) = &mut job.state {
                ended.disruption = Some("EvictionByEvictionAPI: Eviction API: evicting".into());
            }
        }
        self
    }

    pub fn status(&self) -> &SchemaMigrationStatus {
        &self.observed.resource.status
    }

    /// The True conditions and Ready's reason, such as `Reconciling Starting`.
    pub fn standing(&self) -> String {
        let conditions = &self.status().conditions;
        let held: Vec<&str> = conditions.iter().filter(|c| c.status == "True").map(|c| c.type_.as_str()).collect();
        let reason = conditions.first().map_or("", |c| c.reason.as_str());
        format!("{} {reason}", held.join("+"))
    }

    /// The last pass's writes by name, the status among them, and when it looks again.
    pub fn writes(&self, before: &Observed) -> Vec<String> {
        let decision = self.last.as_ref().expect("a pass");
        let status = (decision.status != before.resource.status).then(|| "Status".to_owned());
        let effects = decision.effects.iter().map(|effect| {
            let text = format!("{effect:?}");
            text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        });
        status.into_iter().chain(effects).collect()
    }

    pub fn notices(&self) -> Vec<&str> {
        self.last.as_ref().expect("a pass").notices.iter().map(|notice| notice.kind.reason()).collect()
    }
}
