//! What the cluster refused, in words for people: for the resource's readers, since a tenant cannot read the operator's
//! log, and for that log. Pure.

use std::error::Error;
use std::fmt::Write as _;

/// Something that a pass asked of the cluster in vain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What was asked for, such as `Job "shop-1"`.
    pub what: String,
    /// The API server's words.
    pub said: String,
    /// Who can help, and how.
    pub advice: &'static str,
}

impl Refusal {
    /// From an answer of the API server, or none of it.
    #[must_use]
    pub fn new(what: String, error: &kube::Error) -> Self {
        let said = words(error);
        let advice = advice(code(error), &said);
        Self { what, said, advice }
    }

    /// Without an answer of the API server.
    #[must_use]
    pub fn unanswered(what: String, said: String) -> Self {
        Self { what, said, advice: UNANSWERED }
    }
}

const UNANSWERED: &str = "see to the API server, or to what it depends on";

/// Whether the API server, or its store, found an object too large.
#[must_use]
pub fn is_too_large(error: &kube::Error) -> bool {
    code(error) == Some(413) || has_size(&words(error))
}

fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error { Some(status.code) } else { None }
}

/// What went wrong with a call, for people: of an answer its message alone (the client's own words are a debug dump of
/// the whole answer), and without an answer the causes, too, of which the client names only the first.
#[must_use]
pub fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) => format!("{} ({})", status.reason, status.code),
        kube::Error::Service(cause) => with_causes(cause.as_ref()),
        other => with_causes(other),
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            let _ = write!(words, ": {said}");
        }
        cause = error.source();
    }
    words
}

/// etcd says `request is too large`, the API server `Request entity too large` or `Too long: must have at most`.
fn has_size(said: &str) -> bool {
    said.contains("too large") || said.contains("Too long")
}

fn advice(code: Option<u16>, said: &str) -> &'static str {
    match code {
        _ if has_size(said) => {
            "make the resource or its source smaller: move inline files into ConfigMaps, or divide them"
        }
        _ if said.contains("webhook") => "ask whoever runs the webhook that it names to fix or remove it",
        Some(401) => "have the operator restarted: its token is not accepted",
        // RBAC's words name the user; a quota's and a policy's do not.
        Some(403) if said.contains("User \"") => {
            "have an administrator give the operator's ServiceAccount that right, which is in the chart's ClusterRole"
        }
        Some(404) => "see whether the namespace and the kind are still there",
        Some(400..=499) => "correct spec.job, the quota or the policy that the message names",
        _ => UNANSWERED,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::runtime::watcher;
    use rstest::rstest;

    use super::{Refusal, is_too_large, words};
    use crate::operator::act::ActError;
    use crate::operator::lease::LeaseError;
    use crate::operator::observe_error::reading;
    use crate::operator::watches;

    fn api(code: u16, message: &str) -> kube::Error {
        let status: Status = serde_json::from_value(
            serde_json::json!({"status": "Failure", "code": code, "message": message, "reason": "x"}),
        )
        .unwrap();
        kube::Error::Api(Box::new(status))
    }

    /// What is logged of a failed call.
    #[test]
    fn a_failed_call_is_reported_in_a_sentence_and_not_as_a_dump() {
        let quota = || api(403, "leases.coordination.k8s.io \"x\" is forbidden: exceeded quota: q");
        let said = "leases.coordination.k8s.io \"x\" is forbidden: exceeded quota: q";
        assert_eq!(words(&quota()), said);
        assert_eq!(words(&api(503, "")), "x (503)");
        let write = ActError::Write { what: "writing the status", source: Box::new(quota()) };
        assert_eq!(write.to_string(), format!("writing the status failed: {said}"));
        let lease = LeaseError::Call { name: "x".into(), source: Box::new(quota()) };
        assert_eq!(lease.to_string(), format!("the call for the Lease x failed: {said}"));
        let read = reading("Jobs")(quota().into());
        assert_eq!(read.to_string(), format!("reading Jobs failed: {said}"));
        let watch = watcher::Error::WatchStartFailed(quota());
        assert_eq!(watches::words(&watch), format!("the watch could not be started: {said}"));
    }

    #[test]
    fn a_call_without_an_answer_is_reported_with_its_cause() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let failed = kube::Error::Service(Box::new(Unreachable(refused)));
        assert_eq!(words(&failed), "client error (Connect): connection refused");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Unreachable(#[source] std::io::Error);

    #[rstest]
    #[case(
        403,
        "leases.coordination.k8s.io \"x\" is forbidden: exceeded quota: q, requested: count/leases=1",
        "quota or the policy"
    )]
    #[case(422, "ValidatingAdmissionPolicy 'no' with binding 'no' denied request: no Leases", "quota or the policy")]
    #[case(
        500,
        "Internal error occurred: failed calling webhook \"w.x.y\": service \"gone\" not found",
        "the webhook that it names"
    )]
    #[case(
        403,
        "leases \"x\" is forbidden: User \"system:serviceaccount:s:s\" cannot create resource",
        "ServiceAccount that right"
    )]
    #[case(500, "etcdserver: request is too large", "make the resource or its source smaller")]
    #[case(413, "Request entity too large: limit is 3145728", "make the resource or its source smaller")]
    #[case(503, "the server is currently unable to handle the request", "see to the API server")]
    fn advice_fits_what_the_api_server_says(#[case] code: u16, #[case] said: &str, #[case] advice: &str) {
        let refusal = Refusal::new("Lease \"x\"".into(), &api(code, said));
        assert_eq!(refusal.said, said);
        assert!(refusal.advice.contains(advice), "{}", refusal.advice);
        assert_eq!(is_too_large(&api(code, said)), said.contains("too large"));
    }
}
