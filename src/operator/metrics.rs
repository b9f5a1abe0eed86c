//! Figures for Prometheus. Counts only; resources are counted again at each scrape.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::conditions::Owned;
use super::decision::NoticeKind;
use super::index::Index;
use super::queue::Key;
use super::status;

/// Upper bounds of run times in seconds: from a verification to a migration of hours.
const RUN_SECONDS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 7200.0, 14400.0];
/// Upper bounds of the time one pass takes, in seconds.
const PASS_SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// All figures.
pub struct Metrics {
    registry: Registry,
    runs: Family<ResultLabel, Counter>,
    failures: Family<ReasonLabel, Counter>,
    migrations: Counter,
    run_time: Histogram,
    passes: Histogram,
    pass_errors: Counter,
    resources: Arc<Mutex<Counted>>,
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("schemaward");
        let runs = Family::default();
        registry.register("runs", "Runs that have ended", runs.clone());
        let failures = Family::default();
        registry.register("run_failures", "Runs that have failed, by reason", failures.clone());
        let migrations = Counter::default();
        registry.register("migrations_applied", "Migrations applied", migrations.clone());
        let run_time = Histogram::new(RUN_SECONDS);
        registry.register_with_unit(
            "run_duration",
            "From a run's start to its recorded end",
            Unit::Seconds,
            run_time.clone(),
        );
        let passes = Histogram::new(PASS_SECONDS);
        registry.register_with_unit("reconcile_duration", "One pass over one resource", Unit::Seconds, passes.clone());
        let pass_errors = Counter::default();
        registry.register("reconcile_errors", "Passes that failed and are repeated", pass_errors.clone());
        let resources = Arc::new(Mutex::new(Counted::default()));
        registry.register_collector(Box::new(Resources(Arc::clone(&resources))));
        Self { registry, runs, failures, migrations, run_time, passes, pass_errors, resources }
    }

    /// Counts resources by what the watches report.
    pub fn count_in(&self, index: Arc<Mutex<Index>>) {
        self.counted().index = Some(index);
    }

    /// Notes whether a resource can be read.
    pub fn note_malformed(&self, key: &Key, malformed: bool) {
        if malformed {
            self.counted().malformed.insert(key.clone());
        } else {
            self.counted().malformed.remove(key);
        }
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what a notice reports.
    pub fn notice(&self, kind: &NoticeKind) {
        let (result, applied, took) = match kind {
            NoticeKind::Succeeded { applied, took } => ("succeeded", *applied, took),
            NoticeKind::Failed { why, applied, took } => {
                self.failures.get_or_create(&ReasonLabel { reason: why.as_str() }).inc();
                ("failed", *applied, took)
            }
            NoticeKind::Started
            | NoticeKind::Retrying
            | NoticeKind::Stalled { .. }
            | NoticeKind::Stopping
            | NoticeKind::Waiting
            | NoticeKind::WaitingForDatabase
            | NoticeKind::Warned
            | NoticeKind::SourceNotFound
            | NoticeKind::Refused => return,
        };
        self.runs.get_or_create(&ResultLabel { result: result.to_owned() }).inc();
        // The number is a namespace's word, and this figure is the cluster's.
        self.migrations.inc_by(u64::try_from(applied.clamp(0, status::FILES_LIMIT)).unwrap_or(0));
        self.run_time.observe(took.as_secs_f64());
    }

    /// Counts a pass.
    pub fn pass(&self, took: Duration, failed: bool) {
        self.passes.observe(took.as_secs_f64());
        if failed {
            self.pass_errors.inc();
        }
    }

    /// In the `OpenMetrics` text format.
    ///
    /// # Errors
    ///
    /// Where the text cannot be written, which no figure can cause.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut buffer = String::new();
        text::encode(&mut buffer, &self.registry)?;
        Ok(buffer)
    }
}

/// What resources are counted by.
#[derive(Default)]
struct Counted {
    /// Set when the watches start.
    index: Option<Arc<Mutex<Index>>>,
    malformed: HashSet<Key>,
}

/// Counts resources by condition, from what the watches have reported.
struct Resources(Arc<Mutex<Counted>>);

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resources")
    }
}

impl Collector for Resources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let census = counted.index.as_ref().map(|index| index.lock().unwrap_or_else(PoisonError::into_inner).census());
        let counts = census.unwrap_or_default().conditions;
        let malformed = i64::try_from(counted.malformed.len()).unwrap_or(i64::MAX);
        let gauge = ConstGauge::new(0_i64);
        let mut family = encoder.encode_descriptor(
            "resources",
            "SchemaMigrations with this condition True; malformed ones cannot be read at all",
            None,
            prometheus_client::encoding::EncodeMetric::metric_type(&gauge),
        )?;
        let rows = Owned::ALL.map(Owned::as_str).into_iter().zip(counts).chain([("malformed", malformed)]);
        for (kind, count) in rows {
            let label = [("condition", kind)];
            ConstGauge::new(count).encode(family.encode_family(&label)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Metrics;
    use crate::operator::decision::NoticeKind;
    use crate::operator::why::Why;

    #[test]
    fn no_single_run_adds_more_migrations_than_a_source_can_hold() {
        let metrics = Metrics::new();
        for applied in [i64::MAX, -1, i64::MIN] {
            metrics.notice(&NoticeKind::Succeeded { applied, took: Duration::ZERO });
        }
        let text = metrics.text().unwrap();
        assert!(text.lines().any(|line| line == "schemaward_migrations_applied_total 5000"), "{text}");
    }

    #[test]
    fn runs_and_migrations_are_counted() {
        let metrics = Metrics::new();
        metrics.notice(&NoticeKind::Succeeded { applied: 12, took: Duration::from_secs(3) });
        let failed = NoticeKind::Failed { why: Why::StatementFailed, applied: 1, took: Duration::from_secs(1) };
        metrics.notice(&failed);
        metrics.notice(&NoticeKind::Started);
        let text = metrics.text().unwrap();
        for line in [
            "schemaward_runs_total{result=\"succeeded\"} 1",
            "schemaward_run_failures_total{reason=\"StatementFailed\"} 1",
            "schemaward_migrations_applied_total 13",
            "schemaward_run_duration_seconds_count 2",
            "schemaward_resources{condition=\"Stalled\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
