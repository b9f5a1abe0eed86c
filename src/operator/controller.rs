//! The wiring: watches, turns, and what runs beside them. Decides nothing about migrations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _, Shared};
use futures::stream::StreamExt as _;
use kube::{Client, Config};
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{info, warn};

use super::complaints::Complaints;
use super::desk::{Desk, Known};
use super::health::{self, Readiness};
use super::index::Index;
use super::leader::Election;
use super::lease::{DATABASE_LEASE_DURATION, LeaseError, Leases};
use super::metrics::Metrics;
use super::queue::Key;
use super::refusal::words;
use super::room::Rooms;
use super::turn::{self, Context, Heard, Notes, Turn};
use super::watches::{self, Signal};

/// How many resources are worked on at once.
const WORKERS: usize = 16;
/// How long after the turn of a resource that broke off it has another one.
const BROKEN_PAUSE: Duration = Duration::from_mins(1);
/// How long to wait for the API server to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the operator is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The image that runs migrations.
    pub runner_image: String,
    /// The operator's own namespace, for the election of a leader.
    pub namespace: String,
    pub identity: String,
    /// The namespaces to watch; all where empty.
    pub watch_namespaces: Vec<String>,
    /// Whether several replicas elect a leader.
    pub leader_election: bool,
    /// The port of `/healthz` and `/readyz`.
    pub health_port: u16,
    /// The port of `/metrics`.
    pub metrics_port: u16,
}

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No cluster is configured.
    #[error("no cluster is configured: {0}; run in a pod, or set KUBECONFIG")]
    Config(#[from] kube::config::InferConfigError),
    /// No client can be made.
    #[error("the cluster's client cannot be made: {}", words(.0))]
    Client(#[from] kube::Error),
    /// A port is taken, or a signal cannot be listened to.
    #[error("{what}: {source}")]
    Io {
        /// What was to be done.
        what: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Another may lead now.
    #[error("this replica leads no longer, and stops: {0}")]
    LeadershipLost(#[source] LeaseError),
}

type Stop = Shared<BoxFuture<'static, ()>>;

/// Runs the operator until it is asked to stop.
///
/// # Errors
///
/// [`OperatorError`]: it could not start, or must not continue.
pub async fn run(settings: Settings) -> Result<(), OperatorError> {
    let mut config = Config::infer().await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let client = Client::try_from(config.clone())?;
    let leases = Arc::new(Leases::new(&config)?);
    let metrics = Arc::new(Metrics::new());
    let readiness = Readiness::default();
    let stop = stop_signal()?;
    let serve = serve(&settings, &readiness, &metrics);
    let lead = async {
        if !settings.leader_election {
            return work(&client, &leases, &metrics, &readiness, &settings, stop.clone()).await;
        }
        let election = Election { leases: &leases, namespace: &settings.namespace, identity: &settings.identity };
        readiness.set(true);
        let mut record = tokio::select! {
            record = election.win() => record,
            () = stop.clone() => return Ok(()),
        };
        readiness.set(false);
        let work = work(&client, &leases, &metrics, &readiness, &settings, stop.clone());
        let ended = tokio::select! {
            ended = work => ended,
            error = election.hold(&mut record) => return Err(OperatorError::LeadershipLost(error)),
        };
        election.resign(&record).await;
        ended
    };
    tokio::select! {
        ended = lead => ended,
        ended = serve => ended,
    }
}

/// Resolves at SIGTERM or SIGINT.
fn stop_signal() -> Result<Stop, OperatorError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|source| OperatorError::Io { what: "listening to signals", source });
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping: finishing what is in progress");
    };
    Ok(stop.boxed().shared())
}

async fn serve(settings: &Settings, readiness: &Readiness, metrics: &Arc<Metrics>) -> Result<(), OperatorError> {
    let health = health::serve_health(settings.health_port, readiness.clone());
    let figures = health::serve_metrics(settings.metrics_port, Arc::clone(metrics));
    tokio::select! {
        ended = health => ended.map_err(|source| OperatorError::Io { what: "serving /healthz", source }),
        ended = figures => ended.map_err(|source| OperatorError::Io { what: "serving /metrics", source }),
    }
}

async fn work(
    client: &Client,
    leases: &Arc<Leases>,
    metrics: &Arc<Metrics>,
    readiness: &Readiness,
    settings: &Settings,
    stop: Stop,
) -> Result<(), OperatorError> {
    let context = Arc::new(Context {
        client: client.clone(),
        leases: Arc::clone(leases),
        metrics: Arc::clone(metrics),
        runner_image: settings.runner_image.clone(),
        identity: settings.identity.clone(),
        rooms: Rooms::default(),
        complaints: Complaints::default(),
    });
    let namespaces: Vec<Option<&str>> = match settings.watch_namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().map(|name| Some(name.as_str())).collect(),
    };
    let index = Arc::new(Mutex::new(Index::new(namespaces.len())));
    metrics.count_in(Arc::clone(&index));
    let mut office =
        Office { context, index, desk: Desk::new(WORKERS), at_work: JoinSet::new(), whose: HashMap::new() };
    let mut signals = watches::all(client, &namespaces);
    let mut in_step = false;
    loop {
        office.give_out();
        tokio::select! {
            signal = signals.next() => match signal {
                Some(signal) => office.hear(signal),
                None => break,
            },
            Some(ended) = office.at_work.join_next_with_id() => office.end(ended),
            () = due(office.desk.next_due()) => {}
            () = stop.clone() => break,
        }
        if !in_step && office.index().is_in_step() {
            in_step = true;
            info!("the watches are in step");
            readiness.set(true);
        }
    }
    while office.at_work.join_next().await.is_some() {}
    Ok(())
}

/// Resolves at a time; never if there is none.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// A turn, whether it began with a refusal, and the time until the next one.
type EndOfTurn = (Turn, bool, Option<Duration>);

/// Turns, and who is doing one.
struct Office {
    context: Arc<Context>,
    index: Arc<Mutex<Index>>,
    desk: Desk<Notes>,
    at_work: JoinSet<EndOfTurn>,
    /// Whose turn each task is, should it break off.
    whose: HashMap<Id, Key>,
}

impl Office {
    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&mut self, (group, news): Signal) {
        match news {
            Ok(news) => {
                let now = Instant::now();
                let calls = self.index().hear(group, news, now);
                for call in calls {
                    self.desk.hear(call, now);
                }
            }
            Err(error) => warn!(error = watches::words(&error), "a watch was interrupted and is taken up again"),
        }
    }

    /// Gives out the turns that are due, as far as there are workers.
    fn give_out(&mut self) {
        while let Some(mut turn) = self.desk.next(Instant::now()) {
            let (context, heard, key) = (Arc::clone(&self.context), self.heard(&turn), turn.key.clone());
            let was_refused = turn.known.refused;
            let task = self.at_work.spawn(async move {
                let pause = turn::take(&context, &mut turn, &heard).await;
                (turn, was_refused, pause)
            });
            self.whose.insert(task.id(), key);
        }
    }

    fn heard(&self, turn: &Turn) -> Heard {
        let index = self.index();
        let is_renewed = |(lease, _): &(Key, Instant)| index.is_renewed(lease, DATABASE_LEASE_DURATION, Instant::now());
        Heard { said: index.complaint(&turn.key), is_lease_renewed: turn.known.lease.as_ref().is_some_and(is_renewed) }
    }

    fn end(&mut self, ended: Result<(Id, EndOfTurn), JoinError>) {
        let now = Instant::now();
        match ended {
            Ok((task, (turn, was_refused, pause))) => {
                self.whose.remove(&task);
                self.desk.end(&turn.key, turn.known, was_refused, turn.begun, pause, now);
            }
            Err(error) => {
                warn!(%error, "a turn broke off");
                if let Some(key) = self.whose.remove(&error.id()) {
                    self.desk.end(&key, Known::default(), false, now, Some(BROKEN_PAUSE), now);
                }
            }
        }
    }
}
