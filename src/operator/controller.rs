//! The wiring: watches, passes, and what runs beside them. Decides nothing about migrations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _, Shared};
use futures::stream::{SelectAll, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Controller, controller, watcher};
use kube::{Api, Client, Config, ResourceExt as _};
use tracing::{Instrument as _, Span, field, info, warn};

use super::act::{self, ActError, Actor};
use super::decide::{self, decide};
use super::decision::Requeue;
use super::health::{self, Readiness};
use super::leader::Election;
use super::lease::{LeaseError, Leases};
use super::metrics::Metrics;
use super::observe::{self, ObserveError, Observer, Seen};
use super::refusal::Refusal;
use super::room::Rooms;
use super::{names, notify};
use crate::api::SchemaMigration;

/// How many resources are worked on at once.
const CONCURRENCY: u16 = 16;
/// The longest a pass may take: a call that never answers must not hold a resource for good.
const PASS_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest that telling of a failed pass may take.
const TELL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a resource at rest is looked at, should an event have been missed. A look writes nothing.
const RESYNC: Duration = Duration::from_mins(10);
/// The pause after a pass that another's write has overtaken.
const OVERTAKEN_PAUSE: Duration = Duration::from_millis(500);
/// The pause before a large source is read, while another is.
const ROOM_PAUSE: Duration = Duration::from_millis(700);
/// The longest pause after failed passes; the first is a second, and each doubles.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long to wait for the API server to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the operator is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The image that runs migrations.
    pub runner_image: String,
    /// The operator's own namespace, for the election of a leader.
    pub namespace: String,
    /// This replica's name.
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
    #[error("the cluster's client cannot be made: {0}")]
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

type Guarded = DeserializeGuard<SchemaMigration>;
type Stop = Shared<BoxFuture<'static, ()>>;

struct Context {
    client: Client,
    leases: Arc<Leases>,
    metrics: Arc<Metrics>,
    settings: Settings,
    rooms: Rooms,
    /// How many passes over a resource have failed in a row.
    failures: Mutex<HashMap<ObjectRef<Guarded>, u32>>,
}

/// Runs the operator until it is told to stop.
///
/// # Errors
///
/// [`OperatorError`]: it could not start, or must not go on.
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
        info!("told to stop; finishing what is under way");
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
        settings: settings.clone(),
        rooms: Rooms::default(),
        failures: Mutex::default(),
    });
    let namespaces: Vec<Option<&str>> = match settings.watch_namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().map(|name| Some(name.as_str())).collect(),
    };
    let controllers: Vec<Controller<Guarded>> =
        namespaces.iter().map(|namespace| controller(client, *namespace, stop.clone())).collect();
    let stores: Vec<Store<Guarded>> = controllers.iter().map(Controller::store).collect();
    let _ = metrics.stores.set(stores.clone());
    let in_step = async {
        for store in &stores {
            if store.wait_until_ready().await.is_err() {
                return;
            }
        }
        info!("the watches are in step");
        readiness.set(true);
    };
    let mut passes: SelectAll<_> = controllers
        .into_iter()
        .map(|controller| controller.run(reconcile, repeat, Arc::clone(&context)).boxed())
        .collect();
    let drain = async {
        while let Some(result) = passes.next().await {
            log_watch_error(result);
        }
    };
    tokio::join!(in_step, drain);
    Ok(())
}

/// Errors of passes are logged where they arise; this leaves those of the watches themselves.
fn log_watch_error(result: Result<(ObjectRef<Guarded>, Action), controller::Error<PassError, watcher::Error>>) {
    if let Err(controller::Error::QueueError(error)) = result {
        warn!(%error, "a watch was interrupted and is taken up again");
    }
}

fn controller(client: &Client, namespace: Option<&str>, stop: Stop) -> Controller<Guarded> {
    let resources: Api<Guarded> = api(client, namespace);
    // Metadata alone: a change of status or content changes the resourceVersion, and a pass reads the rest.
    let jobs: Api<PartialObjectMeta<Job>> = api(client, namespace);
    let config_maps: Api<PartialObjectMeta<ConfigMap>> = api(client, namespace);
    let ours = watcher::Config::default().labels(names::MIGRATION_LABEL);
    let theirs = watcher::Config::default().labels(&format!("!{}", names::MIGRATION_LABEL));
    let controller = Controller::new(resources, watcher::Config::default());
    let store = controller.store();
    controller
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .owns(jobs, ours)
        .watches(config_maps, theirs, move |map| users_of(&store, &map))
        .graceful_shutdown_on(stop)
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// The resources whose source names a ConfigMap.
fn users_of(store: &Store<Guarded>, map: &PartialObjectMeta<ConfigMap>) -> Vec<ObjectRef<Guarded>> {
    let (namespace, name) = (map.namespace(), map.name_any());
    let names_it = |object: &SchemaMigration| {
        let references = object.spec.source.config_maps.iter().flatten();
        object.namespace() == namespace && references.into_iter().any(|reference| reference.name == name)
    };
    let users = store.state_filter(|object| object.0.as_ref().is_ok_and(names_it));
    users.iter().map(|object| ObjectRef::from_obj(object.as_ref())).collect()
}

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, PassError> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let span = tracing::info_span!("pass", resource = %format!("{namespace}/{name}"), run = field::Empty);
    let pass = async {
        if let Err(error) = &object.0 {
            warn!(%error, "this SchemaMigration cannot be read and is left alone; correct it to have it worked on");
            return Ok(Action::await_change());
        }
        let begun = Instant::now();
        let pass = tokio::time::timeout(PASS_TIMEOUT, pass(&context, &namespace, &name));
        let result = pass.await.unwrap_or(Err(PassError::TimedOut));
        let overtaken = matches!(&result, Err(error) if is_overtaken(error));
        context.metrics.pass(begun.elapsed(), result.is_err() && !overtaken);
        match &result {
            Ok(_) => context.forget(&object),
            Err(error) if overtaken => tracing::debug!(%error, "looking again"),
            Err(error) => {
                warn!(%error, "this pass failed and is repeated");
                let failures = context.count_failure(&object);
                Box::pin(tell_refusal(&context, &namespace, &name, &error.refusal(), failures)).await;
            }
        }
        result
    };
    pass.instrument(span).await
}

async fn pass(context: &Context, namespace: &str, name: &str) -> Result<Action, PassError> {
    let now = Timestamp::now();
    let observer = Observer { client: &context.client, leases: &context.leases, rooms: &context.rooms };
    let Some(seen) = observer.observe(namespace, name, now).await? else { return Ok(Action::await_change()) };
    let decision = decide(&seen.observed, now);
    if let Some(run) = &decision.status.run {
        Span::current().record("run", run.name.as_str());
    }
    carry_out(context, &seen, &decision).await?;
    Ok(match decision.requeue {
        Requeue::OnChange => Action::requeue(RESYNC),
        Requeue::After(pause) => Action::requeue(pause.min(RESYNC)),
    })
}

async fn carry_out(context: &Context, seen: &Seen, decision: &super::decision::Decision) -> Result<(), PassError> {
    let mut actor = Actor::new(&context.client, &context.leases, &context.settings.runner_image, seen);
    actor.write_status(&decision.status).await?;
    for notice in &decision.notices {
        context.metrics.notice(&notice.kind);
        notify::tell(&context.client, &seen.observed.resource, notice, &context.settings.identity).await;
    }
    Box::pin(actor.carry_out(decision)).await?;
    Ok(())
}

/// Tells of a pass that failed, where it is not the first time. What cannot be told is in the log.
async fn tell_refusal(context: &Context, namespace: &str, name: &str, refusal: &Refusal, failures: u32) {
    let told = async {
        let api: Api<SchemaMigration> = Api::namespaced(context.client.clone(), namespace);
        let object = api.get_opt(name).await.ok().flatten()?;
        let resource = observe::plain(&object);
        let told = decide::refused(&resource, refusal, failures, Timestamp::now());
        if let Some(status) = &told.status
            && let Err(error) = act::replace_status(&api, &object, status).await
        {
            tracing::debug!(%error, "the status could not be made to tell the refusal");
        }
        if let Some(notice) = &told.notice {
            context.metrics.notice(&notice.kind);
            notify::tell(&context.client, &resource, notice, &context.settings.identity).await;
        }
        Some(())
    };
    if tokio::time::timeout(TELL_TIMEOUT, told).await.is_err() {
        warn!("the refusal could not be told within {TELL_TIMEOUT:?}");
    }
}

/// Whether a pass failed only because something was newer than what it had seen.
fn is_overtaken(error: &PassError) -> bool {
    matches!(error, PassError::Act(ActError::Outdated | ActError::Lease(LeaseError::Lost(_)))) || is_full(error)
}

fn is_full(error: &PassError) -> bool {
    matches!(error, PassError::Observe(ObserveError::Full(_)))
}

/// When a failed pass is repeated.
#[expect(clippy::needless_pass_by_value, reason = "the controller hands them over so")]
fn repeat(object: Arc<Guarded>, error: &PassError, context: Arc<Context>) -> Action {
    if is_overtaken(error) {
        return Action::requeue(if is_full(error) { ROOM_PAUSE } else { OVERTAKEN_PAUSE });
    }
    let count = context.failures(&object);
    let doublings = count.saturating_sub(1).min(10);
    Action::requeue(Duration::from_secs(1 << doublings).min(LONGEST_PAUSE))
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

impl Context {
    /// One failed pass more; how many that makes in a row.
    fn count_failure(&self, object: &Guarded) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(ObjectRef::from_obj(object)).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    fn failures(&self, object: &Guarded) -> u32 {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&ObjectRef::from_obj(object)).copied().unwrap_or(1)
    }

    fn forget(&self, object: &Guarded) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&ObjectRef::from_obj(object));
    }
}
