//! Steps of an examination that are the same for every server: its name, its port, and how a step's end is noted.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connecting::CONNECT_TIMEOUT;
use crate::engine::examination::{CheckName, Outcome};

/// How long a second session may wait while the first one holds the server's process for it.
pub(crate) const POOLER_WAIT: Duration = Duration::from_secs(5);

/// What stopped an examination, or a step's good end.
pub(crate) type Step<T> = Result<T, Outcome>;

/// The steps from the host's name to a server that answers; with a socket there are none.
pub(crate) async fn reach(
    note: &mut impl FnMut(CheckName, Outcome),
    socket: Option<&Path>,
    (host, port): (&str, u16),
    offered_tls: impl AsyncFnOnce(TcpStream) -> Step<((), String)>,
) -> Option<()> {
    if let Some(socket) = socket {
        for name in [CheckName::Dns, CheckName::Tcp, CheckName::Tls] {
            note(name, skipped(&format!("the server is reached by the socket in {}", socket.display())));
        }
        return Some(());
    }
    let addresses = noted(note, CheckName::Dns, resolve(host, port).await)?;
    let stream = noted(note, CheckName::Tcp, connect(&addresses).await)?;
    noted(note, CheckName::Tls, offered_tls(stream).await)
}

/// From a host's name to its addresses.
async fn resolve(host: &str, port: u16) -> Step<(Vec<SocketAddr>, String)> {
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
async fn connect(addresses: &[SocketAddr]) -> Step<(TcpStream, String)> {
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
pub(crate) fn noted<T>(
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
pub(crate) fn settled(step: Step<String>) -> Outcome {
    step.map_or_else(|outcome| outcome, ok)
}

/// As a run needs it.
pub(crate) fn ok(detail: String) -> Outcome {
    Outcome::Ok { detail }
}

/// A run would fail.
pub(crate) fn not_ok(detail: &str, advice: &str) -> Outcome {
    Outcome::NotOk { detail: detail.to_owned(), advice: advice.to_owned() }
}

/// It is not known, or does not apply.
pub(crate) fn skipped(detail: &str) -> Outcome {
    Outcome::Skipped { detail: detail.to_owned() }
}

/// The step of the lock, from who holds it.
pub(crate) fn nobody_holds(holder: Option<&str>) -> Step<String> {
    match holder {
        None => Ok("it is free".to_owned()),
        Some(holder) => Err(not_ok(&format!("held by {holder}"), "wait for that run to end, or end its connection")),
    }
}
