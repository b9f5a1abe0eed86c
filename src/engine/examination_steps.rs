//! Steps of an examination that are the same for every server: its name, its port, and how a step's end is noted.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::examination::{CheckName, Outcome};

/// How long a connection may take to come about.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What stopped an examination, or a step's good end.
pub(super) type Step<T> = Result<T, Outcome>;

/// From a host's name to its addresses.
pub(super) async fn resolve(host: &str, port: u16) -> Step<(Vec<SocketAddr>, String)> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let looked_up = timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host, port))).await;
    let advice = "check the host in the URL; inside a cluster a Service is named NAME.NAMESPACE.svc";
    match looked_up {
        Err(_) => Err(not_ok(&format!("no answer for {host} within {} s", CONNECT_TIMEOUT.as_secs()), advice)),
        Ok(Err(error)) => Err(not_ok(&format!("{host} is not known: {error}"), advice)),
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            Ok((addresses, format!("{host} is {}", shown.join(", "))))
        }
    }
}

/// A connection to the first of the addresses that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Step<(TcpStream, String)> {
    let advice = "check host and port, that the server runs and listens there, and that no firewall or NetworkPolicy is \
                  in between";
    let mut refusals = Vec::new();
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, format!("{address} answers"))),
            Ok(Err(error)) => refusals.push(format!("{address}: {error}")),
            Err(_) => refusals.push(format!("{address}: no answer within {} s", CONNECT_TIMEOUT.as_secs())),
        }
    }
    Err(not_ok(&refusals.join("; "), advice))
}

/// Notes what came of a step, and hands on what the next ones need.
pub(super) fn noted<T>(
    note: &mut impl FnMut(CheckName, Outcome),
    name: CheckName,
    step: Step<(T, String)>,
) -> Option<T> {
    match step {
        Ok((value, detail)) => {
            note(name, ok(detail));
            Some(value)
        }
        Err(outcome) => {
            note(name, outcome);
            None
        }
    }
}

/// What a step has found.
pub(super) fn settled(step: Step<String>) -> Outcome {
    step.map_or_else(|outcome| outcome, ok)
}

/// As a run needs it.
pub(super) fn ok(detail: String) -> Outcome {
    Outcome::Ok { detail }
}

/// A run would fail.
pub(super) fn not_ok(detail: &str, advice: &str) -> Outcome {
    Outcome::NotOk { detail: detail.to_owned(), advice: advice.to_owned() }
}

/// It could not be told, or does not apply.
pub(super) fn skipped(detail: &str) -> Outcome {
    Outcome::Skipped { detail: detail.to_owned() }
}
