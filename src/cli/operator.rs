//! `schemaward operator`: the controller in the cluster.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::operator::{Settings, run};

/// Flags of `schemaward operator`.
#[derive(Args, Debug)]
pub(super) struct OperatorArguments {
    /// The image that runs migrations: this program's own.
    #[arg(long, value_name = "IMAGE", env = "RUNNER_IMAGE")]
    runner_image: String,
    /// The operator's own namespace, where its leader is elected.
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE", default_value = "default")]
    namespace: String,
    /// This replica's name; no two may share one.
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value = "schemaward")]
    identity: String,
    /// Namespaces to watch, separated by commas; all where none is given.
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// Elect a leader among several replicas; the others stand by.
    #[arg(long)]
    leader_election: bool,
    /// The form of the log.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// The port of /healthz and /readyz.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    health_port: u16,
    /// The port of /metrics.
    #[arg(long, value_name = "PORT", default_value_t = 9090)]
    metrics_port: u16,
}

/// The form of a log.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Runs the operator until it is asked to stop.
pub(super) fn main(arguments: OperatorArguments) -> ExitCode {
    start_log(arguments.log_format);
    let settings = Settings {
        runner_image: arguments.runner_image,
        namespace: arguments.namespace,
        identity: arguments.identity,
        watch_namespaces: arguments.watch_namespaces,
        leader_election: arguments.leader_election,
        health_port: arguments.health_port,
        metrics_port: arguments.metrics_port,
    };
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(settings)).map_err(|error| error.to_string()),
        Err(error) => Err(format!("the runtime cannot start: {error}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the operator stops");
            ExitCode::FAILURE
        }
    }
}

/// What is logged, `RUST_LOG` says; `info` where it is not set.
fn start_log(format: LogFormat) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    // The controller runtime repeats in a span of its own what each of our lines says already.
    let wanted = if wanted.contains("kube_runtime") { wanted } else { format!("{wanted},kube_runtime=warn") };
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(wanted)).with_target(false);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
}
