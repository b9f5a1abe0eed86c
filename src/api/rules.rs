//! The CRD's validation rules: CEL expressions that the API server evaluates, each with a message for
//! people. Texts only; nothing here evaluates anything.
//!
//! Source: Kubernetes, "Validation rules" (`x-kubernetes-validations`). The API server refuses a rule
//! whose cost it cannot bound, so every text, list and map that a rule reads has a largest size.

use serde_json::{Value, json};

/// Rules in the form of `x-kubernetes-validations`: an expression and the message for whoever breaks it. The API server
/// puts the field's path in front of the message.
pub(super) fn rules(rules: &[(&str, &str)]) -> Value {
    rules.iter().map(|(rule, message)| json!({"rule": rule, "message": message})).collect()
}

/// A name of a Kubernetes object. Source: RFC 1123, as "Object Names and IDs" of Kubernetes narrows it.
pub(super) fn object_name() -> Value {
    rules(&[(
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        "give the name of an object: lower-case letters, digits, '-' and '.', with a letter or a digit first and last",
    )])
}

/// A key of a Secret. Source: `IsConfigMapKey` of Kubernetes' apimachinery, which holds for Secrets too.
pub(super) fn secret_key() -> Value {
    rules(&[(
        "self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')",
        "give a key of the Secret: letters, digits, '-', '_' and '.' only",
    )])
}

/// A duration that [`super::Duration::parse`] reads. The digits are bounded so that CEL's own
/// `duration()`, which counts nanoseconds in 64 bits, reads it too.
pub(super) fn duration() -> Value {
    rules(&[(DURATION, "write a duration as numbers with h, m, s or ms, largest first, such as 5s or 1h30m")])
}

/// The format of a duration, as a rule of its own. Rules that compare durations include it, because the API server
/// evaluates all rules whether or not another has failed.
pub(super) const DURATION: &str =
    "self != '' && self.matches('^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$')";

/// How long a statement may wait for a table's lock.
pub(super) fn lock_timeout() -> Value {
    bounded_duration(
        "duration(self) > duration('0s')",
        "must be greater than 0: without a limit, one waiting ALTER TABLE blocks every query that comes after it",
        "duration(self) <= duration('24h')",
        "give 24h or less",
    )
}

/// How long a run may take.
pub(super) fn active_deadline() -> Value {
    bounded_duration(
        "duration(self) >= duration('1s')",
        "give 1s or more",
        "duration(self) <= duration('720h')",
        "give 720h or less",
    )
}

/// A pause between attempts.
pub(super) fn delay() -> Value {
    bounded_duration(
        "duration(self) > duration('0s')",
        "give more than 0, so that a failing database is not asked without a pause",
        "duration(self) <= duration('24h')",
        "give 24h or less",
    )
}

/// A duration between two bounds. A text that is not a duration only gets the message about the format.
fn bounded_duration(low: &str, low_message: &str, high: &str, high_message: &str) -> Value {
    let when_readable = |bound: &str| format!("!({DURATION}) || {bound}");
    let mut all = duration();
    if let Value::Array(all) = &mut all {
        all.push(json!({"rule": when_readable(low), "message": low_message}));
        all.push(json!({"rule": when_readable(high), "message": high_message}));
    }
    all
}

/// The pauses of a retry against each other.
pub(super) fn retry() -> Value {
    let readable = |field: &str| DURATION.replace("self", &format!("self.{field}"));
    let rule = format!(
        "!({}) || !({}) || duration(self.initialDelay) <= duration(self.maxDelay)",
        readable("initialDelay"),
        readable("maxDelay"),
    );
    rules(&[(&rule, "initialDelay is longer than maxDelay: give a shorter initialDelay or a longer maxDelay")])
}

/// How many retries.
pub(super) fn retry_limit() -> Value {
    rules(&[("self >= 0 && self <= 1000", "give 0 (a transient failure is final) to 1000")])
}

/// Where migrations come from.
pub(super) fn source() -> Value {
    rules(&[("has(self.configMaps) != has(self.inline)", "give exactly one of configMaps and inline")])
}

/// The list of `ConfigMaps`.
pub(super) fn config_maps() -> Value {
    rules(&[("self.size() > 0", "name at least one ConfigMap")])
}

/// Inline files, by name. The names become keys of a `ConfigMap`. Sizes are counted in characters: the API server refuses
/// rules that turn a text without a length into bytes, whose cost it cannot bound.
pub(super) fn inline_files() -> Value {
    rules(&[
        ("self.size() > 0", "give at least one file"),
        (
            "self.map(name, self[name].size()).sum() <= 524288",
            "the files have more than 512 KiB in all: put them into ConfigMaps and name those in configMaps",
        ),
        (
            "self.all(name, name.size() <= 253 && name.matches('^[-._a-zA-Z0-9]+$') && name != '.' && !name.startsWith('..'))",
            "a file name may hold letters, digits, '-', '_' and '.' only, and at most 253 of them, such as 001_create_customers.sql",
        ),
    ])
}

/// `latest` or a version; the bound is [`crate::migration::Version::MAX_CHARACTERS`].
pub(super) fn target_version() -> Value {
    rules(&[(
        "self == 'latest' || self.matches('^[0-9]+([.][0-9]+)*$')",
        "give latest, or a version in quotes, of 32 characters at most, such as \"007\" or \"4.99.1\"",
    )])
}

/// The ledger's schema: a name that needs no quotes and that the server does not keep for itself.
/// Source: PostgreSQL, "Identifiers and Key Words" and CREATE SCHEMA.
pub(super) fn history_schema() -> Value {
    rules(&[
        (
            "self.matches('^[a-z_][a-z0-9_]*$')",
            "give a schema's name: lower-case letters, digits and '_', not a digit first",
        ),
        (
            "!self.startsWith('pg_') && self != 'information_schema'",
            "names starting with pg_ and information_schema are reserved by PostgreSQL; choose another",
        ),
    ])
}

/// Labels and annotations of a Job: those the operator finds its own objects by are not to be given.
pub(super) fn job_metadata() -> Value {
    rules(&[
        (
            "self.all(key, !key.startsWith('schemaward.dev/') && key != 'app.kubernetes.io/managed-by')",
            "schemaward.dev/… and app.kubernetes.io/managed-by are set by Schemaward itself; give others",
        ),
        (
            "self.all(key, key.matches('^([-a-z0-9.]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
            "a key is a name of at most 63 letters, digits, '-', '_' and '.', with a domain and '/' before it where wanted, \
             such as example.com/team",
        ),
    ])
}

/// The schema of a label's value. Source: Kubernetes, "Labels and Selectors".
pub(super) fn label_value() -> Value {
    let form = rules(&[(
        "self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$')",
        "a label's value has at most 63 letters, digits, '-', '_' and '.', with a letter or a digit first and last",
    )]);
    json!({"type": "string", "maxLength": 63, "x-kubernetes-validations": form})
}
